"""What people see of the work on a version: one rule, rendered once for a row and once for SQL.

A state alone can lie: a version that a worker was embedding when it was killed still says so. It runs only while the
worker that has it gives signs of life; else it waits for another one.
"""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from storage.access import readable
from storage.database import Database, db_now
from storage.models import Document, Executor, Hold, Version, is_set
from storage.types import Principal, State, Status

TTL = 15.0  # seconds without a heartbeat after which a worker counts as dead
OPEN = (State.WAITING, State.PARSING, State.EMBEDDING)
INGEST = "ingest"
PAUSE, CANCEL = "pause", "cancel"
_ENDED = {State.READY: Status.DONE, State.FAILED: Status.FAILED, State.CANCELLED: Status.CANCELLED}
DELETING = sa.select(Document.id).where(is_set(Document.deleting))
_HELD = sa.select(sa.exists().where(Hold.what == INGEST))


@dataclass(frozen=True, slots=True)
class Now:
    """What tells the status of every version at one moment."""

    alive: frozenset[str]  # executors
    held_by: str = ""  # who paused everything

    @property
    def held(self) -> bool:
        return bool(self.held_by)


def now_of(session: Session) -> Now:
    alive = session.scalars(sa.select(Executor.id).where(Executor.beat > db_now(session) - TTL))
    held_by = session.scalar(sa.select(Hold.by).where(Hold.what == INGEST))
    return Now(frozenset(alive), held_by or "")


def a_worker_lives(database: Database) -> bool:
    """Whether any has given a sign of life lately. Raises Unavailable without a database."""
    with database.read() as session:
        newest = session.scalar(sa.select(sa.func.max(Executor.beat)))
        return newest is not None and db_now(session) - newest < TTL


def is_held(session: Session) -> bool:
    return session.scalar(_HELD) or False


def unread_by(session: Session, principal: Principal) -> int:
    """How many documents that the principal may read can't be searched yet: they wait, or are read for the first time.

    A document whose earlier version answers meanwhile is none, nor is one that could not be read.
    """
    waiting = sa.select(Version.document_id).where(Version.state.in_(OPEN))
    query = sa.select(sa.func.count()).select_from(Document)
    query = query.where(Document.id.in_(waiting), Document.live_version_id.is_(None), readable(principal))
    return session.scalar(query) or 0


def status_of(version: Version, now: Now) -> Status:
    state = State(version.state)
    if state in _ENDED:
        return _ENDED[state]
    if version.executor in now.alive:
        return Status.RUNNING
    return Status.PAUSED if now.held or version.wanted == PAUSE else Status.WAITING


def has_status(status: Status, now: Now) -> sa.ColumnElement[bool]:
    """The same rule as a clause on `Version`."""
    for state, ended in _ENDED.items():
        if status is ended:
            return Version.state == state
    is_open, runs = Version.state.in_(OPEN), Version.executor.in_(now.alive)
    if status is Status.RUNNING:
        return sa.and_(is_open, runs)
    paused = sa.true() if now.held else Version.wanted == PAUSE
    return sa.and_(is_open, sa.not_(runs), paused if status is Status.PAUSED else sa.not_(paused))
