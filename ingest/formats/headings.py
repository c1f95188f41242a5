"""Headings of a PDF: from its outline, and from how lines are set: size, weight, numbers, capitals.

A page goes on under the heading that was in force at the end of the page before. What stands at the edge of many pages,
inside a table or in a table of contents is no heading. Levels come from type size first, then from what is counted
("Part" above "Item" above "Note" above "1." above "1.1"), then from capitals. What stands above a table that fills the
page is the page's title, however it is set, and above what the table says between its rows.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from ingest.contents import is_contents
from ingest.formats.sections import heading_path, one_line
from ingest.sentences import is_row
from storage.types import Heading, Section, Table

_UPPER = "A-ZÄÖÜÉ"
_COUNTED = (
    (0, r"part|teil|partie|exhibit|anlage|anhang|annex|appendix|attachment"),
    (1, r"item|chapter|kapitel|chapitre|article|artikel"),
    (2, r"note|section|abschnitt|schedule|ziffer|§"),
)
_NUMBER = r"(?:\d{1,3}(?:\.\d{1,3}){0,4}|[IVXLivxl]{1,6}|[A-Z](?![a-z]))[A-Za-z]?(?:\.\d+)?(?![\w(])"
_DIVISIONS = [
    (level, re.compile(rf"(?i:{words})\s?{_NUMBER}(?=\W*(?:[{_UPPER}\d“„\"(][^)]|$))")) for level, words in _COUNTED
]
_COUNTED_WORD = re.compile("|".join(words for _, words in _COUNTED), re.I)
_NUMBERED = re.compile(r"(\d{1,2}(?:\.\d{1,3}){0,4})[.)]?\s+\S")
_ENDING = re.compile(r"(?:[.,;:…]|\.{2,}\s*\d+|\s\d{1,4})$")
_DIGITS = re.compile(r"\d+")
_MAY_GO_ON = re.compile(r"cont|forts", re.I)
_CONTINUED = re.compile(r"\W*\(?\b(?:continued|cont['’]?d|fortsetzung|forts\.)\W*$", re.I)
_UNITS = re.compile(r"\s*\((?:in|amounts|dollars|beträge|angaben|unaudited)\b[^()]*\)?$", re.I)
_COLUMN_HEAD = re.compile(
    r"\([^()]*\)|.*\b(?:months|weeks|years?|quarters?)\s+ended\b.*|(?:19|20)\d\d(?:\s(?:change|vs\.?|%|\d+|\$))*"
    r"|signatures?\s+titles?.*",
    re.I,
)
_ANNEX = re.compile(r"(?:exhibit|anlage|anhang|annex|appendix|schedule|attachment)\s[\dA-Z][\w.()-]{0,8}", re.I)
_STAYS_OPEN = ",-–—&/)’'"
_FEW = 3
_TITLE_LINES = 5  # at a page's top, among which the title of a table is
_MOST_OF = 0.6  # of a page's lines, which a table has that fills it
_CENTRED = 12.0  # points at most, from the middle of a page
_BELOW_TITLE = re.compile(r"\(|(?:at|as of|for the|year|zum|am|für)\b", re.I)
_LONG_PAGE = 600  # characters, from which on a page's own plain type is known


@dataclass(slots=True)
class Line:
    """A line of a page as it is set; `left`, `right` and `bottom` in points from the page's lower left corner."""

    start: int
    text: str
    size: float
    bold: bool
    left: float = 0.0
    right: float = 0.0
    bottom: float = 0.0


@dataclass(slots=True)
class Page:
    text: str
    lines: list[Line]
    tables: tuple[Table, ...] = ()
    boxes: bytes = b""  # of the words, where it was recognised or put in order
    unseen: bool = False  # holds text that nobody sees, which was left out


@dataclass(frozen=True, slots=True)
class Type:
    """What is plain in a document: its type size, and the lines that run along the edges of its pages."""

    body: float
    running: frozenset[str]
    repeated: frozenset[str]  # on some pages' tops: a heading where it stands first
    bottom: float  # of a full page


@dataclass(frozen=True, slots=True)
class _Look:
    """What is plain on a page."""

    plain: float  # type size
    width: float
    bold_is_plain: bool
    capitals_are_plain: bool
    cells: frozenset[int]  # offsets of the lines that are cells of a table


_ANY_LOOK = _Look(0.0, 0.0, bold_is_plain=False, capitals_are_plain=False, cells=frozenset())
_TITLE_RANK = (0, 2, 0)  # of a table that fills its page: as a note's, which it stands beside

Mark = tuple[int, Any, str, bool]  # offset, rank (smaller is higher), heading, opens a page that was begun on purpose


def sections(pages: Sequence[Page], outline: Sequence[tuple[int, int, str]]) -> list[Section]:
    """Sections with the headings in force. `outline` has (level, page index, title) in order."""
    if len(outline) < max(_FEW, len(pages) / 20):
        outline = ()
    listing = [is_contents(Section(1, page.text)) for page in pages]
    marks = _marks_of_type(pages, listing)
    _put_outline(marks, outline, pages)
    return _sections(pages, marks)


def _put_outline(marks: list[list[Mark]], outline: Sequence[tuple[int, int, str]], pages: Sequence[Page]) -> None:
    """The outline's entries stand above what the type tells, and take the place of a heading that says the same."""
    entries: dict[int, list[Mark]] = {}
    for level, index, title in outline:
        at = _find(pages[index].text, title)
        entries.setdefault(index, []).append((at, (-1000 + level,), title, False))
    for index, found in entries.items():
        found.sort(key=lambda entry: entry[0])
        ends = {start: start + len(title) + 40 for start, _, title, _ in found if start >= 0}
        lost = found[0][0] < 0
        first = pages[index].lines[0].start if pages[index].lines else 0
        kept = [
            mark
            for mark in marks[index]
            if not any(start <= mark[0] < end for start, end in ends.items()) and not (lost and mark[0] <= first)
        ]
        placed = [(max(0, start), rank, title, opens) for start, rank, title, opens in found]
        marks[index] = sorted([*placed, *kept], key=lambda mark: mark[0])


def _find(text: str, title: str) -> int:
    """Where `title` stands in `text`, white space and case aside; -1 where it does not."""
    words = [re.escape(word) for word in title.split()[:12]]
    found = re.search(r"(?:^|(?<=\n))[ \t]*(" + r"\s+".join(words) + ")", text, re.I)
    return found.start(1) if found else -1


def _marks_of_type(pages: Sequence[Page], listing: Sequence[bool]) -> list[list[Mark]]:
    kind = _type(pages)
    if kind is None:
        return [[] for _ in pages]
    marks: list[list[Mark]] = []
    seen: set[str] = set()
    above: Line | None = None  # the last line of the page before
    for page, lists in zip(pages, listing, strict=True):
        lines = _between_edges(page.lines, kind)
        fresh = above is None or above.bottom > kind.bottom + 120
        if lists:  # its entries are no headings, what stands above them may be
            entry = next((at for at, line in enumerate(lines) if re.search(r"\s\d{1,4}$", line.text)), 0)
            marks.append(_marks_of_page(page, lines[:entry], kind, seen, fresh=fresh))
        else:
            marks.append(_marks_of_page(page, lines, kind, seen, fresh=fresh))
        above = lines[-1] if lines else None
    return marks


def _type(pages: Sequence[Page]) -> Type | None:
    sizes: Counter[float] = Counter()
    tops: Counter[str] = Counter()
    for page in pages:
        for line in page.lines:
            sizes[round(line.size * 2) / 2] += len(line.text)
        tops.update({_same(line.text) for line in [*page.lines[:3], *page.lines[-2:]]})
    if not sizes:
        return None
    running = frozenset(text for text, count in tops.items() if count >= max(_FEW, len(pages) * 0.3))
    repeated = frozenset(text for text, count in tops.items() if count > _FEW) - running
    bottoms = sorted(page.lines[-1].bottom for page in pages if page.lines)
    return Type(sizes.most_common(1)[0][0], running, repeated, bottoms[len(bottoms) // 4])


def _between_edges(lines: Sequence[Line], kind: Type) -> list[Line]:
    """Without running lines, which are sought near the edges."""
    last = len(lines) - 4
    return [line for number, line in enumerate(lines) if 4 < number < last or _same(line.text) not in kind.running]


def _same(text: str) -> str:
    """What two running lines have in common: page numbers differ."""
    if len(text) > 160:
        return text
    return _DIGITS.sub("#", _without_continued(text))


def _without_continued(text: str) -> str:
    """Without "(continued)"."""
    return _CONTINUED.sub("", text) if _MAY_GO_ON.search(text) else text


def _marks_of_page(page: Page, lines: Sequence[Line], kind: Type, seen: set[str], *, fresh: bool) -> list[Mark]:
    look = _look(page, lines, kind)
    title = _title_of_table(page, lines, kind)
    marks: list[Mark] = [(0, _TITLE_RANK, title, False)] if title else []
    last: Line | None = None  # the line before, where it was a heading
    joined = 0
    for number, line in enumerate(lines):
        if last is None and not _may_be_heading(line, look) and number > 1:
            continue  # most lines: looked at no closer
        if title and number < _TITLE_LINES and (one_line(line.text) in title or _same(line.text) in kind.repeated):
            continue
        runs_on = number > 0 and _runs_on(lines[number - 1], line, look.width)
        if last is not None and runs_on and _goes_on(last, line):
            joined += 1  # the next line of a long heading; with too many it is a paragraph
            start, rank, text, opens = marks[-1]
            marks[-1] = (start, rank, f"{text} {line.text}"[:200] if joined < _FEW else "", opens)
            last = line
        elif (number < 2 and _ANNEX.fullmatch(line.text)) or (
            _is_heading(line, look, runs_on=runs_on)
            and (line.start not in look.cells or _division(line.text) is not None)
            and not _is_repeated(line, kind, seen)
        ):
            seen.add(_same(line.text))
            opens = fresh and number == 0 and line.text.isupper()
            title = one_line(_UNITS.sub("", _without_continued(line.text)))
            marks.append((line.start, _rank(line, look.plain), title, opens))
            last, joined = line, 0
        else:
            last = None
    return [mark for mark in marks if mark[2]]


def _title_of_table(page: Page, lines: Sequence[Line], kind: Type) -> str:
    """What a page says above the table that fills it, without its units and what many pages begin with; "" for others.

    As "Consolidated Balance Sheets": in the type of the text as often as not, and taken for a row where it is wide.
    """
    rows = sum(table.start <= line.start < table.end for table in page.tables for line in lines)
    if rows < max(2 * _TITLE_LINES, _MOST_OF * len(lines)):
        return ""
    middle = (min(line.left for line in lines) + max(line.right for line in lines)) / 2
    said: list[Line] = []
    for line in lines[:_TITLE_LINES]:
        text = one_line(_without_continued(line.text))
        if is_row(text) or _BELOW_TITLE.match(text) or _division(text) is not None:
            break
        centred = abs((line.left + line.right) / 2 - middle) < _CENTRED
        names = _is_heading(line, _ANY_LOOK, runs_on=False) and text[0].isupper() and len(text.split()) > 1
        if names and (centred or line.bold) and _same(text) not in kind.repeated:
            said.append(line)
    title = [line for line in said[:2] if _goes_on(said[0], line)]  # what is set otherwise names columns
    return one_line(", ".join(_without_continued(line.text) for line in title))[:200]


def _is_repeated(line: Line, kind: Type, seen: set[str]) -> bool:
    same = _same(line.text)
    return same in seen and (same in kind.repeated or _CONTINUED.search(line.text) is not None)


def _look(page: Page, lines: Sequence[Line], kind: Type) -> _Look:
    sizes: Counter[float] = Counter()
    for line in lines:
        sizes[round(line.size * 2) / 2] += len(line.text)
    plain = kind.body
    if sizes.total() >= _LONG_PAGE:  # an annex may be set larger than the rest
        plain = max(plain, sizes.most_common(1)[0][0])
    bold = sum(len(line.text) for line in lines if line.bold)
    return _Look(
        plain=plain,
        width=max((line.right for line in page.lines), default=0.0)
        - min((line.left for line in page.lines), default=0.0),
        bold_is_plain=bold > 0.5 * sizes.total() and sum(line.bold for line in lines) > 6,
        capitals_are_plain=sum(line.text.isupper() for line in lines) > max(_FEW, 0.15 * len(lines)),
        cells=frozenset(line.start for line in lines if any(_is_cell(line, table) for table in page.tables)),
    )


def _is_cell(line: Line, table: Table) -> bool:
    """In a table, and not a title that stands over all of its columns."""
    if not table.start <= line.start < table.end:
        return False
    first = next((row.start for row in table.rows if len({cell for cell in row.cells if cell[0] < cell[1]}) > 1), 0)
    return line.start >= first or len(line.text.split()) < _FEW


def _goes_on(line: Line, other: Line) -> bool:
    """May `other` be the next line of the heading `line`?"""
    alike = (line.size, line.bold, line.text.isupper()) == (other.size, other.bold, other.text.isupper())
    return alike and _division(other.text) is None and not _NUMBERED.match(other.text)


def _runs_on(line: Line, below: Line, width: float) -> bool:
    """Was the line full, so that the first word of the line below would not have fitted, and its sentence open?"""
    if not (line.text[-1].isalpha() or line.text[-1] in _STAYS_OPEN) or re.search(r"\d\W*$", line.text):
        return False
    if line.right <= line.left:
        return len(line.text) > 45
    per_character = (line.right - line.left) / max(1, len(line.text))
    word = below.text.split(" ", 1)[0]
    return line.right - line.left + per_character * (len(word) + 1) > width


def _may_be_heading(line: Line, look: _Look) -> bool:
    text = line.text
    if len(text) > 160:
        return False
    return line.bold or line.size >= look.plain * 1.15 or text.isupper() or _COUNTED_WORD.match(text) is not None


def _is_heading(line: Line, look: _Look, *, runs_on: bool) -> bool:
    text = line.text
    division = _division(text)
    if not 3 <= len(text) <= (120 if division is None else 160) or len(text.split()) > (18 if division is None else 28):
        return False
    stands_out = line.size >= look.plain * 1.15 or (line.bold and (division is not None or not look.bold_is_plain))
    if not stands_out and not _is_plain_heading(text, division, loud=not look.capitals_are_plain):
        return False
    if _ENDING.search(text) and division is None and not re.match(r"\d+\.\s", text):
        return False
    if runs_on and (text[0].islower() or division is not None or not stands_out):
        return False
    letters = sum(map(str.isalpha, text))
    return (
        not is_row(text)
        and not _COLUMN_HEAD.fullmatch(text)
        and letters >= 3
        and letters >= 0.6 * len(text.replace(" ", ""))
        and (text[0].isalnum() or text[0] in '§„“"(¿¡')
    )


def _is_plain_heading(text: str, division: int | None, *, loud: bool) -> bool:
    """A heading in the type of the text: a counted one ("NOTE 7 — DEBT", "§ 5 Kündigung"), or one in capitals."""
    if len(text) > (80 if division is None or division > 1 else 160) or text[-1] in ".,;:":
        return False
    words = re.findall(r"[^\W\d_]{3,}", text)
    return loud and text.isupper() and len(words) > 1 if division is None else len(words) > 1 or text[0] == "§"


def _division(text: str) -> int | None:
    """0 for a part, 1 for a chapter or item, 2 for a note or section; None for what is not counted so."""
    return next((level for level, pattern in _DIVISIONS if pattern.match(text)), None)


def _rank(line: Line, plain: float) -> tuple[float, int, int]:
    size = -round(line.size) if line.size >= plain * 1.15 else 0
    if (division := _division(line.text)) is not None:
        return (size, division, 0)
    if numbered := _NUMBERED.match(line.text):
        return (size, 3 if line.text.isupper() else 4, numbered[1].count("."))
    return (size, 3 if line.text.isupper() else 5, 1)


def _sections(pages: Sequence[Page], marks: Sequence[list[Mark]]) -> list[Section]:
    """A page starts under the heading that was in force at the end of the page before; a table's title ends with it."""
    result, stack = [], list[tuple[Any, str]]()
    for number, (page, found) in enumerate(zip(pages, marks, strict=True), 1):
        before = list(stack)
        headings = [Heading(0, _path(stack))] if stack else []
        for start, rank, title, opens in found:
            if any(known == title for _, known in stack):
                continue  # it goes on
            if opens:  # the last note has ended
                stack = stack[: next((at for at, (_, known) in enumerate(stack) if _division(known) == 2), None)]
            while stack and stack[-1][0] >= rank:
                stack.pop()
            stack.append((rank, title))
            if headings and headings[-1].start == start:
                headings.pop()
            headings.append(Heading(start, _path(stack)))
        result.append(Section(number, page.text, tuple(headings), page.tables, boxes=page.boxes))
        if any(rank is _TITLE_RANK for rank, _ in stack):
            stack = before
        if number == 1 and len(pages) > 5 and not any(_division(title) is not None for _, title in stack):
            stack.clear()  # big type on a cover is no heading of what follows
    return result


def _path(stack: list[tuple[Any, str]]) -> str:
    return heading_path(title for _, title in stack[-4:])


def biggest(pages: Sequence[Page]) -> str:
    """The biggest line of the first page with text, with the lines of the same size right after it."""
    lines = next((page.lines for page in pages[:3] if page.lines), [])
    lines = [line for line in lines[:60] if sum(map(str.isalpha, line.text)) >= 3]
    if not lines:
        return ""
    size = max(line.size for line in lines)
    if size < 1.15 * median(line.size for line in lines):
        return ""
    first = next(index for index, line in enumerate(lines) if line.size >= size * 0.99)
    taken = [lines[first].text]
    for line in lines[first + 1 : first + 3]:
        if abs(line.size - size) > size * 0.02:
            break
        taken.append(line.text)
    return one_line(" ".join(taken))
