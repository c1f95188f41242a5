"""/api as a program sees it. Who may see what stands in tests/security/test_access_matrix.py."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from app.api.uploads import file_name
from storage.errors import Busy, Unavailable
from storage.types import Readers
from tests.office import Office
from tests.patience import until
from tests.web import Web

EVERYONE = Readers(everyone=True)


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    with Web(tmp_path_factory.mktemp("web")) as web:
        yield web


@pytest.fixture
def office(web: Web) -> Office:
    return web.office


@pytest.fixture
def anna(web: Web) -> Iterator[httpx.Client]:
    with web.client("anna") as client:
        yield client


@pytest.fixture
def mia(web: Web) -> Iterator[httpx.Client]:
    with web.client("mia") as client:
        yield client


UPLOAD = {"x-footnote-upload": "1"}


def put(client: httpx.Client, content: Any, name: str = "a.txt", readers: str = "everyone") -> httpx.Response:
    return client.put("/api/upload", params={"name": name, "readers": readers}, content=content, headers=UPLOAD)


def problem(answer: httpx.Response) -> tuple[int, str]:
    assert set(answer.json()) == {"error"}
    assert set(answer.json()["error"]) == {"code", "message"}
    return answer.status_code, answer.json()["error"]["code"]


def incoming(office: Office) -> list[Path]:
    return list(office.files.incoming.glob("*"))


# who and how


def test_me_tells_role_and_groups(mia: httpx.Client, office: Office) -> None:
    assert mia.get("/api/me").json() == {
        "name": "mia",
        "role": "member",
        "groups": [{"id": office.people, "name": "People"}],
    }


def test_health_names_what_does_not_answer(web: Web, mia: httpx.Client) -> None:
    assert mia.get("/api/health").json() == {"ok": True, "missing": []}
    web.missing.append("The index does not answer.")
    try:
        until(lambda: mia.get("/api/health").json() == {"ok": False, "missing": ["The index does not answer."]})
    finally:
        web.missing.clear()


def test_what_there_is_not_has_the_same_shape_as_every_error(anna: httpx.Client) -> None:
    assert problem(anna.get("/api/nowhere")) == (404, "not_found")
    assert problem(anna.get("/api/")) == (404, "not_found")
    assert problem(anna.patch("/api/me")) == (405, "method_not_allowed")


# uploads


def test_an_upload_is_kept_and_waits_for_the_worker(anna: httpx.Client, office: Office) -> None:
    content = b"How long is my leave?" * 80_000
    answer = put(anna, content, "Leave policy.txt", office.people)
    added = answer.json()
    assert (answer.status_code, added["known"]) == (201, False)
    assert office.files.original(added["version_id"]).read_bytes() == content
    info = office.documents.get(added["document_id"], office.principal("mia"))
    assert (info.state, info.name, info.readers) == (
        "waiting",
        "Leave policy.txt",
        Readers(groups=frozenset({office.people})),
    )
    assert office.versions.job(added["version_id"]).attempt == 1
    again = put(anna, content, "The same.txt", "everyone")
    assert (again.status_code, again.json()) == (200, {**added, "known": True})
    assert not incoming(office)


def test_an_upload_is_streamed_without_a_length(anna: httpx.Client, office: Office) -> None:
    pieces = [bytes([number]) * 70_000 for number in range(25)]
    added = put(anna, iter(pieces), "pieces.bin").json()
    assert office.files.original(added["version_id"]).read_bytes() == b"".join(pieces)


@pytest.mark.parametrize("how", ["length", "stream"])
def test_a_file_that_is_too_large_is_refused_and_not_kept(anna: httpx.Client, office: Office, how: str) -> None:
    content = b"x" * 2_000_001
    answer = put(anna, content if how == "length" else iter([content[:1_500_000], content[1_500_000:]]))
    assert problem(answer) == (413, "too_large")
    assert "UPLOAD_MAX_MB" in answer.text
    assert not incoming(office)


def test_a_body_that_is_cut_off_keeps_nothing(web: Web, office: Office) -> None:
    before = len(office.documents.find(office.principal("anna"), limit=200))
    line = web.raw(
        f"PUT /api/upload?name=cut.txt&readers=everyone HTTP/1.1\r\nhost: {web.address}\r\nx-footnote-upload: 1\r\n"
        f"cookie: footnote={office.tokens['anna']}\r\ncontent-length: 1000000\r\n\r\n".encode()
        + b"x" * 500_000
    )
    until(lambda: incoming(office))
    line.close()
    until(lambda: not incoming(office))
    assert len(office.documents.find(office.principal("anna"), limit=200)) == before


def test_an_upload_needs_its_header_a_name_and_readers(anna: httpx.Client, mia: httpx.Client) -> None:
    query = "/api/upload?name=a.txt&readers=everyone"
    assert problem(anna.put(query, content=b"x")) == (403, "forbidden")
    assert problem(mia.put(query, content=b"x", headers=UPLOAD)) == (403, "forbidden")
    for name, readers in [("", "everyone"), ("/", "everyone"), ("..", "everyone"), ("a.txt", ""), ("a.txt", "," * 3)]:
        assert problem(put(anna, b"x", name, readers)) == (400, "invalid")
    assert problem(put(anna, b"x", readers="no-such-group")) == (400, "invalid")


def test_an_upload_may_be_the_new_version_of_a_document(anna: httpx.Client, mia: httpx.Client, office: Office) -> None:
    document_id, old = office.add("rules.txt", Readers(everyone=True), b"the old rules")

    def put(client: httpx.Client, content: bytes, **query: str) -> httpx.Response:
        return client.put("/api/upload", params={"name": "rules.txt", **query}, content=content, headers=UPLOAD)

    assert put(mia, b"new rules", replace=document_id).status_code == 403
    assert put(anna, b"new rules", replace="0" * 32).status_code == 404
    by_id = put(anna, b"new rules", replace=document_id)
    assert by_id.status_code == 201
    assert by_id.json()["document_id"] == document_id
    assert by_id.json()["replaced"]
    by_name = put(anna, b"newer rules", replace="same-name")
    assert by_name.json()["document_id"] == document_id
    assert put(anna, b"newer rules", replace="same-name").json()["known"]
    assert put(anna, b"?", replace="same-name", name="unknown.txt").status_code == 400  # a new document needs readers
    shown = mia.get(f"/api/documents/{document_id}").json()
    assert (shown["version_id"], shown["answers"]) == (by_name.json()["version_id"], True)
    assert mia.get(f"/api/versions/{old}/pages/1").json()["live"]
    beside = put(anna, b"other rules", readers="everyone").json()
    assert beside["document_id"] != document_id
    ambiguous = put(anna, b"whose rules", readers="everyone", replace="same-name")
    assert (ambiguous.status_code, "2 documents" in ambiguous.text) == (400, True)


def test_readers_of_an_upload_may_be_admins_alone(anna: httpx.Client, mia: httpx.Client) -> None:
    added = put(anna, b"for admins", readers="admins").json()
    assert anna.get(f"/api/documents/{added['document_id']}").json()["readers"] == {"everyone": False, "groups": []}
    assert mia.get(f"/api/documents/{added['document_id']}").status_code == 404


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("handbook.pdf", "handbook.pdf"),
        ("C:\\Users\\anna\\handbook.pdf", "handbook.pdf"),
        ("../../etc/passwd", "passwd"),
        ("a\r\nb\x00c.txt", "abc.txt"),
        ("invoice\u202efdp.exe", "invoicefdp.exe"),
        ("U\u0308bersicht.md", "Übersicht.md"),
        ("a" * 300 + ".docx", "a" * 195 + ".docx"),
    ],
)
def test_file_names_lose_paths_and_what_can_not_be_seen(given: str, kept: str) -> None:
    assert file_name(given) == kept


# documents


def test_documents_are_listed_page_by_page_and_found_by_state_and_text(web: Web, office: Office) -> None:
    for number in range(3):
        office.add(f"list-{number}.txt", EVERYONE, f"list {number}".encode())
    with web.client("max") as max_:
        first = max_.get("/api/documents?text=LIST-&limit=2").json()
        rest = max_.get("/api/documents?text=list-&limit=2&offset=2").json()
        assert (len(first["documents"]), first["more"]) == (2, True)
        assert (len(rest["documents"]), rest["more"]) == (1, False)
        names = {document["name"] for document in first["documents"] + rest["documents"]}
        assert names == {"list-0.txt", "list-1.txt", "list-2.txt"}
        assert len(max_.get("/api/documents?text=list-&state=ready,failed&state=waiting").json()["documents"]) == 3
        assert max_.get("/api/documents?text=list-&state=failed").json() == {"documents": [], "more": False}
        assert max_.get("/api/documents?text=l_st-").json()["documents"] == []


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=201",
        "limit=x",
        "limit=²",
        "offset=-1",
        "offset=99999999999",
        "state=lost",
        "text=" + "a" * 201,
    ],
)
def test_a_listing_that_can_not_be_made_says_why(mia: httpx.Client, query: str) -> None:
    assert problem(mia.get(f"/api/documents?{query}")) == (400, "invalid")


def test_who_else_reads_a_document_is_told_to_admins_only(
    anna: httpx.Client, mia: httpx.Client, office: Office
) -> None:
    document_id, _ = office.add("shared.txt", Readers(groups=frozenset({office.people})), b"shared")
    assert anna.get(f"/api/documents/{document_id}").json()["readers"]["groups"] == [office.people]
    assert "readers" not in mia.get(f"/api/documents/{document_id}").json()


def test_readers_change_at_once(anna: httpx.Client, mia: httpx.Client, office: Office) -> None:
    document_id, version_id = office.add("moving.txt", EVERYONE, b"moving")
    url = f"/api/documents/{document_id}/readers"
    assert anna.put(url, json={"everyone": False, "groups": []}).json()["readers"]["everyone"] is False
    assert mia.get(f"/api/documents/{document_id}").status_code == 404
    assert version_id in office.versions.terms.stale()
    anna.put(url, json={"everyone": False, "groups": [office.people]})
    assert mia.get(f"/api/documents/{document_id}").status_code == 200
    for body in ({"everyone": "yes", "groups": []}, {"groups": []}, {"everyone": True, "groups": ["none"]}, []):
        assert problem(anna.put(url, json=body)) == (400, "invalid")
    assert problem(anna.put(url, content=b'{"everyone":true,"groups":[]}')) == (400, "invalid")
    assert problem(anna.put(url, json={"everyone": True, "groups": ["a" * 300] * 400})) == (413, "too_large")
    assert problem(mia.put(url, json={"everyone": True, "groups": []})) == (403, "forbidden")


def test_a_deleted_document_is_unknown_at_once(anna: httpx.Client, office: Office) -> None:
    document_id, version_id = office.add("old.txt", EVERYONE, b"old")
    assert anna.delete(f"/api/documents/{document_id}").status_code == 202
    assert problem(anna.get(f"/api/documents/{document_id}")) == (404, "not_found")
    assert problem(anna.get(f"/api/versions/{version_id}/original")) == (404, "not_found")
    assert problem(anna.delete(f"/api/documents/{document_id}")) == (404, "not_found")
    assert document_id in office.versions.deleting()


def test_only_what_failed_is_tried_again(anna: httpx.Client, office: Office) -> None:
    document_id, _ = office.add("ready.txt", EVERYONE, b"ready")
    assert problem(anna.post(f"/api/documents/{document_id}/retry")) == (409, "conflict")
    failed = put(anna, b"this will fail").json()
    office.versions.fail(failed["version_id"], "It is broken.", "Mend it.")
    shown = anna.get(f"/api/documents/{failed['document_id']}").json()
    assert (shown["state"], shown["reason"], shown["remedy"]) == ("failed", "It is broken.", "Mend it.")
    answer = anna.post(f"/api/documents/{failed['document_id']}/retry")
    assert (answer.status_code, answer.json()) == (202, {"version_id": failed["version_id"], "attempt": 2})


def test_only_what_is_ready_is_read_again(anna: httpx.Client, office: Office) -> None:
    document_id, version_id = office.add("ready.txt", EVERYONE, b"read me again")
    answer = anna.post(f"/api/documents/{document_id}/read-again")
    assert answer.status_code == 202
    assert answer.json()["version_id"] != version_id
    assert anna.get(f"/api/documents/{document_id}").json()["state"] == "waiting"
    assert problem(anna.post(f"/api/documents/{document_id}/read-again")) == (409, "conflict")


# cited pages


def test_a_page_is_given_as_text(mia: httpx.Client, office: Office) -> None:
    document_id, version_id = office.add("page.txt", EVERYONE, b"page")
    page = mia.get(f"/api/versions/{version_id}/pages/1").json()
    assert page["document_id"] == document_id
    assert (page["text"], page["page"], page["pages"], page["live"]) == ("What page.txt says.", 1, 1, True)
    for number in ("0", "2", "x", "-1", "9" * 5000, "²", "1.5"):
        assert problem(mia.get(f"/api/versions/{version_id}/pages/{number}")) == (404, "not_found")
        assert problem(mia.get(f"/api/versions/{version_id}/pages/{number}.jpg")) == (404, "not_found")


def test_a_text_file_has_no_picture_and_a_broken_pdf_says_so(mia: httpx.Client, office: Office) -> None:
    _, note = office.add("picture.txt", EVERYONE, b"no picture")
    _, broken = office.add("broken.pdf", EVERYONE, b"%PDF-1.7 broken", format="pdf")
    assert problem(mia.get(f"/api/versions/{note}/pages/1.jpg")) == (404, "not_found")
    assert problem(mia.get(f"/api/versions/{broken}/pages/1.jpg")) == (422, "document")


def test_a_pdf_page_is_a_picture(mia: httpx.Client, office: Office) -> None:
    _, version_id = office.pdf("drawn.pdf", EVERYONE)
    picture = mia.get(f"/api/versions/{version_id}/pages/1.jpg")
    assert picture.headers["content-type"] == "image/jpeg"
    assert picture.headers["cache-control"] == "no-store"
    assert picture.content.startswith(b"\xff\xd8")


@pytest.mark.parametrize("name", ["plain.html", 'quo"te.html', "Übersicht – 1.html", "semi;colon.svg", "<script>.js"])
def test_an_original_is_a_download_and_nothing_else(mia: httpx.Client, office: Office, name: str) -> None:
    content = f"<script>alert({name!r})</script>".encode()
    _, version_id = office.add(name, EVERYONE, content)
    answer = mia.get(f"/api/versions/{version_id}/original")
    assert answer.content == content
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["x-content-type-options"] == "nosniff"
    disposition = answer.headers["content-disposition"]
    assert disposition in {f'attachment; filename="{name}"', f"attachment; filename*=utf-8''{quote(name)}"}
    assert disposition.count('"') in {0, 2}
    part = mia.get(f"/api/versions/{version_id}/original", headers={"range": "bytes=0-6"})
    assert (part.status_code, part.content) == (206, b"<script")


# questions and conversations


def test_a_question_is_answered_with_citations(mia: httpx.Client, office: Office) -> None:
    document_id, version_id = office.add("leave.txt", EVERYONE, b"leave")
    answer = mia.post("/api/ask", json={"question": " What does leave.txt say? "}).json()
    assert answer["answer"] == "What leave.txt says. [1]"
    citation = answer["citations"][0]
    assert (citation["n"], citation["document_id"], citation["version_id"], citation["page"]) == (
        1,
        document_id,
        version_id,
        1,
    )
    assert (answer["state"], answer["unread"]) == ("done", office.documents.unread(office.principal("mia")))
    kept = mia.get(f"/api/conversations/{answer['conversation_id']}").json()
    assert kept["conversation"]["title"] == "What does leave.txt say?"
    assert [message["text"] for message in kept["messages"]] == ["What does leave.txt say?", answer["answer"]]
    more = mia.post("/api/ask", json={"question": "leave.txt?", "conversation_id": answer["conversation_id"]}).json()
    assert more["conversation_id"] == answer["conversation_id"]
    assert len(mia.get(f"/api/conversations/{answer['conversation_id']}").json()["messages"]) == 4


def events(text: str) -> list[tuple[str, Any]]:
    blocks = [block.split("\n") for block in text.strip().split("\n\n")]
    return [(kind.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for kind, data in blocks]


def test_an_answer_can_be_followed_as_it_is_written(mia: httpx.Client, office: Office) -> None:
    office.add("followed.txt", EVERYONE, b"followed")
    headers = {"accept": "text/event-stream"}
    answer = mia.post("/api/ask", json={"question": "followed.txt"}, headers=headers)
    assert answer.headers["content-type"].startswith("text/event-stream")
    *progress, (last, final) = events(answer.text)
    assert {kind for kind, _ in progress} == {"progress"}
    assert any(data["text"] for _, data in progress)
    assert (last, final["answer"]) == ("done", "What followed.txt says. [1]")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"question": ""},
        {"question": " \n"},
        {"question": "x" * 4001},
        {"question": 1},
        {"question": "a", "as": "anna"},
    ],
)
def test_a_question_that_can_not_be_taken_is_refused(mia: httpx.Client, body: dict[str, Any]) -> None:
    assert problem(mia.post("/api/ask", json=body)) == (400, "invalid")


def test_a_question_must_be_sent_as_json(mia: httpx.Client) -> None:
    assert problem(mia.post("/api/ask", data={"question": "a form?"})) == (400, "invalid")


@pytest.mark.parametrize("error", [Busy("models", "Too many questions."), Unavailable("index", "The index is away.")])
def test_a_part_that_is_away_or_full_is_named_and_may_be_tried_again(
    web: Web, mia: httpx.Client, error: Unavailable
) -> None:
    with web.failing(error):
        answer = mia.post("/api/ask", json={"question": "anything"})
    assert problem(answer) == (503, "busy" if isinstance(error, Busy) else "unavailable")
    assert answer.headers["retry-after"] == "5"


def test_conversations_are_found_and_deleted(mia: httpx.Client, office: Office) -> None:
    kept = office.conversations.create("Parental leave", office.principal("mia"))
    assert [found["id"] for found in mia.get("/api/conversations?text=parental").json()["conversations"]] == [kept.id]
    assert mia.delete(f"/api/conversations/{kept.id}").status_code == 204
    assert problem(mia.get(f"/api/conversations/{kept.id}")) == (404, "not_found")


def test_deleting_a_conversation_stops_its_answer(web: Web, mia: httpx.Client, office: Office) -> None:
    conversation = office.conversations.create("Slow", office.principal("mia"))
    with web.slow() as generation_of:
        generation = generation_of(conversation.id, "slow", office.principal("mia"))
        assert mia.delete(f"/api/conversations/{conversation.id}").status_code == 204
        until(lambda: generation.snapshot().done)
