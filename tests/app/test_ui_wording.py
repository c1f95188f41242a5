from datetime import UTC, datetime, timedelta, timezone

import pytest

from app.ui import wording

NOW = datetime(2026, 3, 3, 9, 12, tzinfo=timezone(timedelta(hours=1)))


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1400, "1 kB"),
        (204000, "204 kB"),
        (999600, "1.0 MB"),
        (9800000, "9.8 MB"),
        (999600000, "1.0 GB"),
    ],
)
def test_sizes_are_decimal(value: int, words: str) -> None:
    assert wording.size(value) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (1, "1st"),
        (2, "2nd"),
        (3, "3rd"),
        (4, "4th"),
        (11, "11th"),
        (12, "12th"),
        (13, "13th"),
        (21, "21st"),
        (112, "112th"),
        (1022, "1,022nd"),
    ],
)
def test_places_in_a_queue(value: int, words: str) -> None:
    assert wording.ordinal(value) == words


def test_numbers_have_separators_and_nouns_their_plural() -> None:
    assert wording.counted(1, "document") == "1 document"
    assert wording.counted(1204, "document") == "1,204 documents"
    assert wording.counted(0, "reply", "replies") == "0 replies"


def test_short_times_have_a_decimal() -> None:
    assert (wording.seconds(0.84), wording.seconds(9.96), wording.seconds(1200)) == ("0.8 s", "10 s", "1,200 s")


def test_days_are_those_of_the_reader_not_of_the_server() -> None:
    assert wording.when(datetime(2026, 3, 2, 23, 30, tzinfo=UTC), NOW) == "today, 00:30"
    assert wording.when(datetime(2026, 3, 2, 10, 0, tzinfo=UTC), NOW) == "yesterday"
    assert wording.when(datetime(2025, 12, 24, 10, 0, tzinfo=UTC), NOW) == "24 Dec 2025"


@pytest.mark.parametrize(
    ("days", "heading"), [(0, "Today"), (1, "Yesterday"), (2, "Last week"), (7, "Last week"), (8, "Older")]
)
def test_the_history_is_parted_by_age(days: int, heading: str) -> None:
    assert wording.period(NOW - timedelta(days=days), NOW) == heading
