from __future__ import annotations

import pytest

from app.names import names


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("What was Acme's revenue in 2022?", ["Acme"]),
        ("Who audits Procter & Gamble?", ["Procter & Gamble"]),
        ("What were 3M's net sales in the Health Care segment?", ["3M", "Health Care"]),
        ("Revenue of Bank of America", ["Bank of America"]),
        ("How do I replace the seal of the KX-200-65?", ["KX-200-65"]),
        ("what was acme's revenue?", ["acme"]),
        ("what was the company's revenue?", []),
        ("Compare Acme and Globex margins", ["Acme", "Globex"]),
        ("What is the per diem?", []),
        ("Which days in May and December are free?", []),
        ("Wie hoch war der Umsatz von Umbrella im Jahr 2022?", ["Umbrella"]),
        ("Welche Zahlungsbedingungen gelten bei Nordlicht Pumpen?", ["Nordlicht Pumpen"]),
        ("Was kostet ein neuer Werksausweis?", []),
        ("Wie viele Urlaubstage haben Mitarbeiter in Vollzeit?", []),
    ],
)
def test_names_are_told_by_how_they_are_written(text: str, found: list[str]) -> None:
    assert [name.text for name in names(text)] == found


def test_a_name_that_was_said_is_known_in_lower_case() -> None:
    assert [name.text for name in names("and globex again?", {"globex"})] == ["globex"]
    assert names("and globex again?") == []


def test_the_first_word_counts_where_it_does_not_begin_a_sentence() -> None:
    assert names("Globex at the end of 2021?") == []
    assert [name.text for name in names("Globex at the end of 2021?", inside=True)] == ["Globex"]
