"""Where sentences begin and end, for languages that end them with a mark.

A row of a table, an item of a list and a heading count as sentences of their own; the line breaks that a page's width
forces into a sentence do not end it. Works by rules, without a model: abbreviations, initials, decimals and German
ordinals are known, a new sentence needs a capital letter, a digit or a quotation mark.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

ITEM = re.compile(r"[ \t]*(?:[-*•‣◦▪●○·–—☐☒☑]|\(?(?:\d{1,3}|[a-zA-Z]|[ivx]{1,5})[.)])[ \t]+(?=\S)")

_END = re.compile(r"[.!?…]+[\"'”’»)\]]*(?=\s)|[。！？]+[」』”’）]*")
_OPENING = "\"'“‘„«([{•¿¡§$€£"
_NUMBER = re.compile(r"[(\[]?[-–+]?[$€£]?\d[\d.,']*%?[)\]]?[*†]?|[$€£%—–-]+")
_ORDINAL_FOLLOWERS = re.compile(
    r"(januar|februar|märz|april|mai|juni|juli|august|september|oktober|november|dezember|jahrhundert|quartal|kapitel"
    r"|absatz|auflage|tag|monat|januar|mal)",
    re.I,
)


def _words(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


_STARTERS = _words(
    "The This That These Those There It Its We Our They Their He She You Your In On At As If When While For From To"
    " However Each All No Any Such Under Der Die Das Ein Eine Es Er Sie Wir Im Am Bei Für Wenn Dies Diese"
)
_NEVER_LAST = _words(
    "mr mrs ms dr prof st no nos nr fig figs vol vols art sec secs para pp p ch eq ref approx cf vs e.g i.e z.b d.h u.a"
    " bzw abs ziff vgl ca evtl ggf gem sog hrsg tel bd lit kap abb tab mme mlle gen sen rep gov hon rev jr sr mt"
    " jan feb mar apr jun jul aug sep sept oct nov dec usd incl excl z d u i.d.r o.ä s.o s.u"
)
_SOMETIMES_LAST = _words("inc corp co ltd llc plc etc usw al u.s u.k u.n e.u d.c a.m p.m bros dept est")


def sentences(text: str) -> list[tuple[int, int]]:
    """(start, end) of each, in order, without the white space around; together they hold every other character."""
    spans = []
    for start, end in _blocks(text):
        for first, last in _cut(text, start, end):
            while first < last and text[first].isspace():
                first += 1
            while first < last and text[last - 1].isspace():
                last -= 1
            if first < last:
                spans.append((first, last))
    return spans


def is_row(line: str) -> bool:
    """Does the line look like a row of a table: cells parted by bars, or two figures and more at its end?"""
    if " | " in line:
        return True
    figures = 0
    for word in reversed(line.split()):
        if not _NUMBER.fullmatch(word):
            break
        figures += any(map(str.isdigit, word))
    return figures >= 2


def _blocks(text: str) -> Iterator[tuple[int, int]]:
    """Spans of lines that run on into each other."""
    lines = list(_lines(text))
    lengths = sorted(end - start for start, end in lines if end - start > 30)
    width = lengths[int(len(lengths) * 0.8)] if lengths else 0
    begin = before = None
    for line in lines:
        if begin is not None and before is not None and (line[0] == line[1] or _ends(text, before, line, width)):
            yield begin[0], before[1]
            begin = None
        if line[0] == line[1]:
            before = None
            continue
        begin, before = begin or line, line
    if begin is not None and before is not None:
        yield begin[0], before[1]


def _lines(text: str) -> Iterator[tuple[int, int]]:
    """Spans of lines, stripped; a blank line has the length 0."""
    offset = 0
    for line in text.split("\n"):
        words = line.strip()
        start = offset + line.find(words) if words else offset
        yield start, start + len(words)
        offset += len(line) + 1


def _ends(text: str, line: tuple[int, int], following: tuple[int, int], width: int) -> bool:
    """Does the block end at the break between these two lines?"""
    above, below = text[line[0] : line[1]], text[following[0] : following[1]]
    if ITEM.match(below) or is_row(above) or is_row(below):
        return True
    if below[0].islower() or above[-1] in ",;-–—(/&" or above[-1:].isspace():
        return False
    return len(above) < width * 0.6 or (len(above) < 60 and above[-1] not in ".!?" and above.isupper())


def _cut(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    begin = start
    for found in _END.finditer(text, start, end):
        after = found.end()
        while after < end and text[after].isspace():
            after += 1
        if after < end and _is_end(text, begin, found, after):
            yield begin, found.end()
            begin = after
    yield begin, end


def _is_end(text: str, begin: int, found: re.Match[str], after: int) -> bool:
    if found[0][0] in "。！？":
        return True
    follower = text[after]
    if not (follower.isupper() or follower.isdigit() or follower in _OPENING or not follower.isascii()):
        return False
    if follower.islower() or found[0][0] != "." or found[0].startswith(".."):
        return not follower.islower()
    word = re.search(r"[^\s(\[\"'“„»«]*$", text[max(begin, found.start() - 30) : found.start()])
    last = word[0] if word else ""
    following = re.match(r"[\w']+", text[after : after + 30])
    next_word = following[0] if following else ""
    return _word_can_end(last, next_word, is_first=found.start() - len(last) <= begin)


def _word_can_end(last: str, next_word: str, *, is_first: bool) -> bool:
    """May a full stop after `last` end a sentence when `next_word` follows?"""
    plain = last.casefold()
    if is_first and (len(last) <= 3 or re.fullmatch(r"[\d.]+", last)):
        return False  # the number of a list or a heading
    if plain in _NEVER_LAST or (len(last) == 1 and last.isupper()):
        return False
    if plain in _SOMETIMES_LAST or re.fullmatch(r"(?:\w\.)+\w", last):
        return next_word in _STARTERS
    if re.fullmatch(r"\d{1,2}", last):
        return not _ORDINAL_FOLLOWERS.match(next_word)
    return True
