"""Runs as JSON, and runs without a word of a document."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from app.evaluation.outcomes import Run
from app.evaluation.results import write
from storage.errors import InvalidInput
from tests.app.evaluation.runs import REFUSAL, answer, found, run, unanswerable

FULL = run([replace(found("1", ("a", 1), ("b", 2)), answer=answer()), replace(unanswerable("2"), answer=REFUSAL)])


def test_a_run_survives_being_written() -> None:
    assert Run.from_json(FULL.to_json()) == FULL


def test_a_run_without_words_keeps_everything_else() -> None:
    bare = FULL.without_words()
    assert "Leave is 30 days" not in bare.to_json()
    assert '"words"' not in bare.to_json()
    (first, _) = bare.outcomes
    assert first.answer is not None
    assert (first.answer.f1, first.answer.citations[0].page) == (0.4, 1)
    assert first.ranked == FULL.outcomes[0].ranked


@pytest.mark.parametrize("text", ["", "[]", '{"id": "1"}', '{"outcomes": 4}', "\x00"])
def test_what_is_no_run_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="no run of an evaluation"):
        Run.from_json(text)


def test_a_run_of_a_later_format_is_refused_with_what_to_do() -> None:
    later = json.loads(FULL.to_json()) | {"format": 99}
    with pytest.raises(InvalidInput, match="format 99"):
        Run.from_json(json.dumps(later))


def test_results_have_the_ranked_pages_of_every_question() -> None:
    first, second = map(json.loads, write(FULL).splitlines())
    assert first["ranked"] == [["a", 1], ["b", 2]]
    assert first["passages"][0] == ["a", 1, 0, 9, 1.0]
    assert (first["answer"], first["citations"], first["refused"]) == ("Leave is 30 days [1]", [["a", 1, 0, 9]], False)
    assert (second["id"], second["refused"]) == ("2", True)


def test_results_of_a_search_alone_have_no_answers_and_failures_say_why() -> None:
    row = json.loads(write(run([replace(found("1"), error="The index does not answer.")])))
    assert "answer" not in row
    assert (row["ranked"], row["error"]) == ([], "The index does not answer.")
