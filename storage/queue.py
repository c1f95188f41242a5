"""The queue as admins see and steer it: what runs, waits, is paused or has ended, and how fast it goes.

There is no second list: a job is the row of the version that the worker works from. What is asked of one that a living
worker has takes effect at the next border between two steps (`storage.steps`), and is shown as asked until then.
Deletions are counted, not listed: nobody may know the name of a document that is being deleted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from storage import audit, steps
from storage.database import Database
from storage.documents import require_admin
from storage.errors import Conflict, NotFound
from storage.models import Document, Hold, Version, now
from storage.status import CANCEL, DELETING, INGEST, OPEN, PAUSE, Now, has_status, now_of, status_of
from storage.types import Principal, State, Status
from storage.versions import Job, Versions

RECENT = timedelta(minutes=5)  # what ended so lately tells how fast it goes
_TELLING = 100  # times its size: of more than that it tells nothing


@dataclass(frozen=True, slots=True)
class JobInfo:
    """The work on one version of a document."""

    version_id: str
    document_id: str
    title: str
    name: str
    size: int
    status: Status
    state: State
    wanted: str  # "pause" or "cancel": asked for, and done when the step that runs has ended
    abandoned: bool  # its worker is gone, and it waits for another one
    answers: bool  # an earlier version of the document can be searched meanwhile
    done: int  # pages read, or passages embedded
    total: int
    pages: int
    passages: int
    attempt: int
    started_by: str
    created: datetime
    started: datetime | None
    began: datetime | None
    finished: datetime | None
    seconds: Mapping[str, float]
    reason: str
    remedy: str

    def rate(self, moment: datetime) -> float:
        """Pages (while it is read) or passages (while it is embedded) a second; 0 where that can't be told yet."""
        running = (moment - self.began).total_seconds() if self.began else 0.0
        reading = running + steps.so_far(self.seconds, steps.READ)
        seconds = self.seconds.get(steps.EMBED, 0.0) if self.state is State.EMBEDDING else reading
        return self.done / seconds if seconds > 0.5 else 0.0

    def left(self, moment: datetime) -> float | None:
        """Seconds until the step that runs has ended, as far as its rate tells."""
        rate = self.rate(moment)
        return (self.total - self.done) / rate if rate and self.total else None


@dataclass(frozen=True, slots=True)
class Summary:
    counts: Mapping[Status, int]
    deleting: int  # documents whose deletion has not ended
    held_by: str  # who paused everything, or ""
    pages_a_second: float  # over what ended in the last minutes; 0 where nothing did
    passages_a_second: float
    seconds_left: float | None  # by what runs itself, and for what waits by its size; None where too little ended

    @property
    def open(self) -> int:
        return sum(self.counts[status] for status in (Status.RUNNING, Status.WAITING, Status.PAUSED))


class Queue:
    def __init__(self, database: Database) -> None:
        self._database = database

    def summary(self, principal: Principal) -> Summary:
        """Raises Forbidden for anybody but an admin, as everything here does."""
        require_admin(principal)
        with self._database.read() as session:
            moment = now_of(session)
            gone = session.scalar(sa.select(sa.func.count()).select_from(DELETING.subquery())) or 0
            return Summary(_counts(session, moment), gone, moment.held_by, *_pace(session, moment))

    def jobs(
        self, principal: Principal, *, status: Status | None = None, limit: int = 50, offset: int = 0
    ) -> list[JobInfo]:
        """Those with this status, what ended last first; without one all that have not ended, what runs first."""
        require_admin(principal)
        with self._database.read() as session:
            moment = now_of(session)
            order = _order(status, moment)
            page = _listed(status, moment).order_by(*order).limit(limit).offset(offset).subquery()
            query = sa.select(Version, Document).join(page, page.c.id == Version.id).join(Document)
            rows = session.execute(query.order_by(*order))
            return [_info(version, document, moment) for version, document in rows]

    def pause(self, version_id: str, principal: Principal) -> None:
        """Until `resume`. Raises Conflict for what has ended or is being published."""
        require_admin(principal)
        with self._database.write() as session:
            version = _open(session, version_id)
            version.wanted = PAUSE
            audit.record(session, principal, "job paused", version.document_id, version=version_id)

    def resume(self, version_id: str, principal: Principal) -> None:
        """It goes on where it was. While everything is paused it still waits."""
        require_admin(principal)
        with self._database.write() as session:
            version = _open(session, version_id)
            if version.wanted == PAUSE:
                version.wanted = ""
            audit.record(session, principal, "job resumed", version.document_id, version=version_id)

    def cancel(self, version_id: str, principal: Principal) -> None:
        """The document stays, with an earlier version where it has one, and can be tried again.

        At once where no living worker has it. Raises Conflict for what has ended or is being published.
        """
        require_admin(principal)
        with self._database.write() as session:
            version = _open(session, version_id)
            if version.executor in now_of(session).alive:
                version.wanted = CANCEL
            else:
                steps.cancel(version)
            audit.record(session, principal, "job cancelled", version.document_id, version=version_id)

    def retry(self, version_id: str, principal: Principal) -> Job:
        """A new attempt. Raises Conflict unless it failed or was cancelled, and is its document's newest version."""
        require_admin(principal)
        with self._database.read() as session:
            version = _locked(session, version_id)
            if session.scalar(sa.select(Version.id).where(Version.id == version_id, _superseded())):
                raise Conflict("A newer version of this document has come since.")
        return Versions(self._database).retry(version.document_id, principal)

    def pause_all(self, principal: Principal) -> None:
        """No worker takes anything up, or goes on behind the step that it is at, until `resume_all`."""
        require_admin(principal)
        with self._database.write() as session:
            if session.get(Hold, INGEST) is None:
                session.add(Hold(what=INGEST, by=principal.name))
                audit.record(session, principal, "queue paused", INGEST)

    def resume_all(self, principal: Principal) -> None:
        """Also what was paused by itself."""
        require_admin(principal)
        with self._database.write() as session:
            session.execute(sa.delete(Hold).where(Hold.what == INGEST))
            session.execute(
                sa.update(Version).where(Version.state.in_(OPEN), Version.wanted == PAUSE).values(wanted="")
            )
            audit.record(session, principal, "queue resumed", INGEST)

    def retry_failed(self, principal: Principal) -> int:
        """A new attempt of every document whose newest version has failed. Returns how many."""
        require_admin(principal)
        kept = Version.document_id.not_in(DELETING)
        failed = sa.select(Version.id).where(Version.state == State.FAILED, kept, sa.not_(_superseded()))
        with self._database.write() as session:
            count = session.scalar(sa.select(sa.func.count()).select_from(failed.subquery())) or 0
            again = sa.update(Version).where(Version.id.in_(failed)).values(steps.new_attempt(principal))
            if count:
                session.execute(again, execution_options={"synchronize_session": False})
                audit.record(session, principal, "failed jobs retried", INGEST, jobs=count)
            return count


_AT_WORK = (State.PARSING, State.EMBEDDING)


def _counts(session: Session, moment: Now) -> dict[Status, int]:
    """As many of each status as `jobs` lists, without looking at every row: it is asked for each second."""
    of_kept = Version.document_id.not_in(DELETING)
    states = sa.select(Version.state, sa.func.count()).group_by(Version.state)
    by_state = {State(state): count for state, count in session.execute(states)}
    for state, count in session.execute(states.where(Version.document_id.in_(DELETING))):
        by_state[State(state)] -= count

    def count_of(*clauses: sa.ColumnElement[bool]) -> int:
        return session.scalar(sa.select(sa.func.count()).where(of_kept, *clauses)) or 0

    open_ = sum(by_state.get(state, 0) for state in OPEN)
    running = count_of(Version.state.in_(_AT_WORK), has_status(Status.RUNNING, moment)) if moment.alive else 0
    paused = open_ - running
    if not moment.held:
        paused = count_of(Version.wanted == PAUSE, has_status(Status.PAUSED, moment))
    return {
        Status.RUNNING: running,
        Status.WAITING: open_ - running - paused,
        Status.PAUSED: paused,
        Status.DONE: by_state.get(State.READY, 0),
        Status.FAILED: by_state.get(State.FAILED, 0),
        Status.CANCELLED: by_state.get(State.CANCELLED, 0),
    }


def _listed(status: Status | None, moment: Now) -> sa.Select[str]:
    """The ids alone: sorting thousands of whole rows is what would take long."""
    wanted = Version.state.in_(OPEN) if status is None else has_status(status, moment)
    return sa.select(Version.id).where(wanted, Version.document_id.not_in(DELETING))


def _order(status: Status | None, moment: Now) -> list[Any]:
    if status in (Status.DONE, Status.FAILED, Status.CANCELLED):
        return [Version.finished.desc(), Version.id]
    first = [sa.case((has_status(Status.RUNNING, moment), 0), else_=1)] if status is None else []
    return [*first, Version.created, Version.id]


def _open(session: Session, version_id: str) -> Version:
    version = _locked(session, version_id)
    if version.state not in OPEN:
        raise Conflict("This job has ended.")
    if steps.is_live(session, version):
        raise Conflict("This document is being published already; that takes a moment only.")
    return version


def _locked(session: Session, version_id: str) -> Version:
    try:
        return steps.locked(session, version_id)
    except NotFound as error:
        raise NotFound("There is no such job.") from error


def _superseded() -> sa.ColumnElement[bool]:
    newer = aliased(Version)
    of_same = sa.and_(newer.document_id == Version.document_id, newer.created > Version.created)
    return sa.exists().where(of_same).correlate(Version)


def _pace(session: Session, moment: Now) -> tuple[float, float, float | None]:
    """Pages and passages a second, and the seconds that are left."""
    since = now() - RECENT
    ended = sa.select(
        sa.func.coalesce(sa.func.sum(Version.pages), 0),
        sa.func.coalesce(sa.func.sum(Version.passages), 0),
        sa.func.coalesce(sa.func.sum(Version.size), 0),
        sa.func.min(Version.started),
    ).where(Version.state == State.READY, Version.finished >= since)
    pages, passages, size, first = session.execute(ended).one()
    seconds = max(1.0, (now() - first).total_seconds()) if first else 1.0
    at_work, rest = _left(session, moment)
    left = at_work + rest * seconds / float(size or 1) if rest <= _TELLING * size else 0.0
    return float(pages) / seconds, float(passages) / seconds, left or None


def _left(session: Session, moment: Now) -> tuple[float, float]:
    """The seconds that what runs still takes, as far as it tells, and the bytes of all else that is open."""
    running = sa.select(Version, Document).join(Document)
    running = running.where(Version.state.in_(_AT_WORK), has_status(Status.RUNNING, moment))
    jobs = [_info(version, document, moment) for version, document in session.execute(running)]
    told = [(job.size, left) for job in jobs if (left := job.left(now())) is not None]
    paused = has_status(Status.PAUSED, moment)
    open_ = sa.select(sa.func.coalesce(sa.func.sum(Version.size), 0)).where(Version.state.in_(OPEN), sa.not_(paused))
    rest = float(session.scalar(open_) or 0) - sum(size for size, _ in told)
    return max((left for _, left in told), default=0.0), rest


def _info(version: Version, document: Document, moment: Now) -> JobInfo:
    status = status_of(version, moment)
    return JobInfo(
        version_id=version.id,
        document_id=document.id,
        title=document.title,
        name=version.name,
        size=version.size,
        status=status,
        state=State(version.state),
        wanted=version.wanted,
        abandoned=status is not Status.RUNNING and version.state in OPEN and version.executor != "",
        answers=document.live_version_id not in (None, version.id),
        done=version.done,
        total=version.total,
        pages=version.pages,
        passages=version.passages,
        attempt=version.attempt,
        started_by=version.started_by,
        created=version.created,
        started=version.started,
        began=version.began,
        finished=version.finished,
        seconds=dict(version.seconds),
        reason=version.reason,
        remedy=version.remedy,
    )
