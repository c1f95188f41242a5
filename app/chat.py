"""The whole way of a question: understand, retrieve, put before the model, write, cite.

`answer` yields what happens (`events`). Not covered: how each step is done (`rewrite`, `retrieve`, `prompt`, `llm`,
`extract`, `cite`), keeping answers that outlive the page that asked (`generation`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from app.assignment import Assignment
from app.cite import Resolver
from app.confidence import Sureness, sureness, warning
from app.events import Event, Retrieved, Wrote
from app.extract import MOST_PASSAGES
from app.llm import Reading
from app.prompt import Prompt
from app.quotation import quote
from app.retrieve import EVERYTHING, Retriever
from app.retrieve import Retrieved as Found
from app.rewrite import Asked, interleave, understand
from app.search import where
from storage.errors import Unavailable
from storage.types import Passage, Principal, Scope

NOT_FOUND = "Nothing in the documents you may read answers this."
NOT_FOUND_GERMAN = "Nichts in den Dokumenten, die Sie lesen dürfen, beantwortet das."
IN_SCOPE = "Only the documents that the filters admit were searched."
IN_SCOPE_GERMAN = "Durchsucht wurden nur die Dokumente, welche die Filter zulassen."
LOOKED_AT = "Looked at, without finding it:"
LOOKED_AT_GERMAN = "Nachgesehen wurde hier, ohne es zu finden:"
WITHOUT_MODEL = "{reason} Until then, the answer is made of the documents' own words."

LISTED = 12  # passages that are looked for

_SHOWN = 3  # pages that a refusal names


def answer(asked: Assignment) -> Iterator[Event]:
    """Retrieved first, Ended last. A refusal names, with footnotes, what was looked at.

    A model that can't be reached is stood in for by `Extractive`, after a second Retrieved whose notice says so. Raises
    Unavailable when the index does not answer, and what the model raises once it has begun to write.
    """
    understood = understand(asked.question, asked.history, asked.cancel, rewriter=asked.rewriter)
    found = search(understood, asked.principal, asked.retriever, scope=asked.scope)
    prompt = _prompt(asked, understood, found)
    seconds = asked.seconds
    yield Retrieved(prompt.passages, seconds, found.notice, understood, found.confidence, prompt.sources)
    resolver = Resolver(prompt.sources, check=asked.check if asked.has_model else None)
    likely = not asked.has_model or sureness(found.confidence) is not Sureness.NONE  # `Extractive` judges for itself
    if found.passages and likely:
        try:
            yield from _write(asked, prompt, resolver)
        except Unavailable as error:
            if resolver.text or not asked.has_model:
                raise
            asked = asked.without_model()
            prompt = _prompt(asked, understood, found)
            resolver = Resolver(prompt.passages)
            notice = " ".join(filter(None, (found.notice, WITHOUT_MODEL.format(reason=error))))
            yield Retrieved(prompt.passages, asked.seconds, notice, understood, found.confidence)
            yield from _write(asked, prompt, resolver)
    verdicts = resolver.verdicts
    if not resolver.text.strip() and not asked.cancel.is_set():
        verdicts = tuple(replace(verdict, start=0, end=0) for verdict in verdicts)  # on what was left out
        resolver = _refusal(prompt, narrowed=bool(asked.scope))
        if resolver.citations:
            yield Wrote(resolver.text, resolver.citations, verbatim=not verdicts)  # a verdict may rest on any passage
    yield asked.ended(resolver.text, resolver.citations, seconds if found.passages else None, verdicts)


def _refusal(prompt: Prompt, *, narrowed: bool) -> Resolver:
    resolver = Resolver(prompt.passages)
    resolver.feed(_not_found(prompt.passages, german=prompt.german, narrowed=narrowed))
    resolver.finish()
    return resolver


def _not_found(passages: Sequence[Passage], *, german: bool, narrowed: bool) -> str:
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
    """All queries' passages, taken in turn: the question's as a whole, which comes first, and those of its parts.

    How sure they are is said by the whole or by the part that is found worst, whichever is surer.
    """
    found = [retriever.retrieve(query, principal, scope=scope, limit=limit) for query in asked.queries]
    if len(found) == 1:
        return found[0]
    passages = interleave([each.passages for each in found], limit=max(len(each.passages) for each in found))
    surest = max(found[0], min(found[1:], key=_confidence), key=_confidence)
    return replace(found[0], passages=passages, confidence=surest.confidence, evidence=surest.evidence)


def _confidence(found: Found) -> float:
    return found.confidence


def _prompt(asked: Assignment, understood: Asked, found: Found) -> Prompt:
    bare = Prompt(
        question=asked.question,
        asked=understood.text,
        sure=sureness(found.confidence) is Sureness.FULL,
        preference=asked.preference,
        house=asked.house,
        ranked=True,
    )
    if not asked.has_model:
        earlier = tuple(replace(turn, sources=()) for turn in asked.history)
        return replace(bare, passages=found.passages[:MOST_PASSAGES], history=earlier)
    return asked.budget.filled(bare, found.passages, asked.history)


def _write(asked: Assignment, prompt: Prompt, resolver: Resolver) -> Iterator[Reading | Wrote]:
    verbatim = not asked.has_model
    for piece in asked.llm.stream(prompt, asked.cancel):
        if asked.cancel.is_set():
            break
        if isinstance(piece, Reading):
            yield piece
            continue
        if piece.strip() and not (resolver.text or prompt.sure or verbatim):
            resolver.feed(f"{warning(prompt.question, german=prompt.german)}\n\n")
        resolver.feed(piece)
        if resolver.text:
            yield Wrote(resolver.text, resolver.citations, verbatim, resolver.verdicts)
    resolver.finish()
    if resolver.text:
        yield Wrote(resolver.text, resolver.citations, verbatim, resolver.verdicts)
