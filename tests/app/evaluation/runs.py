"""Runs of a few questions, made by hand: what measures, reports and files are tested with."""

from __future__ import annotations

from collections.abc import Sequence

from app.evaluation.outcomes import Answered, Cited, Outcome, Ranked, Run, Support
from app.evaluation.questions import Place, Question

VERSION = "0123456789abcdef" * 2
HOSTILE = '<script>alert("x")</script><img src=https://evil.example/a.png>\u202e'


def ranked(*places: tuple[str, int]) -> tuple[Ranked, ...]:
    return tuple(
        Ranked(document=name, document_id=name, version_id=VERSION, page=page, start=0, end=9, chunk=str(i), score=1.0)
        for i, (name, page) in enumerate(places)
    )


def cited(*places: tuple[str, int]) -> tuple[Cited, ...]:
    return tuple(
        Cited(n=n, document=name, document_id=name, version_id=VERSION, page=page, start=0, end=9, text="words")
        for n, (name, page) in enumerate(places, 1)
    )


def found(
    id: str, *places: tuple[str, int], kind: str = "fact", confidence: float = 0.5, seconds: float = 0.01
) -> Outcome:
    """An outcome of a question that needs page 1 of document a."""
    question = Question(
        id=id, text=f"Question {id}?", kind=kind, documents=("a",), pages=(Place("a", 1),), answers=("30 days",)
    )
    return Outcome(question=question, ranked=ranked(*places), confidence=confidence, seconds=seconds)


def unanswerable(id: str, *, confidence: float = 0.1) -> Outcome:
    question = Question(id=id, text=f"Question {id}?", kind="unanswerable", answerable=False)
    return Outcome(question=question, ranked=ranked(("b", 1)), confidence=confidence, seconds=0.02)


def answer(text: str = "Leave is 30 days [1]", *places: tuple[str, int], figures: float | None = 1.0) -> Answered:
    places = places or (("a", 1),)
    support = Support(statements=2, supported=1, citations=4, precise=3)
    return Answered(text=text, citations=cited(*places), figures=figures, exact_match=0.0, f1=0.4, support=support)


REFUSAL = Answered(text="Nothing in the documents you may read answers this.", refused=True, figures=0.0, f1=0.0)


def run(outcomes: Sequence[Outcome], *, id: str = "r1", name: str = "set.jsonl") -> Run:
    return Run(
        id=id,
        name=name,
        started="2026-03-04T05:06:07+00:00",
        seconds=3.0,
        principal="ada",
        model="extractive",
        embedding="hash",
        version="0.1.0",
        documents=2,
        outcomes=tuple(outcomes),
    )
