"""What was embedded already: the vectors of each chunk under a key of what they were made from.

A row belongs to its chunk and goes with it, so no vector outlives the deletion of the last document that has the text.
The vectors of its parts stand with the chunk itself, and go from one to another as they are.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import sqlalchemy as sa

from storage.database import Database
from storage.models import ChunkRow, EmbeddingRow
from storage.types import SparseVector, Vector


@dataclass(frozen=True, slots=True)
class Embedding:
    """The unit vector of a text, those of its parts as `storage.vectors` packs them, and what its words weigh."""

    vector: Vector
    parts: bytes
    words: SparseVector | None = None  # not known, or weighed by another rule


class Embedded(NamedTuple):
    """What is kept of a chunk: `spans` are those of its parts."""

    key: bytes
    spans: Sequence[tuple[int, int]]
    embedding: Embedding


class Embeddings:
    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, keys: Collection[bytes], *, rule: str) -> dict[bytes, Embedding]:
        """Those of `keys`, all of one model, that any chunk has; words only where they are weighed by this rule."""
        query = (
            sa.select(EmbeddingRow.key, EmbeddingRow.vector, ChunkRow.vectors, EmbeddingRow.words, EmbeddingRow.rule)
            .join(ChunkRow, ChunkRow.id == EmbeddingRow.chunk_id)
            .where(EmbeddingRow.key.in_(set(keys)))
            .order_by((EmbeddingRow.rule == rule).nulls_first())  # of several, the last is taken
        )
        with self._database.read() as session:
            found = {row.key: row for row in session.execute(query)}
        if not found:
            return {}
        vectors = np.frombuffer(b"".join(row.vector for row in found.values()), "<f2").astype(np.float32)
        vectors = vectors.reshape(len(found), -1)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return {
            row.key: Embedding(vector, row.vectors, _unpacked(row.words) if row.rule == rule else None)
            for row, vector in zip(found.values(), vectors, strict=True)
        }

    def store(self, made: Mapping[str, Embedded], *, rule: str) -> None:
        """Keep all of it, or nothing, for each chunk by its id; `rule` says how words are weighed.

        Idempotent; chunks that are gone are left out.
        """
        with self._database.write() as session:
            there = set(session.scalars(sa.select(ChunkRow.id).where(ChunkRow.id.in_(made))))
            kept = [(chunk_id, *rest) for chunk_id, rest in made.items() if chunk_id in there]
            if not kept:
                return
            session.execute(sa.delete(EmbeddingRow).where(EmbeddingRow.chunk_id.in_(there)))
            session.execute(
                sa.update(ChunkRow),
                [{"id": id_, "spans": list(map(list, spans)), "vectors": one.parts} for id_, _, spans, one in kept],
            )
            session.execute(
                sa.insert(EmbeddingRow), [{"chunk_id": id_, "key": key} | _row(one, rule) for id_, key, _, one in kept]
            )


def _row(one: Embedding, rule: str) -> dict[str, object]:
    row: dict[str, object] = {"vector": np.asarray(one.vector, "<f2").tobytes(), "words": None, "rule": None}
    return row if one.words is None else row | {"words": _packed(one.words), "rule": rule}


def _packed(words: SparseVector) -> bytes:
    return np.array(words.indices, "<u4").tobytes() + np.array(words.values, "<f4").tobytes()


def _unpacked(packed: bytes) -> SparseVector:
    """The inverse of `_packed`; weights as the index keeps them, in single precision."""
    half = len(packed) // 2
    indices, values = np.frombuffer(packed[:half], "<u4"), np.frombuffer(packed[half:], "<f4")
    return SparseVector(tuple(indices.tolist()), tuple(values.tolist()))
