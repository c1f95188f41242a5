"""Which documents the names of a question set mean, and that nobody has to guess."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from app.evaluation.corpus import Corpus, hashes_of
from app.evaluation.questions import Place, Question, QuestionSet
from storage.documents import Listed
from storage.errors import InvalidInput
from storage.types import Readers
from tests.conftest import ADA, TOM, Library


def listed(id: str, name: str, title: str = "", content: str = "") -> Listed:
    return Listed(id, title or name, name, sha(content or id))


def sha(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()


def asked(*names: str, **hashes: str) -> QuestionSet:
    questions = [Question(id=str(place), text="?", documents=(name,)) for place, name in enumerate(names)]
    return QuestionSet(name="set", questions=tuple(questions), hashes=tuple(hashes.items()))


@pytest.mark.parametrize("name", ["Report.pdf", "report", "REPORT.PDF", "deep/in/a/report.pdf", "The annual report"])
def test_a_document_is_found_by_file_name_stem_or_title(name: str) -> None:
    corpus = Corpus([listed("1", "Report.pdf", "The Annual Report"), listed("2", "other.pdf")], asked(name))
    assert corpus.missing == ()
    assert corpus.name_of("1") == name
    assert corpus.name_of("2") == "other.pdf"


def test_a_name_with_dots_is_not_taken_for_its_stem() -> None:
    corpus = Corpus([listed("1", "v1.2.pdf"), listed("2", "v1.txt")], asked("v1.2", "v1"))
    assert (corpus.name_of("1"), corpus.name_of("2")) == ("v1.2", "v1")


def test_names_that_are_not_here_are_missing() -> None:
    corpus = Corpus([listed("1", "a.pdf")], asked("a", "b"))
    assert corpus.missing == ("b",)


def test_a_set_on_other_documents_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(InvalidInput, match=r"None of the 2 documents of set .*footnote ingest"):
        Corpus([listed("1", "a.pdf")], asked("b", "c"))


def test_a_set_without_documents_fits_any_corpus() -> None:
    nowhere = QuestionSet(name="set", questions=(Question(id="1", text="?", answerable=False),))
    assert Corpus([], nowhere).missing == ()


def test_a_name_of_several_documents_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(InvalidInput, match=r"2 documents here answer to 'x/index\.md'.*--documents FOLDER"):
        Corpus([listed("1", "index.md"), listed("2", "index.md")], asked("x/index.md"))


def test_a_folder_tells_documents_of_one_name_apart_by_their_content(tmp_path: Path) -> None:
    for place in ("leave", "travel", "docs/deep"):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "index.md").write_text(place)
    (tmp_path / ".hidden").write_text("no")
    files = hashes_of(tmp_path)
    assert set(files) == {"leave/index.md", "travel/index.md", "docs/deep/index.md"}
    here = [listed("1", "index.md", content="leave"), listed("2", "renamed.md", content="travel")]
    here.append(listed("3", "index.md", content="docs/deep"))
    corpus = Corpus(here, asked("leave/index.md", "travel/index", "deep/index.md"), files)
    assert [corpus.name_of(id) for id in "123"] == ["leave/index.md", "travel/index", "deep/index.md"]


def test_a_file_that_was_never_added_is_missing_even_if_another_has_its_name(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("the words that are meant")
    (tmp_path / "b.md").write_text("b")
    here = [listed("1", "a.md", content="other words"), listed("2", "b.md", content="b")]
    assert Corpus(here, asked("a.md", "b.md"), hashes_of(tmp_path)).missing == ("a.md",)


def test_a_name_that_fits_two_files_of_the_folder_is_an_error(tmp_path: Path) -> None:
    for place in ("x", "y"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "index.md").write_text(place)
    with pytest.raises(InvalidInput, match="Several files of the folder answer to 'index'"):
        Corpus([], asked("index"), hashes_of(tmp_path))


def test_hashes_of_the_set_decide() -> None:
    here = [listed("1", "a.txt", content="old"), listed("2", "a.txt", content="new")]
    corpus = Corpus(here, asked("a", a=sha("new")))
    assert corpus.name_of("2") == "a"


def test_one_document_under_two_names_has_the_name_that_the_question_uses() -> None:
    questions = (
        Question(id="1", text="?", documents=("a.md",)),
        Question(id="2", text="?", documents=("z",), also=(Place("b.md"),)),
    )
    asked_ = QuestionSet(name="set", questions=questions, hashes=(("a.md", sha("x")), ("b.md", sha("x"))))
    corpus = Corpus([listed("1", "a.md", content="x"), listed("2", "z")], asked_)
    assert corpus.name_of("1", ("b.md", "z")) == "b.md"
    assert corpus.name_of("1") == "a.md"


def test_documents_that_the_set_does_not_know_keep_names_of_their_own() -> None:
    corpus = Corpus([listed("aaaaaaaaaa", "index.md"), listed("bbbbbbbbbb", "index.md")], asked())
    assert (corpus.name_of("aaaaaaaaaa"), corpus.name_of("bbbbbbbbbb")) == (
        "index.md (aaaaaaaa)",
        "index.md (bbbbbbbb)",
    )


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_documents_that_may_not_be_read_are_missing(library: Library) -> None:
    library.ready("open", name="open.txt")
    library.ready("secret", Readers(groups=frozenset({"board"})), name="secret.txt")
    library.add("still waiting", name="waiting.txt")
    names = asked("open.txt", "secret.txt", "waiting.txt")
    assert Corpus(library.documents.catalogue(TOM), names).missing == ("secret.txt", "waiting.txt")
    assert Corpus(library.documents.catalogue(ADA), names).missing == ("waiting.txt",)
