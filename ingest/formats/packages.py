"""Files that are ZIP archives inside, of Office and of other makers: opened within limits, their XML read unresolved.

Nothing is unpacked to disk, no entity is expanded, nothing outside of the file is fetched.
"""

from __future__ import annotations

import re
import struct
import zipfile
import zlib
from typing import Any

from lxml import etree

from ingest.formats.sections import File
from storage.errors import DocumentError

MAX_FILES = 20_000
MAX_XML = 256 * 1024**2  # bytes of one part
_COMMENTS = re.compile(r"(?:word|xl|ppt)/(?:threadedC|c)omments")
BROKEN = (  # what libraries raise over files that are not what they should be
    *(etree.LxmlError, zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, struct.error, EOFError, OSError),
    *(LookupError, ValueError, AttributeError, TypeError, ArithmeticError, AssertionError),
    # an encrypted member of a ZIP, and a way of packing that zipfile does not know
    *(RuntimeError, NotImplementedError),
)


def check_size(file: File, limit: int, what: str = "file") -> None:
    """Raises DocumentError for an archive of too many files, or that swells beyond `limit` bytes."""
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
    except BROKEN as error:
        raise damaged(what) from error
    if len(members) > MAX_FILES or sum(member.file_size for member in members) > limit:
        raise DocumentError(
            f"This {what} unpacks to more than can be taken.", "Remove large pictures or split the document."
        )


def part(archive: zipfile.ZipFile, name: str) -> bytes:
    """One file of the archive. Raises KeyError where there is none, DocumentError where it is too large."""
    member = archive.getinfo(name)
    if member.flag_bits & 1:
        raise encrypted()
    if member.file_size > MAX_XML:
        raise DocumentError("This file unpacks to more than can be taken.", "Split the document.")
    return archive.read(member)


def comments(file: File) -> list[str]:
    """The warning that comments were left out, where an Office file has any."""
    with zipfile.ZipFile(file) as archive:
        has_any = any(map(_COMMENTS.match, archive.namelist()))
    return ["Comments were left out."] if has_any else []


def xml(data: bytes) -> Any:
    """The root element. Raises lxml's errors."""
    return etree.fromstring(data, parser())


def parser() -> Any:
    return etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)


def damaged(what: str) -> DocumentError:
    return DocumentError(
        f"This {what} is damaged and could not be read.",
        "Open it in the program that made it, save it again and upload that.",
    )


def encrypted() -> DocumentError:
    return DocumentError("The file is encrypted.", "Upload it without a password.")
