"""EPUB: the chapters in the order of the book's spine, each read as the HTML page that it is.

Nothing is fetched and no script runs; pictures and the list of contents in front are left out.
"""

from __future__ import annotations

import posixpath
import zipfile
from typing import Any
from urllib.parse import unquote

from ingest.child import report
from ingest.formats import web
from ingest.formats.packages import BROKEN, check_size, damaged, encrypted, part, xml
from ingest.formats.sections import File, Reading, SectionWriter, one_line, properties
from ingest.formats.text import decode

_CONTAINER = "{urn:oasis:names:tc:opendocument:xmlns:container}rootfile"
_OPF = "{http://www.idpf.org/2007/opf}"
_DC = "{http://purl.org/dc/elements/1.1/}"
_WHAT = "e-book"
_PAGES = {"application/xhtml+xml", "text/html"}
_MAX_CHAPTERS = 20_000


def read(file: File, *, max_characters: int, max_unpacked: int) -> Reading:
    """Raises DocumentError for encrypted, broken and swelling books."""
    check_size(file, max_unpacked, _WHAT)
    writer = SectionWriter(max_characters=max_characters)
    try:
        with zipfile.ZipFile(file) as archive:
            path = xml(part(archive, "META-INF/container.xml")).find(f".//{_CONTAINER}").get("full-path")
            package = xml(part(archive, path))
            chapters = _chapters(package, posixpath.dirname(path))
            _refuse_locked(archive, chapters)
            missing = sum(not _write(archive, chapter, writer) for chapter in _counted(chapters))
    except BROKEN as error:
        raise damaged(_WHAT) from error
    title = next((one_line(found.text or "") for found in package.iter(f"{_DC}title")), "")
    claims = properties((name, found.text or "") for name in ("subject", "date") for found in package.iter(_DC + name))
    warnings = [f"{missing} of {len(chapters)} chapters are not in the file."] if missing else []
    return Reading(writer.finish(), title, writer.headline, warnings, claims)


def _counted(chapters: list[str]) -> Any:
    for number, chapter in enumerate(chapters):
        report(number, len(chapters))
        yield chapter


def _chapters(package: Any, folder: str) -> list[str]:
    files = {
        item.get("id"): posixpath.normpath(posixpath.join(folder, unquote(item.get("href") or "")))
        for item in package.iter(f"{_OPF}item")
        if item.get("media-type") in _PAGES and "nav" not in (item.get("properties") or "").split()
    }
    spine = [item.get("idref") for item in package.iter(f"{_OPF}itemref")]
    return [files[name] for name in dict.fromkeys(spine) if name in files][:_MAX_CHAPTERS]


def _refuse_locked(archive: zipfile.ZipFile, chapters: list[str]) -> None:
    """Books that a shop has locked say which files; locked fonts alone do no harm."""
    if "META-INF/encryption.xml" in archive.namelist():
        for reference in xml(part(archive, "META-INF/encryption.xml")).iter("{*}CipherReference"):
            if posixpath.normpath(unquote(reference.get("URI") or "")) in chapters:
                raise encrypted()


def _write(archive: zipfile.ZipFile, name: str, writer: SectionWriter) -> bool:
    try:
        page = decode(part(archive, name))
    except (KeyError, zipfile.BadZipFile):
        return False
    writer.place("")
    web.write(page, writer)
    return True
