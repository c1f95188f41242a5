"""`footnote eval` as people and scripts use it, over a real index and an embedding server that needs no model."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from app.cli import app
from app.evaluation.outcomes import Run
from storage.database import Database
from storage.documents import Documents
from storage.files import Files
from storage.index import Index
from storage.types import Readers
from storage.users import Users
from storage.versions import Versions
from tests.conftest import CHEAP, Library
from tests.contracts.index_contract import IndexProcess
from tests.shelf import DIMENSIONS, HashEmbedder, Shelf

LEAVE = "Full-time staff have 30 days of annual leave. Leave that is not taken by 31 March lapses."
SECRET = "The salary band of grade D begins at 70,000 euros a year."
QUESTIONS: list[dict[str, Any]] = [
    {
        "id": "leave",
        "question": "How many days of annual leave do full-time staff have?",
        "kind": "fact",
        "doc": "Handbook",
        "pages": [["Handbook", 2]],
        "answer": "30 days",
        "evidence": "30 days of annual leave",
    },
    {
        "question": "Where does the salary band of grade D begin?",
        "kind": "table",
        "doc": "Salaries",
        "answer": "70,000",
    },
    {"question": "Which zebra quota does Utrecht apply to gherkins?", "kind": "unanswerable", "doc": []},
]


class Embeddings(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        texts = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["input"]
        vectors = HashEmbedder().embed_passages(texts).tolist()
        body = json.dumps({"data": [{"index": n, "embedding": one} for n, one in enumerate(vectors)]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def embeddings() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Embeddings)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def filled(process: IndexProcess, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with two documents, one of them for the People group."""
    folder = tmp_path_factory.mktemp("data")
    database = Database(f"sqlite:///{folder / 'footnote.db'}")
    database.migrate()
    documents, versions, files = Documents(database, Files(folder)), Versions(database), Files(folder)
    users = Users(database, hasher=CHEAP)
    people = users.create_group("People").id
    users.create("max", "a long enough password")
    index = Index(process.url, process.key)
    index.prepare("first", DIMENSIONS)
    shelf = Shelf(Library(documents, versions, files), documents, versions, index, HashEmbedder())
    shelf.add("Handbook", ["Welcome.", LEAVE])
    shelf.add("Salaries", SECRET, Readers(groups=frozenset({people})))
    index.close()
    database.close()
    return folder


@pytest.fixture
def inbox(
    filled: Path, process: IndexProcess, embeddings: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Path:
    """A folder with questions.jsonl, and the settings that reach the parts."""
    monkeypatch.setenv("DATA_DIR", str(filled))
    monkeypatch.setenv("QDRANT_URL", process.url)
    monkeypatch.setenv("QDRANT_API_KEY", process.key)
    monkeypatch.setenv("EMBED_URL", embeddings)
    (tmp_path / "questions.jsonl").write_text("\n".join(map(json.dumps, QUESTIONS)))
    return tmp_path


def call(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["eval", *map(str, arguments)])


def said(*arguments: str | Path) -> str:
    result = call(*arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_figures_are_printed_overall_and_by_kind(inbox: Path) -> None:
    shown = said(inbox / "questions.jsonl")
    assert shown.startswith("questions.jsonl: 3 questions, 2 documents, answers by extractive\n")
    lines = {" ".join(line.split()) for line in shown.splitlines()}
    assert "Page recall @1 1.000 1.000 to 1.000 1" in lines
    assert "Document recall @1 1.000 1.000 to 1.000 2" in lines
    assert "Unanswerable refused 1.000 1.000 to 1.000 1" in lines
    assert any(line.startswith("fact 1 1.000") for line in lines)
    assert "\x1b" not in shown  # no colours where nobody sees them


def test_a_run_is_written_and_another_one_compared_with_it(inbox: Path) -> None:
    questions, out, results, report = (inbox / name for name in ("questions.jsonl", "run.json", "r.jsonl", "r.html"))
    said(questions, "--out", out, "--results", results, "--note", "before")
    run = Run.from_json(out.read_text())
    assert (run.note, len(run.outcomes), run.outcomes[0].question.id) == ("before", 3, "leave")
    rows = [json.loads(line) for line in results.read_text().splitlines()]
    assert rows[0]["ranked"][0] == ["Handbook", 2]
    assert rows[2]["refused"] is True
    shown = said(questions, "--retrieval-only", "--compare", out, "--report", report)
    assert "Against the earlier run, on 3 questions that both have" in shown
    assert "Right answers" not in shown
    assert "Against the earlier run" in report.read_text()


def test_scripts_get_the_figures_as_json(inbox: Path) -> None:
    found = json.loads(said(inbox / "questions.jsonl", "--retrieval-only", "--json"))
    assert found["overall"]["page_recall@5"]["value"] == 1
    assert found["questions"] == {"fact": 1, "table": 1, "unanswerable": 1}


def test_who_asks_finds_what_they_may_read_and_hears_what_is_missing(inbox: Path) -> None:
    result = call(inbox / "questions.jsonl", "--as", "max", "--json")
    assert "1 documents of the set are not here" in result.stderr
    assert "Salaries" in result.stderr
    assert json.loads(result.stdout)["overall"]["document_recall@20"]["value"] == 0.5


def test_only_some_questions_may_be_asked(inbox: Path) -> None:
    assert "questions.jsonl: 1 questions" in said(inbox / "questions.jsonl", "--kind", "fact", "--retrieval-only")
    assert "questions.jsonl: 2 questions" in said(inbox / "questions.jsonl", "--first", "2", "--retrieval-only")
    result = call(inbox / "questions.jsonl", "--kind", "poem")
    assert "Kinds of this set: fact, table, unanswerable" in str(result.exception)


def test_a_folder_of_files_tells_documents_by_their_content(inbox: Path, filled: Path) -> None:
    (inbox / "files").mkdir()
    kept = next(path for path in filled.rglob("*") if path.is_file() and path.read_bytes().startswith(b"Handbook"))
    (inbox / "files" / "renamed.txt").write_bytes(kept.read_bytes())
    (inbox / "set.jsonl").write_text(json.dumps(QUESTIONS[0] | {"doc": "renamed", "pages": [["renamed", 2]]}))
    found = json.loads(said(inbox / "set.jsonl", "--documents", inbox / "files", "--retrieval-only", "--json"))
    assert found["overall"]["page_recall@1"]["value"] == 1


def test_the_paragraphs_of_squad_are_written_as_documents(inbox: Path) -> None:
    asked = {"id": "1", "question": "How long?", "answers": [{"text": "30 days"}]}
    data = [{"title": "Leave", "paragraphs": [{"context": LEAVE, "qas": [asked]}]}]
    (inbox / "squad.json").write_text(json.dumps({"data": data}))
    call(inbox / "squad.json", "--extract", inbox / "paragraphs")
    written = (inbox / "paragraphs" / "Leave-1.txt").read_bytes()
    assert hashlib.sha256(written).hexdigest() == hashlib.sha256(LEAVE.encode()).hexdigest()


def test_what_can_not_be_written_is_said_before_questions_are_asked(inbox: Path) -> None:
    result = call(inbox / "questions.jsonl", "--out", inbox / "nowhere" / "run.json")
    assert result.exit_code == 1
    assert "can't be written" in str(result.exception)


def test_a_set_on_other_documents_says_what_to_do(inbox: Path) -> None:
    (inbox / "other.jsonl").write_text('{"question": "Who?", "doc": "elsewhere.pdf"}')
    assert "footnote ingest" in str(call(inbox / "other.jsonl").exception)
    assert call(inbox / "missing.jsonl").exit_code == 2
