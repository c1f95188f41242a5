"""Cells that stand over several rows of a table: what they say is said in each of those rows.

Passages are groups of rows, and a row that lacks the name of its group would seem to belong to the one above. Not
repeated are long texts, which are no names, and what stands over several columns: it is said once, in the first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ingest.formats.grid import MOST_COLUMNS, Row

LONGEST = 120  # characters of a name
Spans = Mapping[int, Sequence[tuple[int, int]]]
"""By the number of a row, the columns (from 0) of its cells that stand over more, and the last rows that they do.

Those over several columns as well are left out: they are titles of what is beside or below them.
"""


@dataclass(frozen=True, slots=True)
class Cell:
    words: str
    columns: int = 1
    rows: int = 1


def filled(rows: Iterable[Row], spans: Spans) -> Iterator[Row]:
    """`spans` of a row need not be known before it is taken. Rows with nothing of their own stay empty."""
    standing: dict[int, tuple[int, str]] = {}
    for number, given in rows:
        cells = list(given)
        standing = {column: over for column, over in standing.items() if over[0] >= number}
        for column, (_, words) in standing.items() if any(cells) else ():
            cells += [""] * (column + 1 - len(cells))
            cells[column] = cells[column] or words
        for column, last in spans.get(number, ()):
            if column < min(len(cells), MOST_COLUMNS) and 0 < len(cells[column]) <= LONGEST:
                standing[column] = last, cells[column]
        yield number, cells


def placed(rows: Sequence[Sequence[Cell]]) -> list[list[str]]:
    """The rows of a table that leaves out what another cell stands over, as HTML does, in columns below each other."""
    taken: dict[int, int] = {}  # by column, the last row in which a cell from above stands
    spans: dict[int, list[tuple[int, int]]] = {}
    found: list[tuple[int, list[str]]] = []
    for number, row in enumerate(rows):
        cells: list[str] = []
        for cell in row:
            while taken.get(len(cells), -1) >= number and len(cells) < MOST_COLUMNS:
                cells.append("")
            last = min(number + max(cell.rows, 1), len(rows)) - 1
            if last > number and cell.columns <= 1:
                spans.setdefault(number, []).append((len(cells), last))
            width = max(1, min(cell.columns, MOST_COLUMNS - len(cells)))
            taken |= dict.fromkeys(range(len(cells), len(cells) + width), last)
            cells += [cell.words, *[""] * (width - 1)]
        found.append((number, cells))
    return without_empty_columns([cells for _, cells in filled(found, spans)])


def without_empty_columns(rows: Sequence[Sequence[str]]) -> list[list[str]]:
    """A cell may stand over many columns in which no other begins."""
    used = sorted({column for row in rows for column, words in enumerate(row) if words})
    return [[row[column] if column < len(row) else "" for column in used] for row in rows]


def continued(cells: Sequence[str], columns: Sequence[int], above: Sequence[str]) -> list[str]:
    """The row where the cells in `columns` go on from those `above`."""
    said = list(cells)
    for column in columns if any(cells) else ():
        if column < len(above) and len(above[column]) <= LONGEST:
            said[column] = said[column] or above[column]
    return said
