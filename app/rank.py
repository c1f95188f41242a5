"""The order of the passages that a search has found, from everything that is known about them.

Each signal lies between 0 and 1 and has its weight in `Design`; docs/retrieval.md shows what each brings. Everything
here only orders and drops: what may be read was decided before. Not covered: searching (`retrieve`), how sure the
result is (`confidence`).
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from app.periods import month_of, periods, years
from app.sections import standing
from app.words import content_words, covered, finder
from storage.types import Hit, Passage, Vector

_YEAR = re.compile(r"(?:19|20)\d\d")
_TOKEN = re.compile(r"[^\W_](?:[\w.&+'’-]*\w)?(?:['’]s)?")
_LOWEST = -1.0  # a cosine
_SAME = 0.9  # share of common words from which on two passages say the same
_CROWD = 10  # hits by words that the best one stands out from
_STRONGEST = 3  # passages of a document that speak for it
_READ = 40  # best passages whose words are compared with the question's: of more the order stays, and it takes longer
# of naming a time: where the question or the label has its year alone, and where they have other parts of it
_PARTLY, _OTHER_PART = 0.8, 0.1


@dataclass(frozen=True, slots=True)
class Design:
    """Weights and switches of the ranking. 0 or False leaves a part out."""

    depth: int = 200  # passages whose scores each search tells
    candidates: int = 60  # of these, the best by each, that are put in order
    meaning: float = 0.7  # how near the passage is to the question
    words: float = 0.1  # BM25 of the passage,
    standing: float = 0.6  # and more, the further the best one stands above the tenth
    parts: float = 0.5  # how near its nearest sentence or row is
    speaking: float = 0.5  # how much of what is asked it speaks of itself
    names: float = 0.75  # how fully the question names its document
    sections: float = 0.6  # how well a heading above it fits a section that the question names
    figures: float = 0.3  # of the weight of meaning, where a primary statement answers: it is rows of figures
    votes: float = 0.2  # how near the nearest passages of its document are
    bare: bool = True  # sentences are compared with the question without the names that led to their document
    expand: bool = True  # the question's abbreviations written out, its misspelt words put right
    distinct: bool = True  # of passages that say the same, only one
    strange: float = 0.1  # of the weight of nearness, for a question none of whose words the model knows

    def for_figures(self) -> Design:
        """For what a primary statement answers, of whose rows a model knows little: more passages, by less meaning."""
        return replace(self, meaning=self.figures * self.meaning, depth=2 * self.depth, candidates=2 * self.candidates)

    def trusting(self, familiarity: float) -> Design:
        """For a question whose words the embedding model knows so well, from 0 to 1."""
        share = self.strange + (1 - self.strange) * familiarity
        return replace(self, meaning=share * self.meaning, parts=share * self.parts, votes=share * self.votes)


def ranked(
    question: str,
    passages: Sequence[Passage],
    hits: Sequence[Hit],
    near: Mapping[str, float],
    design: Design,
    *,
    besides: str = "",
    most: int = 1000,
) -> list[Passage]:
    """Best first, each with its score. `near`: by chunk id, the cosine of the question and the nearest part.

    `besides` are names that the question has in short. Of the first `most` none says the same as another; more of them
    nobody reads.
    """
    if not passages:
        return []
    scores = fused(passages, hits, design)
    if design.parts and near:
        closeness = _scaled({p.chunk_id: near.get(p.chunk_id, _LOWEST) for p in passages})
        scores = {id_: score + design.parts * closeness[id_] for id_, score in scores.items()}
    named = naming(f"{question} {besides}", passages)
    votes = _votes(passages, hits) if design.votes else {}
    stands = standing(question, passages) if design.sections else {}
    found = [
        replace(
            p,
            score=scores[p.chunk_id]
            + design.names * named[p.document_id]
            + design.votes * votes.get(p.document_id, 0.0)
            + design.sections * stands.get(p.chunk_id, 0.0),
        )
        for p in passages
    ]
    found.sort(key=lambda passage: -passage.score)
    if design.speaking:
        spoken = speaking(question, found[:_READ])
        best = [replace(p, score=p.score + design.speaking * spoken[p.chunk_id]) for p in found[:_READ]]
        found = sorted([*best, *found[_READ:]], key=lambda passage: -passage.score)
    if design.distinct:
        return _distinct(found, most, timeless=not _YEAR.search(question))
    return found


def shortlist(hits: Sequence[Hit], count: int) -> list[Hit]:
    """The best `count` by each search. Each keeps what the other told of it, however far down that found it."""
    meant = sorted((hit for hit in hits if hit.dense is not None), key=lambda hit: -(hit.dense or 0.0))
    said = sorted((hit for hit in hits if hit.sparse is not None), key=lambda hit: -(hit.sparse or 0.0))
    kept = {hit.chunk_id for hit in (*meant[:count], *said[:count])}
    return [hit for hit in hits if hit.chunk_id in kept]


def fused(passages: Sequence[Passage], hits: Sequence[Hit], design: Design) -> dict[str, float]:
    """By chunk id: both scores brought to 0..1 among these passages, then weighted.

    A weighted sum keeps how much better a hit is; fusion by rank loses that, and pages with it. Words that single one
    passage out tell more than words that stand in many.
    """
    known = {hit.chunk_id: hit for hit in hits}
    found = [known[passage.chunk_id] for passage in passages]
    dense = {hit.chunk_id: hit.dense for hit in found if hit.dense is not None}
    lowest = min(dense.values(), default=0.0)
    meant = _scaled({hit.chunk_id: dense.get(hit.chunk_id, lowest) for hit in found})
    said = sorted((hit.sparse for hit in hits if hit.sparse), reverse=True) or [1.0]
    standing = 1 - said[min(_CROWD, len(said)) - 1] / said[0]
    meaning, words = (design.meaning, design.words + design.standing * standing) if dense else (0.0, 1.0)
    return {hit.chunk_id: meaning * meant[hit.chunk_id] + words * (hit.sparse or 0.0) / said[0] for hit in found}


def nearest_parts(question: Vector, passages: Sequence[Passage]) -> dict[str, float]:
    """By chunk id, the cosine of the question and the passage's nearest part; without those that have no parts."""
    with_parts = [(p.chunk_id, p.parts.vectors) for p in passages if p.parts and len(p.parts.vectors)]
    with_parts = [(id_, rows) for id_, rows in with_parts if rows.shape[1] == len(question)]
    if not with_parts:
        return {}
    cosines = np.concatenate([rows for _, rows in with_parts]) @ question
    starts = np.cumsum([0, *(len(rows) for _, rows in with_parts[:-1])])
    best = np.maximum.reduceat(cosines, starts)
    return {id_: float(cosine) for (id_, _), cosine in zip(with_parts, best, strict=True)}


def bare(question: str, passages: Sequence[Passage]) -> str:
    """What is asked about the passages' documents: the question without their `names_in` it."""
    return without(question, names_in(question, passages))


def names_in(question: str, passages: Sequence[Passage]) -> list[tuple[int, int]]:
    """Where in the question names and years stand that the labels of the passages' documents have.

    None where nothing much would be left without them.
    """
    labels = {word for label in {p.label for p in passages} for word in _stems(label)}
    spans = []
    for found in _TOKEN.finditer(question):
        token = found[0]
        stems = content_words(token)
        if stems and (token[0].isupper() or token[0].isdigit()) and len(covered(stems, labels)) == len(stems):
            spans.append(found.span())
    return spans if len(content_words(without(question, spans))) >= 2 else []


def without(question: str, spans: Sequence[tuple[int, int]]) -> str:
    """The question without these (start, end) of its characters; as it is without any."""
    if not spans:
        return question
    starts, ends = [0, *(end for _, end in spans)], [*(start for start, _ in spans), len(question)]
    return " ".join("".join(question[start:end] for start, end in zip(starts, ends, strict=True)).split())


def speaking(question: str, passages: Sequence[Passage]) -> dict[str, float]:
    """By chunk id, 0 to 1: how much of what is asked the passage itself speaks of, under its own heading.

    A word counts by how few of these passages have it, and not at all where the document's label has it: all of that
    document's passages are about it.
    """
    asked = set(content_words(question))
    finds = finder(asked)
    held = {p.chunk_id: finds(f"{p.heading}\n{p.text}") for p in passages}
    spread = Counter(word for words in held.values() for word in words)
    weight = {word: math.log((1 + len(passages)) / (0.5 + spread[word])) for word in asked}
    left = {label: asked.difference(_stems(label)) for label in {p.label for p in passages}}
    whole = {label: sum(weight[word] for word in words) or 1.0 for label, words in left.items()}
    return {
        p.chunk_id: sum(weight[word] for word in held[p.chunk_id] & left[p.label]) / whole[p.label] for p in passages
    }


def naming(question: str, passages: Sequence[Passage]) -> dict[str, float]:
    """By document id, 0 to 1: how fully the question names it, a third by title or subject, the rest by its time, which
    alone tells reports of a series apart.

    A word counts by how few of these documents have it in their label; a title of which only a part is named counts
    for less than that part, since its words may have come into the question by chance. It only raises, because a
    question may name one document and be answered by another.
    """
    documents = {p.document_id: p for p in passages}
    labels = {id_: set(_stems(p.label)) for id_, p in documents.items()}
    spread = Counter(word for label in labels.values() for word in label)
    weight = {word: math.log((1 + len(labels)) / count) for word, count in spread.items()}
    asked = set(covered(spread, content_words(question)))
    named = {}
    for id_, passage in documents.items():
        share = max(_share(field, asked, weight) for field in (passage.title, passage.about.subject))
        named[id_] = (share**2 + 2 * _same_time(question, passage.label)) / 3 if share else 0.0
    return named


def _same_time(question: str, label: str) -> float:
    """1 where a year and the quarter or month, or that there is none, are the same; less where only one has those."""
    (asked, wanted), (of_label, told) = _times(question), _times(label)
    if asked.isdisjoint(of_label):
        return 0.0
    if wanted & told or not (wanted or told):
        return 1.0
    return _OTHER_PART if wanted and told else _PARTLY


# what a label says is asked again with every question that finds its document
@lru_cache(maxsize=20_000)
def _stems(label: str) -> tuple[str, ...]:
    return tuple(content_words(label))


@lru_cache(maxsize=20_000)
def _times(label: str) -> tuple[frozenset[int], frozenset[int | str]]:
    """Its years, and its quarters and months."""
    found = periods(label)
    quarters, months = {period.quarter for period in found}, {month_of(period.month) for period in found}
    return frozenset(years(label)), frozenset(part for part in (*quarters, *months) if part)


def _share(name: str, asked: Collection[str], weight: Mapping[str, float]) -> float:
    """How much of a name is in the question, whose words among those of all names are `asked`."""
    own = _stems(name)
    total = sum(weight.get(word, 0.0) for word in own)
    return sum(weight.get(word, 0.0) for word in own if word in asked) / total if total else 0.0


def _votes(passages: Sequence[Passage], hits: Sequence[Hit]) -> dict[str, float]:
    """By document id: the mean nearness of its nearest passages, scaled."""
    known = {hit.chunk_id: hit.dense for hit in hits}
    cosines: dict[str, list[float]] = {}
    for passage in passages:
        cosine = known[passage.chunk_id]
        if cosine is not None:
            cosines.setdefault(passage.document_id, []).append(cosine)
    if not cosines:
        return {}
    lowest = min(min(of_document) for of_document in cosines.values())
    sums = {
        id_: sum(sorted((cosine - lowest for cosine in of_document), reverse=True)[:_STRONGEST])
        for id_, of_document in cosines.items()
    }
    most = max(sums.values()) or 1.0
    return {id_: total / most for id_, total in sums.items()}


def _scaled(values: Mapping[str, float]) -> dict[str, float]:
    low, high = min(values.values()), max(values.values())
    return {key: (value - low) / ((high - low) or 1.0) for key, value in values.items()}


def _distinct(passages: Sequence[Passage], most: int, *, timeless: bool) -> list[Passage]:
    """Without those that say what a better one of another document says, as far as the first `most`.

    Where the question names no year, the newest of them stands in the best one's place: an older version of a text
    must not hide the one in force.
    """
    kept: list[Passage] = []
    said: dict[int, list[tuple[int, frozenset[str]]]] = {}  # by how many words, what is kept where
    for passage in passages:
        if len(kept) >= most and not (timeless and passage.about.dated):  # it takes nobody's place
            kept.append(passage)
            continue
        own = frozenset(passage.text.casefold().split())
        least = math.ceil(_SAME * len(own))
        # so many of its words that a twin must have one of them; long ones, which few others have
        telling = sorted(own, key=len)[least - 1 :]
        others = [each for size in range(least, int(len(own) / _SAME) + 1) for each in said.get(size, ())]
        near = ((n, other) for n, other in others if not other.isdisjoint(telling))
        apart = ((n, other) for n, other in near if kept[n].document_id != passage.document_id)
        twin = next((n for n, other in apart if _alike(own, other)), None)
        if twin is None:
            said.setdefault(len(own), []).append((len(kept), own))
            kept.append(passage)
        elif timeless and _newer(passage, kept[twin]):
            kept[twin] = replace(passage, score=kept[twin].score)
    return kept


def _alike(one: frozenset[str], other: frozenset[str]) -> bool:
    common = len(one & other)
    return common >= _SAME * (len(one) + len(other) - common)


def _newer(passage: Passage, other: Passage) -> bool:
    mine, theirs = passage.about.dated, other.about.dated
    return mine is not None and theirs is not None and mine > theirs
