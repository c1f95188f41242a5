"""Workbooks (.xlsx, .xls): each sheet by blocks of rows, cells as the sheet shows them.

openpyxl reads .xlsx as a stream, xlrd the old .xls. Formulas are never computed: the results that are stored are
read. The sizes that a sheet claims to have are ignored. Hidden sheets, rows and columns are left out with a warning
(`ingest.formats.hidden`); so are comments, charts and pictures. Text boxes of .xlsx are read behind their sheet.
"""

from __future__ import annotations

import mimetypes
import re
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from io import StringIO
from typing import Any

from ingest.child import report
from ingest.formats.cells import shown
from ingest.formats.grid import Allowance, Row, write_rows
from ingest.formats.hidden import Hidden, hidden_sheets, warnings
from ingest.formats.ooxml import usual
from ingest.formats.packages import BROKEN, check_size, comments, damaged, encrypted
from ingest.formats.sections import File, Reading, SectionWriter, contents, one_line, properties
from ingest.formats.spans import filled
from ingest.formats.worksheet import Worksheet, unresolved, worksheet

_HOURS = re.compile(r"\[[hms]+\]", re.I)  # counted beyond a day
_WHAT = "workbook"


def read_xlsx(file: File, *, max_characters: int, max_unpacked: int) -> Reading:
    """Raises DocumentError for archives that swell beyond `max_unpacked` bytes and for broken workbooks."""
    mimetypes.knownfiles.clear()  # openpyxl looks into them, and the sandbox has none
    import openpyxl  # slow to import, and .xls does without

    if isinstance(file, str):
        with open(file, "rb") as opened:  # by its path, openpyxl refuses a name that does not end in .xlsx
            return read_xlsx(opened, max_characters=max_characters, max_unpacked=max_unpacked)
    check_size(file, max_unpacked, _WHAT)
    writer, allowance = SectionWriter(max_characters=max_characters), Allowance()
    unseen: list[str] = []
    read: list[tuple[str, Worksheet]] = []
    try:
        file = usual(file)
        book = openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
        core = book.properties
        title = one_line(core.title or "")
        claims = properties((("subject", core.subject or ""), ("keywords", core.keywords or "")))
        if isinstance(core.modified, datetime):
            claims["made"] = core.modified.date().isoformat()
        for number, sheet in enumerate(book.worksheets):
            report(number, len(book.worksheets))
            if sheet.sheet_state != "visible":
                unseen.append(sheet.title)
                continue
            sheet.reset_dimensions()
            with zipfile.ZipFile(file) as archive:
                around = worksheet(archive, sheet._worksheet_path)
            read.append((sheet.title, around))
            _write_sheet(sheet.title, _xlsx_rows(sheet), around, writer, allowance)
        left_out = [*hidden_sheets(unseen), *warnings([(name, one.hidden) for name, one in read])]
        left_out += [*unresolved([(name, one.unresolved) for name, one in read]), *comments(file)]
    except BROKEN as error:
        raise damaged(_WHAT) from error
    return Reading(writer.finish(), title, warnings=[*allowance.warnings, *left_out], properties=claims)


def read_xls(file: File, *, max_characters: int) -> Reading:
    """Raises DocumentError for encrypted and broken workbooks."""
    import xlrd
    from xlrd.formula import FormulaError

    writer, allowance = SectionWriter(max_characters=max_characters), Allowance()
    unseen: list[str] = []
    read: list[tuple[str, Hidden]] = []
    try:
        book = _xls_book(contents(file))
        for number, name in enumerate(book.sheet_names()):
            report(number, book.nsheets)
            sheet = book.sheet_by_index(number)
            if sheet.visibility:
                unseen.append(name)
                continue
            around = _xls_worksheet(sheet)
            read.append((name, around.hidden))
            _write_sheet(name, _xls_rows(sheet, book), around, writer, allowance)
            book.unload_sheet(number)
    except (xlrd.XLRDError, xlrd.compdoc.CompDocError, FormulaError) as error:
        raise (encrypted() if "encrypted" in str(error).lower() else damaged(_WHAT)) from error
    except BROKEN as error:
        raise damaged(_WHAT) from error
    return Reading(writer.finish(), warnings=[*allowance.warnings, *hidden_sheets(unseen), *warnings(read)])


def _xls_book(data: bytes) -> Any:
    """With formats and what is said of rows and columns, if xlrd gets on with that; then also where it doubts the file.

    Raises xlrd's errors.
    """
    import xlrd
    from xlrd.formula import FormulaError

    for options in ({"formatting_info": True}, {}):
        with suppress(*BROKEN, xlrd.XLRDError, xlrd.compdoc.CompDocError, FormulaError):
            return xlrd.open_workbook(file_contents=data, logfile=StringIO(), on_demand=True, **options)
    return xlrd.open_workbook(file_contents=data, logfile=StringIO(), on_demand=True, ignore_workbook_corruption=True)


def _xls_worksheet(sheet: Any) -> Worksheet:
    found = Worksheet()
    for number, row in sheet.rowinfo_map.items():
        if row.hidden:
            found.hidden.hide_row(number + 1, folded=row.outline_level > 0)
    for number, column in sheet.colinfo_map.items():
        if column.hidden:
            found.hidden.hide_columns(number, number + 1, folded=column.outline_level > 0)
    for first, end, column, end_column in sheet.merged_cells:
        if end_column == column + 1:
            found.spans.setdefault(first + 1, []).append((column, end))
    return found


def _write_sheet(
    name: str, rows: Iterable[Row], around: Worksheet, writer: SectionWriter, allowance: Allowance
) -> None:
    name = one_line(name)[:80]
    writer.place("")
    shown = around.hidden.shown(filled(rows, around.spans))
    write_rows(shown, writer, lambda first, last: f"Sheet {name}, {row_words(first, last)}", allowance, title=name)
    if around.boxes:
        writer.place(f"Sheet {name}, text boxes")
        writer.heading(1, name)
        for text in around.boxes:
            writer.paragraph(text)


def row_words(first: int, last: int) -> str:
    return f"row {first}" if first == last else f"rows {first}-{last}"


def _xlsx_rows(sheet: Any) -> Iterator[Row]:
    for number, row in enumerate(sheet.iter_rows(), 1):
        yield number, [shown(cell.value, cell.number_format) if cell.value is not None else "" for cell in row]


def _xls_rows(sheet: Any, book: Any) -> Iterator[Row]:
    from xlrd import XL_CELL_BOOLEAN, XL_CELL_DATE, XL_CELL_EMPTY, XL_CELL_ERROR, XL_CELL_NUMBER, error_text_from_code

    for number in range(sheet.nrows):
        cells = []
        for column, (kind, value) in enumerate(zip(sheet.row_types(number), sheet.row_values(number), strict=True)):
            form = _xls_form(sheet, book, number, column) if kind in {XL_CELL_DATE, XL_CELL_NUMBER} else ""
            if kind == XL_CELL_DATE:
                value = _xls_moment(value, form, book.datemode)
            elif kind == XL_CELL_BOOLEAN:
                value = bool(value)
            elif kind == XL_CELL_ERROR:
                value = error_text_from_code.get(value, "#ERROR")
            cells.append("" if kind == XL_CELL_EMPTY else shown(value, form))
        yield number + 1, cells


def _xls_form(sheet: Any, book: Any, row: int, column: int) -> str:
    """The number format's code; "" where there is none, or the book could only be opened without."""
    style = sheet.cell_xf_index(row, column) if book.formatting_info else len(book.xf_list)
    form = book.format_map.get(book.xf_list[style].format_key) if style < len(book.xf_list) else None
    return str(form.format_str or "") if form else ""


def _xls_moment(value: float, form: str, datemode: int) -> Any:
    """A time of day, a duration or a date; the number itself where it is none."""
    from xlrd import xldate

    with suppress(ValueError, OverflowError):
        if _HOURS.search(form):
            return timedelta(days=value)
        moment = xldate.xldate_as_datetime(value, datemode)
        return moment.time() if 0 <= value < 1 else moment
    return value
