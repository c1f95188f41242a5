"""Question sets as files, and reports, as a program sees them. Who may is in tests/security/test_access_matrix.py."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from storage.evaluations import RunState
from tests.web import Web

UPLOAD = {"x-footnote-upload": "1"}
LINE = {"id": "a", "question": "How many days?", "doc": ["leave.pdf"], "pages": [["leave.pdf", 4]], "answer": "30"}


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    with Web(tmp_path_factory.mktemp("web")) as web:
        yield web


@pytest.fixture
def anna(web: Web) -> Iterator[httpx.Client]:
    with web.client("anna") as client:
        yield client


@pytest.fixture
def address(web: Web, request: pytest.FixtureRequest) -> str:
    kept = web.services.evaluations.create_set(f"Über <{request.node.name}>", web.office.principal("anna"))
    return f"/api/question-sets/{kept.id}/questions"


def put(client: httpx.Client, address: str, *lines: Any, name: str = "leave.jsonl") -> httpx.Response:
    body = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    return client.put(address, params={"name": name}, content=body.encode(), headers=UPLOAD)


def lines_of(client: httpx.Client, address: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in client.get(address).text.splitlines()]


def test_what_is_imported_comes_out_again(anna: httpx.Client, address: str) -> None:
    other = {"question": "What is not told?", "doc": [], "kind": "unanswerable"}
    assert put(anna, address, LINE, "", other).json() == {
        "added": 2,
        "replaced": 0,
        "message": "2 added from leave.jsonl.",
    }
    first, second = lines_of(anna, address)
    assert {name: first[name] for name in LINE} == LINE
    assert (second["question"], second["doc"], second["id"]) == ("What is not told?", [], "3")
    exported = anna.get(address)
    assert exported.headers["content-disposition"].startswith("attachment; filename=")
    assert "%C3%9Cber" in exported.headers["content-disposition"]
    assert put(anna, address, *exported.text.splitlines()).json()["replaced"] == 2


def test_a_known_id_takes_the_place_of_its_question(anna: httpx.Client, address: str) -> None:
    put(anna, address, LINE)
    answer = put(anna, address, {**LINE, "answer": "28"}, {**LINE, "id": "b"}).json()
    assert answer["message"] == "1 added from leave.jsonl, 1 with a known id replaced."
    assert [line["answer"] for line in lines_of(anna, address)] == ["28", "30"]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([LINE, '{"question": '], "leave.jsonl, line 2: this is not JSON"),
        ([LINE, {"question": ""}], "leave.jsonl, line 2: there is no `question`"),
        ([LINE, {**LINE, "id": "b", "pages": [["leave.pdf", 0]]}], "leave.jsonl, line 2: `pages` must be"),
        ([LINE, LINE], "the id 'a' stands there twice"),
        ([{**LINE, "question": "x" * 4001}], "longer than 4,000 characters"),
        ([""], "holds no question"),
    ],
)
def test_a_file_that_can_not_be_taken_names_the_line_and_adds_nothing(
    anna: httpx.Client, address: str, lines: list[Any], said: str
) -> None:
    answer = put(anna, address, *lines)
    assert answer.status_code == 400
    assert said in answer.json()["error"]["message"]
    assert lines_of(anna, address) == []


def test_a_file_that_is_no_text_or_too_large_is_refused(anna: httpx.Client, address: str) -> None:
    answer = anna.put(address, params={"name": "a.jsonl"}, content=b"\xff\xfe\x00", headers=UPLOAD)
    assert (answer.status_code, "UTF-8" in answer.text) == (400, True)
    assert anna.put(address, content=b" " * (21 * 2**20), headers=UPLOAD).status_code == 413


def test_a_form_on_a_foreign_page_can_not_import(anna: httpx.Client, address: str) -> None:
    assert anna.put(address, content=json.dumps(LINE)).status_code == 403
    assert lines_of(anna, address) == []


def test_a_report_runs_and_fetches_nothing(web: Web, anna: httpx.Client, address: str, tmp_path: Path) -> None:
    kept, principal = web.services.evaluations, web.office.principal("anna")
    put(anna, address, {**LINE, "question": "<script>alert(1)</script>?"})
    run = kept.begin(
        address.split("/")[3], principal, answers=False, rights_of="anna", generation="minilm_v1", settings={}
    )
    url = f"/api/runs/{run.id}/report"
    assert anna.get(url).status_code == 409
    outcome = {
        "question": {"id": "a", "text": "<script>alert(1)</script>?", "answerable": True},
        "error": "<b>late</b>",
    }
    content = {"id": "r", "name": "L", "started": "2026-03-03T09:12:00+00:00", "seconds": 1, "principal": "anna"}
    kept.finish(run.id, RunState.DONE, content=json.dumps({**content, "outcomes": [outcome]}))
    answer = anna.get(url)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    own, ours = answer.headers["content-security-policy"].split(", ")
    assert own.split("; ")[0] == "default-src 'none'"
    assert "sandbox" in own.split("; ")
    assert "script" not in own
    assert "frame-ancestors 'none'" in ours
    assert "<script" not in answer.text
    assert "<b>late" not in answer.text
