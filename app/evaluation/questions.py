"""Questions with known answers, as values. Their forms on disk are in `forms`, the documents they mean in `corpus`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """A page (1-based) of a document, or with 0 the whole document. `document` is its name in the question set."""

    document: str
    page: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """`pages` are needed, all of them; each of `also` may stand in for one (see `ranking.needs`).

    `documents` are names of the question set, `answers` alternatives of the reference answer, `evidence` words that
    stand in the documents, `history` the earlier questions of the conversation, oldest first. `answerable` without
    documents: nobody has said yet where the answer stands.
    """

    id: str
    text: str
    kind: str = ""
    documents: tuple[str, ...] = ()
    pages: tuple[Place, ...] = ()
    also: tuple[Place, ...] = ()
    answers: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    history: tuple[str, ...] = ()
    answerable: bool = True

    @property
    def unanswerable(self) -> bool:
        return not self.answerable

    @property
    def answer(self) -> str:
        return self.answers[0] if self.answers else ""

    @property
    def names(self) -> tuple[str, ...]:
        """Every document that the question names, each once, those of `also` last."""
        places = (*self.pages, *self.also)
        return tuple(dict.fromkeys((*self.documents, *(place.document for place in places))))


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionSet:
    """`hashes`: the SHA-256 of documents by their name in the set, where it tells them."""

    name: str
    questions: tuple[Question, ...]
    hashes: tuple[tuple[str, str], ...] = ()
