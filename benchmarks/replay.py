"""One corpus asked by many designs: what the model, the index and the database gave is kept and given again.

For figures of quality alone; what is timed must not go through it. Ranking itself is the product's own, each time.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, cast

import corpora
import sqlalchemy as sa

from app.evaluation import evaluate as evaluation
from app.evaluation.corpus import Corpus
from app.evaluation.evaluate import LISTED, evaluate
from app.evaluation.outcomes import Run
from app.evaluation.questions import QuestionSet
from app.prompt import Turn
from app.rank import Design
from app.retrieve import EVERYTHING, Retrieved, Retriever
from app.rewrite import understand
from ingest.embed import Embedder
from ingest.meaning import Meaning
from storage.documents import Documents
from storage.index import Index
from storage.models import SectionRow
from storage.types import Chunk, Hit, Passage, Principal, Scope, SparseVector, Vector


class Replay:
    """An open corpus for many runs. Its one principal may read everything."""

    def __init__(self, opened: corpora.Corpus) -> None:
        self.opened = opened
        services = opened.services
        self._embedder = _Embedder(corpora.Remembering(services.embedder, corpora.CACHE / "vectors.db"))
        self._index = _Index(services.index)
        self._documents = _Documents(services.documents)
        self._neighbours = _Neighbours(opened)

    def retriever(self, design: Design | None = None) -> Retriever:
        return self._once(design)

    def around(self, passage: Passage) -> list[Passage]:
        """What stands before and after it on its page, each a passage of the index."""
        return self._neighbours.around(passage)

    def run(
        self, questions: QuestionSet, design: Design | None = None, *, apart: bool = True, joined: bool = False
    ) -> Run:
        """`apart`: comparisons are taken apart. `joined`: each passage comes with its neighbours of the same page."""
        retriever = self._once(design)
        retriever.neighbours = self._neighbours if joined else None
        with corpora.replaced(evaluation, understand=partial(understand, apart=apart)):
            return evaluate(questions, named(self.opened, questions), retriever, self.opened.principal)

    def _once(self, design: Design | None) -> _Once:
        return _Once(
            cast(Index, self._index),
            cast(Embedder, self._embedder),
            cast(Documents, self._documents),
            design=design,
        )

    def texts(self) -> list[str]:
        """Every page or section of the corpus."""
        with self.opened.services.database.read() as session:
            return list(session.scalars(sa.select(SectionRow.text)))


def named(opened: corpora.Corpus, questions: QuestionSet) -> Corpus:
    """With the names of the questions, told by the documents' bytes."""
    hashes = {file.key: file.sha256 for file in corpora.files(opened.name)}
    return Corpus(opened.services.documents.catalogue(opened.principal), questions, hashes)


class _Once(Retriever):
    """Ranks a question once: evaluation asks for the first passages, then for more of them."""

    neighbours: _Neighbours | None = None

    def __init__(self, *parts: Any, **options: Any) -> None:
        super().__init__(*parts, **options)
        self._known: dict[str, Retrieved] = {}

    def retrieve(
        self,
        question: str,
        principal: Principal,
        *,
        history: Sequence[Turn] = (),
        scope: Scope = EVERYTHING,
        limit: int = 12,
    ) -> Retrieved:
        assert not history, "only whole questions are replayed"
        assert not scope, "only searches of everything are replayed"
        if question not in self._known:
            found = super().retrieve(question, principal, limit=LISTED)
            if self.neighbours:
                found = replace(found, passages=tuple(map(self.neighbours.joined, found.passages)))
            self._known[question] = found
        found = self._known[question]
        return replace(found, passages=found.passages[:limit])


class _Embedder:
    def __init__(self, embedder: corpora.Remembering) -> None:
        self._embedder = embedder
        self._known: dict[str, Meaning] = {}
        self.name, self.dimensions = embedder.name, embedder.dimensions
        self.max_tokens, self.token_spans = embedder.max_tokens, embedder.token_spans

    def embed_question(self, text: str) -> Meaning:
        if text not in self._known:
            self._known[text] = self._embedder.embed_question(text)
        return self._known[text]


class _Index:
    def __init__(self, index: Index) -> None:
        self._index = index
        self._known: dict[tuple[object, ...], list[Hit]] = {}

    def search(
        self,
        dense: Vector | None,
        sparse: SparseVector | None,
        principal: Principal,
        *,
        limit: int,
        documents: Collection[str] | None = None,
        generation: str | None = None,
    ) -> list[Hit]:
        assert documents is None
        words = (tuple(sparse.indices), tuple(sparse.values)) if sparse else None
        key = (None if dense is None else dense.tobytes(), words, limit)
        if key not in self._known:
            self._known[key] = self._index.search(dense, sparse, principal, limit=limit)
        return self._known[key]


class _Documents:
    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self._known: dict[str, Passage] = {}

    def passages(self, hits: Sequence[Hit], principal: Principal) -> list[Passage]:
        if new := [hit for hit in hits if hit.chunk_id not in self._known]:
            self._known |= {one.chunk_id: one for one in self._documents.passages(new, principal)}
        return [self._known[hit.chunk_id] for hit in hits]

    def with_tables(self, found: Sequence[Passage], principal: Principal) -> list[Passage]:
        return list(found)  # nothing here looks at tables


class _Neighbours:
    def __init__(self, opened: corpora.Corpus) -> None:
        self._versions = opened.services.versions
        self._pages: dict[str, dict[int, list[Chunk]]] = {}

    def around(self, passage: Passage) -> list[Passage]:
        chunks = [one for one in self._beside(passage) if one.start != passage.start]
        return [replace(passage, start=one.start, end=one.end, text=one.text) for one in chunks]

    def joined(self, passage: Passage) -> Passage:
        """With the chunk before it and the one after it, where they are of its page."""
        beside = self._beside(passage)
        text, end, first = "", 0, beside[0]
        for chunk in beside:
            text += " " * (chunk.start - end) * bool(text) + chunk.text[max(0, end - chunk.start) * bool(text) :]
            end = chunk.end
        return replace(passage, start=first.start, end=end, text=text)

    def _beside(self, passage: Passage) -> list[Chunk]:
        page = self._of_version(passage.version_id)[passage.page]
        at = next(place for place, chunk in enumerate(page) if chunk.start == passage.start)
        return page[max(0, at - 1) : at + 2]

    def _of_version(self, version_id: str) -> dict[int, list[Chunk]]:
        if version_id not in self._pages:
            pages: dict[int, list[Chunk]] = {}
            for chunk in self._versions.chunks(version_id, start=0, count=10**6):
                pages.setdefault(chunk.page, []).append(chunk)
            self._pages[version_id] = {page: sorted(found, key=lambda one: one.start) for page, found in pages.items()}
        return self._pages[version_id]
