"""Places that documents come from, for the admins who manage them, and the runs that compare them.

Whoever sets a source up decides who reads what comes from it. Credentials go in and never come out: they stand in the
options, which only the worker is given (`storage.syncs`). What is kept of each file stands in `storage.entries`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from storage import audit
from storage.access import document_terms, readers_of
from storage.database import Database
from storage.entries import follow_readers, let_go
from storage.errors import AlreadyExists, Conflict, Forbidden, InvalidInput, NotFound
from storage.models import EntryRow, SourceRow, SyncRow, now
from storage.types import Principal, Readers

MAX_NAME = 80
MAX_PATTERNS = 200
LEAST_EVERY = 60


class Kind(StrEnum):
    FOLDER = "folder"
    READER = "reader"


class SyncState(StrEnum):
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Sync:
    """A run. `counts` by what happened to files; `errors` the first files that could not be taken, with reasons."""

    id: str
    source_id: str
    state: SyncState
    forced: bool
    by: str
    counts: Mapping[str, int]
    errors: tuple[tuple[str, str], ...]
    reason: str
    created: datetime
    started: datetime | None
    finished: datetime | None


@dataclass(frozen=True, slots=True)
class SourceInfo:
    id: str
    name: str
    kind: Kind
    location: str
    include: tuple[str, ...]
    exclude: tuple[str, ...]
    readers: Readers
    keep_deleted: bool
    every: int
    due: datetime | None
    has_options: bool
    files: int
    latest: Sync | None


@dataclass(frozen=True, slots=True)
class NewSource:
    """`location` is a folder's path or URL, or a reader's class; `options` are its arguments, secrets among them."""

    name: str
    kind: Kind
    location: str
    readers: Readers
    options: Mapping[str, Any]
    include: Sequence[str] = ()
    exclude: Sequence[str] = ()
    keep_deleted: bool = False
    every: int = 0


class Sources:
    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, new: NewSource, principal: Principal) -> SourceInfo:
        """Its first run waits from now on where it has a schedule. Raises AlreadyExists for a name that is taken."""
        _require_admin(principal)
        name = _name(new.name)
        _check(new.include, new.exclude, new.every)
        with self._database.write() as session:
            if session.scalar(sa.select(SourceRow.id).where(SourceRow.name == name)):
                raise AlreadyExists(f"There is already a source named {name}.")
            row = SourceRow(
                name=name,
                kind=new.kind,
                location=new.location,
                options=dict(new.options),
                include=list(new.include),
                exclude=list(new.exclude),
                terms=document_terms(new.readers),
                keep_deleted=new.keep_deleted,
                every=new.every,
                due=now() if new.every else None,
                created_by=principal.name,
            )
            session.add(row)
            session.flush()
            audit.record(session, principal, "source added", row.id, name=name, location=new.location)
            return _info(session, row)

    def find(self, principal: Principal) -> list[SourceInfo]:
        """Every source, by name."""
        _require_admin(principal)
        with self._database.read() as session:
            return [_info(session, row) for row in session.scalars(sa.select(SourceRow).order_by(SourceRow.name))]

    def get(self, source: str, principal: Principal) -> SourceInfo:
        """By its name or id."""
        _require_admin(principal)
        with self._database.read() as session:
            return _info(session, _row(session, source))

    def set_readers(self, source: str, readers: Readers, principal: Principal) -> int:
        """At once for the documents that came from here, except where an admin chose other readers by hand.

        A document counts as chosen by hand while its readers differ from those that the source gave it. Returns how
        many documents changed.
        """
        _require_admin(principal)
        with self._database.write() as session:
            row = _row(session, source, lock=True)
            row.terms = document_terms(readers)
            audit.record(session, principal, "source readers set", row.id, terms=row.terms)
            return follow_readers(session, row.id, row.terms)

    def set_schedule(self, source: str, every: int, principal: Principal) -> None:
        """Seconds between two runs; 0: by hand alone."""
        _require_admin(principal)
        _check((), (), every)
        with self._database.write() as session:
            row = _row(session, source, lock=True)
            row.every, row.due = every, now() + timedelta(seconds=every) if every else None
            audit.record(session, principal, "source schedule set", row.id, every=every)

    def remove(self, source: str, principal: Principal, *, documents: bool = False) -> int:
        """Forget the source; its documents stay, or with `documents` are deleted. Returns how many are deleted."""
        _require_admin(principal)
        with self._database.write() as session:
            row = _row(session, source, lock=True)
            deleted = 0
            if documents:
                for entry in session.scalars(sa.select(EntryRow).where(EntryRow.source_id == row.id)):
                    deleted += let_go(session, entry, principal)
            audit.record(session, principal, "source removed", row.id, name=row.name, documents=deleted)
            session.delete(row)
            return deleted

    def request(self, source: str, principal: Principal, *, forced: bool = False) -> Sync:
        """A run that waits for a worker. Raises Conflict while one waits or runs."""
        _require_admin(principal)
        with self._database.write() as session:
            row = _row(session, source, lock=True)
            if session.scalar(sa.select(SyncRow.id).where(SyncRow.source_id == row.id, SyncRow.finished.is_(None))):
                raise Conflict("This source is being synchronised already.")
            run = SyncRow(source_id=row.id, state=SyncState.WAITING, forced=forced, by=principal.name)
            session.add(run)
            session.flush()
            return _sync(run)

    def sync(self, sync_id: str, principal: Principal) -> Sync:
        _require_admin(principal)
        with self._database.read() as session:
            run = session.get(SyncRow, sync_id)
            if run is None:
                raise NotFound("There is no such run.")
            return _sync(run)

    def syncs(self, source: str, principal: Principal, *, limit: int = 20) -> list[Sync]:
        """The newest runs of a source, newest first."""
        _require_admin(principal)
        with self._database.read() as session:
            return [_sync(run) for run in session.scalars(_runs(_row(session, source).id).limit(limit))]


def _require_admin(principal: Principal) -> None:
    if not principal.is_admin:
        raise Forbidden("Only admins manage sources.")


def _name(given: str) -> str:
    name = " ".join(given.split())
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise InvalidInput(f"A source needs a name of 1 to {MAX_NAME} characters.")
    return name


def _check(include: Sequence[str], exclude: Sequence[str], every: int) -> None:
    if len(include) + len(exclude) > MAX_PATTERNS:
        raise InvalidInput(f"A source takes at most {MAX_PATTERNS} patterns.")
    if every and not LEAST_EVERY <= every <= 366 * 86400:
        raise InvalidInput("A schedule is from once a minute to once a year, or 0 for none.")


def _row(session: Session, source: str, *, lock: bool = False) -> SourceRow:
    query = sa.select(SourceRow).where(sa.or_(SourceRow.id == source, SourceRow.name == " ".join(source.split())))
    row = session.scalars(query.with_for_update() if lock else query).first()
    if row is None:
        raise NotFound("There is no such source.")
    return row


def _runs(source_id: str) -> sa.Select[SyncRow]:
    return sa.select(SyncRow).where(SyncRow.source_id == source_id).order_by(SyncRow.created.desc(), SyncRow.id)


def _info(session: Session, row: SourceRow) -> SourceInfo:
    files = sa.select(sa.func.count()).where(EntryRow.source_id == row.id, sa.not_(EntryRow.gone))
    latest = session.scalars(_runs(row.id).limit(1)).first()
    return SourceInfo(
        id=row.id,
        name=row.name,
        kind=Kind(row.kind),
        location=row.location,
        include=tuple(row.include),
        exclude=tuple(row.exclude),
        readers=readers_of(row.terms),
        keep_deleted=row.keep_deleted,
        every=row.every,
        due=row.due,
        has_options=bool(row.options),
        files=session.scalar(files) or 0,
        latest=_sync(latest) if latest else None,
    )


def _sync(run: SyncRow) -> Sync:
    errors = tuple((str(key), str(reason)) for key, reason in run.errors)
    state, counts = SyncState(run.state), dict(run.counts)
    moments = (run.created, run.started, run.finished)
    return Sync(run.id, run.source_id, state, run.forced, run.by, counts, errors, run.reason, *moments)
