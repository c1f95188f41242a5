"""From a question to the passages that may answer it, as far as its asker may read them.

One search by meaning and one by words, in one round trip to the index, which applies the permission; SQL applies it
again when it gives the texts. Then they are put in order (`rank`), and how sure the best are is said (`confidence`).
Not covered: several questions at once (`rewrite`), wording a prompt (`prompt`), picking sentences (`extract`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass, field

from app.accounts import statements
from app.confidence import COMPARED, Evidence, confidence, evidence
from app.expand import expanded
from app.followup import standalone
from app.instructions import asked_in
from app.live import Space
from app.prompt import Turn
from app.rank import Design, names_in, nearest_parts, ranked, shortlist, without
from app.rerank import WITHOUT, Reranker, rerank
from ingest.embed import Embedder, familiarity
from ingest.meaning import Meaning
from ingest.sparse import question_weights
from storage.documents import Documents
from storage.errors import Unavailable
from storage.index import Index
from storage.types import Hit, Passage, Principal, Scope, Vector

WORDS_ONLY = "Searched by words only, because the search by meaning does not answer: {reason}"
EVERYTHING = Scope()


@dataclass(frozen=True, slots=True)
class Retrieved:
    """`passages` best first, scores about 0 to 3. `confidence` (0 to 1): how likely it is that they answer at all."""

    passages: tuple[Passage, ...] = ()
    notice: str = ""
    confidence: float = 0.0
    evidence: Evidence = field(default_factory=Evidence)


class Retriever:
    def __init__(
        self,
        index: Index,
        embedder: Embedder,
        documents: Documents,
        *,
        reranker: Reranker | None = None,
        reranked: int = 24,
        design: Design | None = None,
        live: Callable[[], Space] | None = None,
    ) -> None:
        """`live` tells for each question what to embed and search with, instead of `embedder` and the alias."""
        self._embedder, self._live = embedder, live
        self._generation: str | None = None
        self._index = index
        self._documents = documents
        self._reranker = reranker
        self._reranked = reranked
        self._design = design or Design()

    @property
    def embedder(self) -> Embedder:
        """What questions are embedded with now."""
        return self._live()[0] if self._live else self._embedder

    @property
    def documents(self) -> Documents:
        return self._documents

    def fixed(self) -> Retriever:
        """The same, staying with the generation that is live now and its model."""
        fixed = copy(self)
        if self._live:
            (fixed._embedder, fixed._generation), fixed._live = self._live(), None
        return fixed

    def retrieve(
        self,
        question: str,
        principal: Principal,
        *,
        history: Sequence[Turn] = (),
        scope: Scope = EVERYTHING,
        limit: int = 12,
    ) -> Retrieved:
        """At most `limit` passages, of documents in `scope`. Raises Unavailable when the index does not answer.

        Without query embeddings it searches by words alone, without its reranker it goes on without; `notice` says so.
        All of a question is embedded by one model and searched in that model's generation.
        """
        return self.fixed()._retrieve(question, principal, history, scope, limit)

    def _retrieve(
        self, question: str, principal: Principal, history: Sequence[Turn], scope: Scope, limit: int
    ) -> Retrieved:
        asked, more = standalone(question, history), ""
        meaning, notice = self._embed(asked)
        documents = self._documents.within(scope, principal) if scope else None
        holding = statements(asked) if self._design.sections else ()
        design = self._design.for_figures() if holding else self._design
        searched = " ".join([asked, *holding])
        hits, passages = self._search(searched, meaning, principal, documents, design)
        if design.expand:
            spelled, more = expanded(asked, passages, self.embedder.token_spans)
            if spelled != asked:
                meaning, notice = self._embed(spelled)
            if more:
                hits, passages = self._search(f"{searched} {more}", meaning, principal, documents, design)
            asked = spelled
        near = self._nearest(asked, meaning, passages) if meaning and design.parts else {}
        design = design.trusting(familiarity(asked, self.embedder.token_spans))
        most = max(limit, COMPARED, self._reranked if self._reranker else 0)
        found = ranked(asked, passages, hits, near, design, besides=more, most=most)
        if self._reranker:
            found, missing = self._rerank(asked, found)
            notice = " ".join(filter(None, (notice, missing)))
        known = evidence(asked_in(asked), found, hits)
        listed = self._documents.with_tables(found[:limit], principal)
        return Retrieved(tuple(listed), notice, confidence(known), known)

    def _search(
        self,
        question: str,
        meaning: Meaning | None,
        principal: Principal,
        documents: frozenset[str] | None,
        design: Design,
    ) -> tuple[list[Hit], list[Passage]]:
        vector, words = meaning.vector if meaning else None, question_weights(question)
        hits = self._index.search(
            vector, words, principal, limit=design.depth, documents=documents, generation=self._generation
        )
        hits = shortlist(hits, design.candidates)
        return hits, self._documents.passages(hits, principal)

    def _nearest(self, question: str, meaning: Meaning, passages: Sequence[Passage]) -> dict[str, float]:
        """By chunk id, how near the passage's nearest part is to what is asked about the documents that are named."""
        names = names_in(question, passages) if self._design.bare else []
        return nearest_parts(self._without(question, meaning, names), passages)

    def _without(self, question: str, meaning: Meaning, names: Sequence[tuple[int, int]]) -> Vector:
        if not names:
            return meaning.vector
        if (left := meaning.without(names)) is not None:
            return left
        again, _ = self._embed(without(question, names))
        return (again or meaning).vector

    def _rerank(self, question: str, passages: list[Passage]) -> tuple[list[Passage], str]:
        assert self._reranker is not None
        try:
            return rerank(question, passages, self._reranker, count=self._reranked), ""
        except Unavailable as error:
            return passages, WITHOUT.format(reason=error)

    def _embed(self, question: str) -> tuple[Meaning | None, str]:
        try:
            return self.embedder.embed_question(question), ""
        except Unavailable as error:
            return None, WORDS_ONLY.format(reason=error)
