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
from storage.types import Passage

_NUMBERED = re.compile(r"\(?(\d{1,3})[.)]\s")


def lines(
    passages: Sequence[Passage],
    pages: Sequence[list[Statement]],
    chosen: Sequence[tuple[int, int]],
    *,
    question: str = "",
) -> Iterator[str]:
    """Markdown, in pieces: paragraphs, lists and tables, of these the columns that `question` means."""
    items = {(n, place) for n, place in chosen if pages[n - 1][place].kind is Kind.ITEM}
    alone = {(n, place) for n, place in items if not {(n, place - 1), (n, place + 1)} & items}
    before: tuple[int, int, Kind] | None = None
    done: set[tuple[int, int]] = set()
    for n, place in chosen:
        text, page = passages[n - 1].text, pages[n - 1]
        statement = page[place]
        if statement.table is not None:
            table = statement.table
            if (n, table.start) not in done:
                rows = [page[at].row for m, at in chosen if m == n and page[at].table == table]
                shown = markdown(table, [row for row in rows if row is not None], n, quote, question=question)
                yield f"\n\n{shown}" if before is not None else shown
            done.add((n, table.start))
            before = (n, place, Kind.HEADING)
            continue
        kind, words = statement.kind, text[statement.start : statement.end]
        runs_on = (
            before is not None and before[2] is kind and (before[0] == n or _counts_on(passages, pages, before, words))
        )
        header = table_header(text, page, place)[1] if kind is Kind.ROW else ""
        if before is not None:
            yield _gap(kind, runs_on, in_table=bool(header))
        before = (n, place, kind)
        if header:
            names = [quote(cell) for cell in header.split(CELL)]
            if not runs_on:
                yield f"| {' | '.join(names)} |\n|{' --- |' * len(names)}\n"
            yield _row(words, len(names), n)
        elif kind in (Kind.ITEM, Kind.FIGURES):
            yield f"{_mark(words, alone=(n, place) in alone)}{quote(without_bullet(words))} [{n}]"
        else:
            yield f"{quote(words)} [{n}]"


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


def _row(words: str, width: int, n: int) -> str:
    cells = [quote(cell) for cell in words.split(CELL)]
    cells = [*cells[: width - 1], " ".join(cells[width - 1 :])] if len(cells) > width else cells
    cells += [""] * (width - len(cells))
    return f"| {' | '.join(cells)} [{n}] |"
