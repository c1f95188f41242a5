"""What is asked for, what an answer rests on, and what is said of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # importing numpy would cost every parse child a tenth of a second
    pass


@dataclass(frozen=True, slots=True)
class Citation:
    """Footnote `n` of a message: the words text[start:end] on a page of one version of a document."""

    n: int
    document_id: str
    version_id: str
    page: int
    start: int
    end: int
    title: str = ""
    name: str = ""
    heading: str = ""
    text: str = ""
    place: str = ""


class Support(StrEnum):
    """What the source of a sentence says to it."""

    FULL = "supported"
    PART = "in part"
    NONE = "not supported"


@dataclass(frozen=True, slots=True)
class Verdict:
    """On the sentence text[start:end] of an answer: what the sources of its `footnotes` say to it, and why, in words.

    `left_out` is what the model had written there, where that does not stand in the text any more.
    """

    start: int
    end: int
    support: Support
    reason: str = ""
    footnotes: tuple[int, ...] = ()
    left_out: str = ""


@dataclass(frozen=True, slots=True)
class Given:
    """A passage that was put before the model: characters `start` to `end` of a page."""

    document_id: str
    version_id: str
    page: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Record:
    """How an answer came about. `searched` is the question as it was searched for; `sources` are numbered from 1.

    `confidence` is how likely the passages were to answer it, from 0 to 1. `prompt_version` is "" where no model wrote.
    """

    prompt_version: str = ""
    searched: tuple[str, ...] = ()
    confidence: float | None = None
    sources: tuple[Given, ...] = ()


class Mode(StrEnum):
    """What kind of work a question asks for."""

    ANSWER = "answer"
    COMPARISON = "comparison"
    SUMMARY = "summary"
    FIELDS = "fields"
    DRAFT = "draft"


@dataclass(frozen=True, slots=True)
class GuardVerdict:
    """What the guard model said of a question or an answer. `failure`: why it said nothing that makes sense."""

    safe: bool
    categories: tuple[str, ...]
    model: str
    failure: str = ""


@dataclass(frozen=True, slots=True)
class HouseInstructions:
    """What the organisation wants of all answers of a language model. `version` 0: nothing was ever set."""

    version: int = 0
    text: str = ""
    who: str = ""
    at: datetime | None = None


NO_INSTRUCTIONS = HouseInstructions()
