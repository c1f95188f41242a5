"""JSON and JSON lines as text to read: key paths as headings, lists of like records as tables, the rest named.

Not covered: schemas, and comments in JSON.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Any

from ingest.formats.grid import Allowance, Row, write_rows
from ingest.formats.sections import CELL, File, Reading, SectionWriter, contents, one_line
from ingest.formats.text import decode, read_plain
from storage.errors import DocumentError

_MAX_DEPTH = 60  # deeper values are written as they stand
_MAX_HEADINGS = 4  # levels of key paths that open sections
_MAX_BYTES = 256 * 1024**2  # the values take several times that
_MAX_COLUMNS = 40  # of records that make a table
_SHORT = 200  # characters of a cell
_ALIKE = 200  # records that are looked at
_TITLES = ("title", "name", "id", "key", "label")
_TALL = 400  # characters, from which on a value has a heading of its own


def is_json(text: str, *, whole: bool) -> bool:
    """Whether `text`, the beginning of a file or the `whole` of it, can be one JSON object or list."""
    text = text.strip("\ufeff \t\r\n")
    opened = re.match(r"\{\s*(?:[\"}]|$)|\[\s*(?:[\[{\"\]\d-]|true|false|null|$)", text)
    if opened is None or (whole and text[-1:] != ("}" if text[0] == "{" else "]")):
        return False
    return not whole or _loads(text) is not None


def is_lines(text: str, *, named: bool = False) -> bool:
    """Whether the first lines of `text` are objects or lists in JSON, one a line; half of them, where its name says so.

    One line alone is one value.
    """
    lines = [line for line in text.strip("\ufeff \t\r\n").split("\n", 20)[:20] if line.strip()]
    complete = lines[:-1] if len(lines) > 2 else lines  # the last may be cut
    good = sum(line.strip()[0] in "{[" and _loads(line) is not None for line in complete)
    return len(lines) > 1 and good >= len(complete) * (0.5 if named else 1) and good > 0


def read(file: File, *, max_characters: int) -> Reading:
    """What is no JSON after all is read as plain text, with a warning."""
    data = contents(file)
    if len(data) > _MAX_BYTES:
        raise DocumentError("This JSON file is too large to be read in one piece.", "Split it into parts.")
    try:
        value = json.loads(decode(data).removeprefix("\ufeff"))
    except (ValueError, RecursionError):
        reading = read_plain(io.BytesIO(data), max_characters=max_characters)
        reading.warnings.append("This is not valid JSON; it was read as plain text.")
        return reading
    writer = _ValueWriter(max_characters)
    writer.value(value, "", 0)
    title = _name(value) if isinstance(value, dict) else ""
    return Reading(writer.sections.finish(), title, warnings=writer.warnings())


def read_lines(file: File, *, max_characters: int) -> Reading:
    """JSON lines: a table where the records are alike and flat, else each record by itself."""
    text = decode(contents(file)).removeprefix("\ufeff")
    writer, broken = _ValueWriter(max_characters), list[int]()
    records = _records(text, broken)
    first = list(islice(records, _ALIKE))
    every = chain(first, records)
    if columns := _columns([value for _, value in first]):
        rows = ((number, _cells(value, columns)) for number, value in every)
        writer.rows(chain([(0, columns)], rows), _lines_called)
    else:
        for number, value in every:
            writer.sections.place(_lines_called(number, number))
            writer.value(value, _name(value) or f"Record {number:,}", 0)
    if broken:
        named = ", ".join(map(str, broken[:10])) + (", ..." if len(broken) > 10 else "")
        writer.allowance.warnings.append(f"Lines that are no JSON were left out: {named}.")
    return Reading(writer.sections.finish(), warnings=writer.warnings())


def _records(text: str, broken: list[int]) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(io.StringIO(text), 1):
        if line.strip():
            value = _loads(line)
            if value is None:
                broken.append(number)
            else:
                yield number, value


def _loads(text: str) -> Any:
    """The value, or None where `text` is no JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _lines_called(first: int, last: int) -> str:
    first = max(first, 1)
    return f"Line {first}" if first >= last else f"Lines {first}-{last}"


class _ValueWriter:
    def __init__(self, max_characters: int) -> None:
        self.sections = SectionWriter(max_characters=max_characters)
        self.allowance = Allowance()
        self._cut = 0

    def warnings(self) -> list[str]:
        cut = [f"{self._cut:,} values lie too deep and are shown as they stand."] if self._cut else []
        return [*self.allowance.warnings, *cut]

    def rows(self, rows: Iterable[Row], called: Any) -> None:
        write_rows(rows, self.sections, called, self.allowance)

    def value(self, value: Any, path: str, depth: int) -> None:
        """Write `value`, which stands under the key path `path`: a large one under a heading, a small one in lines."""
        if depth > _MAX_DEPTH:
            self._cut += 1
            self.sections.verbatim(f"{path}: {_plain(value)}")
        elif not isinstance(value, (dict, list)) or _is_small(value):
            self.sections.verbatim("\n".join(_lines(value, path)))
        elif isinstance(value, dict):
            self._object(value, path, depth)
        else:
            self._list(value, path, depth)

    def _object(self, value: dict[str, Any], path: str, depth: int) -> None:
        self._heading(path, depth)
        lines: list[str] = []
        for key, one in value.items():
            name = one_line(key)
            if not isinstance(one, (dict, list)) or _is_small(one):
                lines += _lines(one, name)
                continue
            self.sections.verbatim("\n".join(lines))
            lines = []
            self.value(one, name if depth < _MAX_HEADINGS else f"{path}.{name}", depth + 1)
        self.sections.verbatim("\n".join(lines))

    def _list(self, values: list[Any], path: str, depth: int) -> None:
        self._heading(path, depth)
        if columns := _columns(values):
            for first in range(0, len(values), 1000):
                lines = [_cells(value, columns) for value in values[first : first + 1000]]
                self.sections.table([columns, *lines], header=True)
            return
        for number, value in enumerate(values, 1):
            if isinstance(value, (dict, list)):
                self.value(value, _name(value) or f"{path or 'Item'} {number}", depth + 1)
            else:
                self.sections.item(_plain(value))

    def _heading(self, path: str, depth: int) -> None:
        if path and depth <= _MAX_HEADINGS:
            self.sections.heading(depth + 1, path)
        elif path:
            self.sections.paragraph(f"{path}:")


def _is_small(value: Any) -> bool:
    """Whether `value` is told in a few lines."""
    left, stack = _TALL, [value]
    while stack and left > 0:
        one = stack.pop()
        if isinstance(one, (dict, list)):
            left -= 10
            stack += list(one.values() if isinstance(one, dict) else one)[: _TALL // 10 + 1]
            if len(one) > _TALL // 10:
                return False
        else:
            left -= len(str(one)) + 4
    return left > 0


def _lines(value: Any, path: str) -> Iterator[str]:
    """A small value, each simple one in it with its key path."""
    if isinstance(value, dict) and value:
        for key, one in value.items():
            yield from _lines(one, f"{path}.{one_line(key)}" if path else one_line(key))
    elif isinstance(value, list) and any(isinstance(one, (dict, list)) for one in value):
        for number, one in enumerate(value, 1):
            yield from _lines(one, f"{path}.{number}" if path else str(number))
    else:
        yield f"{path}: {_plain(value)}" if path else _plain(value)


def _columns(values: Sequence[Any]) -> list[str]:
    """The keys of records that are alike and hold nothing but short values; none where they are not."""
    sample = values[:_ALIKE]
    if len(sample) < 2 or not all(isinstance(value, dict) and value for value in sample):
        return []
    columns = list(dict.fromkeys(key for value in sample for key in value))
    filled = sum(len(value) for value in sample)
    flat = all(_is_cell(one) for value in sample for one in value.values())
    return columns if flat and len(columns) <= _MAX_COLUMNS and filled >= 0.5 * len(columns) * len(sample) else []


def _is_cell(value: Any) -> bool:
    if isinstance(value, list):
        return len(value) <= 10 and all(_is_cell(one) and not isinstance(one, list) for one in value)
    return not isinstance(value, dict) and len(str(value)) <= _SHORT


def _cells(value: Any, columns: Sequence[str]) -> list[str]:
    given = value if isinstance(value, dict) else {columns[0]: value}
    rest = {key: one for key, one in given.items() if key not in columns}
    cells = [_plain(given.get(key)).replace(CELL, " / ") for key in columns]
    return [*cells, *([_plain(rest)] if rest else [])]


def _name(value: Any) -> str:
    """What a record calls itself."""
    if not isinstance(value, dict):
        return ""
    named = (value.get(key) for key in _TITLES)
    return next((one_line(str(one))[:100] for one in named if isinstance(one, (str, int)) and str(one).strip()), "")


def _plain(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case str():
            return value
        case list() if all(not isinstance(one, (dict, list)) for one in value):
            return ", ".join(map(_plain, value))
        case dict() | list():
            return _dumped(value)
    return str(value)


def _dumped(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False)
    except RecursionError:
        return "..."
