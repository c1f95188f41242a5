"""The runs of sources as workers see them: due, waiting, running, ended. No permission is checked here.

A run belongs to the worker that took it. When that worker is gone the run waits again; it compares anew, and what was
done already is then unchanged.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from storage.database import Database
from storage.models import SourceRow, SyncRow, now
from storage.sources import Kind, SyncState

ATTEMPTS = 3  # workers that a run may outlive
MAX_ERRORS = 100  # that are kept of a run; all are counted
KEPT_RUNS = 100  # of a source
ENDED = "Its worker process ended again and again."
WAITING = sa.select(SyncRow.id).where(SyncRow.finished.is_(None), SyncRow.state == SyncState.WAITING)


@dataclass(frozen=True, slots=True)
class Task:
    """A run that this worker has taken, with all that it needs to know of its source, secrets included."""

    id: str
    source_id: str
    name: str
    kind: Kind
    location: str
    options: Mapping[str, Any]
    include: tuple[str, ...]
    exclude: tuple[str, ...]
    keep_deleted: bool
    forced: bool


class Syncs:
    def __init__(self, database: Database) -> None:
        self._database = database

    def schedule(self) -> int:
        """Let the sources run that are due and have no run open. Returns how many."""
        with self._database.read() as session:  # mostly nothing is: no lock for that
            if session.scalar(sa.select(SourceRow.id).where(SourceRow.due <= now()).limit(1)) is None:
                return 0
        opened = sa.exists().where(SyncRow.source_id == SourceRow.id, SyncRow.finished.is_(None))
        query = sa.select(SourceRow).where(SourceRow.due <= now(), SourceRow.every > 0).with_for_update()
        with self._database.write() as session:
            due = list(session.scalars(query.where(sa.not_(opened))))
            for source in due:
                source.due = now() + timedelta(seconds=source.every)
                session.add(SyncRow(source_id=source.id, state=SyncState.WAITING, by="schedule"))
            return len(due)

    def take(self, executor: str) -> Task | None:
        """The run that has waited longest, which is then this worker's."""
        with self._database.read() as session:
            run_id = session.scalar(WAITING.order_by(SyncRow.created).limit(1))
        if run_id is None:
            return None
        with self._database.write() as session:
            run = session.get(SyncRow, run_id, with_for_update=True)
            source = session.get(SourceRow, run.source_id) if run else None
            if run is None or source is None or run.state != SyncState.WAITING:
                return None  # another worker was quicker, or the source is gone
            run.state, run.executor, run.started = SyncState.RUNNING, executor, now()
            return Task(
                id=run.id,
                source_id=source.id,
                name=source.name,
                kind=Kind(source.kind),
                location=source.location,
                options=dict(source.options),
                include=tuple(source.include),
                exclude=tuple(source.exclude),
                keep_deleted=source.keep_deleted,
                forced=run.forced,
            )

    def release(self, alive: Collection[str]) -> None:
        """Runs of workers that are gone wait again, or have failed when that happened too often."""
        lost = sa.select(SyncRow).where(SyncRow.state == SyncState.RUNNING, SyncRow.executor.not_in(alive))
        with self._database.read() as session:
            if session.scalar(lost.with_only_columns(SyncRow.id).limit(1)) is None:
                return
        with self._database.write() as session:
            for run in session.scalars(lost.with_for_update()):
                if run.attempt >= ATTEMPTS:
                    run.state, run.reason, run.finished = SyncState.FAILED, ENDED, now()
                else:
                    run.state, run.executor, run.attempt = SyncState.WAITING, "", run.attempt + 1

    def progress(self, run_id: str, counts: Mapping[str, int]) -> None:
        with self._database.write() as session:
            open_run = sa.update(SyncRow).where(SyncRow.id == run_id, SyncRow.finished.is_(None))
            session.execute(open_run.values(counts=dict(counts)))

    def finish(
        self, run_id: str, counts: Mapping[str, int], errors: Sequence[tuple[str, str]], *, failed: str = ""
    ) -> None:
        """`failed` says why the run as a whole did. Idempotent; nothing where the source was removed meanwhile."""
        with self._database.write() as session:
            run = session.get(SyncRow, run_id, with_for_update=True)
            if run is None or run.finished is not None:
                return
            run.state = SyncState.FAILED if failed else SyncState.DONE
            run.counts, run.reason, run.finished = dict(counts), failed, now()
            run.errors = [list(error) for error in errors[:MAX_ERRORS]]
            newest = sa.select(SyncRow.id).where(SyncRow.source_id == run.source_id, SyncRow.finished.is_not(None))
            kept = newest.order_by(SyncRow.created.desc()).limit(KEPT_RUNS)
            old = sa.delete(SyncRow).where(SyncRow.source_id == run.source_id, SyncRow.finished.is_not(None))
            session.flush()
            session.execute(old.where(SyncRow.id.not_in(list(session.scalars(kept)))))
