"""Small real files for the tests of parsing and rendering."""

import io
import zipfile

import docx
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen import canvas

LOREM = [
    "Employees may carry over up to five unused vacation days into the first",
    "quarter of the following year, provided that their manager has approved",
    "the request in writing. Days that are not taken by then are lost.",
]


def pdf(pages, *, title="", subject="", rotation=0, crop=None, encrypt=None, outline=()):
    """`pages` is a list of pages, a page a list of (type size, text) or text.

    What follows a tab is a cell at the right, and text that begins with two stands in the middle.
    """
    data = io.BytesIO()
    sheet = canvas.Canvas(data, pagesize=A4, encrypt=encrypt)
    if title:
        sheet.setTitle(title)
    if subject:
        sheet.setSubject(subject)
    for number, lines in enumerate(pages):
        if rotation:
            sheet.setPageRotation(rotation)
        if crop:
            sheet.setCropBox(crop)
        height = 500.0 if rotation % 180 else 780.0
        for line in lines:
            size, text = line if isinstance(line, tuple) else (10, line)
            sheet.setFont("Helvetica-Bold" if size > 10 else "Helvetica", size)
            if text.startswith("\t\t"):
                sheet.drawCentredString(296, height, text.strip())
                text = ""
            text, *cells = text.split("\t")
            sheet.drawString(72, height, text)
            for place, cell in enumerate(reversed(cells)):
                sheet.drawRightString(520 - 80 * place, height, cell)
            height -= size * 1.5
        for page, level, name in outline:
            if page == number:
                sheet.bookmarkPage(name)
                sheet.addOutlineEntry(name, name, level)
        sheet.showPage()
    sheet.save()
    return data.getvalue()


def word(build):
    """A .docx that `build(document)` filled."""
    document = docx.Document()
    build(document)
    data = io.BytesIO()
    document.save(data)
    return data.getvalue()


def changed_zip(data, changes):
    """The archive with some members replaced or added."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            if name not in changes:
                new.writestr(name, old.read(name))
        for name, content in changes.items():
            new.writestr(name, content)
    return out.getvalue()
