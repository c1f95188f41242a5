"""The lines of a PDF page with the places of their words, cut where gaps are.

Not covered: what the gaps mean (`columns`).
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import pypdfium2
import pypdfium2.raw as pdfium

_GAP = 0.7  # of the type size: wider than a space of justified prose, narrower than the gap between two columns
_FIGURES_GAP = 0.4  # the same between two figures
BETWEEN = 16  # lines without a gap between two with: the cells of a header that wraps
_WORD = re.compile(r"\S+")
_LEADER = re.compile(r"(?:[.·…_]\s?){3,}$")
_LEADER_WORD = re.compile(r"[.·…_]+")
_CURRENCY = re.compile(r"[($]*(?:US|CA|A)?[$€£¥]|EUR|GBP|USD|CHF|\(")
_ENDS_FIGURE = "0123456789)%—"
_FIGURE_BEGINS = re.compile(r"[($€£¥]*[\d—-]")
_CLOSING = re.compile(r"\)?%?\)?")
FIGURE = re.compile(
    r"[(\[]?[-–+−~<>]?\s*(?:US\$|[$€£¥]|EUR|GBP|USD|CHF)?\s*[(-–]?\d[\d.,'\s]*\)?\s*(?:%|[x€$£]|bps|million|billion)?\s*\)?"
    r"|[$€£]?\s*[—–-]+\s*%?|N/?[AM]|\*+"
)
LIST_MARK = re.compile(r"[•▪●○◦‣·–—*☐☒☑-]|\(?(?:\d{1,3}|[a-zA-Z]|[ivx]{1,5})[.)]")

Edges = Callable[[int], tuple[float, float, float, float]]
"""left, right, top, bottom of a character as the page is read; downwards is more."""


@dataclass(slots=True)
class Segment:
    """Words of a line without a wide gap between them."""

    start: int
    end: int
    left: float
    right: float


@dataclass(slots=True)
class Line:
    y: float  # grows downwards
    size: float
    bold: bool
    segments: list[Segment]


def lay(lines: Iterable[tuple[int, str, bool]], edges: Edges) -> list[Line]:
    """`lines` has (offset, words, bold) of each line that is not blank; what stands at one height is one line."""
    return _side_by_side(line for line in _parted(lines, edges) if line.segments)


def _parted(lines: Iterable[tuple[int, str, bool]], edges: Edges) -> Iterator[Line]:
    """pdfium may put rows behind each other on one line: they are parted."""
    since = BETWEEN  # lines since the last one with a gap
    for offset, words, bold in lines:
        segments: list[Segment] = []
        left, _, top, y = edges(offset)
        size = y - top
        right = edges(offset + len(words) - 1)[1]
        since += 1
        if since > BETWEEN and _is_dense(words, right - left, size):
            yield Line(y, size, bold, [Segment(offset, offset + len(words), left, right)])
            continue
        for found in _WORD.finditer(words):
            if segments and _LEADER_WORD.fullmatch(found[0]):
                continue  # dots that lead to the figures
            start, end = offset + found.start(), offset + found.end()
            left, right, _, bottom = edges(start)
            if end - start > 1:
                right = edges(end - 1)[1]
            if segments and left < segments[-1].left:
                yield Line(y, size, bold, _joined(words, offset, segments))
                segments, y = [], bottom
            if segments and left - segments[-1].right < size * _gap(words, found):
                segments[-1].end, segments[-1].right = end, right
            else:
                segments.append(Segment(start, end, left, right))
        yield Line(y, size, bold, _joined(words, offset, segments))
        since = 0 if len(segments) > 1 else since


def _side_by_side(lines: Iterable[Line]) -> list[Line]:
    """Lines of the text that stand at one height, each right of the last, are one."""
    result: list[Line] = []
    for line in lines:
        last = result[-1] if result else None
        if last and abs(last.y - line.y) < 0.2 * line.size and line.segments[0].left > last.segments[-1].right:
            last.segments += line.segments
        else:
            result.append(line)
    return result


def edges_of(page: pypdfium2.PdfTextPage, rotation: int = 0, at: Sequence[int] | None = None) -> Edges:
    """`at[i]` is pdfium's index of character i, where the text was put in another order."""
    box, raw = pdfium.FS_RECTF(), page.raw
    reference, read = ctypes.byref(box), pdfium.FPDFText_GetLooseCharBox

    def edges(index: int) -> tuple[float, float, float, float]:
        read(raw, index if at is None else at[index], reference)
        if rotation == 90:
            return box.bottom, box.top, box.left, box.right
        if rotation == 270:
            return -box.top, -box.bottom, -box.right, -box.left
        if rotation == 180:
            return -box.right, -box.left, box.bottom, box.top
        return box.left, box.right, -box.top, -box.bottom

    return edges


def place_on(page: pypdfium2.PdfPage, width: int, height: int) -> Callable[[float, float], tuple[int, int]]:
    """Where a point of the page stands on a picture of it, of so many pixels."""
    across, down = ctypes.c_int(), ctypes.c_int()

    def place(x: float, y: float) -> tuple[int, int]:
        pdfium.FPDF_PageToDevice(page.raw, 0, 0, width, height, 0, x, y, ctypes.byref(across), ctypes.byref(down))
        return across.value, down.value

    return place


def _is_dense(words: str, width: float, size: float) -> bool:
    """A long line without room for a gap: that is most of a page, and looking at each of its words takes time."""
    return len(words) > 80 and 0 < width < 0.40 * size * len(words) and not words[-1].isdigit()


def _gap(words: str, found: re.Match[str]) -> float:
    """How wide a gap before this word parts columns, in type sizes."""
    if words[max(0, found.start() - 2)] in _ENDS_FIGURE:
        if found[0] == "$":
            return 0.0
        if _FIGURE_BEGINS.match(found[0]):
            return _FIGURES_GAP
    return _GAP


def _joined(words: str, offset: int, segments: list[Segment]) -> list[Segment]:
    """Signs that stand apart from their figure are put to it: "$   1,000", "(5   )". Leaders are cut off."""
    result: list[Segment] = []
    currency = mark = False
    for segment in segments:
        said = words[segment.start - offset : segment.end - offset]
        figure = FIGURE.match(said) is not None
        if result and ((mark and not figure) or _CLOSING.fullmatch(said) or (currency and figure)):
            result[-1].end, result[-1].right = segment.end, segment.right
        else:
            result.append(segment)
        currency = _CURRENCY.fullmatch(said) is not None
        mark = segment is segments[0] and LIST_MARK.fullmatch(said) is not None
    for segment in result:
        said = words[segment.start - offset : segment.end - offset]
        if leader := _LEADER.search(said):
            kept = said[: leader.start()].rstrip()
            if kept:
                segment.right -= (segment.right - segment.left) * (1 - len(kept) / len(said))
                segment.end = segment.start + len(kept)
    return result
