"""Small real files of every format, made here, for the tests of reading them."""

import io
import json
import zipfile
from email.message import EmailMessage

import openpyxl
from pptx import Presentation
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.util import Inches

from tests.ingest import papers, scans
from tests.ingest.compound import msg, xls

ROWS = [["Cost centre", "Owner", "Amount"], *([f"CC-{n:03}", f"Team {n % 7}", 100 + n] for n in range(1, 241))]


def saved(document):
    data = io.BytesIO()
    document.save(data)
    return data.getvalue()


def zipped(files, *, stored=()):
    """`files` maps paths to bytes or text."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content, zipfile.ZIP_STORED if name in stored else zipfile.ZIP_DEFLATED)
    return data.getvalue()


def pptx(title="Quarterly review"):
    deck = Presentation()
    deck.core_properties.title = title
    first = deck.slides.add_slide(deck.slide_layouts[1])
    first.shapes.title.text = "Goals for 2026"
    frame = first.placeholders[1].text_frame
    frame.text = "Fewer returns"
    line = frame.add_paragraph()
    line.text, line.level = "below two percent", 1
    first.notes_slide.notes_text_frame.text = "Mention the new test bench in Leeds."
    second = deck.slides.add_slide(deck.slide_layouts[5])
    second.shapes.title.text = "Figures"
    table = second.shapes.add_table(3, 2, 0, 0, Inches(4), Inches(2)).table
    for row, cells in enumerate([["Plant", "Pumps"], ["Leeds", "1,200"], ["Vranov", "800 | 900"]]):
        for column, text in enumerate(cells):
            table.cell(row, column).text = text
    chart = CategoryChartData()
    chart.categories = ["Q1", "Q2"]
    chart.add_series("Returns", (3.5, 2.0))
    second.shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, 0, 0, Inches(3), Inches(2), chart)
    third = deck.slides.add_slide(deck.slide_layouts[6])
    third.shapes.add_textbox(0, 0, Inches(3), Inches(1)).text_frame.text = "A slide without a title."
    return saved(deck)


def xlsx(sheets=None):
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in (sheets or {"Budget": ROWS, "Notes": [["Only words here"], ["and here"]]}).items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    return saved(book)


def csv(sign=",", encoding="utf-8"):
    return "\n".join(sign.join(map(str, row)) for row in ROWS).encode(encoding)


OFFICE = (
    'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"'
    ' xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"'
    ' xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"'
    ' xmlns:draw="urn:oasis:names:tc:opendocument:xmlns:drawing:1.0"'
    ' xmlns:presentation="urn:oasis:names:tc:opendocument:xmlns:presentation:1.0"'
)


def opendocument(kind, body, *, manifest=""):
    """`kind` is text, spreadsheet or presentation."""
    content = f"<office:document-content {OFFICE}><office:body>{body}</office:body></office:document-content>"
    meta = (
        '<office:document-meta xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"'
        ' xmlns:dc="http://purl.org/dc/elements/1.1/"><office:meta><dc:title>Depot rules</dc:title>'
        "</office:meta></office:document-meta>"
    )
    files = {"mimetype": f"application/vnd.oasis.opendocument.{kind}", "content.xml": content, "meta.xml": meta}
    if manifest:
        files["META-INF/manifest.xml"] = manifest
    return zipped(files, stored=("mimetype",))


def odt():
    return opendocument(
        "text",
        '<office:text><text:h text:outline-level="1">Access</text:h>'
        "<text:p>Gates open at<text:s text:c='2'/>six.<text:note><text:note-citation>1</text:note-citation>"
        "<text:note-body><text:p>Not on Sundays.</text:p></text:note-body></text:note> Bring a badge.</text:p>"
        "<text:list><text:list-item><text:p>Show it</text:p><text:list><text:list-item><text:p>to the guard</text:p>"
        "</text:list-item></text:list></text:list-item></text:list>"
        '<text:h text:outline-level="2">Fees</text:h><table:table><table:table-row><table:table-cell><text:p>Kind'
        "</text:p></table:table-cell><table:table-cell><text:p>Fee</text:p></table:table-cell></table:table-row>"
        "<table:table-row><table:table-cell><text:p>Lorry</text:p></table:table-cell><table:table-cell><text:p>12 €"
        "</text:p></table:table-cell></table:table-row></table:table></office:text>",
    )


def ods(rows=ROWS):
    def cell(value):
        return f"<table:table-cell><text:p>{value}</text:p></table:table-cell>"

    lines = "".join(f"<table:table-row>{''.join(map(cell, row))}</table:table-row>" for row in rows)
    empty = '<table:table-row table:number-rows-repeated="1048576"><table:table-cell' \
            ' table:number-columns-repeated="16384"/></table:table-row>'  # fmt: skip
    return opendocument(
        "spreadsheet",
        f'<office:spreadsheet><table:table table:name="Budget">{lines}{empty}</table:table></office:spreadsheet>',
    )


def odp():
    return opendocument(
        "presentation",
        '<office:presentation><draw:page><draw:frame presentation:class="title"><draw:text-box><text:p>Safety first'
        "</text:p></draw:text-box></draw:frame><draw:frame><draw:text-box><text:p>Wear a helmet.</text:p>"
        "</draw:text-box></draw:frame><presentation:notes><draw:frame presentation:class='notes'><draw:text-box>"
        "<text:p>Show one.</text:p></draw:text-box></draw:frame></presentation:notes></draw:page>"
        "<draw:page><draw:frame><draw:text-box><text:p>Thank you.</text:p></draw:text-box></draw:frame></draw:page>"
        "</office:presentation>",
    )


RTF = (
    r"{\rtf1\ansi\ansicpg1252\deff0{\fonttbl{\f0\fcharset0 Arial;}{\f1\fcharset204 Arial;}}"
    r"{\stylesheet{\s0 Normal;}{\s1 heading 1;}{\s2\sbasedon0 heading 2;}}"
    r"{\info{\title Travel rules}{\author Somebody}}{\header Page header}"
    r"\pard\s1 Booking\par\pard\s0 Book early \'96 before \u8364?100 is due.{\footnote Not for trains.}\par"
    r"\pard\s2 Classes\par\pard\s0{\f1 \'cf\'f0\'e8\'e2\'e5\'f2}\par"
    r"\pard\s0{\listtext\bullet\tab}\ls1 First item\par{\listtext\bullet\tab}\ls1 Second item\par"
    r"\pard\trowd\intbl Grade\cell Days\cell\row\trowd\intbl A\cell 30\cell\row\pard{\*\unknown hidden words}"
    r"{\v invisible} The end.{\pict 0102030405}\par}"
).encode("ascii")


def epub(chapters=None):
    chapters = chapters or {
        "one.xhtml": "<h1>The pump</h1><p>It moves water.</p>",
        "two.xhtml": "<h1>The valve</h1><p>It stops water.</p><ul><li>by hand</li><li>by motor</li></ul>",
    }
    items = "".join(
        f'<item id="c{n}" href="{name}" media-type="application/xhtml+xml"/>' for n, name in enumerate(chapters)
    )
    spine = "".join(f'<itemref idref="c{n}"/>' for n in range(len(chapters)))
    package = (
        '<package xmlns="http://www.idpf.org/2007/opf" xmlns:dc="http://purl.org/dc/elements/1.1/"><metadata>'
        f"<dc:title>Pumps and valves</dc:title></metadata><manifest>{items}</manifest><spine>{spine}</spine></package>"
    )
    container = (
        '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
        '<rootfile full-path="OEBPS/book.opf"/></rootfiles></container>'
    )
    pages = {f"OEBPS/{name}": f"<html><head><title>x</title></head><body>{text}</body></html>"
             for name, text in chapters.items()}  # fmt: skip
    files = {"mimetype": "application/epub+zip", "META-INF/container.xml": container, "OEBPS/book.opf": package}
    return zipped(files | pages, stored=("mimetype",))


def eml(attachments=(), *, subject="Delivery of the pumps – Köln", body="The pumps arrive on Monday.\n\nRegards"):
    mail = EmailMessage()
    mail["From"], mail["To"] = "Jörg Bauer <joerg@example.org>", "anna@example.org"
    mail["Subject"], mail["Date"] = subject, "Tue, 03 Mar 2026 10:15:00 +0100"
    mail["Message-ID"] = "<1@example.org>"
    mail.set_content(body)
    mail.add_alternative(f"<html><body><p>{body}</p></body></html>", subtype="html")
    for name, data in attachments:
        if isinstance(data, EmailMessage):
            mail.add_attachment(data)
        else:
            mail.add_attachment(data, maintype="application", subtype="octet-stream", filename=name)
    return mail.as_bytes()


DATA = {
    "name": "Pump KX-200",
    "limits": {"pressure": "16 bar", "temperature": {"minimum": -10, "maximum": 60}},
    "certificates": ["CE", "UKCA"],
    "spare_parts": [{"number": n, "part": f"Seal {n}", "in_stock": n % 2 == 0} for n in range(1, 31)],
    "description": "A pump for water. " * 40,
}
PDF = papers.pdf([[(18, "Leave policy"), *papers.LOREM], ["Second page of the policy."]], title="Leave policy")


def word():
    def build(document):
        document.add_heading("Leave", 1)
        document.add_paragraph("You may take leave.")

    return papers.word(build)


def every():
    """A file of each format, by its name."""
    return {
        "policy.pdf": PDF,
        "leave.docx": word(),
        "review.pptx": pptx(),
        "budget.xlsx": xlsx(),
        "old.xls": xls({"Budget": ROWS[:20]}),
        "rules.odt": odt(),
        "budget.ods": ods(),
        "safety.odp": odp(),
        "travel.rtf": RTF,
        "pumps.epub": epub(),
        "page.html": b"<html><h1>Visitors</h1><p>Sign in.</p><table><tr><th>Day</th><th>Open</th></tr></table></html>",
        "notes.md": b"# Notes\n\n- one\n- two\n\n| A | B |\n|---|---|\n| 1 | 2 |\n",
        "costs.csv": csv(),
        "pump.json": json.dumps(DATA).encode(),
        "log.jsonl": "\n".join(json.dumps({"id": n, "event": f"Started {n}"}) for n in range(40)).encode(),
        "delivery.eml": eml([("costs.csv", csv()), ("policy.pdf", PDF)]),
        "outlook.msg": msg("Offer", "Please find our offer.", sender="Jo", attachments=[("leave.docx", word())]),
        "all.zip": zipped({"a/leave.docx": word(), "b/costs.csv": csv(), "policy.pdf": PDF}),
        "photo.png": scans.saved(scans.letter()),
        "photo.jpg": scans.saved(scans.letter(), "JPEG"),
        "fax.tif": scans.saved(scans.letter().convert("1"), "TIFF"),
        "plain.txt": b"WARRANTY\n\nTwo years from delivery.\n",
    }
