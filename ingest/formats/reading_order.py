"""The reading order of a PDF page whose columns were drawn line by line across the page, as recognised text often is.

Columns are told by geometry: a gutter without ink beside many lines of running text. What crosses the gutter parts the
page into zones; each zone is read column by column. Pages that were drawn column by column are left as they are, and
so is all that may be a table, a form, a list or addresses side by side: careful before complete. Not covered: writing
from right to left, and columns that stand behind each other in the file in the wrong order.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

import pypdfium2

from ingest.formats.lines import Edges, edges_of, place_on
from storage import boxes

_WORD = re.compile(r"\S+")
_GUTTER = 0.6  # of the type size: wider than spaces of justified prose
_LEVEL = 0.5  # of the type size: what differs less in height stands on one line
_BIGGER = 1.12  # type of a heading, against that of the line above
_SPACE = 1.5  # line pitches: what stands further apart is no next line, but a paragraph, a page's head or its foot
_BAND = 5.0  # type sizes without ink: a picture over all columns
_FEWEST = 5  # lines beside each other: fewer may be headings or an address
_MOST = 500  # lines of a page: what has more is no page of prose, and looking takes long
_SHORTEST = 15  # characters of a column's median line: below are terms, names or marks
_FULL = 0.7  # of its column's width: a line that was not ended before its time, ragged as it may be
_GO_ON = 0.2  # of a column's lines stand below a full one and begin small: few, as German and lists have many capitals
_GO_ON_WITHOUT_CASE = 0.75  # the same where letters have no case, and each line below a full one may go on
_ALIGNED = 0.6  # of the paragraphs begin at one height in both columns: the rows of a table
_UNITS = 65_535  # of a page's width and height, in which boxes are kept


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
    if not _FEWEST <= len(lines) <= _MOST:
        return None
    words = list(_words(lines, edges_of(page, rotation)))
    rows = _rows(words)
    found = _zones(rows, _GUTTER * median(word.size for word in words))
    zones = [part for zone in found for part in _prose(text, zone)]
    if not zones:
        return None
    places = {word.start: (number, zone.column(word)) for number, zone in enumerate(zones) for word in _all(zone.rows)}
    return _put_together(text, _in_order(_pieces(lines, places)))


def word_boxes(page: pypdfium2.PdfPage, text_page: pypdfium2.PdfTextPage, text: Ordered) -> bytes:
    """Where the words of the text stand on the page as it is shown, as `storage.boxes` packs them."""
    edges = edges_of(text_page, 0)
    place = place_on(page, _UNITS, _UNITS)
    found = []
    for word in _WORD.finditer(text.text):
        around = [edges(at) for at in text.at[word.start() : word.end()]]
        left, right = min(box[0] for box in around), max(box[1] for box in around)
        top, bottom = min(box[2] for box in around), max(box[3] for box in around)
        (x0, y0), (x1, y1) = place(left, -top), place(right, -bottom)
        found.append((min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)))
    return boxes.pack(found, _UNITS, _UNITS)


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
        if rows and word.y - rows[-1].y < _LEVEL * word.size:
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
    """A heading over all columns that is too short to reach the gutter: nothing stands beside it."""
    row, above = rows[at], rows[at - 1]
    if row.words[-1].right > strips[0][0]:
        return False
    first = row.words[0]
    if first.size < _BIGGER * above.words[0].size and (above.words[0].bold or not first.bold):
        return False
    beside = [other.y for other in rows if other.words[-1].right > strips[0][1]]
    return max(beside, default=0.0) > row.y and not any(abs(y - row.y) < first.size for y in beside)


def _trimmed(rows: Sequence[_Row], first: int, end: int, strips: Sequence[tuple[float, float]]) -> list[_Row]:
    """Without the head and foot of the page, and without what stands below the columns on the left."""
    pitch = _pitch(rows[first:end], strips[0][0])
    found = _without_head(rows[first:end], pitch) if first == 0 else list(rows[first:end])
    if end == len(rows):
        found = _without_head(found[::-1], pitch)[::-1]
    kept = 1 + max((number for number, row in enumerate(found) if row.words[-1].left > strips[-1][0]), default=0)
    while kept < len(found) and found[kept].y - found[kept - 1].y < _SPACE * pitch:
        kept += 1
    return found[:kept]


def _without_head(rows: Sequence[_Row], pitch: float) -> list[_Row]:
    """Without a line or two at the beginning that space parts from the rest."""
    parted = (n for n in (1, 2) if n < len(rows) and abs(rows[n].y - rows[n - 1].y) > _SPACE * pitch)
    return list(rows[next(parted, 0) :])


def _pitch(rows: Sequence[_Row], gutter: float) -> float:
    """From line to line on the left: the lines of the columns need not stand at the same heights."""
    left = [row.y for row in rows if row.words[0].left < gutter]
    return median(below - above for above, below in pairwise(left)) if len(left) > 1 else 0.0


def _prose(text: str, zone: _Zone) -> list[_Zone]:
    """The zone, or those of its parts that are prose: a table over all columns may leave the gutter free."""
    if _is_prose(text, zone):
        return [zone]
    spaces = [below.y - above.y for above, below in pairwise(zone.rows)]
    widest = max(spaces, default=0.0)
    if widest <= _SPACE * _pitch(zone.rows, zone.gutters[0]):
        return []
    at = spaces.index(widest) + 1
    parts = _Zone(zone.rows[:at], zone.gutters), _Zone(zone.rows[at:], zone.gutters)
    return [prose for part in parts for prose in _prose(text, part)]


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
    if not all(map(_runs, columns)):
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


def _runs(lines: Sequence[_Line]) -> bool:
    """Does the column hold running text: full lines that go on in the next one?"""
    left, right = min(line.left for line in lines), max(line.right for line in lines)
    full = [_is_full(line, left, right) for line in lines]
    if median(len(line.text) for line in lines) < _SHORTEST:
        return False
    begins = [line.text[0] for is_full, line in zip(full, lines[1:], strict=False) if is_full]
    least = _GO_ON if any(map(_has_case, begins)) else _GO_ON_WITHOUT_CASE
    return sum(map(_goes_on, begins)) >= least * len(lines)


def _goes_on(letter: str) -> bool:
    """May a line that begins with it go on with a sentence?"""
    return letter.islower() or (letter.isalpha() and not _has_case(letter))


def _has_case(letter: str) -> bool:
    return letter.lower() != letter.upper()


def _is_full(line: _Line, left: float, right: float) -> bool:
    return line.right > left + _FULL * (right - left)


def _are_rows(left: Sequence[_Line], right: Sequence[_Line], size: float) -> bool:
    """Do paragraphs begin at the same heights on both sides, as the cells of a table do?"""
    one, other = _openings(left), _openings(right)
    fewer, more = sorted((one, other), key=len)
    together = sum(any(abs(y - at) < _LEVEL * size for at in more) for y in fewer)
    return bool(fewer) and together >= _ALIGNED * len(fewer)


def _openings(lines: Sequence[_Line]) -> list[float]:
    """Where paragraphs begin, below the first lines: a title may stand there in each column."""
    edges = min(line.left for line in lines), max(line.right for line in lines)
    pitch = median(below.y - above.y for above, below in pairwise(lines))
    return [
        below.y
        for above, below in list(pairwise(lines))[1:]
        if below.y - above.y > _SPACE * pitch or not _is_full(above, *edges)
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
