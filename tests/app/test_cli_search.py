"""`footnote search` as people and scripts use it, over a real index. No embedding model answers: words are searched."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import pytest
from rich.text import Text
from typer.testing import CliRunner, Result

from app import cli_search
from app.api.response import to_json
from app.cli import app
from app.search import Results, grouped
from storage.documents import Documents
from storage.errors import InvalidInput, NotFound
from storage.files import Files
from storage.index import Index
from storage.types import Passage, Readers
from storage.users import Users
from storage.versions import Versions
from tests.conftest import ADA, CHEAP, Library
from tests.contracts.index_contract import IndexProcess
from tests.shelf import DIMENSIONS, HashEmbedder, Shelf

LEAVE = "Full-time staff have 30 days of annual leave."


@pytest.fixture(scope="module")
def filled(process: IndexProcess, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with two documents, one of them for the People group."""
    from storage.database import Database

    folder = tmp_path_factory.mktemp("data")
    database = Database(f"sqlite:///{folder / 'footnote.db'}")
    database.migrate()
    documents, versions, files = Documents(database, Files(folder)), Versions(database), Files(folder)
    users = Users(database, hasher=CHEAP)
    people = users.create_group("People").id
    users.create("mia", "a long enough password", groups=["People"])
    users.create("max", "a long enough password")
    index = Index(process.url, process.key)
    index.prepare("first", DIMENSIONS)
    shelf = Shelf(Library(documents, versions, files), documents, versions, index, HashEmbedder())
    shelf.add("Handbook", ["Welcome.", LEAVE], heading="4 Leave", format="pdf", dated=date(2024, 1, 1))
    secret = "The salary band of grade D begins at 70,000 a year, leave included."
    shelf.add("Salaries", secret, Readers(groups=frozenset({people})), format="docx", dated=date(2019, 1, 1))
    index.close()
    database.close()
    return folder


@pytest.fixture
def environment(filled: Path, process: IndexProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA_DIR", str(filled))
    monkeypatch.setenv("QDRANT_URL", process.url)
    monkeypatch.setenv("QDRANT_API_KEY", process.key)
    monkeypatch.setenv("EMBED_URL", "http://127.0.0.1:1/v1")
    monkeypatch.setenv("LLM_URL", "http://127.0.0.1:1/v1")


@contextmanager
def waiting(folder: Path) -> Iterator[None]:
    """While it lasts, a document waits to be read."""
    from storage.database import Database

    database = Database(f"sqlite:///{folder / 'footnote.db'}")
    documents, versions, files = Documents(database, Files(folder)), Versions(database), Files(folder)
    kept = Library(documents, versions, files).add("later")
    yield
    documents.begin_delete(kept.id, ADA)
    database.close()


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["search", *arguments])


def said(*arguments: str) -> str:
    result = call(*arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.usefixtures("environment")
class TestSearch:
    def test_passages_are_printed_under_their_document_and_heading(self) -> None:
        shown = said("annual leave", "--kind", "pdf")
        assert "Handbook  Handbook.txt, 2024-01-01\n  4 Leave\n" in shown
        assert LEAVE in shown
        assert "by words only" in shown
        assert "\x1b" not in shown  # no colours where nobody sees them

    def test_scripts_get_what_the_api_gives(self) -> None:
        found = json.loads(said("annual leave", "--json", "--document", "handbook"))
        (document,) = found["documents"]
        assert document["title"] == "Handbook"
        assert document["about"]["dated"] == "2024-01-01"
        best = document["passages"][0]
        assert (best["page"], best["text"], best["marks"]) == (2, LEAVE, [[best["start"] + 32, best["start"] + 44]])
        assert best["link"].startswith("/search?q=annual+leave&passage=")

    def test_who_asks_finds_what_they_may_read(self) -> None:
        assert "Salaries" in said("salary leave")
        assert "Salaries" in said("salary leave", "--as", "mia")
        assert "Salaries" not in said("salary leave", "--as", "max")
        assert said("salary", "--as", "max", "--group", "People").strip() == "Nothing found in 0 documents."
        assert "Handbook" not in said("salary leave", "--as", "mia", "--group", "people")

    def test_days_and_limits_narrow(self) -> None:
        assert "Salaries" not in said("leave", "--since", "2024-01-01")
        assert "Handbook" not in said("leave", "--until", "2023-12-31")
        one = json.loads(said("leave", "--limit", "1", "--json"))
        assert (len(one["documents"]), one["more"]) == (1, True)
        assert "--limit finds up to 60" in said("leave", "--limit", "1")

    def test_a_document_that_one_may_not_read_is_unknown_by_name_and_id(self, filled: Path) -> None:
        (salaries,) = json.loads(said("salary", "--json", "--document", "salaries"))["documents"]
        for words in ("salaries", salaries["document_id"], "no such document"):
            result = call("salary", "--as", "max", "--document", words)
            assert isinstance(result.exception, NotFound)
            assert str(result.exception).replace(words, "") == (
                "There is no document whose title or file name has '', or you may not read it."
            )

    @pytest.mark.parametrize(
        ("arguments", "error"),
        [
            (("--kind", "exe"), InvalidInput),
            (("--since", "yesterday"), InvalidInput),
            (("--group", "nobody"), NotFound),
            (("--as", "nobody"), NotFound),
        ],
    )
    def test_what_can_not_be_taken_is_said(self, arguments: tuple[str, str], error: type[Exception]) -> None:
        assert isinstance(call("leave", *arguments).exception, error)

    def test_wrong_use_ends_with_two(self) -> None:
        assert call("leave", "--limit", "0").exit_code == 2
        assert call().exit_code == 2

    def test_an_answer_rests_on_what_the_account_may_read(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("LLM_URL")  # answers are sentences of the documents
        answers = {
            name: CliRunner().invoke(app, ["ask", "Where does the salary band of grade D begin?", *as_user]).stdout
            for name, as_user in {"operator": (), "mia": ("--as", "mia"), "max": ("--as", "max")}.items()
        }
        assert {name: "70,000" in answer for name, answer in answers.items()} == {
            "operator": True,
            "mia": True,
            "max": False,
        }
        assert "Salaries" not in answers["max"]
        assert "not been read yet" not in "".join(answers.values())

    def test_an_answer_says_which_it_could_not_take_into_account(
        self, filled: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("LLM_URL")
        with waiting(filled):
            answers = [CliRunner().invoke(app, ["ask", "leave?", *more]).stdout for more in ((), ("--json",))]
        assert "1 document had not been read yet when this was asked." in answers[0]
        assert json.loads(answers[1])["unread"] == 1


def test_the_words_of_the_question_stand_out_and_control_characters_do_not_reach_the_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    hostile = "\x1b[2J\x9b31m\u202eTitle [bold]x[/bold]\r\nleave"
    passage = Passage("c", "d", "0" * 32, hostile, hostile, 1, 0, 40, hostile, f"{hostile} {LEAVE}")
    cli_search.draw(Results(grouped([passage]), 1, notice=hostile), "annual leave")
    shown = capsys.readouterr().out
    assert LEAVE in shown
    assert "[bold]x[/bold]" in shown
    assert not {"\x1b", "\x9b", "\u202e", "\r"} & set(shown)
    line = cli_search._marked(LEAVE, ["annual", "leav"])
    assert isinstance(line, Text)
    assert [LEAVE[span.start : span.end] for span in line.spans] == ["annual leave"]


def test_days_are_json_too() -> None:
    assert to_json({"dated": date(2024, 1, 1)}) == '{"dated":"2024-01-01"}'
