"""What a workbook or a deck does not show, whatever program wrote it; either way the document's report says so.

Hidden sheets, rows and columns are left out. What a filter or a closed group hides is read: it is one click away, and
files are saved with filters on by accident. Hidden slides are read: whoever opens the deck sees them in their place.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import IO

from ingest.formats.grid import Row
from ingest.formats.sections import one_line

_TAG = re.compile(rb"<(?:\w+:)?(row|col|autoFilter|filterColumn|sheetData)\b([^<>]*)>")
_ATTRIBUTE = re.compile(rb"(\w+)\s*=\s*[\"']([^\"']*)[\"']")
_RANGE = re.compile(rb"\$?[A-Z]+\$?(\d+):\$?[A-Z]+\$?(\d+)")
_BLOCK = 1 << 20
_LONGEST_TAG = 1 << 14
_MOST_COLUMNS = 1 << 14
_NAMED, _SLIDES = 5, 10  # in a warning


@dataclass(slots=True)
class Hidden:
    """Rows are numbered from 1, columns from 0. `folded` are those that a filter or a closed group hides."""

    rows: set[int] = field(default_factory=set)
    columns: set[int] = field(default_factory=set)
    folded: bool = False
    _rows_left_out: int = 0
    _columns_left_out: set[int] = field(default_factory=set)

    def shown(self, rows: Iterable[Row]) -> Iterator[Row]:
        """The rows without what is hidden; of that, what holds anything is counted."""
        for number, cells in rows:
            if number in self.rows:
                self._rows_left_out += any(cells)
            elif self.columns:
                self._columns_left_out |= {at for at in self.columns if at < len(cells) and cells[at]}
                yield number, [cell for at, cell in enumerate(cells) if at not in self.columns]
            else:
                yield number, cells

    def hide_row(self, number: int, *, folded: bool) -> None:
        self.folded |= folded
        if not folded:
            self.rows.add(number)

    def hide_columns(self, first: int, end: int, *, folded: bool) -> None:
        self.folded |= folded
        if not folded:
            self.columns |= set(range(first, min(end, _MOST_COLUMNS)))

    def words(self) -> str:
        """What was left out, for the warning: "2 hidden rows and 1 hidden column"; "" for nothing."""
        counts = ((self._rows_left_out, "hidden row"), (len(self._columns_left_out), "hidden column"))
        return " and ".join(f"{count:,} {name}{'s' * (count > 1)}" for count, name in counts if count)


def warnings(sheets: Sequence[tuple[str, Hidden]]) -> list[str]:
    """What the document's report says about hidden rows and columns; `sheets` are names with what they hide."""
    left_out = [(one_line(name)[:80], words) for name, hidden in sheets if (words := hidden.words())]
    said = [f"Sheet {name}: {words} {_were(words)} left out." for name, words in left_out[:_NAMED]]
    if len(left_out) > _NAMED:
        said.append(f"{len(left_out) - _NAMED:,} more sheets have hidden rows or columns, which were left out.")
    if folded := [one_line(name)[:80] for name, hidden in sheets if hidden.folded]:
        more = " and others" if len(folded) > _NAMED else ""
        said.append(f"What a filter or a closed group hides was read: sheet {', '.join(folded[:_NAMED])}{more}.")
    return said


def hidden_sheets(names: Sequence[str]) -> list[str]:
    """The warning that sheets were left out."""
    shown = ", ".join(one_line(name)[:80] for name in names[:_NAMED])
    more = " and others" if len(names) > _NAMED else ""
    return [f"Hidden sheets were left out: {shown}{more}."] if names else []


def hidden_slides(numbers: Sequence[int]) -> list[str]:
    """The warning that slides were read that the show passes over."""
    shown = ", ".join(map(str, numbers[:_SLIDES]))
    more = " and others" if len(numbers) > _SLIDES else ""
    return [f"Hidden slides were read, too: {shown}{more}."] if numbers else []


def _were(words: str) -> str:
    return "was" if words.startswith("1 ") and " and " not in words else "were"


def of_sheet(opened: IO[bytes], filtered: Sequence[range] = ()) -> Hidden:
    """What a sheet of an .xlsx hides, from its XML; `filtered` are the rows that filters of its tables stand over.

    The filter of the sheet itself stands behind its rows, so hidden ones are told apart at the end.
    """
    hidden = Hidden()
    filters = list(filtered)
    rows: list[int] = []
    number, area = 0, None
    for name, text in _tags(opened):
        if name in {b"row", b"col"} and b"hidden" not in text and not (name == b"row" and b"r=" not in text):
            continue
        said = dict(_ATTRIBUTE.findall(text))
        is_hidden, folded = said.get(b"hidden") in {b"1", b"true"}, said.get(b"outlineLevel", b"0") != b"0"
        if name == b"row":
            number = _whole(said.get(b"r")) or number + 1
            if is_hidden and folded:
                hidden.folded = True
            elif is_hidden:
                rows.append(number)
        elif name == b"col" and is_hidden:
            hidden.hide_columns(_whole(said.get(b"min")) - 1, _whole(said.get(b"max")), folded=folded)
        elif name == b"autoFilter":
            area = rows_of(said.get(b"ref", b""))
        elif name == b"filterColumn" and area is not None:
            filters.append(area)
    for row in rows:
        hidden.hide_row(row, folded=any(row in area for area in filters))
    return hidden


def rows_of(reference: bytes) -> range | None:
    """The rows of a range ("A1:D20") below its first, which names the columns."""
    found = _RANGE.fullmatch(reference)
    return range(int(found[1][:8]) + 1, int(found[2][:8]) + 1) if found else None


def filters_of_tables(archive: zipfile.ZipFile, sheet: str) -> list[range]:
    """The rows that the filters of a sheet's tables stand over, where they hold back any."""
    folder, _, name = sheet.rpartition("/")
    found = []
    try:
        relations = archive.read(f"{folder}/_rels/{name}.rels")[: 1 << 20]
    except KeyError:
        return []
    known = set(archive.namelist())
    for target in re.findall(rb"tables/(\w+\.xml)[\"']", relations)[:100]:
        path = f"xl/tables/{target.decode('ascii')}"
        if path in known:
            with archive.open(path) as opened:
                tags = dict(islice(_tags(opened), 1_000))
            area = rows_of(dict(_ATTRIBUTE.findall(tags.get(b"autoFilter", b""))).get(b"ref", b""))
            if area is not None and b"filterColumn" in tags:
                found.append(area)
    return found


def _tags(opened: IO[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Names and attributes, without parsing: most of a sheet is cells."""
    rest = b""
    while block := opened.read(_BLOCK):
        block = rest + block
        end = 0
        for found in _TAG.finditer(block):
            end = found.end()
            yield found[1], found[2]
        cut = max(end, block.rfind(b"<"), len(block) - _LONGEST_TAG)
        rest = block[cut:]


def _whole(value: bytes | None) -> int:
    return int(value) if value and value.isdigit() and len(value) < 9 else 0
