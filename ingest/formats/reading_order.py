"""The reading order of a PDF page whose columns were drawn line by line across the page, as recognised text often is.

Columns are told by geometry: a gutter without ink beside many lines of running text. What crosses the gutter parts the
page into zones; each zone is read column by column. Pages that were drawn column by column are left as they are, and
so is all that may be a table, a form, a list or addresses side by side: careful before complete. Not covered: writing
from right to left, and columns that stand behind each other in the file in the wrong order.
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

import pypdfium2
import pypdfium2.raw as pdfium

from ingest.formats.lines import Edges, edges_of
from storage import boxes

_WORD = re.compile(r"\S+")
_GUTTER = 0.6  # of the type size, at least
_FEWEST = 5  # lines beside each other
_SHORTEST = 15  # characters of a column's median line
_NARROWEST = 0.18  # of the zone's width
_FULL = 0.7  # of its column: a line that was not ended before its time
_MOSTLY_FULL = 0.5
_RUNS_ON = 0.35  # of the lines below a full one begin in the midst of a sentence
_ALIGNED = 0.6  # of the paragraphs begin at one height in both columns: the rows of a table
_BAND = 5.0  # type sizes without ink: a picture over all columns
_EDGE = 1.6  # line pitches between the text and what stands above or below it on all pages
_SAMPLE = 8  # wide lines looked at before the whole page is
_UNITS = 65_535


@dataclass(frozen=True, slots=True)
class Ordered:
    """A page's text in reading order; `at[i]` is pdfium's index of character i, or that of one beside a line end."""

    text: str
    at: list[int]


@dataclass(slots=True, eq=False)
class _Word:
    start: int
    end: int
    left: float
    right: float
    y: float  # of its foot; grows downwards
    size: float
    bold: bool


@dataclass(slots=True)
class _Row:
    """Words at one height, from left to right."""

    y: float
    words: list[_Word]


@dataclass(slots=True)
class _Line:
    """What one column has at one height."""

    y: float
    left: float
    right: float
    start: int
    text: str


@dataclass(slots=True)
class _Zone:
    """Rows beside one or more gutters, which are given by their middle."""

    rows: list[_Row]
    gutters: list[float]

    def column(self, word: _Word) -> int:
        return sum(word.left > gutter for gutter in self.gutters)


def ordered(
    page: pypdfium2.PdfTextPage, text: str, lines: Sequence[tuple[int, str, bool]], *, rotation: int = 0
) -> Ordered | None:
    """None where the text stands in order, or it can't be told. `lines` has (offset, words, bold) of each line."""
    edges = edges_of(page, rotation)
    if not _may_have_columns(lines, edges):
        return None
    words = list(_words(lines, edges))
    rows = _rows(words)
    zones = [zone for zone in _zones(rows, _GUTTER * median(word.size for word in words)) if _is_prose(text, zone)]
    if not zones:
        return None
    places = {word.start: (number, zone.column(word)) for number, zone in enumerate(zones) for word in _all(zone.rows)}
    return _put_together(text, _in_order(_pieces(lines, places)))


def word_boxes(page: pypdfium2.PdfPage, text_page: pypdfium2.PdfTextPage, text: Ordered) -> bytes:
    """Where the words of the text stand on the page as it is shown, as `storage.boxes` packs them."""
    edges = edges_of(text_page, 0)
    place = _device(page)
    found = []
    for word in _WORD.finditer(text.text):
        around = [edges(at) for at in text.at[word.start() : word.end()]]
        left, right = min(box[0] for box in around), max(box[1] for box in around)
        top, bottom = min(box[2] for box in around), max(box[3] for box in around)
        (x0, y0), (x1, y1) = place(left, -top), place(right, -bottom)
        found.append((min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)))
    return boxes.pack(found, _UNITS, _UNITS)


def _device(page: pypdfium2.PdfPage) -> Callable[[float, float], tuple[int, int]]:
    across, down = ctypes.c_int(), ctypes.c_int()

    def place(x: float, y: float) -> tuple[int, int]:
        pdfium.FPDF_PageToDevice(page.raw, 0, 0, _UNITS, _UNITS, 0, x, y, ctypes.byref(across), ctypes.byref(down))
        return across.value, down.value

    return place


def _may_have_columns(lines: Sequence[tuple[int, str, bool]], edges: Edges) -> bool:
    """A quick look that most pages do not pass: do lines stand beside each other, or have wide lines a gap?"""
    if len(lines) < _FEWEST:
        return False
    ends = [(edges(start), edges(start + len(words) - 1)) for start, words, _ in lines]
    beside = sum(
        other[0][0] > line[1][1] and other[0][2] < line[1][3] and other[0][3] > line[1][2]
        for line, other in pairwise(ends)
    )
    if beside >= _FEWEST - 1:
        return True
    width = max(last[1] for _, last in ends) - min(first[0] for first, _ in ends)
    wide = [
        line for line, (first, last) in zip(lines, ends, strict=True) if last[1] - first[0] > 0.6 * width and width > 0
    ]
    if len(wide) < _FEWEST - 1:
        return False
    sample = wide[:: len(wide) // _SAMPLE + 1]
    return sum(_has_gap(start, words, edges) for start, words, _ in sample) > 0.4 * len(sample)


def _has_gap(start: int, words: str, edges: Edges) -> bool:
    last: tuple[float, float, float, float] | None = None
    for found in _WORD.finditer(words):
        box = edges(start + found.start())
        if last is not None and abs(box[0] - last[1]) > _GUTTER * (box[3] - box[2]):
            return True
        last = edges(start + found.end() - 1)
    return False


def _words(lines: Iterable[tuple[int, str, bool]], edges: Edges) -> Iterator[_Word]:
    for offset, words, bold in lines:
        for found in _WORD.finditer(words):
            start, end = offset + found.start(), offset + found.end()
            left, right, top, bottom = edges(start)
            if end - start > 1:
                right = edges(end - 1)[1]
            yield _Word(start, end, left, right, bottom, bottom - top, bold)


def _rows(words: Iterable[_Word]) -> list[_Row]:
    rows: list[_Row] = []
    for word in sorted(words, key=lambda word: word.y):
        if rows and word.y - rows[-1].y < 0.4 * word.size:
            rows[-1].words.append(word)
        else:
            rows.append(_Row(word.y, [word]))
    for row in rows:
        row.words.sort(key=lambda word: word.left)
    return rows


def _all(rows: Iterable[_Row]) -> Iterator[_Word]:
    for row in rows:
        yield from row.words


def _zones(rows: Sequence[_Row], gutter: float) -> list[_Zone]:
    """The tallest runs of rows beside a gutter, from the top of the page."""
    best: tuple[int, int, list[tuple[float, float]]] = (0, 0, [])
    for first in range(len(rows)):
        if first >= best[1] or best[1] - best[0] < len(rows) - first:
            end, strips = _run(rows, first, gutter)
            if end - first > best[1] - best[0]:
                best = first, end, strips
    first, end, strips = best
    if end - first < _FEWEST:
        return []
    zone = _Zone(_trimmed(rows, first, end, strips), [(left + right) / 2 for left, right in strips])
    return [*_zones(rows[:first], gutter), zone, *_zones(rows[end:], gutter)]


def _run(rows: Sequence[_Row], first: int, gutter: float) -> tuple[int, list[tuple[float, float]]]:
    """How far down from a row with a gap it stays free of words, and where."""
    begins = list(rows[first].words)
    if first + 1 < len(rows) and rows[first + 1].y - rows[first].y < begins[0].size:  # columns without a common grid
        begins = sorted([*begins, *rows[first + 1].words], key=lambda word: word.left)
    strips = _gaps(begins, gutter)[1:-1]
    end = first + 1
    while strips and end < len(rows):
        if rows[end].y - rows[end - 1].y > _BAND * rows[end].words[0].size or _is_title(rows, end, strips):
            break
        common = [
            (max(left, start), min(right, stop))
            for left, right in strips
            for start, stop in _gaps(rows[end].words, gutter)
            if min(right, stop) - max(left, start) >= gutter
        ]
        if not common:
            break
        strips, end = common, end + 1
    return (end, strips) if strips else (first, [])


def _gaps(words: Sequence[_Word], gutter: float) -> list[tuple[float, float]]:
    """The strips without words, those left and right of all words included."""
    gaps, at = [], float("-inf")
    for word in words:
        if word.left - at >= gutter:
            gaps.append((at, word.left))
        at = max(at, word.right)
    return [*gaps, (at, float("inf"))]


def _is_title(rows: Sequence[_Row], at: int, strips: Sequence[tuple[float, float]]) -> bool:
    """A heading over all columns that is too short to reach the gutter: nothing stands beside it, nor close by."""
    row = rows[at]
    if row.words[-1].right > strips[0][0] or at + 1 >= len(rows):
        return False
    size = median(word.size for word in _all(rows[max(0, at - 4) : at]))
    if row.words[0].size < 1.12 * size and not (row.words[0].bold and not rows[at - 1].words[0].bold):
        return False
    beside = [other.y for other in rows if other.words[-1].right > strips[0][1]]
    above = max((y for y in beside if y < row.y), default=row.y)
    below = min((y for y in beside if y > row.y), default=row.y)
    return below - above > 2.4 * row.words[0].size and row.y < below


def _trimmed(rows: Sequence[_Row], first: int, end: int, strips: Sequence[tuple[float, float]]) -> list[_Row]:
    """Without the head and foot of the page, and without what stands below the columns on the left."""
    found = list(rows[first:end])
    pitch = _pitch(found, strips)
    for number in (1, 2):
        if first < 3 and len(found) > number and found[number].y - found[number - 1].y > _EDGE * pitch:
            found = found[number:]
            break
    for number in (1, 2):
        if end > len(rows) - 3 and len(found) > number and found[-number].y - found[-number - 1].y > _EDGE * pitch:
            found = found[:-number]
            break
    last = max((number for number, row in enumerate(found) if row.words[-1].left > strips[-1][0]), default=0)
    kept = last + 1
    while kept < len(found) and found[kept].y - found[kept - 1].y < (1.3 if kept == last + 1 else 2.2) * pitch:
        kept += 1
    return found[:kept]


def _pitch(rows: Sequence[_Row], strips: Sequence[tuple[float, float]]) -> float:
    """From line to line on the left: the lines of the columns need not stand at the same heights."""
    left = [row.y for row in rows if row.words[0].left < strips[0][0]]
    return median(below - above for above, below in pairwise(left)) if len(left) > 1 else 0.0


def _is_prose(text: str, zone: _Zone) -> bool:
    """Is there running text on both sides of each gutter, drawn line by line across it?"""
    columns = [list(_lines(text, zone, number)) for number in range(len(zone.gutters) + 1)]
    if not all(columns):
        return False
    top, bottom = max(lines[0].y for lines in columns), min(lines[-1].y for lines in columns)
    size = median(word.size for word in _all(zone.rows))
    beside = [[line for line in lines if top - size < line.y < bottom + size] for lines in columns]
    if min(map(len, beside)) < _FEWEST or not _is_woven(beside):
        return False
    width = max(line.right for line in columns[-1]) - min(line.left for line in columns[0])
    if not all(_runs(lines, width) for lines in columns):
        return False
    return not any(_are_rows(left, right, size) for left, right in pairwise(columns))


def _lines(text: str, zone: _Zone, number: int) -> Iterator[_Line]:
    for row in zone.rows:
        if words := [word for word in row.words if zone.column(word) == number]:
            said = " ".join(text[word.start : word.end] for word in words)
            start = min(word.start for word in words)
            yield _Line(row.y, words[0].left, max(word.right for word in words), start, said)


def _is_woven(columns: Sequence[Sequence[_Line]]) -> bool:
    """Does the text go from column to column and back with nearly every line?"""
    order = sorted((line.start, number) for number, lines in enumerate(columns) for line in lines)
    crossed = sum(one != other for (_, one), (_, other) in pairwise(order))
    return crossed >= min(map(len, columns)) * (len(columns) - 1)


def _runs(lines: Sequence[_Line], width: float) -> bool:
    """Does the column hold running text: full lines that go on in the next one?"""
    left, right = min(line.left for line in lines), max(line.right for line in lines)
    if right - left < _NARROWEST * width or median(len(line.text) for line in lines) < _SHORTEST:
        return False
    full = [_is_full(line, left, right) for line in lines]
    if sum(full) < _MOSTLY_FULL * len(lines):
        return False
    below = [line for is_full, line in zip(full, lines[1:], strict=False) if is_full]
    letters = [line.text[0] for line in below if line.text[0].isalpha()]
    if len(letters) < max(3, 0.5 * len(below)):
        return False
    if any(letter.lower() != letter.upper() for letter in letters):
        return sum(map(str.islower, letters)) >= _RUNS_ON * len(letters)
    return sum(full) > 0.75 * len(lines)  # of a script without case


def _is_full(line: _Line, left: float, right: float) -> bool:
    return line.right > left + _FULL * (right - left)


def _are_rows(left: Sequence[_Line], right: Sequence[_Line], size: float) -> bool:
    """Do paragraphs begin at the same heights on both sides, as the cells of a table do?"""
    one, other = _openings(left), _openings(right)
    fewer, more = sorted((one, other), key=len)
    together = sum(any(abs(y - at) < 0.5 * size for at in more) for y in fewer)
    return bool(fewer) and together >= _ALIGNED * len(fewer)


def _openings(lines: Sequence[_Line]) -> list[float]:
    """Where paragraphs begin, below the first lines: a title may stand there in each column."""
    edges = min(line.left for line in lines), max(line.right for line in lines)
    pitch = median(below.y - above.y for above, below in pairwise(lines))
    return [
        below.y
        for above, below in list(pairwise(lines))[1:]
        if below.y - above.y > 1.3 * pitch or not _is_full(above, *edges)
    ]


_Piece = tuple[int, int, tuple[int, int] | None]  # start, end, (zone, column)


def _pieces(lines: Iterable[tuple[int, str, bool]], places: dict[int, tuple[int, int]]) -> Iterator[_Piece]:
    """The lines, cut where they pass from one column to the next."""
    for offset, words, _ in lines:
        piece: _Piece | None = None
        for found in _WORD.finditer(words):
            place = places.get(offset + found.start())
            if piece is not None and piece[2] != place:
                yield piece
                piece = None
            piece = (piece[0] if piece else offset + found.start(), offset + found.end(), place)
        if piece is not None:
            yield piece


def _in_order(pieces: Iterable[_Piece]) -> Iterator[_Piece]:
    """A zone stands where its first line did; within a column the order of the file holds."""
    found = list(pieces)
    done: set[int] = set()
    for piece in found:
        if piece[2] is None:
            yield piece
        elif (zone := piece[2][0]) not in done:
            done.add(zone)
            inside = [other for other in found if other[2] is not None and other[2][0] == zone]
            yield from sorted(inside, key=lambda other: other[2] or (0, 0))


def _put_together(text: str, pieces: Iterable[_Piece]) -> Ordered:
    parts: list[str] = []
    at: list[int] = []
    for start, end, _ in pieces:
        if parts:
            parts.append(" \n")
            at += [at[-1]] * 2
        parts.append(text[start:end])
        at += range(start, end)
    return Ordered("".join(parts), at)
