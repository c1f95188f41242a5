"""The sample documents: present, long enough, as built, and saying what the questions claim they say."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import docx
import pypdf
import pypdfium2
import pytest
from bs4 import BeautifulSoup

SAMPLES = Path(__file__).resolve().parents[2] / "samples"
LISTED = tomllib.loads((SAMPLES / "samples.toml").read_text(encoding="utf-8"))
QUESTIONS = [json.loads(line) for line in (SAMPLES / "questions.jsonl").read_text(encoding="utf-8").splitlines()]
KINDS = {"fact", "table", "procedure", "definition", "list", "german", "restricted", "unanswerable"}
CHARACTERS_PER_PAGE = 1800


def plain(text: str) -> str:
    """One space between words; the marks of Markdown tables and bold are not words."""
    return " ".join(text.replace("|", " ").replace("**", "").split())


@cache
def pages(name: str) -> tuple[str, ...]:
    """The text of each PDF page, or the whole text of another format as one page."""
    path = SAMPLES / "documents" / name
    if path.suffix == ".pdf":
        with pypdfium2.PdfDocument(path) as pdf:
            return tuple(plain(page.get_textpage().get_text_range()) for page in pdf)
    if path.suffix == ".docx":
        blocks = docx.Document(str(path)).iter_inner_content()
        rows = [[block.text] if hasattr(block, "text") else table_rows(block) for block in blocks]
        return (plain("\n".join(line for lines in rows for line in lines)),)
    text = path.read_text(encoding="utf-8")
    return (plain(BeautifulSoup(text, "html.parser").get_text(" ") if path.suffix == ".html" else text),)


def table_rows(table: Any) -> list[str]:
    return [" ".join(cell.text for cell in row.cells) for row in table.rows]


def length(name: str) -> float:
    path = SAMPLES / "documents" / name
    if path.suffix == ".pdf":
        return len(pypdf.PdfReader(path).pages)
    return len(pages(name)[0]) / CHARACTERS_PER_PAGE


def test_exactly_the_listed_documents_are_there_with_readers_from_the_listed_groups() -> None:
    groups = {group["name"] for group in LISTED["groups"]}
    present = {path.name for path in (SAMPLES / "documents").iterdir()}
    assert {document["file"] for document in LISTED["documents"]} == present
    for document in LISTED["documents"]:
        assert document["readers"] == "everyone" or set(document["readers"]) <= groups
    restricted = {name for document in LISTED["documents"] for name in document["readers"] if name in groups}
    assert restricted == {"People", "Board"}


def test_there_are_sixty_pages_in_five_formats_and_under_two_megabytes() -> None:
    names = [document["file"] for document in LISTED["documents"]]
    assert {Path(name).suffix for name in names} == {".pdf", ".docx", ".md", ".html", ".txt"}
    assert sum(length(name) for name in names) >= 60
    assert sum((SAMPLES / "documents" / name).stat().st_size for name in names) < 2_000_000


@pytest.mark.parametrize("document", LISTED["documents"], ids=lambda document: document["file"])
def test_a_document_carries_its_title_inside(document: dict[str, Any]) -> None:
    path, title = SAMPLES / "documents" / document["file"], document["title"]
    if path.suffix == ".pdf":
        reader = pypdf.PdfReader(path)
        assert reader.metadata is not None
        assert reader.metadata.title == title
        assert len(reader.outline) > 5
    elif path.suffix == ".docx":
        word = docx.Document(str(path))
        assert word.core_properties.title == title
        assert any(paragraph.style.name == "Heading 1" for paragraph in word.paragraphs)
        assert len(word.tables) > 1
    elif path.suffix == ".html":
        soup = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
        assert soup.title is not None
        assert soup.title.get_text() == title
        assert not soup.select("[src], [href], script")
    else:
        assert title.lower() in path.read_text(encoding="utf-8")[:200].lower()


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question["id"])
def test_the_evidence_of_a_question_stands_on_its_page(question: dict[str, Any]) -> None:
    assert question["kind"] in KINDS
    if question["kind"] == "unanswerable":
        assert question["doc"] == question["evidence"] == []
        return
    assert question["evidence"]
    assert question["answer"]
    assert (question["page"] is not None) == any(name.endswith(".pdf") for name in question["doc"])
    texts = []
    for name in question["doc"]:
        assert question["heading"] in " ".join(pages(name)) or name.endswith(".md")
        texts.append(pages(name)[question["page"] - 1] if name.endswith(".pdf") else pages(name)[0])
    for evidence in question["evidence"]:
        assert any(plain(evidence) in text for text in texts), evidence


def test_there_are_forty_questions_of_every_kind_and_each_suggestion_has_its_own_kind() -> None:
    assert len(QUESTIONS) >= 40
    assert len({question["id"] for question in QUESTIONS}) == len(QUESTIONS)
    assert {question["kind"] for question in QUESTIONS} == KINDS
    kinds = [suggestion["kind"] for suggestion in LISTED["questions"]]
    assert sorted(kinds) == ["contract", "fact", "german", "procedure", "refusal", "restricted", "table"]
    asked = {question["question"]: question for question in QUESTIONS}
    for suggestion in LISTED["questions"]:
        assert suggestion["text"] in asked
    restricted = {document["file"] for document in LISTED["documents"] if document["readers"] != "everyone"}
    for question in QUESTIONS:
        assert (question["kind"] == "restricted") == bool(restricted.intersection(question["doc"]))


def test_the_committed_documents_are_what_the_sources_give() -> None:
    check = subprocess.run(
        [sys.executable, SAMPLES / "build.py", "--check"], capture_output=True, text=True, timeout=120
    )
    assert check.returncode == 0, check.stdout + check.stderr
