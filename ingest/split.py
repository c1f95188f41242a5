"""Sections become pieces, the passages that are embedded, found and cited.

A piece is text[start:end] of its section, exactly. Every character that is not white space lies in exactly one piece,
and no piece crosses a section. Where to cut is weighed over the whole section: borders that the structure offers
(headings, paragraphs, rows, items, sentences) are cheap, cuts inside sentences dear, and pieces far from the target
length cost most, so that small neighbours come together.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

from ingest.formats.sections import CELL, PATH
from ingest.sentences import ITEM, sentences
from storage.tables import column_names
from storage.types import Section, Table

__all__ = ["Piece", "contextualize", "placed", "sentences", "split"]

TARGET = 200  # tokens of text: a model for 256 has room for the context above it
LONGEST = 320  # for models that read more: a longer passage says too many things for one vector
TokenSpans = Callable[[str], list[tuple[int, int]]]

_TITLE_TOKENS = 24  # kept free for a title that is not known yet
_CHARACTERS_A_TOKEN = 8  # a tokenizer may call a word of any length one token
_LABEL = 130  # characters of the document's title, subject and period
_CUT = {"paragraph": 0.1, "row": 0.25, "item": 0.25, "sentence": 0.4, "line": 0.7, "word": 2.0, "heading": 0.0}
_AFTER_HEADING = 1.2  # a heading parted from its text, or the head of a table from its first row
_CAPTION = 120  # characters of a line above a table that belongs to it
_CROSSING = 0.6  # a heading inside a piece


@dataclass(frozen=True, slots=True)
class Piece:
    page: int
    start: int
    end: int
    heading: str


class Passage(Protocol):
    """A piece, or the chunk that was made of one."""

    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...
    @property
    def heading(self) -> str: ...


def split(
    sections: Iterable[Section],
    token_spans: TokenSpans,
    *,
    max_tokens: int,
    title: str = "",
    target: int = TARGET,
) -> list[Piece]:
    """Pieces in reading order. `token_spans(text)` gives the characters of each token that the model will see.

    They come near `target` tokens of text, where the structure and the model let them.

    `contextualize(title, piece, section)` stays within `max_tokens` (96 and more) for any title of ordinary words; give
    the title to be exact.
    """
    pieces = []
    for section in sections:
        if section.text.strip():
            pieces += _split_section(section, token_spans, max_tokens, title, target)
    return pieces


def contextualize(title: str, piece: Passage, section: Section) -> str:
    """What is embedded and indexed for a piece: title, heading path, head of the table it is in, then its text."""
    around = section.text[max(0, piece.start - 10_000) : piece.end + 10_000]
    text = _joined(section.text[piece.start : piece.end], around)
    parts = [_shortened(title, _LABEL), _path(piece.heading, text), _table_head(piece, section), text]
    return "\n".join(part for part in parts if part)


def placed(spans: Iterable[tuple[int, int]], text: str, context: str) -> list[tuple[int, int]]:
    """Where `spans` of a piece's text stand in what `contextualize` made of it, which ends with that text.

    Characters were only ever taken out of it, where a line's end broke a word.
    """
    if context.endswith(text):
        shift = len(context) - len(text)
        return [(start + shift, end + shift) for start, end in spans]
    places, at = [0] * len(text) + [len(context)], len(context)
    for offset in range(len(text) - 1, -1, -1):
        if at and context[at - 1] == text[offset]:
            at -= 1
        places[offset] = at
    return [(places[start], places[end]) for start, end in spans]


def _split_section(section: Section, token_spans: TokenSpans, max_tokens: int, title: str, target: int) -> list[Piece]:
    tokens = [start for start, _ in token_spans(section.text)]
    context = _context_tokens(section, token_spans, title)
    cap = max(min(max_tokens - context, target * LONGEST // TARGET), max_tokens // 4)
    while True:
        pieces = [
            Piece(section.page, start, end, _heading(section, start, end))
            for start, end in _cut(section, tokens, cap, target)
        ]
        near = [p for p in pieces if context + _size(tokens, p.start, p.end) > max_tokens * 0.9]
        sizes = [len(token_spans(contextualize(title, piece, section))) for piece in near]
        over = max(sizes, default=0) - max_tokens
        if over <= 0 or cap <= max_tokens // 8:  # parts can hold more tokens than their whole
            return pieces
        cap = max(cap - max(over, 4), max_tokens // 8)


def _context_tokens(section: Section, token_spans: TokenSpans, title: str) -> int:
    paths = {heading.path for heading in section.headings}
    heads = {CELL.join(column_names(table, section.text)) for table in section.tables}
    return (
        max(_TITLE_TOKENS if not title else 0, len(token_spans(_shortened(title, _LABEL))))
        + max((len(token_spans(_path(path, ""))) for path in paths), default=0)
        + max((len(token_spans(_shortened(head, 200))) for head in heads), default=0)
    )


def _cut(section: Section, tokens: list[int], cap: int, target: int) -> list[tuple[int, int]]:
    """The cheapest way to part the section's text into spans of at most `cap` tokens, white space trimmed."""
    text = section.text
    target = min(target, round(cap * 0.85))
    borders = _with_words(_borders(section), text, tokens, cap)
    ends = _ends(text, borders)
    headings = sorted({heading.start for heading in section.headings})
    best = [0.0] + [float("inf")] * (len(borders) - 1)
    came_from = [0] * len(borders)
    for j in range(1, len(borders)):
        for i in range(j - 1, -1, -1):
            start, end = borders[i][0], ends[j - 1]
            size = _size(tokens, start, end)
            if size > cap and i < j - 1:
                break
            crossed = bisect_left(headings, end) - bisect_left(headings, start + 1)
            cost = best[i] + borders[i][1] + _length_cost(size, target, cap) + _CROSSING * crossed
            if cost < best[j]:
                best[j], came_from[j] = cost, i
    spans, j = [], len(borders) - 1
    while j > 0:
        i = came_from[j]
        spans.append((borders[i][0], ends[j - 1]))
        j = i
    return spans[::-1]


def _ends(text: str, borders: list[tuple[int, float]]) -> list[int]:
    ends = []
    for border, _ in borders[1:]:
        while text[border - 1].isspace():
            border -= 1
        ends.append(border)
    return ends


def _length_cost(size: int, target: int, cap: int) -> float:
    if size <= target:
        return ((target - size) / target) ** 2
    return 0.5 * (size - target) / max(1, cap - target)


def _size(tokens: list[int], start: int, end: int) -> int:
    return max(bisect_left(tokens, end) - bisect_left(tokens, start), -(-(end - start) // _CHARACTERS_A_TOKEN))


def _borders(section: Section) -> list[tuple[int, float]]:
    """(offset, price of cutting there), each at a character that is not white space; the last is the text's end."""
    text = section.text
    prices: dict[int, float] = {}
    offset, blank, width = 0, True, max(map(len, text.split("\n")))
    for line in text.split("\n"):
        start = offset + len(line) - len(line.lstrip())
        if line.strip():
            kind = "paragraph" if blank else "item" if ITEM.match(line) else "line"
            prices[start] = _CUT[kind]
        words = line.rstrip()  # a short line that ends a sentence ends a paragraph, too
        blank = not words or (words[-1] in ".!?:" and len(words) < 0.7 * width)
        offset += len(line) + 1
    for start, _ in sentences(text):
        prices[start] = min(prices.get(start, 9.0), _CUT["sentence"])
    for table in section.tables:
        _price_rows(prices, table, text)
    length = len(text.rstrip())
    heads = [_at_word(text, heading.start) for heading in section.headings if heading.start < length]
    for head in heads:
        prices[head] = _CUT["heading"]
    starts = sorted(prices)
    for head in heads:
        follower = bisect_left(starts, _line_end(text, head))
        if follower < len(starts):
            prices[starts[follower]] = max(prices[starts[follower]], _AFTER_HEADING)
    return [*((start, prices[start]) for start in starts), (len(text), 0.0)]


def _price_rows(prices: dict[int, float], table: Table, text: str) -> None:
    """A table is cut between its rows, not below its header, and not from a line above that names it."""
    above = text.rfind("\n", 0, max(0, table.start - 1)) + 1
    caption = _at_word(text, above)
    named = caption < table.start - 1 and text[table.start - 1] == "\n" and table.start - caption <= _CAPTION
    for number, row in enumerate(table.rows):
        for border in [border for border in prices if row.start < border < row.end]:
            prices[border] = max(prices[border], _CUT["line"])
        kind = "row" if number else "line" if named else "paragraph"
        prices[row.start] = _AFTER_HEADING if 0 < number <= table.header else _CUT[kind]
    if named and caption in prices:
        prices[caption] = min(prices[caption], _CUT["paragraph"])


def _at_word(text: str, offset: int) -> int:
    while text[offset].isspace():
        offset += 1
    return offset


def _line_end(text: str, offset: int) -> int:
    end = text.find("\n", offset)
    return end if end >= 0 else len(text)


def _with_words(borders: list[tuple[int, float]], text: str, tokens: list[int], cap: int) -> list[tuple[int, float]]:
    """Add borders at words, tokens or bare lengths where the structure offers none for more than `cap` tokens."""
    result = []
    for (start, price), (end, _) in pairwise(borders):
        result.append((start, price))
        if _size(tokens, start, end) <= cap:
            continue
        inner = sorted({*(start + found.end() for found in re.finditer(r"\s+", text[start:end])), end} - {start})
        last = start
        for border in inner:
            if _size(tokens, last, border) > cap // 4:
                result += [(at, _CUT["word"] * 2) for at in _hard_cuts(text, tokens, last, border, cap // 4)]
            if border < end:
                result.append((border, _CUT["word"]))
            last = border
    return [*result, borders[-1]]


def _hard_cuts(text: str, tokens: list[int], start: int, end: int, size: int) -> list[int]:
    """Offsets inside a word without an end."""
    cuts = []
    while text[end - 1].isspace():
        end -= 1
    while _size(tokens, start, end) > size:
        first = bisect_left(tokens, start)
        token = tokens[first + size] if first + size < len(tokens) else end
        start = min(token, start + size * _CHARACTERS_A_TOKEN, end - 1)
        while start < end and text[start].isspace():
            start += 1
        cuts.append(start)
    return cuts


def _heading(section: Section, start: int, end: int) -> str:
    """The path that most of text[start:end] stands under."""
    shares: dict[str, int] = {}
    borders = [start, *(h.start for h in section.headings if start < h.start < end), end]
    for first, last in pairwise(borders):
        path = section.heading_at(first)
        shares[path] = shares.get(path, 0) + last - first
    return max(shares, key=lambda path: shares[path])


def _path(heading: str, text: str) -> str:
    """The deepest part of the heading path; the last heading is left out where the text opens with it."""
    parts = heading.split(PATH) if heading else []
    if parts and " ".join(text[:300].split()).casefold().startswith(" ".join(parts[-1].split()).casefold()):
        parts.pop()
    kept: list[str] = []
    for part in reversed(parts):
        if kept and _weight(PATH.join([part, *kept])) > 140:
            break
        kept.insert(0, _shortened(part, 120))
    return PATH.join(kept)


def _table_head(piece: Passage, section: Section) -> str:
    """The names of the columns where the piece begins below them."""
    for table in section.tables:
        if table.header and table.rows[table.header - 1].end <= piece.start < table.end:
            return _shortened(CELL.join(column_names(table, section.text)), 200)
    return ""


def _weight(text: str) -> int:
    """Length in Latin letters: other scripts take about three times the tokens."""
    return len(text) + (0 if text.isascii() else 2 * sum(character > "\u024f" for character in text))


def _shortened(text: str, weight: int) -> str:
    text = " ".join(text.split())
    while _weight(text) > weight:
        text = text[: max(0, len(text) - max(1, (_weight(text) - weight) // 3))].rstrip()
    return text


def _joined(text: str, around: str) -> str:
    """Words that a line's end broke are put together, unless their second half is a word of its own nearby."""

    def join(found: re.Match[str]) -> str:
        alone = re.search(rf"(?<![\w-]){re.escape(found[1])}(?!\w)", around.replace(found[0], " "))
        return f"-{found[1]}" if alone else found[1]

    return re.sub(r"(?<=[^\W\d_])-[ \t]{0,9}\n[ \t]{0,9}([^\W\d_]+)", join, text.replace("\u00ad", ""))
