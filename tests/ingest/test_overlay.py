"""Forms that were filled in, and notes written over a page."""

import io

import numpy as np
import pytest
from PIL import Image
from reportlab.pdfgen.canvas import Canvas

from ingest.formats import pdf
from ingest.render import render
from tests.ingest import odd_pdfs

FIELDS = {"Given name:": "Annabel", "Cost centre:": "CC-4711", "Remarks:": ""}


def form(*, rotation=0):
    data = io.BytesIO()
    sheet = Canvas(data)
    sheet.setPageRotation(rotation)
    sheet.drawString(72, 760, "Request for equipment")
    for number, (label, value) in enumerate(FIELDS.items()):
        sheet.drawString(72, 700 - 40 * number, label)
        sheet.acroForm.textfield(value=value, x=200, y=693 - 40 * number, width=150, height=20, name=label)
    sheet.drawString(72, 560, "Signed by hand.")
    sheet.showPage()
    sheet.drawString(72, 700, "Page two.")
    sheet.save()
    return data.getvalue()


def with_note(words, *, font=b"5 0 R"):
    """A page with a note over it that is drawn, as programs write text into PDFs that are no forms."""
    look = odd_pdfs.stream(
        b"BT /F 12 Tf 2 4 Td (%s) Tj ET" % words,
        b"/Type/XObject/Subtype/Form/BBox[0 0 150 20]/Resources<</Font<</F %s>>>>" % font,
    )
    note = b"<</Type/Annot/Subtype/FreeText/Rect[20 40 170 60]/Contents(%s)/DA(/F 12 Tf)/AP<</N 7 0 R>>>>" % words
    return odd_pdfs.one(page=b"/Annots[6 0 R]", o6=note, o7=look)


@pytest.fixture
def read(tmp_path):
    def read(data):
        path = tmp_path / "file.pdf"
        path.write_bytes(data)
        return pdf.read(str(path), max_pages=9, max_characters=10_000).sections

    return read


def test_what_was_filled_in_is_read_behind_the_name_of_its_field(read):
    first, second = read(form())
    lines = [line.strip() for line in first.text.split("\n")]
    assert lines == [
        "Request for equipment", "Given name: Annabel", "Cost centre: CC-4711", "Remarks:", "Signed by hand.",
    ]  # fmt: skip
    assert (second.text.strip(), second.boxes) == ("Page two.", b"")


def test_what_was_filled_in_is_drawn_and_marked(read, tmp_path):
    section = read(form())[0]
    page = render(tmp_path / "file.pdf", 1, text=section.text, words=section.boxes)
    start = section.text.index("CC-4711")
    [(left, top, right, bottom)] = page.rectangles(start, start + len("CC-4711"))
    ink = np.asarray(Image.open(io.BytesIO(page.jpeg)).convert("L"))
    part = ink[int(top * page.height) : int(bottom * page.height), int(left * page.width) : int(right * page.width)]
    assert left > 200 / 596
    assert (part < 128).mean() > 0.05


def test_what_was_filled_in_is_read_on_a_turned_page_too(read):
    assert "CC-4711" in read(form(rotation=90))[0].text


def test_a_note_written_over_a_page_is_read(read):
    [section] = read(with_note(b"Paid on 3 May"))
    assert [line.strip() for line in section.text.split("\n")] == ["Words of the pump", "Paid on 3 May"]


def test_the_page_keeps_fonts_that_it_has_from_the_whole_document(read):
    objects = odd_pdfs.objects(page=b"/Annots[6 0 R]")
    letters = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding<</Differences[87/V 111/a 114/l 100/v 115/e]>>>>"
    objects[2] = objects[2][:-2] + b"/Resources<</Font<</F 5 0 R>>>>>>"
    objects[3] = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 200]/Contents 4 0 R/Annots[6 0 R]>>"
    objects[4] = odd_pdfs.stream(b"BT /F 12 Tf 20 150 Td (Words) Tj ET")
    objects[5] = letters
    objects[6] = b"<</Type/Annot/Subtype/FreeText/Rect[20 40 170 60]/Contents(Paid)/AP<</N 7 0 R>>>>"
    objects[7] = odd_pdfs.stream(
        b"BT /H 12 Tf 2 4 Td (Paid) Tj ET",
        b"/Type/XObject/Subtype/Form/BBox[0 0 150 20]/Resources<</Font<</H %s>>>>" % odd_pdfs.HELVETICA,
    )
    [section] = read(odd_pdfs.written(objects))
    assert [line.strip() for line in section.text.split("\n")] == ["Valve", "Paid"]


def test_a_note_in_letters_without_names_does_not_cost_the_page(read):
    unnamed = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding<</Differences[97/g1/g2/g3/g4]>>>>"
    [section] = read(with_note(b"abcdabcd" * 20, font=unnamed))
    assert section.text.startswith("Words of the pump")


def test_marks_on_a_page_that_was_read_without_its_fields_stay(read, tmp_path):
    section = read(with_note(b"Paid on 3 May"))[0]
    printed = section.text.partition("Paid")[0].rstrip()
    page = render(tmp_path / "file.pdf", 1, text=printed)
    assert page.rectangles(printed.index("pump"), printed.index("pump") + len("pump"))
