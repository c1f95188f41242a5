"""Question sets as files: what is read, what comes back from writing, and errors that name their place."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from app.evaluation.forms import dump, load, paragraphs, parse
from app.evaluation.questions import Place, Question, QuestionSet
from storage.errors import InvalidInput

ROOT = Path(__file__).parents[3]
SHARED = ROOT.parent / "shared" / "data"
HASH = "ab" * 32


def lines(*rows: dict[str, Any]) -> str:
    return "\n".join(json.dumps(row) for row in rows)


def one(**fields: Any) -> Question:
    (question,) = parse(lines({"id": "a", "question": "How long?", **fields}), "set.jsonl").questions
    return question


def squad(*paragraphs_: tuple[str, list[dict[str, Any]]], title: str = "Leave") -> str:
    found = [{"context": context, "qas": asked} for context, asked in paragraphs_]
    return json.dumps({"version": "1.1", "data": [{"title": title, "paragraphs": found}]})


def test_the_samples_questions_are_read() -> None:
    asked = load(ROOT / "samples" / "questions.jsonl")
    assert asked.name == "questions.jsonl"
    assert len(asked.questions) == 69
    first = asked.questions[0]
    assert (first.id, first.documents, first.pages) == (
        "q01",
        ("employee-handbook.pdf",),
        (Place("employee-handbook.pdf", 7),),
    )
    assert first.evidence[0].startswith("The flexitime account")
    assert Counter(question.answerable for question in asked.questions) == {True: 63, False: 6}


@pytest.mark.parametrize(
    ("file", "number", "hashes"),
    [
        ("filings/questions.jsonl", 120, 0),
        ("handbook/questions.jsonl", 100, 0),
        ("xquad/xquad.en.json", 1190, 240),
        ("xquad/xquad.de.json", 1190, 240),
    ],
)
def test_the_development_sets_are_read_and_survive_writing(file: str, number: int, hashes: int) -> None:
    path = SHARED / file
    if not path.exists():
        pytest.skip("the development sets are not here")
    asked = load(path)
    assert (len(asked.questions), len(asked.hashes)) == (number, hashes)
    assert parse(dump(asked), asked.name) == asked


def test_places_are_pages_and_whole_documents() -> None:
    question = one(doc=["a", "b"], pages=[["a", 3], ["b", 1]], also=[["a", 4], "c/d.md"])
    assert question.pages == (Place("a", 3), Place("b", 1))
    assert question.also == (Place("a", 4), Place("c/d.md", 0))
    assert question.names == ("a", "b", "c/d.md")


def test_a_document_named_by_its_page_alone_is_needed() -> None:
    assert one(pages=[["a", 3]]).documents == ("a",)


def test_a_page_without_its_document_counts_where_there_is_one_document() -> None:
    assert one(doc="a.pdf", page=4).pages == (Place("a.pdf", 4),)
    assert one(doc=["a.pdf", "b.pdf"], page=4).pages == ()


def test_without_documents_there_is_no_answer_unless_it_is_said_that_there_is() -> None:
    assert one(doc=[]).unanswerable
    assert one(doc=[], answerable=True).answerable
    assert one(doc=["a"]).answerable


def test_a_conversation_is_a_question_for_each_turn_with_the_ones_before_it() -> None:
    talk = {
        "id": "c",
        "kind": "follow_up",
        "turns": [
            {"question": "What was revenue in 2022?", "doc": ["a"], "answer": "10"},
            {"question": "And the year before?", "doc": ["b"], "kind": "year"},
            {"question": "Why?"},
        ],
    }
    first, second, third = parse(lines(talk), "talks.jsonl").questions
    assert [question.id for question in (first, second, third)] == ["c-1", "c-2", "c-3"]
    assert (first.history, first.kind, first.answer) == ((), "follow_up", "10")
    assert (second.history, second.kind) == (("What was revenue in 2022?",), "year")
    assert third.history == ("What was revenue in 2022?", "And the year before?")
    assert third.unanswerable


def test_what_is_written_is_read_back_the_same() -> None:
    questions = (
        Question(id="1", text="Überstunden?", documents=("a", "b"), pages=(Place("a", 2),), also=(Place("c"),)),
        Question(
            id="2", text="Who?", kind="fact", answers=("Ann", "Ann B."), evidence=("Ann signs",), documents=("a",)
        ),
        Question(id="3", text="And?", history=("Who?",), answerable=True),
        Question(id="4", text="What?", answerable=False, answers=("Not told",)),
    )
    asked = QuestionSet(name="mine", questions=questions, hashes=(("a", HASH),))
    assert parse(dump(asked), "mine") == asked


def test_lines_without_an_id_are_numbered() -> None:
    text = '\n{"question": "One?"}\n\n{"question": "Two?"}\n'
    assert [question.id for question in parse(text, "set").questions] == ["2", "4"]


def test_a_paragraph_of_squad_is_a_document_told_by_its_hash() -> None:
    leave = "Leave is 30 days."
    text = squad(
        (leave, [{"id": "q1", "question": "How long?", "answers": [{"text": "30 days"}, {"text": "30 days"}]}]),
        ("Tea.", [{"id": "q2", "question": "Coffee?", "answers": [], "is_impossible": True}]),
        title="Leave/and travel",
    )
    asked = parse(text, "set.json")
    first, second = asked.questions
    assert (first.documents, first.answers) == (("Leave_and_travel-1",), ("30 days",))
    assert second.unanswerable
    assert dict(asked.hashes)["Leave_and_travel-1"] == hashlib.sha256(leave.encode()).hexdigest()
    assert list(paragraphs(text, "set.json")) == [("Leave_and_travel-1.txt", leave), ("Leave_and_travel-2.txt", "Tea.")]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ('{"question": "One?"}\n{"question": ', "set.jsonl, line 2: this is not JSON"),
        ('["One?"]', "set.jsonl, line 1: a line must be an object"),
        ('{"id": "a"}', "set.jsonl, line 1: there is no `question`"),
        ('{"question": ["One?"]}', "line 1: `question` must be a text"),
        ('{"question": "One?", "doc": 4}', "line 1: `doc` must be a text or a list of texts"),
        ('{"question": "One?", "pages": [["a", 0]]}', "line 1: `pages` must be a list of [document, page]"),
        ('{"question": "One?", "pages": ["a"]}', "line 1: `pages` must be a list of [document, page]"),
        ('{"question": "One?", "also": [["a"]]}', "line 1: `also` must be a list of [document, page]"),
        ('{"question": "One?", "page": "4"}', "line 1: `page` must be a page number"),
        ('{"question": "One?", "answerable": "no"}', "line 1: `answerable` must be true or false"),
        ('{"question": "One?", "sha256": {"a": "abc"}}', "line 1: `sha256` must be"),
        ('{"turns": []}', "line 1: `turns` must be a list of questions"),
        ('{"turns": [{"question": "One?"}, {"answer": "x"}]}', "line 1, turn 2: there is no `question`"),
        ('{"id": "a", "question": "One?"}\n{"id": "a", "question": "Two?"}', "the id 'a' stands there twice"),
        ("\n\n", "set.jsonl holds no question"),
        ('{"data": [{"title": "x"}]}', "set.jsonl, article 1: there are no `paragraphs`"),
        ('{"data": [{"paragraphs": [{"qas": []}]}]}', "article 1, paragraph 1: `context` must be a text"),
    ],
)
def test_what_can_not_be_taken_is_named_with_its_line_and_field(text: str, wrong: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse(text, "set.jsonl")
    assert wrong in str(caught.value)


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    path = tmp_path / "set.jsonl"
    path.write_bytes(b'{"question": "\xff"}')
    with pytest.raises(InvalidInput, match=r"set\.jsonl is not UTF-8 text"):
        load(path)


def test_only_squad_brings_documents_along() -> None:
    with pytest.raises(InvalidInput, match="no SQuAD JSON"):
        list(paragraphs('{"question": "One?"}', "set.jsonl"))
