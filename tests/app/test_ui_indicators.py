"""Dots and bars."""

from __future__ import annotations

import pytest

from app.ui.indicators import bar, dot, marked


def test_words_stand_behind_the_dot_and_what_is_not_said_leaves_no_trace() -> None:
    assert marked("ok", "Done") == f"{dot('ok')}Done"
    assert marked("bad", "Failed", "Why.") == f"{dot('bad')}Failed<small>Why.</small>"
    assert 'aria-hidden="true"' in dot()


@pytest.mark.parametrize(("done", "total", "share"), [(0, 7, 0), (1, 3, 33), (3, 3, 100), (9, 3, 100)])
def test_a_bar_says_how_much_is_done_and_never_more_than_all(done: int, total: int, share: int) -> None:
    drawn = bar(done, total, "Reading")
    assert f'aria-valuenow="{share}"' in drawn
    assert f"width:{share}%" in drawn


def test_without_a_total_there_is_no_bar() -> None:
    assert bar(3, 0, "Reading") == ""
