"""Tables on a PDF page, found by where its words stand: gaps between words that line up over several lines.

Rules and shading are not looked at. Careful before complete: prose in two columns, lists and tables of contents are no
tables, and a row that wraps is joined only where the text runs on without another cell's words between. Cells are
spans of the page's text. Not covered: tables that go on over pages.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median

from ingest.formats.lines import BETWEEN, FIGURE, LIST_MARK, Edges, Line, Segment, lay
from storage.types import Row, Table

_PROSE = 0.72  # of the page's text width: a line so wide without a gap is prose
_LONG_CELLS = 30  # characters; columns of such lines are prose
_MOST_HEADERS = 7  # lines: names of columns wrap, and titles stand above them
_MOST_WRAPPED = 200  # lines behind a table's first that the rest of a cell is looked for in
# in type sizes, between one line and the next
_APART, _BACK = 4.5, 12  # other tables: so much space down, or up as to the head of another column
_HEADER_SPACE = 7  # names of columns may stand well above the first row, over a rule
_NEXT_LINE = 1.7  # a cell that wraps goes on at most so far below
_BIGGER = 1.12  # bold type so much larger than the table's is a heading
_NARROW = 0.25  # gaps that are none: words of one column which happen to line up
# shares
_WITH_FIGURES = 0.6  # of the rows: a table of figures, whose columns its figures tell
_ONE_IN = 8  # lines may run over a gutter: titles over several columns, long labels
_INSIDE = 0.3  # of a segment has to stand in a column, or half of the column be filled
_MARKS = 0.6  # of the first cells are list marks: a list
_YEAR = re.compile(r"(?:fiscal\s+)?(?:19|20)\d\d(?:\s*\(?[a-z1-9]\)?)?", re.I)
_PAGE_NUMBER = re.compile(r"(?:[A-Z]-?)?\d{1,4}|[ivxlc]{1,6}")
_CAPTION = re.compile(r"(?:table|tabelle|tab\.|tableau|figure|abbildung|exhibit|note)\s+[\dA-Z]", re.I)
_RUNS_ON = re.compile(r"(?:[,;–-]|\b(?:and|or|of|the|to|for|in|from|by|with|on|at|und|oder|der|die|des|von|für))$")


@dataclass(slots=True)
class _Grid:
    """A row in the making: for each column the span of its cell."""

    top: float
    bottom: float
    y: float  # of the line that was written last
    bold: bool
    cells: dict[int, tuple[int, int]] = field(default_factory=dict)
    last: int = 0  # the column that was written last


def find_tables(text: str, lines: Iterable[tuple[int, str, bool]], edges: Edges) -> tuple[Table, ...]:
    """In text order, not overlapping. `lines` has (offset, words, bold) of each line that is not blank."""
    laid = lay(lines, edges)
    if not laid:
        return ()
    width = max(line.segments[-1].right for line in laid) - min(line.segments[0].left for line in laid)
    found: list[Table] = []
    last = 0
    for first, end in _blocks(text, laid, width * _PROSE):
        columns = _columns(text, laid[first:end])
        if len(columns) < 2 or not _is_table(text, laid[first:end], columns):
            continue
        first, end = _with_neighbours(text, laid, first, end, columns, last)
        last = end
        table = _table(text, _rows(text, laid[first:end], columns), len(columns))
        if table is not None and (not found or found[-1].end <= table.start):
            found.append(table)
    return tuple(found)


def _blocks(text: str, lines: Sequence[Line], prose: float) -> Iterator[tuple[int, int]]:
    """Runs of lines with gaps, and few without between them, that may be one table each: (first, end)."""
    first = last = None
    figures = 0
    for index, line in enumerate(lines):
        if first is not None and last is not None:
            restarts = figures > 1 and _restarts(text, lines[first], line)
            if restarts or _breaks(text, lines, last, index, prose):
                yield first, last + 1
                first = last = None
                figures = 0
        if len(line.segments) > 1:
            first = index if first is None else first
            last = index
            figures += _figures(text, line) > 0
    if first is not None and last is not None:
        yield first, last + 1


def _breaks(text: str, lines: Sequence[Line], last: int, index: int, prose: float) -> bool:
    """Does what stands between two lines part tables: much space, prose, a heading?"""
    line, above, size = lines[index], lines[index - 1], max(1.0, lines[index].size)
    if line.y - above.y > _APART * size or above.y - line.y > _BACK * size or index - last > BETWEEN:
        return True
    if any(segment.right - segment.left > prose for segment in line.segments):
        return True
    bigger = line.bold and line.size > _BIGGER * lines[last].size
    return len(line.segments) == 1 and (bigger or _CAPTION.match(text, line.segments[0].start) is not None)


def _restarts(text: str, head: Line, line: Line) -> bool:
    """Does a second table begin here, with column names of its own?"""
    if len(line.segments) < 2 or _figures(text, line):
        return False
    said = [text[segment.start : segment.end] for segment in line.segments]
    return any(map(_YEAR.fullmatch, said[1:])) or said[0] == text[head.segments[0].start : head.segments[0].end]


def _figures(text: str, line: Line) -> int:
    return sum(_is_figure(text[segment.start : segment.end]) for segment in line.segments[1:])


def _columns(text: str, lines: Sequence[Line]) -> list[tuple[float, float]]:
    """Where words of nearly all lines with gaps leave gutters between them: (left, right) of each column."""
    rows = [line for line in lines if len(line.segments) > 1]
    with_figures = [row for row in rows if _figures(text, row)]
    if len(with_figures) > 2 and len(with_figures) >= _WITH_FIGURES * len(rows):
        rows = with_figures  # names of columns are wider than figures and stand over several
    allowed = len(rows) // _ONE_IN
    events = sorted((at, step) for row in rows for s in row.segments for at, step in ((s.left, 1), (s.right, -1)))
    columns: list[tuple[float, float]] = []
    depth, left = 0, 0.0
    for at, step in events:
        before, depth = depth, depth + step
        if before <= allowed < depth:
            left = at
        elif depth <= allowed < before:
            columns.append((left, at))
    narrow = _NARROW * median(row.size for row in rows)
    merged = columns[:1]
    for column in columns[1:]:
        if column[0] - merged[-1][1] < narrow:
            merged[-1] = (merged[-1][0], column[1])
        else:
            merged.append(column)
    return merged


def _place(segment: Segment, columns: Sequence[tuple[float, float]]) -> list[int]:
    """The columns that the segment stands in, at least one."""
    shares = [min(segment.right, right) - max(segment.left, left) for left, right in columns]
    least = _INSIDE * (segment.right - segment.left)
    over = [
        number
        for number, (share, (left, right)) in enumerate(zip(shares, columns, strict=True))
        if share > min(least, 0.5 * (right - left))
    ]
    if over:
        return over
    return [max(range(len(columns)), key=lambda number: shares[number])]


def _is_table(text: str, lines: Sequence[Line], columns: Sequence[tuple[float, float]]) -> bool:
    cells: list[list[str]] = [[] for _ in columns]
    full = figures = 0
    for line in lines:
        if len(line.segments) > 1:
            places = {_place(segment, columns)[0]: text[segment.start : segment.end] for segment in line.segments}
            for number, said in places.items():
                cells[number].append(said)
            full += len(places) > 1
            figures += sum(_is_figure(said) for number, said in places.items() if number) > 0
    if full < 2 or (full < 3 and figures < 2):
        return False
    if sum(LIST_MARK.fullmatch(said) is not None for said in cells[0]) > _MARKS * len(cells[0]) and len(columns) < 4:
        return False
    long = [column for column in cells if column and median(map(len, column)) > _LONG_CELLS]
    if len(long) > 1 and figures < full * 0.3:
        return False
    return not _lists_contents(cells[-1])


def _lists_contents(column: Sequence[str]) -> bool:
    """Page numbers that rise from line to line."""
    pages = [int(said) for said in column if said.isdecimal()]
    named = sum(_PAGE_NUMBER.fullmatch(said) is not None for said in column)
    rises = len(pages) > 3 and all(one <= other for one, other in pairwise(pages)) and len(set(pages)) > 2
    return rises and named > 0.8 * len(column) and pages[-1] < 2_000 and not any(_YEAR.fullmatch(c) for c in column)


def _with_neighbours(
    text: str, lines: Sequence[Line], first: int, end: int, columns: Sequence[tuple[float, float]], least: int
) -> tuple[int, int]:
    """Take in lines without gaps that belong: parts of the header above, the rest of a wrapped cell below."""
    right_of_labels = columns[0][1] - 1.0
    start = first
    for index in range(first - 1, max(least, first - 2 * BETWEEN) - 1, -1):
        line = lines[index]
        said = text[line.segments[0].start : line.segments[-1].end]
        if (
            abs(lines[index + 1].y - line.y) > _HEADER_SPACE * max(line.size, 1.0)
            or line.y > lines[first].y + line.size
        ):
            break
        if line.segments[0].left >= right_of_labels:
            if _is_of_column(lines[max(0, index - 2) : index + 1]):
                break
            start = index
        elif re.fullmatch(r"\([^()]{3,90}\)", said):  # "(in millions)"
            start = index
            break
        elif not said.endswith(":"):  # the name of a group of rows
            break
    while end < len(lines) and end - first < _MOST_WRAPPED:
        line, above = lines[end], lines[end - 1]
        inside = any(abs(line.segments[0].left - left) < 3 for left, _ in columns[1:])
        if (
            not inside
            or len(line.segments) > 1
            or abs(line.y - above.y) > _NEXT_LINE * line.size
            or _ends_row(text, above)
        ):
            break
        end += 1
    return start, end


def _is_of_column(lines: Sequence[Line]) -> bool:
    """Is the last line prose of a column: one of two long lines below each other, or the short one below them?"""
    left = lines[-1].segments[0].left
    first = [line.segments[0] for line in lines]
    long = [abs(segment.left - left) < 1 and segment.end - segment.start > _LONG_CELLS for segment in first]
    return any(one and other for one, other in pairwise(long))


def _ends_row(text: str, line: Line) -> bool:
    last = line.segments[-1]
    return len(line.segments) > 1 and _is_figure(text[last.start : last.end])


def _rows(text: str, lines: Sequence[Line], columns: Sequence[tuple[float, float]]) -> list[_Grid]:
    full = [line for line in lines if len(line.segments) > 1]
    steps = [below.y - above.y for above, below in pairwise(full) if below.y > above.y + 1]
    pitch = median(steps) if steps else 0.0
    rows: list[_Grid] = []
    for line in lines:
        leads = _place(line.segments[0], columns)[0]
        row = rows[-1] if rows else None
        if row is None or not _belongs(text, row, line, leads, pitch):
            row = _Grid(line.y - line.size, line.y, line.y, line.bold)
            rows.append(row)
        for segment in line.segments:
            places = _place(segment, columns)
            if len(places) > 1 and _is_figure(text[segment.start : segment.end]):
                places = places[-1:]
            if any(place in row.cells and place != row.last for place in places):
                places = [row.last]  # a cell is one span
            for place in places:
                known = row.cells.get(place)
                row.cells[place] = (known[0] if known else segment.start, segment.end)
            row.last = places[-1]
        row.top, row.bottom, row.y = min(row.top, line.y - line.size), max(row.bottom, line.y), line.y
    return rows


def _belongs(text: str, row: _Grid, line: Line, leads: int, pitch: float) -> bool:
    """Does the line go on with the row: its next cells, or the rest of its last one?"""
    size = line.size
    if leads > row.last:
        if row.top - 1.6 * size <= line.y <= row.bottom + 0.4 * size:
            return True
        figure = _is_figure(text[line.segments[0].start : line.segments[0].end])
        return row.cells.keys() == {0} and figure and 0 < line.y - row.bottom < 1.1 * size  # a label set higher
    below = line.y - row.y
    if leads < row.last or leads not in row.cells or not 0.3 * size < below < _NEXT_LINE * size:
        return False
    start, end = row.cells[leads]
    said, more = text[start:end].rstrip(), text[line.segments[0].start : line.segments[0].end]
    if _is_figure(said) or _is_figure(more) or said.endswith(":"):
        return False
    if leads:
        return 0 in row.cells or len(line.segments) == 1 or more[0].islower()
    return more[0].islower() or _RUNS_ON.search(said) is not None or below < 0.72 * pitch


def _table(text: str, grids: list[_Grid], width: int) -> Table | None:
    header = _header_rows(text, grids)
    while grids and len(grids) > header and len(grids[-1].cells) == 1 and 0 in grids[-1].cells:
        grids = grids[:-1]  # what follows the table
    if len(grids) - header < 1 or sum(len(grid.cells) > 1 for grid in grids) < 2:
        return None
    rows: list[Row] = []
    for number, grid in enumerate(grids):
        start, end = min(a for a, _ in grid.cells.values()), max(b for _, b in grid.cells.values())
        if rows and start < rows[-1].end:
            return None
        known = dict(grid.cells)
        if number >= header:  # only a title stands over several columns
            known = {place: span for place, span in grid.cells.items() if grid.cells.get(place - 1) != span}
        elif len(set(known.values())) == 1 and 0 not in known and number < header - 1:
            known = dict.fromkeys(range(1, width), next(iter(known.values())))  # a title over all of the figures
        rows.append(Row(start, end, tuple(known.get(place, (start, start)) for place in range(width))))
    return Table(rows[0].start, rows[-1].end, tuple(rows), header)


def _header_rows(text: str, rows: Sequence[_Grid]) -> int:
    """How many of the first rows name the columns."""
    bold = next((number for number, row in enumerate(rows) if not row.bold), 0)
    figures = next(
        (number for number, row in enumerate(rows) if _has_figures(text, row) or _is_numbered(text, row)), None
    )
    if figures is None:
        return min(bold, _MOST_HEADERS) or int(len(rows[0].cells) > 1 and not re.search(r"\d", _said(text, rows[0])))
    count = min(bold, figures) if bold else figures
    while count and not any(rows[count - 1].cells.keys() - {0}):
        count -= 1  # the name of a group of rows
    return count if count <= _MOST_HEADERS and any(_names_columns(text, row) for row in rows[:count]) else 0


def _is_numbered(text: str, row: _Grid) -> bool:
    return 0 in row.cells and _is_figure(text[slice(*row.cells[0])])


def _names_columns(text: str, row: _Grid) -> bool:
    return any(row.cells.keys() - {0}) and not _has_figures(text, row)


def _has_figures(text: str, row: _Grid) -> bool:
    return any(place and _is_figure(text[a:b]) for place, (a, b) in row.cells.items())


def _said(text: str, row: _Grid) -> str:
    return " ".join(text[a:b] for a, b in row.cells.values())


def _is_figure(said: str) -> bool:
    return FIGURE.fullmatch(said) is not None and _YEAR.fullmatch(said) is None
