"""The questions of a run that went wrong, sorted by how: what a person looks at to make the next run better."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.evaluation import measures, ranking
from app.evaluation.outcomes import Outcome, Ranked, Run
from app.evaluation.questions import Place

FAILED = "Could not be asked"
NOT_FOUND = "Needed and not among the first five"
NOT_FIRST = "Needed and not in the first place"
WRONG_ANSWER = "Found, and answered wrong"
WRONG_REFUSAL = "Answerable, and refused"
MADE_UP = "Not answerable, and answered"
_FIRST = 3  # places that are shown


@dataclass(frozen=True, slots=True)
class Miss:
    """`why` in plain words; `first` the places that came first instead."""

    outcome: Outcome
    why: str
    first: tuple[Ranked, ...]


def sorted_out(run: Run) -> dict[str, list[Miss]]:
    """Each question that went wrong under the first heading that fits, the worst first; no empty headings."""
    found: dict[str, list[tuple[float, Miss]]] = {
        heading: [] for heading in (FAILED, NOT_FOUND, WRONG_REFUSAL, MADE_UP, WRONG_ANSWER, NOT_FIRST)
    }
    for outcome, score in zip(run.outcomes, measures.scores(run.outcomes), strict=True):
        heading = _heading(outcome, score)
        if heading:
            badness = outcome.confidence - score.get("mrr", 0.0)
            found[heading].append((badness, Miss(outcome, _why(outcome), tuple(_first(outcome)))))
    return {
        heading: [miss for _, miss in sorted(misses, key=lambda one: -one[0])]
        for heading, misses in found.items()
        if misses
    }


def _heading(outcome: Outcome, score: dict[str, float]) -> str:
    recall = score.get("page_recall@5", score.get("document_recall@5"))
    if outcome.error:
        return FAILED
    if outcome.question.unanswerable:
        return MADE_UP if score.get("refused_unanswerable") == 0 else ""
    if recall is not None and recall < 1:
        return NOT_FOUND
    if score.get("refused_answerable"):
        return WRONG_REFUSAL
    if score.get("right") == 0:
        return WRONG_ANSWER
    first = score.get("page_recall@1", score.get("document_recall@1"))
    return NOT_FIRST if first == 0 else ""


def _why(outcome: Outcome) -> str:
    if outcome.error:
        return outcome.error
    wanted = ranking.needs(outcome.question)
    ranked: Sequence[Place] = ranking.pages(outcome)
    if not wanted:
        wanted, ranked = ranking.document_needs(outcome.question), ranking.documents(outcome)
    if not wanted:
        return (
            "the documents hold no answer" if outcome.question.unanswerable else "nobody said where the answer stands"
        )
    hits = ranking.judge(ranked, wanted).hits
    places = [*outcome.question.pages] or [Place(name) for name in outcome.question.documents]
    told = []
    for number, place in enumerate(places):
        name = f"{place.document}, page {place.page}" if place.page else place.document
        told.append(f"{name}: {f'place {hits.index(number) + 1}' if number in hits else 'not found'}")
    return "needed " + "; ".join(told)


def _first(outcome: Outcome) -> list[Ranked]:
    places: dict[tuple[str, int], Ranked] = {}
    for one in outcome.ranked:
        places.setdefault((one.document, one.page), one)
    return list(places.values())[:_FIRST]
