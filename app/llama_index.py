"""Our permission-checked search as a llama-index retriever, for pipelines that companies build with llama-index.

The nodes are copies: changing or deleting one changes nothing here.
"""

from __future__ import annotations

from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode

from app.retrieve import Retriever
from storage.types import Passage, Principal


class PassageRetriever(BaseRetriever):  # type: ignore[misc]  # llama-index is too large for mypy to follow
    """Retrieves as `principal`, who can't be changed afterwards: one retriever for each account.

    Each node's metadata holds what a citation needs: document, version, page, start, end, title, heading, place.
    """

    def __init__(self, retriever: Retriever, principal: Principal, *, limit: int = 8) -> None:
        super().__init__()
        self._retriever = retriever
        self._principal = principal
        self._limit = limit

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        found = self._retriever.retrieve(query_bundle.query_str, self._principal, limit=self._limit)
        return [NodeWithScore(node=_node(passage), score=passage.score) for passage in found.passages]


def _node(passage: Passage) -> TextNode:
    return TextNode(
        id_=passage.chunk_id,
        text=passage.text,
        metadata={
            "document": passage.document_id,
            "version": passage.version_id,
            "page": passage.page,
            "start": passage.start,
            "end": passage.end,
            "title": passage.title,
            "heading": passage.heading,
            "place": passage.place,
        },
    )
