"""From a question to the passages that may answer it, as far as its asker may read them.

One search by meaning and one by words, in one round trip to the index, which applies the permission; SQL applies it
again when it gives the text. Not covered: wording a prompt (`prompt`), picking sentences (`extract`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.prompt import Turn
from app.words import content_words, covered, words
from ingest.embed import Embedder
from ingest.embed import words as bm25
from storage.documents import Documents
from storage.errors import Unavailable
from storage.index import Index
from storage.types import Hit, Passage, Principal, Vector

WORDS_ONLY = "Searched by words only, because the search by meaning does not answer: {reason}"

_CANDIDATES = 80  # by each of the two searches
_DENSE, _SPARSE = 0.7, 0.3
_NAMED = 0.2  # for a document whose title the question names in full
_A_PAGE = 3  # passages of one page among the results
_EVIDENCE = 5  # passages that the confidence looks at
_UNRELATED, _CERTAIN = 0.2, 0.7  # cosines of a question with passages that have nothing, and all, to do with it

_SHORT = 2  # content words that leave a question without a subject
_LONG = 6  # with more of them a pronoun has its noun in the question itself
_OPENERS = frozenset("and but or so then also what's und aber oder also dann sonst".split())
_PRONOUNS = frozenset(
    (
        "it its they them their theirs this that these those there he she his her one ones former latter same "
        "otherwise er es ihn ihm ihnen sie deren dessen dies diese dieser diesem diesen dieses davon dafür dazu damit "
        "dabei daran darauf darüber dort jene jener solche"
    ).split()
)


@dataclass(frozen=True, slots=True)
class Retrieved:
    """`passages` best first, scores about 0 to 1. `confidence` (0 to 1): how likely it is that they answer at all."""

    passages: tuple[Passage, ...] = ()
    notice: str = ""
    confidence: float = 0.0


class Retriever:
    def __init__(self, index: Index, embedder: Embedder, documents: Documents) -> None:
        self.embedder = embedder
        self._index = index
        self._documents = documents

    def retrieve(
        self, question: str, principal: Principal, *, history: Sequence[Turn] = (), limit: int = 12
    ) -> Retrieved:
        """At most `limit` passages. Raises Unavailable when the index does not answer.

        Without query embeddings it searches by words alone, and `notice` says so.
        """
        asked = standalone(question, history)
        dense, notice = self._embed(asked)
        hits = self._index.search(dense, bm25(asked, query=True), principal, limit=_CANDIDATES)
        scores = fuse(hits)
        passages = [
            replace(passage, score=scores[passage.chunk_id]) for passage in self._documents.passages(hits, principal)
        ]
        ranked = _spread(_route(asked, passages))[:limit]
        cosines = {hit.chunk_id: hit.dense for hit in hits}
        return Retrieved(tuple(ranked), notice, _confidence(asked, ranked, cosines))

    def _embed(self, question: str) -> tuple[Vector | None, str]:
        try:
            return self.embedder.embed_queries([question])[0], ""
        except Unavailable as error:
            return None, WORDS_ONLY.format(reason=error)


def standalone(question: str, history: Sequence[Turn]) -> str:
    """The question with the earlier ones that it needs to be understood, in front of it."""
    parts = [question]
    earlier = [turn.text for turn in history if turn.role == "user"]
    while earlier and len(parts) < 3 and _leans_on_another(parts[0]):
        parts.insert(0, earlier.pop())
    return "\n".join(parts)


def _leans_on_another(question: str) -> bool:
    said = words(question)
    subjects = len(content_words(question))
    opens = bool(said) and said[0] in _OPENERS
    return opens or subjects <= _SHORT or (subjects <= _LONG and not _PRONOUNS.isdisjoint(said))


def fuse(hits: Sequence[Hit]) -> dict[str, float]:
    """Score by chunk id: both scores brought to 0..1 among these hits, then weighted.

    A weighted sum keeps how much better a hit is; fusion by rank loses that, and pages with it.
    """
    dense = [hit.dense for hit in hits if hit.dense is not None]
    low, high = (min(dense), max(dense)) if dense else (0.0, 1.0)
    most = max((hit.sparse for hit in hits if hit.sparse is not None), default=1.0) or 1.0
    weight = _DENSE if dense else 0.0
    return {
        hit.chunk_id: weight * ((low if hit.dense is None else hit.dense) - low) / ((high - low) or 1.0)
        + (_SPARSE if dense else 1.0) * (hit.sparse or 0.0) / most
        for hit in hits
    }


def _route(question: str, passages: Sequence[Passage]) -> list[Passage]:
    """Raise the documents whose title the question names with two words or more (a company and a year).

    It only raises, because a question may name one document and be answered by another.
    """
    asked = content_words(question)
    titles = {p.document_id: content_words(p.title) for p in passages}
    named = {document: len(covered(asked, title)) for document, title in titles.items()}
    raised = [
        replace(p, score=p.score + _NAMED * named[p.document_id] / len(titles[p.document_id]))
        if named[p.document_id] >= 2
        else p
        for p in passages
    ]
    return sorted(raised, key=lambda passage: -passage.score)


def _spread(passages: Sequence[Passage]) -> list[Passage]:
    """The best few of each page, in the order of all."""
    taken: Counter[tuple[str, int]] = Counter()
    kept = []
    for passage in passages:
        page = (passage.version_id, passage.page)
        taken[page] += 1
        if taken[page] <= _A_PAGE:
            kept.append(passage)
    return kept


def _confidence(question: str, passages: Sequence[Passage], cosines: dict[str, float | None]) -> float:
    """The mean of how near the nearest passage is, and how many of the question's words the best passages hold."""
    asked = content_words(question)
    if not passages or not asked:
        return 0.0
    best = passages[:_EVIDENCE]
    given = set(content_words(" ".join(f"{p.title} {p.heading} {p.text}" for p in best)))
    share = len(covered(asked, given)) / len(asked)
    known = [cosine for p in best if (cosine := cosines.get(p.chunk_id)) is not None]
    if not known:
        return share
    near = (max(known) - _UNRELATED) / (_CERTAIN - _UNRELATED)
    return (min(1.0, max(0.0, near)) + share) / 2
