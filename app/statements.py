"""What a passage says, piece by piece: the sentences, list items and table rows that an answer can quote and cite.

Works on stored text alone. Not covered: where a sentence ends (`ingest.sentences`), which statement answers a question
(`extract`) or supports one (`cite`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

from ingest.sentences import ITEM, is_row, sentences
from storage.types import Passage, PassageRow, PassageTable

CELL = " | "
_LONGEST_ITEM = 400
_LONGEST_HEADING = 90
_CONTENTS = 4  # lines that make a table of contents
_CONTENTS_LINE = re.compile(r"\s*(?=.{0,60}[^\W\d_]{3}).{3,110}?[\s.·…]+(\d{1,3})\s*")
_SECTION = re.compile(r"^(?:[A-Z]\.?)?\d+(?:\.\d+)*\.?(?=\s|$)")
_FURNITURE = re.compile(r"(?:\. ?){5}|\b(?:Page|Seite) \d+ (?:of|von) \d+\b")
_GROUP = 8  # rows that a label stands above
_LABEL = 60  # characters of one
_YEARS = re.compile(r"\b(19|20)\d\d\b")
_ENDED = re.compile(r"[.!?;:,…。！？][\"'”’»)\]]*$")


class Kind(Enum):
    SENTENCE = "sentence"
    ITEM = "item"
    ROW = "row"  # cells parted by " | "
    FIGURES = "figures"  # a row of figures without marks of columns, as PDFs have them
    HEADING = "heading"


@dataclass(frozen=True, slots=True)
class Statement:
    """text[start:end] of the passage."""

    start: int
    end: int
    kind: Kind
    row: PassageRow | None = None  # of a ROW whose cells are known,
    table: PassageTable | None = None  # and the table that it is in


def statements_of(passage: Passage) -> list[Statement]:
    """As `statements`, and each row of the passage's tables as a statement of its own, the part that it holds."""
    text, found = passage.text, []
    for table in passage.tables:
        first, end = table.start - passage.start, table.end - passage.start
        text = text[:first] + "\n" * (end - first) + text[end:]
        for row in table.rows:
            span = max(0, row.start - passage.start), min(len(text), row.end - passage.start)
            found.append(Statement(*span, Kind.ROW, row, table))
    captions = {table.caption for table in passage.tables if table.caption}
    for statement in statements(text):
        named = " ".join(text[statement.start : statement.end].split()) in captions
        found.append(replace(statement, kind=Kind.HEADING) if named else statement)
    return sorted(found, key=lambda statement: statement.start)


def statements(text: str) -> list[Statement]:
    """In reading order, not overlapping. Items of one list and rows of one table follow each other.

    An item keeps all of its sentences, unless it is long.
    """
    found: list[Statement] = []
    for first, end in _contents(text):  # nothing of a table of contents answers a question
        text = text[:first] + "\n" * (end - first) + text[end:]
    for start, end in sentences(text):
        last = found[-1] if found else None
        runs_on = (
            last is not None and re.fullmatch(r" *(\n +)?", text[last.end : start]) and not ITEM.match(text, start)
        )
        if last and last.kind is Kind.ITEM and runs_on and end - last.start <= _LONGEST_ITEM:
            found[-1] = Statement(last.start, end, Kind.ITEM)
        else:
            found.append(Statement(start, end, _kind(text, start, end)))
    return found


def _contents(text: str) -> list[tuple[int, int]]:
    """Runs of lines that end with page numbers, which rise."""
    runs: list[list[tuple[int, int, int]]] = [[]]
    at = 0
    for line in text.split("\n"):
        found = _CONTENTS_LINE.fullmatch(line)
        if line.strip():
            page = int(found[1]) if found else -1
            if page < (runs[-1][-1][2] if runs[-1] else 0):
                runs.append([])
            if found:
                runs[-1].append((at, at + len(line), page))
        at += len(line) + 1
    return [(run[0][0], run[-1][1]) for run in runs if len(run) >= _CONTENTS and run[-1][2] > run[0][2]]


def without_bullet(item: str) -> str:
    found = ITEM.match(item)
    return item[found.end() :] if found else item


def run_around(page: Sequence[Statement], place: int, kind: Kind) -> list[int]:
    """The places around `place` that hold the same kind without a break; none when it holds another."""
    first = last = place
    while first > 0 and page[first - 1].kind is kind:
        first -= 1
    while last < len(page) and page[last].kind is kind:
        last += 1
    return list(range(first, last)) if last > place else []


def table_header(text: str, page: Sequence[Statement], place: int) -> tuple[int, str]:
    """The place and text of the first row of the table around `place`; no text where that may not be its header.

    A passage may begin in the middle of a table: it is the header when something else stands before it, or when it
    alone has no figures.
    """
    run = run_around(page, place, Kind.ROW)
    rows = [text[page[row].start : page[row].end] for row in run]
    figures = [any(map(str.isdigit, row)) for row in rows]
    known = len(rows) > 1 and (run[0] > 0 or (not figures[0] and any(figures[1:])))
    return run[0], rows[0] if known else ""


def column_names(text: str, page: Sequence[Statement], place: int) -> set[int]:
    """The nearest line of years above a row of figures, which says what its columns are."""
    for above in range(place - 1, max(-1, place - 25), -1):
        line = text[page[above].start : page[above].end]
        years = len(_YEARS.findall(line))
        if len(line) < 120 and years and 3 * years >= len(re.findall(r"\d+", line)):
            return {above}
    return set()


def group_label(page: Sequence[Statement], place: int) -> list[int]:
    """The short line above a row of figures and its neighbours, as the name of a group of rows has it."""
    above = place - 1
    while above >= 0 and place - above < _GROUP and page[above].kind is Kind.FIGURES:
        above -= 1
    found = above >= 0 and page[above].kind is not Kind.FIGURES and page[above].end - page[above].start <= _LABEL
    return [above] if found else []


def _kind(text: str, start: int, end: int) -> Kind:
    words = text[start:end]
    if CELL in words:
        return Kind.ROW
    if is_row(words):
        return Kind.FIGURES
    line_start = text.rfind("\n", 0, start) + 1
    if not text[line_start:start].strip() and (bullet := ITEM.match(words)):
        rest = words[bullet.end() :]
        return Kind.HEADING if rest.isupper() and " " in rest and len(rest) <= _LONGEST_HEADING else Kind.ITEM
    alone = not text[line_start:start].strip() and not text[end:].partition("\n")[0].strip()
    figures = any(map(str.isdigit, _SECTION.sub("", words)))  # then it may be a row of a table without marks
    if alone and len(words) <= _LONGEST_HEADING and not figures and not _ENDED.search(words):
        return Kind.HEADING
    if _FURNITURE.search(words):
        return Kind.HEADING  # a line of a table of contents, the head or foot of a page
    return Kind.SENTENCE
