"""The steps of an ingestion as a job does them: each is timed, and at the border before it the job may be ended.

A step in which one worker process after the other ends fails; a process that gets through it begins the count anew.

A step that this attempt has done before, in an earlier turn, is not done again. A turn ends with a pause, and where
others wait for work that is long: between two pages that are recognised, and between two steps of embedding.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from ingest.pipeline import STEP, Pipeline
from ingest.room import ROOM
from storage.errors import Cancelled, DocumentError
from storage.steps import EMBED, READ, Standing

DIVIDE, PUBLISH = "divide", "publish"
TURN = 30.0  # seconds of text recognition before others may have their turn
CRASHED = "Reading this file ended the worker process again and again."


@dataclass(frozen=True, slots=True)
class Steps:
    """`job` gives the id of the job that runs in this thread. Every step raises Cancelled where the work ends."""

    pipeline: Pipeline
    executor: str
    job: Callable[[], str]
    crashes: int  # worker processes that may end in one step before the document is what fails

    def read(self, version_id: str) -> None:
        with self._step(version_id, READ) as standing:
            if READ not in standing.ended:
                self.pipeline.read(version_id, partial(self._make_way, version_id, self.job(), time.perf_counter()))

    def divide(self, version_id: str) -> int:
        with self._step(version_id, DIVIDE) as standing:
            return standing.total if DIVIDE in standing.ended else self.pipeline.divide(version_id)

    def embed(self, version_id: str, start: int, total: int) -> None:
        """From where the row says that it is: a step may have been broken off, or shorter in an earlier release."""
        with self._step(version_id, EMBED) as standing:
            end = min(start + STEP, total)
            self._embed_until(end, version_id, standing)
            if standing.done < end < total:
                self.pipeline.versions.steps.make_way(version_id, self.job())

    def publish(self, version_id: str, total: int) -> None:
        with self._step(version_id, PUBLISH) as standing:
            self._embed_until(standing.total, version_id, standing)
            self.pipeline.publish(version_id, total)

    def _make_way(self, version_id: str, job: str, began: float, recognising: float) -> None:
        if recognising > TURN:
            reading = time.perf_counter() - began
            self.pipeline.versions.steps.make_way(version_id, job, crowded=ROOM.awaited, reading=reading)

    def _embed_until(self, end: int, version_id: str, standing: Standing) -> None:
        job, seconds, done = self.job(), Stopwatch(), standing.done

        def kept(done: int) -> None:
            self.pipeline.versions.steps.advance(version_id, job, done, seconds=seconds())

        while done < end:
            done = self.pipeline.embed(version_id, done, standing.total, kept)

    @contextmanager
    def _step(self, version_id: str, step: str) -> Iterator[Standing]:
        borders, job = self.pipeline.versions.steps, self.job()
        standing = borders.enter(version_id, job, step, executor=self.executor)
        if standing.crashes > self.crashes:
            raise DocumentError(CRASHED, "Try again; if it fails once more, send us the file's kind and the log.")
        seconds = Stopwatch()
        try:
            yield standing
        except Cancelled:
            borders.settle(version_id, job)
            raise
        if step != EMBED:  # whose batches tell what they took
            borders.leave(version_id, job, step, seconds())


class Stopwatch:
    """Each call gives the seconds since the one before."""

    def __init__(self) -> None:
        self._last = time.perf_counter()

    def __call__(self) -> float:
        now = time.perf_counter()
        passed, self._last = now - self._last, now
        return passed
