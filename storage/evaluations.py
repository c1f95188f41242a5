"""Question sets and the runs of them, for admins.

A set is written by people and is theirs: deleting a document leaves its questions as they are. A run keeps file names,
pages and figures, and nothing of a document's text. Not covered: what a question says and how it is scored
(`app.evaluation`), which comments become questions (`storage.feedback`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, undefer

from storage import audit
from storage.database import Database, alone
from storage.errors import AlreadyExists, Conflict, Forbidden, InvalidInput, NotFound
from storage.models import QuestionRow, QuestionSetRow, RunRow, now
from storage.types import Principal

MAX_NAME = 80
MAX_QUESTIONS = 20_000  # of one set
SILENT = timedelta(seconds=60)  # a running evaluation that was not touched for so long has lost its process
INTERRUPTED = "The process that ran it has ended. Start it again."


class RunState(StrEnum):
    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class SetInfo:
    id: str
    name: str
    questions: int
    created_by: str
    created: datetime
    changed: datetime


@dataclass(frozen=True, slots=True)
class KeptQuestion:
    """`content` is a line of a question set's file; `key` is its id there, of which a set has no two."""

    id: str
    set_id: str
    key: str
    content: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RunInfo:
    """`rights_of` names the account with whose rights the questions were asked; `figures` are empty until the end."""

    id: str
    set_id: str
    set_name: str
    state: RunState
    answers: bool
    started_by: str
    rights_of: str
    generation: str
    settings: Mapping[str, Any]
    done: int
    total: int
    cancelling: bool
    reason: str
    started: datetime
    finished: datetime | None
    figures: Mapping[str, Any]


class Evaluations:
    """Every function that takes a principal raises Forbidden for anybody but an admin."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # question sets

    def sets(self, principal: Principal) -> list[SetInfo]:
        """Last changed first."""
        _require_admin(principal)
        with self._database.read() as session:
            rows = session.execute(_counted().order_by(QuestionSetRow.changed.desc(), QuestionSetRow.id))
            return [_set(row, count) for row, count in rows]

    def set(self, set_id: str, principal: Principal) -> SetInfo:
        _require_admin(principal)
        with self._database.read() as session:
            row = session.execute(_counted().where(QuestionSetRow.id == set_id)).first()
            if row is None:
                raise _no_set()
            return _set(*row)

    def create_set(self, name: str, principal: Principal) -> SetInfo:
        """Raises InvalidInput for an empty name, AlreadyExists for one that is taken."""
        _require_admin(principal)
        with self._database.write() as session:
            row = QuestionSetRow(name=_free_name(session, name), created_by=principal.name)
            session.add(row)
            session.flush()
            audit.record(session, principal, "question set created", row.id, name=row.name)
            return _set(row, 0)

    def rename_set(self, set_id: str, name: str, principal: Principal) -> None:
        _require_admin(principal)
        with self._database.write() as session:
            row = _set_row(session, set_id)
            row.name, row.changed = _free_name(session, name, but=set_id), now()

    def delete_set(self, set_id: str, principal: Principal) -> None:
        """With its questions and its runs; one that is under way ends."""
        _require_admin(principal)
        with self._database.write() as session:
            row = _set_row(session, set_id)
            audit.record(session, principal, "question set deleted", row.id, name=row.name)
            session.delete(row)

    # questions

    def questions(self, set_id: str, principal: Principal) -> list[KeptQuestion]:
        """In the order in which they were added."""
        _require_admin(principal)
        query = sa.select(QuestionRow).where(QuestionRow.set_id == set_id).order_by(QuestionRow.ordinal)
        with self._database.read() as session:
            _set_row(session, set_id)
            return [_question(row) for row in session.scalars(query)]

    def question(self, question_id: str, principal: Principal) -> KeptQuestion:
        _require_admin(principal)
        with self._database.read() as session:
            return _question(_question_row(session, question_id))

    def add(self, set_id: str, contents: Sequence[Mapping[str, Any]], principal: Principal) -> int:
        """Add questions, all or none. One whose "id" is in the set already takes that question's place; one without
        an id is given one. Returns how many are new.
        """
        _require_admin(principal)
        with self._database.write() as session:
            row = _set_row(session, set_id, lock=True)
            row.changed = now()
            return put(session, set_id, contents)

    def change(self, question_id: str, content: Mapping[str, Any], principal: Principal) -> None:
        """Raises NotFound when the question was deleted meanwhile. Its id stays."""
        _require_admin(principal)
        with self._database.write() as session:
            row = _question_row(session, question_id)
            row.content = {**content, "id": row.key}
            session.get_one(QuestionSetRow, row.set_id).changed = now()

    def remove(self, question_id: str, principal: Principal) -> None:
        _require_admin(principal)
        with self._database.write() as session:
            row = _question_row(session, question_id)
            session.get_one(QuestionSetRow, row.set_id).changed = now()
            session.delete(row)

    # runs

    def begin(
        self,
        set_id: str,
        principal: Principal,
        *,
        answers: bool,
        rights_of: str,
        generation: str,
        settings: Mapping[str, Any],
    ) -> RunInfo:
        """Raises Conflict while another run is under way, InvalidInput for a set without questions."""
        _require_admin(principal)
        with self._database.write() as session:
            alone(session, "runs")
            kept = _set_row(session, set_id)
            total = _size(session, set_id)
            if not total:
                raise InvalidInput("This question set is empty. Add questions first.")
            if any(_state(row) is RunState.RUNNING for row in session.scalars(_unfinished())):
                raise Conflict("An evaluation is under way. Wait for it, or cancel it first.")
            row = RunRow(
                set_id=set_id,
                state=RunState.RUNNING,
                answers=answers,
                started_by=principal.name,
                rights_of=rights_of,
                generation=generation,
                settings=dict(settings),
                total=total,
            )
            session.add(row)
            session.flush()
            audit.record(session, principal, "evaluation started", row.id, set=kept.name, rights_of=rights_of)
            return _run(row, kept.name)

    def runs(self, principal: Principal, *, set_id: str = "", limit: int = 50, offset: int = 0) -> list[RunInfo]:
        """Newest first."""
        _require_admin(principal)
        query = _named().order_by(RunRow.started.desc(), RunRow.id).limit(limit).offset(offset)
        if set_id:
            query = query.where(RunRow.set_id == set_id)
        with self._database.read() as session:
            return [_run(row, name) for row, name in session.execute(query)]

    def run(self, run_id: str, principal: Principal) -> RunInfo:
        _require_admin(principal)
        with self._database.read() as session:
            row = session.execute(_named().where(RunRow.id == run_id)).first()
            if row is None:
                raise _no_run()
            return _run(*row)

    def content(self, run_id: str, principal: Principal) -> str:
        """What `finish` was given. Raises Conflict for a run that has not ended well."""
        _require_admin(principal)
        with self._database.read() as session:
            row = session.get(RunRow, run_id, options=[undefer(RunRow.content)])
            if row is None:
                raise _no_run()
            if not row.content:
                raise Conflict("This evaluation has no result. Start it again.")
            return row.content

    def cancel(self, run_id: str, principal: Principal) -> None:
        """Ask the process that runs it to end it. Without effect on what has ended."""
        _require_admin(principal)
        with self._database.write() as session:
            session.execute(
                sa.update(RunRow).where(RunRow.id == run_id, RunRow.state == RunState.RUNNING).values(cancelling=True)
            )

    def delete_run(self, run_id: str, principal: Principal) -> None:
        """One that is under way ends."""
        _require_admin(principal)
        with self._database.write() as session:
            row = session.get(RunRow, run_id)
            if row is None:
                raise _no_run()
            session.delete(row)

    # what `app.runs` writes while an evaluation runs

    def progress(self, run_id: str, done: int) -> bool:
        """Also the sign that the run is alive. False: it was cancelled or deleted."""
        with self._database.write() as session:
            row = session.get(RunRow, run_id, with_for_update=True)
            if row is None or row.state != RunState.RUNNING:
                return False
            row.done, row.touched = done, now()
            return not row.cancelling

    def finish(
        self,
        run_id: str,
        state: RunState,
        *,
        figures: Mapping[str, Any] | None = None,
        content: str = "",
        reason: str = "",
    ) -> None:
        """Without effect on a run that was deleted."""
        with self._database.write() as session:
            row = session.get(RunRow, run_id, with_for_update=True)
            if row is not None:
                row.state, row.reason, row.finished = state, reason, now()
                row.figures, row.content = dict(figures or {}), content
                if state is RunState.DONE:
                    row.done = row.total


def put(session: Session, set_id: str, contents: Sequence[Mapping[str, Any]]) -> int:
    """Add questions in the caller's transaction, as `Evaluations.add` says."""
    query = sa.select(QuestionRow).where(QuestionRow.set_id == set_id)
    kept = {row.key: row for row in session.scalars(query)}
    keys = [str(content.get("id") or "") for content in contents]
    if twice := [key for key, count in Counter(filter(None, keys)).items() if count > 1]:
        raise InvalidInput(f"Two questions have the id {twice[0]}. Give each its own.")
    ordinal = max((row.ordinal for row in kept.values()), default=0)
    taken, added = kept.keys() | set(keys), 0
    for key, content in zip(keys, contents, strict=True):
        if key in kept:
            kept[key].content = {**content, "id": key}
            continue
        ordinal, added = ordinal + 1, added + 1
        key = key or _free_key(ordinal, taken)
        taken.add(key)
        session.add(QuestionRow(set_id=set_id, key=key, ordinal=ordinal, content={**content, "id": key}))
    if len(kept) + added > MAX_QUESTIONS:
        raise InvalidInput(f"A question set holds at most {MAX_QUESTIONS:,} questions. Divide it.")
    return added


def _free_key(ordinal: int, taken: set[str]) -> str:
    while (key := f"q{ordinal:03}") in taken:
        ordinal += 1
    return key


def _require_admin(principal: Principal) -> None:
    if not principal.is_admin:
        raise Forbidden("Only admins evaluate.")


def _free_name(session: Session, name: str, *, but: str = "") -> str:
    name = " ".join(name.split())[:MAX_NAME]
    if not name:
        raise InvalidInput("Give the question set a name.")
    same = sa.func.lower(QuestionSetRow.name) == name.lower()
    if session.scalar(sa.select(QuestionSetRow.id).where(same, QuestionSetRow.id != but)):
        raise AlreadyExists(f"There is already a question set named {name}.")
    return name


def _counted() -> sa.Select[QuestionSetRow, int]:
    count = sa.select(sa.func.count()).where(QuestionRow.set_id == QuestionSetRow.id).scalar_subquery()
    return sa.select(QuestionSetRow, count)


def _named() -> sa.Select[RunRow, str]:
    return sa.select(RunRow, QuestionSetRow.name).join(QuestionSetRow, QuestionSetRow.id == RunRow.set_id)


def _unfinished() -> sa.Select[RunRow]:
    return sa.select(RunRow).where(RunRow.state == RunState.RUNNING)


def _size(session: Session, set_id: str) -> int:
    return session.scalar(sa.select(sa.func.count()).where(QuestionRow.set_id == set_id)) or 0


def _state(row: RunRow) -> RunState:
    state = RunState(row.state)
    if state is RunState.RUNNING and now() - row.touched > SILENT:
        return RunState.INTERRUPTED
    return state


def _set_row(session: Session, set_id: str, *, lock: bool = False) -> QuestionSetRow:
    row = session.get(QuestionSetRow, set_id, with_for_update=lock or None)
    if row is None:
        raise _no_set()
    return row


def _question_row(session: Session, question_id: str) -> QuestionRow:
    row = session.get(QuestionRow, question_id)
    if row is None:
        raise NotFound("There is no such question.")
    return row


def _no_set() -> NotFound:
    return NotFound("There is no such question set.")


def _no_run() -> NotFound:
    return NotFound("There is no such evaluation.")


def _set(row: QuestionSetRow, questions: int) -> SetInfo:
    return SetInfo(row.id, row.name, questions, row.created_by, row.created, row.changed)


def _question(row: QuestionRow) -> KeptQuestion:
    return KeptQuestion(row.id, row.set_id, row.key, row.content)


def _run(row: RunRow, set_name: str) -> RunInfo:
    state = _state(row)
    silent = state is RunState.INTERRUPTED and not row.reason
    return RunInfo(
        id=row.id,
        set_id=row.set_id,
        set_name=set_name,
        state=state,
        answers=row.answers,
        started_by=row.started_by,
        rights_of=row.rights_of,
        generation=row.generation,
        settings=row.settings,
        done=row.done,
        total=row.total,
        cancelling=row.cancelling,
        reason=INTERRUPTED if silent else row.reason,
        started=row.started,
        finished=row.finished,
        figures=row.figures,
    )
