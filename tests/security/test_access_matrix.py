"""Who gets what: role x document x entry point. A route that the tables here do not name fails the test."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

import httpx
import pytest
import typer
from starlette.routing import Mount, Route, WebSocketRoute
from streamlit.runtime import Runtime
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from app.auth import SHUT
from app.cli import app as cli
from app.dictation import Dictation
from storage.evaluations import RunState
from storage.types import Citation, Given, MessageState, Readers, Record, Support, Verdict
from tests.conftest import Library
from tests.contracts.index_contract import IndexProcess
from tests.office import Office
from tests.shelf import Shelf, open_shelf
from tests.web import StreamlitWeb

# the roles: nobody, a one-time password, a suspended account, a member without and with the group, an admin
ROLES = ("anonymous", "otto", "sven", "max", "mia", "anna")
OUTSIDE = ("anonymous", "otto", "sven")
DOCUMENTS = ("everyone", "group", "deleting", "unknown")

# what a role gets of an entry point that names a document
READS = {
    "max": {"everyone": 200, "group": 404, "deleting": 404, "unknown": 404},
    "mia": {"everyone": 200, "group": 200, "deleting": 404, "unknown": 404},
    "anna": {"everyone": 200, "group": 200, "deleting": 404, "unknown": 404},
}
FORBIDDEN = dict.fromkeys(DOCUMENTS, 403)


def manages(status: int) -> dict[str, dict[str, int]]:
    """What only admins do, and what they get for a document that there is."""
    return {"max": FORBIDDEN, "mia": FORBIDDEN, "anna": {**READS["anna"], "everyone": status, "group": status}}


@dataclass(frozen=True)
class Entry:
    method: str
    path: str
    statuses: dict[str, dict[str, int]]
    body: dict[str, Any] | None = None


PER_DOCUMENT = [
    Entry("GET", "/api/documents/{document}", READS),
    Entry("GET", "/api/versions/{version}/pages/{page}", READS),
    Entry("GET", "/api/versions/{version}/pages/{page}.jpg", READS),
    Entry("GET", "/api/versions/{version}/original", READS),
    Entry("PUT", "/api/documents/{document}/readers", manages(200), {"everyone": True, "groups": []}),
    Entry("POST", "/api/documents/{document}/retry", manages(409)),
    Entry("POST", "/api/documents/{document}/read-again", manages(202)),
    Entry("DELETE", "/api/documents/{document}", manages(202)),
    Entry("GET", "/api/documents/{document}/report", READS),
    Entry("GET", "/api/versions/{version}/passages", READS),
    Entry("POST", "/api/jobs/{version}/pause", manages(409)),
    Entry("POST", "/api/jobs/{version}/resume", manages(409)),
    Entry("POST", "/api/jobs/{version}/cancel", manages(409)),
    Entry("POST", "/api/jobs/{version}/retry", manages(409)),
]
# every other route: the status for max, mia and anna; None: tested on its own below
OTHERS: dict[str, tuple[int, int, int] | None] = {
    "GET /api/me": (200, 200, 200),
    "GET /api/instructions": (403, 403, 200),
    "PUT /api/instructions": (400, 400, 400),
    "GET /api/preferences": (200, 200, 200),
    "PUT /api/preferences": (400, 400, 400),
    "DELETE /api/preferences": (204, 204, 204),
    "GET /api/health": (200, 200, 200),
    "GET /api/documents": None,
    "PUT /api/upload": None,
    "GET /api/search": None,
    "POST /api/ask": None,
    "GET /api/messages/{message}/table.{form}": None,
    "GET /api/conversations": None,
    "GET /api/conversations/{conversation}": None,
    "DELETE /api/conversations/{conversation}": None,
    "GET /api/records": (403, 403, 200),
    "GET /api/records/{message}": (403, 403, 404),
    "POST /api/messages/{message}/question": (400, 400, 400),
    "DELETE /api/messages/{message}/question": (404, 404, 404),
    "GET /api/questions": (403, 403, 200),
    "GET /api/questions/{question}": (403, 403, 404),
    "POST /api/questions/{question}/take": (403, 403, 404),
    "POST /api/questions/{question}/answer": (400, 400, 400),
    "POST /api/questions/{question}/close": (403, 403, 404),
    "GET /api/generations": (403, 403, 200),
    "POST /api/generations": (400, 400, 400),
    "POST /api/generations/switch": (400, 400, 400),
    "POST /api/generations/rollback": (403, 403, 409),
    "POST /api/generations/cancel": (403, 403, 409),
    "POST /api/generations/retry": (403, 403, 409),
    "POST /api/generations/clean": (403, 403, 202),
    "GET /api/models": (403, 403, 400),
    "POST /api/models/switch": (400, 400, 400),
    "POST /api/models/verify": (400, 400, 400),
    "GET /api/adapters": (403, 403, 400),
    "PUT /api/adapters": (400, 400, 400),
    "GET /api/question-sets/{set}/questions": (403, 403, 404),
    "PUT /api/question-sets/{set}/questions": (403, 403, 403),
    "GET /api/runs/{run}/report": (403, 403, 404),
    "GET /api/jobs": (403, 403, 200),
    "POST /api/jobs/pause": (403, 403, 204),
    "POST /api/jobs/resume": (403, 403, 204),
    "POST /api/jobs/retry": (403, 403, 202),
    "GET /api/sources": (403, 403, 200),
    "POST /api/sources": (403, 403, 400),
    "GET /api/sources/{source}": (403, 403, 404),
    "DELETE /api/sources/{source}": (403, 403, 404),
    "PUT /api/sources/{source}/readers": (403, 403, 400),
    "POST /api/sources/{source}/sync": (403, 403, 404),
    "GET /login": None,
    "POST /login": None,
    "GET /healthz": None,
    "POST /logout": None,
    "GET /password": None,
    "POST /password": None,
    "ANY /_stcore/agent/interact": (404, 404, 404),
    "ANY /_stcore/agent/openapi.json": (404, 404, 404),
    "ANY /_stcore/agent/mcp": (404, 404, 404),
    "ANY /_stcore/upload_file/{session_id}/{file_id}": (404, 404, 404),
    "GET /_stcore/health": (200, 200, 200),
    "GET /_stcore/metrics": (403, 403, 200),
    "GET /_stcore/host-config": (200, 200, 200),
    "GET /media/{file_id:path}": None,
    "GET /component/{path:path}": (404, 404, 404),
    "GET /_stcore/bidi-components/{path:path}": (404, 404, 404),
    "WS /_stcore/stream": None,
    "GET /auth/login": (302, 302, 302),
    "GET /auth/logout": (302, 302, 302),
    "GET /oauth2callback": (302, 302, 302),
    "GET /app/static/{path:path}": (404, 404, 404),
    "MOUNT ": None,
}
# commands: what they show with the rights of an account is tested beside them; the others are for who runs the machine
ASKING = {"ask", "search", "eval"}
OPERATING = {
    "serve",
    "web",
    "worker",
    "index",
    "ingest",
    "doctor",
    "models",
    "users",
    "groups",
    "jobs",
    "questions",
    "reindex",
    "sync",
}


class World:
    """The whole web process with a document of each kind."""

    def __init__(self, web: StreamlitWeb) -> None:
        self.web, self.office = web, web.office
        self.secret = f"salaries-{uuid4().hex[:6]}.pdf"
        self.documents = {
            "everyone": self.office.pdf("everyone.pdf", Readers(everyone=True)),
            "group": self.office.pdf(self.secret, Readers(groups=frozenset({self.office.people}))),
            "deleting": self.office.pdf("deleting.pdf", Readers(everyone=True)),
            "unknown": ("0" * 32, "0" * 32),
        }
        self.office.documents.begin_delete(self.documents["deleting"][0], self.office.principal("anna"))

    def client(self, role: str) -> httpx.Client:
        return self.web.client(None if role == "anonymous" else role)

    def ask(self, entry: Entry, role: str, kind: str) -> httpx.Response:
        document_id, version_id = self.documents[kind]
        path = entry.path.format(document=document_id, version=version_id, page=1)
        with self.client(role) as client:
            return client.request(entry.method, path, json=entry.body)


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory, unopened: StreamlitWeb) -> Iterator[Shelf]:
    """The office's documents that a real index holds."""
    office = unopened.office
    library = Library(office.documents, office.versions, office.files)
    with (
        IndexProcess(tmp_path_factory.mktemp("index")) as process,
        open_shelf(process, library, office.documents, office.versions) as shelf,
    ):
        yield shelf


@pytest.fixture(scope="module")
def unopened(tmp_path_factory: pytest.TempPathFactory) -> StreamlitWeb:
    return StreamlitWeb(tmp_path_factory.mktemp("web"))


@pytest.fixture(scope="module")
def web(unopened: StreamlitWeb, shelf: Shelf) -> Iterator[StreamlitWeb]:
    dictation = Dictation("http://127.0.0.1:9/v1")  # with a microphone: what that opens is in test_recordings.py
    unopened.services = replace(unopened.services, retriever=shelf.retriever, dictation=dictation)
    with unopened as web:
        yield web


@pytest.fixture(scope="module")
def shared(web: StreamlitWeb) -> World:
    return World(web)


@pytest.fixture
def world(web: StreamlitWeb) -> World:
    """With documents of its own, for entry points that change them."""
    return World(web)


def routes_of(app: Any, prefix: str = "") -> Iterator[str]:
    for route in app.routes:
        if isinstance(route, Route) and route.path.startswith(SHUT):
            yield f"ANY {route.path}"
        elif isinstance(route, Route):
            for method in sorted((route.methods or set()) - {"HEAD", "OPTIONS"}):
                yield f"{method} {prefix}{route.path}"
        elif isinstance(route, WebSocketRoute):
            yield f"WS {prefix}{route.path}"
        elif isinstance(route, Mount) and route.path == "/api":
            yield from routes_of(route.app, prefix + route.path)
        else:
            yield f"MOUNT {route.path}"


def test_every_route_is_in_the_tables(web: StreamlitWeb) -> None:
    known = {f"{entry.method} {entry.path}" for entry in PER_DOCUMENT} | set(OTHERS)
    found = set(routes_of(web.app._starlette_app))
    assert found - known == set()
    assert known - found == set()


def test_every_command_is_known_and_those_that_ask_take_the_rights_of_an_account() -> None:
    group = typer.main.get_group(cli)
    context = typer.Context(group)
    commands = {name: group.get_command(context, name) for name in group.list_commands(context)}
    as_account = {name for name, each in commands.items() if any("--as" in option.opts for option in each.params)}
    assert as_account == ASKING
    assert set(commands) - ASKING == OPERATING


@pytest.mark.parametrize("role", OUTSIDE)
def test_who_is_not_signed_in_gets_the_same_nothing_everywhere(shared: World, role: str) -> None:
    paths = [f"{entry.method} {entry.path}" for entry in PER_DOCUMENT] + list(OTHERS)
    paths += [
        "GET /",
        "GET /documents",
        "GET /jobs",
        "GET /index",
        "GET /models",
        "GET /search?q=leave",
        "GET /insights",
        "GET /static/js/index.js",
        "GET /favicon.png",
        "GET /manifest.json",
        "GET /api",
    ]
    bodies = set()
    open_to_all = {"/login", "/healthz", *(("/logout", "/password") if role == "otto" else ())}
    for known in paths:
        method, path = known.split(" ", 1)
        if path in open_to_all or method in {"WS", "MOUNT"}:
            continue
        path = re.sub(r"\{(\w+)[^}]*\}", lambda found: shared.documents["everyone"][found[1] == "version"], path)
        with shared.client(role) as client:
            answer = client.request(
                method.replace("ANY", "PATCH"), path, headers={"x-footnote-upload": "1", "x-footnote-role": "admin"}
            )
        assert answer.status_code == (403 if role == "otto" else 401), known
        bodies.add(answer.text)
    assert len(bodies) == 1


@pytest.mark.parametrize("role", ["max", "mia", "anna"])
@pytest.mark.parametrize("entry", PER_DOCUMENT, ids=lambda entry: f"{entry.method} {entry.path}")
def test_each_role_gets_each_document_or_does_not(world: World, entry: Entry, role: str) -> None:
    answers = {kind: world.ask(entry, role, kind) for kind in DOCUMENTS}
    assert {kind: answer.status_code for kind, answer in answers.items()} == entry.statuses[role]
    hidden = [kind for kind in DOCUMENTS if entry.statuses[role][kind] in {403, 404}]
    assert len({answers[kind].text for kind in hidden}) == 1  # nobody can tell a foreign document from none
    assert len({json.dumps(sorted(answers[kind].headers.keys())) for kind in hidden}) == 1


@pytest.mark.parametrize("known", [known for known, statuses in OTHERS.items() if statuses])
def test_each_role_gets_each_other_route_or_does_not(shared: World, known: str) -> None:
    method, path = known.split(" ", 1)
    path = re.sub(r"\{[^}]*\}", "nothing", path)
    for verb in ("GET", "POST", "PUT", "PATCH", "DELETE") if method == "ANY" else (method,):
        found = []
        for role in ("max", "mia", "anna"):
            with shared.client(role) as client:
                found.append(client.request(verb, path).status_code)
        assert tuple(found) == OTHERS[known], verb


def test_lists_hold_only_what_one_may_read(shared: World) -> None:
    for role, expected in {"max": {"everyone"}, "mia": {"everyone", "group"}, "anna": {"everyone", "group"}}.items():
        with shared.client(role) as client:
            listed = client.get("/api/documents?limit=200").json()["documents"]
            ids = {document["id"] for document in listed}
            seen = {kind for kind, (document_id, _) in shared.documents.items() if document_id in ids}
            assert seen == expected, role
            searched = client.get(f"/api/documents?text={shared.secret}").json()["documents"]
            assert bool(searched) == ("group" in expected)


def test_jobs_and_reports_name_only_what_one_may_know(shared: World) -> None:
    deleted = shared.documents["deleting"]
    for role in ("max", "mia", "anna"):
        with shared.client(role) as client:
            listed = client.get("/api/jobs?status=done&limit=200")
            assert (shared.documents["group"][1] in listed.text) == (role == "anna")
            assert deleted[1] not in listed.text
            report = client.get(f"/api/documents/{shared.documents['everyone'][0]}/report").json()
            assert ("started_by" in report) == (role == "anna")
            seen = client.get(f"/api/versions/{shared.documents['group'][1]}/passages")
            assert (shared.secret in seen.text) == (role != "max")


def test_each_account_has_its_own_preferences(shared: World) -> None:
    for role in ("max", "mia", "anna"):
        with shared.client(role) as client:
            assert client.get("/api/preferences").json()["position"] == ""
            given = {"language": "de", "length": "short", "position": f"secret of {role}"}
            assert client.put("/api/preferences", json=given).json() == given
    for role in ("max", "mia", "anna"):
        with shared.client(role) as client:
            assert client.get("/api/preferences").json()["position"] == f"secret of {role}"
            assert client.delete("/api/preferences").status_code == 204


def test_only_admins_upload(shared: World) -> None:
    for role, status in {"max": 403, "mia": 403, "anna": 201}.items():
        with shared.client(role) as client:
            url = "/api/upload?name=a.txt&readers=everyone"
            answer = client.put(url, content=b"uploaded for the matrix", headers={"x-footnote-upload": "1"})
            assert answer.status_code == status


@pytest.mark.parametrize("role", ["max", "mia", "anna"])
def test_a_search_finds_only_what_one_may_read_whatever_its_filters(web: StreamlitWeb, shelf: Shelf, role: str) -> None:
    people = web.office.people
    kept = {
        "everyone": shelf.add(f"Open {role}", f"The plume of {role} is open.", format="pdf"),
        "group": shelf.add(f"Pay {role}", f"The plume of {role} is secret.", Readers(groups=frozenset({people}))),
        "deleting": shelf.add(f"Gone {role}", f"The plume of {role} is gone."),
    }
    web.office.documents.begin_delete(kept["deleting"].id, web.office.principal("anna"))
    expected = {kind for kind, status in READS[role].items() if status == 200}

    def found(filters: str) -> tuple[set[str], httpx.Response]:
        answer = client.get(f"/api/search?q=plume+of+{role}{filters}")
        ids = {document["document_id"] for document in answer.json()["documents"]}
        return {kind for kind, each in kept.items() if each.id in ids}, answer

    with web.client(role) as client:
        assert found("")[0] == expected
        assert found(f"&group={people}")[0] == expected - {"everyone"}
        for kind, each in kept.items():
            seen, answer = found(f"&document={each.id}")
            assert seen == expected & {kind}
            if kind not in expected:
                assert answer.text == found(f"&document={'0' * 32}")[1].text


@pytest.mark.parametrize("role", ["max", "mia", "anna"])
def test_answers_quote_only_what_one_may_read(shared: World, role: str) -> None:
    with shared.client(role) as client:
        answer = client.post("/api/ask", json={"question": f"{shared.secret}?"}).json()
    assert answer["answer"] == ("" if role == "max" else f"What {shared.secret} says. [1]")
    assert len(answer["citations"]) == (0 if role == "max" else 1)


@pytest.mark.parametrize("role", ["max", "mia", "anna"])
def test_only_admins_read_and_write_question_sets_and_reports(shared: World, role: str) -> None:
    kept, anna = shared.web.services.evaluations, shared.office.principal("anna")
    set_id = kept.create_set(f"Pay of {role}", anna).id
    kept.add(set_id, [{"question": "A secret question?", "doc": [shared.secret]}], anna)
    run = kept.begin(set_id, anna, answers=False, rights_of="anna", generation="", settings={})
    content = {"id": "r", "name": "A secret question", "started": "2026-03-03T09:12:00", "seconds": 1, "principal": "a"}
    kept.finish(run.id, RunState.DONE, content=json.dumps(content))
    line, upload = {"question": "Mine?", "doc": []}, {"x-footnote-upload": "1"}
    with shared.client(role) as client:
        answers = [
            client.get(f"/api/question-sets/{set_id}/questions"),
            client.get(f"/api/runs/{run.id}/report"),
            client.put(f"/api/question-sets/{set_id}/questions", content=json.dumps(line), headers=upload),
        ]
    allowed = role == "anna"
    assert [answer.status_code for answer in answers] == [200 if allowed else 403] * 3
    assert ["secret" in answer.text for answer in answers[:2]] == [allowed] * 2
    assert len(kept.questions(set_id, anna)) == (2 if allowed else 1)


def test_a_record_is_for_admins_who_may_read_all_that_was_given(world: World, office: Office) -> None:
    document_id, version_id = world.documents["group"]
    kept, mia = office.conversations, office.principal("mia")
    message = kept.ask(kept.create("Pay", mia).id, "What is paid at the top?", mia)
    kept.finish(
        message.id,
        "A secret sum.",
        MessageState.DONE,
        (),
        model="m",
        seconds=1,
        first_evidence=1,
        record=Record("1", ("What is paid at the top?",), 0.9, (Given(document_id, version_id, 1, 0, 5),)),
        verdicts=(Verdict(0, 13, Support.NONE, "The source says 7, not 9."),),
    )
    url = f"/api/records/{message.id}"
    for role, status in {"max": 403, "mia": 403, "anna": 200}.items():
        with world.client(role) as client:
            assert client.get(url).status_code == status
            assert ("paid at the top" in client.get("/api/records").text) == (role == "anna")
    world.office.documents.begin_delete(document_id, office.principal("anna"))
    with world.client("anna") as client:
        assert client.get(url).text == client.get(f"/api/records/{'0' * 32}").text
        assert "paid at the top" not in client.get("/api/records?support=all").text


@pytest.mark.parametrize("role", ["max", "mia", "anna"])
def test_only_admins_make_the_index_anew(shared: World, role: str) -> None:
    with shared.client(role) as client:
        start = client.post("/api/generations", json={"model": "another"})
        switch = client.post("/api/generations/switch", json={"force": True})
    assert {start.status_code, switch.status_code} == ({409} if role == "anna" else {403})


@pytest.mark.parametrize("role", ["max", "mia", "anna"])
def test_only_admins_change_and_check_language_models(shared: World, role: str) -> None:
    with shared.client(role) as client:
        answers = [client.post(f"/api/models/{what}", json={"file": "a.gguf"}) for what in ("switch", "verify")]
        answers.append(client.post("/api/models/switch", json={"file": None}))
    assert {answer.status_code for answer in answers} == ({400} if role == "anna" else {403})  # no models process here


@pytest.mark.parametrize("role", ["max", "mia", "anna"])
def test_only_admins_choose_what_adapters_are_used_for(shared: World, role: str) -> None:
    group = next(one.name for one in shared.office.users.groups() if one.id == shared.office.people)
    with shared.client(role) as client:
        home = {"of": "group", "name": group}
        chosen = client.put("/api/adapters", json={**home, "adapter": "a.gguf"})
        dropped = client.put("/api/adapters", json={**home, "adapter": None})
    # no models process here, so no adapter
    assert (chosen.status_code, dropped.status_code) == ((400, 200) if role == "anna" else (403, 403))


def test_a_conversation_belongs_to_its_owner_and_hides_what_was_withdrawn(world: World, office: Office) -> None:
    document_id, version_id = world.documents["group"]
    kept, mia = office.conversations, office.principal("mia")
    conversation = kept.create("Pay", mia)
    message = kept.ask(conversation.id, "What is paid?", mia)
    kept.record_sources(message.id, [document_id])
    cited = (Citation(1, document_id, version_id, 1, 0, 5),)
    kept.finish(message.id, "A secret sum. [1]", MessageState.DONE, cited, model="m", seconds=1, first_evidence=1)
    url = f"/api/conversations/{conversation.id}"
    for role in ("max", "anna"):
        with world.client(role) as client:
            assert client.get(url).text == client.get(f"/api/conversations/{'0' * 32}").text
            assert client.get(url).status_code == client.delete(url).status_code == 404
            asked = client.post("/api/ask", json={"question": "more?", "conversation_id": conversation.id})
            assert asked.status_code == 404
            assert client.get("/api/conversations?text=Pay").json() == {"conversations": []}
    with world.client("mia") as client:
        assert "A secret sum" in client.get(url).text
        office.documents.set_readers(document_id, Readers(), office.principal("anna"))
        shown = client.get(url)
        assert shown.json()["messages"][1]["state"] == "withdrawn"
        for trace in ("secret", world.secret, document_id, version_id):
            assert trace not in shown.text


def test_a_question_for_a_person_shows_only_what_both_may_read_and_only_to_those_who_answer(
    world: World, office: Office
) -> None:
    document_id, _ = world.documents["group"]
    kept, mia = office.conversations, office.principal("mia")
    message = kept.ask(kept.create("Pay", mia).id, "What is paid?", mia)
    kept.record_sources(message.id, [document_id])
    kept.finish(message.id, "A secret sum.", MessageState.DONE, (), model="m", seconds=1, first_evidence=1)
    sent = f"/api/messages/{message.id}/question"
    for role in ("max", "anna"):  # nobody sends somebody else's question
        with world.client(role) as client:
            assert client.post(sent, json={"note": "mine"}).status_code == client.delete(sent).status_code == 404
    with world.client("mia") as client:
        question = client.post(sent, json={"note": "please"}).json()["question"]["id"]
        assert client.get(f"/api/questions/{question}").status_code == 403
    url = f"/api/questions/{question}"
    with world.client("max") as client:
        for answer in (client.get(url), client.post(f"{url}/answer", json={"text": "x"}), client.post(f"{url}/close")):
            assert answer.status_code == 403
        office.users.create_group("Helpers")
        office.users.set_groups("max", ["Helpers"])
        seen = client.get(url)
        assert seen.json()["messages"][-1]["state"] == "withdrawn"
        assert "secret" not in seen.text
        assert document_id not in seen.text
        refused = client.post(f"{url}/answer", json={"text": "See", "documents": [document_id]})
        assert refused.status_code == 404
        assert refused.text == client.post(f"{url}/answer", json={"text": "See", "documents": ["0" * 32]}).text
        office.users.set_groups("max", [])
        assert client.get(url).status_code == 403
    with world.client("anna") as client:
        assert "A secret sum" in client.get(url).text
        office.users.set_groups("mia", [])  # the asker loses the right: nobody sees the answer here any more
        assert "secret" not in client.get(url).text
        denied = client.post(f"{url}/answer", json={"text": "See", "documents": [document_id]})
        assert denied.status_code == 400
        office.users.set_groups("mia", ["People"])
        replied = client.post(f"{url}/answer", json={"text": "Look here [1]", "documents": [document_id]})
        assert replied.json()["message"]["by"] == "anna"
    with world.client("mia") as client:
        chat = f"/api/conversations/{message.conversation_id}"
        assert client.get(chat).json()["messages"][-1]["text"] == "Look here [1]"
        office.users.set_groups("mia", [])
        assert "Look here" not in client.get(chat).text
        office.users.set_groups("mia", ["People"])


def test_the_table_of_an_answer_is_for_its_owner_while_its_sources_may_be_read(world: World, office: Office) -> None:
    document_id, version_id = world.documents["group"]
    kept, mia = office.conversations, office.principal("mia")
    message = kept.ask(kept.create("Pay", mia).id, "Extract pay from all contracts", mia)
    kept.record_sources(message.id, [document_id])
    cited = (Citation(1, document_id, version_id, 1, 0, 5),)
    text = "| Document | Pay |\n| --- | --- |\n| Bands | A secret sum [1] |\n"
    kept.finish(message.id, text, MessageState.DONE, cited, model="m", seconds=1, first_evidence=1)
    url, unknown = f"/api/messages/{message.id}/table", f"/api/messages/{'0' * 32}/table"
    for form in ("csv", "xlsx"):
        with world.client("anonymous") as client:
            assert client.get(f"{url}.{form}").status_code == 401
        for role in ("max", "anna"):
            with world.client(role) as client:
                answer = client.get(f"{url}.{form}")
                assert (answer.status_code, answer.text) == (404, client.get(f"{unknown}.{form}").text)
    with world.client("mia") as client:
        assert "A secret sum" in client.get(f"{url}.csv").text
        assert client.get(f"{url}.xlsx").content.startswith(b"PK")
        assert client.get(f"{url}.csv?n=2").status_code == client.get(f"{url}.pdf").status_code == 404
        office.documents.set_readers(document_id, Readers(), office.principal("anna"))
        for form in ("csv", "xlsx"):
            answer = client.get(f"{url}.{form}")
            assert answer.status_code == 404
            assert "secret" not in answer.text


@pytest.fixture
def office(web: StreamlitWeb) -> Office:
    return web.office


def test_media_need_a_sign_in(web: StreamlitWeb, shared: World) -> None:
    media = Runtime.instance().media_file_mgr._storage
    name = media.get_url(media.load_and_get_id(b"\x89PNG picture", "image/png", "media", "a.png"))
    for role in ROLES:
        with shared.client(role) as client:
            answer = client.get(name)
        assert (answer.status_code == 200) == (role not in OUTSIDE), role
        assert (b"picture" in answer.content) == (role not in OUTSIDE)
        assert answer.headers["cache-control"] == "no-store"


def test_the_websocket_needs_a_sign_in(web: StreamlitWeb) -> None:
    for role in ROLES:
        cookie = {} if role == "anonymous" else {"cookie": f"footnote={web.office.tokens[role]}"}
        url = f"ws://{web.address}/_stcore/stream"
        if role in OUTSIDE:
            with pytest.raises(InvalidStatus, match="403"):
                connect(url, additional_headers=cookie)
        else:
            with connect(url, additional_headers=cookie) as line:
                line.ping()


def test_pages_and_static_files_need_a_sign_in(shared: World) -> None:
    for path in (
        "/",
        "/documents",
        "/documents?document=1",
        "/jobs",
        "/search?q=leave",
        "/insights?view=runs",
        "/questions?question=1",
        "/conversation/1",
    ):
        for role in ROLES:
            with shared.client(role) as client:
                answer = client.get(path, headers={"accept": "text/html"})
            if role in OUTSIDE:
                assert answer.status_code == 303, (path, role)
                assert answer.headers["location"].startswith("/password" if role == "otto" else "/login")
            else:
                assert (answer.status_code, "<div id=" in answer.text) == (200, True)


def test_sign_in_pages_answer_everybody_and_password_only_its_owner(shared: World) -> None:
    for role in ROLES:
        with shared.client(role) as client:
            assert client.get("/healthz").json() == {"ok": True}
            login = client.get("/login", headers={"accept": "text/html"})
            assert login.status_code == (200 if role in {"anonymous", "sven"} else 303)
            assert client.get("/password").status_code == (401 if role in {"anonymous", "sven"} else 200)
            assert client.post("/login", data={"name": "mia"}).status_code == 400
            if role in {"anonymous", "sven"}:
                assert client.post("/password", data={}).status_code == 401
                assert client.post("/logout").status_code == 401
            else:
                assert client.post("/password", data={"old": "a", "new": "b", "again": "c"}).status_code == 400
