"""How far a figure can be trusted: bootstrap intervals, a paired test of two runs, risk against coverage.

Every draw is seeded: the same values give the same figures.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 2_000
PERMUTATIONS = 10_000
_LEVEL = 0.95
_SEED = 20_240_607
_AT_ONCE = 4_000_000  # numbers drawn in one go
_EQUAL = 1e-9

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A mean or percentile over `n` questions, and the ends of its 95% interval."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """The second run less the first, over the `n` questions that both have. `better`, `worse`, `equal` count them.

    `p`: how often chance alone would make a mean difference at least as large; not corrected for several measures.
    """

    first: float
    second: float
    difference: float
    low: float
    high: float
    p: float
    n: int
    better: int
    worse: int
    equal: int


@dataclass(frozen=True, slots=True)
class Point:
    """With every question answered whose confidence is at least `threshold`: the share answered, and wrong of these."""

    threshold: float
    coverage: float
    risk: float


def mean(values: Sequence[float]) -> Figure:
    """With the percentile bootstrap's interval. Raises ValueError for no values."""
    array = _array(values)
    low, high = _interval(_means(array))
    return Figure(value=float(array.mean()), low=low, high=high, n=len(array))


def percentile(values: Sequence[float], share: float) -> Figure:
    """`share` in percent. Raises ValueError for no values."""
    array = _array(values)
    drawn = [np.percentile(array[places], share, axis=1) for places in _places(len(array))]
    low, high = _interval(np.concatenate(drawn))
    return Figure(value=float(np.percentile(array, share)), low=low, high=high, n=len(array))


def compare(first: Sequence[float], second: Sequence[float], *, higher_is_better: bool = True) -> Difference:
    """Two runs of the same questions, in the same order.

    The test is a paired randomisation test: which run a value is from is exchanged at random, question by question.
    Raises ValueError for no values, or not as many.
    """
    one, other = _array(first), _array(second)
    if len(one) != len(other):
        raise ValueError("the runs hold not the same questions")
    apart = other - one
    apart[np.abs(apart) < _EQUAL] = 0.0
    low, high = _interval(_means(apart))
    better = apart if higher_is_better else -apart
    return Difference(
        first=float(one.mean()),
        second=float(other.mean()),
        difference=float(apart.mean()),
        low=low,
        high=high,
        p=_chance(apart),
        n=len(apart),
        better=int((better > 0).sum()),
        worse=int((better < 0).sum()),
        equal=int((apart == 0).sum()),
    )


def risk_coverage(answers: Sequence[tuple[float, bool]], *, of: int = 0) -> list[Point]:
    """From (confidence, is right) of each question: a point for each confidence, the highest first.

    `of`: how many questions there are, with those that are answered at no confidence.
    """
    of = max(of, len(answers))
    ordered = sorted(answers, key=lambda answer: -answer[0])
    points: list[Point] = []
    wrong = 0
    for place, (confidence, right) in enumerate(ordered, 1):
        wrong += not right
        if place == len(ordered) or ordered[place][0] < confidence:
            points.append(Point(confidence, place / of, wrong / place))
    return points


def area(points: Sequence[Point]) -> float:
    """The mean risk over all coverages (AURC): 0 when every confident answer is right."""
    total, covered = 0.0, 0.0
    for point in points:
        total += point.risk * (point.coverage - covered)
        covered = point.coverage
    return total / covered if covered else 0.0


def _array(values: Sequence[float]) -> Floats:
    if not len(values):
        raise ValueError("there are no values")
    return np.asarray(values, dtype=np.float64)


def _means(array: Floats) -> Floats:
    return np.concatenate([array[places].mean(axis=1) for places in _places(len(array))])


def _places(n: int) -> Iterator[NDArray[np.int64]]:
    """Which values each resample draws: blocks of rows, RESAMPLES in all."""
    rng = np.random.default_rng(_SEED)
    rows = max(1, min(RESAMPLES, _AT_ONCE // n))
    for begin in range(0, RESAMPLES, rows):
        yield rng.integers(0, n, size=(min(rows, RESAMPLES - begin), n))


def _interval(drawn: Floats) -> tuple[float, float]:
    low, high = np.percentile(drawn, [50 * (1 - _LEVEL), 50 * (1 + _LEVEL)])
    return float(low), float(high)


def _chance(apart: Floats) -> float:
    """Two-sided: the share of random signs whose mean is as far from zero, the observed one counted in."""
    moved = apart[apart != 0]
    if not len(moved):
        return 1.0
    rng = np.random.default_rng(_SEED)
    rows = max(1, _AT_ONCE // len(moved))
    seen, far = abs(moved.sum()) - _EQUAL, 0
    for begin in range(0, PERMUTATIONS, rows):
        size = min(rows, PERMUTATIONS - begin)
        signs = rng.integers(0, 2, size=(size, len(moved))) * 2 - 1
        far += int((np.abs(signs @ moved) >= seen).sum())
    return (far + 1) / (PERMUTATIONS + 1)
