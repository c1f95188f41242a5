"""Intervals, tests and curves: against values computed by hand, and the properties that make them worth anything."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.evaluation.statistics import Point, area, compare, mean, percentile, risk_coverage

shares = st.lists(st.floats(0, 1, allow_nan=False), min_size=1, max_size=60)


def test_an_interval_is_about_two_standard_errors_wide() -> None:
    values = [1.0] * 60 + [0.0] * 40
    figure = mean(values)
    error = math.sqrt(0.6 * 0.4 / 100)
    assert (figure.value, figure.n) == (0.6, 100)
    assert figure.low == pytest.approx(0.6 - 1.96 * error, abs=0.02)
    assert figure.high == pytest.approx(0.6 + 1.96 * error, abs=0.02)


def test_the_same_values_give_the_same_interval() -> None:
    values = list(np.random.default_rng(1).random(50))
    assert mean(values) == mean(values)


@settings(deadline=None, max_examples=40)
@given(shares)
def test_the_mean_lies_in_its_interval_and_the_interval_in_the_values(values: list[float]) -> None:
    figure = mean(values)
    assert min(values) - 1e-9 <= figure.low <= figure.value + 1e-9
    assert figure.value - 1e-9 <= figure.high <= max(values) + 1e-9


def test_intervals_of_draws_hold_the_truth_about_as_often_as_they_say() -> None:
    rng = np.random.default_rng(7)
    held = 0
    for _ in range(100):
        figure = mean(list((rng.random(60) < 0.5).astype(float)))
        held += figure.low <= 0.5 <= figure.high
    assert 88 <= held <= 99


def test_percentiles_are_those_of_numpy_with_an_interval_around_them() -> None:
    values = [place / 100 for place in range(101)]
    figure = percentile(values, 95)
    assert figure.value == pytest.approx(0.95)
    assert 0.88 < figure.low < 0.95 < figure.high <= 1.0


def test_nothing_has_no_mean() -> None:
    with pytest.raises(ValueError, match="no values"):
        mean([])
    with pytest.raises(ValueError, match="not the same questions"):
        compare([1.0], [1.0, 0.0])


@settings(deadline=None, max_examples=40)
@given(shares)
def test_a_run_against_itself_differs_in_nothing(values: list[float]) -> None:
    same = compare(values, values)
    assert (same.p, same.difference, same.low, same.high) == (1.0, 0.0, 0.0, 0.0)
    assert (same.better, same.worse, same.equal) == (0, 0, len(values))


def test_a_clear_gain_is_hardly_chance_and_its_interval_leaves_zero_out() -> None:
    before = [0.0] * 60 + [1.0] * 40
    after = [1.0] * 20 + [0.0] * 40 + [1.0] * 40
    gain = compare(before, after)
    assert gain.difference == pytest.approx(0.2)
    assert gain.p < 0.001
    assert gain.low > 0
    assert (gain.better, gain.worse, gain.equal) == (20, 0, 80)


def test_gains_and_losses_that_balance_are_chance() -> None:
    before, after = [0.0] * 10 + [1.0] * 10, [1.0] * 10 + [0.0] * 10
    both = compare(before, after)
    assert both.p == 1.0
    assert both.low < 0 < both.high


def test_p_is_the_share_of_signs_that_go_as_far() -> None:
    """Five questions, all better: 2 of the 32 ways to set the signs are as far from zero."""
    assert compare([0.0] * 5, [1.0] * 5).p == pytest.approx(2 / 32, abs=0.01)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=40))
def test_exchanging_the_runs_turns_the_sign_and_nothing_else(pairs: list[tuple[float, float]]) -> None:
    first, second = [one for one, _ in pairs], [other for _, other in pairs]
    there, back = compare(first, second), compare(second, first)
    assert there.difference == pytest.approx(-back.difference, abs=1e-9)
    assert there.p == pytest.approx(back.p)
    assert (there.better, there.worse) == (back.worse, back.better)


def test_fewer_seconds_are_better() -> None:
    quicker = compare([2.0, 3.0], [1.0, 3.0], higher_is_better=False)
    assert quicker.difference == -0.5
    assert (quicker.better, quicker.worse) == (1, 0)


def test_risk_rises_with_coverage_when_confidence_knows_what_is_right() -> None:
    points = risk_coverage([(0.9, True), (0.2, False), (0.6, True), (0.4, False)])
    assert points == [Point(0.9, 0.25, 0.0), Point(0.6, 0.5, 0.0), Point(0.4, 0.75, 1 / 3), Point(0.2, 1.0, 0.5)]
    assert area(points) == pytest.approx((0 + 0 + 1 / 3 + 1 / 2) / 4)


def test_questions_of_one_confidence_are_answered_together() -> None:
    assert risk_coverage([(0.5, True), (0.5, False)]) == [Point(0.5, 1.0, 0.5)]


def test_questions_that_are_never_answered_limit_the_coverage() -> None:
    points = risk_coverage([(0.9, True), (0.5, True)], of=4)
    assert [point.coverage for point in points] == [0.25, 0.5]
    assert area(points) == 0
    assert area([]) == 0
