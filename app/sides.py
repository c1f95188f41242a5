"""What a comparison sets side by side, and in what respects, as its words say it.

By rules for English and German. Not covered: finding the sides in a question that compares without saying so
(`comparison`), finding what the documents say (`compare`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from app.enumeration import parted

MOST_SIDES = 4
MOST_ASPECTS = 5

_RESPECT = (
    r",?\s+(?:with\s+(?:regard|respect)\s+to|in\s+terms\s+of|in\s+respect\s+of|regarding|concerning|as\s+to|on|by|when\s+it\s+comes\s+to"
    r"|for|hinsichtlich|bezüglich|in\s+bezug\s+auf|in\s+sachen|was|nach|im\s+hinblick\s+auf|bei(?:m)?)\s+"
)
_VERSUS = re.compile(r"\s*,?\s+(?:vs\.?|versus)\s+", re.I)
_WITH = re.compile(r"\s+(?:with|to|against|mit|gegen|from|von)\s+", re.I)
_LONGEST = 1000  # characters of a question that are looked at
_FORMS = (
    re.compile(
        rf"^.*?\b(?:compare|contrast|comparison\s+(?:of|between)|compare\s+between)\s+(?P<sides>.+?)(?:{_RESPECT}(?P<aspects>.+))?$",
        re.I | re.S,
    ),
    re.compile(
        rf"^.*?\b(?:what(?:['’]s|\s+is|\s+are)?\s+)?(?:the\s+)?differences?\s+between\s+(?P<sides>.+?)(?:{_RESPECT}(?P<aspects>.+))?$",
        re.I | re.S,
    ),
    re.compile(
        rf"^how\s+(?:do|does)\s+(?P<sides>.+?)\s+(?:differ|compare)(?:\s+(?:from|with|to)\s+(?P<other>.+?))?(?:(?:{_RESPECT}|\s+in\s+)(?P<aspects>.+))?$",
        re.I | re.S,
    ),
    re.compile(
        rf"^.*?\b(?:vergleiche?n?)\s+(?:sie\s+)?(?:bitte\s+)?(?P<sides>.+?)(?:{_RESPECT}(?P<aspects>.+?))?(?:\s+miteinander)?$",
        re.I | re.S,
    ),
    re.compile(
        rf"^.*?\b(?:unterschiede?)\s+zwischen\s+(?P<sides>.+?)(?:{_RESPECT}(?P<aspects>.+))?$",
        re.I | re.S,
    ),
    re.compile(
        rf"^.*?\bunterscheide[nt]\s+sich\s+(?P<sides>.+?)(?:{_RESPECT}(?P<aspects>.+))?$",
        re.I | re.S,
    ),
    re.compile(
        rf"^(?P<sides>\S.{{0,80}}?\s+(?:vs\.?|versus)\s+.+?)(?:(?:{_RESPECT}|\s*:\s*)(?P<aspects>.+))?$",
        re.I | re.S,
    ),
)  # fmt: skip
_ARTICLE = re.compile(r"^(?:(?:the|our|an?|der|die|das|den|dem|des|unsere[nrm]?)\s+)+", re.I)
_OF = re.compile(r"^(?P<aspects>.+?)\s+(?:of|in|under|at|for|von|in|bei|des|der)\s+(?P<sides>.+)$", re.I | re.S)
_THAT = re.compile(r"^(?:(?:that|those|ones?|denen)\s+)?(?:of|in|at|for|under|von|bei)\s+(?P<side>.+)$", re.I)
_FIRST = re.compile(
    r"^(?P<aspect>.+?)\s+(?:of|in|at|for|under|von|bei)\s+(?P<side>(?:[A-ZÄÖÜ\d]|(?:the|our|an?|der|dem|unser\w*)\s).*)$"
)
_TOGETHER = re.compile(r"^(?:both|two|all|each\s+other|everything|beide\w*|alle\w*)$", re.I)


@dataclass(frozen=True, slots=True)
class Sides:
    """Two to MOST_SIDES things in the question's words, and the respects in which they are compared, if it says any."""

    names: tuple[str, ...]
    aspects: tuple[str, ...] = ()


def sides(question: str) -> Sides | None:
    """None where the question does not name two things to compare."""
    bare = " ".join(question[:_LONGEST].split()).strip(" .?!")
    for form in _FORMS:
        found = form.match(bare)
        if found is None:
            continue
        named, aspects = found["sides"], found["aspects"] or ""
        if other := found.groupdict().get("other"):
            named = f"{named} and {other}"
        names = _parts(named)
        if not aspects and (meant := _each_of(names)):
            return meant
        if not aspects and (split := _OF.match(named)) and len(of := _parts(split["sides"])) >= 2:
            aspects, names = split["aspects"], of  # "the notice periods of Acme and Globex"
        if 2 <= len(names) <= MOST_SIDES:
            return Sides(names, _parts(aspects)[:MOST_ASPECTS] if aspects else ())
    return None


def _each_of(names: tuple[str, ...]) -> Sides | None:
    """Of "the price of Acme with that of Globex" the price of both. None where the others are no "that of"."""
    first = _FIRST.match(names[0]) if names else None
    if first is None or not 1 < len(names) <= MOST_SIDES:
        return None
    aspect = first["aspect"]
    said = [name[len(aspect) + 1 :] if name.casefold().startswith(f"{aspect} ".casefold()) else name for name in names]
    others = [_THAT.match(name) for name in said[1:]]
    if not all(others):
        return None
    sides = (first["side"], *(other["side"] for other in others if other))
    return Sides(tuple(_ARTICLE.sub("", side) for side in sides), (aspect,))


def _parts(said: str) -> tuple[str, ...]:
    found = [part for half in _VERSUS.split(said) for part in parted(half)]
    found = found if len(found) > 1 else _WITH.split(said)
    parts = (_ARTICLE.sub("", part.strip(" .,:\"'“”„")) for part in found)
    return tuple(dict.fromkeys(part for part in parts if part and not _TOGETHER.match(part)))
