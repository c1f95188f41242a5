"""A table as an answer: rows of cells with footnotes as Markdown, and read back from an answer's text.

A cell is Markdown on one line; words of documents in it have passed `quotation.quote`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from app.checked_text import CheckedText, joined
from app.quotation import plain
from app.rows import in_unit
from app.units import unit_told
from app.words import content_words, covered

EMPTY = "–"

_BORDER = re.compile(r"(?<!\\)\|")
_MARK = re.compile(r" ?(?<!\\)\[(\d{1,4})\]")
_RULE = re.compile(r"\|(?:\s*:?-{3,}:?\s*\|)+")
_STRONG = re.compile(r"^\*\*(.*)(?<!\\)\*\*$")
_LIST = re.compile(r"^\s*(?:[-*+]|\d{1,3}[.)])\s+")


@dataclass(frozen=True, slots=True)
class Cell:
    """Plain words, and the numbers of their footnotes."""

    text: str
    footnotes: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Grid:
    """A table of an answer. Every row has as many cells as `header`."""

    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


def heading(names: Sequence[str]) -> str:
    return f"{row(names)}|{' --- |' * len(names)}\n"


def row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(map(_on_one_line, cells))} |\n"


def checked_row(cells: Sequence[CheckedText]) -> CheckedText:
    """As `row`, with the verdicts on the cells."""
    return CheckedText("| ") + joined(" | ", (cell.put_through(_on_one_line) for cell in cells)) + " |\n"


def _on_one_line(cell: str) -> str:
    return _BORDER.sub("/", " ".join(cell.split()))


def flat(markdown: str, wanted: Collection[str] = ()) -> str:
    """Paragraphs, lists and tables as the content of one cell; a row of a table names its columns.

    Where names of columns hold all stems `wanted`, the others are left out.
    """
    parts: list[str] = []
    lines = markdown.splitlines()
    header: list[str] = []
    for at, line in enumerate(lines):
        if not line.strip() or _RULE.fullmatch(line.strip()):
            continue
        if not line.startswith("|"):
            parts.append(_LIST.sub("", re.sub(r"^#{1,6}\s+", "", line)).strip())
        elif at + 1 < len(lines) and _RULE.fullmatch(lines[at + 1].strip()):
            header = _split(line)
        else:
            parts.append(_in_words(header, _split(line), wanted))
    return " · ".join(part for part in parts if part)


def _in_words(header: Sequence[str], cells: Sequence[str], wanted: Collection[str]) -> str:
    """ "Czechia: Days: 25; Carried over: 5 [1]"."""
    first, *others = cells or [""]
    names = [*header[1:], *[""] * len(others)]
    said = [(name, cell) for name, cell in zip(names, others, strict=False) if _MARK.sub("", cell)]
    meant = [one for one in said if wanted and len(covered(wanted, content_words(one[0]))) == len(wanted)]
    marks = "".join(f" [{number}]" for number in dict.fromkeys(_MARK.findall(" ".join(cells))))
    words = "; ".join(_MARK.sub("", f"{name}: {cell}" if name else cell).strip() for name, cell in meant or said)
    label = in_unit(_MARK.sub("", first).rstrip(":"), unit_told(header[0]) if header else "")
    return f"{label}: {words}{marks}" if words else f"{label}{marks}"


def _split(line: str) -> list[str]:
    parts = _BORDER.split(line.strip())[1:]
    if parts and not parts[-1].strip():
        parts.pop()
    return [part.strip() for part in parts]


def grids(text: str) -> list[Grid]:
    """The tables in an answer's text, in order."""
    found: list[Grid] = []
    lines = text.splitlines()
    for at, line in enumerate(lines[1:], 1):
        if not _RULE.fullmatch(line.strip()) or not lines[at - 1].lstrip().startswith("|"):
            continue
        header = tuple(cell.text for cell in _cells(lines[at - 1]))
        rows = []
        for below in lines[at + 1 :]:
            if not below.lstrip().startswith("|"):
                break
            cells = _cells(below)[: len(header)]
            rows.append((*cells, *[Cell("")] * (len(header) - len(cells))))
        found.append(Grid(header, tuple(rows)))
    return found


def _cells(line: str) -> list[Cell]:
    return [_cell(part) for part in _split(line)]


def _cell(part: str) -> Cell:
    numbers = tuple(int(number) for number in _MARK.findall(part))
    words = plain(_STRONG.sub(r"\1", _MARK.sub("", part).strip())).strip()
    return Cell("" if words == EMPTY else words, numbers)
