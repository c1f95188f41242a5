import io

import pypdf
import pypdfium2
import pytest
from pypdf.generic import DictionaryObject, NameObject, StreamObject
from reportlab.pdfgen.canvas import Canvas

from ingest.formats import pdf
from ingest.formats.sections import NO_TEXT
from storage.errors import DocumentError
from storage.types import BLANK
from tests.ingest import papers

LIMITS = {"max_pages": 100, "max_characters": 1_000_000}


@pytest.fixture
def read(tmp_path):
    def read(data, **limits):
        path = tmp_path / "file.pdf"
        path.write_bytes(data)
        return pdf.read(str(path), **(LIMITS | limits))

    return read


def test_every_page_is_a_section_also_an_empty_one(read):
    reading = read(papers.pdf([papers.LOREM, [], papers.LOREM]))
    assert [section.page for section in reading.sections] == [1, 2, 3]
    assert reading.sections[1].text == ""
    assert reading.unread == {2: BLANK}


def test_a_page_with_a_picture_and_no_text_is_told_from_a_blank_one(read):
    data = io.BytesIO()
    sheet = Canvas(data)
    for page in range(3):
        if page == 1:
            sheet.rect(100, 100, 200, 200, fill=1)
        elif page == 2:
            sheet.drawString(72, 700, "Words")
        sheet.showPage()
    sheet.save()
    assert read(data.getvalue()).unread == {1: BLANK, 2: NO_TEXT}


def test_text_offsets_are_pdfiums_character_indexes(tmp_path):
    path = tmp_path / "file.pdf"
    path.write_bytes(papers.pdf([["Überschuß: 5 € – “quoted”", *papers.LOREM, "a-", "b"]]))
    document = pypdfium2.PdfDocument(path)
    page = document[0].get_textpage()
    text = pdf.page_text(page)
    assert len(text) == page.count_chars()
    start = text.index("manager")
    assert page.get_text_range(start, 7) == "manager"
    page.close()
    document.close()


def _stream(data):
    stream = StreamObject()
    stream.set_data(data)
    return stream


def test_a_space_that_a_font_calls_a_line_feed_ends_no_line(read):
    named = b"""/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /C def
1 begincodespacerange <00> <ff> endcodespacerange 1 beginbfchar <20> <000A> endbfchar endcmap end end"""
    file = pypdf.PdfWriter()
    page = file.add_blank_page(600, 800)
    font = {"/Type": "/Font", "/Subtype": "/Type1", "/BaseFont": "/Helvetica-Bold"}
    font = DictionaryObject({NameObject(key): NameObject(value) for key, value in font.items()})
    font[NameObject("/ToUnicode")] = file._add_object(_stream(named))
    fonts = DictionaryObject({NameObject("/F"): file._add_object(font)})
    page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
    shown = b"BT /F 12 Tf 72 700 Td (Consolidated Balance Sheets) Tj 0 -20 Td (All sums) Tj ET"
    page[NameObject("/Contents")] = file._add_object(_stream(shown))
    data = io.BytesIO()
    file.write(data)
    lines = [line.strip() for line in read(data.getvalue()).sections[0].text.split("\n")]
    assert lines == ["Consolidated Balance Sheets", "All sums"]


def test_lines_end_with_a_line_feed_and_hold_no_control_characters(read):
    text = read(papers.pdf([papers.LOREM])).sections[0].text
    assert [line.rstrip() for line in text.split("\n")] == papers.LOREM
    assert all(character == "\n" or character.isprintable() for character in text)


def test_headings_come_from_type_size_and_last_over_pages(read):
    first = [(18, "1 Leave"), *papers.LOREM * 3, (13, "1.1 Carrying over"), *papers.LOREM * 3]
    sections = read(papers.pdf([first, papers.LOREM * 3, [*papers.LOREM, (18, "2 Travel"), *papers.LOREM]])).sections
    assert [heading.path for heading in sections[0].headings] == ["1 Leave", "1 Leave > 1.1 Carrying over"]
    assert sections[1].heading_at(10) == "1 Leave > 1.1 Carrying over"
    assert sections[2].heading_at(0) == "1 Leave > 1.1 Carrying over"
    at = sections[2].text.index("2 Travel")
    assert sections[2].heading_at(at) == "2 Travel"


def test_a_line_that_stands_on_every_page_is_no_heading(read):
    sections = read(papers.pdf([[(18, "ACME Handbook"), *papers.LOREM * 3]] * 5)).sections
    assert all(not section.headings for section in sections)


def test_the_outline_wins_and_is_found_in_the_text(read):
    page = [*papers.LOREM, "Carrying over", *papers.LOREM]
    outline = [(0, 0, "Leave"), (0, 1, "Carrying Over"), (1, 0, "Travel")]
    sections = read(papers.pdf([page, [(20, "Big type"), *papers.LOREM]], outline=outline)).sections
    assert sections[0].heading_at(sections[0].text.index("Carrying over")) == "Leave > Carrying Over"
    assert sections[1].heading_at(0) == "Travel"


def test_too_many_pages_and_too_much_text_are_refused(read):
    with pytest.raises(DocumentError, match="3 pages; 2 can"):
        read(papers.pdf([papers.LOREM] * 3), max_pages=2)
    with pytest.raises(DocumentError, match="more text"):
        read(papers.pdf([papers.LOREM] * 3), max_characters=100)


def test_pypdf_reads_the_same_words(tmp_path):
    path = tmp_path / "file.pdf"
    path.write_bytes(papers.pdf([papers.LOREM, papers.LOREM], title="Leave"))
    plain = pdf.read_plainly(str(path), **LIMITS)
    assert [section.text.split() for section in plain.sections] == [
        section.text.split() for section in pdf.read(str(path), **LIMITS).sections
    ]
    assert plain.title == "Leave"
    assert "can't be shown" in plain.warnings[0]


def test_the_properties_of_the_file_are_handed_on(read):
    found = read(papers.pdf([papers.LOREM], title="Leave", subject="Rules for all employees")).properties
    assert found["subject"] == "Rules for all employees"
    assert len(found["made"]) == len("2024-01-31")


def test_two_columns_are_read_one_after_the_other(tmp_path):
    sheet = Canvas(str(tmp_path / "columns.pdf"))
    for x, name in ((60, "Left"), (310, "Right")):
        for number in range(1, 31):
            sheet.drawString(x, 780 - 14 * number, f"{name} line {number} of ordinary words")
    sheet.showPage()
    sheet.save()
    [section] = pdf.read(str(tmp_path / "columns.pdf"), max_pages=9, max_characters=9999).sections
    lines = [line.strip() for line in section.text.split("\n")]
    assert lines == [f"{name} line {n} of ordinary words" for name in ("Left", "Right") for n in range(1, 31)]
    assert section.tables == ()
