"""The borders between the steps of the work on a version: the only places where it is paused or cancelled, or makes
way for others.

What is wanted of a version, who has it and what it took stand in its own row, and one transaction reads and writes
them: there is no moment at which the row and the work could say different things.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from storage import arrivals, status
from storage.database import Database
from storage.errors import Cancelled, NotFound
from storage.models import Document, Version, now
from storage.status import CANCEL, DELETING, OPEN, PAUSE
from storage.types import Principal, State

READ, EMBED = "read", "embed"
_MOMENT = timedelta(seconds=2)  # in which a worker with a free place takes up what is new
_SO_FAR = " so far"  # of a step that has not ended
GONE = "The document was deleted, or a newer version took this one's place."
# also where nothing was done: what failed may be in the index and not be counted yet
_LEFT_OVER = sa.and_(Version.state.in_((State.FAILED, State.CANCELLED)), Version.total > 0)


@dataclass(frozen=True, slots=True)
class Standing:
    """How far an attempt is, when it begins a step."""

    ended: frozenset[str]  # steps that it need not do again
    done: int
    total: int
    crashes: int  # worker processes that have ended in this step


class Steps:
    def __init__(self, database: Database) -> None:
        self._database = database

    def enter(self, version_id: str, job: str, step: str, *, executor: str) -> Standing:
        """Take the version for the next step. `job` is `storage.versions.Job.id`.

        Raises Cancelled where the work ends here: it is cancelled or paused, or `job` is not the present one any more.
        Raises NotFound once the document is being deleted.
        """
        with self._database.write() as session:
            version = locked(session, version_id)
            if goes_on := _goes_on(session, version, job):
                if version.executor not in ("", executor):  # the one before has not left the step
                    version.crashes += 1
                version.executor, version.began = executor, now()
                version.started = version.started or version.began
                if version.state == State.WAITING:
                    version.state = State.PARSING
            standing = Standing(frozenset(version.seconds), version.done, version.total, version.crashes)
        if not goes_on:
            raise Cancelled(f"The work on version {version_id} ends before the step {step}.")
        return standing

    def leave(self, version_id: str, job: str, step: str, seconds: float) -> None:
        """Add the time of a step that has ended. Does nothing for another job."""
        with self._database.write() as session:
            version = session.get(Version, version_id)
            if version is not None and job_id(version) == job:
                _add_time(version, step, seconds)

    def advance(self, version_id: str, job: str, done: int, *, seconds: float) -> None:
        """Within an embedding: `done` chunks are kept, the last of them in so many seconds.

        Raises Cancelled where the work ends here, as `enter` does, and NotFound once the document is being deleted.
        """
        with self._database.write() as session:
            version = locked(session, version_id)
            if job_id(version) == job and version.state in OPEN:
                version.done = done
                _add_time(version, EMBED, seconds)
            goes_on = _goes_on(session, version, job)
        if not goes_on:
            raise Cancelled(f"The work on version {version_id} ends after {done} passages.")

    def make_way(self, version_id: str, job: str, *, crowded: bool = False, reading: float = 0.0) -> None:
        """Within long work, where what is done is kept: end this turn where others wait whose turn never came.

        The next turn begins at the end of the line. `crowded`: files that have been begun may wait too, for room in
        memory. `reading`: the seconds that this turn has read for. Raises Cancelled and NotFound as `advance` does, and
        Cancelled where the turn has ended.
        """
        with self._database.write() as session:
            version = locked(session, version_id)
            goes_on = _goes_on(session, version, job)
            if goes_on and version.state in OPEN and session.scalar(_newcomers(version_id, crowded)):
                _end_turn(version)
                if reading:
                    _add_time(version, READ + _SO_FAR, reading)
                goes_on = False
        if not goes_on:
            raise Cancelled(f"The work on version {version_id} ends here for now.")

    def settle(self, version_id: str, job: str) -> None:
        """Do now what is wanted of the version, where a step was broken off for it."""
        with self._database.write() as session:
            _goes_on(session, locked(session, version_id), job)

    # what an attempt that did not end well leaves in the index

    def leftovers(self, *, limit: int = 50) -> list[str]:
        """Versions that failed or were cancelled, and that the index may still hold points of, readable by nobody."""
        query = sa.select(Version.id).join(Document).where(_LEFT_OVER, sa.not_(Document.deleting)).limit(limit)
        with self._database.read() as session:
            return list(session.scalars(query))

    def is_left_over(self, version_id: str) -> bool:
        with self._database.read() as session:
            return session.scalar(sa.select(Version.id).where(Version.id == version_id, _LEFT_OVER)) is not None

    def tidied(self, version_id: str) -> None:
        """The index holds nothing of it any more."""
        with self._database.write() as session:
            session.execute(sa.update(Version).where(Version.id == version_id, _LEFT_OVER).values(done=0, total=0))


def so_far(seconds: Mapping[str, float], step: str) -> float:
    """What earlier turns took of a step that has not ended."""
    return seconds.get(step + _SO_FAR, 0.0)


def _add_time(version: Version, step: str, seconds: float) -> None:
    """The process has come so far: what it took, and that it lives."""
    known = dict(version.seconds)
    seconds += known.pop(step + _SO_FAR, 0.0)
    version.seconds, version.crashes = {**known, step: round(known.get(step, 0.0) + seconds, 3)}, 0


def new_attempt(principal: Principal) -> dict[str, Any]:
    """The values of a version that begins afresh, at the end of the queue."""
    return {
        "attempt": Version.attempt + 1,
        "turn": 0,
        "state": State.WAITING,
        **dict.fromkeys(("reason", "remedy", "executor", "wanted"), ""),
        **dict.fromkeys(("done", "total", "crashes"), 0),
        **dict.fromkeys(("started", "began", "finished"), None),
        "created": now(),
        "started_by": principal.name,
        "seconds": {},
    }


def job_id(version: Version | sa.Row[Any]) -> str:
    """The name of this attempt, and after a pause of its next turn; see `storage.versions.Job`."""
    turn = f":{version.turn}" if version.turn else ""
    return f"ingest:{version.id}:{version.attempt}{turn}"


def locked(session: Session, version_id: str) -> Version:
    """The version, with its document locked until the transaction ends.

    Raises NotFound once that is being deleted, or a newer version took this one's place.
    """
    version = session.scalar(
        sa.select(Version)
        .join(Document)
        .where(Version.id == version_id, sa.not_(Document.deleting), arrivals.counts())
        .with_for_update(of=Document)
    )
    if version is None:
        raise NotFound(GONE)
    return version


def cancel(version: Version) -> None:
    version.state, version.executor, version.wanted, version.finished = State.CANCELLED, "", "", now()


def is_live(session: Session, version: Version) -> bool:
    return session.get_one(Document, version.document_id).live_version_id == version.id


def _goes_on(session: Session, version: Version, job: str) -> bool:
    if job_id(version) != job or version.state == State.CANCELLED:
        return False
    if version.state not in OPEN or is_live(session, version):  # it can be found already: too late to end half-way
        return True
    if version.wanted == CANCEL:
        cancel(version)
        return False
    if version.wanted == PAUSE or status.is_held(session):
        _end_turn(version)
        return False
    return True


def _end_turn(version: Version) -> None:
    version.executor, version.turn = "", version.turn + 1


def _newcomers(version_id: str, crowded: bool) -> sa.Select[bool]:
    """Whether a document waits to be deleted, or another version that nobody has begun though it is here for a moment,
    or, among those that wait for room, one that has never been read from."""
    untouched = sa.and_(Version.state == State.WAITING, Version.created < now() - _MOMENT)
    unread = sa.and_(Version.state == State.PARSING, Version.turn == 0, Version.done == 0)
    new = sa.or_(untouched, unread) if crowded else untouched
    waits = sa.and_(new, Version.wanted == "", Version.id != version_id, Version.document_id.not_in(DELETING))
    return sa.select(sa.or_(sa.exists(DELETING), sa.exists().where(waits)))
