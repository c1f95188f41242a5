"""The sections that a question names, as in "according to the balance sheet" and "what does section 5.2 say of it".

A passage stands in such a section where a heading above it has the same words or number. English and German. A question
that names none may ask for what stands in one of a company's primary statements (`accounts`). Not covered: other names
of other sections.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from functools import lru_cache

from app.accounts import statements
from app.words import content_words, covered
from storage.types import Passage

_PLACE = r"(?:sections?|chapters?|appendix|appendices|annex|abschnitte?s?|kapitels?|anhangs?|anlagen?)"
_KIND = r"(?:statements?|sheets?|notes?|tables?|schedules?|tabellen?|bilanz)"  # that belongs to the name
_COUNTED = rf"(?:{_PLACE}|{_KIND}|items?|parts?|articles?|clauses?|paragraphs?|exhibits?|artikels?|teils?|ziffer|§)"
_WORD = r"[^\W\d_][\w&'’-]*"
_OF = r"(?:of|on|about|über|zu|zum|zur|der|des)"
_PHRASES = (
    re.compile(
        rf"\b(?:the|its|their|our|and|der|die|das|den|dem|im|und|laut)\s"
        rf"(?P<name>(?:{_WORD}\s){{0,3}}{_KIND}\b(?:\s{_OF}\s{_WORD}(?:\s{_WORD}){{0,2}})?)",
        re.I,
    ),
    re.compile(
        rf"(?<!\w){_PLACE}\s(?:{_OF}\s|(?=[\"“„]?(?-i:[^\W\da-z_])))(?P<name>[\"“„]?{_WORD}(?:\s{_WORD}){{0,2}})", re.I
    ),
)
_LEAST = (2, 1)  # words that a name has, and a heading of it: "the statement" may be any
_NUMBER = r"(?P<number>\d+(?:\.\d+)*[a-z]?|(?-i:[A-Z]|[IVX]+))(?![\w'’])"
_NUMBERED = re.compile(rf"(?<!\w)(?P<noun>{_COUNTED})\s?{_NUMBER}", re.I)
_OWN_NUMBER = re.compile(rf"(?:(?P<noun>{_COUNTED})\s?)?{_NUMBER}(?=[.):\s–—-]|$)", re.I)


@dataclass(frozen=True, slots=True)
class _Name:
    """`words`, of which a heading needs `least`, or the `number` of a `noun`, which a heading may leave out."""

    words: frozenset[str] = frozenset()
    least: int = 1
    noun: str = ""
    number: str = ""


def standing(question: str, passages: Sequence[Passage]) -> dict[str, float]:
    """By chunk id, 0 to 1: how well a heading above the passage fits a section that the question names or needs.

    Of words as much counts as both have in common, of what the question says and of the heading. Empty where there is
    no such section.
    """
    named = [*_named(question), *_needed(question)]
    if not named:
        return {}
    paths = {p.heading: p.heading.split(" > ") for p in passages}
    every = {each for path in paths.values() for each in path}
    fits = {each: max(_fit(each, name) for name in named) for each in every}
    best = {heading: max(fits[each] for each in path) for heading, path in paths.items()}
    return {p.chunk_id: best[p.heading] for p in passages}


def _named(question: str) -> Iterator[_Name]:
    for found in _NUMBERED.finditer(question):
        if found["number"] == "I" and found["noun"].islower():
            continue  # "which part I need"
        yield _Name(noun=_stem(found["noun"]), number=found["number"].casefold())
    for phrase, least in zip(_PHRASES, _LEAST, strict=True):
        for found in phrase.finditer(question):
            words = frozenset(content_words(found["name"]))
            if len(words) >= least:
                yield _Name(words, least)


def _needed(question: str) -> Iterator[_Name]:
    for name in statements(question):
        words = frozenset(content_words(name))
        yield _Name(words, min(len(words), _LEAST[0]))


# headings are seen again with every question that finds their document
@lru_cache(maxsize=100_000)
def _fit(heading: str, name: _Name) -> float:
    if name.number:
        noun, number = _own_number(heading)
        return float(number == name.number and noun in ("", name.noun))
    own = _words(heading)
    common = len(covered(name.words, own))
    return common / len(name.words) * len(covered(own, name.words)) / len(own) if common >= name.least else 0.0


@lru_cache(maxsize=20_000)
def _words(heading: str) -> Set[str]:
    return frozenset(content_words(heading))


@lru_cache(maxsize=20_000)
def _own_number(heading: str) -> tuple[str, str]:
    """The noun, or "", and the number that a heading begins with: ("", "5.2") of "5.2 Maintenance"."""
    found = _OWN_NUMBER.match(heading)
    return (_stem(found["noun"] or ""), found["number"].casefold()) if found else ("", "")


def _stem(noun: str) -> str:
    return next(iter(content_words(noun)), noun)
