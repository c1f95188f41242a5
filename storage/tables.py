"""Tables of a section on their way in and out: as JSON, checked against the text, and as a passage sees them.

What a table is, is said by `storage.types`. Not covered: finding tables (`ingest.formats`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

from storage.types import PassageRow, PassageTable, Row, Table

MAX_CELLS = 200_000  # of one section
_OFFSETS = tuple(range(16_384))
_CAPTION = 140  # characters of a line above a table that may say what it shows


def offset(value: int) -> int:
    """The number itself, of which there is one for all tables: of millions of cells each has two."""
    return _OFFSETS[value] if 0 <= value < len(_OFFSETS) else value


def to_json(table: Table) -> list[Any]:
    """Numbers only; a cell is two of them."""
    rows = [[row.start, row.end, [at for cell in row.cells for at in cell]] for row in table.rows]
    return [table.start, table.end, table.header, rows]


def from_json(value: Sequence[Any]) -> Table:
    """The inverse of `to_json`. Raises ValueError or TypeError for anything else."""
    start, end, header, rows = value
    return Table(int(start), int(end), tuple(_row(*row) for row in rows), int(header))


def check(tables: Sequence[Table], length: int) -> None:
    """Raises ValueError unless tables, rows and cells lie in order in a text of `length` characters."""
    if any(not 0 <= table.start < table.end <= length for table in tables) or not _in_order(tables):
        raise ValueError("a table out of place")
    if sum(len(row.cells) for table in tables for row in table.rows) > MAX_CELLS:
        raise ValueError("more cells than can be taken")
    for table in tables:
        if not 0 <= table.header <= len(table.rows) or len({len(row.cells) for row in table.rows}) > 1:
            raise ValueError("rows that do not make a table")
        if not _in_order(table.rows) or any(not table.start <= row.start <= row.end <= table.end for row in table.rows):
            raise ValueError("a row out of place")
        for row in table.rows:
            if any(not row.start <= start <= end <= row.end for start, end in row.cells):
                raise ValueError("a cell out of place")


def within(tables: Iterable[Table], text: str, start: int, end: int) -> tuple[PassageTable, ...]:
    """What of the tables of a section lies in text[start:end], with the names of the columns. Rows may be cut."""
    found = []
    for table in tables:
        body = table.rows[table.header :]
        rows = tuple(
            PassageRow(row.start, row.end, _cells(row, text), _group(body, number, text))
            for number, row in enumerate(body)
            if row.start < end and start < row.end
        )
        if rows:
            span = max(start, table.start), min(end, max(table.end, rows[-1].end))
            found.append(PassageTable(*span, column_names(table, text), rows, _caption(table, text)))
    return tuple(found)


def column_names(table: Table, text: str) -> tuple[str, ...]:
    """One for each column, "" where it has none; empty for a table without a header."""
    header = [_cells(row, text) for row in table.rows[: table.header]]
    return tuple(" ".join(filter(None, dict.fromkeys(names))) for names in zip(*header, strict=True))


def _caption(table: Table, text: str) -> str:
    """The last line above, if it is short and nothing but a line break or two stands between."""
    above = text[max(0, table.start - _CAPTION) : table.start]
    line = above.rstrip().rpartition("\n")[2]
    near = above[len(above.rstrip()) :].count("\n") in (1, 2)
    return (
        " ".join(line.split())
        if near and len(line) < min(len(above), _CAPTION - 10) + (len(above) == table.start)
        else ""
    )


def _row(start: Any, end: Any, cells: Sequence[Any]) -> Row:
    flat = [offset(int(at)) for at in cells]
    return Row(offset(int(start)), offset(int(end)), tuple(zip(flat[::2], flat[1::2], strict=True)))


def _in_order(spans: Sequence[Table | Row]) -> bool:
    return all(one.end <= other.start for one, other in pairwise(spans))


def _cells(row: Row, text: str) -> tuple[str, ...]:
    return tuple(" ".join(text[start:end].split()) for start, end in row.cells)


def _group(rows: Sequence[Row], number: int, text: str) -> str:
    """The label of the nearest row above that has nothing but one."""
    if not _is_label(rows[number]):
        for row in reversed(rows[max(0, number - 40) : number]):
            if _is_label(row):
                return _cells(row, text)[0]
    return ""


def _is_label(row: Row) -> bool:
    return (
        len(row.cells) > 1
        and [start < end for start, end in row.cells].index(True) == 0
        and sum(start < end for start, end in row.cells) == 1
    )
