"""Points of the passage index, and the filters over them, in the words of Qdrant's client."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from qdrant_client import models

from storage.errors import InvalidInput
from storage.types import Chunk, SparseVector, Vector

DENSE = "dense"
WORDS = "words"


@dataclass(frozen=True, slots=True)
class Point:
    """A chunk with its vectors. Without words in it that BM25 counts, `sparse` is empty."""

    chunk: Chunk
    dense: Vector
    sparse: SparseVector


def struct(point: Point, terms: list[str]) -> models.PointStruct:
    """Its payload says which version it is of, and who may find it; all else SQL knows."""
    chunk = point.chunk
    vector: dict[str, Any] = {DENSE: point.dense.tolist()}
    if point.sparse.indices:
        vector[WORDS] = models.SparseVector(indices=list(point.sparse.indices), values=list(point.sparse.values))
    payload = {
        "document": chunk.document_id,
        "version": chunk.version_id,
        "acl": terms,
    }
    return models.PointStruct(id=chunk.id, vector=vector, payload=payload)


def request(
    vector: list[float] | models.SparseVector,
    using: str,
    allowed: models.Filter,
    limit: int,
    params: models.SearchParams | None,
) -> models.QueryRequest:
    return models.QueryRequest(
        query=vector, using=using, filter=allowed, limit=limit, params=params, with_payload=False
    )


def readable(terms: list[str], documents: Collection[str] | None) -> models.Filter:
    """The access rule as a filter: one of `terms`, and one of `documents` where these are given.

    It takes no part of a request's own words. One condition a term is checked faster than a list of terms is: in the
    embedded index, 4 ms of a search among 100,000 passages against 9.
    """
    allowed: list[models.Condition] = [
        models.FieldCondition(key="acl", match=models.MatchValue(value=term)) for term in terms
    ]
    if documents is None:
        return models.Filter(should=allowed)
    narrowed = models.FieldCondition(key="document", match=models.MatchAny(any=sorted(documents)))
    return models.Filter(should=allowed, must=[narrowed])


def where(**fields: str | None) -> models.Filter:
    """Every field that is given must have this value. None of them given would mean every point, so it raises."""
    must: list[models.Condition] = [
        models.FieldCondition(key=key, match=models.MatchValue(value=value))
        for key, value in fields.items()
        if value is not None
    ]
    if not must:
        raise InvalidInput("No document and no version was named.")
    return models.Filter(must=must)


def of_documents(document_ids: Sequence[str]) -> models.Filter:
    """Points of any of these documents, of which there is one at least."""
    if not document_ids:
        raise InvalidInput("No document was named.")
    named = models.MatchAny(any=sorted(document_ids))
    return models.Filter(must=[models.FieldCondition(key="document", match=named)])
