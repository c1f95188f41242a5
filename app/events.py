"""What happens while a question is answered, as every mode yields it; pages and APIs render it."""

from __future__ import annotations

from dataclasses import dataclass

from app.llm import Reading
from app.rewrite import Asked
from storage.types import Citation, MessageState, Passage, Verdict


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


@dataclass(frozen=True, slots=True)
class Step:
    """Work in several steps goes on: so many of them are done. `unit` is what a step is about: section, document."""

    done: int
    total: int
    unit: str


Event = Retrieved | Reading | Wrote | Ended
