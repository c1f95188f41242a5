"""Questions asked without a pause while the index is made anew three times: how many, how fast, and whether any failed.

    python benchmarks/reindex.py --passages 20000 --readers 4

Synthetic documents; three generations follow each other, of 384, 512 and 384 dimensions, by embedders that make a
vector of a text's hash in no time, so that it is the index, the database and the switch that are measured. Each reader
does what retrieval does: it asks which generation is live, embeds with that one's model, searches it, and takes the
passages from the database. A search of a text finds that text alone nearest, with a cosine of 1, where question and
passages are of one model: whatever else comes back is counted as mixed.
"""

from __future__ import annotations

import argparse
import hashlib
import multiprocessing
import os
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import corpora
import numpy as np

from app import supervisor
from app.ingestion import build_pipeline
from app.settings import Settings
from ingest.embed import Embedder, embed_alone
from ingest.meaning import Meaning
from ingest.pipeline import STEP, Pipeline
from ingest.reindex import Reindex
from ingest.worker import Worker
from storage.database import Database
from storage.documents import Documents
from storage.errors import FootnoteError
from storage.filling import Filling
from storage.generations import Generations
from storage.types import Principal, Readers, Role, Section, Vector

ADMIN = Principal("admin", "admin", Role.ADMIN)
MODELS = ("hash-384", "hash-512", "other-384", "third-384")
A_DOCUMENT = 100  # passages
WORDS = 150
ALONE = 10.0  # seconds of reading before the first rebuild


class HashEmbedder:
    """A direction for each text and model, and no model."""

    max_tokens = 254

    def __init__(self, name: str) -> None:
        self.name, self.dimensions = name, int(name.split("-")[1])

    def embed_passages(self, texts: list[str]) -> Vector:
        rows = [self._row(text.rsplit("\n", 1)[-1]) for text in texts]
        return np.array(rows, np.float32).reshape(-1, self.dimensions)

    embed_queries = embed_passages

    def embed_question(self, text: str) -> Meaning:
        return Meaning(self.embed_queries([text])[0])

    def embed_parts(self, texts: list[str], parts: Sequence[Sequence[tuple[int, int]]]) -> tuple[Vector, list[Vector]]:
        return self.embed_passages(texts), embed_alone(self, texts, parts)

    def token_spans(self, text: str) -> list[tuple[int, int]]:
        spans, start = [], 0
        for word in text.split():
            start = text.index(word, start)
            spans.append((start, start + len(word)))
            start += len(word)
        return spans

    def _row(self, text: str) -> Vector:
        seed = int.from_bytes(hashlib.blake2b(f"{self.name}\0{text}".encode(), digest_size=8).digest(), "big")
        row = np.random.default_rng(seed).standard_normal(self.dimensions, dtype=np.float32)
        return row / np.linalg.norm(row)


@dataclass
class Reader:
    """Searches again and again."""

    pipeline: Pipeline
    documents: Documents
    texts: list[str]
    taken: list[tuple[float, float]] = field(default_factory=list)  # when, and how long
    problems: list[str] = field(default_factory=list)
    generations: set[str] = field(default_factory=set)

    def run(self, stop: threading.Event, seed: int) -> None:
        turn = np.random.default_rng(seed)
        while not stop.is_set():
            text = self.texts[turn.integers(len(self.texts))]
            began = time.perf_counter()
            try:
                self._read(text)
            except FootnoteError as error:
                self.problems.append(f"error: {error}")
            self.taken.append((began, time.perf_counter() - began))

    def _read(self, text: str) -> None:
        live = self.pipeline.generations.live()
        assert live is not None
        vector = self.pipeline.embedder(live.model).embed_queries([text])[0]
        hits = self.pipeline.index.search(vector, None, ADMIN, limit=10, generation=live.name)
        passages = self.documents.passages(hits, ADMIN)
        self.generations.add(live.name)
        if len(passages) != len(hits) or not hits:
            self.problems.append(f"mixed: {len(hits)} hits and {len(passages)} passages in {live.name}")
        elif passages[0].text != text or (hits[0].dense or 0) < 0.999:
            self.problems.append(f"mixed: {hits[0].dense:.3f} for its own text in {live.name}")


def stock(pipeline: Pipeline, documents: Documents, passages: int) -> list[str]:
    """Documents that are read, of a section for each passage, and what the passages say."""
    texts = []
    for number in range(passages // A_DOCUMENT):
        pages = [
            f"d{number}p{n} " + " ".join(f"w{number * 7 + n * 13 + k}" for k in range(WORDS)) for n in range(A_DOCUMENT)
        ]
        with pipeline.files.receive(10**9) as receiver:
            receiver.write("\f".join(pages).encode())
            added = documents.add(f"d{number}.txt", receiver.finish(), Readers(everyone=True), ADMIN)
        sections = [Section(n, text) for n, text in enumerate(pages, 1)]
        pipeline.versions.store_sections(
            added.version_id, sections, title="d", format="text", language="en", pages=len(pages), warnings=[]
        )
        total = pipeline.divide(added.version_id)
        for start in range(0, total, STEP):
            pipeline.embed(added.version_id, start, total)
        pipeline.publish(added.version_id, total)
        texts += pages
    return texts


def rebuild(generations: Generations, model: str) -> float:
    """Seconds until a generation of that model is live."""
    began, made = time.monotonic(), generations.start(model, ADMIN)
    while (live := generations.live()) is None or live.id != made.id:
        time.sleep(0.1)
    return time.monotonic() - began


def p95(readers: list[Reader], since: float, until: float) -> tuple[int, float]:
    taken = [seconds for reader in readers for began, seconds in reader.taken if since <= began < until]
    return len(taken), 1000 * float(np.percentile(taken, 95)) if taken else 0.0


def parts(settings: Settings) -> tuple[Database, Pipeline]:
    database, pipeline = build_pipeline(settings)
    embedders: dict[str, Embedder] = {model: HashEmbedder(model) for model in MODELS}
    return database, replace(pipeline, embedder=embedders.__getitem__, model=MODELS[0])


def work(settings: Settings) -> None:
    """In a process of its own, until it is killed."""
    os.nice(10)
    database, pipeline = parts(settings)
    reindex = Reindex(pipeline, Filling(database), grace=5.0)
    folder = settings.data_dir
    worker = Worker(database, pipeline, settings.jobs_url, folder=folder, concurrency=1, reindex=reindex)
    worker.run(threading.Event())


def measure(settings: Settings, database: Database, pipeline: Pipeline, passages: int, count: int) -> None:
    documents = Documents(database, pipeline.files)
    texts = stock(pipeline, documents, passages)
    print(f"{pipeline.index.total():,} passages in {len(texts) // A_DOCUMENT:,} documents", flush=True)
    stop = threading.Event()
    readers = [Reader(pipeline, documents, texts) for _ in range(count)]
    threads = [threading.Thread(target=one.run, args=(stop, seed)) for seed, one in enumerate(readers)]
    working = multiprocessing.get_context("spawn").Process(target=work, args=(settings,))
    for thread in threads:
        thread.start()
    time.sleep(ALONE)
    began = time.perf_counter()
    working.start()
    try:
        for model in MODELS[1:]:
            print(f"{model}: live after {rebuild(pipeline.generations, model):.0f} s", flush=True)
    finally:
        ended = time.perf_counter()
        stop.set()
        working.kill()
        for thread in threads:
            thread.join()
    problems = [problem for reader in readers for problem in reader.problems]
    alone, during = p95(readers, 0.0, began), p95(readers, began, ended)
    seen = set[str]().union(*(reader.generations for reader in readers))
    print(f"{alone[0]:,} reads before, p95 {alone[1]:.1f} ms; {during[0]:,} reads meanwhile, p95 {during[1]:.1f} ms")
    print(f"{len(seen)} generations seen; {len(problems)} errors or mixed results {problems[:3]}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--passages", type=int, default=20_000)
    parser.add_argument("--readers", type=int, default=4)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="footnote-") as folder:
        settings = corpora.settings_of(Path(folder), MODELS[0], {})
        with supervisor.running(settings, "index") as reachable:
            database, pipeline = parts(reachable)
            with closing(database):
                measure(reachable, database, pipeline, options.passages, options.readers)


if __name__ == "__main__":
    main()
