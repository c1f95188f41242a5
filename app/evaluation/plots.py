"""Plots of a report as SVG: a few shapes and words, colours by the classes of report.css. Every text is escaped.

Drawn at about the width of a phone, so that words keep their size there; side by side on wider screens.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from app.evaluation.statistics import Figure, Point
from app.ui.safe_html import plain

WIDTH = 350
_LEFT, _RIGHT, _TOP, _BOTTOM = 40, 18, 12, 34
_TALL = 230
_ROW = 26  # of a chart with a row for each thing
_NAME = 128  # width of their names
_LONGEST_NAME = 21  # letters
_BINS = 24


@dataclass(frozen=True, slots=True)
class Series:
    """`look` is a class of report.css: one, two or three."""

    name: str
    look: str
    points: Sequence[tuple[int, Figure]]


@dataclass(frozen=True, slots=True)
class Bar:
    name: str
    value: float
    low: float
    high: float
    label: str
    look: str = "one"


@dataclass(frozen=True, slots=True)
class _Frame:
    """Where values of x (0 to `x_most`) and y (0 to `y_most`) lie."""

    x_most: float
    y_most: float

    def x(self, value: float) -> float:
        return round(_LEFT + (WIDTH - _LEFT - _RIGHT) * value / self.x_most, 1)

    def y(self, value: float) -> float:
        return round(_TALL - _BOTTOM - (_TALL - _TOP - _BOTTOM) * value / self.y_most, 1)


def recall_curve(series: Sequence[Series]) -> str:
    """Recall by cutoff with the 95% intervals as bands; cutoffs are as far apart as their logarithms."""
    last = max(k for one in series for k, _ in one.points)
    frame = _Frame(math.log(last) or 1.0, 1.0)
    parts = [_levels(frame, [0, 0.25, 0.5, 0.75, 1], _share)]
    for k in sorted({k for one in series for k, _ in one.points}):
        if k in (1, 2, 3, 5, 10, 20):
            parts.append(_words(frame.x(math.log(k)), _TALL - _BOTTOM + 16, str(k), "mid"))
    parts.append(_words(WIDTH / 2 + 10, _TALL - 4, "first places of the list", "mid"))
    for one in series:
        upper = [(frame.x(math.log(k)), frame.y(figure.high)) for k, figure in one.points]
        lower = [(frame.x(math.log(k)), frame.y(figure.low)) for k, figure in reversed(one.points)]
        parts.append(f'<path class="band {one.look}" d="{_path([*upper, *lower])}Z"/>')
    for one in series:
        dots = [(frame.x(math.log(k)), frame.y(figure.value)) for k, figure in one.points]
        parts.append(f'<path class="line {one.look}" d="{_path(dots)}"/>')
        for (x, y), (k, figure) in zip(dots, one.points, strict=True):
            told = f"{one.name} in the first {k}: {_interval(figure)}"
            parts.append(f'<circle class="dot {one.look}" cx="{x}" cy="{y}" r="3">{_title(told)}</circle>')
    return _svg(_TALL, "Recall by the number of places looked at", parts)


def bars(rows: Sequence[Bar], name: str) -> str:
    """A bar for each row, from 0 to 1, with its interval as a line."""
    frame_left, wide = _NAME + 8, WIDTH - _NAME - 8 - 48
    parts = []
    for place, row in enumerate(rows):
        y = place * _ROW + 4
        end, low, high = (round(frame_left + wide * value, 1) for value in (row.value, row.low, row.high))
        told = _title(f"{row.name}: {row.label} ({row.low:.3f} to {row.high:.3f})")
        box = f'x="{frame_left}" y="{y}" height="18" rx="3"'
        filled = f"{max(0.0, end - frame_left):.1f}"
        parts += [
            _words(_NAME, y + 13, _short(row.name), "end", full=row.name),
            f'<rect class="track" {box} width="{wide}"/>',
            f'<rect class="length {row.look}" {box} width="{filled}">{told}</rect>',
            f'<path class="whisker" d="M{low} {y + 9}H{high}M{low} {y + 5}v8M{high} {y + 5}v8"/>',
            _words(WIDTH, y + 13, row.label, "end"),
        ]
    return _svg(len(rows) * _ROW + 6, name, parts)


def differences(rows: Sequence[Bar], name: str) -> str:
    """For each row a point with its interval, to the left and right of no difference. `look`: better, worse or same."""
    most = max(max(abs(row.low), abs(row.high)) for row in rows) or 1.0
    left, right = _NAME + 14, WIDTH - 54
    middle, half = (left + right) / 2, (right - left) / 2 - 4
    tall = len(rows) * _ROW + 22
    parts = [f'<path class="zero" d="M{middle:.1f} 0V{tall - 20}"/>']
    for place, row in enumerate(rows):
        y = place * _ROW + 13
        at, low, high = (round(middle + half * value / most, 1) for value in (row.value, row.low, row.high))
        parts += [
            _words(_NAME, y + 4, _short(row.name), "end", full=row.name),
            f'<path class="interval {row.look}" d="M{low} {y}H{high}"/>',
            f'<circle class="dot {row.look}" cx="{at}" cy="{y}" r="4.5">{_title(f"{row.name}: {row.label}")}</circle>',
            _words(WIDTH, y + 4, row.label, "end"),
        ]
    parts.append(_words(middle, tall - 5, "no difference", "mid"))
    return _svg(tall, name, parts)


def histogram(seconds: Sequence[float], marks: Sequence[tuple[str, float]]) -> str:
    """How many questions took how long. The slowest hundredth is counted in the last bin."""
    ordered = sorted(seconds)
    most = max(ordered[int(0.99 * (len(ordered) - 1))], *(value for _, value in marks), 1e-6)
    step = _nice(most / _BINS)
    counts = [0] * (math.ceil(most / step) + 1)
    for value in ordered:
        counts[min(int(value / step), len(counts) - 1)] += 1
    frame = _Frame(len(counts) * step, max(counts) * 1.14)
    parts = [_levels(frame, [0, *_steps(max(counts), 4)], lambda value: f"{value:,.0f}")]
    for place, count in enumerate(counts):
        x, y = frame.x(place * step), frame.y(count)
        wide = max(0.5, frame.x((place + 1) * step) - x - 1)
        told = f"{_time(place * step)} to {_time((place + 1) * step)}: {count} questions"
        if place == len(counts) - 1:
            told = f"{_time(place * step)} and more: {count} questions"
        box = f'x="{x}" y="{y}" width="{wide:.1f}" height="{frame.y(0) - y:.1f}"'
        parts.append(f'<rect class="bar one" {box}>{_title(told)}</rect>')
    for value in (0, *_steps(frame.x_most, 5)):
        parts.append(_words(frame.x(value), _TALL - _BOTTOM + 16, _time(value), "mid"))
    for place, (name, value) in enumerate(marks):
        x = frame.x(value)
        side = "end" if x > WIDTH * 0.6 else "start"
        parts.append(f'<path class="mark" d="M{x} {_TOP}V{_TALL - _BOTTOM}"/>')
        parts.append(_words(x + (-4 if side == "end" else 4), _TOP + 9 + 14 * place, f"{name} {_time(value)}", side))
    return _svg(_TALL, "Time of a search", parts)


def risk_curve(points: Sequence[Point], overall: str) -> str:
    """Share of wrong answers (y) when only so many questions (x), the surest, are answered."""
    most = _nice(max(0.1, *(point.risk for point in points)))
    frame = _Frame(1.0, most)
    parts = [_levels(frame, [0, *_steps(most, 4)], _share)]
    for value in (0, 0.25, 0.5, 0.75, 1):
        parts.append(_words(frame.x(value), _TALL - _BOTTOM + 16, _share(value), "mid"))
    parts.append(_words(WIDTH / 2 + 10, _TALL - 4, "of the questions answered, the surest first", "mid"))
    dots = [(frame.x(point.coverage), frame.y(point.risk)) for point in points]
    parts.append(f'<path class="line one" d="{_path(dots)}"/>')
    for (x, y), point in list(zip(dots, points, strict=True))[:: max(1, len(points) // 40)]:
        told = f"confidence {point.threshold:.2f} and more: {point.coverage:.0%} answered, {point.risk:.1%} wrong"
        parts.append(f'<circle class="catch" cx="{x}" cy="{y}" r="7">{_title(told)}</circle>')
    parts.append(_words(WIDTH - _RIGHT, _TOP + 9, overall, "end"))
    return _svg(_TALL, "Wrong answers by the share of questions answered", parts)


def _svg(tall: float, name: str, parts: Iterable[str]) -> str:
    label = plain(name)
    return f'<svg viewBox="0 0 {WIDTH} {tall:g}" role="img" aria-label="{label}">{"".join(parts)}</svg>'


def _levels(frame: _Frame, values: Iterable[float], label: Callable[[float], str]) -> str:
    lines = []
    for value in values:
        y = frame.y(value)
        lines.append(f'<path class="grid" d="M{_LEFT} {y}H{WIDTH - _RIGHT}"/>')
        lines.append(_words(_LEFT - 6, y + 4, label(value), "end"))
    return "".join(lines)


def _words(x: float, y: float, text: str, side: str, *, full: str = "") -> str:
    title = _title(full) if full and full != text else ""
    return f'<text class="{side}" x="{x:g}" y="{y:g}">{plain(text)}{title}</text>'


def _title(text: str) -> str:
    return f"<title>{plain(text)}</title>"


def _path(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x} {y}" for x, y in points)


def _steps(most: float, number: int) -> list[float]:
    step = _nice(most / number)
    return [round(step * place, 9) for place in range(1, int(most / step + 1e-9) + 1)]


def _nice(value: float) -> float:
    """The next of 1, 2, 2.5 and 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= value * (1 - 1e-9))


def _interval(figure: Figure) -> str:
    return f"{figure.value:.3f} ({figure.low:.3f} to {figure.high:.3f})"


def _share(value: float) -> str:
    return f"{100 * value:g}%"


def _time(seconds: float) -> str:
    return f"{seconds:g} s" if seconds >= 1 else f"{1000 * seconds:.3g} ms" if seconds else "0"


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…"
