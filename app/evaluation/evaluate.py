"""Ask every question of a set as a person would, and keep what came of it.

Questions are understood, searched for and answered by `app.chat`'s own functions. A conversation's later turns come
with its earlier questions, and with the answers that were given here where answers are asked for. Not covered: what
the outcomes are worth (`measures`).
"""

from __future__ import annotations

import importlib.metadata
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from app import chat
from app.assignment import Assignment
from app.budget import Budget
from app.doubt import refuses
from app.evaluation import answers
from app.evaluation.corpus import Corpus
from app.evaluation.evidence import Text, ranks
from app.evaluation.outcomes import Answered, Cited, Outcome, Ranked, Run
from app.evaluation.questions import Question, QuestionSet
from app.events import Ended
from app.llm import LLM
from app.prompt import Turn
from app.quotation import plain
from app.retrieve import Retriever
from app.rewrite import Rewriter, understand
from app.verify import Check
from storage.errors import Cancelled, FootnoteError, Unavailable
from storage.types import NO_INSTRUCTIONS, Citation, HouseInstructions, MessageState, Passage, Principal

LISTED = 50  # passages that a ranking goes down to: enough for twenty pages
CANCELLED = "The evaluation was cancelled."
_AGAIN = 0.5  # seconds between two looks whether the embedding model is there
_IN_A_ROW = 5  # questions that fail one after the other until the run is given up

OnProgress = Callable[[int, int], None]


def evaluate(
    questions: QuestionSet,
    corpus: Corpus,
    retriever: Retriever,
    principal: Principal,
    *,
    llm: LLM | None = None,
    rewriter: Rewriter | None = None,
    house: HouseInstructions = NO_INSTRUCTIONS,
    budget: Budget | None = None,
    check: Check | None = None,
    note: str = "",
    patience: float = 180.0,
    on_progress: OnProgress | None = None,
    cancel: threading.Event | None = None,
) -> Run:
    """One outcome for each question, in their order. Without `llm` nothing is answered, only searched.

    `house`, `budget` and `check` are the chat's: a model is asked and its sentences are checked as there.

    A question that fails is an outcome with an `error`. Raises Cancelled soon after `cancel` is set, Unavailable when
    the embedding model does not answer within `patience` seconds, and what the fifth of five failing questions raised.
    `on_progress` is told how many are done, of how many.
    """
    cancel, budget = cancel or threading.Event(), budget or Budget()
    asker = _Asker(corpus, retriever, principal, llm, rewriter, house, budget, check, cancel)
    return asker.run(questions, note=note, patience=patience, on_progress=on_progress)


@dataclass
class _Asker:
    corpus: Corpus
    retriever: Retriever
    principal: Principal
    llm: LLM | None
    rewriter: Rewriter | None
    house: HouseInstructions
    budget: Budget
    check: Check | None
    cancel: threading.Event
    given: dict[tuple[str, ...], str] = field(default_factory=dict)  # answers by their conversation's questions so far

    def run(self, questions: QuestionSet, *, note: str, patience: float, on_progress: OnProgress | None) -> Run:
        began, started = time.monotonic(), datetime.now(UTC)
        self._warm_up(questions.questions[0], patience)
        outcomes = self._outcomes(questions, on_progress)
        return Run(
            id=uuid.uuid4().hex,
            name=questions.name,
            started=started.isoformat(timespec="seconds"),
            seconds=time.monotonic() - began,
            principal=self.principal.name,
            model=self.llm.name if self.llm is not None else "",
            embedding=self.retriever.embedder.name,
            version=importlib.metadata.version("footnote"),
            note=note,
            documents=self.corpus.documents,
            missing=self.corpus.missing,
            outcomes=outcomes,
        )

    def _outcomes(self, questions: QuestionSet, on_progress: OnProgress | None) -> tuple[Outcome, ...]:
        outcomes: list[Outcome] = []
        failed = 0
        for question in questions.questions:
            if self.cancel.is_set():
                raise Cancelled(CANCELLED)
            try:
                outcomes.append(self._ask(question))
                failed = 0
            except FootnoteError as error:
                failed += 1
                if self.cancel.is_set() or failed == min(_IN_A_ROW, len(questions.questions)):
                    raise
                outcomes.append(Outcome(question=question, error=str(error)))
            if on_progress is not None:
                on_progress(len(outcomes), len(questions.questions))
        return tuple(outcomes)

    def _warm_up(self, question: Question, patience: float) -> None:
        """The first search pays for connections and caches that later ones have: it is not timed.

        The embedding model may be loading: without it the search would be another one than is to be measured.
        """
        end = time.monotonic() + patience
        while True:
            try:
                self.retriever.embedder.embed_question(question.text)
                break
            except Unavailable:
                if time.monotonic() > end:
                    raise
            if self.cancel.wait(_AGAIN):
                raise Cancelled(CANCELLED)
        chat.search(understand(question.text, (), self.cancel), self.principal, self.retriever)

    def _ask(self, question: Question) -> Outcome:
        history = self._history(question)
        began = time.monotonic()
        asked = understand(question.text, history, self.cancel, rewriter=self.rewriter)
        found = chat.search(asked, self.principal, self.retriever)
        seconds = time.monotonic() - began
        longer = chat.search(asked, self.principal, self.retriever, limit=LISTED)
        passages = _continued(found.passages, longer.passages)
        texts = [Text(self._name(one, question), one.version_id, one.page, one.start, one.text) for one in passages]
        return Outcome(
            question=question,
            ranked=tuple(self._ranked(passage, question) for passage in passages),
            confidence=found.confidence,
            seconds=seconds,
            evidence=ranks(question.evidence, texts, question.names),
            answer=self._answer(question, history) if self.llm is not None else None,
            notice=found.notice,
        )

    def _history(self, question: Question) -> list[Turn]:
        turns: list[Turn] = []
        for place, earlier in enumerate(question.history, 1):
            turns.append(Turn("user", earlier))
            if answer := self.given.get(question.history[:place]):
                turns.append(Turn("assistant", answer))
        return turns

    def _answer(self, question: Question, history: Sequence[Turn]) -> Answered:
        assert self.llm is not None
        asked = Assignment(
            question=question.text,
            history=history,
            principal=self.principal,
            retriever=self.retriever,
            llm=self.llm,
            cancel=self.cancel,
            rewriter=self.rewriter,
            house=self.house,
            budget=self.budget,
            check=self.check,
        )
        ended = next(event for event in chat.answer(asked) if isinstance(event, Ended))
        if ended.state is MessageState.STOPPED:
            raise Cancelled(CANCELLED)
        self.given[(*question.history, question.text)] = plain(ended.text)
        refused = refuses(ended.text, cites=bool(ended.citations))
        given = "" if refused else ended.text
        return Answered(
            text=ended.text,
            citations=tuple(self._cited(citation, question) for citation in ended.citations),
            refused=refused,
            hedged=not refused and answers.hedges(ended.text),
            **answers.against_reference(given, question),
            support=answers.support(given, {one.n: one.text for one in ended.citations}),
            seconds=ended.seconds,
        )

    def _ranked(self, passage: Passage, question: Question) -> Ranked:
        return Ranked(
            document=self._name(passage, question),
            document_id=passage.document_id,
            version_id=passage.version_id,
            page=passage.page,
            start=passage.start,
            end=passage.end,
            chunk=passage.chunk_id,
            score=passage.score,
        )

    def _cited(self, citation: Citation, question: Question) -> Cited:
        return Cited(
            n=citation.n,
            document=self._name(citation, question),
            document_id=citation.document_id,
            version_id=citation.version_id,
            page=citation.page,
            start=citation.start,
            end=citation.end,
            text=citation.text,
        )

    def _name(self, found: Passage | Citation, question: Question) -> str:
        return self.corpus.name_of(found.document_id, question.names)


def _continued(listed: Sequence[Passage], longer: Sequence[Passage]) -> list[Passage]:
    """What the application lists, as it lists it, then what else a longer list holds."""
    known = {passage.chunk_id for passage in listed}
    return [*listed, *(passage for passage in longer if passage.chunk_id not in known)]
