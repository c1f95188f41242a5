"""Running headers and footers of pages: the lines that stand at the edges of many of them, page numbers aside.

They stay in the text that is kept and shown, and are left out of passages: repeated in each, they would make all pages
alike. Told by the text alone, so that offsets stay as they are. Not covered: what runs along the sides of a page.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from storage.types import Section

_EDGE = 4  # lines at the top and at the bottom that may be running ones
_LONGEST = 160  # characters
_FEW = 4  # pages; of a short document, which may have a cover without them, one less
_SHORT = 5  # pages
_SHARE = 0.3  # of the pages, or of those with even or odd numbers
_DIGITS = re.compile(r"\d+")
_PAGE_NUMBER = re.compile(
    r"\W*(?:(?:page|seite|p\.|s\.)\s*)?(?:[A-Z]{1,2}-)?\d{1,4}(?:\s*(?:/|of|von|de|sur)\s*\d{1,4})?\W*", re.I
)


def without_running_lines(sections: Sequence[Section]) -> list[Section]:
    """The same sections, as long as before, with spaces where lines at their edges only run along.

    Headings, tables and pages that hold nothing else stay whole.
    """
    counts: Counter[str] = Counter()
    for section in sections:
        counts.update({_same(section.text[start:end]) for start, end in _edges(section)})
    least = max(_FEW - (len(sections) <= _SHORT), _SHARE * len(sections))
    running = {line for line, count in counts.items() if count >= least}
    return [_blanked(section, running) for section in sections]


def _edges(section: Section) -> list[tuple[int, int]]:
    lines = _lines(section.text)
    return lines if len(lines) <= 2 * _EDGE else [*lines[:_EDGE], *lines[-_EDGE:]]


def _lines(text: str) -> list[tuple[int, int]]:
    return [found.span() for found in re.finditer(r"[^\n]*\S[^\n]*", text)]


def _same(line: str) -> str:
    """What is the same on every page; "" for lines that are too long to run along."""
    line = " ".join(line.split())
    return _DIGITS.sub("#", line) if len(line) <= _LONGEST else ""


def _blanked(section: Section, running: set[str]) -> Section:
    lines = _lines(section.text)
    top = _run(section, lines[:_EDGE], running)
    bottom = _run(section, lines[::-1][:_EDGE], running)
    if top + bottom >= len(lines) or not top + bottom:
        return section
    text = section.text
    start = lines[top - 1][1] if top else 0
    end = lines[-bottom][0] if bottom else len(text)
    return replace(section, text=_spaces(text[:start]) + text[start:end] + _spaces(text[end:]))


def _run(section: Section, lines: Sequence[tuple[int, int]], running: set[str]) -> int:
    """How many lines, from the first on, are running ones; a page number may stand among them."""
    last = 0
    for number, (start, end) in enumerate(lines, 1):
        line = section.text[start:end]
        if any(start <= heading.start < end and heading.start > 0 for heading in section.headings):
            break
        if any(table.start < end and start < table.end for table in section.tables):
            break
        if _same(line) in running and _same(line):
            last = number
        elif not _PAGE_NUMBER.fullmatch(line):
            break
    return last


def _spaces(text: str) -> str:
    return re.sub(r"[^\n]", " ", text)
