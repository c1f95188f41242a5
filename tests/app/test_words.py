from __future__ import annotations

import pytest

from app.words import content_words, covered, is_german, stem


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("hours", "hour"),
        ("policies", "policy"),
        ("travelled", "travel"),
        ("Tage", "Tagen"),
        ("Kündigung", "Kündigungen"),
    ],
)
def test_forms_of_a_word_meet(one: str, other: str) -> None:
    assert covered([stem(one.lower())], {stem(other.lower())})


def test_stop_words_go_and_the_order_stays() -> None:
    assert content_words("How many days of annual leave do I have, and how many days in 2024?") == [
        "day",
        "annual",
        "leav",
        "2024",
    ]


def test_numbers_keep_their_points_and_are_never_part_of_another() -> None:
    assert content_words("1,250.50 euros") == ["1,250.50", "euro"]
    assert covered(["15"], {"2015"}) == []


def test_a_word_is_found_in_a_compound() -> None:
    assert covered(["urlaub"], {"jahresurlaub"}) == ["urlaub"]
    assert covered(["kündigungsfrist"], {"kündig"}) == ["kündigungsfrist"]
    assert covered(["port"], {"report"}) == []


def test_german_is_told_from_english() -> None:
    assert is_german("Wie viele Tage Urlaub habe ich?")
    assert not is_german("How many days of leave do I have?")
    assert not is_german("Footnote")
