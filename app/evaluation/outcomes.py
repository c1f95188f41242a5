"""What came of asking a question set: values that are kept as JSON, shown and compared.

A run holds no words of documents but those of answers and of what they cite; `Run.without_words` holds none.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

from pydantic import TypeAdapter, ValidationError

from app.evaluation.questions import Question
from storage.errors import InvalidInput

if TYPE_CHECKING:
    from pydantic import TypeAdapter as Adapter

FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """A passage that was found. `document` is its name in the question set, else its file name made unique."""

    document: str
    document_id: str
    version_id: str
    page: int
    start: int
    end: int
    chunk: str
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Cited:
    """Footnote `n` of an answer."""

    n: int
    document: str
    document_id: str
    version_id: str
    page: int
    start: int
    end: int
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Support:
    """How an answer's words rest on what it cites, counted as ALCE does.

    `statements` of which `supported` follow from their citations together; `citations` of which `precise` are needed.
    """

    statements: int = 0
    supported: int = 0
    citations: int = 0
    precise: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """`refused`: it says that the documents hold no answer. `hedged`: it answers, and warns that it may be none.

    `figures`, `exact_match` and `f1` measure it against the question's reference; None where that tells nothing.
    """

    text: str
    citations: tuple[Cited, ...] = ()
    refused: bool = False
    hedged: bool = False
    figures: float | None = None
    exact_match: float | None = None
    f1: float | None = None
    support: Support = Support()
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of one question. `seconds` is the time of retrieval alone, as long as the application's own lists.

    `evidence` has for each of the question's evidence strings how many of the best passages it takes until it stands
    in them whole; 0 where none of them holds it. `error` is set where the question could not be asked.
    """

    question: Question
    ranked: tuple[Ranked, ...] = ()
    confidence: float = 0.0
    seconds: float = 0.0
    evidence: tuple[int, ...] = ()
    answer: Answered | None = None
    notice: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A question set asked once. `started` is an ISO time; `missing` names documents of the set that are not here."""

    id: str
    name: str
    started: str
    seconds: float
    principal: str
    model: str = ""  # that wrote the answers; "" when there are none
    embedding: str = ""
    version: str = ""  # of Footnote
    note: str = ""  # what the person who ran it wants to remember
    documents: int = 0
    missing: tuple[str, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    format: int = FORMAT

    @property
    def with_answers(self) -> bool:
        return any(outcome.answer is not None for outcome in self.outcomes)

    def without_words(self) -> Run:
        """The same figures, without the text of answers and citations."""
        return replace(self, outcomes=tuple(map(_without_words, self.outcomes)))

    def to_json(self) -> str:
        return _adapter().dump_json(self).decode()

    @classmethod
    def from_json(cls, text: str | bytes) -> Run:
        """Raises InvalidInput for what `to_json` did not write."""
        try:
            run = _adapter().validate_json(text)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"]) or "the file"
            raise InvalidInput(f"This is no run of an evaluation: {where}: {first['msg']}.") from None
        if run.format != FORMAT:
            raise InvalidInput(f"This run is of format {run.format}, which this version does not read. Run it again.")
        return run


def _without_words(outcome: Outcome) -> Outcome:
    if outcome.answer is None:
        return outcome
    citations = tuple(replace(cited, text="") for cited in outcome.answer.citations)
    return replace(outcome, answer=replace(outcome.answer, text="", citations=citations))


@cache
def _adapter() -> Adapter[Run]:
    return TypeAdapter(Run)
