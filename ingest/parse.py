"""A file becomes a title and sections: find out the format by content, read it in the sandbox, check what comes back.

What comes out of the sandbox is as hostile as the file: types, offsets and sizes are checked here, once.
Does not cover OCR: a page without text stays empty, and a file without any text is refused with the reason.
"""

from __future__ import annotations

import re
import unicodedata
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingest import sandbox
from ingest.formats.sections import Reading
from ingest.formats.text import wide_encoding
from ingest.sandbox import Limits, Progress
from storage.errors import DocumentError
from storage.tables import check, from_json, to_json
from storage.types import About, Heading, Section

FORMATS = {"pdf": "PDF", "docx": "Word (.docx)", "markdown": "Markdown", "html": "HTML", "text": "plain text"}
MAX_PAGES = 20_000
MAX_CHARACTERS = 100_000_000
MAX_UNPACKED = 1024**3
MAX_HEADINGS = 500  # of one section

_HEAD = 1 << 20
_TYPES = "[Content_Types].xml"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_HTML = re.compile(
    rb"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.{0,2000}?-->\s*)*<(?:!doctype\s+html|html|head|body)\b", re.I | re.S
)
_MARKDOWN_NAMES = {".md", ".markdown", ".mdown", ".mkd", ".mdx"}
_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


NOTHING = About()


@dataclass(frozen=True, slots=True)
class Parsed:
    """A document that was read. `pages` counts sections; `language` is an ISO 639-1 code, or "" where unsure."""

    title: str
    format: str
    sections: tuple[Section, ...]
    pages: int
    language: str = ""
    warnings: tuple[str, ...] = ()
    about: About = NOTHING


def parse(path: str | Path, name: str, limits: Limits | None = None, on_progress: Progress | None = None) -> Parsed:
    """Read the file at `path` that its owner calls `name`.

    `on_progress(pages read, pages in all)`: see `sandbox.run`. Raises DocumentError with a reason and a remedy where
    the file is empty, encrypted, broken, of no supported format, without text, or beyond the limits.
    """
    try:
        answer = sandbox.run(read, str(path), name, readable=[path], limits=limits, on_progress=on_progress)
    except sandbox.Crashed:
        with open(path, "rb") as file:
            if b"%PDF-" not in file.read(1024):
                raise
        answer = sandbox.run(read_after_crash, str(path), readable=[path], limits=limits, on_progress=on_progress)
    return _checked(answer, name)


def detect(path: str | Path, name: str) -> str:
    """One of FORMATS, by content; only between Markdown and plain text the name decides. Raises DocumentError."""
    with open(path, "rb") as file:
        head = file.read(_HEAD)
    if not head.strip(b"\x00 \t\r\n"):
        raise DocumentError("The file is empty.", "Upload one with text in it.")
    if b"%PDF-" in head[:1024]:
        return "pdf"
    if head.startswith(b"PK\x03\x04"):
        return _detect_zip(path)
    if head.startswith(_OLE):
        if "EncryptedPackage".encode("utf-16-le") in head or "EncryptedPackage".encode("utf-16-le") in _tail(path):
            raise DocumentError("The file is encrypted.", "Upload it without a password.")
        raise DocumentError("This is a file of an old Office version.", "Save it as .docx or PDF and upload that.")
    if head.lstrip().startswith((b"{\\rtf", b"%!PS")) or not _is_text(head):
        raise _unsupported()
    if _HTML.match(head.removeprefix(b"\xef\xbb\xbf")[:8192].replace(b"\x00", b"")):
        return "html"
    return "markdown" if Path(name).suffix.lower() in _MARKDOWN_NAMES else "text"


def read(path: str, name: str) -> dict[str, Any]:
    """Runs in the sandbox: the file as JSON. Only the module of its format is imported: a child starts for each."""
    kind = detect(path, name)
    if kind == "pdf":
        from ingest.formats import pdf

        reading = pdf.read(path, max_pages=MAX_PAGES, max_characters=MAX_CHARACTERS)
    elif kind == "docx":
        from ingest.formats import office

        reading = office.read(path, max_characters=MAX_CHARACTERS, max_unpacked=MAX_UNPACKED)
    elif kind == "html":
        from ingest.formats import web

        reading = web.read(path, max_characters=MAX_CHARACTERS)
    else:
        from ingest.formats import text

        reader = text.read_markdown if kind == "markdown" else text.read_plain
        reading = reader(path, max_characters=MAX_CHARACTERS)
    return _as_json(kind, reading)


def read_after_crash(path: str) -> dict[str, Any]:
    """Runs in the sandbox, for a PDF that brought pdfium down."""
    from ingest.formats import pdf

    return _as_json("pdf", pdf.read_plainly(path, max_pages=MAX_PAGES, max_characters=MAX_CHARACTERS))


def _detect_zip(path: str | Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            small = _TYPES in archive.namelist() and archive.getinfo(_TYPES).file_size < 1 << 20
            if small and b"wordprocessingml.document.main" in archive.read(_TYPES):
                return "docx"
    except (zipfile.BadZipFile, OSError, EOFError, ValueError, KeyError, NotImplementedError, RuntimeError) as error:
        raise DocumentError(
            "The file is damaged: it begins like a Word or ZIP file, but can't be opened.",
            "Open it in the program that made it, save it again and upload that.",
        ) from error
    raise _unsupported()


def _tail(path: str | Path) -> bytes:
    with open(path, "rb") as file:
        file.seek(0, 2)
        file.seek(max(0, file.tell() - _HEAD))
        return file.read()


def _is_text(head: bytes) -> bool:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True
    if b"\x00" in head and wide_encoding(head[:4096]):
        return True
    return len(_BINARY.findall(head)) <= len(head) / 500


def _unsupported() -> DocumentError:
    return DocumentError(
        "This kind of file is not supported.", f"Upload {', '.join(list(FORMATS.values())[:-1])} or {FORMATS['text']}."
    )


def _as_json(kind: str, reading: Any) -> dict[str, Any]:
    return {
        "format": kind,
        "title": reading.title,
        "headline": reading.headline,
        "properties": reading.properties,
        "warnings": reading.warnings,
        "sections": [
            [s.page, s.text, [[h.start, h.path] for h in s.headings], [to_json(t) for t in s.tables]]
            for s in reading.sections
        ],
    }


def _checked(answer: Any, name: str) -> Parsed:
    from ingest.describe import describe  # slow to import, and every child imports this module
    from ingest.language import language

    try:
        kind = str(answer["format"])
        sections = tuple(_section(number, value) for number, value in enumerate(answer["sections"], 1))
        warnings = tuple(_line(str(warning), 300) for warning in answer["warnings"][:20])
        properties = {str(key)[:40]: _line(str(value), 300) for key, value in list(answer["properties"].items())[:40]}
        title, headline = _line(str(answer["title"]), 200), _line(str(answer["headline"]), 200)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DocumentError(
            "The reader answered with nonsense for this file.", "Save it again and upload it."
        ) from error
    if kind not in FORMATS or sum(len(section.text) for section in sections) > MAX_CHARACTERS:
        raise _nonsense()
    if not any(section.text.strip() for section in sections):
        raise _no_text(kind)
    sample = "\n".join(section.text[:1000] for section in sections[:20])
    described = describe(Reading(list(sections), title, headline, properties=properties), _line(name, 255), kind)
    return Parsed(described.title, kind, sections, len(sections), language(sample), warnings, described.about)


def _section(number: int, value: Any) -> Section:
    page, text, headings, tables = value
    headings = headings[:MAX_HEADINGS]
    text = re.sub("[\x00\ud800-\udfff]", "\ufffd", text)
    section = Section(
        int(page),
        text,
        tuple(Heading(int(start), _line(path, 500)) for start, path in headings),
        tuple(map(from_json, tables)),
    )
    starts = [heading.start for heading in section.headings]
    if page != number or starts != sorted(starts) or any(not 0 <= start <= len(text) for start in starts):
        raise ValueError("a section or heading out of place")
    check(section.tables, len(text))
    return section


def _nonsense() -> DocumentError:
    return DocumentError("The reader answered with nonsense for this file.", "Save the file again and upload that.")


def _no_text(kind: str) -> DocumentError:
    remedy = "Upload one with text in it."
    if kind == "pdf":
        remedy = "Its pages are probably scanned: run OCR on it, for instance with ocrmypdf, and upload the result."
    return DocumentError("No text was found in this file.", remedy)


def _line(text: str, length: int) -> str:
    """Fit to be shown on one line: no control, format or direction characters, spaces collapsed, cut to `length`."""
    text = re.sub(r"([_=*~.-])\1{3,}", " ", str(text)[:2000])
    visible = "".join(" " if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"} else c for c in text)
    return " ".join(visible.split())[:length].strip()
