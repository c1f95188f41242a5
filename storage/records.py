"""How answers came about: the model, what was searched for, the passages that were given, and the verdicts.

A record names passages and holds no text of theirs; a verdict's reason may, so both go with any document that the
answer drew on. The asker sees the verdicts with the answer (`storage.conversations`). Admins see records where they may
read every document that was given, and never the person or the rest of the conversation.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from storage import audit
from storage.access import readable
from storage.database import Database
from storage.errors import Forbidden, NotFound
from storage.models import (
    CitationRow,
    Document,
    GivenRow,
    MessageRow,
    MessageSource,
    RecordRow,
    SectionRow,
    VerdictRow,
    Version,
)
from storage.types import Given, MessageState, Principal, Record, Support, Verdict

WEAK = (Support.PART, Support.NONE)


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer in a list. `counts` says how many of its sentences have which support."""

    message_id: str
    question: str
    created: datetime
    model: str
    counts: dict[Support, int]


@dataclass(frozen=True, slots=True)
class GivenSource:
    """A passage that was given, as people call it. `cited`: some footnote of the answer lies in it."""

    n: int
    document_id: str
    version_id: str
    title: str
    page: int
    place: str
    start: int
    end: int
    cited: bool


@dataclass(frozen=True, slots=True)
class Recorded:
    """Everything about one answer. `seconds` is what it took as a whole."""

    message_id: str
    question: str
    answer: str
    created: datetime
    model: str
    prompt_version: str
    searched: tuple[str, ...]
    confidence: float | None
    seconds: float | None
    first_evidence: float | None
    verdicts: tuple[Verdict, ...]
    sources: tuple[GivenSource, ...]


class Records:
    """Every function raises Forbidden for anybody but an admin."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def answers(self, principal: Principal, *, support: Collection[Support] = WEAK, limit: int = 50) -> list[Answered]:
        """Those that have a sentence with such support, newest first; with no support named, all that were recorded."""
        _require_admin(principal)
        query = _open(principal).order_by(MessageRow.created.desc(), MessageRow.id).limit(limit)
        if support:
            weak = sa.exists().where(VerdictRow.message_id == MessageRow.id, VerdictRow.support.in_(support))
            query = query.where(weak)
        with self._database.read() as session:
            rows = session.execute(query).all()
            counts = _counts(session, [answer.id for answer, _, _ in rows])
            return [
                Answered(answer.id, asked.text, answer.created, answer.model, counts.get(answer.id, {}))
                for answer, asked, _ in rows
            ]

    def get(self, message_id: str, principal: Principal) -> Recorded:
        """That it was looked at is put on record too. NotFound also where the admin may not read all of its sources."""
        _require_admin(principal)
        with self._database.write() as session:
            row = session.execute(_open(principal).where(MessageRow.id == message_id)).first()
            if row is None:
                raise NotFound("There is no such answer, or you may not read all that it drew on.")
            audit.record(session, principal, "answer looked into", message_id)
            return _recorded(session, *row)


def keep(session: Session, message_id: str, record: Record | None, verdicts: Sequence[Verdict]) -> None:
    """In place of what was kept before."""
    forget(session, [message_id])
    session.add_all(_verdict_row(message_id, n, verdict) for n, verdict in enumerate(verdicts, 1))
    if record is None:
        return
    session.add(
        RecordRow(
            message_id=message_id,
            prompt_version=record.prompt_version,
            searched=list(record.searched),
            confidence=record.confidence,
        )
    )
    there = _there(session, {given.document_id for given in record.sources})
    session.add_all(
        _given_row(message_id, n, given) for n, given in enumerate(record.sources, 1) if given.document_id in there
    )


def _verdict_row(message_id: str, n: int, verdict: Verdict) -> VerdictRow:
    return VerdictRow(
        message_id=message_id,
        n=n,
        start=verdict.start,
        end=verdict.end,
        support=verdict.support,
        reason=verdict.reason,
        footnotes=list(verdict.footnotes),
        left_out=verdict.left_out,
    )


def _given_row(message_id: str, n: int, given: Given) -> GivenRow:
    return GivenRow(
        message_id=message_id,
        n=n,
        document_id=given.document_id,
        version_id=given.version_id,
        page=given.page,
        start=given.start,
        end=given.end,
    )


def _there(session: Session, document_ids: Collection[str]) -> set[str]:
    """Those of these documents that nobody is deleting."""
    return set(session.scalars(sa.select(Document.id).where(Document.id.in_(document_ids), sa.not_(Document.deleting))))


def forget(session: Session, message_ids: Sequence[str] | sa.Select[str]) -> None:
    """Remove records and verdicts of these answers."""
    for table in (VerdictRow, RecordRow, GivenRow):
        session.execute(
            sa.delete(table).where(table.message_id.in_(message_ids)), execution_options={"synchronize_session": False}
        )


def verdicts_of(session: Session, message_id: str) -> tuple[Verdict, ...]:
    """Whether a principal may see them is the caller's to ask."""
    query = sa.select(VerdictRow).where(VerdictRow.message_id == message_id).order_by(VerdictRow.n)
    return tuple(
        Verdict(row.start, row.end, Support(row.support), row.reason, tuple(row.footnotes), row.left_out)
        for row in session.scalars(query)
    )


def _open(principal: Principal) -> sa.Select[MessageRow, MessageRow, RecordRow]:
    asked = aliased(MessageRow)
    readable_to_admin = sa.select(Document.id).where(readable(principal))
    hidden = [
        sa.exists().where(table.message_id == MessageRow.id, table.document_id.not_in(readable_to_admin))
        for table in (MessageSource, GivenRow)
    ]
    return (
        sa.select(MessageRow, asked, RecordRow)
        .join(RecordRow, RecordRow.message_id == MessageRow.id)
        .join(
            asked,
            sa.and_(
                asked.conversation_id == MessageRow.conversation_id,
                asked.ordinal == MessageRow.ordinal - 1,
                asked.role == "user",
            ),
        )
        .where(
            MessageRow.role == "assistant",
            MessageRow.state != MessageState.WITHDRAWN,
            *(sa.not_(each) for each in hidden),
        )
    )


def _counts(session: Session, message_ids: Sequence[str]) -> dict[str, dict[Support, int]]:
    query = (
        sa.select(VerdictRow.message_id, VerdictRow.support, sa.func.count())
        .where(VerdictRow.message_id.in_(message_ids))
        .group_by(VerdictRow.message_id, VerdictRow.support)
    )
    found: dict[str, dict[Support, int]] = {}
    for message_id, support, count in session.execute(query):
        found.setdefault(message_id, {})[Support(support)] = count
    return found


def _recorded(session: Session, answer: MessageRow, asked: MessageRow, record: RecordRow) -> Recorded:
    return Recorded(
        message_id=answer.id,
        question=asked.text,
        answer=answer.text,
        created=answer.created,
        model=answer.model,
        prompt_version=record.prompt_version,
        searched=tuple(record.searched),
        confidence=record.confidence,
        seconds=answer.seconds,
        first_evidence=answer.first_evidence,
        verdicts=verdicts_of(session, answer.id),
        sources=_sources(session, answer.id),
    )


def _sources(session: Session, message_id: str) -> tuple[GivenSource, ...]:
    within = sa.exists().where(
        CitationRow.message_id == GivenRow.message_id,
        CitationRow.version_id == GivenRow.version_id,
        CitationRow.page == GivenRow.page,
        CitationRow.start >= GivenRow.start,
        CitationRow.end <= GivenRow.end,
    )
    query = (
        sa.select(GivenRow, Document.title, Version.name, SectionRow.place, within)
        .join(Document, Document.id == GivenRow.document_id)
        .outerjoin(Version, Version.id == GivenRow.version_id)
        .outerjoin(SectionRow, sa.and_(SectionRow.version_id == Version.id, SectionRow.page == GivenRow.page))
        .where(GivenRow.message_id == message_id)
        .order_by(GivenRow.n)
    )
    return tuple(
        GivenSource(
            n=row.n,
            document_id=row.document_id,
            version_id=row.version_id,
            title=title or name or "",
            page=row.page,
            place=place or "",
            start=row.start,
            end=row.end,
            cited=cited,
        )
        for row, title, name, place, cited in session.execute(query)
    )


def _require_admin(principal: Principal) -> None:
    if not principal.is_admin:
        raise Forbidden("Only admins see how answers came about.")
