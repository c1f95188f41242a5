"""Whether a new generation may be live: the same questions asked of it and of the live one, and what that must give.

Asked is a question set: the one that was named, else the largest. Where there is none, headings of the documents serve
as questions for their own pages, which tells gross mistakes (a wrong model, lost pages) and no more. Searches are
measured as the application lists them, without a reranker, with the rights of an admin.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from app.evaluation.corpus import Corpus
from app.evaluation.evaluate import evaluate
from app.evaluation.measures import summarise
from app.evaluation.questions import Place, Question, QuestionSet
from app.question_sets import questions_of
from app.retrieve import Retriever
from ingest.embed import Embedder
from ingest.reindex import Verdict
from storage.documents import Documents
from storage.errors import InvalidInput, NotFound
from storage.evaluations import Evaluations
from storage.filling import Filling
from storage.generations import Generation
from storage.index import Index
from storage.types import Principal, Role

HEADINGS = 200  # that are asked where there is no question set
SET = "set"  # of a generation's `gate`: the id of the question set to compare by
_MEASURES = {  # by what they are called: the first of these that the questions have
    "recall@10": ("page_recall@10", "document_recall@10"),
    "ndcg@10": ("ndcg@10",),
    "seconds": ("seconds_p50",),
}
_SLOW = 0.05  # seconds more that nobody minds, whatever the share
_WORKER = Principal("worker", "worker", Role.ADMIN)


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Satisfies `ingest.reindex.Compare`. `worse`: how much recall and nDCG may fall; `slower`: how many times the
    live one's median a search may take."""

    index: Index
    embedder_of: Callable[[str], Embedder]
    documents: Documents
    evaluations: Evaluations
    filling: Filling
    worse: float = 0.02
    slower: float = 2.0
    principal: Principal = field(default=_WORKER)

    def __call__(self, live: Generation, new: Generation, cancelled: Callable[[], bool]) -> Verdict:
        """Raises Cancelled soon after `cancelled` says so, and what asking raises."""
        questions, kind = self._questions(live, str(new.gate.get(SET, "")))
        if not questions.questions:
            return Verdict({"kind": "nothing", "questions": 0})
        before, after = (self._figures(one, questions, cancelled) for one in (live, new))
        compared = {"kind": kind, "set": questions.name, "questions": len(questions.questions)}
        return Verdict({**compared, "live": before, "new": after}, refusal(before, after, self.worse, self.slower))

    def _questions(self, live: Generation, set_id: str) -> tuple[QuestionSet, str]:
        sets = [one for one in self.evaluations.sets(self.principal) if one.questions]
        chosen = [one for one in sets if one.id == set_id] if set_id else sorted(sets, key=lambda one: -one.questions)
        if set_id and not chosen:
            raise NotFound("The question set to compare by is gone or empty.")
        for one in chosen:
            questions = questions_of(self.evaluations.questions(one.id, self.principal), one.name)
            if set_id or self._answerable(questions):
                return questions, "questions"
        return self._headings(live), "headings"

    def _answerable(self, questions: QuestionSet) -> bool:
        try:
            missing = Corpus(self.documents.catalogue(self.principal), questions).missing
        except InvalidInput:  # another installation's: its documents are not here, or can't be told apart
            return False
        return any(set(one.names) - set(missing) for one in questions.questions)

    def _headings(self, live: Generation) -> QuestionSet:
        found = self.filling.headings(live.id, limit=HEADINGS)
        questions = tuple(
            Question(
                id=str(number),
                text=f"{one.title}: {one.heading.split(' > ')[-1]}"[:400],
                documents=(one.sha256,),
                pages=(Place(one.sha256, one.page),),
            )
            for number, one in enumerate(found)
        )
        hashes = tuple(dict.fromkeys((one.sha256, one.sha256) for one in found))
        return QuestionSet(name="headings of the documents", questions=questions, hashes=hashes)

    def _figures(
        self, generation: Generation, questions: QuestionSet, cancelled: Callable[[], bool]
    ) -> dict[str, float]:
        embedder = self.embedder_of(generation.model)
        retriever = Retriever(self.index, embedder, self.documents, live=lambda: (embedder, generation.name))
        stop = threading.Event()

        def heed(_done: int, _total: int) -> None:
            if cancelled():
                stop.set()

        corpus = Corpus(self.documents.catalogue(self.principal), questions)
        run = evaluate(questions, corpus, retriever, self.principal, on_progress=heed, cancel=stop)
        summary = summarise(run)
        found = {
            called: round(next((summary.overall[name].value for name in names if name in summary.overall), 0.0), 4)
            for called, names in _MEASURES.items()
        }
        return {**found, "failed": summary.failed + summary.degraded}


def refusal(live: Mapping[str, Any], new: Mapping[str, Any], worse: float, slower: float) -> str:
    """Why the new one should not be live, in words; "" where it may."""
    reasons = []
    for name, called in (("recall@10", "recall@10"), ("ndcg@10", "nDCG@10")):
        if live[name] - new[name] > worse + 1e-9:
            reasons.append(f"{called} falls from {live[name]:.3f} to {new[name]:.3f}")
    if slower and new["seconds"] > max(live["seconds"] * slower, live["seconds"] + _SLOW):
        reasons.append(f"a search takes {1000 * new['seconds']:.0f} ms instead of {1000 * live['seconds']:.0f}")
    if new["failed"] > live["failed"]:
        reasons.append(f"{new['failed'] - live['failed']} more questions could not be asked in full")
    return f"It would be worse: {'; '.join(reasons)}." if reasons else ""
