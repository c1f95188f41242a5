"""What was embedded already: the vector of each chunk under a key of what it was made from.

A row belongs to its chunk and goes with it, so no vector outlives the deletion of the last document that has the text.
The chunk's parts stay where they are, with the chunk.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import sqlalchemy as sa

from storage import vectors
from storage.database import Database
from storage.models import ChunkRow, EmbeddingRow
from storage.types import Vector


@dataclass(frozen=True, slots=True)
class Embedding:
    """The unit vector of a text, and a row for each of its parts."""

    vector: Vector
    parts: Vector


class Embeddings:
    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, keys: Collection[bytes]) -> dict[bytes, Embedding]:
        """Those of `keys` that any chunk has. Parts are as near as SQL keeps them."""
        query = (
            sa.select(EmbeddingRow.key, EmbeddingRow.vector, ChunkRow.spans, ChunkRow.vectors)
            .join(ChunkRow, ChunkRow.id == EmbeddingRow.chunk_id)
            .where(EmbeddingRow.key.in_(set(keys)))
        )
        with self._database.read() as session:
            found = {key: rest for key, *rest in session.execute(query)}
        known = {}
        for key, (packed, spans, packed_parts) in found.items():
            vector = np.frombuffer(packed, "<f2").astype(np.float32)
            parts = vectors.unpacked(spans, packed_parts)
            if parts is None and spans:
                continue  # a crash came between the two
            rows = parts.vectors if parts else np.zeros((0, len(vector)), np.float32)
            known[key] = Embedding(vector / np.linalg.norm(vector), rows)
        return known

    def store(self, made: Mapping[str, tuple[bytes, Vector]]) -> None:
        """Keep key and vector of each chunk, by its id. Idempotent; chunks that are gone are left out."""
        with self._database.write() as session:
            there = set(session.scalars(sa.select(ChunkRow.id).where(ChunkRow.id.in_(made))))
            session.execute(sa.delete(EmbeddingRow).where(EmbeddingRow.chunk_id.in_(there)))
            rows = [
                {"chunk_id": chunk_id, "key": key, "vector": np.asarray(vector, "<f2").tobytes()}
                for chunk_id, (key, vector) in made.items()
                if chunk_id in there
            ]
            if rows:
                session.execute(sa.insert(EmbeddingRow), rows)
