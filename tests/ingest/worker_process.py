"""A worker in a process of its own: the real pipeline, jobs and index client, and an embedder that costs nothing.

Without a sandbox it takes files for plain text, and a document named "poison..." ends the process in the middle of a
step, the keeping of one named "unkept..." breaks off after a batch.
"""

from __future__ import annotations

import hashlib
import itertools
import logging
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import sqlalchemy as sa

from ingest import jobs, steps
from ingest.embed import Embedder, Parts, embed_alone
from ingest.meaning import Meaning
from ingest.pipeline import Pipeline
from ingest.recognition import engines
from ingest.recognition.recogniser import NONE, Recognition
from ingest.reindex import Reindex
from ingest.sandbox import Limits
from ingest.sync import Synchroniser
from ingest.worker import Worker
from storage.database import Database
from storage.errors import Conflict, InvalidInput
from storage.files import Files
from storage.filling import Filling
from storage.generations import Generations
from storage.index import Index
from storage.types import Section, State, Vector
from storage.versions import Versions
from tests.contracts.index_contract import DIMENSIONS, KEY

FORKED = multiprocessing.get_context("forkserver")
FORKED.set_forkserver_preload(["tests.ingest.worker_process"])
LIMITS = Limits(memory=2 * 10**9, cpu_seconds=30, wall_seconds=30)


@dataclass(frozen=True)
class Setup:
    database_url: str
    jobs_url: str
    folder: str
    index_url: str
    seconds_a_batch: float = 0.0
    concurrency: int = 2
    ttl: float = 3.0
    crashes: int = jobs.CRASHES
    patience: float = 60.0
    sandbox: bool = True
    grace: float = 0.5
    turn: float | None = None  # seconds of text recognition, by Tesseract, before others have theirs
    counting: bool = False  # of the statements that all databases are asked, a second


class HashEmbedder:
    """Vectors that follow from the text and the model's name alone, after a pause. "hash-24" makes 24 dimensions."""

    max_tokens = 96

    def __init__(self, pause: float = 0.0, name: str = "hash") -> None:
        self.pause, self.name = pause, name
        self.dimensions = int(name.removeprefix("hash-")) if "-" in name else DIMENSIONS

    def embed_passages(self, texts: list[str]) -> Vector:
        time.sleep(self.pause)
        salt = self.name.encode() if self.name != "hash" else b""
        rows = [list(hashlib.sha256(salt + text.encode()).digest()[: self.dimensions]) for text in texts]
        vectors = np.array(rows, np.float32).reshape(-1, self.dimensions) - 127.5
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)

    embed_queries = embed_passages

    def embed_question(self, text: str) -> Meaning:
        return Meaning(self.embed_queries([text])[0])

    def embed_parts(self, texts: list[str], parts: Sequence[Parts]) -> tuple[Vector, list[Vector]]:
        return self.embed_passages(texts), embed_alone(self, texts, parts)

    def token_spans(self, text: str) -> list[tuple[int, int]]:
        spans, start = [], 0
        for word in text.split():
            start = text.index(word, start)
            spans.append((start, start + len(word)))
            start += len(word)
        return spans


class PlainPipeline(Pipeline):
    """Takes the file for one section of text, which saves the start of a process for each."""

    def read(self, version_id: str, between_pages: Callable[[float], None] = lambda _: None) -> None:
        self.versions.progress(version_id, State.PARSING)
        section = Section(1, self.files.original(version_id).read_text())
        self.versions.store_sections(
            version_id, [section], title=version_id, format="text", language="en", pages=1, warnings=[]
        )

    def embed(self, version_id: str, start: int, total: int, kept: Callable[[int], object] | None = None) -> int:
        name = self.versions.job(version_id).name
        if name.startswith("poison"):
            os._exit(9)
        return super().embed(version_id, start, total, _full if name.startswith("unkept") else kept)


def _full(done: int) -> None:
    if done > 64:
        raise OSError("the disk is full")


def pipeline(
    database: Database,
    files: Files,
    index: Index,
    pause: float = 0.0,
    patience: float = 60.0,
    kind: type[Pipeline] = Pipeline,
    recognition: Recognition = NONE,
) -> Pipeline:
    def embedder(model: str) -> Embedder:
        if not model.startswith("hash"):
            raise InvalidInput(f"The embedding model {model} can't be loaded.")
        return HashEmbedder(pause, model)

    return kind(
        Versions(database),
        files,
        index,
        Generations(database),
        embedder,
        LIMITS,
        patience,
        "hash",
        recognition,
    )


class WorkerProcess:
    """Started by `start`; its log is kept for the test's own report.

    Forked from a process that has imported all this, as importing takes longer than most of what is tested.
    """

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.log = ""

    def start(self) -> WorkerProcess:
        lines, writing = FORKED.Pipe(duplex=False)
        self.process = FORKED.Process(target=_begin, args=(self.setup, writing), daemon=True)
        self.process.start()
        writing.close()
        self.ready = threading.Event()
        self._reader = threading.Thread(target=self._read, args=(lines,))
        self._reader.start()
        return self

    def _read(self, lines: Connection) -> None:
        with lines, os.fdopen(os.dup(lines.fileno()), encoding="utf-8", errors="replace") as text:
            for line in text:
                self.log += line
                if "The worker is ready." in line:
                    self.ready.set()

    @property
    def ended(self) -> bool:
        return self.process.exitcode is not None

    def kill(self) -> None:
        self.process.kill()
        self.wait()

    def wait(self, seconds: float = 30.0) -> int:
        self.process.join(seconds)
        assert self.process.exitcode is not None, self.log
        self._reader.join(10)
        return self.process.exitcode

    def __enter__(self) -> WorkerProcess:
        return self.start()

    def __exit__(self, *_: object) -> None:
        if not self.ended:
            self.kill()


def _begin(setup: Setup, writing: Connection) -> None:
    os.dup2(writing.fileno(), sys.stderr.fileno())
    writing.close()
    work(setup)


def count_statements() -> None:
    asked = itertools.count()

    def tell() -> None:
        before = 0
        while True:
            time.sleep(1)
            number = next(asked)  # itself counts for one
            logging.info("statements: %d", number - before)
            before = number + 1

    sa.event.listen(sa.Engine, "before_cursor_execute", lambda *_: next(asked))
    threading.Thread(target=tell, daemon=True).start()


def work(setup: Setup) -> None:
    logging.basicConfig(level="INFO", format="%(name)s %(levelname)s %(message)s")
    if setup.counting:
        count_statements()
    logging.getLogger("httpx").setLevel("WARNING")
    jobs.CRASHES = setup.crashes
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    database = Database(setup.database_url)
    folder = Path(setup.folder)
    index = Index(setup.index_url, KEY, timeout=20)
    kind = Pipeline if setup.sandbox else PlainPipeline
    recognition = NONE
    if setup.turn is not None:
        steps.TURN, recognition = setup.turn, Recognition(engines.find("tesseract"))
    made = pipeline(database, Files(folder), index, setup.seconds_a_batch, setup.patience, kind, recognition)
    reindex = Reindex(made, Filling(database), grace=setup.grace)
    synchroniser = Synchroniser(database, made.files, max_bytes=10**6)
    settings = {"folder": folder, "concurrency": setup.concurrency, "ttl": setup.ttl, "synchroniser": synchroniser}
    try:
        Worker(database, made, setup.jobs_url, **settings, reindex=reindex).run(stop)  # type: ignore[arg-type]
    except Conflict as error:
        sys.exit(f"Conflict: {error}")
    os._exit(0)
