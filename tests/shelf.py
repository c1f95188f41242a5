"""Documents that can be asked about: real rows, a real index process, and an embedder that needs no model."""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

import numpy as np

from app.retrieve import Retriever
from app.words import content_words
from ingest.embed import embed_alone
from ingest.embed_new import keys_of
from ingest.meaning import Meaning
from ingest.sparse import passage_weights
from ingest.split import placed, sentences
from storage.access import document_terms
from storage.documents import Documents
from storage.embeddings import Embedded, Embedding
from storage.errors import Unavailable
from storage.index import Index
from storage.points import Point
from storage.types import About, Chunk, Readers, Section, Vector
from storage.vectors import packed
from storage.versions import Versions
from tests.conftest import Kept, Library
from tests.contracts.index_contract import IndexProcess

DIMENSIONS = 64


class HashEmbedder:
    """Each stem is a direction of its own, nearly: texts are as near as the words that they share."""

    name = "hash"
    dimensions = DIMENSIONS
    max_tokens = 256

    def __init__(self) -> None:
        self.away = False
        self.asked: list[str] = []
        self.embedded: list[str] = []

    def embed_queries(self, texts: list[str]) -> Vector:
        self.asked += texts
        return self.embed_passages(texts)

    def embed_question(self, text: str) -> Meaning:
        return Meaning(self.embed_queries([text])[0])

    def embed_passages(self, texts: list[str]) -> Vector:
        if self.away:
            raise Unavailable("models", "The models process is starting.")
        self.embedded += texts
        return np.array([self._embed(text) for text in texts], dtype=np.float32)

    def embed_parts(self, texts: list[str], parts: Sequence[Sequence[tuple[int, int]]]) -> tuple[Vector, list[Vector]]:
        return self.embed_passages(texts), embed_alone(self, texts, parts)

    def token_spans(self, text: str) -> list[tuple[int, int]]:
        return [match.span() for match in re.finditer(r"\S+", text)]

    def _embed(self, text: str) -> Vector:
        vector = np.full(DIMENSIONS, 1e-6, dtype=np.float32)
        for word in content_words(text):
            seed = int.from_bytes(hashlib.md5(word.encode()).digest()[:4])
            vector += np.random.default_rng(seed).standard_normal(DIMENSIONS, dtype=np.float32)
        return vector / np.linalg.norm(vector)


@dataclass(frozen=True)
class Shelf:
    library: Library
    documents: Documents
    versions: Versions
    index: Index
    embedder: HashEmbedder

    @property
    def retriever(self) -> Retriever:
        return Retriever(self.index, self.embedder, self.documents)

    def add(
        self,
        title: str,
        pages: str | Sequence[str],
        readers: Readers | None = None,
        *,
        heading: str = "",
        format: str = "text",
        dated: date | None = None,
        language: str = "en",
    ) -> Kept:
        """A searchable document. Its pages are cut into passages at lines of dashes."""
        readers = readers or Readers(everyone=True)
        pages = [pages] if isinstance(pages, str) else list(pages)
        kept = self.library.add("\f".join([title, *pages]), readers, name=f"{title}.txt")
        sections = [Section(number, text) for number, text in enumerate(pages, 1)]
        details = {"title": title, "format": format, "language": language, "pages": len(pages), "warnings": []}
        self.versions.store_sections(kept.version_id, sections, **details, about=About(dated=dated))
        chunks = [
            Chunk(str(uuid.uuid4()), kept.id, kept.version_id, ordinal, section.page, start, end, heading, text)
            for section in sections
            for ordinal, (start, end, text) in enumerate(_pieces(section.text), 100 * section.page)
        ]
        self.versions.store_chunks(kept.version_id, chunks)
        self.versions.publish(kept.version_id, passages=len(chunks))
        texts = [f"{title}\n{heading}\n{chunk.text}" for chunk in chunks]
        spans = [sentences(chunk.text) for chunk in chunks]
        inside = [placed(of_chunk, c.text, text) for of_chunk, c, text in zip(spans, chunks, texts, strict=True)]
        dense, rows = self.embedder.embed_parts(texts, inside)
        keys = keys_of(self.embedder, texts, inside)
        made = [Embedding(vector, packed(of_chunk)) for vector, of_chunk in zip(dense, rows, strict=True)]
        embedded = {c.id: Embedded(*rest) for c, *rest in zip(chunks, keys, spans, made, strict=True)}
        self.versions.embeddings.store(embedded, rule="")
        points = [
            Point(chunk, vector, passage_weights(text, language))
            for chunk, vector, text in zip(chunks, dense, texts, strict=True)
        ]
        self.index.upsert(points, document_terms(readers))
        return Kept(kept.id, kept.version_id, tuple(chunk.id for chunk in chunks))


@contextmanager
def open_shelf(process: IndexProcess, library: Library, documents: Documents, versions: Versions) -> Iterator[Shelf]:
    """An empty shelf in a corner of the index of its own."""
    index = Index(process.url, process.key, prefix=f"t{uuid.uuid4().hex[:8]}")
    index.prepare("first", DIMENSIONS)
    yield Shelf(library, documents, versions, index, HashEmbedder())
    index.close()


def _pieces(text: str) -> list[tuple[int, int, str]]:
    pieces, start = [], 0
    for part in text.split("\n---\n"):
        pieces.append((start, start + len(part), part))
        start += len(part) + len("\n---\n")
    return pieces
