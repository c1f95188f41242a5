"""The chosen statements as the text of an answer: paragraphs, lists and tables in Markdown, each with its footnote.

Word for word what the passages say, escaped so that nothing in a document becomes markup. Not covered: which
statements these are (`selection`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from app.quotation import quote
from app.rows import markdown
from app.statements import CELL, Kind, Statement, table_header, without_bullet
from app.topics import topic
from app.words import content_words
from storage.types import Passage, PassageTable

_NUMBERED = re.compile(r"\(?(\d{1,3})[.)]\s")


def lines(
    passages: Sequence[Passage],
    pages: Sequence[list[Statement]],
    chosen: Sequence[tuple[int, int]],
    *,
    question: str = "",
) -> Iterator[str]:
    """Markdown, in pieces: paragraphs, lists and tables, of these the columns that `question` means."""
    written = _Written(passages, pages, chosen, question)
    return filter(None, (written.line(n, place) for n, place in chosen))


class _Written:
    """What has been written so far, on which the beginning of the next line depends."""

    def __init__(
        self,
        passages: Sequence[Passage],
        pages: Sequence[list[Statement]],
        chosen: Sequence[tuple[int, int]],
        question: str,
    ) -> None:
        self._passages, self._pages, self._chosen, self._question = passages, pages, chosen, question
        items = {(n, place) for n, place in chosen if pages[n - 1][place].kind is Kind.ITEM}
        self._alone = {(n, place) for n, place in items if not {(n, place - 1), (n, place + 1)} & items}
        self._asked = content_words(question)
        self._before: tuple[int, int, Kind] | None = None
        self._tables: set[tuple[int, int]] = set()
        self._topic = ""

    def line(self, n: int, place: int) -> str:
        """The statement with what parts it from the one before. Empty where its table has been written."""
        statement, passage = self._pages[n - 1][place], self._passages[n - 1]
        if statement.table is not None:
            return self._table(n, place, statement.table)
        words, kind = passage.text[statement.start : statement.end], statement.kind
        runs_on = self._runs_on(n, kind, words)
        header = table_header(passage.text, self._pages[n - 1], place)[1] if kind is Kind.ROW else ""
        gap = _gap(kind, runs_on, in_table=bool(header)) if self._before else ""
        about = "" if header or (runs_on and kind is Kind.ITEM) else self._topic_of(n, place)
        if about and self._before:
            gap = "\n\n"
        self._before = (n, place, kind)
        if header:
            return f"{gap}{_in_table(words, header, n, first=not runs_on)}"
        if kind in (Kind.ITEM, Kind.FIGURES):
            above = f"{about}\n\n" if about else ""
            return f"{gap}{above}{_mark(words, alone=(n, place) in self._alone)}{quote(without_bullet(words))} [{n}]"
        above = f"{about}\n" if about else ""
        return f"{gap}{above}{quote(words)} [{n}]"

    def _table(self, n: int, place: int, table: PassageTable) -> str:
        gap = "\n\n" if self._before else ""
        self._before = (n, place, Kind.HEADING)
        if (n, table.start) in self._tables:
            return ""
        self._tables.add((n, table.start))
        rows = [
            self._pages[n - 1][at].row for m, at in self._chosen if m == n and self._pages[n - 1][at].table == table
        ]
        return gap + markdown(table, [row for row in rows if row is not None], n, quote, question=self._question)

    def _runs_on(self, n: int, kind: Kind, words: str) -> bool:
        if self._before is None or self._before[2] is not kind:
            return False
        return self._before[0] == n or _counts_on(self._passages, self._pages, self._before, words)

    def _topic_of(self, n: int, place: int) -> str:
        """What the statement is about, in bold with a colon, where it is not what stands there already."""
        found = topic(self._asked, self._passages[n - 1], self._pages[n - 1], place)
        if not found or found == self._topic:
            return ""
        self._topic = found
        return f"**{quote(found.rstrip(':'))}**:"


def _mark(words: str, *, alone: bool) -> str:
    """The bullet or number of an item; a number means nothing without the other items."""
    number = _NUMBERED.match(words)
    return "- " if number is None else "" if alone else f"{number[1]}. "


def _counts_on(
    passages: Sequence[Passage], pages: Sequence[list[Statement]], before: tuple[int, int, Kind], words: str
) -> bool:
    """Whether a numbered item follows the one before it, which stands in another passage."""
    n, place, _ = before
    number, last = _NUMBERED.match(words), _NUMBERED.match(passages[n - 1].text, pages[n - 1][place].start)
    return number is not None and last is not None and int(number[1]) == int(last[1]) + 1


def _gap(kind: Kind, runs_on: bool, *, in_table: bool) -> str:
    if not runs_on or (kind is Kind.ROW and not in_table):
        return "\n\n"
    return " " if kind is Kind.SENTENCE else "\n"


def _in_table(words: str, header: str, n: int, *, first: bool) -> str:
    names = [quote(cell) for cell in header.split(CELL)]
    head = f"| {' | '.join(names)} |\n|{' --- |' * len(names)}\n" if first else ""
    return head + _row(words, len(names), n)


def _row(words: str, width: int, n: int) -> str:
    cells = [quote(cell) for cell in words.split(CELL)]
    cells = [*cells[: width - 1], " ".join(cells[width - 1 :])] if len(cells) > width else cells
    cells += [""] * (width - len(cells))
    return f"| {' | '.join(cells)} [{n}] |"
