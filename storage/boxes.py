"""Where the words of a page stand whose text is not pdfium's own: eight bytes a word, in the order of the text.

A word is what stands between white space. Its left, top, right and bottom edges are parts of 65,535 of the page.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable

Box = tuple[float, float, float, float]

_UNITS = 65_535
_WORD = re.compile(r"\S+")


def pack(words: Iterable[tuple[int, int, int, int]], width: int, height: int) -> bytes:
    """Edges in pixels of a picture of that size."""
    sides = (
        min(max(round(side * _UNITS / length), 0), _UNITS)
        for word in words
        for side, length in zip(word, (width, height, width, height), strict=True)
    )
    numbers = list(sides)
    return struct.pack(f"<{len(numbers)}H", *numbers)


def check(packed: bytes, text: str) -> None:
    """Raises ValueError unless there is a box for each word of `text`, or none at all."""
    if packed and len(packed) != 8 * sum(1 for _ in _WORD.finditer(text)):
        raise ValueError("boxes that do not fit the words")


def of_characters(packed: bytes, text: str) -> tuple[Box | None, ...]:
    """A box for each character, as parts of the page; a word's characters share its box evenly. Empty: unknown."""
    if not packed:
        return ()
    found: list[Box | None] = [None] * len(text)
    for word, sides in zip(_WORD.finditer(text), struct.iter_unpack("<4H", packed), strict=True):
        left, top, right, bottom = (side / _UNITS for side in sides)
        step = (right - left) / len(word[0])
        if step > 0 and bottom > top:
            for number, at in enumerate(range(*word.span())):
                found[at] = (left + number * step, top, left + (number + 1) * step, bottom)
    return tuple(found)
