"""What a sheet of an .xlsx says around its values and openpyxl's stream leaves out, from the sheet's XML.

That is: what it hides, cells that stand over several rows, formulas whose result was never stored, and text boxes. The
XML is not parsed but searched, since most of it is cells.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import IO

from ingest.formats.drawings import texts_of_boxes
from ingest.formats.hidden import Hidden
from ingest.formats.packages import BROKEN, part

_TAG = re.compile(rb"<(?:\w+:)?(row|col|autoFilter|filterColumn|mergeCell)\b([^<>]*)>")
_ROW_NUMBER = re.compile(rb"\br\s*=\s*[\"'](\d{1,8})[\"']")
_ATTRIBUTE = re.compile(rb"(\w+)\s*=\s*[\"']([^\"']*)[\"']")
_RANGE = re.compile(rb"\$?([A-Z]{1,3})\$?(\d{1,8}):\$?([A-Z]{1,3})\$?(\d{1,8})")
_UNRESOLVED = re.compile(rb"<c\b([^<>]*)><f\b[^<>]*(?:/>|>[^<]*</f>)(?:<v\s*/>|<v></v>)?</c>")
_WORDS = re.compile(rb"\bt\s*=\s*[\"']str[\"']")
_BLOCK = 1 << 20
_LONGEST_TAG = 1 << 14


@dataclass(slots=True)
class Worksheet:
    """Rows are numbered from 1, columns from 0."""

    hidden: Hidden = field(default_factory=Hidden)
    spans: dict[int, list[tuple[int, int]]] = field(default_factory=dict)  # as `ingest.formats.spans` has them
    unresolved: int = 0  # formulas without a result
    boxes: list[str] = field(default_factory=list)  # the text of each


def worksheet(archive: zipfile.ZipFile, path: str) -> Worksheet:
    """Of the sheet at `path` in the file."""
    found, rows, number = Worksheet(), list[int](), 0
    for drawing in _related(archive, path, "drawings"):
        with suppress(*BROKEN):  # a drawing that can't be read does not cost the sheet
            found.boxes += texts_of_boxes(part(archive, drawing))
    filters = _filters_of_tables(archive, path)
    area: range | None = None
    with archive.open(path) as opened:
        for name, text in _tags(opened):
            if name == b"row":
                told = _ROW_NUMBER.search(text)
                number = int(told[1]) if told else number + 1
            elif name == b"f":
                found.unresolved += 1
                continue
            if name in {b"row", b"col"} and b"hidden" not in text:
                continue
            said = dict(_ATTRIBUTE.findall(text))
            if name == b"row" and _is_hidden(said):
                if _is_folded(said):
                    found.hidden.folded = True
                else:
                    rows.append(number)
            elif name == b"col" and _is_hidden(said):
                first, last = _whole(said.get(b"min")), _whole(said.get(b"max"))
                found.hidden.hide_columns(max(first, 1) - 1, last, folded=_is_folded(said))
            elif name == b"mergeCell" and (over := _RANGE.fullmatch(said.get(b"ref", b""))) and over[1] == over[3]:
                found.spans.setdefault(int(over[2]), []).append((_column(over[1]), int(over[4])))
            elif name == b"autoFilter":
                area = _rows_below(said)
            elif name == b"filterColumn" and area is not None:
                filters.append(area)
    for row in rows:  # only now, as the filter of the sheet stands behind its rows
        found.hidden.hide_row(row, folded=any(row in area for area in filters))
    return found


def unresolved(sheets: Sequence[tuple[str, int]]) -> list[str]:
    """The warning that formulas have no result; `sheets` are names with how many."""
    names = ", ".join(name for name, count in sheets if count)[:200]
    remedy = "Open it in a spreadsheet program, save it there and upload that."
    return [f"Formulas whose results are not in the file were left out: sheet {names}. {remedy}"] if names else []


def _filters_of_tables(archive: zipfile.ZipFile, sheet: str) -> list[range]:
    """The rows that the filters of a sheet's tables stand over, where they hold back any."""
    found = []
    for path in _related(archive, sheet, "tables"):
        with archive.open(path) as opened:
            tags = dict(islice(_tags(opened), 1_000))
        area = _rows_below(dict(_ATTRIBUTE.findall(tags.get(b"autoFilter", b""))))
        if area is not None and b"filterColumn" in tags:
            found.append(area)
    return found


def _related(archive: zipfile.ZipFile, sheet: str, folder: str) -> list[str]:
    """What a sheet names of a folder of the workbook, as far as it is there."""
    place, _, name = sheet.rpartition("/")
    known = set(archive.namelist())
    relations = f"{place}/_rels/{name}.rels"
    if relations not in known:
        return []
    targets = re.findall(rf"{folder}/(\w+\.xml)[\"']".encode(), part(archive, relations)[:_BLOCK])[:100]
    return [path for target in targets if (path := f"xl/{folder}/{target.decode('ascii', 'replace')}") in known]


def _tags(opened: IO[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Names and attributes of what is asked about here; "f" for a formula without a result."""
    rest = b""
    while block := opened.read(_BLOCK):
        block = rest + block
        end = 0
        for found in _TAG.finditer(block):
            end = found.end()
            yield found[1], found[2]
        for found in _UNRESOLVED.finditer(block):
            end = max(end, found.end())
            if not _WORDS.search(found[1]):  # they may be empty: ="" is a result
                yield b"f", b""
        cut = max(end, block.rfind(b"<c "), len(block) - _LONGEST_TAG)
        rest = block[cut:]


def _rows_below(said: Mapping[bytes, bytes]) -> range | None:
    """The rows of the range that a filter names ("A1:D20") below its first, which names the columns."""
    found = _RANGE.fullmatch(said.get(b"ref", b""))
    return range(int(found[2]) + 1, int(found[4]) + 1) if found else None


def _is_hidden(said: Mapping[bytes, bytes]) -> bool:
    return said.get(b"hidden") in {b"1", b"true"}


def _is_folded(said: Mapping[bytes, bytes]) -> bool:
    return said.get(b"outlineLevel", b"0") != b"0"


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = 26 * number + letter - 64
    return number - 1


def _whole(value: bytes | None) -> int:
    return int(value) if value and value.isdigit() and len(value) < 9 else 0
