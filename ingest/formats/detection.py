"""Which format a file has, told by its content. Between kinds of text its name may tip the scales."""

from __future__ import annotations

import re
import zipfile
from pathlib import PurePath

from ingest.formats.packages import BROKEN
from ingest.formats.sections import File
from ingest.formats.text import wide_encoding
from storage.errors import DocumentError

FORMATS = {
    "pdf": "PDF",
    "docx": "Word (.docx)",
    "pptx": "PowerPoint (.pptx)",
    "xlsx": "Excel (.xlsx)",
    "xls": "old Excel (.xls)",
    "odt": "OpenDocument text",
    "ods": "OpenDocument sheets",
    "odp": "OpenDocument slides",
    "rtf": "RTF",
    "epub": "EPUB",
    "html": "HTML",
    "markdown": "Markdown",
    "csv": "CSV",
    "json": "JSON",
    "jsonl": "JSON lines",
    "eml": "mail (.eml)",
    "msg": "Outlook mail (.msg)",
    "zip": "ZIP",
    "png": "PNG",
    "jpeg": "JPEG",
    "tiff": "TIFF",
    "text": "plain text",
}

PICTURES = {"png", "jpeg", "tiff"}
PAGED = {"pdf", *PICTURES}  # whose sections are pages that can be drawn

_HEAD = 1 << 20
_PDF = re.compile(rb"(?:\A|[^ -~])%PDF-\d")
_SIGNS = {
    b"\x89PNG\r\n\x1a\n": "png",
    b"\xff\xd8\xff": "jpeg",
    b"II*\x00": "tiff",
    b"MM\x00*": "tiff",
    b"II+\x00": "tiff",
    b"MM\x00+": "tiff",
}
_TYPES = "[Content_Types].xml"
_OFFICE = {
    b"wordprocessingml.document.main": "docx",
    b"wordprocessingml.template.main": "docx",
    b"ms-word.document.macroEnabled.main": "docx",
    b"ms-word.template.macroEnabledTemplate.main": "docx",
    b"presentationml.presentation.main": "pptx",
    b"presentationml.slideshow.main": "pptx",
    b"presentationml.template.main": "pptx",
    b"ms-powerpoint.presentation.macroEnabled.main": "pptx",
    b"ms-powerpoint.slideshow.macroEnabled.main": "pptx",
    b"ms-powerpoint.template.macroEnabled.main": "pptx",
    b"spreadsheetml.sheet.main": "xlsx",
    b"spreadsheetml.template.main": "xlsx",
    b"ms-excel.sheet.macroEnabled.main": "xlsx",
    b"ms-excel.template.macroEnabled.main": "xlsx",
}
_MIMES = {
    "application/vnd.oasis.opendocument.text": "odt",
    "application/vnd.oasis.opendocument.text-template": "odt",
    "application/vnd.oasis.opendocument.spreadsheet": "ods",
    "application/vnd.oasis.opendocument.spreadsheet-template": "ods",
    "application/vnd.oasis.opendocument.presentation": "odp",
    "application/vnd.oasis.opendocument.presentation-template": "odp",
    "application/epub+zip": "epub",
}
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_STREAMS = (("EncryptedPackage", ""), ("__properties_version1.0", "msg"), ("Workbook", "xls"), ("Book", "xls"))
_OLD = (("WordDocument", ".docx"), ("PowerPoint Document", ".pptx"))
_BINARY_SHEETS = b"ms-excel.sheet.binary"
_HTML = re.compile(
    rb"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.{0,2000}?-->\s*)*<(?:!doctype\s+html|html|head|body)\b", re.I | re.S
)
_ELEMENT = re.compile(rb"\s*(?:<!--.{0,2000}?-->\s*)*</?[a-z][a-z0-9]*[\s/>]", re.I | re.S)
_HTML_NAMES = {".html", ".htm", ".xhtml"}
_MARKDOWN_NAMES = {".md", ".markdown", ".mdown", ".mkd", ".mdx"}
_TABLE_NAMES = {".csv", ".tsv", ".tab"}
_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_HEADER = re.compile(rb"([A-Za-z][A-Za-z0-9-]{1,60}):[^\n]*\n(?:[ \t][^\n]*\n)*")
_SENT_BY = {b"from", b"received", b"return-path", b"to", b"subject", b"date"}
_OF_MAILS = {b"received", b"message-id", b"mime-version", b"return-path", b"delivered-to", b"content-type"}


def detect(file: File, name: str) -> str:
    """One of FORMATS. Raises DocumentError for an empty, encrypted or broken file, and one of no known format."""
    head = _head(file)
    if not head.strip(b"\x00 \t\r\n"):
        raise DocumentError("The file is empty.", "Upload one with text in it.")
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):  # before PDF: what is in it may be one, and not be packed
        return _detect_zip(file)
    if found := next((kind for sign, kind in _SIGNS.items() if head.startswith(sign)), ""):
        return found
    if head.startswith(_OLE):
        return _detect_ole(file)
    if _is_pdf(head[:1024]) and not _is_mail(head):
        return "pdf"
    if head.lstrip().startswith(b"{\\rtf"):
        return "rtf"
    if head.lstrip().startswith(b"%!PS") or not _is_text(head):
        raise unsupported()
    suffix = PurePath(name.lower()).suffix
    begins = head[:8192].replace(b"\x00", b"").lstrip(b"\xef\xbb\xbf\xff\xfe")  # wide letters, and marks of their order
    if _HTML.match(begins) or (suffix in _HTML_NAMES and _ELEMENT.match(begins)):
        return "html"
    return _detect_text(head, suffix)


class Unsupported(DocumentError):
    """No known format."""


def unsupported() -> Unsupported:
    return Unsupported(
        "This kind of file is not supported.", f"Upload {', '.join(list(FORMATS.values())[:-1])} or {FORMATS['text']}."
    )


def _detect_text(head: bytes, suffix: str) -> str:
    from ingest.formats.delimited import delimiter
    from ingest.formats.structured import is_json, is_lines
    from ingest.formats.text import decode

    if _is_mail(head, named=suffix in {".eml", ".mht", ".mhtml"}):
        return "eml"
    if suffix in _MARKDOWN_NAMES:
        return "markdown"
    whole = len(head) < _HEAD
    text = decode(head if whole else head.rpartition(b"\n")[0] or head)
    if is_lines(text, named=suffix in {".jsonl", ".ndjson"}):
        return "jsonl"
    if suffix == ".json" or is_json(text, whole=whole):
        return "json"
    if suffix in _TABLE_NAMES or delimiter(text, named=False):
        return "csv"
    return "text"


def _head(file: File) -> bytes:
    if isinstance(file, str):
        with open(file, "rb") as opened:
            return opened.read(_HEAD)
    file.seek(0)
    return file.read(_HEAD)


def _detect_zip(file: File) -> str:
    try:
        with zipfile.ZipFile(file) as archive:
            names, types = set(archive.namelist()), b""
            if _TYPES in names and archive.getinfo(_TYPES).file_size < 1 << 20:
                types = archive.read(_TYPES)
                if found := next((kind for mark, kind in _OFFICE.items() if mark in types), ""):
                    return found
            mime = "mimetype" in names and archive.getinfo("mimetype").file_size < 200 and archive.read("mimetype")
            if mime and (found := _MIMES.get(mime.decode("ascii", "replace").strip(), "")):
                return found
            if "META-INF/container.xml" in names:
                return "epub"
    except BROKEN as error:
        raise DocumentError(
            "The file is damaged: it begins like a Word or ZIP file, but can't be opened.",
            "Open it in the program that made it, save it again and upload that.",
        ) from error
    if _TYPES in names:  # of an office program, but no kind that is read here
        if _BINARY_SHEETS in types:
            raise Unsupported("Binary workbooks (.xlsb) are not supported.", "Save it as .xlsx and upload that.")
        raise _other_program()
    return "zip"


def _detect_ole(file: File) -> str:
    import olefile

    try:
        with olefile.OleFileIO(file) as ole:
            streams = {entry[0].casefold() for entry in ole.listdir() if len(entry) == 1}
    except BROKEN:
        streams = _named_in(file)
    for stream, kind in _STREAMS:
        if stream.casefold() in streams:
            if not kind:
                raise DocumentError("The file is encrypted.", "Upload it without a password.")
            return kind
    for stream, newer in _OLD:
        if stream.casefold() in streams:
            raise DocumentError(
                "This is a file of an old Office version.", f"Save it as {newer} or PDF and upload that."
            )
    raise _other_program()


def _other_program() -> Unsupported:
    return Unsupported("This kind of file is not supported.", "Save it as PDF in its program and upload that.")


def _named_in(file: File) -> set[str]:
    """The streams that a broken file seems to hold."""
    head = _head(file)
    return {stream.casefold() for stream, _ in (*_STREAMS, *_OLD) if f"{stream}\0".encode("utf-16-le") in head}


def _is_pdf(head: bytes) -> bool:
    """Anything may stand before its sign, as readers see it; a text that speaks of it is none."""
    return _PDF.search(head) is not None or (b"%PDF-" in head and not _is_text(head))


def _is_text(head: bytes) -> bool:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True
    if b"\x00" in head and wide_encoding(head[:4096]):
        return True
    return len(_BINARY.findall(head)) <= len(head) / 500


def _is_mail(head: bytes, *, named: bool = False) -> bool:
    """Does the file begin with header fields, among them some that only programs write?"""
    data = head[: 1 << 16].removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").lstrip(b"\n")
    if data.startswith(b"From "):  # a line that mailboxes put above a mail
        data = data.partition(b"\n")[2]
    fields, at = set[bytes](), 0
    while found := _HEADER.match(data, at):
        fields.add(found[1].lower())
        at = found.end()
    ended = at >= len(data) or data[at : at + 1] == b"\n"
    return ended and len(fields & _SENT_BY) >= 2 and (named or bool(fields & _OF_MAILS))
