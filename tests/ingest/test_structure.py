"""What survives of the structure of each format: headings, lists, tables, notes, names of slides and sheets."""

import io
import struct
from datetime import date, datetime, timedelta

import openpyxl
import pytest

from ingest.formats import reader
from ingest.formats.members import Budget
from storage.tables import column_names
from tests.ingest import files, papers
from tests.ingest.compound import xls


def read(data, name="file"):
    return reader.read(io.BytesIO(data), name, Budget(pages=1000, characters=10**7, unpacked=10**8))[1]


def outline(reading):
    return [(section.place, [heading.path for heading in section.headings]) for section in reading.sections]


def test_a_slide_is_a_section_with_its_title_text_tables_charts_and_notes():
    reading = read(files.pptx())
    assert outline(reading) == [
        ("Slide 1", ["Goals for 2026", "Goals for 2026 > Notes"]),
        ("Slide 2", ["Figures"]),
        ("Slide 3", []),
    ]
    first, second, third = (section.text for section in reading.sections)
    assert first.startswith("Goals for 2026\n\n- Fewer returns\n  - below two percent\n\nNotes\n\nMention the new")
    assert "Plant | Pumps\nLeeds | 1,200\nVranov | 800 / 900" in second
    assert " | Returns\nQ1 | 3.5\nQ2 | 2" in second
    assert third == "A slide without a title."
    assert reading.title == "Quarterly review"


def test_a_sheet_may_hold_titles_and_several_tables():
    rows = [
        ["Costs of the depots"], [], ["Depot", "2025", "2026"], ["Leeds", 10, 12], ["Vranov", 7, 8], [],
        ["Contacts"], ["Name", "Phone"], ["Anna", "555"], [], ["Bert", "556"],
    ]  # fmt: skip
    [section] = read(files.xlsx({"Depots": rows})).sections
    assert section.place == "Sheet Depots, rows 1-11"
    names = [column_names(table, section.text) for table in section.tables]
    assert names == [("Depot", "2025", "2026"), ("Name", "Phone")]
    assert section.text.split("\n\n")[:2] == ["Depots", "Costs of the depots"]
    assert section.text.endswith("Contacts\n\nName | Phone\nAnna | 555\nBert | 556")


@pytest.mark.parametrize(
    ("value", "form", "shown"),
    [
        (0.125, "0.0%", "12.5%"),
        (1234567.891, "#,##0.00", "1,234,567.89"),
        (12, '#,##0.00 [$€-407]', "12.00 €"),
        (0.1 + 0.2, "General", "0.3"),
        (datetime(2026, 3, 1), "yyyy-mm-dd", "2026-03-01"),
        (datetime(2026, 3, 1, 14, 30), "yyyy-mm-dd hh:mm", "2026-03-01 14:30"),
        (date(2026, 3, 1), "dd.mm.yyyy", "2026-03-01"),
        (datetime(2026, 3, 1), "mmm-yy", "2026-03"),
        (datetime(2026, 3, 1), "d-mmm", "2026-03-01"),
        (timedelta(hours=27, minutes=5, seconds=9), "[h]:mm:ss", "27:05:09"),
        (True, "General", "TRUE"),
        (3, "0", "3"),
        (736.5, "#,##0", "737"),
        (1.005, "0.00", "1.01"),
        (-1234.5, '_("$"* #,##0.00_);_("$"* \\(#,##0.00\\)', "-$1,234.50"),
        (2.5, '0.0" kg"', "2.5 kg"),
        (40, '"Level "0', "Level 40"),
        (1230000, '0.0,,"M"', "1.2M"),
        (42, "00000", "00042"),
        (123456789, "000\\-00\\-0000", "123-45-6789"),
        (1.5, "# ?/?", "1.5"),
        (0.25, "[=0]0;0%", "25%"),
        (5, '"Good"', "Good"),
    ],
)  # fmt: skip
def test_cells_are_read_as_the_sheet_shows_them(value, form, shown):
    book = openpyxl.Workbook()
    book.active.append(["Name", "Value"])
    book.active.append(["a", value])
    book.active["B2"].number_format = form
    assert read(files.saved(book)).sections[0].text.endswith(f"a | {shown}")


DRAWING = (
    '<d:wsDr xmlns:d="http://schemas.openxmlformats.org/drawingml/2006/spreadsheetDrawing"'
    ' xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main">{}</d:wsDr>'
)
BOX = '<d:sp><d:nvSpPr><d:cNvPr id="1" name="Box"{}/></d:nvSpPr><d:txBody>{}</d:txBody></d:sp>'


def with_drawing(drawing):
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/drawing"
    relation = (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        f'<Relationship Id="rId1" Type="{kind}" Target="../drawings/drawing1.xml"/></Relationships>'
    )
    changes = {"xl/worksheets/_rels/sheet1.xml.rels": relation, "xl/drawings/drawing1.xml": drawing}
    return papers.changed_zip(
        files.xlsx({"Plan": [["Name", "Days"], ["a", 3]]}), {name: text.encode() for name, text in changes.items()}
    )


def test_text_boxes_of_a_sheet_are_read_behind_it():
    words = (
        "<a:p><a:r><a:t>Fill in </a:t></a:r><a:r><a:t>by Friday.</a:t></a:r></a:p><a:p><a:r><a:t>Ann</a:t></a:r></a:p>"
    )
    hidden = BOX.format(' hidden="1"', "<a:p><a:r><a:t>Secret</a:t></a:r></a:p>")
    table, boxes = read(with_drawing(DRAWING.format(BOX.format("", words) + hidden))).sections
    assert table.text == "Plan\n\nName | Days\na | 3"
    assert (boxes.place, boxes.text) == ("Sheet Plan, text boxes", "Plan\n\nFill in by Friday.\nAnn")


def test_a_broken_drawing_does_not_cost_the_sheet():
    [section] = read(with_drawing("<d:wsDr>")).sections
    assert section.text == "Plan\n\nName | Days\na | 3"


def test_an_old_workbook_reads_like_a_new_one():
    assert read(xls({"Budget": files.ROWS})).sections == read(files.xlsx({"Budget": files.ROWS})).sections
    assert read(files.ods(files.ROWS)).sections == read(files.xlsx({"Budget": files.ROWS})).sections


def test_cells_of_an_old_workbook_are_read_as_the_sheet_shows_them():
    forms = ["0.0%", '"$"#,##0.00', "yyyy-mm-dd", "h:mm", "[h]:mm:ss"]
    values = [(0.125, 1), (1234.5, 2), (46082.0, 3), (0.375, 4), (1.5, 5), 0.5]
    [section] = read(
        xls({"Sheet": [["Name", "Value"], *([f"row {n}", v] for n, v in enumerate(values))]}, forms=forms)
    ).sections
    shown = [line.split(" | ")[1] for line in section.text.split("\n") if line.startswith("row")]
    assert shown == ["12.5%", "$1,234.50", "2026-03-01", "09:00", "36:00", "0.5"]


def test_an_old_workbook_whose_streams_overlap_is_read():
    data = bytearray(xls({"Budget": files.ROWS}))
    root = data.index("Root Entry".encode("utf-16-le"))
    data[root + 116 : root + 124] = struct.pack("<II", 0, 512)  # where small streams begin: in the workbook
    assert read(bytes(data)).sections == read(xls({"Budget": files.ROWS})).sections


def test_the_name_of_a_stream_may_be_in_capitals():
    assert read(xls({"Budget": files.ROWS}, stream="BOOK")).sections == read(xls({"Budget": files.ROWS})).sections


@pytest.mark.parametrize(
    ("sign", "encoding"), [(",", "utf-8"), (";", "cp1252"), ("\t", "utf-16"), ("|", "utf-8-sig"), (";", "utf-8")]
)
def test_dialect_and_encoding_of_a_csv_file_are_found(sign, encoding):
    data = sign.join(["Größe", "Preis", "Ort"]) + "\n" + "".join(
        sign.join([f"{n} m", f'"{n}{sign}50 €"', "Köln"]) + "\n" for n in range(1, 40)
    )  # fmt: skip
    [section] = read(data.encode(encoding), "x.csv").sections
    assert section.place == "Rows 1-40"
    assert column_names(section.tables[0], section.text) == ("Größe", "Preis", "Ort")
    assert f"39 m | 39{sign.strip() or ' '}50 € | Köln" in section.text


def test_a_quote_that_is_never_closed_costs_no_rows():
    rows = ["Part,Note", 'Seal,"of ""rubber"",', 'soft"', 'Pump,"blue', "Ring,3", 'Motor,"a,b"']
    reading = read("\n".join(rows).encode(), "x.csv")
    assert reading.sections[0].text == 'Part | Note\nSeal | of "rubber", soft\nPump | "blue\nRing | 3\nMotor | "a | b"'
    assert reading.warnings == ["From row 3 on quotes are read as they stand: one of them is never closed."]


@pytest.mark.parametrize("end", ['Pump,5" wide', 'Pump,"5 wide', 'Pump,"5 wide\n', 'Pump,"5\n\nwide"\n'])
def test_other_quotes_are_read_as_csv_has_them(end):
    assert read(f"Part,Note\nSeal,12\n{end}".encode(), "x.csv").warnings == []


@pytest.mark.parametrize(
    "text",
    [
        "Dear Anna, Bert, and Carl,\n\nthe pumps, valves, and seals are here.\nPlease, if you can, call me.\n",
        "Shopping: milk, eggs, bread\nLater, go home, cook, sleep\nTomorrow, work, eat, read\n",
        "From: Anna\nTo: Bert\nSubject: Pumps\n\nThey are here.\n",
        "{braces} are no JSON\n",
        "[1] A footnote, and more.\n",
    ],
)
def test_prose_is_text(text):
    assert reader.read(io.BytesIO(text.encode()), "x.txt", Budget(9, 9999, 9999))[0] == "text"


def test_rtf_keeps_headings_lists_tables_and_notes():
    reading = read(files.RTF)
    assert outline(reading) == [("", ["Booking"]), ("", ["Booking > Classes"]), ("", ["Notes"])]
    assert reading.sections[0].text == "Booking\n\nBook early – before €100 is due."
    assert reading.sections[1].text.endswith("- First item\n- Second item\n\nGrade | Days\nA | 30\n\n The end.")
    assert "Привет" in reading.sections[1].text
    assert reading.sections[2].text == "Notes\n\nNot for trains."
    assert not any(word in str(reading) for word in ("hidden words", "invisible", "Page header"))


def test_an_opendocument_text_keeps_headings_lists_tables_and_notes():
    reading = read(files.odt())
    assert outline(reading) == [("", ["Access"]), ("", ["Access > Fees"]), ("", ["Notes"])]
    text = "Access\n\nGates open at six. Bring a badge.\n\n- Show it\n  - to the guard"
    assert reading.sections[0].text == text
    assert reading.sections[1].text == "Fees\n\nKind | Fee\nLorry | 12 €"
    assert reading.sections[2].text == "Notes\n\nNot on Sundays."
    assert outline(read(files.odp())) == [
        ("Slide 1", ["Safety first", "Safety first > Notes"]),
        ("Slide 2", []),
    ]


def test_a_book_is_read_in_the_order_of_its_spine():
    reading = read(files.epub({"b.xhtml": "<h1>First</h1><p>One.</p>", "a.xhtml": "<h1>Second</h1><p>Two.</p>"}))
    assert [section.text for section in reading.sections] == ["First\n\nOne.", "Second\n\nTwo."]
    assert reading.title == "Pumps and valves"


def test_json_keeps_key_paths_and_tables_of_records():
    reading = read(files.every()["pump.json"])
    assert "limits.temperature.minimum: -10" in reading.sections[0].text
    assert "certificates: CE, UKCA" in reading.sections[0].text
    table = next(section for section in reading.sections if section.tables)
    assert table.headings[0].path == "spare_parts"
    assert column_names(table.tables[0], table.text) == ("number", "part", "in_stock")
    assert reading.title == "Pump KX-200"


def test_records_that_differ_are_read_one_by_one():
    lines = b'{"id": "A-1", "note": "Fine."}\nno json\n{"other": {"x": 1}}\n'
    reading = read(lines + b'{"third": [1, 2]}\n{"fourth": true}\n', "x.jsonl")
    assert [section.place for section in reading.sections] == ["Line 1", "Line 3", "Line 4", "Line 5"]
    assert reading.warnings == ["Lines that are no JSON were left out: 2."]


def test_a_mail_keeps_its_headers_and_names_what_is_attached():
    reading = read(files.eml([("costs.csv", files.csv()), ("policy.pdf", files.PDF)]))
    message = reading.sections[0]
    assert message.place == "Message"
    assert "From: Jörg Bauer <joerg@example.org>\nTo: anna@example.org" in message.text
    assert "Attachments: costs.csv, policy.pdf" in message.text
    assert message.text.endswith("The pumps arrive on Monday.\n\nRegards")
    assert [section.place for section in reading.sections][1:] == [
        "Attachment costs.csv, rows 1-124",
        "Attachment costs.csv, rows 125-241",
        "Attachment policy.pdf, page 1",
        "Attachment policy.pdf, page 2",
    ]
    assert reading.properties == {"date": "2026-03-03"}
