"""The tables of an answer as files: CSV and XLSX, each value with the place that it comes from.

Cells that a spreadsheet could take for a formula begin with a quotation mark. Not covered: who may have them (the
answer's own rights, at the time of the download).
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence

from openpyxl import Workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.comments import Comment
from openpyxl.styles import Alignment, Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from app.cells import Cell, Grid
from app.search import unit_of
from storage.types import Citation

CSV = "text/csv; charset=utf-8"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

_FORMULA = re.compile(r"^[=+\-@\t\r]")
_WIDEST = 60  # characters of a column
_LONGEST = 1000  # characters of a comment


def as_csv(grid: Grid, citations: Sequence[Citation]) -> bytes:
    """UTF-8 with a mark that Excel knows it by. Beside each column that has footnotes one with their places."""
    known = {citation.n: citation for citation in citations}
    cited = [any(row[place].footnotes for row in grid.rows) for place in range(len(grid.header))]
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\r\n")
    header = [
        [name, f"{name}: source".removeprefix(": ")] if with_source else [name]
        for name, with_source in zip(grid.header, cited, strict=True)
    ]
    writer.writerow([guarded(name) for names in header for name in names])
    for row in grid.rows:
        line = []
        for cell, with_source in zip(row, cited, strict=True):
            line += [cell.text, _places(cell, known)] if with_source else [cell.text]
        writer.writerow([guarded(words) for words in line])
    return b"\xef\xbb\xbf" + file.getvalue().encode("utf-8", "replace")


def as_xlsx(grids: Sequence[Grid], citations: Sequence[Citation]) -> bytes:
    """A sheet for each table, whose cells carry their footnotes as comments, and one with all sources."""
    known = {citation.n: citation for citation in citations}
    book = Workbook()
    book.remove(book.worksheets[0])
    for number, grid in enumerate(grids, 1):
        _fill(book.create_sheet("Table" if len(grids) == 1 else f"Table {number}"), grid, known)
    sources = Grid(
        ("Footnote", "Document", "File", "Place", "Words"),
        tuple(
            (Cell(str(c.n)), Cell(c.title), Cell(c.name), Cell(_where(c)), Cell(" ".join(c.text.split())))
            for c in citations
        ),
    )
    _fill(book.create_sheet("Sources"), sources, {})
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def guarded(words: str) -> str:
    """What no spreadsheet takes for a formula."""
    return f"'{words}" if _FORMULA.match(words) else words


def _fill(sheet: Worksheet, grid: Grid, known: dict[int, Citation]) -> None:
    for column, name in enumerate(grid.header, 1):
        cell = sheet.cell(1, column)
        cell.value, cell.font = _clean(name), Font(bold=True)
        widest = max([len(name), *(len(row[column - 1].text) for row in grid.rows)])
        sheet.column_dimensions[get_column_letter(column)].width = min(_WIDEST, widest + 2)
    for line, row in enumerate(grid.rows, 2):
        for column, content in enumerate(row, 1):
            cell = sheet.cell(line, column)
            cell.value, cell.alignment = _clean(content.text), Alignment(vertical="top", wrap_text=True)
            if said := [
                f"{_place(known[n])}: “{' '.join(known[n].text.split())}”" for n in content.footnotes if n in known
            ]:
                cell.comment = Comment(_clean("\n".join(said))[:_LONGEST], "Footnote", height=120, width=320)
    sheet.freeze_panes = "A2"


def _clean(words: str) -> str:
    return guarded(ILLEGAL_CHARACTERS_RE.sub("", words))


def _places(cell: Cell, known: dict[int, Citation]) -> str:
    return "; ".join(_place(known[n]) for n in cell.footnotes if n in known)


def _place(citation: Citation) -> str:
    return ", ".join(part for part in (citation.title or citation.name, _where(citation)) if part)


def _where(citation: Citation) -> str:
    heading = citation.heading.split(" > ")[-1]
    return ", ".join(part for part in (unit_of(citation), heading) if part) or f"section {citation.page}"
