"""HTML pages: headings, paragraphs, lists, terms and tables as read on screen. Nothing is fetched, no script runs.

What a list of terms says stands under its term as under a heading. Ways to other pages are left out. A table that lays
out the page, as those of mails do, is no table: its cells are read one after the other.

Read as a stream of tags, not as a tree: nesting without end costs neither stack nor content.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser

from ingest.formats.sections import File, Reading, SectionWriter, contents, one_line, properties
from ingest.formats.spans import Cell, placed
from ingest.formats.stylesheet import hidden_selectors, hides, matches
from ingest.formats.text import decode


def _tags(names: str) -> frozenset[str]:
    return frozenset(names.split())


_SILENT = _tags("script style noscript template nav svg math iframe object canvas audio video select button")
_VOID = _tags("area base br col embed hr img input link meta source track wbr")
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_NAVIGATION = _tags("nav navbar navheader navfooter navigation breadcrumb breadcrumbs pagination pager")  # classes
_LONGEST_TERM = 120  # characters; longer ones are text
_BLOCKS = _tags(
    "p div section article main header footer aside blockquote ul ol li dl dt dd table thead tbody tfoot tr td th"
    " caption figure figcaption address fieldset form details summary hr pre body html"
)


def read(file: File, *, max_characters: int) -> Reading:
    writer = SectionWriter(max_characters=max_characters)
    title, claims = write(decode(contents(file)), writer)
    return Reading(writer.finish(), title, writer.headline, properties=properties(claims))


def write(html: str, writer: SectionWriter) -> tuple[str, list[tuple[str, str]]]:
    """Write what a page shows; return its title and what its meta elements claim."""
    page = _Page(writer, styled="<script" not in html.lower())
    page.feed(html)
    page.close()
    page.finish()
    return one_line("".join(page.title)), page.claims


@dataclass(slots=True)
class _Table:
    """Open, with what its cells say so far."""

    rows: list[list[Cell]] = field(default_factory=list)
    names: bool = False  # has cells that name columns or rows, which only data have


class _Page(HTMLParser):
    def __init__(self, writer: SectionWriter, *, styled: bool) -> None:
        """`styled`: what the page's own rules hide stays hidden, as no script shows it again."""
        super().__init__(convert_charrefs=True)
        self._styled = styled
        self._hiding: frozenset[str] = frozenset()
        self._rules: list[str] = []
        self.writer = writer
        self.title: list[str] = []
        self.claims: list[tuple[str, str]] = []
        self._in_title = False
        self._words: list[str] = []
        self._silent: list[str] = []  # the open tags since one that is not shown
        self._heading = 0
        self._preformatted = 0
        self._lists: list[int | None] = []
        self._mark: str | None = None
        self._terms = 0  # lists of terms that are open
        self._in_term = False
        self._tables: list[_Table] = []
        self._data: _Table | None = None  # the one whose cell we are in; tables inside it are words of that cell

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _VOID:
            if tag in {"br", "hr"} and not self._silent:
                self._words.append("\n")
            elif tag == "meta" and len(self.claims) < 200:
                given = dict(attrs)
                self.claims.append((given.get("name") or given.get("property") or "", given.get("content") or ""))
            return
        if self._silent:
            if tag == self._silent[0]:  # only its own kind can hide the end of a hidden element
                self._silent.append(tag)
            return
        if (
            tag in _SILENT
            or _is_hidden(dict(attrs))
            or _leads_elsewhere(tag, dict(attrs))
            or matches(self._hiding, tag, dict(attrs))
        ):
            self._silent.append(tag)
            return
        if tag == "title":
            self._in_title = not self.title
            return
        if tag in _BLOCKS or tag in _HEADINGS:
            self._open_block(tag, dict(attrs))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _VOID:
            self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if self._silent:
            if tag == self._silent[-1]:
                self._silent.pop()
            if tag == "style" and self._styled and not self._silent:
                self._hiding |= hidden_selectors("".join(self._rules))
                self._rules.clear()
            return
        if tag == "title":
            self._in_title = False
        elif tag in _BLOCKS or tag in _HEADINGS:
            self._close_block(tag)

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.title.append(data)
        elif self._silent == ["style"]:
            self._rules.append(data)
        elif not self._silent:
            self._words.append(data if self._preformatted else re.sub(r"\s+", " ", data))

    def finish(self) -> None:
        """Write what is open at the end."""
        self.end_block()
        if self._data:
            self.writer.table(placed(self._data.rows))

    def end_block(self) -> None:
        """Write what was gathered since the last border."""
        text = "".join(self._words)
        if (table := self._data) and table.rows:
            if table.rows[-1] and text.strip():
                cell = table.rows[-1][-1]
                words = one_line(f"{cell.words} {text}").replace(" | ", " / ")
                table.rows[-1][-1] = replace(cell, words=words)
                self._words.clear()
            return
        self._words.clear()
        if not text.strip():
            return
        if self._heading:
            self.writer.heading(self._heading, text)
        elif self._in_term and len(text) <= _LONGEST_TERM:
            self.writer.heading(len(_HEADINGS) + self._terms, text, opens=False)
        elif self._mark is not None:
            self.writer.item(text, depth=max(0, len(self._lists) - 1), mark=self._mark)
            self._mark = None
        elif self._preformatted:
            self.writer.verbatim(text)
        else:
            self.writer.paragraph("\n".join(line.strip() for line in text.split("\n")))

    def _open_block(self, tag: str, attributes: dict[str, str | None]) -> None:
        self.end_block()
        table = self._data
        if table and table.rows and not table.names and (tag == "table" or tag in _HEADINGS):
            self._lay_out(table)
            table = None
        if tag == "table":
            self._tables.append(_Table())
            self._data = self._data or self._tables[-1]
        elif table:
            if table is self._tables[-1]:
                _open_cell(table, tag, attributes)
        elif tag in _HEADINGS:
            self._heading = _HEADINGS[tag]
        elif tag == "dl":
            self._terms += 1
        elif tag in {"dt", "dd"}:
            self._in_term = tag == "dt"
        elif tag in {"ul", "ol"}:
            self._lists.append(1 if tag == "ol" else None)
        elif tag == "li":
            self._mark = "-"
            if self._lists and (number := self._lists[-1]) is not None:
                self._mark, self._lists[-1] = f"{number}.", number + 1
        elif tag == "pre":
            self._preformatted += 1

    def _close_block(self, tag: str) -> None:
        self.end_block()
        if tag == "table" and self._tables:
            table = self._tables.pop()
            if table is self._data:
                self._data = None
                self.writer.table(placed(table.rows))
        elif self._data:
            return
        elif tag in _HEADINGS:
            self._heading = 0
        elif tag == "dl" and self._terms:
            self.writer.leave(len(_HEADINGS) + self._terms)
            self._terms -= 1
        elif tag in {"dt", "dd"}:
            self._in_term = False
        elif tag in {"ul", "ol"} and self._lists:
            self._lists.pop()
        elif tag == "li":
            self._mark = None
        elif tag == "pre" and self._preformatted:
            self._preformatted -= 1

    def _lay_out(self, table: _Table) -> None:
        """A table or heading in a cell shows that the table around it holds no data. What it has held is written."""
        self._data = None
        rows = placed(table.rows)
        if sum(sum(map(bool, row)) > 1 for row in rows) > 1:
            self.writer.table(rows)
        else:
            for words in (cell for row in rows for cell in row if cell):
                self.writer.paragraph(words)


def _open_cell(table: _Table, tag: str, attributes: dict[str, str | None]) -> None:
    if tag == "tr":
        table.rows.append([])
    elif tag in {"td", "th"}:
        table.names |= tag == "th"
        if not table.rows:
            table.rows.append([])
        table.rows[-1].append(Cell("", _count(attributes.get("colspan")), _count(attributes.get("rowspan"))))


def _count(value: str | None) -> int:
    return int(value) if value and value.isdecimal() and len(value) < 6 else 1


def _leads_elsewhere(tag: str, attributes: dict[str, str | None]) -> bool:
    classes = (attributes.get("class") or "").casefold().split()
    return attributes.get("role") == "navigation" or (
        tag in {"div", "ul", "ol"} and not _NAVIGATION.isdisjoint(classes)
    )


def _is_hidden(attributes: dict[str, str | None]) -> bool:
    return "hidden" in attributes or attributes.get("aria-hidden") == "true" or hides(attributes.get("style") or "")
