"""Questions changed as hurried people write them."""

from __future__ import annotations

import random

from rapidfuzz.distance import DamerauLevenshtein

from app.evaluation.questions import Question, QuestionSet
from benchmarks import slips

QUESTION = "How many hours of annual leave may Maria carry over to the following leave year?"


def asked(*texts: str) -> QuestionSet:
    return QuestionSet(name="set", questions=tuple(Question(id=str(n), text=text) for n, text in enumerate(texts)))


def test_a_slip_changes_one_long_word_by_one_letter_or_one_exchange() -> None:
    for seed in range(200):
        changed = slips.with_slip(QUESTION, random.Random(seed))
        pairs = [pair for pair in zip(QUESTION.split(), changed.split(), strict=True) if pair[0] != pair[1]]
        assert len(pairs) == 1
        before, after = pairs[0]
        assert before in ("annual", "following")
        assert DamerauLevenshtein.distance(before, after) == 1
        assert before[0] == after[0]


def test_names_short_words_and_stop_words_keep_their_letters() -> None:
    text = "Should Microsoft-related work pay well according to Deutsche Bank?"
    assert slips.with_slip(text, random.Random(1)) == text


def test_the_same_seed_makes_the_same_slips() -> None:
    questions = asked(QUESTION, "What is the notice during probation?")
    assert slips.misspelt(questions) == slips.misspelt(questions)
    assert slips.misspelt(questions) != slips.misspelt(questions, seed=1)


def test_questions_without_such_a_word_or_without_an_answer_are_left_out() -> None:
    questions = QuestionSet(
        name="set",
        questions=(Question(id="1", text="Who pays?"), Question(id="2", text=QUESTION, answerable=False)),
    )
    assert slips.misspelt(questions).questions == ()


def test_an_abbreviation_stands_for_words_that_begin_with_its_letters() -> None:
    texts = ["All staff have paid time off (PTO).", "We use it (ABC).", "The personal identity card (PID) is blue."]
    assert slips.definitions(texts) == {"paid time off": "PTO"}


def test_a_phrase_of_the_question_becomes_the_abbreviation() -> None:
    questions = asked("How much paid time off (PTO) is there?", "Who approves Paid time off?", "Who pays?")
    changed = slips.abbreviated(questions, ["paid time off (PTO)"])
    assert [(one.id, one.text) for one in changed.questions] == [
        ("0", "How much PTO is there?"),
        ("1", "Who approves PTO?"),
    ]
