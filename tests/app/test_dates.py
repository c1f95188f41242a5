"""Days, months and years, and how often something happens."""

from __future__ import annotations

import pytest

from app import dates


@pytest.mark.parametrize(
    ("claimed", "said"),
    [
        ("3 March 2024", "2024-03-03"),
        ("March 3, 2024", "03.03.2024"),
        ("on 1 October", "by October 1, 2023"),
        ("in March 2024", "on 3 March 2024"),
        ("in 2024", "03.03.2024"),
        ("3. März 2024", "3rd of March 2024"),
        ("the third quarter of 2024", "Q3 2024"),
        ("im 3. Quartal 2024", "third quarter of 2024"),
        ("3/4/2024", "4 March 2024"),
        ("3/4/2024", "3 April 2024"),
        ("mid-2023", "in 2023"),
        ("Tuesday", "am Dienstag"),
    ],
)
def test_a_date_agrees_with_one_that_says_as_much(claimed: str, said: str) -> None:
    assert dates.agrees(dates.dates(claimed)[0], dates.dates(said)[0])


@pytest.mark.parametrize(
    ("claimed", "said"),
    [
        ("3 March 2024", "3 March 2023"),
        ("3 March 2024", "4 March 2024"),
        ("3 March 2024", "in March 2024"),
        ("in May 2024", "in June 2024"),
        ("Tuesday", "Thursday"),
        ("Q2 2024", "Q3 2024"),
    ],
)
def test_a_date_does_not_agree_with_another_or_a_vaguer_one(claimed: str, said: str) -> None:
    assert not dates.agrees(dates.dates(claimed)[0], dates.dates(said)[0])


@pytest.mark.parametrize("text", ["You may go", "The march was long", "2,023 units", "2000 kg", "We mar it"])
def test_what_is_no_date(text: str) -> None:
    assert dates.dates(text) == []


def test_a_range_of_days_has_one_month() -> None:
    first, last = dates.dates("between 3 and 17 May")
    assert (first.day, first.months, last.day, last.months) == (3, (5,), 17, (5,))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("every six months", "twice a year"),
        ("every quarter", "alle drei Monate"),
        ("monthly", "per month"),
        ("three days a week after agreement", "each week"),
        ("every January", "once a year"),
        ("jährlich", "einmal im Jahr"),
    ],
)
def test_rates_that_mean_the_same(one: str, other: str) -> None:
    assert dates.same_rate(dates.rates(one)[0], dates.rates(other)[0])


@pytest.mark.parametrize(("one", "other"), [("weekly", "monthly"), ("twice a year", "four times a year")])
def test_rates_that_differ(one: str, other: str) -> None:
    assert not dates.same_rate(dates.rates(one)[0], dates.rates(other)[0])


@pytest.mark.parametrize("text", ["half a year", "after a week", "a year earlier", "im Jahr 2022"])
def test_a_span_of_time_is_no_rate(text: str) -> None:
    assert dates.rates(text) == []
