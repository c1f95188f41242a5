"""Pages that only list where things stand: tables of contents, and the index at the end of a book.

They name every topic and answer nothing. Told by how they stand: short lines that end in page numbers which rise, or
words in alphabetical order with page numbers behind them. A link "Table of Contents" in a running line says nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from storage.types import Section

_LINES = 300
_LAST = frozenset("0123456789ivxlcf")
_NUMBER = r"(?:[A-Z]{1,2}-)?\d{1,4}|[ivxlc]{1,7}"
_PAGE = re.compile(rf"[\s.·…_|]({_NUMBER})\.?$")
_INDEX_ENTRY = re.compile(
    r"[^\W\d_][^\d\n]{1,70}[,.\s]\d{1,4}(?:(?:\s?[-–,]\s?|\sf{1,2}\.?,?\s?)\d{1,4}){0,15}(?:\sf{1,2}\.?)?"
)
_HEADING = re.compile(
    r"(?:(?:table\sof\s)?contents(?:\spage)?|inhalt(?:s(?:verzeichnis|übersicht))?|index|sommaire|table\sdes\smatières|índice)(?:\s(?:seite|page))?:?",
    re.I,
)
_FIGURES = re.compile(r"[$€£%]|\d,\d{3}|\d\.\d\b(?!\s*[^\W\d_])")
_YEAR = re.compile(r"(?:19|20)\d\d")


def is_contents(section: Section) -> bool:
    """Is `section` a table of contents or an index, all but a few lines of it?"""
    lines = [line for line in section.text.split("\n")[:_LINES] if line.strip()]
    ending_in_page = sum(line.rstrip(" .")[-1:] in _LAST for line in lines)
    if ending_in_page < max(3, len(lines) / 4) and not _under_contents(section):
        return False  # most pages: looked at no closer
    lines = _joined([" ".join(line.split()) for line in lines])
    if len(lines) < 4:
        return False
    total = sum(map(len, lines))
    entries = [(page, len(line)) for line in lines if (page := _page(line))]
    headed = any(_HEADING.fullmatch(line) for line in lines[:8]) or _under_contents(section)
    share = sum(length for _, length in entries) / total
    if len(entries) >= (3 if headed else 6) and share >= (0.4 if headed else 0.65) and _rise([p for p, _ in entries]):
        return True
    return _is_index(lines, total) or (_under_contents(section) and _is_list(lines))


def _page(line: str) -> str:
    """The page number that the line of a table of contents ends in; "" where it is another kind of line."""
    found = _PAGE.search(line, max(0, len(line) - 10)) if len(line) <= 300 else None
    if found is None:
        return ""
    text = line[: found.start()].rstrip(" .·…_|-")
    return found[1] if sum(map(str.isalpha, text)) > 2 and not _FIGURES.search(text) else ""


def _joined(lines: Sequence[str]) -> list[str]:
    """Page numbers that stand on a line of their own, and lines that an entry goes on from, are put to their entry."""
    result: list[str] = []
    for line in lines:
        open_entry = bool(result) and len(result[-1]) < 160 and not _page(result[-1])
        if open_entry and (re.fullmatch(_NUMBER, line) or (line[0].islower() and _page(line))):
            result[-1] = f"{result[-1]} {line}"
        else:
            result.append(line)
    return result


def _rise(pages: Sequence[str]) -> bool:
    """Do the page numbers rise, but for a few? Parts of a book may count for themselves."""
    numbers = [int(page) for page in pages if page.isdigit()]
    if len(numbers) < len(pages) * 0.5:
        numbers = [int(page.split("-")[1]) if "-" in page else _roman(page) for page in pages]
    if len(numbers) < 3 or sum(_YEAR.fullmatch(str(number)) is not None for number in numbers) > len(numbers) / 2:
        return False
    rising = sum(one <= other for one, other in pairwise(numbers))
    return rising >= 0.85 * (len(numbers) - 1) and len(set(numbers)) > max(2, len(numbers) / 12)


def _roman(text: str) -> int:
    values = [{"i": 1, "v": 5, "x": 10, "l": 50, "c": 100}.get(letter, 0) for letter in text.lower()]
    return sum(-one if one < other else one for one, other in zip(values, [*values[1:], 0], strict=True))


def _is_index(lines: Sequence[str], total: int) -> bool:
    entries = [found for line in lines if len(line) < 120 and (found := _INDEX_ENTRY.fullmatch(line))]
    if len(entries) < 12 or sum(len(found[0]) for found in entries) < 0.6 * total:
        return False
    initials = [found[0][0].casefold() for found in entries]
    return sum(one <= other for one, other in pairwise(initials)) >= 0.85 * (len(initials) - 1)


def _under_contents(section: Section) -> bool:
    paths = {heading.path for heading in section.headings}
    return len(paths) == 1 and _HEADING.fullmatch(paths.pop().rsplit(" > ", 1)[-1]) is not None


def _is_list(lines: Sequence[str]) -> bool:
    """Short items without a sentence among them."""
    return sum(len(line) < 90 and line[-1] not in ".!?;" for line in lines) > 0.85 * len(lines)
