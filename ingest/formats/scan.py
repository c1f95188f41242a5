"""A page as a picture: its words by text recognition (OCR), which the caller of the sandbox answers for.

The boxes of the words are kept with the section, as `storage.boxes` packs them, so that marks work as on other pages.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median
from typing import TYPE_CHECKING

from ingest import child
from ingest.formats.headings import Line, Page
from ingest.formats.sections import NO_TEXT
from ingest.recognition import lines as found
from ingest.recognition.recogniser import MAX_PIXELS, pack
from storage import boxes
from storage.types import BLANK

if TYPE_CHECKING:
    from PIL.Image import Image

DPI = 200
_EVEN = 1.3  # lines that differ less in height are of one type size: only some have letters that reach up and down
_CONTRAST = 24  # of 255: paper is never quite even


def recognised(picture: Image, dpi: float) -> tuple[Page | None, str]:
    """The page with its text, or None and the reason why there is none, as in `Reading.unread`. The picture is grey."""
    used = [shade for shade, count in enumerate(picture.histogram()) if count]
    if used[-1] - used[0] < _CONTRAST:
        return None, BLANK
    width, height = picture.size
    question = {"width": width, "height": height, "dpi": max(1, round(dpi)), "pixels": pack(picture.tobytes())}
    answer = child.ask(question)
    if answer is None:
        return None, NO_TEXT
    lines = found.from_json(answer.get("lines", []), width, height)
    if not lines:
        return None, str(answer.get("unread") or "no text was recognised on it")
    return _page(lines, width, height, dpi), ""


def scale(width: float, height: float) -> float:
    """Pixels a point for a page of that size in points, so that it is taken."""
    return min(DPI / 72, math.sqrt(0.98 * MAX_PIXELS / max(1.0, width * height)))


def _page(lines: Sequence[found.Line], width: int, height: int, dpi: float) -> Page:
    heights = [line.box[3] - line.box[1] for line in lines]
    plain = median(size for line, size in zip(lines, heights, strict=True) for _ in line.words)
    text, laid, placed = "", [], []
    for line, size in zip(lines, heights, strict=True):
        if text:
            text += "\n\n" if line.opens else " \n"
        words = " ".join(word.text for word in line.words)
        left, _, right, bottom = line.box
        even = plain / _EVEN < size < plain * _EVEN
        points = [pixels * 72 / dpi for pixels in (plain if even else size, left, right, height - bottom)]
        laid.append(Line(len(text), words, points[0], False, *points[1:]))
        placed += [(word.left, word.top, word.right, word.bottom) for word in line.words]
        text += words
    return Page(text, laid, boxes=boxes.pack(placed, width, height))
