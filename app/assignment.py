"""What is asked, by whom, and what it is done with: what every mode is handed, and what they share of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from app import manner
from app.budget import Budget
from app.checked_text import CheckedText
from app.cite import Resolver
from app.events import Ended, Event, Wrote
from app.extract import Extractive
from app.footnotes import Footnotes
from app.llm import LLM, Reading
from app.prompt import Prompt, Turn
from app.quotation import quote
from app.retrieve import EVERYTHING, Retriever
from app.rewrite import Rewriter
from app.verify import Check
from storage.documents import Documents, Listed
from storage.types import (
    NO_INSTRUCTIONS,
    NO_PREFERENCE,
    Citation,
    HouseInstructions,
    MessageState,
    Passage,
    Preference,
    Principal,
    Scope,
    Verdict,
)

_TOLD = 12  # documents that are offered


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """`picked`: its asker chose the mode; else the question's words did."""

    question: str
    principal: Principal
    retriever: Retriever
    llm: LLM
    cancel: threading.Event
    history: Sequence[Turn] = ()
    rewriter: Rewriter | None = None
    scope: Scope = EVERYTHING
    preference: Preference = NO_PREFERENCE
    house: HouseInstructions = NO_INSTRUCTIONS
    budget: Budget = field(default_factory=Budget)
    check: Check | None = None
    picked: bool = False
    began: float = field(default_factory=time.monotonic)

    @property
    def documents(self) -> Documents:
        return self.retriever.documents

    @property
    def german(self) -> bool:
        return manner.german(self.question, self.preference)

    @property
    def has_model(self) -> bool:
        return not isinstance(self.llm, Extractive)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began

    def say(self, english: str, german: str) -> str:
        return german if self.german else english

    def catalogue(self) -> list[Listed]:
        """The documents in scope that may be read and searched, by title."""
        inside = self.documents.within(self.scope, self.principal)
        listed = [one for one in self.documents.catalogue(self.principal) if one.id in inside]
        return sorted(listed, key=lambda one: (one.title.casefold(), one.name, one.id))

    def without_model(self) -> Assignment:
        return replace(self, llm=Extractive(self.retriever.embedder))

    def ended(
        self, text: str, citations: tuple[Citation, ...], evidence: float | None, verdicts: tuple[Verdict, ...] = ()
    ) -> Ended:
        """`evidence`: after how many seconds the first of it was shown."""
        state = MessageState.STOPPED if self.cancel.is_set() else MessageState.DONE
        version = Prompt(question="", house=self.house).version if self.has_model else ""
        return Ended(text, citations, state, self.llm.name, self.seconds, evidence, verdicts, version)


def written(
    asked: Assignment,
    prompt: Prompt,
    footnotes: Footnotes,
    sources: Sequence[Sequence[Passage]] | None = None,
    *,
    about: str = "",
) -> Iterator[Reading | CheckedText]:
    """The text so far, its numbers footnotes, again and again as the model writes it; the last is the whole of it.

    A model's sentences have their verdicts. `sources` are the passages that each number means, where they are not the
    prompt's; `about` is what words are about that are too few to say so.
    """
    meant = [[passage] for passage in prompt.sources] if sources is None else sources
    check = replace(asked.check, about=about) if asked.check and asked.has_model else None
    resolver = Resolver.of(meant, footnotes, check=check)
    for piece in asked.llm.stream(prompt, asked.cancel):
        if asked.cancel.is_set():
            break
        if isinstance(piece, Reading):
            yield piece
            continue
        resolver.feed(piece)
        if resolver.text:
            yield CheckedText(resolver.text, resolver.verdicts)
    resolver.finish()
    if resolver.text or resolver.verdicts:
        yield CheckedText(resolver.text, resolver.verdicts)


def offer(asked: Assignment, said: str, documents: Sequence[Listed]) -> Iterator[Event]:
    """Say what is missing, and name the documents that could be meant, each with a footnote to its beginning."""
    footnotes = Footnotes()
    lines = []
    for one in documents[:_TOLD]:
        first = asked.documents.read(one.id, asked.principal)[0]
        number = footnotes.number(first, 0, len(first.text.rstrip()))
        lines.append(f"- {quote(one.title or one.name)} ({quote(one.name)}) [{number}]")
    if len(documents) > _TOLD:
        rest = len(documents) - _TOLD
        lines.append(f"- {asked.say(f'and {rest} more', f'und {rest} weitere')}")
    text = "\n\n".join([said, "\n".join(lines)]) if lines else said
    if footnotes.citations:
        yield Wrote(text, footnotes.citations, verbatim=True)
    yield asked.ended(text, footnotes.citations, None)
