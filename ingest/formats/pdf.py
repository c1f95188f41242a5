"""PDF: one section a page, its text aligned character by character with what pdfium counts.

Text offsets stay pdfium's own character indexes (characters are replaced one for one, never added or dropped), so that
`ingest.render` can ask for the place of text[start:end] on the drawn page. Headings come from the outline, else from
type size and weight. pypdf steps in where pdfium can't open a file; its pages then can't be drawn.
"""

from __future__ import annotations

import ctypes
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pypdfium2
import pypdfium2.raw as pdfium

from ingest.formats.columns import find_tables
from ingest.formats.sections import Reading, heading_path, one_line
from ingest.sandbox import report
from ingest.sentences import is_row
from storage.errors import DocumentError
from storage.types import Heading, Section, Table

_ALIGNED = dict.fromkeys([*range(10), *range(11, 32), *range(127, 161), *range(8203, 8208)], " ")
_ALIGNED |= dict.fromkeys([*range(8232, 8240), *range(8288, 8298), 65279], " ")
_ALIGNED |= {0x02: "-", 0xFFFE: "-", 0xFFFF: "\ufffd", 0xF0B7: "•", 0xF0A7: "▪"}  # 0x02, 0xFFFE: hyphen at a line end
_BOLD = re.compile(rb"bold|black|heavy|demi", re.I)
_DIVISION = re.compile(
    r"(part|teil|partie|item|chapter|kapitel|chapitre|article|artikel|section|abschnitt|§|annex|appendix|anhang|note)"
    r"\s*[\dIVX]+[A-Z]?\b",
    re.I,
)
_NUMBERED = re.compile(r"(\d{1,3}(?:\.\d{1,3})*)\.?\s+\S")
_ENDING = re.compile(r"(?:[.,;:…]|\.{2,}\s*\d+|\s\d{1,4})$")
_FEW = 3


@dataclass(slots=True)
class _Line:
    start: int
    text: str
    size: float
    bold: bool


@dataclass(slots=True)
class _Page:
    text: str
    lines: list[_Line]
    tables: tuple[Table, ...] = ()


def read(path: str, *, max_pages: int, max_characters: int) -> Reading:
    """Raises DocumentError for encrypted and broken files, and for files beyond the limits."""
    document = _open(path)
    if document is None:
        return read_plainly(path, max_pages=max_pages, max_characters=max_characters)
    try:
        _check_pages(len(document), max_pages)
        pages: list[_Page] = []
        for number in range(len(document)):
            pages.append(_read_page(document, number))
            max_characters -= len(pages[-1].text)
            _check_characters(max_characters)
            report(number + 1, len(document))
        outline = _outline(document)
        title = one_line(document.get_metadata_value("Title"))
    finally:
        document.close()
    marks = _marks_of_outline(outline, pages) if len(outline) >= max(_FEW, len(pages) / 20) else _marks_of_type(pages)
    return Reading(_sections(pages, marks), title, _biggest(pages), _warnings(pages))


def read_plainly(path: str, *, max_pages: int, max_characters: int) -> Reading:
    """Text by pypdf, for files that pdfium refuses or crashes on."""
    import pypdf  # slow to import, rarely needed

    try:
        reader = pypdf.PdfReader(path, strict=False)
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
    return Reading(_sections([_Page(text, []) for text in texts], [[] for _ in texts]), title, warnings=[warning])


def page_text(page: pypdfium2.PdfTextPage) -> str:
    """The stored text of a page: len() == page.count_chars(), and text[i] is pdfium's character i."""
    count = page.count_chars()
    text = page.get_text_range(0, count) if count > 0 else ""
    if len(text) != count:  # pdfium leaves some characters out of a range, never out of this
        text = "".join(_character(pdfium.FPDFText_GetUnicode(page, index)) for index in range(count))
    return text.translate(_ALIGNED)


def _character(code: int) -> str:
    return chr(code) if 0 < code < 0xD800 or 0xDFFF < code < 0x110000 else "\ufffd" if code else " "


def _open(path: str) -> pypdfium2.PdfDocument | None:
    try:
        document = pypdfium2.PdfDocument(path)
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


def _read_page(document: pypdfium2.PdfDocument, number: int) -> _Page:
    try:
        page = document[number]
    except pypdfium2.PdfiumError:  # one broken page does not lose the others; the count of empty pages tells
        return _Page("", [])
    text_page = page.get_textpage()
    try:
        text = page_text(text_page)
        lines = list(_lines(text_page, text))
        laid = ((line.start, line.text, line.bold) for line in lines)
        return _Page(text, lines, find_tables(text_page, text, laid, rotation=page.get_rotation()))
    finally:
        text_page.close()
        page.close()


def _lines(page: pypdfium2.PdfTextPage, text: str) -> Iterator[_Line]:
    offset = 0
    for line in text.split("\n"):
        words = line.strip()
        if words:
            first = offset + len(line) - len(line.lstrip())
            _, bottom, _, top = page.get_charbox(first, loose=True)
            bold = len(words) <= 160 and _bold(page, first) and _bold(page, first + len(words) - 1)
            yield _Line(first, words, abs(top - bottom), bold)
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


Marks = list[list[tuple[int, Any, str]]]  # for each page: offset, rank (smaller is higher), heading


def _marks_of_outline(outline: list[tuple[int, int, str]], pages: list[_Page]) -> Marks:
    marks: Marks = [[] for _ in pages]
    for level, index, title in outline:
        marks[index].append((_find(pages[index].text, title), level, title))
    for page in marks:
        page.sort(key=lambda mark: mark[0])
    return marks


def _find(text: str, title: str) -> int:
    """Where `title` stands in `text`, white space and case aside; 0 where it does not."""
    words = [re.escape(word) for word in title.split()[:12]]
    found = re.search(r"(?:^|(?<=\n))[ \t]*(" + r"\s+".join(words) + ")", text, re.I)
    return found.start(1) if found else 0


def _marks_of_type(pages: list[_Page]) -> Marks:
    sizes: Counter[float] = Counter()
    tops: Counter[str] = Counter()
    for page in pages:
        for line in page.lines:
            sizes[round(line.size * 2) / 2] += len(line.text)
        tops.update({re.sub(r"\d+", "#", line.text) for line in [*page.lines[:3], *page.lines[-2:]]})
    if not sizes:
        return [[] for _ in pages]
    body = sizes.most_common(1)[0][0]
    running = {text for text, count in tops.items() if count >= max(_FEW, len(pages) * 0.3)}
    return [_marks_of_page(page.lines, body, running) for page in pages]


def _marks_of_page(lines: list[_Line], body: float, running: set[str]) -> list[tuple[int, Any, str]]:
    marks: list[tuple[int, Any, str]] = []
    crowded = sum(line.bold for line in lines) > max(6, len(lines) * 0.4)  # bold is this page's plain type
    last: _Line | None = None
    for line in lines:
        big = line.size >= body * 1.15
        if not _is_heading(line, big=big, crowded=crowded) or re.sub(r"\d+", "#", line.text) in running:
            last = None
        elif last is not None and len(last.text) > 45 and (last.size, last.bold) == (line.size, line.bold):
            start, rank, text = marks[-1]  # the second line of a long heading
            marks[-1] = (start, rank, f"{text} {line.text}"[:200])
            last = None
        else:
            marks.append((line.start, _rank(line, big=big), one_line(line.text)))
            last = line
    return marks


def _is_heading(line: _Line, *, big: bool, crowded: bool) -> bool:
    text = line.text
    if not (big or (line.bold and not crowded)) or not 3 <= len(text) <= 120 or len(text.split()) > 16:
        return False
    if _ENDING.search(text) and not _DIVISION.match(text) and not re.match(r"\d+\.\s", text):
        return False
    letters = sum(map(str.isalpha, text))
    return (
        not is_row(text)
        and letters >= 3
        and letters >= 0.6 * len(text.replace(" ", ""))
        and (text[0].isalnum() or text[0] in '§„“"(¿¡')
    )


def _rank(line: _Line, *, big: bool) -> tuple[float, int, int, int]:
    numbered = _NUMBERED.match(line.text)
    division = 1 if _DIVISION.match(line.text) else 2
    if re.match(r"(part|teil|partie)\b", line.text, re.I):
        division = 0
    depth = numbered[1].count(".") if numbered else 0
    return (-round(line.size) if big else 0, division, 0 if line.text.isupper() else 1, depth)


def _sections(pages: list[_Page], marks: Marks) -> list[Section]:
    """A page starts under the heading that was in force at the end of the page before."""
    sections, stack = [], list[tuple[Any, str]]()
    for number, (page, found) in enumerate(zip(pages, marks, strict=True), 1):
        headings = [Heading(0, _path(stack))] if stack else []
        for start, rank, title in found:
            while stack and stack[-1][0] >= rank:
                stack.pop()
            stack.append((rank, title))
            if headings and headings[-1].start == start:
                headings.pop()
            headings.append(Heading(start, _path(stack)))
        sections.append(Section(number, page.text, tuple(headings), page.tables))
        if number == 1 and len(pages) > 5 and not any(_DIVISION.match(title) for _, title in stack):
            stack.clear()  # big type on a cover is no heading of what follows
    return sections


def _path(stack: list[tuple[Any, str]]) -> str:
    return heading_path(title for _, title in stack[-4:])


def _biggest(pages: list[_Page]) -> str:
    """The biggest line of the first page with text, with the lines of the same size right after it."""
    lines = next((page.lines for page in pages[:3] if page.lines), [])
    lines = [line for line in lines[:60] if sum(map(str.isalpha, line.text)) >= 3]
    if not lines:
        return ""
    size = max(line.size for line in lines)
    if size < 1.15 * sorted(line.size for line in lines)[len(lines) // 2]:
        return ""
    first = next(index for index, line in enumerate(lines) if line.size >= size * 0.99)
    taken = [lines[first].text]
    for line in lines[first + 1 : first + 3]:
        if abs(line.size - size) > size * 0.02:
            break
        taken.append(line.text)
    return one_line(" ".join(taken))


def _warnings(pages: list[_Page]) -> list[str]:
    empty = [number for number, page in enumerate(pages, 1) if not page.text.strip()]
    if not empty or len(empty) == len(pages):
        return []
    named = ", ".join(map(str, empty[:10])) + (", ..." if len(empty) > 10 else "")
    return [f"{len(empty)} of {len(pages)} pages hold no text and can't be searched (scanned?): {named}."]
