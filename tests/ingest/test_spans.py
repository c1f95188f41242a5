"""Cells that stand over several rows or columns, in all formats that have them."""

from __future__ import annotations

import io

import docx
import openpyxl
import pytest
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls
from pptx import Presentation
from pptx.util import Inches

from ingest.formats import office, opendocument, slides, web, workbook
from ingest.formats.sections import Reading, SectionWriter
from ingest.formats.spans import LONGEST, Cell, filled, placed
from tests.ingest import files
from tests.ingest.papers import changed_zip

LIMITS = {"max_characters": 100_000, "max_unpacked": 10**8}
ROWS = [["Pump", "Part", "Price"], ["P-200", "Seal", "12"], ["", "Ring", "3"], ["P-300", "Seal", "14"]]
READ = "Pump | Part | Price\nP-200 | Seal | 12\nP-200 | Ring | 3\nP-300 | Seal | 14"


def words(reading: Reading) -> str:
    return "\n".join(section.text for section in reading.sections)


def html(text: str) -> str:
    writer = SectionWriter(max_characters=10_000)
    web.write(text, writer)
    return "\n\n".join(section.text for section in writer.finish())


def test_a_cell_over_several_rows_is_read_in_each_row_of_a_page() -> None:
    rows = (
        "<tr><th>Pump<th>Part<th>Price<tr><td rowspan=2>P-200<td>Seal<td>12<tr><td>Ring<td>3<tr><td>P-300<td>Seal<td>14"
    )
    assert html(f"<table>{rows}</table>") == READ


def test_a_cell_over_several_columns_keeps_the_others_below_each_other() -> None:
    head = "<tr><th><th colspan=2>2025<th colspan=2>2026<tr><th>Part<th>Q1<th>Q2<th>Q1<th>Q2"
    read = html(f"<table>{head}<tr><td>Seal<td>1<td>2<td>3<td>4</table>")
    assert read == " | 2025 |  | 2026\nPart | Q1 | Q2 | Q1 | Q2\nSeal | 1 | 2 | 3 | 4"


@pytest.mark.parametrize("span", ["0", "-1", "x", "99999", "999999999", ""])
def test_odd_spans_lose_no_words(span: str) -> None:
    read = html(f"<table><tr><td rowspan='{span}' colspan='{span}'>one<td>two<tr><td>three<td>four</table>")
    assert {*read.split()} - {"|"} == {"one", "two", "three", "four"}


def test_a_long_text_is_not_repeated_and_an_empty_row_stays_empty() -> None:
    long = "x" * (LONGEST + 1)
    assert placed([[Cell(long, rows=2), Cell("a")], [Cell("b")]]) == [[long, "a"], ["", "b"]]
    assert placed([[Cell("Title", rows=2)], [], [Cell("a"), Cell("b")]]) == [["Title", ""], ["", ""], ["a", "b"]]


def test_a_title_over_rows_and_columns_is_said_once() -> None:
    rows = [[Cell("Offer", columns=2, rows=2), Cell("a")], [Cell("b")]]
    assert placed(rows) == [["Offer", "a"], ["", "b"]]
    book = openpyxl.Workbook()
    for row in [["Offer", "", "a"], ["", "", "b"]]:
        book.active.append(row)
    book.active.merge_cells("A1:B2")
    reading = workbook.read_xlsx(io.BytesIO(files.saved(book)), **LIMITS)
    assert words(reading).endswith("Offer |  | a\n |  | b")


def test_rows_are_filled_as_they_come() -> None:
    rows = iter([(1, ["a", "x"]), (2, ["", "y"]), (7, ["", "z"]), (9, ["", "w"])])
    assert [row for _, row in filled(rows, {1: [(0, 7)]})] == [["a", "x"], ["a", "y"], ["a", "z"], ["", "w"]]


def test_a_merged_cell_of_a_workbook_is_read_in_each_row_also_where_its_first_is_hidden() -> None:
    book = openpyxl.Workbook()
    book.active.title = "Prices"
    for row in [*ROWS, ["", "Ring", "4"]]:
        book.active.append(row)
    book.active.merge_cells("A2:A3")
    book.active.merge_cells("A4:A5")
    book.active.row_dimensions[4].hidden = True
    reading = workbook.read_xlsx(io.BytesIO(files.saved(book)), **LIMITS)
    assert words(reading) == "Prices\n\nPump | Part | Price\nP-200 | Seal | 12\nP-200 | Ring | 3\nP-300 | Ring | 4"


def test_a_merged_cell_of_a_word_file_is_read_in_each_row() -> None:
    document = docx.Document()
    table = document.add_table(len(ROWS), 3)
    for row, cells in zip(table.rows, ROWS, strict=True):
        for cell, said in zip(row.cells, cells, strict=True):
            cell.text = said
    table.cell(1, 0).merge(table.cell(2, 0))
    assert words(office.read(io.BytesIO(files.saved(document)), **LIMITS)) == READ


def test_cells_of_a_word_file_over_several_columns_keep_the_others_below_each_other() -> None:
    document = docx.Document()

    def cell(said: str, width: int = 1) -> str:
        span = f'<w:tcPr><w:gridSpan w:val="{width}"/></w:tcPr>'
        return f"<w:tc>{span}<w:p><w:r><w:t>{said}</w:t></w:r></w:p></w:tc>"

    head = f'<w:tr><w:trPr><w:gridBefore w:val="2"/></w:trPr>{cell("2025", 4)}{cell("2026", 4)}</w:tr>'
    body = f"<w:tr>{cell('Seal', 2)}{cell('1', 2)}{cell('2', 2)}{cell('3', 2)}{cell('4', 2)}</w:tr>"
    document.element.body.insert(0, parse_xml(f"<w:tbl {nsdecls('w')}>{head}{body}</w:tbl>"))
    read = words(office.read(io.BytesIO(files.saved(document)), **LIMITS))
    assert read == " | 2025 |  | 2026\nSeal | 1 | 2 | 3 | 4"


def test_a_merged_cell_of_a_slide_is_read_in_each_row() -> None:
    deck = Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[6])
    table = slide.shapes.add_table(len(ROWS), 3, 0, 0, Inches(5), Inches(3)).table
    for row, cells in enumerate(ROWS):
        for column, said in enumerate(cells):
            table.cell(row, column).text = said
    table.cell(1, 0).merge(table.cell(2, 0))
    assert words(slides.read(io.BytesIO(files.saved(deck)), **LIMITS)) == READ


def open_table() -> str:
    rows = ""
    for cells in ROWS:
        inside = ""
        for said in cells:
            kind = "table-cell" if said else "covered-table-cell"
            over = ' table:number-rows-spanned="2" table:number-columns-spanned="1"' if said == "P-200" else ""
            inside += f"<table:{kind}{over}><text:p>{said}</text:p></table:{kind}>"
        rows += f"<table:table-row>{inside}</table:table-row>"
    return f'<table:table table:name="Prices">{rows}</table:table>'


def test_a_merged_cell_of_an_ods_and_of_an_odt_is_read_in_each_row() -> None:
    content = f"<office:document-content {files.OFFICE}><office:body>%s</office:body></office:document-content>"
    sheets = content % f"<office:spreadsheet>{open_table()}</office:spreadsheet>"
    reading = opendocument.read_sheets(io.BytesIO(changed_zip(files.ods(), {"content.xml": sheets})), **LIMITS)
    assert words(reading) == f"Prices\n\n{READ}"
    text = content % f"<office:text>{open_table()}</office:text>"
    reading = opendocument.read_text(io.BytesIO(changed_zip(files.odt(), {"content.xml": text})), **LIMITS)
    assert words(reading) == READ


def test_a_table_that_lays_out_a_page_is_read_cell_by_cell_and_tables_in_it_are_tables() -> None:
    order = "<table><tr><th>Part<th>Price<tr><td>Seal<td>12</table>"
    page = f"<table><tr><td>Logo<tr><td><h1>Your order</h1><p>Thank you.</p>{order}<tr><td>Bye.</table>"
    assert html(page) == "Logo\n\nYour order\n\nThank you.\n\nPart | Price\nSeal | 12\n\nBye."


def test_a_table_in_a_cell_of_a_table_with_names_is_words_of_that_cell() -> None:
    inner = "<table><tr><td>3 bar<td>5 bar</table>"
    page = f"<table><tr><th>Pump<th>Pressure<tr><td>P-200<td>{inner}<tr><td>P-300<td>7 bar</table>"
    assert html(page) == "Pump | Pressure\nP-200 | 3 bar 5 bar\nP-300 | 7 bar"


def test_a_table_that_is_never_closed_is_read_to_its_end() -> None:
    assert html("<p>Prices<table><tr><th>Part<th>Price<tr><td>Seal<td>12") == "Prices\n\nPart | Price\nSeal | 12"


def test_tables_in_tables_without_end_cost_no_time_and_no_words() -> None:
    read = html("<table><tr><td>x" * 2_500)
    assert read.split() == ["x"] * 2_500


def test_what_stood_in_a_table_before_one_in_it_opened_is_kept() -> None:
    page = "<table><tr><td>a<td>b<tr><td>c<td>d<tr><td>e<td><table><tr><td>f<td>g</table><tr><td>h</table>"
    assert html(page).split() == "a | b c | d e f | g h".split()
