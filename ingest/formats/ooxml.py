"""Files of Office as python-docx, python-pptx and openpyxl take them: of the usual kind, transitional, without gaps.

The libraries refuse templates, slide shows and documents with macros, know no "strict" file, and fail where a picture
is named that is not there, while Office opens all of these. A copy in memory takes the place of such a file, with
nothing but its XML.
"""

from __future__ import annotations

import io
import posixpath
import re
import zipfile

from ingest.formats.packages import part
from ingest.formats.sections import File

_TYPES = "[Content_Types].xml"
_RELATIONS = "_rels/.rels"
_DOCUMENT = re.compile(
    rb"vnd\.(?:ms-word\.(?:document|template)\.macroEnabled(?:Template)?"
    rb"|openxmlformats-officedocument\.wordprocessingml\.template)\.main\+xml"
)
_SHOW = re.compile(
    rb"vnd\.(?:ms-powerpoint\.(?:presentation|slideshow|template)\.macroEnabled"
    rb"|openxmlformats-officedocument\.presentationml\.(?:slideshow|template))\.main\+xml"
)
_USUAL_DOCUMENT = b"vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
_USUAL_SHOW = b"vnd.openxmlformats-officedocument.presentationml.presentation.main+xml"
_STRICT = re.compile(rb"http://purl\.oclc\.org/ooxml/(\w+)/")
_TRANSITIONAL = rb"http://schemas.openxmlformats.org/\1/2006/"
_RELATION = re.compile(rb"<(?:\w+:)?Relationship\b[^>]*>")
_TARGET = re.compile(rb"\bTarget\s*=\s*[\"']([^\"'#]+)[\"']")
_OUTSIDE = re.compile(rb"\bTargetMode\s*=\s*[\"']External[\"']")


def usual(file: File) -> File:
    """The file itself, or the copy. Raises KeyError and zipfile's errors where it is no file of Office."""
    with zipfile.ZipFile(file) as archive:
        names = set(archive.namelist())
        types = part(archive, _TYPES)
        is_usual = not (_DOCUMENT.search(types) or _SHOW.search(types) or _STRICT.search(part(archive, _RELATIONS)))
        if is_usual and all(_whole(archive, name, names) for name in names if name.endswith(".rels")):
            return file
        return _copy(archive, {name for name in names if name.endswith((".xml", ".rels"))})


def _whole(archive: zipfile.ZipFile, name: str, names: set[str]) -> bool:
    """Whether everything is there that this list of relations names."""
    return all(_stands(found[0], name, names) for found in _RELATION.finditer(part(archive, name)))


def _stands(relation: bytes, name: str, names: set[str]) -> bool:
    target = _TARGET.search(relation)
    if target is None or _OUTSIDE.search(relation):
        return True
    folder = posixpath.dirname(posixpath.dirname(name))
    path = posixpath.join("/", folder, target[1].decode("utf-8", "replace"))
    return posixpath.normpath(path).lstrip("/") in names


def _copy(archive: zipfile.ZipFile, names: set[str]) -> io.BytesIO:
    copy = io.BytesIO()
    with zipfile.ZipFile(copy, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as written:
        for name in sorted(names):
            data = _STRICT.sub(_TRANSITIONAL, part(archive, name))
            if name == _TYPES:
                data = _SHOW.sub(_USUAL_SHOW, _DOCUMENT.sub(_USUAL_DOCUMENT, data))
            elif name.endswith(".rels"):
                data = _without_gaps(data, name, names)
            written.writestr(name, data)
    return copy


def _without_gaps(relations: bytes, name: str, names: set[str]) -> bytes:
    return _RELATION.sub(lambda found: found[0] if _stands(found[0], name, names) else b"", relations)
