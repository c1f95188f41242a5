"""Files of Office that its programs open and the libraries refuse as they are."""

import io
import zipfile

import pytest
from docx.oxml import parse_xml
from pptx import Presentation
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.util import Inches

from ingest.formats import reader
from ingest.formats.members import Budget
from tests.ingest import files, papers

OPEN = b"vnd.openxmlformats-officedocument."
WORD = OPEN + b"wordprocessingml.document.main"
SLIDES = OPEN + b"presentationml.presentation.main"
SHEETS = OPEN + b"spreadsheetml.sheet.main"


def read(data):
    kind, reading = reader.read(io.BytesIO(data), "file", Budget(pages=1000, characters=10**7, unpacked=10**8))
    return kind, "\n".join(section.text for section in reading.sections)


def changed(data, change):
    """The same file after `change(name, content)` of each of its parts."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return files.zipped({name: change(name, archive.read(name)) for name in archive.namelist()})


def document():
    def build(paper):
        paper.add_heading("Leave", 1)
        paper.add_paragraph("Twenty-eight days.")

    return papers.word(build)


@pytest.mark.parametrize(
    ("data", "usual", "other", "kind", "text"),
    [
        (document, WORD, b"vnd.ms-word.document.macroEnabled.main", "docx", "Twenty-eight days."),
        (document, WORD, OPEN + b"wordprocessingml.template.main", "docx", "Twenty-eight days."),
        (document, WORD, b"vnd.ms-word.template.macroEnabledTemplate.main", "docx", "Twenty-eight days."),
        (files.pptx, SLIDES, b"vnd.ms-powerpoint.presentation.macroEnabled.main", "pptx", "Fewer returns"),
        (files.pptx, SLIDES, OPEN + b"presentationml.slideshow.main", "pptx", "Fewer returns"),
        (files.pptx, SLIDES, OPEN + b"presentationml.template.main", "pptx", "Fewer returns"),
        (files.pptx, SLIDES, b"vnd.ms-powerpoint.slideshow.macroEnabled.main", "pptx", "Fewer returns"),
        (files.xlsx, SHEETS, b"vnd.ms-excel.sheet.macroEnabled.main", "xlsx", "Cost centre"),
        (files.xlsx, SHEETS, OPEN + b"spreadsheetml.template.main", "xlsx", "Cost centre"),
        (files.xlsx, SHEETS, b"vnd.ms-excel.template.macroEnabled.main", "xlsx", "Cost centre"),
    ],
)  # fmt: skip
def test_templates_shows_and_files_with_macros_are_read(data, usual, other, kind, text):
    found, words = read(changed(data(), lambda _, content: content.replace(usual, other)))
    assert (found, text in words) == (kind, True)


@pytest.mark.parametrize(
    ("data", "text"), [(document, "Twenty-eight days."), (files.pptx, "Fewer returns"), (files.xlsx, "Cost centre")]
)
def test_a_file_in_the_strict_format_is_read(data, text):
    def strict(_, content):
        for kind in (b"officeDocument", b"wordprocessingml", b"presentationml", b"drawingml", b"spreadsheetml"):
            old = b"http://schemas.openxmlformats.org/" + kind + b"/2006/"
            content = content.replace(old, b"http://purl.oclc.org/ooxml/" + kind + b"/")
        return content

    assert text in read(changed(data(), strict))[1]


def relation(name):
    """Adds one to what is not there to the list of that name."""
    kind = b"http://schemas.openxmlformats.org/officeDocument/2006/relationships/image"
    one = b'<Relationship Id="rId990" Type="%s" Target="../NULL"/></Relationships>' % kind
    return lambda at, content: content.replace(b"</Relationships>", one) if at == name else content


@pytest.mark.parametrize(
    ("data", "name", "text"),
    [
        (document, "word/_rels/document.xml.rels", "Twenty-eight days."),
        (files.pptx, "ppt/slides/_rels/slide1.xml.rels", "Fewer returns"),
    ],
)
def test_a_picture_that_is_not_there_does_not_cost_the_document(data, name, text):
    assert text in read(changed(data(), relation(name)))[1]


def test_a_style_without_a_kind_does_not_cost_the_document():
    def untyped(name, content):
        return content.replace(b'<w:style w:type="paragraph"', b"<w:style") if name == "word/styles.xml" else content

    assert "Leave\n\nTwenty-eight days." in read(changed(document(), untyped))[1]


@pytest.mark.parametrize("kind", [XL_CHART_TYPE.THREE_D_COLUMN, XL_CHART_TYPE.BAR_CLUSTERED, XL_CHART_TYPE.DOUGHNUT])
def test_figures_of_a_chart_are_read_however_it_is_drawn(kind):
    deck = Presentation()
    chart = CategoryChartData()
    chart.categories = ["Q1", "Q2"]
    chart.add_series("Returns", (3.5, None))
    slide = deck.slides.add_slide(deck.slide_layouts[6])
    flat = XL_CHART_TYPE.COLUMN_CLUSTERED if kind == XL_CHART_TYPE.THREE_D_COLUMN else kind
    slide.shapes.add_chart(flat, 0, 0, Inches(3), Inches(2), chart)
    data = files.saved(deck)
    if kind != flat:  # which python-pptx neither writes nor reads
        data = changed(data, lambda _, content: content.replace(b"c:barChart>", b"c:bar3DChart>"))
    assert " | Returns\nQ1 | 3.5\nQ2" in read(data)[1]


def test_a_chart_in_a_document_is_read():
    deck = Presentation()
    figures = CategoryChartData()
    figures.categories = ["Leeds", "Vranov"]
    figures.add_series("Pumps", (1200, 800))
    frame = deck.slides.add_slide(deck.slide_layouts[6]).shapes.add_chart(
        XL_CHART_TYPE.LINE, 0, 0, Inches(3), Inches(2), figures
    )
    drawing = (
        b'<w:p xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:r><w:drawing><c:chart '
        b'xmlns:c="http://schemas.openxmlformats.org/drawingml/2006/chart" xmlns:r="http://schemas.openxmlformats.org/'
        b'officeDocument/2006/relationships" r:id="rId77"/></w:drawing></w:r></w:p></w:body>'
    )
    named = b'<Relationship Id="rId77" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/chart"'
    data = changed(
        document(),
        lambda _, content: content.replace(b"</w:body>", drawing).replace(
            b"</Relationships>",
            named + b' Target="chart1.xml"/></Relationships>' if b"styles.xml" in content else b"</Relationships>",
        ),
    )
    data = papers.changed_zip(data, {"word/chart1.xml": frame.chart.part.blob})
    assert " | Pumps\nLeeds | 1200\nVranov | 800" in read(data)[1]


def test_a_formula_in_a_document_is_read():
    formula = (
        '<m:oMath xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"><m:r><m:t>E=m</m:t></m:r><m:sSup>'
        "<m:e><m:r><m:t>c</m:t></m:r></m:e><m:sup><m:r><m:t>2</m:t></m:r></m:sup></m:sSup></m:oMath>"
    )
    data = papers.word(lambda paper: paper.add_paragraph("Energy: ")._p.append(parse_xml(formula)))
    assert read(data)[1] == "Energy: E=mc^2"
