"""What a passage says, piece by piece: the sentences, list items and table rows that an answer can quote and cite.

Works on stored text alone. Not covered: where a sentence ends (`ingest.sentences`), which statement answers a question
(`extract`) or supports one (`cite`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from ingest.sentences import ITEM, is_row, sentences

CELL = " | "
_LONGEST_ITEM = 400
_LONGEST_HEADING = 90
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


def statements(text: str) -> list[Statement]:
    """In reading order, not overlapping. Items of one list and rows of one table follow each other.

    An item keeps all of its sentences, unless it is long.
    """
    found: list[Statement] = []
    for start, end in sentences(text):
        last = found[-1] if found else None
        runs_on = last is not None and re.fullmatch(r" *(\n +)?", text[last.end : start])
        if last and last.kind is Kind.ITEM and runs_on and end - last.start <= _LONGEST_ITEM:
            found[-1] = Statement(last.start, end, Kind.ITEM)
        else:
            found.append(Statement(start, end, _kind(text, start, end)))
    return found


def without_bullet(item: str) -> str:
    found = ITEM.match(item)
    return item[found.end() :] if found else item


def _kind(text: str, start: int, end: int) -> Kind:
    words = text[start:end]
    if CELL in words:
        return Kind.ROW
    if is_row(words):
        return Kind.FIGURES
    line_start = text.rfind("\n", 0, start) + 1
    if not text[line_start:start].strip() and ITEM.match(words):
        return Kind.ITEM
    alone = not text[line_start:start].strip() and text[end : end + 1] in ("", "\n")
    if alone and len(words) <= _LONGEST_HEADING and not _ENDED.search(words):
        return Kind.HEADING
    return Kind.SENTENCE
