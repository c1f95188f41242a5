"""What people say of answers, for admins: comments that may become questions, and figures of use.

A candidate is an answer that its reader called not helpful, with a comment. An admin sees the question, the comment,
and the answer as far as every document that it drew on may be read, never the person or the rest of the conversation.
It goes with its conversation, and with any document that the answer drew on; a question made from it is the set's own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from storage import audit, conversations, evaluations
from storage.access import readable
from storage.database import Database
from storage.errors import Forbidden, NotFound
from storage.models import Candidate, Document, MessageRow, MessageSource, QuestionSetRow, now
from storage.types import Citation, MessageState, Principal


@dataclass(frozen=True, slots=True)
class Commented:
    """`follows_up`: the question was not the first of its conversation, and may lean on those before."""

    message_id: str
    question: str
    answer: str
    comment: str
    citations: tuple[Citation, ...]
    follows_up: bool
    created: datetime


@dataclass(frozen=True, slots=True)
class Asked:
    """One question of any conversation that is still kept, without a word of it. `rating` as in `Message`.

    `answered`: it drew on documents, and did not only say that they answer nothing.
    """

    at: datetime
    state: MessageState
    answered: bool
    rating: int | None
    first_evidence: float | None


class Feedback:
    """Every function raises Forbidden for anybody but an admin."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def candidates(self, principal: Principal, *, limit: int = 50) -> list[Commented]:
        """Those that nobody has dealt with, newest first."""
        _require_admin(principal)
        with self._database.read() as session:
            query = _open(principal).order_by(MessageRow.created.desc(), MessageRow.id).limit(limit)
            return [_commented(session, answer, asked) for answer, asked in session.execute(query)]

    def count(self, principal: Principal) -> int:
        _require_admin(principal)
        with self._database.read() as session:
            return session.scalar(_open(principal).with_only_columns(sa.func.count())) or 0

    def candidate(self, message_id: str, principal: Principal) -> Commented:
        """Raises NotFound when it was dealt with, or is gone."""
        _require_admin(principal)
        with self._database.read() as session:
            return _commented(session, *_found(session, message_id, principal))

    def accept(self, message_id: str, set_id: str, content: Mapping[str, Any], principal: Principal) -> None:
        """Add the question to a set and deal with the candidate, both or none."""
        _require_admin(principal)
        with self._database.write() as session:
            _found(session, message_id, principal, lock=True)
            row = session.get(QuestionSetRow, set_id, with_for_update=True)
            if row is None:
                raise NotFound("There is no such question set.")
            row.changed = now()
            evaluations.put(session, set_id, [content])
            session.add(Candidate(message_id=message_id, accepted=True, by=principal.name))

    def dismiss(self, message_id: str, principal: Principal) -> None:
        _require_admin(principal)
        with self._database.write() as session:
            _found(session, message_id, principal, lock=True)
            session.add(Candidate(message_id=message_id, accepted=False, by=principal.name))
            audit.record(session, principal, "candidate dismissed", message_id)

    def asked(self, since: datetime, principal: Principal) -> Iterable[Asked]:
        """Every answer begun since then, oldest first."""
        _require_admin(principal)
        drew = sa.exists().where(MessageSource.message_id == MessageRow.id)
        query = (
            sa.select(
                MessageRow.created,
                MessageRow.state,
                sa.and_(drew, sa.not_(MessageRow.refused)),
                MessageRow.rating,
                MessageRow.first_evidence,
            )
            .where(MessageRow.role == "assistant", MessageRow.created >= since)
            .order_by(MessageRow.created)
        )
        with self._database.read() as session:
            return [
                Asked(at, MessageState(state), bool(answered), rating, first)
                for at, state, answered, rating, first in session.execute(query)
            ]


def _open(principal: Principal) -> sa.Select[MessageRow, MessageRow]:
    asked = aliased(MessageRow)
    readable_to_admin = sa.select(Document.id).where(readable(principal))
    hidden = sa.select(MessageSource.message_id).where(MessageSource.document_id.not_in(readable_to_admin))
    return (
        sa.select(MessageRow, asked)
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
            MessageRow.rating == 0,
            MessageRow.comment != "",
            MessageRow.state != MessageState.WITHDRAWN,
            MessageRow.id.not_in(sa.select(Candidate.message_id)),
            MessageRow.id.not_in(hidden),
        )
    )


def _found(
    session: Session, message_id: str, principal: Principal, *, lock: bool = False
) -> tuple[MessageRow, MessageRow]:
    if lock:  # of two admins the second waits here, and then finds it dealt with
        session.get(MessageRow, message_id, with_for_update=True)
    row = session.execute(_open(principal).where(MessageRow.id == message_id)).first()
    if row is None:
        raise NotFound("This comment is not there any more, or somebody has dealt with it.")
    return row[0], row[1]


def _commented(session: Session, answer: MessageRow, asked: MessageRow) -> Commented:
    return Commented(
        message_id=answer.id,
        question=asked.text,
        answer=answer.text,
        comment=answer.comment,
        citations=conversations.citations_of(session, answer.id),
        follows_up=asked.ordinal > 0,
        created=answer.created,
    )


def _require_admin(principal: Principal) -> None:
    if not principal.is_admin:
        raise Forbidden("Only admins see what people say of answers.")
