"""What recognition finds on a picture: lines in reading order, of words with their places in pixels.

As JSON a line is [begins a paragraph, [[word, left, top, right, bottom], ...]].
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

MOST_WORDS = 20_000
LONGEST = 200  # characters of a word
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufffe\uffff\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Word:
    text: str
    left: int
    top: int
    right: int
    bottom: int


@dataclass(slots=True)
class Line:
    words: list[Word]
    opens: bool = False  # a paragraph

    @property
    def box(self) -> tuple[int, int, int, int]:
        return (
            min(word.left for word in self.words),
            min(word.top for word in self.words),
            max(word.right for word in self.words),
            max(word.bottom for word in self.words),
        )


def to_json(lines: Iterable[Line]) -> list[Any]:
    return [[line.opens, [[w.text, w.left, w.top, w.right, w.bottom] for w in line.words]] for line in lines]


def from_json(value: Any, width: int, height: int) -> list[Line]:
    """Lines of a picture of that size, whatever was sent: words hold no space, places lie within the picture.

    Raises ValueError or TypeError for what is no list of lines.
    """
    lines, count = [], 0
    for opens, words in value:
        line = Line([], bool(opens))
        for text, *sides in words:
            left, top, right, bottom = (int(side) for side in sides)
            left, right = sorted(min(max(side, 0), width) for side in (left, right))
            top, bottom = sorted(min(max(side, 0), height) for side in (top, bottom))
            for part in _UNPRINTABLE.sub("", str(text)[:LONGEST]).split():
                line.words.append(Word(part, left, top, right, bottom))
        count += len(line.words)
        if line.words and count <= MOST_WORDS:
            lines.append(line)
    return lines


def in_reading_order(lines: Sequence[Line]) -> list[Line]:
    """Columns one after the other: cut where white runs through, across first, then down.

    For engines that only find lines. Where a gap between lines is wide, a paragraph begins.
    """
    ordered = _cut(list(lines), 0)
    for above, below in zip([None, *ordered], ordered, strict=False):
        if above is None or not 0 <= below.box[1] - above.box[3] < 0.8 * (below.box[3] - below.box[1]):
            below.opens = True
    return ordered


def _cut(lines: list[Line], depth: int) -> list[Line]:
    if len(lines) > 1 and depth < 20:
        heights = sorted(line.box[3] - line.box[1] for line in lines)
        gap = heights[len(heights) // 2]
        for first, last, least in ((0, 2, gap), (1, 3, gap)):
            parts = _parted(lines, first, last, least)
            if len(parts) > 1:
                return [line for part in parts for line in _cut(part, depth + 1)]
    return sorted(lines, key=lambda line: (line.box[1], line.box[0]))


def _parted(lines: list[Line], first: int, last: int, least: int) -> list[list[Line]]:
    """Groups of lines between which `least` pixels are free, by the sides `first` and `last` of their boxes."""
    parts: list[list[Line]] = []
    end = 0
    for line in sorted(lines, key=lambda line: line.box[first]):
        if not parts or line.box[first] - end >= least:
            parts.append([])
            end = line.box[last]
        parts[-1].append(line)
        end = max(end, line.box[last])
    return parts
