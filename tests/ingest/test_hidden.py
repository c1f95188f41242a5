"""What workbooks, decks, texts and mails hide: it is left out or read, and the document's report says which."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable

import docx
import openpyxl
import pytest
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls
from openpyxl.comments import Comment
from openpyxl.worksheet.table import Table
from pptx import Presentation

from ingest.formats import mail, office, opendocument, packed_rtf, slides, workbook
from ingest.formats.members import Budget
from ingest.formats.sections import Reading
from tests.ingest import files
from tests.ingest.compound import compound, msg, outlook
from tests.ingest.papers import changed_zip

LIMITS = {"max_characters": 100_000, "max_unpacked": 10**8}
REMEDY = "To have it found, show it and upload the file again."
ROWS = [["Part", "Price", "Margin"], ["Seal", "12", "41"], ["Pump", "900", "42"], ["Ring", "3", "43"]]
NAMES = files.OFFICE + ' xmlns:style="urn:oasis:names:tc:opendocument:xmlns:style:1.0"'


def words(reading: Reading) -> str:
    return "\n".join(section.text for section in reading.sections)


def xlsx(change: Callable[[openpyxl.worksheet.worksheet.Worksheet], None]) -> Reading:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Prices"
    for row in ROWS:
        sheet.append(row)
    change(sheet)
    return workbook.read_xlsx(io.BytesIO(files.saved(book)), **LIMITS)


def test_hidden_rows_and_columns_of_a_sheet_are_left_out_and_counted() -> None:
    def hide(sheet: openpyxl.worksheet.worksheet.Worksheet) -> None:
        sheet.column_dimensions["C"].hidden = True
        sheet.row_dimensions[3].hidden = True
        sheet.row_dimensions[900].hidden = True  # with nothing in it

    reading = xlsx(hide)
    assert words(reading) == "Prices\n\nPart | Price\nSeal | 12\nRing | 3"
    assert reading.warnings == [f"Sheet Prices: 1 hidden row and 1 hidden column were left out. {REMEDY}"]
    assert [section.place for section in reading.sections] == ["Sheet Prices, rows 1-4"]


def test_one_hidden_row_is_told_of_in_the_singular() -> None:
    reading = xlsx(lambda sheet: setattr(sheet.row_dimensions[3], "hidden", True))
    assert reading.warnings == [f"Sheet Prices: 1 hidden row was left out. {REMEDY}"]


def fold(sheet: openpyxl.worksheet.worksheet.Worksheet) -> None:
    sheet.row_dimensions.group(3, 3, hidden=True)
    sheet.column_dimensions.group("C", "C", hidden=True)


def filter_sheet(sheet: openpyxl.worksheet.worksheet.Worksheet) -> None:
    sheet.auto_filter.ref = "A1:C4"
    sheet.auto_filter.add_filter_column(0, ["Seal", "Ring"])
    sheet.row_dimensions[3].hidden = True


def filter_table(sheet: openpyxl.worksheet.worksheet.Worksheet) -> None:
    table = Table(displayName="Prices", ref="A1:C4")
    sheet.add_table(table)
    table._initialise_columns()
    table.autoFilter.add_filter_column = None
    for number, column in enumerate(table.tableColumns):
        column.name = ROWS[0][number]
    from openpyxl.worksheet.filters import FilterColumn, Filters

    table.autoFilter.filterColumn.append(FilterColumn(colId=0, filters=Filters(filter=["Seal", "Ring"])))
    sheet.row_dimensions[3].hidden = True


@pytest.mark.parametrize("change", [fold, filter_sheet, filter_table])
def test_what_a_filter_or_a_closed_group_hides_is_read_and_told(
    change: Callable[[openpyxl.worksheet.worksheet.Worksheet], None],
) -> None:
    reading = xlsx(change)
    assert "Pump | 900 | 42" in words(reading)
    assert reading.warnings == ["What a filter or a closed group hides was read: sheet Prices."]


def test_a_row_that_is_hidden_beside_a_filter_is_left_out() -> None:
    def hide(sheet: openpyxl.worksheet.worksheet.Worksheet) -> None:
        filter_sheet(sheet)
        sheet.append(["Sum", "915", "126"])
        sheet.row_dimensions[5].hidden = True

    reading = xlsx(hide)
    assert "Pump" in words(reading)
    assert "Sum" not in words(reading)


def test_a_workbook_that_hides_nothing_has_no_warnings() -> None:
    assert xlsx(lambda sheet: None).warnings == []


def test_formulas_without_a_result_are_told_of_and_empty_words_are_a_result() -> None:
    reading = xlsx(lambda sheet: sheet.append(["Sum", "=SUM(B2:B4)", "=SUM(C2:C4)"]))
    assert words(reading).endswith("Ring | 3 | 43\nSum")
    remedy = "Open it in a spreadsheet program, save it there and upload that."
    assert reading.warnings == [f"Formulas whose results are not in the file were left out: sheet Prices. {remedy}"]
    book = openpyxl.Workbook()
    book.active.append(["Sum", "=A1"])
    data = files.saved(book)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        cells = archive.read("xl/worksheets/sheet1.xml")
    for cell in (b'<c r="B1" t="str"><f>A1</f><v></v></c>', b'<c r="B1"><f>A1</f><v>7</v></c>'):
        whole = cells.replace(b'<c r="B1"><f>A1</f><v></v></c>', cell)
        assert whole != cells
        file = io.BytesIO(changed_zip(data, {"xl/worksheets/sheet1.xml": whole}))
        assert workbook.read_xlsx(file, **LIMITS).warnings == []


def test_rows_that_do_not_say_their_numbers_are_counted_on_from_those_that_do() -> None:
    book = openpyxl.Workbook()
    for row in ROWS:
        book.active.append(row)
    data = files.saved(book)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        cells = archive.read("xl/worksheets/sheet1.xml")
    changed = cells.replace(b'<row r="3">', b'<row hidden="1">')
    assert changed != cells
    reading = workbook.read_xlsx(io.BytesIO(changed_zip(data, {"xl/worksheets/sheet1.xml": changed})), **LIMITS)
    assert "Seal" in words(reading)
    assert "Pump" not in words(reading)


def test_hidden_rows_and_columns_of_an_old_workbook_are_left_out() -> None:
    def record(kind: int, data: bytes) -> bytes:
        return struct.pack("<HH", kind, len(data)) + data

    def cell(row: int, column: int, said: str) -> bytes:
        return record(0x0204, struct.pack("<HHHH", row, column, 0, len(said)) + said.encode("cp1252"))

    begin = record(0x0809, struct.pack("<HHHH", 0x0500, 0x0010, 0, 0))
    hidden_row = record(0x0208, struct.pack("<HHHHHHHH", 1, 0, 3, 255, 0, 0, 0x0020, 0))
    hidden_column = record(0x007D, struct.pack("<HHHHHH", 2, 2, 2304, 0, 1, 0))
    cells = b"".join(cell(r, c, said) for r, row in enumerate(ROWS) for c, said in enumerate(row))
    body = begin + hidden_column + hidden_row + cells + record(0x000A, b"")
    head = record(0x0809, struct.pack("<HHHH", 0x0500, 0x0005, 0, 0)) + record(0x0042, struct.pack("<H", 1252))
    font = record(0x0031, struct.pack("<HHHHHBBBB", 200, 0, 0x7FFF, 400, 0, 0, 0, 0, 0) + b"\x05Arial")
    style = record(0x00E0, struct.pack("<HHH", 0, 0, 0xFFF5) + bytes(10))
    at = len(head) + len(font) * 5 + len(style) + 4 + 7 + 6 + 4
    sheet = record(0x0085, struct.pack("<IHB", at, 0, 6) + b"Prices")
    data = compound({"Book": head + font * 5 + style + sheet + record(0x000A, b"") + body})
    reading = workbook.read_xls(io.BytesIO(data), max_characters=10_000)
    assert words(reading) == "Prices\n\nPart | Price\nPump | 900\nRing | 3"
    assert reading.warnings == [f"Sheet Prices: 1 hidden row and 1 hidden column were left out. {REMEDY}"]


def ods(body: str, styles: str = "") -> Reading:
    content = (
        f"<office:document-content {NAMES}><office:automatic-styles>{styles}</office:automatic-styles><office:body>"
        f"<office:spreadsheet>{body}</office:spreadsheet></office:body></office:document-content>"
    )
    data = changed_zip(files.ods(), {"content.xml": content})
    return opendocument.read_sheets(io.BytesIO(data), **LIMITS)


def ods_row(cells: list[str], attributes: str = "") -> str:
    inside = "".join(f"<table:table-cell><text:p>{cell}</text:p></table:table-cell>" for cell in cells)
    return f"<table:table-row {attributes}>{inside}</table:table-row>"


def test_hidden_sheets_rows_and_columns_of_an_ods_are_left_out_and_what_is_filtered_is_read() -> None:
    columns = (
        '<table:table-column table:number-columns-repeated="2"/><table:table-column table:visibility="collapse"'
        ' table:number-columns-repeated="1022"/>'
    )
    collapsed, filtered = 'table:visibility="collapse"', 'table:visibility="filter"'
    rows = ods_row(ROWS[0]) + ods_row(ROWS[1], collapsed) + ods_row(ROWS[2], filtered)
    rows += f'<table:table-row-group table:display="false">{ods_row(ROWS[3], collapsed)}</table:table-row-group>'
    rows += '<table:table-row table:visibility="collapse" table:number-rows-repeated="1000000"/>'
    styles = (
        '<style:style style:name="ta1" style:family="table"><style:table-properties table:display="true"/>'
        '</style:style><style:style style:name="ta2" style:family="table"><style:table-properties'
        ' table:display="false"/></style:style>'
    )
    reading = ods(
        f'<table:table table:name="Secret" table:style-name="ta2">{ods_row(["Nobody", "sees", "this"])}</table:table>'
        f'<table:table table:name="Prices" table:style-name="ta1">{columns}{rows}</table:table>',
        styles,
    )
    assert words(reading) == "Prices\n\nPart | Price\nPump | 900\nRing | 3"
    assert reading.warnings == [
        f"Hidden sheets were left out: Secret. {REMEDY}",
        f"Sheet Prices: 1 hidden row and 1 hidden column were left out. {REMEDY}",
        "What a filter or a closed group hides was read: sheet Prices.",
    ]


def test_hidden_slides_are_read_and_named() -> None:
    deck = Presentation(io.BytesIO(files.pptx()))
    deck.slides[1]._element.set("show", "0")
    reading = slides.read(io.BytesIO(files.saved(deck)), **LIMITS)
    assert "Figures" in words(reading)
    assert reading.warnings == ["Hidden slides were read, too: 2."]


def test_hidden_slides_of_an_odp_are_read_and_named_and_hidden_words_left_out() -> None:
    with zipfile.ZipFile(io.BytesIO(files.odp())) as archive:
        content = archive.read("content.xml").decode()
    styles = (
        '<office:automatic-styles><style:style style:name="dp1" style:family="drawing-page">'
        '<style:drawing-page-properties presentation:visibility="hidden"/></style:style><style:style'
        ' style:name="T1"><style:text-properties text:display="none"/></style:style></office:automatic-styles>'
    )
    content = content.replace(files.OFFICE, NAMES).replace("<office:body>", f"{styles}<office:body>")
    content = content.replace("<text:p>Thank", '<text:p><text:span text:style-name="T1">Nobody.</text:span>Thank')
    first, _, rest = content.partition("<draw:page>")
    content = f'{first}<draw:page draw:style-name="dp1">{rest}'
    reading = opendocument.read_slides(io.BytesIO(changed_zip(files.odp(), {"content.xml": content})), **LIMITS)
    assert "Wear a helmet." in words(reading)
    assert "Nobody" not in words(reading)
    assert reading.warnings == ["Hidden slides were read, too: 1.", "Text that is not shown was left out."]


def test_deleted_words_and_comments_are_no_text_of_a_word_file() -> None:
    document = docx.Document()
    paragraph = document.add_paragraph("The rate is ")
    date = 'w:author="Jo" w:date="2026-01-01T00:00:00Z"'
    deleted = "<w:r><w:delText>three</w:delText></w:r>"
    paragraph._p.append(parse_xml(f'<w:del {nsdecls("w")} w:id="1" {date}>{deleted}</w:del>'))
    paragraph._p.append(parse_xml(f'<w:ins {nsdecls("w")} w:id="2" {date}><w:r><w:t>four</w:t></w:r></w:ins>'))
    paragraph._p.append(
        parse_xml(f'<w:moveFrom {nsdecls("w")} w:id="3" {date}><w:r><w:t>moved away</w:t></w:r></w:moveFrom>')
    )
    run = paragraph.add_run(" percent.")
    document.add_comment(run, text="Is that so?", author="Jo", initials="J")
    reading = office.read(io.BytesIO(files.saved(document)), **LIMITS)
    assert words(reading) == "The rate is four percent."
    assert reading.warnings == ["Comments were left out."]


def test_comments_on_cells_are_told_of() -> None:
    reading = xlsx(lambda sheet: setattr(sheet["A2"], "comment", Comment("Only for us", "Jo")))
    assert "Only for us" not in words(reading)
    assert reading.warnings == ["Comments were left out."]


HELLO = bytes.fromhex(  # the two examples of the standard
    "2d0000002b0000004c5a4675f1c5c7a703000a007263706731323542320af32068656c090020627705b06c647d0a800fa0"
)
TURNS = bytes.fromhex("1a0000001c0000004c5a4675e2d44b51410004205758595a0d6e7d010eb0")


def test_packed_rtf_is_unpacked_as_the_standard_shows() -> None:
    assert packed_rtf.unpack(HELLO, most=1000) == b"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n"
    assert packed_rtf.unpack(TURNS, most=1000) == b"{\\rtf1 WXYZWXYZWXYZWXYZWXYZ}"
    assert packed_rtf.unpack(TURNS, most=9) == b"{\\rtf1 WX"
    plain = struct.pack("<II4sI", 20, 5, b"MELA", 0) + b"{\\rtf"
    assert packed_rtf.unpack(plain, most=1000) == b"{\\rtf"


@pytest.mark.parametrize("data", [b"", b"LZFu", HELLO[:8] + b"ABCD" + HELLO[12:]])
def test_what_is_no_packed_rtf_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="no packed RTF"):
        packed_rtf.unpack(data, most=1000)


@pytest.mark.parametrize("length", range(16, len(HELLO)))
def test_packed_rtf_that_is_cut_off_gives_what_there_is(length: int) -> None:
    assert packed_rtf.unpack(HELLO, most=1000).startswith(packed_rtf.unpack(HELLO[:length], most=1000))


def budget() -> Budget:
    return Budget(pages=100, characters=100_000, unpacked=10**7)


def test_a_mail_with_a_body_of_rtf_alone_is_read() -> None:
    reading = mail.read_msg(io.BytesIO(msg("Greetings", "", sender="Jo", rtf=HELLO)), budget=budget())
    assert words(reading).endswith("hello world")
    assert words(reading).startswith("Greetings")


def test_plain_words_go_before_rtf_and_damaged_rtf_costs_only_itself() -> None:
    both = mail.read_msg(io.BytesIO(msg("Greetings", "Plain words.", rtf=HELLO)), budget=budget())
    assert "Plain words." in words(both)
    assert "hello" not in words(both)
    broken = mail.read_msg(io.BytesIO(msg("Greetings", "", rtf=b"nonsense")), budget=budget())
    assert words(broken).startswith("Greetings")


def test_encodings_by_the_names_that_windows_has_for_them_are_known_while_a_mail_is_read() -> None:
    tree = outlook("Greetings", "")
    number = struct.pack("<HHII4x", 0x0003, 0x3FDE, 6, 950)  # the code page of what is kept as bytes
    page = "".join(["<p>", "你好", "</p>"]).encode("cp950")
    tree["__substg1.0_10130102"] = page
    tree["__properties_version1.0"] += number + struct.pack("<HHIII", 0x0102, 0x1013, 6, len(page), 0)
    reading = mail.read_msg(io.BytesIO(compound(tree)), budget=budget())
    assert "你好" in words(reading)
    with pytest.raises(LookupError):
        "".encode("windows-950")
