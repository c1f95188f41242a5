"""PDF: one section a page, its text aligned character by character with what pdfium counts.

Text offsets stay pdfium's own character indexes (characters are replaced one for one, never added or dropped), so that
`ingest.render` can ask for the place of text[start:end] on the drawn page. pypdf steps in where pdfium can't open a
file; its pages then can't be drawn.
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable, Iterator

import pypdfium2
import pypdfium2.raw as pdfium

from ingest.formats.columns import find_tables
from ingest.formats.headings import Line, Page, biggest, sections
from ingest.formats.sections import NO_TEXT, File, Reading, one_line, properties
from ingest.sandbox import report
from storage.errors import DocumentError
from storage.types import BLANK

_ALIGNED = dict.fromkeys([*range(10), *range(11, 32), *range(127, 161), *range(8203, 8208)], " ")
_ALIGNED |= dict.fromkeys([*range(8232, 8240), *range(8288, 8298), 65279], " ")
_ALIGNED |= {0x02: "-", 0xFFFE: "-", 0xFFFF: "\ufffd", 0xF0B7: "•", 0xF0A7: "▪"}  # 0x02, 0xFFFE: hyphen at a line end
_BOLD = re.compile(rb"bold|black|heavy|demi", re.I)


def read(file: File, *, max_pages: int, max_characters: int) -> Reading:
    """Raises DocumentError for encrypted and broken files, and for files beyond the limits."""
    document = _open(file)
    if document is None:
        return read_plainly(file, max_pages=max_pages, max_characters=max_characters)
    try:
        _check_pages(len(document), max_pages)
        pages: list[Page] = []
        for number in range(len(document)):
            pages.append(_read_page(document, number))
            max_characters -= len(pages[-1].text)
            _check_characters(max_characters)
            report(number + 1, len(document))
        outline = _outline(document)
        title = one_line(document.get_metadata_value("Title"))
        claims = _claims(document.get_metadata_value)
        unread = _unread(document, pages)
    finally:
        document.close()
    return Reading(sections(pages, outline), title, biggest(pages), [], claims, unread)


def read_plainly(file: File, *, max_pages: int, max_characters: int) -> Reading:
    """Text by pypdf, for files that pdfium refuses or crashes on."""
    import pypdf  # slow to import, rarely needed

    try:
        reader = pypdf.PdfReader(file, strict=False)
        if reader.is_encrypted and not reader.decrypt(""):
            raise _encrypted()
        _check_pages(len(reader.pages), max_pages)
        texts = []
        for number, page in enumerate(reader.pages):
            texts.append(page.extract_text().translate(_ALIGNED))
            max_characters -= len(texts[-1])
            _check_characters(max_characters)
            report(number + 1, len(reader.pages))
        title = one_line(str(reader.metadata.title or "")) if reader.metadata else ""
    except (DocumentError, MemoryError):
        raise
    except Exception as error:
        raise DocumentError(
            "This PDF is damaged and could not be read.", "Open it in a viewer, save it again and upload that."
        ) from error
    if not texts:
        raise DocumentError("This PDF has no pages.", "Save it again from the program that made it.")
    warning = "This PDF is damaged: its text could be read, but its pages can't be shown."
    return Reading(sections([Page(text, []) for text in texts], ()), title, warnings=[warning])


def _claims(value: Callable[[str], str]) -> dict[str, str]:
    claims = properties((name, value(name)) for name in ("Subject", "Keywords"))
    if made := re.match(r"D:(\d{4})(\d\d)(\d\d)", value("CreationDate")):
        claims["made"] = "-".join(made.groups())
    return claims


def page_text(page: pypdfium2.PdfTextPage) -> str:
    """The stored text of a page: len() == page.count_chars(), and text[i] is pdfium's character i."""
    count = page.count_chars()
    text = page.get_text_range(0, count) if count > 0 else ""
    if len(text) != count:  # pdfium leaves some characters out of a range, never out of this
        text = "".join(_character(pdfium.FPDFText_GetUnicode(page, index)) for index in range(count))
    return text.translate(_ALIGNED)


def _character(code: int) -> str:
    return chr(code) if 0 < code < 0xD800 or 0xDFFF < code < 0x110000 else "\ufffd" if code else " "


def _open(file: File) -> pypdfium2.PdfDocument | None:
    try:
        document = pypdfium2.PdfDocument(file)
    except pypdfium2.PdfiumError as error:
        if pdfium.FPDF_GetLastError() == pdfium.FPDF_ERR_PASSWORD or "password" in str(error).lower():
            raise _encrypted() from error
        return None
    if len(document) == 0:
        document.close()
        return None
    return document


def _encrypted() -> DocumentError:
    return DocumentError("The file is encrypted.", "Upload it without a password.")


def _check_pages(count: int, limit: int) -> None:
    if count > limit:
        raise DocumentError(f"This PDF has {count:,} pages; {limit:,} can be taken.", "Split it into parts.")


def _check_characters(left: int) -> None:
    if left < 0:
        raise DocumentError("This PDF holds more text than can be taken in one piece.", "Split it into parts.")


def _read_page(document: pypdfium2.PdfDocument, number: int) -> Page:
    try:
        page = document[number]
    except pypdfium2.PdfiumError:  # one broken page does not lose the others; the count of empty pages tells
        return Page("", [])
    text_page = page.get_textpage()
    try:
        text = page_text(text_page)
        lines = list(_lines(text_page, text))
        laid = ((line.start, line.text, line.bold) for line in lines)
        return Page(text, lines, find_tables(text_page, text, laid, rotation=page.get_rotation()))
    finally:
        text_page.close()
        page.close()


def _lines(page: pypdfium2.PdfTextPage, text: str) -> Iterator[Line]:
    offset = 0
    box, read = pdfium.FS_RECTF(), pdfium.FPDFText_GetLooseCharBox
    raw, reference = page.raw, ctypes.byref(box)
    for line in text.split("\n"):
        words = line.strip()
        if words:
            first = offset + len(line) - len(line.lstrip())
            end = first + len(words) - 1
            read(raw, end, reference)
            right = box.right
            read(raw, first, reference)
            bold = len(words) <= 160 and _bold(page, first) and _bold(page, end)
            yield Line(first, words, abs(box.top - box.bottom), bold, box.left, right, box.bottom)
        offset += len(line) + 1


def _bold(page: pypdfium2.PdfTextPage, index: int) -> bool:
    name = ctypes.create_string_buffer(128)
    flags = ctypes.c_int()
    pdfium.FPDFText_GetFontInfo(page, index, name, len(name), flags)
    return bool(_BOLD.search(name.value)) or pdfium.FPDFText_GetFontWeight(page, index) >= 600


def _outline(document: pypdfium2.PdfDocument) -> list[tuple[int, int, str]]:
    """(level, page index, title) in order. A broken outline is no outline."""
    entries: list[tuple[int, int, str]] = []
    try:
        for item in document.get_toc(max_depth=8):
            target = item.get_dest()
            title = one_line(item.get_title() or "")
            if target is not None and title and len(entries) < 20_000:
                index = target.get_index()
                if index is not None and 0 <= index < len(document):
                    entries.append((item.level, index, title[:200]))
    except (pypdfium2.PdfiumError, ValueError, UnicodeDecodeError):
        return []
    return entries


def _unread(document: pypdfium2.PdfDocument, pages: list[Page]) -> dict[int, str]:
    return {number: _why(document, number - 1) for number, page in enumerate(pages, 1) if not page.text.strip()}


def _why(document: pypdfium2.PdfDocument, index: int) -> str:
    try:
        page = document[index]
    except pypdfium2.PdfiumError:
        return "damaged, it could not be opened"
    try:
        return NO_TEXT if pdfium.FPDFPage_CountObjects(page.raw) > 0 else BLANK
    finally:
        page.close()
