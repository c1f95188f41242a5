"""PDF: one section a page, its text aligned character by character with what pdfium counts.

A page without text, or with text that stands for no letters, is read by text recognition (`ingest.formats.scan`). What
was typed into a form or written over a page belongs to it (`ingest.formats.overlay`).

Text offsets stay pdfium's own character indexes (characters are replaced one for one, never added or dropped), so that
`ingest.render` can ask for the place of text[start:end] on the drawn page. A page whose columns had to be put in order
(`ingest.formats.reading_order`) brings the boxes of its words along instead. pypdf steps in where pdfium can't open a
file; its pages then can't be drawn.
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

import pypdfium2
import pypdfium2.raw as pdfium

from ingest.child import report
from ingest.formats import overlay, reading_order
from ingest.formats.columns import find_tables
from ingest.formats.headings import Line, Page, biggest, sections
from ingest.formats.lines import edges_of
from ingest.formats.sections import NO_TEXT, File, Reading, contents, one_line, properties
from ingest.formats.unseen import unseen
from storage.errors import DocumentError
from storage.types import BLANK

_ALIGNED = dict.fromkeys([*range(10), *range(11, 32), *range(127, 161), *range(8203, 8208)], " ")
_ALIGNED |= dict.fromkeys([*range(8232, 8240), *range(8288, 8298), 65279, *range(0xE0000, 0xE0080)], " ")
_ALIGNED |= {0x02: "-", 0xFFFE: "-", 0xFFFF: "\ufffd", 0xF0B7: "•", 0xF0A7: "▪"}  # 0x02, 0xFFFE: hyphen at a line end
_OWN_BREAK = re.compile(r"(?<!\r)\n")  # pdfium ends lines by both: this is a space that a font calls a line's end
_GARBLED = "its letters are stored without saying which they are"
_STAMP = 150  # letters that may be all there is in text on a scanned page: a stamp, a page number
_MUCH = 0.4  # of the page
_SAMPLE = 150  # characters of a page looked at for garbled text
_ODD = 0.5  # of them that stand for no letter
_BOLD = re.compile(rb"bold|black|heavy|demi", re.I)


def read(file: File, *, max_pages: int, max_characters: int, no_ocr: str = "") -> Reading:
    """Raises DocumentError for encrypted and broken files, and for files beyond the limits."""
    document = _open(file)
    if document is None:
        return read_plainly(file, max_pages=max_pages, max_characters=max_characters)
    try:
        _check_pages(len(document), max_pages)
        pages: list[Page] = []
        unread: dict[int, str] = {}
        for number in range(len(document)):
            page, why = _read_page(document, number, no_ocr)
            pages.append(page)
            if why:
                unread[number + 1] = why
            max_characters -= len(pages[-1].text)
            _check_characters(max_characters)
            report(number + 1, len(document))
        outline = _outline(document)
        title = one_line(document.get_metadata_value("Title"))
        claims = _claims(document.get_metadata_value)
    finally:
        document.close()
    unshown = [number for number, page in enumerate(pages, 1) if page.unseen]
    warnings = [f"Text that is not shown was left out, first on page {unshown[0]:,}."] if unshown else []
    return Reading(sections(pages, outline), title, biggest(pages), warnings, claims, unread)


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
    return _OWN_BREAK.sub(" ", text).translate(_ALIGNED)


def _character(code: int) -> str:
    return chr(code) if 0 < code < 0xD800 or 0xDFFF < code < 0x110000 else "\ufffd" if code else " "


def _open(file: File) -> pypdfium2.PdfDocument | None:
    try:
        document = pypdfium2.PdfDocument(file)
    except pypdfium2.PdfiumError as error:
        # pdfium tells the last error of the process, which may be that of another file
        if error.err_code == pdfium.FPDF_ERR_PASSWORD and b"/Encrypt" in contents(file):
            raise _encrypted() from error
        return None
    if len(document) == 0:
        document.close()
        return None
    overlay.prepare(document)
    return document


def _encrypted() -> DocumentError:
    return DocumentError("The file is encrypted.", "Upload it without a password.")


def _check_pages(count: int, limit: int) -> None:
    if count > limit:
        raise DocumentError(f"This PDF has {count:,} pages; {limit:,} can be taken.", "Split it into parts.")


def _check_characters(left: int) -> None:
    if left < 0:
        raise DocumentError("This PDF holds more text than can be taken in one piece.", "Split it into parts.")


def _read_page(document: pypdfium2.PdfDocument, number: int, no_ocr: str) -> tuple[Page, str]:
    """The page, and why it has no text where it has none."""
    try:
        page, typed = overlay.opened(document, number)
        seen, why = _read_open(page, typed, no_ocr)
        if typed.boxes and not seen.text.strip():  # letters that were typed may be stored without saying which they are
            seen, why = _read_open(document[number], overlay.Overlay(), no_ocr)
    except pypdfium2.PdfiumError:  # one broken page does not lose the others
        return Page("", []), "damaged, it could not be opened"
    return seen, why


def _read_open(page: pypdfium2.PdfPage, typed: overlay.Overlay, no_ocr: str) -> tuple[Page, str]:
    """As `_read_page`, of a page that is closed afterwards."""
    try:
        text_page = page.get_textpage()
    except pypdfium2.PdfiumError:
        page.close()
        return Page("", []), "damaged, its text could not be read"
    try:
        text = page_text(text_page)
        why = ""
        doubt = _doubt(page, text_page, text)
        if doubt == BLANK:
            return Page("", []), BLANK
        if doubt:
            seen, why = (None, no_ocr) if no_ocr else _recognised(page)
            if seen is not None and len(seen.text) > len(text.split()):
                return seen, ""
            if doubt == _GARBLED:
                return Page("", []), why if why not in {NO_TEXT, BLANK} else _GARBLED
        hidden = unseen(page, text_page, text)
        if hidden:
            characters = list(text)
            for index in hidden:
                characters[index] = " "
            text = "".join(characters)
        return _laid_out(page, text_page, text, typed, unseen=bool(hidden)), "" if text.strip() else why
    finally:
        text_page.close()
        page.close()


def _laid_out(
    page: pypdfium2.PdfPage,
    text_page: pypdfium2.PdfTextPage,
    text: str,
    typed: overlay.Overlay,
    *,
    unseen: bool,
) -> Page:
    """The page in reading order with its lines and tables; where that took a change, with the boxes of its words."""
    rotation = page.get_rotation()
    lines = list(_lines(text_page, text))
    laid = [(line.start, line.text, line.bold) for line in lines]
    order = reading_order.ordered(text_page, text, laid, rotation=rotation)
    if order is None and typed.boxes and not rotation:
        order = overlay.beside(text_page, text, typed)
    if order is None:
        return Page(text, lines, find_tables(text, laid, edges_of(text_page, rotation)), unseen=unseen)
    lines = list(_lines(text_page, order.text, order.at))
    laid = [(line.start, line.text, line.bold) for line in lines]
    tables = find_tables(order.text, laid, edges_of(text_page, rotation, order.at))
    return Page(order.text, lines, tables, reading_order.word_boxes(page, text_page, order), unseen)


def _doubt(page: pypdfium2.PdfPage, text_page: pypdfium2.PdfTextPage, text: str) -> str:
    """Why the text may not be what is seen on the page: NO_TEXT, _GARBLED, or "" where it is to be trusted."""
    letters = len("".join(text.split()))
    if not letters:
        drawn = pdfium.FPDFPage_CountObjects(page.raw) > 0 or pdfium.FPDFPage_GetAnnotCount(page.raw) > 0
        return NO_TEXT if drawn else BLANK
    if letters < _STAMP and _is_picture(page):
        return NO_TEXT
    seen = [index for index in range(0, len(text), len(text) // _SAMPLE + 1) if not text[index].isspace()]
    odd = sum(_is_odd(text_page.raw, index) for index in seen)
    return _GARBLED if odd > _ODD * len(seen) else ""


def _is_odd(text_page: Any, index: int) -> bool:
    """Does the character stand for none that is known?"""
    code = pdfium.FPDFText_GetUnicode(text_page, index)
    if code < 32 or 0xE000 <= code < 0xF900 or code == 0xFFFD:
        return True
    return bool(pdfium.FPDFText_HasUnicodeMapError(text_page, index) == 1)


def _is_picture(page: pypdfium2.PdfPage) -> bool:
    """Do pictures cover much of the page, as in a scan with a stamp?"""
    covered, (width, height) = 0.0, page.get_size()
    try:
        for picture in islice(page.get_objects([pdfium.FPDF_PAGEOBJ_IMAGE], max_depth=3), 50):
            left, bottom, right, top = picture.get_bounds()
            covered += max(0.0, min(right, width) - max(left, 0)) * max(0.0, min(top, height) - max(bottom, 0))
    except pypdfium2.PdfiumError:
        return False
    return bool(covered > _MUCH * width * height)


def _recognised(page: pypdfium2.PdfPage) -> tuple[Page | None, str]:
    from ingest.formats import scan

    width, height = page.get_size()
    scale = scan.scale(width, height)
    if min(width, height) * scale < 8 or max(width, height) * scale > 60_000:
        return None, NO_TEXT
    try:
        bitmap = page.render(scale=scale, grayscale=True)
        return scan.recognised(bitmap.to_pil(), scale * 72)
    except (pypdfium2.PdfiumError, ValueError):
        return None, "damaged, it could not be drawn"


def _lines(page: pypdfium2.PdfTextPage, text: str, at: Sequence[int] | None = None) -> Iterator[Line]:
    """`at[i]` is pdfium's index of character i, where the text was put in another order."""
    offset = 0
    box, read = pdfium.FS_RECTF(), pdfium.FPDFText_GetLooseCharBox
    raw, reference = page.raw, ctypes.byref(box)
    for line in text.split("\n"):
        words = line.strip()
        if words:
            first = offset + len(line) - len(line.lstrip())
            end = first + len(words) - 1
            begins, ends = (first, end) if at is None else (at[first], at[end])
            read(raw, ends, reference)
            right = box.right
            read(raw, begins, reference)
            bold = len(words) <= 160 and _bold(page, begins) and _bold(page, ends)
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
