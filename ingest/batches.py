"""How chunks become points of the index, a batch at a time: prepared, embedded, kept.

The model works in the calling thread. Meanwhile one more keeps the batch before, in SQL and in the index, and another
prepares the one after, so that neither the model nor a core waits for Python, SQL or HTTP. Batches are kept in order
and each as a whole: what is kept is a beginning without gaps at any moment. Three of them are in memory at most.

Where next to nothing is new, batches are larger: what they cost then is mostly the disk, asked once for each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TypeVar

from ingest.embed import Embedder, Parts
from ingest.embed_new import keys_of
from ingest.language import passage_language
from ingest.sparse import passage_weights, rule
from ingest.split import contextualize, placed, sentences
from storage.embeddings import Embedded, Embedding
from storage.points import Point
from storage.types import Chunk, SparseVector
from storage.versions import Versions

BATCH = 64  # chunks that go through the model: about a second or two of its work
LARGE = 512  # chunks, after a batch in which the model had next to nothing to do

Prepared = TypeVar("Prepared")
Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class Batch:
    """Chunks with what the model sees of them, in the same order; `known` is what is embedded already, by key."""

    ordinals: range
    chunks: list[Chunk]
    texts: list[str]
    spans: Sequence[Parts]  # sentences, in the chunk
    inside: Sequence[Parts]  # the same in the text
    keys: list[bytes]
    known: dict[bytes, Embedding]
    words: list[SparseVector]
    rule: str  # by which words are weighed

    @property
    def new(self) -> int:
        """How many go through the model."""
        return len({key for key in self.keys if key not in self.known})

    @property
    def familiar(self) -> bool:
        """Is next to nothing of it new?"""
        return self.new * LARGE <= BATCH * len(self.ordinals)

    def opening(self, most: int) -> Batch:
        """As much of its beginning as has `most` new ones at most."""
        new: set[bytes] = set()
        for at, key in enumerate(self.keys):
            if key not in self.known:
                new.add(key)
            if len(new) > most:
                return replace(
                    self,
                    ordinals=self.ordinals[:at],
                    chunks=self.chunks[:at],
                    texts=self.texts[:at],
                    spans=self.spans[:at],
                    inside=self.inside[:at],
                    keys=self.keys[:at],
                    words=self.words[:at],
                )
        return self


def prepared(versions: Versions, version_id: str, ordinals: range, *, generation: int, embedder: Embedder) -> Batch:
    """The version's chunks with these ordinals. Raises NotFound once it is deleted."""
    versions.job(version_id)
    chunks = versions.chunks(version_id, start=ordinals.start, count=len(ordinals), generation=generation)
    sections = {section.page: section for section in versions.sections_at(version_id, {chunk.page for chunk in chunks})}
    label = versions.label(version_id)
    texts = [contextualize(label, chunk, sections[chunk.page]) for chunk in chunks]
    spans = [sentences(chunk.text) for chunk in chunks]
    inside = [placed(of_chunk, chunk.text, text) for of_chunk, chunk, text in zip(spans, chunks, texts, strict=True)]
    keys = keys_of(embedder, texts, inside)
    spoken = versions.language(version_id)
    known = versions.embeddings.find(keys, rule=rule(spoken))
    words = [_words(known.get(key), text, spoken) for key, text in zip(keys, texts, strict=True)]
    return Batch(ordinals, chunks, texts, spans, inside, keys, known, words, rule(spoken))


def _words(known: Embedding | None, text: str, document: str) -> SparseVector:
    if known is not None and known.words is not None:
        return known.words
    return passage_weights(text, passage_language(text, document))


def batches(prepare: Callable[[range], Batch], ordinals: range) -> Iterator[Batch]:
    """The chunks with these ordinals in order, each batch prepared when it is asked for."""
    start, size = ordinals.start, BATCH
    while start < ordinals.stop:
        batch = prepare(range(start, min(start + size, ordinals.stop))).opening(BATCH)
        yield batch
        start, size = batch.ordinals.stop, LARGE if batch.familiar else BATCH


def stored(versions: Versions, batch: Batch, made: Sequence[Embedding]) -> None:
    """Keep in SQL what it keeps of the chunks: their sentences' vectors, and theirs under a key."""
    rows = zip(batch.chunks, batch.keys, batch.spans, made, batch.words, strict=True)
    kept = {chunk.id: Embedded(key, spans, replace(one, words=words)) for chunk, key, spans, one, words in rows}
    versions.embeddings.store(kept, rule=batch.rule)


def points(batch: Batch, made: Sequence[Embedding]) -> list[Point]:
    return [Point(chunk, one.vector, words) for chunk, one, words in zip(batch.chunks, made, batch.words, strict=True)]


def overlapped(
    batches: Iterator[Prepared], embed: Callable[[Prepared], Made], keep: Callable[[Prepared, Made], None]
) -> None:
    """Each of `batches` is prepared, embedded and kept, in order. `embed` is called in this thread.

    The iterator prepares one when it is asked for it. An error in any thread ends the work, and is raised here once all
    have stopped.
    """
    with ThreadPoolExecutor(2, "batches") as others:
        following = others.submit(next, batches, None)
        keeping: Future[None] | None = None
        while (batch := following.result()) is not None:
            following = others.submit(next, batches, None)
            made = embed(batch)
            if keeping is not None:
                keeping.result()
            keeping = others.submit(keep, batch, made)
        if keeping is not None:
            keeping.result()
