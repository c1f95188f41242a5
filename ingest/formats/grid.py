"""Rows of a sheet or of a CSV file become sections of tables, as they come: no sheet is held whole.

A row with one cell above a table is its title. The first row of words below that names the columns, and does so again
in every section that the table goes on in. After an empty row a new row of names may begin another table. Numbers and
dates are written as the sheet shows them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from ingest.formats.sections import CELL, LONG, SectionWriter, one_line

MOST_CELLS = 2_000_000  # of one document, filled ones
MOST_COLUMNS = 1_000
_EMPTY_ROWS = 1 << 20  # one after the other: more than a sheet has
_NUMBER = re.compile(
    r"[-+(]?(?:[$€£¥]|[A-Z]{2,3}\b)?\s?\d[\d.,:/'\s-]*\d?\)?\s?"
    r"(?:%|[$€£¥]|[A-Z]{2,3}|°[CF]?|[kMGcdmµ]?[glmtLWhsAV][²³h]?)?"
)
_YEAR = re.compile(r"(?:FY\s?)?(?:19|20)\d\d(?:\s?[-/]\s?\d\d(?:\d\d)?)?")

Row = tuple[int, Sequence[str]]


@dataclass(slots=True)
class Allowance:
    """What is left of the cells that one document may hold, and what had to be left out."""

    cells: int = MOST_CELLS
    warnings: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Block:
    """A table with the names of its columns, or lines of words."""

    header: list[str] | None = None
    rows: list[list[str]] = field(default_factory=list)
    is_table: bool = False


def write_rows(
    rows: Iterable[Row],
    writer: SectionWriter,
    called: Callable[[int, int], str],
    allowance: Allowance,
    *,
    title: str = "",
) -> None:
    """`rows` are numbered from 1 as their program numbers them; `called(first, last)` names a section of them.

    `title` heads them all.
    """
    packer = _Packer(writer, called, title)
    wide, last = False, 0
    for number, cells in rows:
        filled = _trimmed(cells)
        if not filled:
            if number - last > _EMPTY_ROWS:
                break
            packer.gap()
            continue
        wide |= len(filled) > MOST_COLUMNS
        last, filled = number, _trimmed(filled[:MOST_COLUMNS])
        if not filled:
            continue
        allowance.cells -= sum(map(bool, filled))
        if allowance.cells < 0:
            allowance.warnings.append(
                f"{called(number, number)} and what follows was left out: too many cells. Split the file."
            )
            break
        packer.add(number, filled)
    packer.finish()
    if wide:
        allowance.warnings.append(
            f"{called(1, last)}: columns after the {MOST_COLUMNS:,}th were left out. Split the table."
        )


def header_like(cells: Sequence[str]) -> bool:
    """Two names or more, and no figures: "Account | 2025 | 2026" is one, "Rent | 1,200" is none."""
    filled = [cell for cell in cells if cell]
    figures = [cell for cell in filled if _NUMBER.fullmatch(cell)]
    words = len(filled) - len(figures)
    return len(filled) > 1 and words > 0 and all(_YEAR.fullmatch(cell) for cell in figures)


class _Packer:
    """Gathers rows until they fill a section."""

    def __init__(self, writer: SectionWriter, called: Callable[[int, int], str], title: str) -> None:
        self._writer, self._called, self._title = writer, called, title
        self._blocks: list[_Block] = []
        self._header: list[str] | None = None
        self._after_gap = True
        self._labels: list[list[str]] = []  # rows of one cell that may be the title of a table below
        self._first = self._last = self._length = 0

    def gap(self) -> None:
        self._after_gap = True

    def add(self, number: int, cells: list[str]) -> None:
        length = sum(map(len, cells)) + len(CELL) * len(cells)
        if self._blocks and self._length + length > LONG:
            self._flush()
        self._first = self._first or number
        self._last = number
        self._length += length
        single = sum(map(bool, cells)) == 1
        begins = self._after_gap or self._header is None
        if single and (begins or self._labels):
            self._labels.append(cells)
            self._after_gap = False
            return
        opens = (begins or bool(self._labels)) and header_like(cells)
        if opens or self._header is None:
            self._write_labels()
            self._header = cells if opens else []
            self._blocks.append(_Block(self._header, [], is_table=True))
            if not opens:
                self._blocks[-1].rows.append(cells)
        else:
            self._table().rows += [*self._labels, cells]
            self._labels = []
        self._after_gap = False

    def finish(self) -> None:
        self._flush()

    def _table(self) -> _Block:
        if not (self._blocks and self._blocks[-1].is_table):
            self._blocks.append(_Block(self._header, [], is_table=True))
            self._length += sum(map(len, self._header or ()))
        return self._blocks[-1]

    def _write_labels(self) -> None:
        if self._labels:
            self._blocks.append(_Block(None, self._labels))
            self._labels = []

    def _flush(self) -> None:
        self._write_labels()
        if self._first:
            self._writer.place(self._called(self._first, self._last), fresh=False)
            self._writer.heading(1, self._title)
            self._title = ""
        for block in self._blocks:
            if not block.is_table:
                self._writer.paragraph("\n".join(" ".join(filter(None, row)) for row in block.rows))
                continue
            lines = _without_empty_columns([*([block.header] if block.header else []), *block.rows])
            self._writer.table(lines, header=bool(block.header))
        self._blocks, self._first, self._length = [], 0, 0


def _trimmed(cells: Sequence[str]) -> list[str]:
    """Each cell on one line, without the empty ones at the end."""
    lines = [one_line(cell).replace(CELL, " / ") if cell else "" for cell in cells]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def _without_empty_columns(rows: Sequence[Sequence[str]]) -> list[list[str]]:
    """Without the columns left of the first filled one."""
    first = min((next((at for at, cell in enumerate(row) if cell), len(row)) for row in rows), default=0)
    return [list(row[first:]) for row in rows]
