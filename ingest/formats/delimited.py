"""CSV and TSV: the dialect is found by content; blocks of rows repeat the names of the columns.

Not covered: several tables side by side.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from itertools import islice

from ingest.formats.grid import Allowance, write_rows
from ingest.formats.sections import File, Reading, SectionWriter, contents
from ingest.formats.text import decode
from ingest.formats.workbook import row_words
from storage.errors import DocumentError

_DELIMITERS = "\t;,|"
_SAMPLE = 50  # rows
_LONGEST = 200  # characters of a cell, on average, beyond which lines are prose


def delimiter(text: str, *, named: bool) -> str:
    """What parts the cells in the first lines of `text`; "" where they are no table.

    `named`: the file's name says that it is one, so two rows of two cells are enough.
    """
    lines = text.split("\n", 4 * _SAMPLE)[: 4 * _SAMPLE]
    best, most = "", 1 if named else 2
    for sign in _DELIMITERS[: 4 if named else 3]:
        rows = [row for row in islice(_rows(lines, sign), _SAMPLE) if row]
        rows = rows[:-1] if len(rows) == _SAMPLE else rows  # the last may be cut
        width, count = Counter(map(len, rows)).most_common(1)[0] if rows else (0, 0)
        regular = count >= (0.5 if named else 1) * len(rows) and len(rows) >= (1 if named else 3)
        short = sum(len(cell) for row in rows for cell in row) <= _LONGEST * max(1, sum(map(len, rows)))
        spaced = sign == "," and not named and sum(cell[:1] == " " for row in rows for cell in row) > len(rows)
        if regular and short and not spaced and width > most:
            best, most = sign, width
    return best


def read(file: File, *, max_characters: int) -> Reading:
    """Raises DocumentError where the rows can't be told apart."""
    text = decode(contents(file)).replace("\r\n", "\n").replace("\r", "\n").removeprefix("\ufeff")
    if text[:4].lower() == "sep=":  # a spreadsheet program's own note
        text = text.partition("\n")[2]
    sign = delimiter(text, named=True) or ","
    writer, allowance = SectionWriter(max_characters=max_characters), Allowance()
    rows = enumerate(_read(text, sign, allowance.warnings), 1)
    try:
        write_rows(rows, writer, lambda first, last: row_words(first, last).capitalize(), allowance)
    except csv.Error as error:
        raise DocumentError("The rows of this file can't be told apart.", "Save it again as CSV.") from error
    return Reading(writer.finish(), warnings=allowance.warnings)


def _read(text: str, sign: str, warnings: list[str]) -> Iterator[list[str]]:
    """A quote that is never closed would swallow all that follows: from its row on, quotes are read as they stand."""
    csv.field_size_limit(1 << 27)
    lines = _Lines(text)
    reader = csv.reader(lines, delimiter=sign)
    begun = 0
    for number, row in enumerate(reader, 1):
        if lines.at == len(text) and text.count('"', begun) % 2 and text.find("\n", begun) + 1 not in {0, len(text)}:
            warnings.append(f"From row {number:,} on quotes are read as they stand: one of them is never closed.")
            yield from csv.reader(_Lines(text, begun), delimiter=sign, quoting=csv.QUOTE_NONE)
            return
        yield row
        begun = lines.at


class _Lines:
    """Line by line: all at once, or in a file of text, they would take several times the memory."""

    def __init__(self, text: str, at: int = 0) -> None:
        self._text, self.at = text, at

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        start = self.at
        if start >= len(self._text):
            raise StopIteration
        self.at = self._text.find("\n", start) + 1 or len(self._text)
        return self._text[start : self.at]


def _rows(lines: list[str], sign: str) -> Iterator[list[str]]:
    try:
        yield from csv.reader(lines, delimiter=sign)
    except csv.Error:
        return
