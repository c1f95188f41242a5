"""The highest of a figure that changes while something runs."""

from __future__ import annotations

import threading

import pytest

from benchmarks.peak import peak_of


def test_the_highest_is_kept_and_looking_ends_with_the_block() -> None:
    figures, seen = iter([3, 9, 4]), threading.Event()

    def figure() -> int:
        value = next(figures, None)
        if value is None:
            seen.set()
        return value or 0

    with peak_of(figure, every=0.001) as highest:
        assert highest() >= 3
        assert seen.wait(30)
        assert highest() == 9
    assert not [thread for thread in threading.enumerate() if thread.name.endswith("(watch)")]


def test_an_error_in_the_block_ends_the_looking_too() -> None:
    before = threading.active_count()
    with pytest.raises(OSError, match="the disk is full"), peak_of(lambda: 1, every=0.001):
        raise OSError("the disk is full")
    assert threading.active_count() == before
