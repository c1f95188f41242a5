"""OpenDocument: texts (.odt), workbooks (.ods) and presentations (.odp), walked in their XML.

Deleted text, comments, generated lists of contents, headers and footers are left out, and so is what is hidden, slides
apart: as in the formats of Office, the report says so. Formulas are not computed; cells are read as the sheet shows
them.
"""

from __future__ import annotations

import io
import zipfile
from collections import deque
from collections.abc import Iterator
from functools import partial
from typing import Any

from lxml import etree

from ingest.formats.grid import Allowance, Row, write_rows
from ingest.formats.hidden import Hidden, hidden_sheets, hidden_slides, warnings
from ingest.formats.packages import BROKEN, check_size, damaged, encrypted, part, xml
from ingest.formats.sections import CELL, File, Reading, SectionWriter, one_line, properties
from ingest.formats.spans import filled
from ingest.formats.workbook import row_words

_NAMES = {
    "text": "urn:oasis:names:tc:opendocument:xmlns:text:1.0",
    "table": "urn:oasis:names:tc:opendocument:xmlns:table:1.0",
    "office": "urn:oasis:names:tc:opendocument:xmlns:office:1.0",
    "draw": "urn:oasis:names:tc:opendocument:xmlns:drawing:1.0",
    "presentation": "urn:oasis:names:tc:opendocument:xmlns:presentation:1.0",
    "meta": "urn:oasis:names:tc:opendocument:xmlns:meta:1.0",
    "style": "urn:oasis:names:tc:opendocument:xmlns:style:1.0",
    "dc": "http://purl.org/dc/elements/1.1/",
}
_MAX_DEPTH = 40
_MAX_REPEATED = 1_000  # of a filled row or cell
_WHAT = "OpenDocument file"


def _n(name: str) -> str:
    prefix, _, local = name.partition(":")
    return f"{{{_NAMES[prefix]}}}{local}"


_P, _H, _LIST, _SECTION, _TABLE = _n("text:p"), _n("text:h"), _n("text:list"), _n("text:section"), _n("table:table")
_ROW, _CELL, _COVERED = _n("table:table-row"), _n("table:table-cell"), _n("table:covered-table-cell")
_COLUMN, _STYLE = _n("table:table-column"), _n("style:style")
_GROUPS = (_n("table:table-row-group"), _n("table:table-column-group"))
_VISIBLE, _FILTERED = "visible", "filter"
_NOTE, _BOX, _FRAME = _n("text:note"), _n("draw:text-box"), _n("draw:frame")
_DROPPED = {
    *map(_n, ("text:tracked-changes", "office:annotation", "office:annotation-end", "text:table-of-content")),
    *map(_n, ("text:alphabetical-index", "text:illustration-index", "office:forms", "text:note-citation")),
}
_HIDEABLE = ("text:section", "text:p", "text:h", "text:span", "text:hidden-text", "text:hidden-paragraph")
_SIGNS = {_n("text:tab"): " ", _n("text:line-break"): "\n"}
_RUNNING = {"footer", "header", "page-number", "date-time"}


def read_text(file: File, *, max_characters: int, max_unpacked: int) -> Reading:
    """An .odt. Raises DocumentError for encrypted, broken and swelling files, as do the other two."""

    def write(archive: zipfile.ZipFile, writer: SectionWriter) -> list[str]:
        root = xml(part(archive, "content.xml"))
        unseen = _remove_unseen(root)
        body = root.find(f"{_n('office:body')}/{_n('office:text')}")
        notes: list[str] = []
        _write_blocks(body if body is not None else (), writer, notes)
        _write_notes(notes, writer)
        return _warnings(root, unseen)

    return _read(file, write, max_characters=max_characters, max_unpacked=max_unpacked)


def read_slides(file: File, *, max_characters: int, max_unpacked: int) -> Reading:
    """An .odp: a section for each slide."""

    def write(archive: zipfile.ZipFile, writer: SectionWriter) -> list[str]:
        root = xml(part(archive, "content.xml"))
        unseen = _remove_unseen(root)
        styles = _hiding(root, "style:drawing-page-properties", "presentation:visibility", "hidden")
        hidden = []
        for number, slide in enumerate(root.iter(_n("draw:page")), 1):
            _write_slide(slide, number, writer)
            if slide.get(_n("draw:style-name")) in styles:
                hidden.append(number)
        return [*hidden_slides(hidden), *_warnings(root, unseen)]

    return _read(file, write, max_characters=max_characters, max_unpacked=max_unpacked)


def read_sheets(file: File, *, max_characters: int, max_unpacked: int) -> Reading:
    """An .ods: each sheet by blocks of rows."""

    def write(archive: zipfile.ZipFile, writer: SectionWriter) -> list[str]:
        allowance = Allowance()
        unseen: list[str] = []
        hiding: list[tuple[str, Hidden]] = []
        for name, rows, hidden in _sheets(part(archive, "content.xml"), unseen):
            writer.place("")
            called = partial(_called, name)
            write_rows(hidden.shown(rows), writer, called, allowance, title=name)
            hiding.append((name, hidden))
        return [*allowance.warnings, *hidden_sheets(unseen), *warnings(hiding)]

    reading = _read(file, write, max_characters=max_characters, max_unpacked=max_unpacked)
    reading.headline = ""
    return reading


def _called(name: str, first: int, last: int) -> str:
    return f"Sheet {name}, {row_words(first, last)}"


def _read(file: File, write: Any, *, max_characters: int, max_unpacked: int) -> Reading:
    check_size(file, max_unpacked, _WHAT)
    writer = SectionWriter(max_characters=max_characters)
    try:
        with zipfile.ZipFile(file) as archive:
            manifest = "META-INF/manifest.xml"
            if manifest in archive.namelist() and b"encryption-data" in part(archive, manifest):
                raise encrypted()
            title, claims = _claims(archive)
            warnings = write(archive, writer)
    except BROKEN as error:
        raise damaged(_WHAT) from error
    return Reading(writer.finish(), title, writer.headline, warnings, claims)


def _claims(archive: zipfile.ZipFile) -> tuple[str, dict[str, str]]:
    if "meta.xml" not in archive.namelist():
        return "", {}
    meta = xml(part(archive, "meta.xml"))
    names = {"subject": "dc:subject", "keywords": "meta:keyword"}
    claims = properties((name, _flat(found)) for name, tag in names.items() for found in meta.iter(_n(tag)))
    made = next(meta.iter(_n("dc:date")), None)
    if made is not None:
        claims["made"] = _flat(made)[:10]
    title = next(meta.iter(_n("dc:title")), None)
    return ("" if title is None else _flat(title)), claims


def _flat(element: Any) -> str:
    return one_line("".join(element.itertext()))


def _write_blocks(blocks: Any, writer: SectionWriter, notes: list[str], depth: int = 0) -> None:
    for block in blocks:
        if block.tag in _DROPPED or depth > _MAX_DEPTH:
            continue
        if block.tag == _H:
            level = block.get(_n("text:outline-level"), "1")
            writer.heading(int(level) if level.isdecimal() else 1, _text(block, notes))
        elif block.tag == _P:
            writer.paragraph(_text(block, notes))
        elif block.tag == _LIST:
            _write_list(block, writer, notes, 0)
            continue
        elif block.tag == _TABLE:
            writer.table(_table(block, notes))
            continue
        else:
            _write_blocks(block, writer, notes, depth + 1)
            continue
        for box in block.iter(_BOX):
            _write_blocks(box, writer, notes, depth + 1)


def _warnings(root: Any, unseen: bool) -> list[str]:
    commented = next(root.iter(_n("office:annotation")), None) is not None
    said = ["Text that is not shown was left out."] if unseen else []
    return [*said, "Comments were left out."] if commented else said


def _hiding(root: Any, properties_: str, attribute: str, value: str) -> set[str | None]:
    """The names of the styles under which something is not shown."""
    wanted = f"{_n(properties_)}[@{_n(attribute)}='{value}']"
    return {style.get(_n("style:name")) for style in root.iter(_n("style:style")) if style.find(wanted) is not None}


def _remove_unseen(root: Any) -> bool:
    """Empty what the file says is not shown: hidden fields, sections and styles. Returns whether there was any."""
    styles = _hiding(root, "style:text-properties", "text:display", "none")
    unseen = [
        element
        for element in root.iter(*map(_n, _HIDEABLE))
        if element.get(_n("text:is-hidden")) == "true"
        or element.get(_n("text:display")) == "none"
        or element.get(_n("text:style-name")) in styles
    ]
    for element in unseen:
        tail = element.tail
        element.clear()
        element.tail = tail
    return bool(unseen)


def _rows(table: Any) -> Iterator[Any]:
    for row in table.iter(_ROW):
        if next(row.iterancestors(_TABLE), None) is table:  # rows of a table in a cell belong to that cell
            yield row


def _table(table: Any, notes: list[str]) -> list[list[str]]:
    rows = list(_rows(table))
    cells = [[_cell(cell, notes) for cell in row.iterchildren(_CELL, _COVERED)] for row in rows]
    spans = {number: list(_spans(row, number)) for number, row in enumerate(rows)}
    return [list(row) for _, row in filled(enumerate(cells), spans)]


def _spans(row: Any, number: int) -> Iterator[tuple[int, int]]:
    """As `ingest.formats.spans` has them."""
    column = 0
    for cell in row.iterchildren(_CELL, _COVERED):
        columns, rows = (_count(cell.get(_n(f"table:number-{over}-spanned"))) for over in ("columns", "rows"))
        if rows > 1 and columns == 1:
            yield column, number + rows - 1
        column += _count(cell.get(_n("table:number-columns-repeated")))


def _cell(cell: Any, notes: list[str]) -> str:
    return one_line(" ".join(_text(words, notes) for words in cell.iter(_P, _H))).replace(CELL, " / ")


def _write_list(items: Any, writer: SectionWriter, notes: list[str], depth: int) -> None:
    for item in items:
        for block in item:
            if block.tag == _LIST and depth < _MAX_DEPTH:
                _write_list(block, writer, notes, depth + 1)
            elif block.tag == _H:  # numbered headings are kept in lists
                _write_blocks([block], writer, notes)
            elif block.tag == _P:
                writer.item(_text(block, notes), depth=depth)


def _text(paragraph: Any, notes: list[str]) -> str:
    """The words of a paragraph; its notes are put aside, what its text boxes hold is left to the caller.

    With a stack of its own: nesting is the file's choice, Python's stack is not.
    """
    words: list[str] = []
    stack: list[Any] = [paragraph]
    while stack:
        element = stack.pop()
        if isinstance(element, str):
            words.append(element)
            continue
        if element is not paragraph:
            stack.append(element.tail or "")
        if element.tag == _NOTE:
            notes.append(one_line(" ".join(_text(part, notes) for part in element.iter(_P))))
        elif element.tag in _SIGNS:
            words.append(_SIGNS[element.tag])
        elif element.tag == _n("text:s"):
            words.append(" " * min(_count(element.get(_n("text:c"))), 100))
        elif element.tag not in _DROPPED and element.tag != _BOX and isinstance(element.tag, str):
            stack += [*reversed(element), element.text or ""]
    return "".join(words)


def _write_notes(notes: list[str], writer: SectionWriter) -> None:
    if notes:
        writer.heading(1, "Notes")
        for note in notes:
            writer.paragraph(note)


def _write_slide(slide: Any, number: int, writer: SectionWriter) -> None:
    writer.place(f"Slide {number}")
    notes: list[str] = []
    frames = [shape for shape in slide.iterchildren() if shape.tag != _n("presentation:notes")]
    roles = [shape.get(_n("presentation:class"), "") for shape in frames]
    if "title" in roles:
        writer.heading(1, " ".join(_text(words, notes) for words in frames[roles.index("title")].iter(_P, _H)))
    for shape, role in zip(frames, roles, strict=True):
        if role not in _RUNNING and shape is not (frames[roles.index("title")] if "title" in roles else None):
            _write_blocks(shape, writer, notes)
    spoken = [
        _text(words, notes)
        for page in slide.iterchildren(_n("presentation:notes"))
        for frame in page.iter(_FRAME)
        if frame.get(_n("presentation:class")) == "notes"
        for words in frame.iter(_P, _H)
    ]
    if any(line.strip() for line in spoken):
        writer.heading(2, "Notes", opens=False)
        writer.paragraph("\n".join(spoken))


def _sheets(data: bytes, unseen: list[str]) -> Iterator[tuple[str, Iterator[Row], Hidden]]:
    """Each sheet's name, rows and what it hides, read as they come: take the rows of one before the next.

    Hidden sheets are passed over; their names come to stand in `unseen`.
    """
    events = etree.iterparse(
        io.BytesIO(data), events=("start", "end"), tag=(_TABLE, _ROW, _COLUMN, _STYLE), resolve_entities=False,
        no_network=True, load_dtd=False, huge_tree=False,
    )  # fmt: skip
    hiding: set[str | None] = set()
    for event, element in events:
        if event == "end" and element.tag == _STYLE:
            if element.find(f"{_n('style:table-properties')}[@{_n('table:display')}='false']") is not None:
                hiding.add(element.get(_n("style:name")))
        elif event == "start" and element.tag == _TABLE:
            name, hidden = one_line(element.get(_n("table:name"), "") or "Sheet")[:80], Hidden()
            spans: dict[int, list[tuple[int, int]]] = {}
            rows = filled(_sheet_rows(events, hidden, spans), spans)
            if element.get(_n("table:style-name")) not in hiding:
                yield name, rows, hidden
            else:
                unseen.append(name)
            deque(rows, maxlen=0)  # what was not taken


def _sheet_rows(events: Any, hidden: Hidden, spans: dict[int, list[tuple[int, int]]]) -> Iterator[Row]:
    number, depth, column = 1, 0, 0
    for event, element in events:
        if element.tag == _TABLE:
            if event == "end" and depth == 0:
                return
            depth += 1 if event == "start" else -1
        elif event == "end" and depth == 0 and element.tag == _COLUMN:
            repeated = _count(element.get(_n("table:number-columns-repeated")))
            if (why := element.get(_n("table:visibility"), _VISIBLE)) != _VISIBLE:
                folded = why == _FILTERED or _is_folded(element)
                hidden.hide_columns(column, column + repeated, folded=folded)
            column += repeated
        elif event == "end" and depth == 0 and element.tag == _ROW:
            cells = list(_sheet_cells(element))
            spans[number] = list(_spans(element, number))
            repeated = _count(element.get(_n("table:number-rows-repeated")))
            why = element.get(_n("table:visibility"), _VISIBLE) if any(cells) else _VISIBLE
            for copy in range(min(repeated, _MAX_REPEATED) if any(cells) else 1):
                if why != _VISIBLE:
                    hidden.hide_row(number + copy, folded=why == _FILTERED or _is_folded(element))
                yield number + copy, cells
            number += repeated
            element.clear()


def _is_folded(element: Any) -> bool:
    """Does it lie in a closed group?"""
    return any(group.get(_n("table:display")) == "false" for group in element.iterancestors(*_GROUPS))


def _sheet_cells(row: Any) -> Iterator[str]:
    for cell in row.iterchildren(_CELL, _COVERED):
        text = "" if cell.tag == _COVERED else " ".join(_text(words, []) for words in cell.iterchildren(_P))
        repeated = _count(cell.get(_n("table:number-columns-repeated")))
        yield from [one_line(text)] * min(repeated, _MAX_REPEATED)


def _count(value: str | None) -> int:
    return min(int(value), 1 << 21) if value and value.isdecimal() and len(value) < 10 else 1
