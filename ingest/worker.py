"""The worker process: takes documents from the queue until it is told to stop.

On SQLite it is the only one of its data folder and holds a lock to say so; on PostgreSQL any number run, and a
heartbeat in the database tells which of them live.
"""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from uuid import uuid4

import filelock
import sqlalchemy as sa

from ingest.fills import Fills
from ingest.jobs import Jobs
from ingest.pipeline import Pipeline
from ingest.reindex import Reindex
from ingest.sync import Synchroniser
from storage.agenda import Agenda, agenda
from storage.database import Database, db_now
from storage.errors import Conflict, FootnoteError
from storage.filling import Filling
from storage.models import Executor
from storage.status import TTL

log = logging.getLogger(__name__)

LOOK_EVERY = 0.2
PAUSE = 2.0  # after a round that failed


class Worker:
    def __init__(
        self,
        database: Database,
        pipeline: Pipeline,
        jobs_url: str,
        *,
        folder: Path,
        concurrency: int,
        ttl: float = TTL,
        reindex: Reindex | None = None,
        synchroniser: Synchroniser | None = None,
    ) -> None:
        """`reindex`: how a new generation is compared and made live; without it, nothing is compared."""
        self._reindex = reindex or Reindex(pipeline, Filling(database))
        self._database, self._pipeline, self._url = database, pipeline, jobs_url
        self._concurrency, self._ttl = concurrency, ttl
        self._synchroniser = synchroniser
        self._alone = jobs_url.startswith("sqlite")
        self._lock = filelock.FileLock(folder / "worker.lock")
        self._id = f"{socket.gethostname()}:{uuid4().hex[:12]}"

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set. Raises Conflict when another worker has this data folder.

        A step that runs then is not waited for: whoever comes next does it again.
        """
        if self._alone:
            self._claim_folder()
        self._beat()
        threading.Thread(target=self._keep_beating, args=(stop,), daemon=True, name="heartbeat").start()
        jobs = Jobs(self._pipeline, self._url, executor=self._id, concurrency=self._concurrency)
        fills = Fills(self._reindex)
        jobs.launch()
        fills.launch()
        threading.Thread(target=self._prepare, daemon=True, name="prepare").start()
        log.info("The worker is ready.")
        now_and_then: list[Callable[[], object]] = [
            partial(self._sweep, jobs),
            jobs.give_up,
            jobs.tidy,
            fills.give_up,
            jobs.take,
            fills.take,
        ]
        next_sweep = 0.0
        try:
            while not stop.wait(LOOK_EVERY):
                due = time.monotonic() >= next_sweep
                next_sweep = time.monotonic() + self._ttl / 3 if due else next_sweep
                done = [_went_well(chore) for chore in (now_and_then if due else self._to_take(jobs, fills))]
                if not all(done):
                    stop.wait(PAUSE)
        finally:
            jobs.destroy(seconds=0)
            if self._alone:
                self._lock.release()

    def _to_take(self, jobs: Jobs, fills: Fills) -> list[Callable[[], object]]:
        """Mostly nothing, and that is found out at the price of one statement."""
        try:
            found = agenda(self._database)
        except Exception:  # noqa: BLE001  the worker loop: each chore meets the same and says so
            found = Agenda(documents=True, generations=True, sources=True)
        chores: list[Callable[[], object]] = [jobs.take] if found.documents else []
        if found.generations:
            chores.append(fills.take)
        if found.sources and self._synchroniser:
            chores.append(partial(self._synchroniser.take, self._id))
        return chores

    def _prepare(self) -> None:
        """Load the embedding model before the first document needs it."""
        try:
            self._pipeline.embedder(self._pipeline.generation().model)
        except FootnoteError as error:
            log.error("%s", error)

    def _claim_folder(self) -> None:
        try:
            self._lock.acquire(timeout=0)
        except filelock.Timeout as error:
            raise Conflict("Another worker already works on this data folder. Stop it first.") from error
        with self._database.write() as session:
            session.execute(sa.delete(Executor))  # nobody else can be alive

    def _beat(self) -> None:
        with self._database.write() as session:
            session.merge(Executor(id=self._id, beat=db_now(session)))

    def _keep_beating(self, stop: threading.Event) -> None:
        """Apart from the rounds: one that waits for the index must not make this worker look dead to the others."""
        while not stop.wait(self._ttl / 3):
            try:
                self._beat()
            except FootnoteError as error:
                log.warning("%s", error)

    def _sweep(self, jobs: Jobs) -> None:
        self._beat()
        with self._database.write() as session:
            session.execute(sa.delete(Executor).where(Executor.beat < db_now(session) - self._ttl))
            alive = set(session.scalars(sa.select(Executor.id)))
        if taken_over := jobs.recover(alive):
            log.info("Took over %d jobs of workers that are gone.", taken_over)
        if self._synchroniser:
            self._synchroniser.release(alive)


def _went_well(chore: Callable[[], object]) -> bool:
    """Each chore apart: one that needs a part which is away must not keep the others from their work."""
    try:
        chore()
    except FootnoteError as error:  # the rows stay, a later round sees them
        log.warning("%s", error)
        return False
    except Exception:  # the worker loop outlives everything
        log.exception("The worker could not look for work.")
        return False
    return True
