"""What workers write while a generation is filled, compared, made live or removed. No permission is checked here.

`storage.generations` says what the states mean.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from storage import audit
from storage.database import Database, alone
from storage.errors import NotFound
from storage.generations import (
    FOLLOWED,
    LOCK,
    Generation,
    GenerationState,
    failures,
    generation_of,
    live_row,
    live_versions,
    move,
    of_state,
)
from storage.models import ChunkRow, Document, FilledRow, GenerationRow, Version, now

_REMOVED_AT_A_TIME = 2000


@dataclass(frozen=True, slots=True)
class Headed:
    """A passage's place and the heading path that it stands under."""

    title: str
    sha256: str
    page: int
    heading: str


class Filling:
    def __init__(self, database: Database) -> None:
        self._database = database

    def followed(self) -> Generation | None:
        with self._database.read() as session:
            row = session.scalars(of_state(*FOLLOWED)).first()
            return generation_of(row) if row else None

    def missing(self, generation_id: int, *, limit: int) -> list[str]:
        """Live versions that it lacks, in no order."""
        with self._database.read() as session:
            return list(session.scalars(_missing(generation_id).limit(limit)))

    def headings(self, generation_id: int, *, limit: int) -> list[Headed]:
        """Of so many passages of live versions, as good as drawn by lot and the same each time."""
        columns = (Document.title, Version.sha256, ChunkRow.page, ChunkRow.heading)
        query = (
            live_versions(*columns)
            .join(ChunkRow, ChunkRow.version_id == Version.id)
            .where(ChunkRow.generation == generation_id, ChunkRow.heading != "")
            .order_by(ChunkRow.id)  # a hash
            .limit(limit)
        )
        with self._database.read() as session:
            return [Headed(*row) for row in session.execute(query)]

    def fill(self, generation_id: int, version_id: str, passages: int) -> None:
        """Say that it holds all of the version's passages. Raises NotFound where either is gone. Idempotent."""
        with self._database.write() as session:
            fill(session, generation_id, version_id, passages)

    def fail_version(self, generation_id: int, version_id: str, reason: str) -> None:
        """Say that the version can't be put into it. What is said already stays. Idempotent."""
        with self._database.write() as session:
            known = session.get(FilledRow, (generation_id, version_id))
            version, row = session.get(Version, version_id), session.get(GenerationRow, generation_id)
            if known is None and version is not None and row is not None:
                session.add(FilledRow(generation=generation_id, version_id=version_id, passages=0, reason=reason))

    def held(self, generation_id: int) -> dict[str, int]:
        """The passages of each version that it holds."""
        query = sa.select(FilledRow.version_id, FilledRow.passages).where(
            FilledRow.generation == generation_id, FilledRow.reason == ""
        )
        with self._database.read() as session:
            return {row.version_id: row.passages for row in session.execute(query)}

    def empty(self, generation_id: int, version_ids: Sequence[str]) -> None:
        """These are to be put into it anew."""
        with self._database.write() as session:
            row = session.get_one(GenerationRow, generation_id)
            row.attempt += 1
            session.execute(
                sa.delete(FilledRow).where(FilledRow.generation == row.id, FilledRow.version_id.in_(version_ids))
            )

    def sized(self, generation_id: int, dimensions: int) -> None:
        with self._database.write() as session:
            session.get_one(GenerationRow, generation_id).dimensions = dimensions

    def settle(self, generation_id: int) -> GenerationState | None:
        """A generation that is built and lacks nothing goes on to be compared, or has failed. Returns its state."""
        with self._database.write() as session:
            row = session.get(GenerationRow, generation_id, with_for_update=True)
            if row is None:
                return None
            state = GenerationState(row.state)
            if state in FOLLOWED and session.scalar(_missing(generation_id).limit(1)) is None:
                if failed := failures(session, generation_id):
                    row.reason = _told(failed)
                    move(row, GenerationState.FAILED)
                elif state is GenerationState.BUILDING:
                    move(row, GenerationState.COMPARING)
            return GenerationState(row.state)

    def compared(self, generation_id: int, comparison: Mapping[str, Any], *, refusal: str) -> None:
        """Keep what the comparison says; without a `refusal` the generation is accepted."""
        with self._database.write() as session:
            row = session.get(GenerationRow, generation_id, with_for_update=True)
            if row is None or row.state != GenerationState.COMPARING:
                return
            row.comparison, row.reason = dict(comparison), refusal
            move(row, GenerationState.REFUSED if refusal else GenerationState.ACCEPTED)

    def give_up(self, generation_id: int, reason: str) -> None:
        """It can't be made at all: its model can't be loaded."""
        with self._database.write() as session:
            row = session.get(GenerationRow, generation_id, with_for_update=True)
            if row is not None and row.state in FOLLOWED:
                row.reason = reason
                move(row, GenerationState.FAILED)

    def switch(self, generation_id: int) -> bool:
        """Make an accepted generation live. False where it lacks a document or is not accepted. Atomic.

        Whoever asks `live` gets the old one or the new one; the documents' counts change in the same moment.
        """
        with self._database.write() as session:
            alone(session, LOCK)
            row = session.get(GenerationRow, generation_id, with_for_update=True)
            if row is None or row.state != GenerationState.ACCEPTED:
                return False
            if session.scalar(_missing(generation_id).limit(1)) is not None or failures(session, generation_id):
                return False
            before = live_row(session)
            if before is not None:
                move(before, GenerationState.KEPT)
            row.reason = ""
            move(row, GenerationState.LIVE)
            _count_passages(session, generation_id)
            audit.record(session, "footnote", "index switched", row.name, before=before.name if before else "")
            return True

    def removing(self, *, grace: float) -> list[Generation]:
        """Those that the worker is to remove, once so many seconds have passed: a question may still search one."""
        query = of_state(GenerationState.REMOVING).where(GenerationRow.changed < now() - timedelta(seconds=grace))
        with self._database.read() as session:
            return [generation_of(row) for row in session.scalars(query)]

    def expire(self, days: float) -> None:
        """Give up what has been kept for longer."""
        with self._database.write() as session:
            old = of_state(GenerationState.KEPT).where(GenerationRow.changed < now() - timedelta(days=days))
            for row in session.scalars(old):
                move(row, GenerationState.REMOVING)
                audit.record(session, "footnote", "generation given up", row.name, days=days)

    def remove(self, generation_id: int) -> int:
        """Remove its chunks, once its points are gone. Returns how many chunks."""
        removed = 0
        some = sa.select(ChunkRow.id).where(ChunkRow.generation == generation_id).limit(_REMOVED_AT_A_TIME)
        while True:  # in pieces: a reader or writer waits for none of them long
            with self._database.write() as session:
                ids = list(session.scalars(some))
                session.execute(sa.delete(ChunkRow).where(ChunkRow.id.in_(ids)))
                removed += len(ids)
                if len(ids) < _REMOVED_AT_A_TIME:
                    row = session.get(GenerationRow, generation_id)
                    if row is not None:
                        session.execute(sa.delete(FilledRow).where(FilledRow.generation == generation_id))
                        move(row, GenerationState.REMOVED)
                        audit.record(session, "footnote", "generation removed", row.name, chunks=removed)
                    return removed


def fill(session: Session, generation_id: int, version_id: str, passages: int) -> None:
    """`Generations.fill` in the caller's transaction."""
    if session.get(GenerationRow, generation_id) is None or session.get(Version, version_id) is None:
        raise NotFound("The document or the generation is gone.")
    session.merge(FilledRow(generation=generation_id, version_id=version_id, passages=passages, reason="", at=now()))


def _missing(generation_id: int) -> sa.Select[str]:
    told = sa.exists().where(FilledRow.generation == generation_id, FilledRow.version_id == Version.id)
    query: sa.Select[str] = live_versions(Version.id).where(sa.not_(told))
    return query


def _told(failed: Sequence[tuple[str, str]]) -> str:
    title, reason = failed[0]
    more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
    return f"“{title}”{more} could not be embedded anew: {reason}"


def _count_passages(session: Session, generation_id: int) -> None:
    held = sa.select(FilledRow.passages).where(
        FilledRow.generation == generation_id, FilledRow.version_id == Version.id, FilledRow.reason == ""
    )
    session.execute(
        sa.update(Version)
        .where(held.exists())
        .values(passages=held.scalar_subquery())
        .execution_options(synchronize_session=False)
    )
