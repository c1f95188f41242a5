"""What nobody sees is left out, and what somebody sees is not: in PDFs, web pages, Word files and workbooks."""

from __future__ import annotations

import io
from collections.abc import Callable

import docx
import openpyxl
import pytest
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls
from docx.shared import RGBColor
from PIL import Image, ImageDraw
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from ingest.formats import office, pdf, web, workbook
from ingest.formats.sections import Reading, SectionWriter
from ingest.formats.stylesheet import hidden_selectors, hides
from tests.ingest.files import saved

SEEN, UNSEEN = "These words are seen by everybody.", "Nobody sees these words at all."


def pdf_of(draw: Callable[[Canvas], None], *, max_characters: int = 10_000) -> Reading:
    data = io.BytesIO()
    canvas = Canvas(data, pagesize=(400, 300), invariant=True)
    canvas.setFont("Helvetica", 12)
    draw(canvas)
    canvas.showPage()
    canvas.save()
    return pdf.read(io.BytesIO(data.getvalue()), max_pages=10, max_characters=max_characters)


def words(reading: Reading) -> str:
    return "\n".join(section.text for section in reading.sections)


def test_white_words_on_a_dark_ground_are_read() -> None:
    def draw(canvas: Canvas) -> None:
        canvas.setFillColorRGB(0.1, 0.2, 0.5)
        canvas.rect(0, 180, 400, 60, fill=1)
        canvas.setFillColorRGB(1, 1, 1)
        canvas.drawString(30, 200, SEEN)
        canvas.drawString(30, 100, UNSEEN)

    reading = pdf_of(draw)
    assert SEEN in words(reading)
    assert "Nobody" not in words(reading)
    assert reading.warnings == ["Text that is not shown was left out, first on page 1."]


def test_invisible_words_over_a_scan_are_read() -> None:
    picture = Image.new("L", (800, 600), 255)
    ImageDraw.Draw(picture).text((60, 196), SEEN, fill=0, font_size=24)

    def draw(canvas: Canvas) -> None:
        canvas.drawImage(ImageReader(picture), 0, 0, 400, 300)
        for at, line in ((195, SEEN), (60, UNSEEN)):
            text = canvas.beginText(30, at)
            text.setTextRenderMode(3)
            for _ in range(5):  # more than a stamp
                text.textOut(f"{line} ")
            canvas.drawText(text)

    read = words(pdf_of(draw))
    assert SEEN.split()[0] in read
    assert "Nobody" not in read


def test_words_off_the_page_and_of_no_size_are_left_out_and_offsets_stay() -> None:
    def draw(canvas: Canvas) -> None:
        canvas.drawString(30, 250, SEEN)
        canvas.drawString(30, -100, UNSEEN)
        canvas.drawString(900, 100, UNSEEN)
        canvas.setFont("Helvetica", 0.4)
        canvas.drawString(30, 100, UNSEEN)
        canvas.setFont("Helvetica", 12)
        canvas.drawString(30, 50, "The end.")

    read = words(pdf_of(draw))
    assert SEEN in read
    assert "The end." in read
    assert "Nobody" not in read
    assert len(read) > 2 * len(UNSEEN)  # blanked, not taken out: characters keep their place


def test_words_deep_in_forms_are_looked_at_too() -> None:
    def draw(canvas: Canvas) -> None:
        for depth in range(12):
            canvas.beginForm(f"form{depth}")
            if depth:
                canvas.doForm(f"form{depth - 1}")
            else:
                canvas.setFont("Helvetica", 12)
                canvas.setFillColorRGB(1, 1, 1)
                canvas.drawString(30, 100, UNSEEN)
            canvas.endForm()
        canvas.setFont("Helvetica", 12)
        canvas.drawString(30, 200, SEEN)
        canvas.doForm("form11")

    read = words(pdf_of(draw))
    assert SEEN in read
    assert "Nobody" not in read


def test_words_behind_thousands_of_others_are_looked_at_too() -> None:
    def draw(canvas: Canvas) -> None:
        text = canvas.beginText(30, 250)
        text.setFont("Helvetica", 12)
        for _ in range(21_000):
            text.textOut(" ")
        canvas.drawText(text)
        canvas.drawString(30, 200, SEEN)
        canvas.setFillColorRGB(1, 1, 1)
        canvas.drawString(30, 100, UNSEEN)

    read = words(pdf_of(draw, max_characters=100_000))
    assert SEEN in read
    assert "Nobody" not in read


def test_a_page_without_anything_doubtful_is_read_as_it_is() -> None:
    reading = pdf_of(lambda canvas: canvas.drawString(30, 100, SEEN))
    assert (words(reading).strip(), reading.warnings) == (SEEN, [])


@pytest.mark.parametrize(
    "style",
    [
        "display:none",
        "DISPLAY : NONE !important",
        "visibility: hidden",
        "opacity:0",
        "font-size:0px",
        "font-size: 1px",
        "color:#fff;background-color:white",
        "color:rgba(0,0,0,0)",
        "color:rgb(255, 255, 255); background: #ffffff",
        "position:absolute; left:-9999px",
        "text-indent:-99em",
    ],
)
def test_styles_that_hide(style: str) -> None:
    assert hides(style)


@pytest.mark.parametrize(
    "style",
    [
        "",
        "color:#fff",  # on whatever ground its parent has
        "color:#fff;background-color:#14506b",
        "opacity:0.6",
        "font-size:12px",
        "font-size:0.8em",
        "left:-9999px",
        "position:absolute;left:-20px",
        "display:block;visibility:visible",
        "background-image:url(none)",
    ],
)
def test_styles_that_do_not_hide(style: str) -> None:
    assert not hides(style)


def test_rules_hide_by_tag_class_and_id_and_blocks_of_at_rules_do_not() -> None:
    css = "/* .a{} */ .X, p.y , #z{display:none} @media print{.w{display:none}} body{opacity:0} .v b{opacity:0}"
    assert hidden_selectors(css) == {".x", "p.y", "#z"}
    assert hidden_selectors(".a{" * 5000) == frozenset()


def html(text: str) -> str:
    writer = SectionWriter(max_characters=10_000)
    web.write(text, writer)
    return "\n".join(section.text for section in writer.finish())


def test_a_page_s_own_rules_hide_unless_a_script_may_show_it() -> None:
    page = f"<style>.tab{{display:none}}</style><p>{SEEN}</p><p class='tab'>{UNSEEN}</p>"
    assert html(page) == SEEN
    assert html(f"{page}<script>show()</script>") == f"{SEEN}\n\n{UNSEEN}"


def word(document: object) -> str:
    reading = office.read(io.BytesIO(saved(document)), max_characters=10_000, max_unpacked=10**7)
    return "\n".join(section.text for section in reading.sections)


def test_white_words_are_read_where_a_table_or_a_shade_is_behind_them() -> None:
    document = docx.Document()
    white = RGBColor(255, 255, 255)
    document.add_paragraph().add_run(UNSEEN).font.color.rgb = white
    cell = document.add_table(1, 1).cell(0, 0)
    cell.paragraphs[0].add_run("In a table.").font.color.rgb = white
    shaded = document.add_paragraph()
    shaded.paragraph_format.element.get_or_add_pPr().append(parse_xml(f'<w:shd {nsdecls("w")} w:fill="000000"/>'))
    shaded.add_run("On black.").font.color.rgb = white
    read = word(document)
    assert "In a table." in read
    assert "On black." in read
    assert "Nobody" not in read


def test_a_run_that_is_said_to_be_shown_is_read() -> None:
    document = docx.Document()
    document.add_paragraph().add_run(SEEN).font.hidden = False
    assert word(document) == SEEN


def test_hidden_sheets_are_named_and_left_out() -> None:
    book = openpyxl.Workbook()
    book.active.append([SEEN])
    for state in ("hidden", "veryHidden"):
        sheet = book.create_sheet(state)
        sheet.append([UNSEEN])
        sheet.sheet_state = state
    reading = workbook.read_xlsx(io.BytesIO(saved(book)), max_characters=10_000, max_unpacked=10**7)
    assert SEEN in words(reading)
    assert "Nobody" not in words(reading)
    assert reading.warnings == [
        "Hidden sheets were left out: hidden, veryHidden. To have it found, show it and upload the file again."
    ]
