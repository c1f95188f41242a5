"""How good a ranking is: recall, reciprocal rank and nDCG as trec_eval computes them, through ir-measures.

What is ranked are distinct pages (or documents), in the order in which passages of them first appear. What is needed
are a question's `needs`; the first ranked page that meets a need is its hit, a second one for the same need is none.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from app.evaluation.outcomes import Outcome
from app.evaluation.questions import Place, Question

CUTOFFS = (1, 5, 10, 20)
CURVE = (1, 2, 3, 4, 5, 7, 10, 15, 20)  # cutoffs of the recall curve


@dataclass(frozen=True, slots=True)
class Judged:
    """Of each place of a ranking, the number of the need that it is the first to meet, or None; and how many needs."""

    hits: tuple[int | None, ...]
    needs: int


def needs(question: Question) -> tuple[frozenset[Place], ...]:
    """The pages that the question needs, each with those that may stand in for it.

    A stand-in is one for the last page listed of its own document, or of all where that document is not needed.
    """
    return _with_stand_ins(question.pages, question.also)


def document_needs(question: Question) -> tuple[frozenset[Place], ...]:
    """The documents that the question needs, each with those that may stand in for the last one."""
    wanted = [Place(name) for name in dict.fromkeys(question.documents)]
    others = [Place(name) for name in dict.fromkeys(place.document for place in question.also)]
    return _with_stand_ins(wanted, [place for place in others if place not in wanted])


def pages(outcome: Outcome) -> list[Place]:
    return list(dict.fromkeys(Place(one.document, one.page) for one in outcome.ranked))


def documents(outcome: Outcome) -> list[Place]:
    return list(dict.fromkeys(Place(one.document) for one in outcome.ranked))


def judge(ranked: Sequence[Place], wanted: Sequence[frozenset[Place]]) -> Judged:
    left = dict(enumerate(wanted))
    hits: list[int | None] = []
    for place in ranked:
        met = next((need for need, places in left.items() if place in places or Place(place.document) in places), None)
        if met is not None:
            del left[met]
        hits.append(met)
    return Judged(tuple(hits), len(wanted))


def of_pages(outcome: Outcome) -> Judged | None:
    """None where the question tells no pages."""
    wanted = needs(outcome.question)
    return judge(pages(outcome), wanted) if wanted else None


def of_documents(outcome: Outcome) -> Judged | None:
    """None where the question tells no documents."""
    wanted = document_needs(outcome.question)
    return judge(documents(outcome), wanted) if wanted else None


def measure(judged: Mapping[str, Judged], cutoffs: Sequence[int] = CUTOFFS) -> dict[str, dict[str, float]]:
    """By the keys of `judged`: "recall@k" for each cutoff, "mrr" and "ndcg@10"."""
    try:
        import ir_measures  # noqa: F401 - it has no wheel for Linux on ARM
    except ImportError:
        return {key: _by_hand(one, cutoffs) for key, one in judged.items()}
    return _by_library(judged, cutoffs)


def _by_library(judged: Mapping[str, Judged], cutoffs: Sequence[int]) -> dict[str, dict[str, float]]:
    import ir_measures
    from ir_measures import RR, R, nDCG

    names = {R @ k: f"recall@{k}" for k in cutoffs} | {RR: "mrr", nDCG @ 10: "ndcg@10"}
    qrels = {key: {f"need {need}": 1 for need in range(one.needs)} for key, one in judged.items()}
    runs = {key: dict(_scored(one)) for key, one in judged.items()}
    found: dict[str, dict[str, float]] = {key: dict.fromkeys(names.values(), 0.0) for key in judged}
    for metric in ir_measures.iter_calc(list(names), qrels, runs):
        found[metric.query_id][names[metric.measure]] = float(metric.value)
    return found


def _scored(judged: Judged) -> Iterator[tuple[str, float]]:
    """A name and a score for each place; scores fall, so that nothing is left to how a library breaks ties."""
    yield "nothing", -math.inf if not judged.hits else -float(len(judged.hits) + 1)
    for place, need in enumerate(judged.hits):
        yield (f"place {place}" if need is None else f"need {need}"), -float(place)


def _by_hand(judged: Judged, cutoffs: Sequence[int]) -> dict[str, float]:
    ranks = [rank for rank, need in enumerate(judged.hits, 1) if need is not None]
    found = {f"recall@{k}": sum(rank <= k for rank in ranks) / judged.needs for k in cutoffs}
    ideal = sum(1 / math.log2(rank + 1) for rank in range(1, min(judged.needs, 10) + 1))
    gained = sum(1 / math.log2(rank + 1) for rank in ranks if rank <= 10)
    return found | {"mrr": 1 / ranks[0] if ranks else 0.0, "ndcg@10": gained / ideal}


def _with_stand_ins(wanted: Sequence[Place], others: Sequence[Place]) -> tuple[frozenset[Place], ...]:
    accepted = [{place} for place in dict.fromkeys(wanted)]
    places = list(dict.fromkeys(wanted))
    if not places:
        return ()
    for other in others:
        same = [number for number, place in enumerate(places) if place.document == other.document]
        accepted[same[-1] if same else -1].add(other)
    return tuple(map(frozenset, accepted))
