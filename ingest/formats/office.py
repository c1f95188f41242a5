"""Word (.docx): headings, paragraphs, lists, tables, figures of charts and notes in document order.

python-docx opens the package and knows the styles; the text itself is walked in the XML, since content controls,
inserted (tracked) text and text boxes are missing from its paragraphs. Deleted text, comments, headers and footers are
left out, and so is text that Word does not show. Numbers that Word computes for headings and lists are not in the file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import docx
from docx.opc.exceptions import OpcError
from docx.oxml.ns import qn

from ingest.child import report
from ingest.formats.drawings import CHART, DIAGRAM, FALLBACK, write_chart, write_diagram
from ingest.formats.grid import MOST_COLUMNS
from ingest.formats.ooxml import usual
from ingest.formats.packages import BROKEN, check_size, comments, damaged, xml
from ingest.formats.sections import File, Reading, SectionWriter, one_line, properties
from ingest.formats.spans import continued, without_empty_columns

_WHAT = "Word file"
_MAX_DEPTH = 12
_P, _TBL, _SDT, _SDT_CONTENT = qn("w:p"), qn("w:tbl"), qn("w:sdt"), qn("w:sdtContent")
_TR, _TC, _TAB = qn("w:tr"), qn("w:tc"), qn("w:tab")
_MATH = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
_LETTERS = {qn("w:t"), f"{_MATH}t"}
_BEFORE = {f"{_MATH}den": "/", f"{_MATH}sup": "^", f"{_MATH}sub": "_"}  # fractions and indices on one line
_WRAPPERS = {qn("w:ins"), qn("w:moveTo"), qn("w:customXml"), qn("w:smartTag"), _SDT_CONTENT}
_TEXT_BOX = qn("w:txbxContent")
_DROPPED = {qn("w:del"), qn("w:moveFrom"), qn("w:pPr"), qn("w:rPr"), qn("w:instrText"), qn("w:delText"), _TEXT_BOX}
_SIGNS = {qn("w:br"): "\n", qn("w:cr"): "\n", _TAB: " ", qn("w:noBreakHyphen"): "-", qn("w:softHyphen"): ""}
_R, _RPR, _PPR, _SHADE, _HIGHLIGHT = qn("w:r"), qn("w:rPr"), qn("w:pPr"), qn("w:shd"), qn("w:highlight")
_HIDING = (qn("w:vanish"), qn("w:webHidden"))
_TINY = 4  # half points
_BACKED = {_TBL, _TEXT_BOX}  # a table's style or a box may have a dark ground, on which white is seen
_LEFT_OUT = "Text that is not shown was left out."
_NOTES = {"footnotes": qn("w:footnote"), "endnotes": qn("w:endnote")}


def read(file: File, *, max_characters: int, max_unpacked: int) -> Reading:
    """Raises DocumentError for archives that swell beyond `max_unpacked` bytes and for broken packages."""
    check_size(file, max_unpacked, _WHAT)
    try:
        document = docx.Document(usual(file))
        core = document.core_properties
        title = one_line(core.title or "")
        claims = properties((("subject", core.subject), ("category", core.category), ("keywords", core.keywords)))
        if core.modified:
            claims["made"] = core.modified.date().isoformat()
        styles = _Styles(document)
        writer = SectionWriter(max_characters=max_characters)
        body, parts = document.element.body, document.part.related_parts
        total = len(body)
        for number, block in enumerate(body):
            _write_block(block, writer, styles, parts, depth=0)
            if number % 200 == 0:
                report(number, total)
        _write_notes(document, writer)
        unseen = any(_is_unseen(run) for run in body.iter(_R))
        commented = comments(file)
    except (*BROKEN, OpcError) as error:
        raise damaged(_WHAT) from error
    warnings = [_LEFT_OUT] if unseen else []
    return Reading(writer.finish(), title, writer.headline, [*warnings, *commented], properties=claims)


class _Styles:
    """Which style ids are headings (and of which level), titles and lists; inherited from the style they build on."""

    def __init__(self, document: Any) -> None:
        self._elements = {style.get(qn("w:styleId")): style for style in document.styles.element.iter(qn("w:style"))}

    def heading_level(self, paragraph: Any) -> int | None:
        """0 for the document's title, 1 to 9 for headings, None for other text."""
        own = _value(paragraph, "w:pPr/w:outlineLvl")
        if own is not None and own.isdecimal() and int(own) < 9:
            return int(own) + 1
        for element in self._chain(paragraph):
            name = (_value(element, "w:name") or "").lower()
            if name == "title":
                return 0
            kind, _, level = name.partition(" ")
            if kind == "heading" and level.isdecimal():
                return int(level)
            outline = _value(element, "w:pPr/w:outlineLvl")
            if outline is not None and outline.isdecimal() and int(outline) < 9:
                return int(outline) + 1
        return None

    def list_depth(self, paragraph: Any) -> int | None:
        number = _value(paragraph, "w:pPr/w:numPr/w:numId")
        depth = _value(paragraph, "w:pPr/w:numPr/w:ilvl") or "0"
        if number is not None:
            return int(depth) if number != "0" and depth.isdecimal() else None
        for element in self._chain(paragraph):
            if element.find(qn("w:pPr") + "/" + qn("w:numPr")) is not None:
                return 0
            if (_value(element, "w:name") or "").lower().startswith("list "):
                return 0
        return None

    def _chain(self, paragraph: Any) -> Iterator[Any]:
        style = _value(paragraph, "w:pPr/w:pStyle")
        for _ in range(_MAX_DEPTH):
            element = self._elements.get(style)
            if element is None:
                return
            yield element
            style = _value(element, "w:basedOn")


def _value(element: Any, path: str) -> str | None:
    found = element.find("/".join(qn(step) for step in path.split("/")))
    return None if found is None else found.get(qn("w:val"))


def _write_block(block: Any, writer: SectionWriter, styles: _Styles, parts: Mapping[str, Any], *, depth: int) -> None:
    if block.tag == _P:
        _write_paragraph(block, writer, styles)
        _write_drawings(block, writer, parts)
    elif block.tag == _TBL:
        writer.table(_table(block))
    elif depth < _MAX_DEPTH and (block.tag == _SDT or block.tag in _WRAPPERS):
        for child in block:
            _write_block(child, writer, styles, parts, depth=depth + 1)


def _write_paragraph(paragraph: Any, writer: SectionWriter, styles: _Styles) -> None:
    text = "".join(_texts(paragraph))
    level = styles.heading_level(paragraph)
    if level is not None and text.strip():
        writer.heading(level, text)
    elif (depth := styles.list_depth(paragraph)) is not None:
        writer.item(text, depth=depth)
    else:
        writer.paragraph(text)
    for box in paragraph.iter(_TEXT_BOX):
        if not any(parent.tag == FALLBACK for parent in box.iterancestors()):
            for inner in box.iter(_P):
                writer.paragraph("".join(_texts(inner)))


def _write_drawings(paragraph: Any, writer: SectionWriter, parts: Mapping[str, Any]) -> None:
    """Charts and diagrams; `parts` are what stands beside the text, by the names that it uses."""
    for drawing in paragraph.iter(f"{CHART}chart", f"{DIAGRAM}relIds"):
        is_chart = drawing.tag == f"{CHART}chart"
        part = parts.get(drawing.get(qn("r:id" if is_chart else "r:dm")))
        if part is not None:
            (write_chart if is_chart else write_diagram)(part.blob, writer)


def _texts(paragraph: Any) -> Iterator[str]:
    """The text of a paragraph, with a stack of its own: nesting is the file's choice, Python's stack is not."""
    stack = [iter(paragraph)]
    while stack:
        element = next(stack[-1], None)
        if element is None:
            stack.pop()
        elif element.tag in _LETTERS:
            yield element.text or ""
        elif element.tag in _SIGNS:
            yield _SIGNS[element.tag]
        elif element.tag not in _DROPPED and element.tag != FALLBACK and not _is_unseen(element):
            yield _BEFORE.get(element.tag, "")
            stack.append(iter(element))


def _is_unseen(run: Any) -> bool:
    """A run that Word does not show, or in white or of two points at most where nothing is behind it."""
    properties_ = run.find(_RPR) if run.tag == _R else None
    if properties_ is None:
        return False
    if any(_is_on(properties_.find(mark)) for mark in _HIDING):
        return True
    size = _value(run, "w:rPr/w:sz") or ""
    if size.isdecimal() and int(size) <= _TINY:
        return True
    white = (_value(run, "w:rPr/w:color") or "").upper() == "FFFFFF"
    return (
        white
        and not any(
            parent.tag in _BACKED or parent.find(f"{_PPR}/{_SHADE}") is not None for parent in run.iterancestors()
        )
        and not any(properties_.find(mark) is not None for mark in (_SHADE, _HIGHLIGHT))
    )


def _is_on(mark: Any) -> bool:
    return mark is not None and mark.get(qn("w:val"), "1") not in ("0", "false", "off")


def _table(table: Any) -> list[list[str]]:
    rows: list[list[str]] = []
    for row in table.iter(_TR):
        if next(row.iterancestors(_TBL), None) is not table:  # rows of tables inside cells belong to their cell
            continue
        cells = [""] * _width(row, "w:trPr/w:gridBefore", 0)
        goes_on: list[int] = []
        for cell in row.iter(_TC):
            if next(cell.iterancestors(_TR), None) is row:
                merge = cell.find(f"{qn('w:tcPr')}/{qn('w:vMerge')}")
                if merge is not None and merge.get(qn("w:val"), "continue") == "continue":
                    goes_on.append(len(cells))
                cells += [_cell_text(cell), *[""] * (_width(cell, "w:tcPr/w:gridSpan", 1) - 1)]
        rows.append(continued(cells, goes_on, rows[-1] if rows else ()))
    return without_empty_columns(rows)


def _width(element: Any, path: str, least: int) -> int:
    """Columns of the table's grid."""
    value = _value(element, path) or ""
    return min(max(int(value), least), MOST_COLUMNS) if value.isdecimal() and len(value) < 6 else least


def _cell_text(cell: Any) -> str:
    text = " ".join("".join(_texts(paragraph)) for paragraph in cell.iter(_P))
    return one_line(text).replace(" | ", " / ")


def _write_notes(document: Any, writer: SectionWriter) -> None:
    for relation in document.part.rels.values():
        kind = relation.reltype.rsplit("/", 1)[-1]
        if kind not in _NOTES or relation.is_external:
            continue
        root = xml(relation.target_part.blob)
        notes = [
            " ".join("".join(_texts(paragraph)) for paragraph in note.iter(_P))
            for note in root.iter(_NOTES[kind])
            if note.get(qn("w:type")) is None  # the others are separators
        ]
        if any(note.strip() for note in notes):
            writer.heading(1, kind.capitalize())
            for note in notes:
                writer.paragraph(note)
