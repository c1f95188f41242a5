"""Evaluations that an admin starts from the browser: each in a thread of the web process, one at a time.

How far a run is, and that it is alive, stands in the database each second; a run whose process is gone is shown as
interrupted (`storage.evaluations`). Not covered: asking the questions and scoring (`app.evaluation`).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from app.budget import Budget
from app.evaluation.corpus import Corpus
from app.evaluation.evaluate import evaluate
from app.evaluation.measures import Comparison, compare, summarise
from app.evaluation.outcomes import Run
from app.extract import Extractive
from app.language_model import answering
from app.llm import LLM
from app.prompt import Prompt
from app.question_sets import questions_of
from app.retrieve import Retriever
from app.rewrite import Rewriter
from app.verify import Check
from storage.documents import Documents
from storage.errors import Cancelled, FootnoteError, InvalidInput
from storage.evaluations import Evaluations, KeptQuestion, RunInfo, RunState
from storage.types import NO_INSTRUCTIONS, HouseInstructions, Principal
from storage.users import Users

log = logging.getLogger(__name__)

FAILED = "Something went wrong while evaluating; it is in the log."
STOPPED = "The web process was stopped meanwhile. Start it again."
_SAVE_SECONDS = 1.0


def figures(run: Run) -> dict[str, float]:
    """By the names of `measures.MEASURES`, and what makes them less than they seem: how many were missing or failed."""
    summary = summarise(run)
    found = {name: figure.value for name, figure in summary.overall.items()}
    return {**found, "missing": len(run.missing), "failed": summary.failed, "degraded": summary.degraded}


class Runs:
    def __init__(
        self,
        evaluations: Evaluations,
        documents: Documents,
        users: Users,
        retriever: Retriever,
        llm: LLM,
        *,
        generation: Callable[[], str],
        settings: Mapping[str, Any],
        rewriter: Rewriter | None = None,
        house: Callable[[], HouseInstructions] | None = None,
        budget: Budget | None = None,
        check: Check | None = None,
    ) -> None:
        """The live `generation` and `settings` are kept with each run, to tell later what it measured.

        `house`, `budget` and `check` are those of the chat.
        """
        self._evaluations = evaluations
        self._documents = documents
        self._users = users
        self._retriever = retriever
        self._llm = llm
        self._generation = generation
        self._settings = settings
        self._rewriter = rewriter
        self._house, self._budget, self._check = house, budget, check
        self._lock = threading.Lock()
        self._running: dict[str, tuple[_Run, threading.Thread]] = {}

    def start(self, set_id: str, principal: Principal, *, answers: bool, rights_of: str) -> RunInfo:
        """Begin to ask every question of a set with the rights of the account `rights_of`.

        Raises Forbidden for anybody but an admin, NotFound for an account that is not active, Conflict while another
        run is under way, InvalidInput for a set without questions.
        """
        asked = self._evaluations.questions(set_id, principal)
        rights, llm = self._users.principal(rights_of), answering(self._llm)
        info = self._evaluations.begin(
            set_id,
            principal,
            answers=answers,
            rights_of=rights.name,
            generation=self._generation(),
            settings={**self._settings, **self._asked_with(llm, answers=answers)},
        )
        run = _Run(info, self._evaluations, llm)
        thread = threading.Thread(
            target=self._work, args=(run, asked, rights), name=f"evaluation-{info.id[:8]}", daemon=True
        )
        with self._lock:
            self._running[info.id] = (run, thread)
        thread.start()
        return info

    def _asked_with(self, llm: LLM, *, answers: bool) -> dict[str, str]:
        """The model and the version of what it is asked; "" where none writes."""
        if not answers or isinstance(llm, Extractive):
            return {"model": llm.name if answers else "", "prompt_version": ""}
        return {"model": llm.name, "prompt_version": Prompt(question="", house=self._instructions()).version}

    def _instructions(self) -> HouseInstructions:
        return self._house() if self._house else NO_INSTRUCTIONS

    def cancel(self, run_id: str, principal: Principal) -> None:
        """End a run, wherever it runs; within about a second and the question that is being asked."""
        self._evaluations.cancel(run_id, principal)

    def report(self, run_id: str, principal: Principal) -> str:
        """A page of HTML. Raises Conflict for a run without result."""
        from app.evaluation.report import render  # with what draws its plots, which nothing else here needs

        result = self._result(run_id, principal)
        return render(result, summarise(result), base="")

    def compare(self, first: str, second: str, principal: Principal) -> Comparison:
        """`second` against `first`, over the questions that both have. Raises InvalidInput where they have none."""
        comparison = compare(self._result(first, principal), self._result(second, principal))
        if not comparison.questions:
            raise InvalidInput("These evaluations have no question in common.")
        return comparison

    def _result(self, run_id: str, principal: Principal) -> Run:
        return Run.from_json(self._evaluations.content(run_id, principal))

    def close(self, timeout: float = 5.0) -> None:
        """Stop what runs here. It is kept as interrupted."""
        with self._lock:
            running = list(self._running.values())
        for run, _ in running:
            run.stopped = True
            run.cancelled.set()
        deadline = time.monotonic() + timeout
        for _, thread in running:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _work(self, run: _Run, asked: list[KeptQuestion], rights: Principal) -> None:
        keeper = threading.Thread(target=run.keep, name=f"keep-{run.info.id[:8]}", daemon=True)
        keeper.start()
        try:
            self._evaluate(run, asked, rights)
        except Cancelled:
            self._end(run, RunState.INTERRUPTED if run.stopped else RunState.CANCELLED, STOPPED if run.stopped else "")
        except Exception as error:
            known = isinstance(error, FootnoteError)
            log.log(logging.WARNING if known else logging.ERROR, "an evaluation failed", exc_info=error)
            self._end(run, RunState.FAILED, str(error) if known else FAILED)
        finally:
            run.ended.set()
            with self._lock:
                self._running.pop(run.info.id, None)

    def _evaluate(self, run: _Run, asked: list[KeptQuestion], rights: Principal) -> None:
        questions = questions_of(asked, run.info.set_name)
        result = evaluate(
            questions,
            Corpus(self._documents.catalogue(rights), questions),
            self._retriever,
            rights,
            llm=run.llm if run.info.answers else None,
            rewriter=self._rewriter,
            house=self._instructions(),
            budget=self._budget,
            check=self._check,
            on_progress=run.advance,
            cancel=run.cancelled,
        )
        self._evaluations.finish(
            run.info.id, RunState.DONE, figures=figures(result), content=result.without_words().to_json()
        )

    def _end(self, run: _Run, state: RunState, reason: str) -> None:
        try:
            self._evaluations.finish(run.info.id, state, reason=reason)
        except FootnoteError:
            log.exception("an evaluation could not be kept; it will show as interrupted once it has been silent")


class _Run:
    """One evaluation under way."""

    def __init__(self, info: RunInfo, evaluations: Evaluations, llm: LLM) -> None:
        self.info = info
        self.llm = llm
        self.cancelled = threading.Event()
        self.ended = threading.Event()
        self.stopped = False  # by the end of the process
        self.done = 0
        self._evaluations = evaluations

    def advance(self, done: int, _total: int) -> None:
        self.done = done

    def keep(self) -> None:
        """Until the end: tell each second how far it is, and hear whether it was cancelled or deleted."""
        while not self.ended.wait(_SAVE_SECONDS):
            try:
                if not self._evaluations.progress(self.info.id, self.done):
                    self.cancelled.set()
            except FootnoteError:
                log.warning("the progress of an evaluation could not be kept; trying again in a second", exc_info=True)
