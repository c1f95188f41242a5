"""How likely it is that the passages found answer the question at all, and what is done about it.

A logistic model of figures that mean the same in every corpus. Its weights and the two limits were fitted by
`benchmarks/confidence.py`; docs/retrieval.md shows how it does on questions that it was not fitted on, and what it
can't tell: a passage that speaks of all that is asked about, and not of what is asked. An answer of statements knows
more (`answerability`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, fields
from enum import Enum

from app.accounts import terms
from app.expand import in_full
from app.periods import is_month, periods, years
from app.units import units_named
from app.words import content_words, covered, is_german
from storage.types import Hit, Passage

_BEST = 5  # passages that an answer is likely to be made of
_TENTH = 9  # place from 0; among fewer passages the best leads by chance
COMPARED = 12  # passages by which a word counts as rare
_CODE = re.compile(r"\b(?=[\w-]*\d)(?=[\w-]*[^\W\d])\w[\w-]*")
_NUMBERED = re.compile(r"\d+(?:-[a-z-]+|am|pm|st|nd|rd|th)|[Hh][12]")
_PARTS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+|\d+")
_SMALL_WORD = re.compile(r"\b(?!(?:an?|and|as|at|by|for|from|in|of|on|or|the|to|with)\b)(?=[^\W\d_])(?=[^A-Z])\w{2,}")
_NAME = re.compile(r"(?<=[\w,] )[A-Z][^\W\d_]{2,}")


class Sureness(Enum):
    """What is done with an answer: nothing is said but what was looked at, or it comes with a warning, or as it is."""

    NONE = 0
    SOME = 1
    FULL = 2


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for the best passages, in figures that do not depend on the embedding model. All 0: nothing found.

    `lead` is how far the best score is above the tenth, if there are ten, `agree` whether both searches put the same
    passage (or, for half, document) first, `held` the share of the question's words that the best passages with their
    labels and headings hold, rare words counting more. `unnamed` is 1 where of the things that the question names half
    or more are spoken of by none of them, nor by another passage found in their documents; `other_time` where none is
    of a year that it names.
    """

    lead: float = 0.0
    agree: float = 0.0
    held: float = 0.0
    unnamed: float = 0.0
    other_time: float = 0.0
    by_meaning: bool = False


FIGURES = tuple(each.name for each in fields(Evidence) if each.name != "by_meaning")
BY_WORDS = ("held", "unnamed", "other_time")  # what there is without a search by meaning
_WEIGHTS = {"lead": 1.96, "agree": 1.09, "held": 1.92, "unnamed": -2.16, "other_time": -5.46}
_BIAS = -2.63
_WEIGHTS_OF_WORDS = {"held": 3.09, "unnamed": -2.61, "other_time": -5.83}
_BIAS_OF_WORDS = -1.39
_MAY_NOT = {False: "The documents may not answer this.", True: "Vielleicht beantworten die Dokumente das nicht."}
LEAST, SURE = 0.04, 0.38  # confidence below which nothing is answered, and below which the answer comes with a warning


def warning(question: str, *, german: bool | None = None) -> str:
    """What stands above an answer that may be none, in the question's language, or as `german` says."""
    return _MAY_NOT[is_german(question) if german is None else german]


def sureness(confidence: float) -> Sureness:
    return Sureness.NONE if confidence < LEAST else Sureness.SOME if confidence < SURE else Sureness.FULL


def confidence(known: Evidence) -> float:
    """0 to 1: the share of questions with such evidence that the passages found answer."""
    if known == Evidence():
        return 0.0
    weights, bias = (_WEIGHTS, _BIAS) if known.by_meaning else (_WEIGHTS_OF_WORDS, _BIAS_OF_WORDS)
    return 1 / (1 + math.exp(-bias - sum(weight * getattr(known, name) for name, weight in weights.items())))


def evidence(question: str, passages: Sequence[Passage], hits: Sequence[Hit]) -> Evidence:
    """`passages` best first."""
    asked = content_words(question)
    if not passages or not asked:
        return Evidence()
    best = passages[:_BEST]
    dense = {hit.chunk_id: hit.dense for hit in hits if hit.dense is not None}
    sparse = {hit.chunk_id: hit.sparse for hit in hits if hit.sparse is not None}
    said = [set(content_words(f"{p.label} {p.heading} {p.text}")) for p in passages[:COMPARED]]
    around = set[str]().union(*said[:_BEST])
    documents = {p.document_id for p in best}
    beside = around.union(*(words for p, words in zip(passages, said, strict=False) if p.document_id in documents))
    return Evidence(
        lead=best[0].score - passages[_TENTH].score if len(passages) > _TENTH else 0.0,
        agree=_agree(passages, dense, sparse),
        held=_share(asked, around, said),
        unnamed=float(_unnamed(question, beside, best)),
        other_time=float(_of_other_time(question, best)),
        by_meaning=bool(dense),
    )


def _agree(passages: Sequence[Passage], dense: Mapping[str, float], sparse: Mapping[str, float]) -> float:
    if not dense or not sparse:
        return 0.0
    nearest, said = max(dense, key=lambda id_: dense[id_]), max(sparse, key=lambda id_: sparse[id_])
    document = {p.chunk_id: p.document_id for p in passages}
    together = nearest in document and document[nearest] == document.get(said)
    return 1.0 if nearest == said else 0.5 if together else 0.0


def _share(asked: Sequence[str], around: set[str], said: Sequence[set[str]]) -> float:
    rarity = {word: math.log((1 + len(said)) / (0.5 + sum(word in words for words in said))) for word in asked}
    return sum(rarity[word] for word in covered(asked, around)) / (sum(rarity.values()) or 1.0)


def names(question: str) -> list[str]:
    """Codes, in English also words with a capital: in German every noun has one. Those beside each other are one name.

    Times, units and items of accounts are none ("FY22", "USD", "EBITDA"), and words of a question In Title Case.
    """
    told = not is_german(question) and _SMALL_WORD.search(question)
    found = [*_CODE.finditer(question), *(_NAME.finditer(question) if told else ())]
    items = terms(question)
    runs: list[tuple[int, int]] = []
    for start, end in sorted(each.span() for each in found if not _counts(each[0])):
        if any(start < after and first < end for first, after in items):
            continue
        if runs and (start < runs[-1][1] or question[runs[-1][1] : start] == " "):
            runs[-1] = runs[-1][0], end
        else:
            runs.append((start, end))
    return [question[start:end] for start, end in runs]


def _counts(word: str) -> bool:
    """Whether it is a time, a unit, or a number of something ("24-hour")."""
    return bool(is_month(word) or periods(word) or units_named(word) or _NUMBERED.fullmatch(word))


def _unnamed(question: str, said: Set[str], best: Sequence[Passage]) -> bool:
    """Whether half of what the question names or more is missing. Of several things one may have another name here, as
    "Wisconsin" stands as WI."""
    named = names(question)
    missing = [name for name in named if any(not _spoken(word, said, best) for word in name.split())]
    return bool(missing) and 2 * len(missing) >= len(named)


def _spoken(word: str, said: Set[str], best: Sequence[Passage]) -> bool:
    """As it is, in parts ("KX-200" for KX200, "Wi-Fi" for WiFi), or as the beginnings of a title's words."""
    parts = _PARTS.findall(word)
    ways = [content_words(word)]
    if min(map(len, parts), default=0) > 1:
        ways.append(content_words(" ".join(parts)))
    return any(len(covered(way, said)) == len(way) for way in ways) or any(in_full(word, p.title) for p in best)


def _of_other_time(question: str, best: Sequence[Passage]) -> bool:
    asked = years(question)
    return bool(asked) and asked.isdisjoint(year for p in best for year in years(f"{p.label} {p.text}"))
