"""Slide decks (.pptx): a section for each slide, its title as heading, then text, tables, figures of charts and notes.

python-pptx opens the deck. Text stands in the order of the slide's own list of shapes, in which screen readers read it.
Footers, dates and slide numbers are left out, as are comments, pictures and slide masters. Slides that the show leaves
out are read, since whoever opens the deck sees them; the report names them.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from pptx import Presentation
from pptx.enum.shapes import PP_PLACEHOLDER
from pptx.exc import PythonPptxError
from pptx.oxml.ns import qn

from ingest.child import report
from ingest.formats.drawings import DIAGRAM, write_chart, write_diagram
from ingest.formats.hidden import hidden_slides
from ingest.formats.ooxml import usual
from ingest.formats.packages import BROKEN, check_size, comments, damaged
from ingest.formats.sections import CELL, File, Reading, SectionWriter, one_line, properties
from ingest.formats.spans import continued

_WHAT = "presentation"
_MAX_DEPTH = 12
_TITLES = {PP_PLACEHOLDER.TITLE, PP_PLACEHOLDER.CENTER_TITLE, PP_PLACEHOLDER.VERTICAL_TITLE}
_RUNNING = {PP_PLACEHOLDER.FOOTER, PP_PLACEHOLDER.DATE, PP_PLACEHOLDER.SLIDE_NUMBER, PP_PLACEHOLDER.HEADER}
_LISTS = {PP_PLACEHOLDER.BODY, PP_PLACEHOLDER.OBJECT, PP_PLACEHOLDER.VERTICAL_BODY, PP_PLACEHOLDER.VERTICAL_OBJECT}


def read(file: File, *, max_characters: int, max_unpacked: int) -> Reading:
    """Raises DocumentError for archives that swell beyond `max_unpacked` bytes and for broken decks."""
    check_size(file, max_unpacked, _WHAT)
    writer = SectionWriter(max_characters=max_characters)
    hidden: list[int] = []
    try:
        deck = Presentation(usual(file))
        core = deck.core_properties
        title = one_line(core.title or "")
        claims = properties((("subject", core.subject), ("category", core.category), ("keywords", core.keywords)))
        if isinstance(core.modified, datetime):
            claims["made"] = core.modified.date().isoformat()
        for number, slide in enumerate(deck.slides, 1):
            _write_slide(slide, number, writer)
            if slide._element.get("show") in {"0", "false"}:
                hidden.append(number)
            report(number, len(deck.slides))
        warnings = [*hidden_slides(hidden), *comments(file)]
    except (*BROKEN, PythonPptxError) as error:
        raise damaged(_WHAT) from error
    return Reading(writer.finish(), title, writer.headline, warnings, claims)


def _write_slide(slide: Any, number: int, writer: SectionWriter) -> None:
    writer.place(f"Slide {number}")
    shapes = list(_shapes(slide.shapes))
    title = next((shape for shape in shapes if _role(shape) in _TITLES and shape.has_text_frame), None)
    if title is not None:
        writer.heading(1, title.text_frame.text)
    for shape in shapes:
        if shape is not title and _role(shape) not in _RUNNING:
            _write_shape(shape, slide, writer)
    if slide.has_notes_slide:
        notes = slide.notes_slide.notes_text_frame
        if notes is not None and notes.text.strip():
            writer.heading(2, "Notes", opens=False)
            writer.paragraph(notes.text)


def _shapes(shapes: Any, depth: int = 0) -> Iterator[Any]:
    for shape in shapes:
        if shape.shape_type is not None and hasattr(shape, "shapes"):
            if depth < _MAX_DEPTH:
                yield from _shapes(shape.shapes, depth + 1)
        else:
            yield shape


def _role(shape: Any) -> Any:
    return shape.placeholder_format.type if shape.is_placeholder else None


def _write_shape(shape: Any, slide: Any, writer: SectionWriter) -> None:
    if getattr(shape, "has_table", False) and shape.has_table:
        writer.table(_table(shape.table), header=True if shape.table.first_row else None)
    elif getattr(shape, "has_chart", False) and shape.has_chart:
        if data := _related(slide, shape.element.chart_rId):
            write_chart(data, writer)
    elif shape.has_text_frame:
        _write_text(shape, writer)
    else:
        for diagram in shape.element.iter(f"{DIAGRAM}relIds"):
            if data := _related(slide, diagram.get(qn("r:dm"))):
                write_diagram(data, writer)


def _related(slide: Any, name: str) -> bytes:
    """What stands beside the slide under this name; nothing where it is not there."""
    known = slide.part.rels
    return bytes(known[name].target_part.blob) if name in known and not known[name].is_external else b""


def _table(table: Any) -> list[list[str]]:
    rows: list[list[str]] = []
    for row in table.rows:
        cells = list(row.cells)
        spans = [(cell._tc.vMerge and not cell._tc.hMerge, cell._tc.gridSpan) for cell in cells]
        goes_on = [column for column, (down, columns) in enumerate(spans) if down and columns == 1]
        rows.append(continued(list(map(_cell, cells)), goes_on, rows[-1] if rows else ()))
    return rows


def _cell(cell: Any) -> str:
    return "" if cell.is_spanned else one_line(cell.text).replace(CELL, " / ")


def _write_text(shape: Any, writer: SectionWriter) -> None:
    paragraphs = [part for part in shape.text_frame.paragraphs if part.text.strip()]
    is_list = _role(shape) in _LISTS and len(paragraphs) > 1
    for part in paragraphs:
        text, own = part.text.replace("\v", "\n"), part._p.pPr
        bullet = own is not None and any(own.find(qn(f"a:{mark}")) is not None for mark in ("buChar", "buAutoNum"))
        plain = own is not None and own.find(qn("a:buNone")) is not None
        if bullet or (not plain and (is_list or part.level)):
            writer.item(text, depth=part.level)
        else:
            writer.paragraph(text)
