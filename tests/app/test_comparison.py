from __future__ import annotations

import pytest

from app.comparison import MOST, comparisons


@pytest.mark.parametrize(
    ("question", "parts"),
    [
        (
            "Compare Acme's and Globex's margins in 2021 and 2022.",
            ["Acme's margins in 2021 and 2022?", "Globex's margins in 2021 and 2022?"],
        ),
        (
            "Who spent more on research in 2020, Acme or Globex?",
            ["Who spent more on research in 2020, Acme?", "Who spent more on research in 2020, Globex?"],
        ),
        (
            "Compare the number of employees of Acme at the end of fiscal 2021 with that of Globex at the end of 2022.",
            [
                "the number of employees of Acme at the end of fiscal 2021?",
                "the number of employees of Globex at the end of 2022?",
            ],
        ),
        (
            "How do the dividend policies of Acme and Globex differ, judging by their 2022 reports?",
            ["the dividend policies of Acme in 2022?", "the dividend policies of Globex in 2022?"],
        ),
        ("Acme vs Globex net sales 2021", ["Acme net sales 2021?", "Globex net sales 2021?"]),
        (
            "Is the warranty of the KX-200 longer than that of the KX-250?",
            ["Is the warranty of the KX-200 longer?", "Is the warranty of the KX-250 longer?"],
        ),
        (
            "Vergleiche den Umsatz von Umbrella und Initech 2022",
            ["den Umsatz von Umbrella 2022?", "den Umsatz von Initech 2022?"],
        ),
        (
            "Welche Strafe gilt bei Nordlicht Pumpen und welche bei Hansa Antriebe?",
            ["Welche Strafe gilt bei Nordlicht Pumpen?", "Welche Strafe gilt bei Hansa Antriebe?"],
        ),
        (
            "What is the price of the KX-200-65 and the KX-200-80?",
            ["What is the price of the KX-200-65?", "What is the price of the KX-200-80?"],
        ),
    ],
)
def test_a_comparison_becomes_a_question_for_each_side(question: str, parts: list[str]) -> None:
    assert comparisons(question) == parts


@pytest.mark.parametrize(
    "question",
    [
        "What was Acme's revenue in 2022?",
        "How did Acme's revenue change from 2020 to 2022?",
        "How many Acme Watch units did Acme sell?",
        "Which bank issues Acme's cards for members in the United States?",
        "How much did Acme pay for Globex?",
        "Which river runs between Bingen and Bonn?",
        "How do I report a phishing mail?",
        "How many stores and how many gas stations did Acme operate?",
        "Was fließt zwischen Bingen und Bonn?",
    ],
)
def test_a_question_about_one_thing_stays_whole(question: str) -> None:
    assert comparisons(question) == []


def test_more_sides_than_can_be_searched_for_are_not_taken_apart() -> None:
    names = [f"Acme{letter}" for letter in "BCDEFG"]
    assert len(comparisons(f"Compare {' and '.join(names[:MOST])} by revenue.")) == MOST
    assert comparisons(f"Compare {' and '.join(names)} by revenue.") == []
