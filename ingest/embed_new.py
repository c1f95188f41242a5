"""Only what is new goes through the model: what a chunk of any document was embedded from is not embedded again.

So a new version costs its changed passages, and a copy or a passage that is repeated nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np

from ingest.embed import Embedder, Parts
from storage.embeddings import Embedding
from storage.vectors import packed


def keys_of(embedder: Embedder, texts: Sequence[str], parts: Sequence[Parts]) -> list[bytes]:
    """The same for the same text and parts under the same model, else different."""
    model = f"{embedder.name}\0{embedder.dimensions}\0{embedder.max_tokens}\0".encode()
    keys = []
    for text, of_text in zip(texts, parts, strict=True):
        borders = np.array(of_text, "<i8").tobytes()
        keys.append(hashlib.sha256(model + borders + b"\0" + text.encode("utf-8", "surrogatepass")).digest()[:16])
    return keys


def embed_new(
    embedder: Embedder,
    texts: Sequence[str],
    parts: Sequence[Parts],
    keys: Sequence[bytes],
    known: Mapping[bytes, Embedding],
) -> list[Embedding]:
    """One for each text, in order: known under its key, or made by the model. Equal texts go through it once."""
    rows = list({key: row for row, key in enumerate(keys) if key not in known}.values())
    made: dict[bytes, Embedding] = {}
    if rows:
        vectors, of_parts = embedder.embed_parts([texts[row] for row in rows], [parts[row] for row in rows])
        for row, vector, own in zip(rows, vectors, of_parts, strict=True):
            made[keys[row]] = Embedding(vector, packed(own))
    return [made.get(key) or known[key] for key in keys]
