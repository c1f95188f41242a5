"""Quoted words in passages: alike up to white space and marks, and whole only when all of them are there."""

from __future__ import annotations

import pytest

from app.evaluation.evidence import Text, ranks, stands_in


@pytest.mark.parametrize(
    ("evidence", "text"),
    [
        (
            "**Change the phone's passcode.** It must be long.",
            "First: Change the phone's passcode. It must be long. Then",
        ),
        ("see [the guide]({% page 'x' %}#top) first", "see the guide first"),
        ("ask [HR](https://hr.example/a_(b)) now", "ask HR now"),
        ("in {% slack_channel 'help' %} today", "in help today"),
        ("Balance $ 4,687 $ 1,858", "Balance | $4,687 | $1,858 |"),
        ("Mail `a_b` or <https://x.example>", "Mail a_b or https://x.example"),
        ("R&amp;D costs<br>rose", "R&D\ncosts rose"),
        ("self-\nhosted", "is self-hosted"),
        ("![a plane](p.png) flies", "a plane flies"),
    ],
)
def test_marks_and_white_space_do_not_count(evidence: str, text: str) -> None:
    assert stands_in(evidence, text)


@pytest.mark.parametrize(
    ("evidence", "text"),
    [("OCTO", "The DOCTOR"), ("1,234", "11,234"), ("30 days", "30 working days"), ("leave", "Leave")],
)
def test_parts_of_words_and_other_words_do(evidence: str, text: str) -> None:
    assert not stands_in(evidence, text)


def text(words: str, *, document: str = "a", page: int = 1, start: int = 0) -> Text:
    return Text(document, document, page, start, words)


def test_each_string_has_the_rank_of_the_passage_that_completes_it() -> None:
    passages = [text("one"), text("two three", page=2), text("four", page=3)]
    assert ranks(["two three", "one", "five"], passages) == (2, 1, 0)


def test_words_cut_by_a_border_count_once_both_parts_are_there() -> None:
    whole = "Leave is thirty days a year."
    first, second = text(whole[:12], start=0), text(whole[12:], start=12)
    other = text("Tea.", page=2)
    assert ranks([whole], [second, other, first]) == (3,)
    assert ranks([whole], [text(whole[:20]), text(whole[12:], start=12)]) == (2,)  # they overlap


def test_passages_with_words_missing_between_are_not_read_as_one() -> None:
    assert ranks(["one two"], [text("one"), text("two", start=50)]) == (0,)
    assert ranks(["one two"], [text("one", page=1), text("two", page=2)]) == (0,)


def test_only_the_documents_that_the_question_names_count() -> None:
    passages = [text("OCTO", document="b"), text("OCTO", document="a")]
    assert ranks(["OCTO"], passages, ["a"]) == (2,)
    assert ranks(["OCTO"], passages) == (1,)
