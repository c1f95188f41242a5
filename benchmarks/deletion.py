"""How long it takes to delete for good: every point, file, row and vector gone, and counted.

    python benchmarks/deletion.py --passages 10000 --others 40000

Beside other documents, and with a second generation of the index that holds the same: a document of so many passages is
deleted, then as many passages in documents of ten. Texts are made up, vectors are drawn by lot. The time is from the
last order on until the last receipt stands in the audit log, through the running index process; a point, file or row
that is left fails it.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import corpora
import numpy as np

from app import supervisor
from app.ingestion import build_pipeline
from ingest.embed import DEFAULT_MODEL
from ingest.jobs import TOGETHER
from ingest.pipeline import Pipeline
from storage.database import Database
from storage.documents import Documents
from storage.embeddings import Embedded, Embedding
from storage.erasure import Receipt
from storage.generations import first_name
from storage.points import Point
from storage.types import Chunk, Principal, Readers, Role, Section, SparseVector
from storage.vectors import packed

ADMIN = Principal("admin", "admin", Role.ADMIN)
DIMENSIONS = 384
A_PAGE, LENGTH, SENTENCES = 5, 800, 6
_AT_A_TIME = 1000


@dataclass
class Stock:
    """Documents as the worker would have left them, in both generations."""

    database: Database
    pipeline: Pipeline
    documents: Documents

    def __post_init__(self) -> None:
        self._turn = np.random.default_rng(0)
        self._names = {1: first_name(DEFAULT_MODEL), 2: "second"}

    def add(self, passages: int) -> str:
        name = uuid4().hex
        with self.pipeline.files.receive(10**9) as receiver:
            receiver.write(name.encode())
            added = self.documents.add(f"{name}.txt", receiver.finish(), Readers(everyone=True), ADMIN)
        version, versions = added.version_id, self.pipeline.versions
        pages = [Section(n, "x" * LENGTH * A_PAGE) for n in range(1, -(-passages // A_PAGE) + 1)]
        versions.store_sections(version, pages, title=name, format="text", language="en", pages=len(pages), warnings=[])
        for generation in (1, 2):
            chunks = [self._chunk(added.document_id, version, n, generation) for n in range(passages)]
            versions.store_chunks(version, chunks, beside=generation)
            for start in range(0, passages, _AT_A_TIME):
                self._put(chunks[start : start + _AT_A_TIME], self._names[generation])
        assert versions.make_live(version, 1, passages=passages)
        versions.publish(version, passages=passages)
        self.pipeline.files.rendering(version, "1.jpg").write_bytes(b"drawn")
        return added.document_id

    def _chunk(self, document_id: str, version_id: str, n: int, generation: int) -> Chunk:
        start = n % A_PAGE * LENGTH
        place = (n, 1 + n // A_PAGE, start, start + LENGTH)
        return Chunk(str(uuid4()), document_id, version_id, *place, "Chapter", "", generation=generation)

    def _put(self, chunks: list[Chunk], generation: str) -> None:
        vectors = self._turn.normal(size=(len(chunks), DIMENSIONS)).astype(np.float32)
        parts = packed(self._turn.normal(size=(SENTENCES, DIMENSIONS)).astype(np.float32))
        spans = tuple((100 * n, 100 * n + 99) for n in range(SENTENCES))
        self.pipeline.versions.embeddings.store(
            {
                chunk.id: Embedded(uuid4().bytes, spans, Embedding(vector, parts))
                for chunk, vector in zip(chunks, vectors, strict=True)
            },
            rule="",
        )
        words = self._turn.integers(0, 50_000, size=(len(chunks), 40))
        points = [
            Point(chunk, vector, SparseVector(tuple(map(int, sorted(set(terms)))), (1.0,) * len(set(terms))))
            for chunk, vector, terms in zip(chunks, vectors, words, strict=True)
        ]
        self.pipeline.index.upsert(points, ["everyone", "role:admin"], generation=generation)

    def delete(self, document_ids: list[str]) -> tuple[float, list[Receipt]]:
        receipts: list[Receipt] = []
        for document_id in document_ids:
            self.documents.begin_delete(document_id, ADMIN)
        began = time.perf_counter()
        for start in range(0, len(document_ids), TOGETHER):  # as a worker takes them
            receipts += self.pipeline.delete_all(document_ids[start : start + TOGETHER])
        return time.perf_counter() - began, receipts


def measure(stock: Stock, passages: int, others: int) -> list[str]:
    for _ in range(others // 100):
        stock.add(100)
    one = [stock.add(passages)]
    many = [stock.add(10) for _ in range(passages // 10)]
    rows = []
    for what, chosen in (("one document", one), (f"{len(many):,} documents", many)):
        seconds, receipts = stock.delete(chosen)
        points, chunks = sum(r.points for r in receipts), sum(r.chunks for r in receipts)
        assert points == chunks == 2 * passages, (points, chunks)
        rows.append(f"| {passages:,} passages in {what} | {seconds:.2f} s | {points:,} | {chunks:,} |")
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--passages", type=int, default=10_000)
    parser.add_argument("--others", type=int, default=40_000, help="Passages of other documents.")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="footnote-") as folder:
        settings = corpora.settings_of(Path(folder), DEFAULT_MODEL, {})
        with supervisor.running(settings, "index") as reachable:
            database, pipeline = build_pipeline(reachable)
            with closing(database):
                pipeline.index.prepare(first_name(DEFAULT_MODEL), DIMENSIONS)
                pipeline.index.add("second", DIMENSIONS)
                pipeline.generations.first(first_name(DEFAULT_MODEL), DEFAULT_MODEL, DIMENSIONS)
                stock = Stock(database, pipeline, Documents(database, pipeline.files))
                rows = measure(stock, options.passages, options.others)
    print("| deleted | time | points of two generations | rows of passages |\n|---|---|---|---|")
    print("\n".join(rows))


if __name__ == "__main__":
    main()
