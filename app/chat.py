"""The whole way of a question: understand, retrieve, put before the model, write, cite.

`answer` yields what happens as events. Not covered: how each step is done (`rewrite`, `retrieve`, `prompt`, `llm`,
`extract`, `cite`), keeping answers that outlive the page that asked (`generation`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from app.budget import SOURCE_TOKENS, Budget
from app.cite import Resolver
from app.confidence import Sureness, sureness, warning
from app.extract import MOST_PASSAGES, Extractive
from app.llm import LLM, Reading
from app.prompt import Prompt, Turn
from app.quotation import quote
from app.retrieve import EVERYTHING, Retriever
from app.retrieve import Retrieved as Found
from app.rewrite import Asked, Rewriter, interleave, understand
from app.search import where
from app.verify import Check
from storage.errors import Unavailable
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

NOT_FOUND = "Nothing in the documents you may read answers this."
NOT_FOUND_GERMAN = "Nichts in den Dokumenten, die Sie lesen dürfen, beantwortet das."
IN_SCOPE = "Only the documents that the filters admit were searched."
IN_SCOPE_GERMAN = "Durchsucht wurden nur die Dokumente, welche die Filter zulassen."
LOOKED_AT = "Looked at, without finding it:"
LOOKED_AT_GERMAN = "Nachgesehen wurde hier, ohne es zu finden:"
WITHOUT_MODEL = "{reason} Until then, the answer is made of the documents' own words."

LISTED = 12  # passages that are looked for

_SHOWN = 3  # pages that a refusal names


@dataclass(frozen=True, slots=True)
class Retrieved:
    """The evidence that is put before the model, before it has read it.

    `sources` are all that it may cite, by number: also those of earlier turns, which come first. Empty: the passages.
    """

    passages: tuple[Passage, ...]
    seconds: float
    notice: str = ""
    asked: Asked | None = None  # what was searched for
    confidence: float | None = None  # that the passages answer it
    sources: tuple[Passage, ...] = ()


@dataclass(frozen=True, slots=True)
class Wrote:
    """The whole text so far, its numbers final, and its footnotes. `verbatim`: it has no words but those it cites."""

    text: str
    citations: tuple[Citation, ...]
    verbatim: bool
    verdicts: tuple[Verdict, ...] = ()  # on the finished sentences


@dataclass(frozen=True, slots=True)
class Ended:
    text: str
    citations: tuple[Citation, ...]
    state: MessageState
    model: str
    seconds: float
    first_evidence: float | None
    verdicts: tuple[Verdict, ...] = ()
    prompt_version: str = ""  # of what the model was asked; empty where none wrote


Event = Retrieved | Reading | Wrote | Ended


def answer(
    question: str,
    history: Sequence[Turn],
    principal: Principal,
    *,
    retriever: Retriever,
    llm: LLM,
    cancel: threading.Event,
    rewriter: Rewriter | None = None,
    scope: Scope = EVERYTHING,
    source_tokens: int = SOURCE_TOKENS,
    preference: Preference = NO_PREFERENCE,
    house: HouseInstructions = NO_INSTRUCTIONS,
    budget: Budget | None = None,
    check: Check | None = None,
) -> Iterator[Event]:
    """Retrieved first, Ended last. A refusal names, with footnotes, what was looked at. `budget`: what the model is
    given of the conversation and of what was found; else `source_tokens` of it, guessed.

    A model that can't be reached is stood in for by `Extractive`, after a second Retrieved whose notice says so. Raises
    Unavailable when the index does not answer, and what the model raises once it has begun to write.
    """
    began = time.monotonic()
    asked = understand(question, history, cancel, rewriter=rewriter)
    found = search(asked, principal, retriever, scope=scope)
    sure = sureness(found.confidence) is Sureness.FULL
    bare = Prompt(question=question, asked=asked.text, sure=sure, preference=preference, house=house, ranked=True)
    prompt = _prompt(bare, found, history, llm, budget or Budget(source_tokens=source_tokens))
    evidence = time.monotonic() - began if found.passages else None
    seconds = time.monotonic() - began
    yield Retrieved(prompt.passages, seconds, found.notice, asked, found.confidence, prompt.sources)
    resolver, model = Resolver(prompt.sources, check=None if isinstance(llm, Extractive) else check), llm.name
    if found.passages and sureness(found.confidence) is not Sureness.NONE:
        try:
            yield from _write(prompt, llm, resolver, cancel)
            model = llm.name  # it may have been changed meanwhile
        except Unavailable as error:
            if resolver.text or isinstance(llm, Extractive):
                raise
            stand_in = Extractive(retriever.embedder)
            prompt = _prompt(bare, found, history, stand_in, Budget())
            resolver, model = Resolver(prompt.passages), stand_in.name
            notice = " ".join(filter(None, (found.notice, WITHOUT_MODEL.format(reason=error))))
            yield Retrieved(prompt.passages, time.monotonic() - began, notice, asked, found.confidence)
            yield from _write(prompt, stand_in, resolver, cancel)
    state = MessageState.STOPPED if cancel.is_set() else MessageState.DONE
    verdicts = resolver.verdicts
    if not resolver.text.strip() and state is MessageState.DONE:
        verdicts = tuple(replace(verdict, start=0, end=0) for verdict in verdicts)  # on what was left out
        resolver = Resolver(prompt.passages)
        resolver.feed(_refusal(prompt.passages, german=prompt.german, narrowed=bool(scope)))
        resolver.finish()
        if resolver.citations:
            yield Wrote(resolver.text, resolver.citations, verbatim=not verdicts)  # a verdict may rest on any passage
    seconds, version = time.monotonic() - began, "" if model == Extractive.name else prompt.version
    yield Ended(resolver.text, resolver.citations, state, model, seconds, evidence, verdicts, version)


def _refusal(passages: Sequence[Passage], *, german: bool, narrowed: bool) -> str:
    """That nothing answers, and the best pages that were looked at, each with the number of its passage."""
    said = NOT_FOUND_GERMAN if german else NOT_FOUND
    if narrowed:
        said += f" {IN_SCOPE_GERMAN if german else IN_SCOPE}"
    pages = {(p.version_id, p.page): n for n, p in reversed(list(enumerate(passages, 1)))}
    best = sorted(pages.values())[:_SHOWN]
    lines = [f"- {quote(f'{p.title or p.name}, {where(p)}')} [{n}]" for n in best for p in [passages[n - 1]]]
    return "\n\n".join([said, LOOKED_AT_GERMAN if german else LOOKED_AT, "\n".join(lines)]) if lines else said


def search(
    asked: Asked, principal: Principal, retriever: Retriever, *, scope: Scope = EVERYTHING, limit: int = LISTED
) -> Found:
    """All queries' passages, taken in turn; how sure they are is said by the question as a whole, which comes first."""
    found = [retriever.retrieve(query, principal, scope=scope, limit=limit) for query in asked.queries]
    if len(found) == 1:
        return found[0]
    passages = interleave([each.passages for each in found], limit=max(len(each.passages) for each in found))
    return replace(found[0], passages=passages)


def _prompt(bare: Prompt, found: Found, history: Sequence[Turn], llm: LLM, budget: Budget) -> Prompt:
    if isinstance(llm, Extractive):
        earlier = tuple(replace(turn, sources=()) for turn in history)
        return replace(bare, passages=found.passages[:MOST_PASSAGES], history=earlier)
    return budget.filled(bare, found.passages, history)


def _write(prompt: Prompt, llm: LLM, resolver: Resolver, cancel: threading.Event) -> Iterator[Reading | Wrote]:
    for piece in llm.stream(prompt, cancel):
        if cancel.is_set():
            break
        if isinstance(piece, Reading):
            yield piece
            continue
        if piece.strip() and not (resolver.text or prompt.sure or isinstance(llm, Extractive)):
            resolver.feed(f"{warning(prompt.question, german=prompt.german)}\n\n")
        resolver.feed(piece)
        if resolver.text:
            yield Wrote(resolver.text, resolver.citations, isinstance(llm, Extractive), resolver.verdicts)
    resolver.finish()
    if resolver.text:
        yield Wrote(resolver.text, resolver.citations, isinstance(llm, Extractive), resolver.verdicts)
