"""Numbers with their units, scales and limits, in English and German."""

from __future__ import annotations

from decimal import Decimal

import pytest

from app import quantities
from app.quantities import Bound, Quantity


def only(text: str, *, german: bool | None = None) -> Quantity:
    (found,) = quantities.quantities(text, german=german)
    return found


SAME = [
    ("$12.4 million", "$12,400,000"),
    ("12,4 Mio. Euro", "12.4 million euros"),
    ("12.400.000 EUR", "€12.4m"),
    ("£3bn", "3 billion pounds"),
    ("1,234 kg", "1.234 tonnes"),
    ("90 minutes", "1.5 hours"),
    ("two years", "24 months"),
    ("half a year", "six months"),
    ("eine halbe Stunde", "30 Minuten"),
    ("a quarter of an hour", "15 minutes"),
    ("three quarters", "75%"),
    ("a third", "33.3%"),
    ("15 percent", "15 %"),
    ("15 Prozent", "15 per cent"),
    ("4 percentage points", "vier Prozentpunkte"),
    ("twenty-one days", "21 days"),
    ("3 p.m.", "15:00"),
    ("10 in the morning", "10 Uhr"),
    ("a 100-gram weight", "100 g"),
    ("12,412,345 euros", "12.4 million euros"),
    ("1 500", "1,500"),
    ("30 Cent", "0,30 Euro"),
    ("240 MWh", "240,000 kWh"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_the_same_amount_is_known_however_it_is_written(one: str, other: str) -> None:
    first, second = only(one), only(other)
    assert quantities.agrees(first, second) or quantities.agrees(second, first)


DIFFERENT = [
    ("12.4 million", "14.2 million"),
    ("12.4 million", "12.4 billion"),
    ("$12.4 million", "12.4 million euros"),
    ("1.2 thousand", "1,234"),
    ("4%", "4 percentage points"),
    ("30 days", "30 weeks"),
    ("185 kg", "185 g"),
    ("240 MWh", "240 kWh"),
    ("a third", "a quarter"),
    ("12 months", "12 weeks"),
    ("3 p.m.", "3 a.m."),
    ("120,000 miles", "120,000 kilometres"),
    ("1,000 pounds", "1,000 kg"),
    ("12 million", "12.4 million"),
]


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_another_amount_unit_or_scale_is_told_apart(one: str, other: str) -> None:
    first, second = only(one), only(other)
    assert not quantities.agrees(first, second)
    assert not quantities.agrees(second, first)


def test_what_a_point_means_depends_on_the_language() -> None:
    assert only("1.234 Stück", german=True).readings[0].number == 1234
    assert only("1.234 metres", german=False).readings[0].number == Decimal("1.234")
    assert {reading.number for reading in only("1.234").readings} == {1234, Decimal("1.234")}


def test_about_allows_for_rounding() -> None:
    about, exact = only("about 12 million"), only("12 million")
    assert quantities.agrees(about, only("12.4 million"))
    assert not quantities.agrees(exact, only("12.4 million"))
    assert not quantities.agrees(about, only("14 million"))


@pytest.mark.parametrize(
    ("text", "bound"),
    [
        ("at least 14 characters", Bound.LEAST),
        ("no more than five days", Bound.MOST),
        ("must not be stacked higher than 1.80 metres", Bound.MOST),
        ("must not fall below 30%", Bound.LEAST),
        ("Nobody may work more than six shifts", Bound.MOST),
        ("darf nicht jünger als 18 Jahre sein", Bound.LEAST),
        ("Mehr als 5 % darf die Strafe nicht ausmachen", Bound.MOST),
        ("höchstens 302 Euro", Bound.MOST),
        ("14 characters or more", Bound.LEAST),
        ("within 30 days", Bound.MOST),
        ("flights of more than seven hours", Bound.LEAST),
        ("28 days", Bound.NONE),
    ],
)
def test_a_limit_is_read_with_its_negation(text: str, bound: Bound) -> None:
    assert only(text).bound is bound


def test_of_a_range_both_ends_have_the_unit_and_scale() -> None:
    first, second = quantities.quantities("from 3.4 to 2.9 million euros")
    assert quantities.agrees(only("3.4 million euros"), first)
    assert quantities.agrees(only("2.9 million euros"), second)


def test_numbers_in_codes_count_nothing() -> None:
    assert quantities.quantities("the P-310 under ISO-9001 with AES-256, see LP-22") == []
