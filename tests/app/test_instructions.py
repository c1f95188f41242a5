"""What a question tells of its answer's form is no part of what is asked."""

from __future__ import annotations

import pytest

from app.instructions import asked_in


@pytest.mark.parametrize(
    ("question", "asked"),
    [
        ("How much leave is there? Please answer in one sentence.", "How much leave is there?"),
        ("Answer in German. How much leave is there?", "How much leave is there?"),
        ("What was sold in 2021 (in USD millions)? Round to two decimal places.", "What was sold in 2021?"),
        ("You are an auditor. Answer the following question: what does oil cost?", "what does oil cost?"),
        ("What is the margin? If it is of no use here, then state that and say why.", "What is the margin?"),
        ("Wie viel Urlaub gibt es? Antworte bitte kurz und nenne die Quelle.", "Wie viel Urlaub gibt es?"),
        ("Fassen Sie sich kurz. Was kostet das Öl?", "Was kostet das Öl?"),
    ],
)
def test_instructions_are_left_out(question: str, asked: str) -> None:
    assert asked_in(question) == asked


@pytest.mark.parametrize(
    "question",
    [
        "List the public holidays in one table.",  # all of it is the order
        "How much leave is there? Give me the rule for part-time staff.",
        "If staff are ill, they tell their manager. What about contractors?",
        "We want to hire from abroad. Which visa is needed?",
        "Is a note needed if I am ill? Use of the form is said to be short.",
        "Answer in one word?",
    ],
)
def test_what_is_asked_stays(question: str) -> None:
    assert asked_in(question) == question
