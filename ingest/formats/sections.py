"""What every format hands on: a `Reading`, and the `SectionWriter` that formats without pages write it with.

Sections come out numbered from 1, their text normalised: no control characters, no trailing spaces, at most one blank
line in a row. A heading opens a section; a section that grows long goes on in a next one under the same heading.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO, TypeAlias

from storage.errors import DocumentError
from storage.tables import offset
from storage.types import Heading, Row, Section, Table

File: TypeAlias = str | BinaryIO  # a path, or what a file inside a file holds

LONG = 3_000  # characters after which a section ends at the next paragraph border
NO_TEXT = "no text, only a picture or drawing"
PATH = " > "
CELL = " | "

_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u2028-\u202e\u2060-\u2069\ufeff\ufffe\uffff\ud800-\udfff\U000e0000-\U000e007f]"
)
_SPACES = re.compile(r"[^\S\n]+")
_PROPERTIES = (
    ("subtitle", r"sub_?title|untertitel"),
    ("effective", r"effective(_?(date|from))?|(date_)?in_?force|wirksam_ab"),
    ("valid", r"valid_?from|date_?valid|g(ü|ue)ltig_?ab"),
    ("date", r"date|datum|(date_)?approved|date_?issued|created_?on|pub_?date"),
    ("published", r"published(_?(at|on|time|date))?|date_?published|release_?date"),
    (
        "updated",
        r"(last_?)?(updated|modified|revised|reviewed)(_?(at|on|time|date))?|last_?mod|date_?(updated|modified)|stand",
    ),
    ("subject", r"subject|betreff|thema"),
    ("product", r"product|produkt"),
    ("company", r"company|organi[sz]ation|firma|unternehmen|customer|kunde"),
    ("department", r"department|abteilung|team"),
    ("category", r"category|kategorie|section|bereich"),
    ("keywords", r"keywords|tags|schlagw(ö|oe)rter"),
)


@dataclass(slots=True)
class Reading:
    """What a format found. `title` is the file's own claim, `headline` the first or biggest heading.

    `properties` are the other claims of the file, by the names that `properties()` knows. `unread` tells of pages that
    gave no text why, in words that stand after "Pages 3 to 9: "; `storage.types.BLANK` where there is none to be read.
    """

    sections: list[Section]
    title: str = ""
    headline: str = ""
    warnings: list[str] = field(default_factory=list)
    properties: dict[str, str] = field(default_factory=dict)
    unread: dict[int, str] = field(default_factory=dict)


def contents(file: File) -> bytes:
    """All bytes of `file`."""
    if isinstance(file, str):
        with open(file, "rb") as opened:
            return opened.read()
    file.seek(0)
    return file.read()


def clean(text: str) -> str:
    """Without control and direction characters; tabs and exotic spaces become plain ones; lines keep their indent."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x0c", "\n").replace("\x0b", "\n")
    lines = _CONTROL.sub("", text.replace("\t", "    ").replace("\xa0", " ")).split("\n")
    return re.sub(r"\n{3,}", "\n\n", "\n".join(line.rstrip() for line in lines)).strip("\n")


def one_line(text: str) -> str:
    return " ".join(_CONTROL.sub(" ", text).split())


def properties(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Name and value pairs of a file's head, under one name each; what is unknown or empty is left out.

    "article:published_time", "dcterms.date" and "last-modified" are "published", "date" and "updated".
    """
    known: dict[str, str] = {}
    for name, value in pairs:
        plain = re.sub(r"[\s-]", "_", re.split(r"[.:]", name.strip().lower()[:60])[-1])
        found = next((key for key, pattern in _PROPERTIES if re.fullmatch(pattern, plain)), None)
        value = one_line(value[:1000])[:300]
        if found and value:
            known.setdefault(found, value)
    return known


def heading_path(parts: Iterable[str]) -> str:
    return PATH.join(part[:150] for part in parts if part)[:500]


class SectionWriter:
    """Takes headings, paragraphs, list items and tables in reading order."""

    def __init__(self, *, max_characters: int) -> None:
        self.headline = ""
        self._sections: list[Section] = []
        self._text: list[str] = []
        self._length = 0
        self._headings: list[Heading] = []
        self._tables: list[Table] = []
        self._outline: list[tuple[int, str]] = []
        self._left = max_characters
        self._only_headings = True
        self._in_list = False
        self._has_left = False  # a heading whose part of the page ends without another one
        self._place = ""

    def place(self, words: str, *, fresh: bool = True) -> None:
        """Begin a section that readers call `words`, as they do all that follow.

        `fresh`: the headings so far do not reach into it.
        """
        self._close()
        self._place = one_line(words)
        if fresh:
            self._outline, self._headings = [], []

    def heading(self, level: int, text: str, *, opens: bool = True) -> None:
        """`opens`: begins a section, unless nothing but headings stands above it."""
        text = one_line(text)
        if not text:
            return
        self.headline = self.headline or text
        if opens and not self._only_headings:
            self._close()
        while self._outline and self._outline[-1][0] >= level:
            self._outline.pop()
        self._outline.append((level, text))
        start = self._append(text, gap=2)
        if self._headings and self._headings[-1].start == start:
            self._headings.pop()
        self._headings.append(Heading(start, self._path()))

    def leave(self, level: int) -> None:
        """What follows does not stand under the headings of this level and below it any more."""
        while self._outline and self._outline[-1][0] >= level:
            self._outline.pop()
            self._has_left = True

    def paragraph(self, text: str) -> None:
        """Lines inside stay lines; runs of spaces become one."""
        self.verbatim(_SPACES.sub(" ", text))

    def verbatim(self, text: str) -> None:
        """Code and other text whose indentation matters."""
        for part in _parts(clean(text), LONG):
            self._make_room(len(part))
            self._append(part, gap=2)
            self._only_headings = self._in_list = False

    def item(self, text: str, *, depth: int = 0, mark: str = "-") -> None:
        text = _SPACES.sub(" ", clean(text)).strip()
        if text:
            indent = "  " * min(depth, 8)
            lines = f"\n{indent}  ".join(line.strip() for line in text.split("\n") if line.strip())
            for part in _parts(f"{indent}{mark} {lines}", LONG):
                self._make_room(len(part))
                self._append(part, gap=1 if self._in_list else 2)
                self._only_headings, self._in_list = False, True

    def table(self, rows: Sequence[Sequence[str]], *, header: bool | None = None) -> None:
        """The first row is the header, unless it is a name and its value, or `header` says otherwise.

        Where a long table goes on in a next section, the header is repeated there.
        """
        cells = [[one_line(cell) for cell in row] for row in rows]
        width = max(map(len, cells), default=0)
        cells = [[*row, *[""] * (width - len(row))] for row in cells if any(row)]
        lengths = [len(_line(row)) for row in cells]
        is_header = len(cells) > 1 and not _is_pair(cells[0]) if header is None else header and len(cells) > 1
        first = int(is_header)  # of the rows below the header
        done = first
        while done < len(cells):
            self._make_room(min(sum(lengths[done - first :]) + len(cells) - done, LONG))
            end, length = done + 1, sum(lengths[:first])
            while end < len(cells) and length + sum(lengths[done:end]) + lengths[end] < LONG:
                end += 1
            self._append_table([*cells[:first], *cells[done:end]], first)
            done = end

    def _append_table(self, cells: Sequence[Sequence[str]], header: int) -> None:
        lines = [_line(row) for row in cells]
        start = at = self._append("\n".join(lines), gap=2)
        rows = []
        for row, line in zip(cells, lines, strict=True):
            end, spans = at + len(line), []
            for cell in row:
                spans.append((offset(min(at, end)), offset(min(at + len(cell), end))))
                at += len(cell) + len(CELL)
            rows.append(Row(spans[0][0], offset(end), tuple(spans)))
            at = end + 1
        self._tables.append(Table(start, self._length, tuple(rows), header))
        self._only_headings = self._in_list = False

    def finish(self) -> list[Section]:
        self._close()
        return self._sections

    def _append(self, text: str, *, gap: int) -> int:
        if self._length:
            self._text.append("\n" * gap)
            self._length += gap
        start = self._length
        if self._has_left:
            self._headings.append(Heading(start, self._path()))
            self._has_left = False
        self._text.append(text)
        self._length += len(text)
        self._left -= len(text) + gap
        if self._left < 0:
            raise DocumentError("This file holds more text than can be taken in one piece.", "Split it into parts.")
        return start

    def _make_room(self, length: int) -> None:
        if self._length and not self._only_headings and self._length + length > LONG:
            self._close()

    def _close(self) -> None:
        if self._length:
            text = "".join(self._text)
            number, headings, tables = len(self._sections) + 1, tuple(self._headings), tuple(self._tables)
            self._sections.append(Section(number, text, headings, tables, self._place))
        self._text, self._length, self._tables, self._only_headings = [], 0, [], True
        self._in_list = self._has_left = False
        self._headings = [Heading(0, self._path())] if self._outline else []

    def _path(self) -> str:
        return heading_path(text for _, text in self._outline)


def _is_pair(row: Sequence[str]) -> bool:
    """A name and its value ("Document | TR-004"), as a table without a header begins."""
    return len(row) == 2 and re.search(r"\d", row[1]) is not None and not re.search(r"\b(?:19|20)\d\d\b", row[1])


def _line(row: Sequence[str]) -> str:
    """Empty cells at the end leave no trace."""
    filled = max((number for number, cell in enumerate(row, 1) if cell), default=0)
    return CELL.join(row[:filled])


def _parts(text: str, size: int) -> Iterable[str]:
    """`text` in parts of at most `size` characters, cut at blank lines, lines, spaces, in this order of liking."""
    start, end = 0, len(text)
    while end - start > size:
        low, high = start + size // 2, start + size
        cut = next((at for border in ("\n\n", "\n", " ") if (at := text.rfind(border, low, high)) > 0), high)
        yield text[start:cut].rstrip()
        blank = "\n" if text[cut] == "\n" else " "  # a line's indentation stays
        start = cut
        while start < end and text[start] == blank:
            start += 1
    if text[start:].strip():
        yield text[start:]
