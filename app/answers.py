"""Answers on their way: each runs in a thread of its own and is kept in the database as it grows.

So it outlives the page that asked, and is withdrawn in mid-sentence when a source is deleted or its reader loses the
right to it. Not covered: how a question is answered (`chat`).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from app.assignment import Assignment
from app.assistant import respond
from app.budget import Budget
from app.code_check import checked
from app.doubt import refuses
from app.earlier import Earlier
from app.events import Ended, Event, Retrieved, Step, Wrote
from app.guard import Guard, Subject, guarded
from app.language_model import answering
from app.llm import LLM, Reading
from app.prompt import Turn
from app.quotation import quote
from app.retrieve import EVERYTHING, Retriever
from app.rewrite import Rewriter
from app.verify import Check
from storage.conversations import Conversations
from storage.errors import FootnoteError, InvalidInput, NotFound
from storage.guard_verdicts import GuardVerdicts
from storage.types import (
    NO_INSTRUCTIONS,
    NO_PREFERENCE,
    Citation,
    Given,
    GuardVerdict,
    HouseInstructions,
    MessageState,
    Mode,
    Passage,
    Preference,
    Principal,
    Record,
    Scope,
    Verdict,
)

log = logging.getLogger(__name__)

FAILED = "Something went wrong while answering; it is in the log."
_SAVE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Progress:
    """What there is of an answer. `version` grows with every change."""

    version: int = 0
    stage: str = "searching"  # "reading", "writing", "done"
    text: str = ""
    citations: tuple[Citation, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    passages: tuple[Passage, ...] = ()
    reading: Reading | None = None
    step: Step | None = None
    notice: str = ""
    done: bool = False


class Generation:
    """An answer on its way, watched by any number of threads."""

    def __init__(self, message_id: str, conversation_id: str) -> None:
        self.message_id = message_id
        self.conversation_id = conversation_id
        self.cancelled = threading.Event()
        self._changed = threading.Condition()
        self._progress = Progress()

    def snapshot(self) -> Progress:
        with self._changed:
            return self._progress

    def wait(self, seen: int, timeout: float) -> Progress:
        """Returns when there is something newer than version `seen`, the answer is done, or time is up."""
        with self._changed:
            self._changed.wait_for(lambda: self._progress.version > seen or self._progress.done, timeout)
            return self._progress

    def cancel(self) -> None:
        """Stop soon, keeping the text so far. Without effect on what is done."""
        self.cancelled.set()

    def advance(self, **changes: object) -> None:
        with self._changed:
            self._progress = replace(self._progress, version=self._progress.version + 1, **changes)  # type: ignore[arg-type]
            self._changed.notify_all()


class Answers:
    """Runs answers in this process: at most one at a time in a conversation."""

    def __init__(
        self,
        conversations: Conversations,
        retriever: Retriever,
        llm: LLM,
        *,
        rewriter: Rewriter | None = None,
        preference_of: Callable[[Principal], Preference] | None = None,
        guard: Guard | None = None,
        guard_verdicts: GuardVerdicts | None = None,
        house: Callable[[], HouseInstructions] | None = None,
        budget: Budget | None = None,
        check: Check | None = None,
    ) -> None:
        """With a `guard`, `guard_verdicts` keeps what it says."""
        self._conversations = conversations
        self._retriever = retriever
        self._llm = llm
        self._rewriter = rewriter
        self._preference_of = preference_of
        self._guard, self._guard_verdicts = guard, guard_verdicts
        self._house = house
        self._budget = budget or Budget()
        self._check = check
        self._earlier = Earlier(retriever)
        self._lock = threading.Lock()
        self._running: dict[str, tuple[Generation, threading.Thread]] = {}

    def ask(
        self,
        conversation_id: str,
        question: str,
        principal: Principal,
        *,
        scope: Scope = EVERYTHING,
        mode: Mode | None = None,
    ) -> Generation:
        """Keep the question and start on its answer, which is looked for in `scope`.

        `mode` is what its asker picked; None leaves it to the question's words.

        Raises InvalidInput for an empty question and while another is being answered in this conversation, NotFound
        when the conversation is not the principal's.
        """
        question = question.strip()
        if not question:
            raise InvalidInput("Type a question first.")
        with self._lock:
            if any(generation.conversation_id == conversation_id for generation, _ in self._running.values()):
                raise InvalidInput("A question is being answered in this chat. Wait for it, or stop it first.")
            history = self._earlier.turns(self._conversations.messages(conversation_id, principal), principal, scope)
            message = self._conversations.ask(conversation_id, question, principal)
            generation = Generation(message.id, conversation_id)
            run = _Run(generation, question, history, principal, scope, mode, self._conversations)
            thread = threading.Thread(target=self._work, args=(run,), name=f"answer-{message.id[:8]}", daemon=True)
            self._running[message.id] = (generation, thread)
            thread.start()
        return generation

    def running(self, message_id: str) -> Generation | None:
        """The generation of a message while it runs here. Who may see it has to be asked of `Conversations` first."""
        with self._lock:
            found = self._running.get(message_id)
        return found[0] if found else None

    def close(self, timeout: float = 5.0) -> None:
        """Stop all that run, and give them `timeout` seconds to keep what they have."""
        with self._lock:
            running = list(self._running.values())
        for generation, _ in running:
            generation.cancel()
        deadline = time.monotonic() + timeout
        for _, thread in running:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _work(self, run: _Run) -> None:
        began, llm = time.monotonic(), answering(self._llm)
        keeper = threading.Thread(target=run.keep, name=f"keep-{run.generation.message_id[:8]}", daemon=True)
        keeper.start()
        try:
            asked = Assignment(
                question=run.question,
                history=run.history,
                principal=run.principal,
                retriever=self._retriever,
                llm=llm,
                cancel=run.generation.cancelled,
                rewriter=self._rewriter,
                scope=run.scope,
                preference=self._preference_of(run.principal) if self._preference_of else NO_PREFERENCE,
                house=self._house() if self._house else NO_INSTRUCTIONS,
                budget=self._budget,
                check=self._check,
            )
            for event in checked(self._guarded(respond(asked, run.mode), run)):
                run.take(event)
                if isinstance(event, Ended) and event.prompt_version and run.given:
                    self._earlier.keep(run.generation.message_id, run.given, run.scope)
        except Exception as error:
            known = isinstance(error, FootnoteError)
            log.log(logging.WARNING if known else logging.ERROR, "an answer failed", exc_info=error)
            unread = self._guard is not None and self._guard.answers
            run.fail(str(error) if known else FAILED, llm.name, time.monotonic() - began, unread=unread)
        finally:
            run.ended.set()
            with self._lock:
                self._running.pop(run.generation.message_id, None)
            run.generation.advance(stage="done", done=True)

    def _guarded(self, events: Iterator[Event | Step], run: _Run) -> Iterator[Event | Step]:
        guard, verdicts = self._guard, self._guard_verdicts
        if guard is None or verdicts is None:
            return events

        def keep(subject: Subject, verdict: GuardVerdict) -> None:
            blocked = not guard.passes(verdict)
            verdicts.keep(run.generation.message_id, subject, verdict, run.principal, blocked=blocked)

        return guarded(events, run.question, guard, keep)


class _Run:
    """One answer being kept: its sources before its words, its words every second, its end."""

    def __init__(
        self,
        generation: Generation,
        question: str,
        history: Sequence[Turn],
        principal: Principal,
        scope: Scope,
        mode: Mode | None,
        conversations: Conversations,
    ) -> None:
        self.generation = generation
        self.question = question
        self.history = history
        self.principal = principal
        self.scope = scope
        self.mode = mode
        self.ended = threading.Event()
        self._conversations = conversations
        self._writing = threading.Lock()  # between this answer's two threads
        self.given: tuple[Passage, ...] = ()  # what stands before the model, by number
        self._used: tuple[Passage, ...] = ()
        self._sources: set[str] = set()
        self._first_evidence: float | None = None
        self._text = ""
        self._citations: tuple[Citation, ...] = ()
        self._verdicts: tuple[Verdict, ...] = ()
        self._record: Record | None = None

    def take(self, event: Event | Step) -> None:
        if isinstance(event, Retrieved):
            self.given = event.sources
            self._used = event.sources or event.passages
            self._first_evidence = event.seconds if event.passages else None
            self._record = _record(event)
            self.generation.advance(stage="reading", passages=event.passages, notice=event.notice)
        elif isinstance(event, Reading):
            self.generation.advance(reading=event)
        elif isinstance(event, Step):
            self.generation.advance(step=event)
        elif isinstance(event, Wrote):
            self._record_sources(event)
            with self._writing:
                self._text, self._citations, self._verdicts = event.text, event.citations, event.verdicts
            if not self.generation.cancelled.is_set():
                self._show()
        else:
            self._finish(event)

    def _record_sources(self, event: Wrote) -> None:
        """Before the words are kept. A model may use all passages; a verbatim answer holds only what it cites."""
        used = event.citations if event.verbatim else self._used
        sources = {source.document_id for source in used} - self._sources
        if sources:
            self._conversations.record_sources(self.generation.message_id, sources)
            self._sources |= sources

    def keep(self) -> None:
        """Until the end: save what there is each second, which also tells that the answer is alive.

        Stops it when a source was deleted or may not be read any more, or when the chat is gone.
        """
        while not self.ended.wait(_SAVE_SECONDS):
            try:
                with self._writing:
                    if self.ended.is_set():
                        return
                    self._conversations.save_text(self.generation.message_id, self._text, self._citations)
                if not self._may_be_seen():
                    self.generation.cancel()
                    self.generation.advance(text="", citations=(), verdicts=(), passages=())
            except FootnoteError:
                log.warning("an answer could not be saved; trying again in a second", exc_info=True)

    def fail(self, reason: str, model: str, seconds: float, *, unread: bool = False) -> None:
        """Keep what there is, with the reason below it; the reason alone where a guard should have read the rest."""
        if unread:
            self._text, self._citations, self._verdicts = "", (), ()
        text = f"{self._text}\n\n{quote(reason)}" if self._text else quote(reason)
        state, evidence = MessageState.FAILED, self._first_evidence
        ended = Ended(text, self._citations, state, model, seconds, evidence, self._verdicts)
        try:
            self._finish(ended)
        except Exception:
            log.exception("a failed answer could not be kept; it will show as failed once it has been silent")
            self.generation.advance(text=quote(reason), citations=(), verdicts=(), passages=())

    def _finish(self, ended: Ended) -> None:
        with self._writing:
            self._text, self._citations, self._verdicts = ended.text, ended.citations, ended.verdicts
            self._conversations.finish(
                self.generation.message_id,
                ended.text,
                ended.state,
                ended.citations,
                model=ended.model,
                seconds=ended.seconds,
                first_evidence=ended.first_evidence,
                record=replace(self._record, prompt_version=ended.prompt_version) if self._record else None,
                verdicts=ended.verdicts,
                refused=refuses(ended.text, cites=bool(ended.citations)),
            )
            self.ended.set()
        if self._may_be_seen():
            self._show()
        else:
            self.generation.advance(text="", citations=(), verdicts=(), passages=())

    def _show(self) -> None:
        self.generation.advance(
            stage="writing", text=self._text, citations=self._citations, verdicts=self._verdicts, reading=None
        )

    def _may_be_seen(self) -> bool:
        try:
            message = self._conversations.message(self.generation.message_id, self.principal)
        except NotFound:
            return False
        return message.state is not MessageState.WITHDRAWN


def _record(event: Retrieved) -> Record:
    given = event.sources or event.passages
    sources = (Given(p.document_id, p.version_id, p.page, p.start, p.end) for p in given)
    return Record(
        searched=event.asked.queries if event.asked else (), confidence=event.confidence, sources=tuple(sources)
    )
