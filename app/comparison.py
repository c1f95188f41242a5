"""A question that compares several things taken apart into a question for each.

By rules for English and German, for searching only: the parts need not be whole sentences. Not covered: comparisons
that name only one side ("better than the others"), more than four sides, one thing at several times, which its own
documents mostly put side by side.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from app.names import Name, names, spoken
from app.periods import periods, replaced, without_periods
from app.words import content_words

MOST = 4  # parts of one question

_COMPARES = re.compile(
    r"\b(?:compar\w*|versus|vs|differ\w*|than|more|less|fewer|higher|lower|larger|smaller|longer|shorter|greater|better"
    r"|bigger|most|least|highest|lowest|both|each|respectively|vergl\w+|unterschie\w+|unterscheide\w*"
    r"|mehr|weniger|höher\w*|niedriger\w*|größer\w*|kleiner\w*|länger\w*|kürzer\w*|beide\w*|jeweils"
    r"|(?:and|und)\s(?:which\s|what\s|how\s|welche\w*\s|wie\s)?(?:if|at|for|under|with|bei|für|wenn|mit))\b",
    re.I,
)
_LEAD = re.compile(
    r"^(?:please\s)?(?:compare|contrast|vergleiche?n?(?:\ssie)?|what is the difference between|what's the difference"
    r" between|was ist der unterschied zwischen|how do|how does|wie unterscheiden sich)\s+(?:the\s(?=\S+['’]s))?",
    re.I,
)
_TAIL = re.compile(r"\s(?:compare|differ|unterscheiden|im vergleich|to each other|miteinander)\b.*$", re.I)
_JOINT = re.compile(
    r"(?:['’]s?)?(?:\s?\([^)]*\))?(?:,\s?(?:and|or|und|oder)|\s?,|\s(?:and|or|vs\.?|versus|with|to|than|und|oder|mit|als))\s"
    r"(?:the\s|that\sof\s|those\sof\s)?",
    re.I,
)
_BREAK = re.compile(r",?\s(?:and|or|with|than|to|versus|vs\.?|und|oder|mit|als)\s", re.I)


def comparisons(question: str) -> list[str]:
    """A question for each thing that `question` compares, two to MOST; empty where it compares none."""
    inside = re.search(r"\b(?:vs\.?|versus)\s", question) is not None  # "Acme vs Globex": the first word is a name too
    found = [name for name in names(question, inside=inside) if name.shape != "short"]
    sides = _sides(question, found)
    if 2 <= len(sides) <= MOST:
        joined = all(_JOINT.fullmatch(question[a[-1].end : b[0].start]) for a, b in _pairs(sides))
        others = len(found) - len(sides)
        among = re.search(r"\b(?:between|among|zwischen)\s(?:the\s)?$", question[: sides[0][0].start], re.I)
        if joined and (_COMPARES.search(question) or not (others or among)):
            return _of_joined(question, [side[0] for side in sides])
        if _COMPARES.search(question):
            return _of_clauses(question, sides)
    return []


def _sides(text: str, found: Sequence[Name]) -> list[list[Name]]:
    """The names, those together between which no "and" or the like stands; a name said again opens no side."""
    sides: list[list[Name]] = []
    for name in found:
        if any(spoken(name.text) & spoken(other.text) for side in sides for other in side):
            continue
        between = text[sides[-1][-1].end : name.start] if sides else ""
        if sides and not _BREAK.search(between) and not _JOINT.fullmatch(between):
            sides[-1].append(name)
        else:
            sides.append([name])
    return sides


def _pairs(sides: Sequence[list[Name]]) -> list[tuple[list[Name], list[Name]]]:
    return list(pairwise(sides))


def _of_joined(question: str, sides: Sequence[Name]) -> list[str]:
    """Of "Compare A's and B's margin": "A's margin", "B's margin"."""
    before, after = question[: sides[0].start], question[sides[-1].end :]
    if any(side.possessive for side in sides) and not re.match(r"['’]", after):
        after = f"'s{after}"
    parts = [_tidy(f"{before}{side.text}{after}") for side in sides]
    said = periods(question)
    if said and not periods(parts[0]):  # it stood after "differ" or the like
        parts = [f"{part.rstrip('?')} in {said[-1].text}?" for part in parts]
    return parts


def _of_clauses(question: str, sides: Sequence[list[Name]]) -> list[str]:
    """Each side's clause; what a later one leaves unsaid is taken from the first, with its own name and time."""
    cuts = []
    for one, other in _pairs(sides):
        breaks = list(_BREAK.finditer(question, one[-1].end, other[0].start))
        cuts.append(breaks[-1] if breaks else None)
    starts = [0, *(cut.end() if cut else other[0].start for cut, other in zip(cuts, sides[1:], strict=True))]
    ends = [
        *(cut.start() if cut else other[0].start for cut, other in zip(cuts, sides[1:], strict=True)),
        len(question),
    ]
    clauses = [question[start:end] for start, end in zip(starts, ends, strict=True)]
    first = clauses[0]
    parts = [_tidy(first)]
    for clause, side in zip(clauses[1:], sides[1:], strict=True):
        own = content_words(without_periods(_without(clause, side)))
        if (len(own) >= 3 or (own and len(side) >= 3)) and not re.match(
            r"(?:that|those)\sof\b|(?:der|die|das)\svon\b", clause.strip(), re.I
        ):
            parts.append(_tidy(clause))
            continue
        part = re.sub(rf"(?<!\w){re.escape(sides[0][0].text)}(?!\w)", side[0].text.replace("\\", ""), first)
        for period in periods(clause)[:1]:
            part = replaced(part, period) or f"{part} in {period.text}"
        extra = " ".join(name.text for name in side[1:])
        parts.append(_tidy(f"{part} {extra}"))
    return parts


def _without(text: str, found: Sequence[Name]) -> str:
    for name in found:
        text = re.sub(rf"(?<!\w){re.escape(name.text)}(?:['’]s)?", " ", text)
    return text


def _tidy(part: str) -> str:
    part = _TAIL.sub("", _LEAD.sub("", part.strip(" ,.?!")))
    return f"{' '.join(part.split()).strip(' ,.?!')}?"
