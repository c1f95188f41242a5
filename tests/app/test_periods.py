from __future__ import annotations

import pytest

from app.periods import moved, periods, replaced, without_periods, years


@pytest.mark.parametrize(
    ("text", "said", "years", "quarter"),
    [
        ("revenue in 2022?", "2022", (2022,), None),
        ("the third quarter of fiscal 2023", "third quarter of fiscal 2023", (2023,), 3),
        ("Q3 2022", "Q3 2022", (2022,), 3),
        ("im 2. Quartal 2021", "2. Quartal 2021", (2021,), 2),
        ("im dritten Quartal 2022", "dritten Quartal 2022", (2022,), 3),
        ("on May 31, 2021", "May 31, 2021", (2021,), None),
        ("am 31. Mai 2021", "31. Mai 2021", (2021,), None),
        ("from 2020 to 2022", "2020 to 2022", (2020, 2022), None),
        ("FY22", "FY22", (2022,), None),
        ("Geschäftsjahr 2021/22", "Geschäftsjahr 2021/22", (2021,), None),
        ("and in the second quarter?", "second quarter", (), 2),
        ("sales in 2Q22?", "2Q22", (2022,), 2),
        ("sales in 1Q 2021?", "1Q 2021", (2021,), 1),
        ("sales in Q2'23?", "Q2'23", (2023,), 2),
        ("sales in Q22023?", "Q22023", (2023,), 2),
        ("sales in Q2'2023?", "Q2'2023", (2023,), 2),
        ("sales in Q2 FY23?", "Q2 FY23", (2023,), 2),
        ("the fourth quarter of FY2022", "fourth quarter of FY2022", (2022,), 4),
        ("FY23 Q2", "FY23 Q2", (2023,), 2),
        ("2023 Q2", "2023 Q2", (2023,), 2),
        ("in 2023Q2", "2023Q2", (2023,), 2),
        ("in 3Q?", "3Q", (), 3),
        ("in fiscal '22", "fiscal '22", (2022,), None),
    ],
)
def test_a_time_is_found_as_it_is_written(text: str, said: str, years: tuple[int, ...], quarter: int | None) -> None:
    [period] = periods(text)
    assert (period.text, period.years, period.quarter) == (said, years, quarter)
    assert text[period.start : period.end] == said


@pytest.mark.parametrize(
    "text",
    ["room 2012b", "Can I march in May?", "version 7.1", "2,022 people", "KX-200-2020", "a Q5 22 of 30", "12Q22"],
)
def test_what_only_looks_like_a_time_is_none(text: str) -> None:
    assert periods(text) == []


@pytest.mark.parametrize(
    ("words", "base", "meant"),
    [
        ("and the year before?", "in 2022", "and in 2021?"),
        ("and two years earlier?", "in 2022", "and in 2020?"),
        ("what about the following year?", "in 2022", "what about in 2023?"),
        ("and the year before?", "Q1 2022", "and in Q1 2021?"),
        ("the quarter before?", "Q1 2022", "in Q4 2021?"),
        ("next quarter?", "Q4 2022", "in Q1 2023?"),
        ("und im Jahr davor?", "2021/22", "und in 2020/21?"),
        ("Und im Vorjahr?", "2022", "Und in 2021?"),
        ("und im Folgejahr?", "2022", "und in 2023?"),
        (
            "How many stores did it have that year?",
            "at the end of fiscal 2022",
            "How many stores did it have in fiscal 2022?",
        ),
        ("and before that?", "from 2020 to 2022", "in 2019?"),
        ("and after that?", "from 2020 to 2022", "in 2023?"),
    ],
)
def test_the_year_before_is_counted_from_the_time_that_was_spoken_of(words: str, base: str, meant: str) -> None:
    assert moved(words, periods(base)[0]) == meant


@pytest.mark.parametrize(
    "words", ["How did 2022 compare with the year before?", "the quarter before?", "What happens before that?"]
)
def test_words_that_another_time_explains_or_nothing_does_stay(words: str) -> None:
    assert moved(words, periods("in 2020")[0]) == words


def test_without_a_time_to_count_from_nothing_is_counted() -> None:
    assert moved("and the year before?", None) == "and the year before?"


def test_a_year_takes_the_place_of_a_year_and_keeps_the_quarter() -> None:
    assert replaced("sales in Q3 2022?", periods("2021")[0]) == "sales in Q3 2021?"
    assert replaced("sales in Q3 2022?", periods("the whole of 2021")[0]) == "sales in 2021?"
    assert replaced("sales in Q3 2022?", periods("in the second quarter")[0]) == "sales in second quarter 2022?"
    assert replaced("sales?", periods("2021")[0]) is None


def test_a_text_without_its_times_loses_what_led_in_to_them() -> None:
    assert without_periods("Walmart at the end of fiscal 2021").strip() == "Walmart"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("in 2022/23", {2022, 2023}),
        ("1999-00", {1999, 2000}),
        ("on 2021-11-30", {2021}),
        ("from 2020 to 2022", {2020, 2022}),
        ("FY22", {2022}),
        ("31.12.2021", {2021}),
        ("document 120223", set()),
    ],
)
def test_years_are_all_that_may_be_meant(text: str, found: set[int]) -> None:
    assert years(text) == found
