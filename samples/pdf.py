"""Lays a source out as a PDF: cover, contents, running header, page x of y, outline.

Streams stay uncompressed, so that the bytes do not depend on the zlib at hand. Uses the standard Type 1 fonts only.
"""

from __future__ import annotations

import io
from html import escape
from typing import Any

from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.platypus import (
    BaseDocTemplate,
    CondPageBreak,
    Frame,
    ListFlowable,
    ListItem,
    NextPageTemplate,
    PageBreak,
    PageTemplate,
    Paragraph,
    Spacer,
    Table,
    TableStyle,
)
from reportlab.platypus.tableofcontents import TableOfContents
from source import COMPANY, Block, Rows, Source, bold_runs, parse

DARK, GREY, RULE, SHADE, WHITE = (HexColor(c) for c in ("#123a4d", "#5c6a72", "#b9c7ce", "#eaf1f4", "#ffffff"))
NOTE, NOTE_EDGE = HexColor("#fff6e0"), HexColor("#d9962b")
BOLD = "Helvetica-Bold"
MARGIN = 24 * mm
WIDTH, HEIGHT = A4[0] - 2 * MARGIN, A4[1]
CELL_PADDING = 12.0


def style(name: str, size: float, **more: Any) -> ParagraphStyle:
    base = {"fontName": "Helvetica", "fontSize": size, "leading": size * 1.45, "textColor": HexColor("#1c2327")}
    return ParagraphStyle(name, **{**base, **more})


HEAD: dict[str, Any] = {"fontName": BOLD, "textColor": DARK, "keepWithNext": 1}
STYLES = {
    "h1": style("h1", 17, spaceBefore=16, spaceAfter=9, **HEAD),
    "h2": style("h2", 12.5, spaceBefore=10, spaceAfter=5, **HEAD),
    "body": style("body", 10, spaceAfter=7),
    "item": style("item", 10, spaceAfter=3),
    "caption": style("caption", 9, spaceBefore=4, spaceAfter=3, keepWithNext=1),
    "cell": style("cell", 9, leading=12),
    "head": style("head", 9, leading=12, fontName=BOLD, textColor=WHITE),
    "title": style("title", 30, fontName=BOLD, textColor=DARK, leading=36, spaceAfter=8),
    "subtitle": style("subtitle", 14, textColor=GREY, spaceAfter=14),
    "contents": style("contents", 17, spaceAfter=6, **HEAD),
}


def write_pdf(source: Source) -> bytes:
    _, pages = _lay_out(source, 0)
    return _lay_out(source, pages)[0]


def _lay_out(source: Source, total: int) -> tuple[bytes, int]:
    """The PDF, whose footers say `total`, and the number of pages that it came to."""
    out = io.BytesIO()
    facts = {"title": source.title, "subject": source.front["subtitle"], "author": COMPANY, "creator": COMPANY}
    doc = BaseDocTemplate(out, pagesize=A4, lang=source.language, invariant=1, pageCompression=0, **facts)

    def cover(canvas: Any, _doc: Any) -> None:
        canvas.setFillColor(DARK)
        canvas.rect(0, HEIGHT - 34 * mm, A4[0], 34 * mm, stroke=0, fill=1)
        canvas.setFillColor(WHITE)
        canvas.setFont(BOLD, 17)
        canvas.drawString(MARGIN, HEIGHT - 21 * mm, COMPANY)

    def furniture(canvas: Any, doc: Any) -> None:
        canvas.setStrokeColor(RULE)
        canvas.setFillColor(GREY)
        canvas.setFont("Helvetica", 8)
        for line, text, left, right in (
            (HEIGHT - 17 * mm, HEIGHT - 14 * mm, COMPANY, source.title),
            (16 * mm, 11 * mm, source.running, f"Page {doc.page} of {total}"),
        ):
            canvas.line(MARGIN, line, MARGIN + WIDTH, line)
            canvas.drawString(MARGIN, text, left)
            canvas.drawRightString(MARGIN + WIDTH, text, right)

    def mark_heading(flowable: Any) -> None:
        name = flowable.style.name if isinstance(flowable, Paragraph) else ""
        if name in ("h1", "h2"):
            level, text = int(name[1]) - 1, flowable.getPlainText()
            key = f"{doc.page}-{text}"
            doc.canv.bookmarkPage(key)
            doc.canv.addOutlineEntry(text, key, level, closed=level == 0)
            doc.notify("TOCEntry", (level, escape(text), doc.page, key))

    doc.afterFlowable = mark_heading
    frame = Frame(MARGIN, 20 * mm, WIDTH, HEIGHT - 42 * mm, 0, 0, 0, 0)
    templates = (("cover", cover), ("body", furniture))
    doc.addPageTemplates([PageTemplate(name, [frame], onPage=draw) for name, draw in templates])
    doc.multiBuild(_story(source))
    return out.getvalue(), doc.page


def _story(source: Source) -> list[Any]:
    control = [[Paragraph(f"<b>{escape(k)}</b>", STYLES["cell"]), _text(v, "cell")] for k, v in source.control]
    ruled = [("LINEBELOW", (0, 0), (-1, -1), 0.5, RULE), ("VALIGN", (0, 0), (-1, -1), "TOP")]
    story = [Spacer(1, 62 * mm), _text(source.title, "title"), _text(source.front["subtitle"], "subtitle")]
    story += [Spacer(1, 20 * mm), Table(control, [32 * mm, 100 * mm], style=ruled, hAlign="LEFT")]
    story += [NextPageTemplate("body"), PageBreak()]
    if source.front["contents"]:
        levels = [style("toc1", 10, fontName=BOLD, leading=15), style("toc2", 9, leftIndent=14, leading=12)]
        padding = TableStyle([(f"{side}PADDING", (0, 0), (-1, -1), 0.7) for side in ("TOP", "BOTTOM", "LEFT", "RIGHT")])
        contents = TableOfContents(levelStyles=levels, dotsMinLevel=0, tableStyle=padding)
        story += [_text("Contents", "contents"), contents, PageBreak()]
    for i, block in enumerate(parse(source.body)):
        if block.kind == "heading" and block.level == 1 and source.front["chapters_on_new_page"] and i:
            story.append(PageBreak())
        story += _flowables(block)
    return story


def _flowables(block: Block) -> list[Any]:
    if block.kind == "heading":
        return [CondPageBreak(34 * mm), _text(block.lines[0], f"h{block.level}")]
    if block.kind == "table":
        return [_table(block.rows)]
    if block.kind == "note":
        edge = [("BACKGROUND", (0, 0), (-1, -1), NOTE), ("LINEBEFORE", (0, 0), (0, -1), 3, NOTE_EDGE)]
        cell = [_text(line, "cell") for line in block.lines]
        return [Table([[cell]], [WIDTH], style=edge, spaceBefore=3, spaceAfter=10, hAlign="LEFT")]
    if block.kind in ("bullets", "numbers"):
        sign = {"start": "•"} if block.kind == "bullets" else {"bulletFormat": "%s."}
        kind = "bullet" if block.kind == "bullets" else "1"
        items = [ListItem(_text(line, "item")) for line in block.lines]
        return [ListFlowable(items, bulletType=kind, leftIndent=18, bulletFontSize=10, **sign), Spacer(1, 5)]
    return [_text(block.lines[0], "caption" if block.is_caption else "body")]


def _text(text: str, name: str) -> Paragraph:
    markup = "".join(f"<b>{escape(part)}</b>" if bold else escape(part) for part, bold in bold_runs(text))
    return Paragraph(markup, STYLES[name])


def _table(rows: Rows) -> Table:
    cells = [[_text(text, "cell" if i else "head") for text in row] for i, row in enumerate(rows)]
    look = [
        ("BACKGROUND", (0, 0), (-1, 0), DARK),
        ("ROWBACKGROUNDS", (0, 1), (-1, -1), [WHITE, SHADE]),
        ("GRID", (0, 0), (-1, -1), 0.5, RULE),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
    ]
    return Table(cells, _widths(rows), repeatRows=1, style=look, spaceAfter=11, hAlign="LEFT")


def _widths(rows: Rows) -> list[float]:
    """Column widths: no word is broken, and the rest of the page's width is shared after the longest cells."""
    columns = list(zip(*rows, strict=True))
    least = [max(stringWidth(w, BOLD, 9) for text in c for w in text.split()) + CELL_PADDING + 1 for c in columns]
    wish = [max(stringWidth(text, BOLD, 9) for text in column) + CELL_PADDING for column in columns]
    more = [max(w - n, 0) ** 0.7 + 1 for w, n in zip(wish, least, strict=True)]
    spare = WIDTH - sum(least)
    return [n + spare * m / sum(more) for n, m in zip(least, more, strict=True)]
