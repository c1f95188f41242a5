"""Search without an answer: what retrieval finds, by document, with the words of the question to mark.

`search` asks the retriever that answers use; the rest is pure. Offsets of a passage's text count from its start.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import PurePath
from urllib.parse import urlencode

from app.retrieve import EVERYTHING, Retriever
from app.words import content_words, covered, word_spans
from storage.documents import Documents
from storage.errors import InvalidInput, NotFound
from storage.types import About, Citation, Passage, PassageRow, PassageTable, Principal, Scope

MAX_QUESTION = 1000
MOST = 60  # passages of one search

_LENGTH = 480  # characters of an excerpt
_BEFORE = 90  # of them before the first marked word
_ROWS = 4  # of a table
_ABOVE = 200  # characters that may stand above a passage's heading: what a page prints at its head, headings above it
_LONGEST_PATH = 500  # what the sign-in page takes as the page to go on to (`app.auth.safe_path`)
_TARGET = re.compile(r"([0-9a-f]{32})-(\d{1,7})-(\d{1,9})-(\d{1,9})")
_JOINED = re.compile(r"[\s\-–/’']{1,2}")
_SENTENCE = re.compile(r"[.!?]\s*$", re.MULTILINE)

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Found:
    """A document and its passages, both best first."""

    document_id: str
    version_id: str
    title: str
    name: str
    about: About
    passages: tuple[Passage, ...]


@dataclass(frozen=True, slots=True)
class Results:
    """`searched` documents were looked through; `more`: a higher limit finds further passages."""

    documents: tuple[Found, ...] = ()
    searched: int = 0
    more: bool = False
    notice: str = ""
    confidence: float = 0.0

    @property
    def passages(self) -> list[Passage]:
        """In the order in which they are shown."""
        return [passage for document in self.documents for passage in document.passages]


@dataclass(frozen=True, slots=True)
class Rows:
    """What an excerpt shows of a table."""

    header: tuple[str, ...]
    rows: tuple[PassageRow, ...]


@dataclass(frozen=True, slots=True)
class Excerpt:
    """text[start:end] of a passage, or nothing, and rows of its tables.

    `before` and `after`: words of the passage stand there that are not shown.
    """

    start: int
    end: int
    tables: tuple[Rows, ...] = ()
    before: bool = False
    after: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """Where a shared link leads: text[start:end] of a page of a version."""

    version_id: str
    page: int
    start: int
    end: int


def search(
    question: str,
    principal: Principal,
    *,
    retriever: Retriever,
    documents: Documents,
    scope: Scope = EVERYTHING,
    limit: int = 20,
) -> Results:
    """At most `limit` passages. Raises InvalidInput (no question, or too long a one) and Unavailable."""
    question = question.strip()
    if not question or len(question) > MAX_QUESTION:
        raise InvalidInput(f"Type what to search for, in at most {MAX_QUESTION:,} characters.")
    if not 1 <= limit <= MOST:
        raise InvalidInput(f"limit: a number from 1 to {MOST}.")
    searched = len(documents.within(scope, principal))
    if not searched:
        return Results()
    found = retriever.retrieve(question, principal, scope=scope, limit=limit + 1)
    more = limit < min(len(found.passages), MOST)
    return Results(grouped(found.passages[:limit]), searched, more, found.notice, found.confidence)


def grouped(passages: Sequence[Passage]) -> tuple[Found, ...]:
    """By document, in the order of each one's best passage."""
    by_document: dict[str, list[Passage]] = {}
    for passage in passages:
        by_document.setdefault(passage.document_id, []).append(passage)
    return tuple(
        Found(best.document_id, best.version_id, best.title, best.name, best.about, (best, *others))
        for best, *others in by_document.values()
    )


def marks(text: str, wanted: Collection[str]) -> list[Span]:
    """The words of `text` whose stem is one of the question's (`content_words`) or akin to it, neighbours joined."""
    joined: list[Span] = []
    for start, end, _ in _occurrences(text, wanted):
        if joined and _JOINED.fullmatch(text, joined[-1][1], start):
            joined[-1] = joined[-1][0], end
        else:
            joined.append((start, end))
    return joined


def excerpt(passage: Passage, wanted: Collection[str]) -> Excerpt:
    """The part of a passage that holds most of the wanted words, and of its tables the rows that do.

    Its heading and what stands above that are left out: `where` tells them.
    """
    text = passage.text
    tables = tuple(_rows(table, wanted) for table in passage.tables if table.rows)
    parts = _outside(passage)
    start, end = _best_window(text, parts, wanted)
    if tables and not _occurrences(text[start:end], wanted):
        return Excerpt(0, 0, tables)
    before = any(text[first : min(last, start)].strip() for first, last in parts)
    after = any(text[max(first, end) : last].strip() for first, last in parts)
    return Excerpt(start, end, tables, before, after)


def where(passage: Passage) -> str:
    """Page and headings, the outermost first; what the document's title says already is left out."""
    unit = unit_of(passage)
    known = (passage.title, *unit.split(", "))
    path = " › ".join(part for part in passage.heading.split(" > ") if part and part not in known)
    return " · ".join(filter(None, (unit, path))) or f"section {passage.page}"


def unit_of(passage: Passage | Citation) -> str:
    """What its page or section is called: "Slide 3", "p. 12" in a PDF; "" where only headings tell."""
    paged = PurePath(passage.name).suffix.lower() == ".pdf"
    return passage.place or (f"p. {passage.page}" if paged else "")


def target(passage: Passage | Citation | Place) -> str:
    """The name of a passage, or of the words that a footnote stands for, in links."""
    return f"{passage.version_id}-{passage.page}-{passage.start}-{passage.end}"


def place(target: str) -> Place:
    """The inverse of `target`. Raises NotFound for anything else."""
    found = _TARGET.fullmatch(target)
    if found is None:
        raise NotFound("There is no such passage, or you may not read it.")
    version_id, page, start, end = found.groups()
    return Place(version_id, int(page), int(start), int(end))


def link(passage: Passage | Place, question: str = "") -> str:
    """The path that opens the passage, and the search that found it. What may be read there is asked again."""
    path = f"/search?{urlencode({'q': question, 'passage': target(passage)})}"
    if question and len(path) <= _LONGEST_PATH:
        return path
    return f"/search?{urlencode({'passage': target(passage)})}"


def _occurrences(text: str, wanted: Collection[str]) -> list[tuple[int, int, str]]:
    """Start, end and stem of each word that is meant, in order."""
    known: dict[str, list[str]] = {}
    found = []
    for start, end in word_spans(text):
        word = text[start:end]
        if word not in known:
            known[word] = covered(content_words(word), wanted)
        found += [(start, end, stem) for stem in known[word][:1]]
    return found


def _outside(passage: Passage) -> list[Span]:
    """The parts of the passage's text that lie in none of its tables, from below its heading on."""
    parts, at = [], _below_heading(passage)
    for table in sorted(passage.tables, key=lambda table: table.start):
        start, end = (max(0, min(len(passage.text), bound - passage.start)) for bound in (table.start, table.end))
        if at < start:
            parts.append((at, start))
        at = max(at, end)
    return [*parts, (at, len(passage.text))] if at < len(passage.text) else parts


def _below_heading(passage: Passage) -> int:
    """Where the heading that the passage begins with ends; lines above it may be no sentences. 0 without one."""
    heading = passage.heading.split(" > ")[-1].split()
    if not heading:
        return 0
    words = r"\s+".join(map(re.escape, heading))
    line = re.compile(rf"^\s*{words}(?=\s*\n|\Z)", re.MULTILINE)
    found = line.search(passage.text, 0, _ABOVE + len(passage.heading))
    return found.end() if found and not _SENTENCE.search(passage.text[: found.start()]) else 0


def _best_window(text: str, parts: Sequence[Span], wanted: Collection[str]) -> Span:
    """At most _LENGTH characters of one of the parts, with as many different wanted words as there can be."""
    best, most = (0, 0), -1
    for start, end in parts:
        if not text[start:end].strip():
            continue
        words = [(start + a, start + b, stem) for a, b, stem in _occurrences(text[start:end], wanted)]
        for first in [start, *(max(start, a - _BEFORE) for a, _, _ in words)]:
            last = min(end, first + _LENGTH)
            held = len({stem for a, b, stem in words if first <= a and b <= last})
            if held > most:
                best, most = (_begin(text, first, start), _finish(text, last, end)), held
    return best


def _begin(text: str, at: int, least: int) -> int:
    """The start of the sentence or word that begins next after `at`."""
    if at == least:
        return at
    here = re.compile(r"(?<=[.!?])\s+(?=\S)|\n\s*").search(text, at, at + _BEFORE // 2)
    here = here or re.compile(r"\s+").search(text, at, at + _BEFORE // 2)
    return here.end() if here else at


def _finish(text: str, at: int, most: int) -> int:
    """The end of the last word that ends before `at`."""
    if at == most:
        return at
    cut = max(text.rfind(" ", at - 40, at), text.rfind("\n", at - 40, at))
    return cut if cut > 0 else at


def _rows(table: PassageTable, wanted: Collection[str]) -> Rows:
    """The rows with most of the wanted words, in the order of the table."""

    def fits(row: PassageRow) -> int:
        return len({stem for _, _, stem in _occurrences(" ".join((row.group, *row.cells)), wanted)})

    best = sorted(range(len(table.rows)), key=lambda number: -fits(table.rows[number]))
    return Rows(table.header, tuple(table.rows[number] for number in sorted(islice(best, _ROWS))))
