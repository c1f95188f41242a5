"""Questions that their askers sent to a person, and what persons answered.

A question comes with its conversation up to the answer that did not help, and the asker's note. Admins and the members
of one group answer. They see a message only where both they and the asker may read all that it drew on; what is not so
is withdrawn for them. The answer becomes a message of the conversation and follows the same rule: the documents that it
refers to are its sources. Everything goes with the conversation. Not covered: the way out by mail and webhook
(`storage.deliveries`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Session

from storage import audit
from storage.access import readable
from storage.conversations import seen_by
from storage.database import Database
from storage.errors import Conflict, Forbidden, InvalidInput, NotFound
from storage.models import (
    CitationRow,
    ConversationRow,
    DeliveryRow,
    Document,
    EscalationRow,
    Group,
    MessageRow,
    MessageSource,
    ReplyRow,
    SectionRow,
    User,
    now,
)
from storage.types import Message, MessageState, Principal
from storage.users import principal_of

MAX_NOTE = 2000
MAX_REPLY = 8000
MAX_REFERENCES = 10
_ENDED = (MessageState.DONE, MessageState.STOPPED, MessageState.FAILED, MessageState.BLOCKED, MessageState.WITHDRAWN)


class EscalationState(StrEnum):
    OPEN = "open"
    ANSWERED = "answered"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Delivery:
    """How a question gets out: `state` is waiting, sent or failed; `due` is the next attempt."""

    channel: str
    state: str
    attempts: int
    due: datetime
    reason: str
    sent: datetime | None


@dataclass(frozen=True, slots=True)
class Escalation:
    """`taken_by` is who said that they answer it, or who did; "" while nobody has."""

    id: str
    conversation_id: str
    message_id: str
    asker: str
    question: str
    note: str
    state: EscalationState
    taken_by: str
    created: datetime
    changed: datetime
    deliveries: tuple[Delivery, ...] = ()


@dataclass(frozen=True, slots=True)
class Thread:
    """A question with its conversation so far and the replies to it, as the one who looks may see them."""

    escalation: Escalation
    messages: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class Reference:
    """A document that both the asker and the one who answers may read."""

    document_id: str
    title: str


class Escalations:
    def __init__(self, database: Database, *, group: str = "", channels: Sequence[str] = ()) -> None:
        """Besides admins the members of `group` answer; a group that is not there lets nobody else."""
        self._database, self._group, self._channels = database, group, tuple(channels)

    # who asks

    def escalate(self, message_id: str, note: str, principal: Principal) -> Escalation:
        """Send the question of an answer to a person. What was answered or closed is opened again.

        Raises NotFound for the messages of others and what is no answer, Conflict while the answer is written or the
        question is open.
        """
        note = note.strip()
        if len(note) > MAX_NOTE:
            raise InvalidInput(f"note: at most {MAX_NOTE:,} characters.")
        with self._database.write() as session:
            answer = _own_answer(session, message_id, principal)
            row = session.scalar(sa.select(EscalationRow).where(EscalationRow.message_id == answer.id))
            if row is None:
                row = EscalationRow(conversation_id=answer.conversation_id, message_id=answer.id)
                session.add(row)
            elif row.state == EscalationState.OPEN:
                raise Conflict("This question has been sent to a person already.")
            row.note, row.state, row.taken_by, row.changed = note, EscalationState.OPEN, "", now()
            session.flush()
            session.execute(sa.delete(DeliveryRow).where(DeliveryRow.escalation_id == row.id))
            session.add_all(
                DeliveryRow(escalation_id=row.id, channel=channel, state="waiting") for channel in self._channels
            )
            audit.record(session, principal, "question sent to a person", row.id, channels=list(self._channels))
            return _escalation(session, row)

    def of_conversation(self, conversation_id: str, principal: Principal) -> dict[str, Escalation]:
        """Those of a conversation of the principal's, by the id of the answer."""
        query = (
            sa.select(EscalationRow)
            .join(ConversationRow, ConversationRow.id == EscalationRow.conversation_id)
            .where(ConversationRow.id == conversation_id, ConversationRow.user_id == principal.user_id)
        )
        with self._database.read() as session:
            return {row.message_id: _escalation(session, row) for row in session.scalars(query)}

    def waiting(self, principal: Principal) -> bool:
        """Whether a question of the principal's is open."""
        own = _of_user(principal).where(EscalationRow.state == EscalationState.OPEN)
        with self._database.read() as session:
            return session.scalar(own.limit(1)) is not None

    def unseen(self, principal: Principal) -> frozenset[str]:
        """The principal's conversations with a reply that they have not seen."""
        with self._database.read() as session:
            return frozenset(session.scalars(_of_user(principal).where(EscalationRow.unseen)))

    def see(self, conversation_id: str, principal: Principal) -> None:
        """Whatever was replied in a conversation has been seen. Without effect on those of others."""
        if conversation_id in self.unseen(principal):  # mostly nothing is: no lock for that
            with self._database.write() as session:
                seen = sa.update(EscalationRow).where(EscalationRow.conversation_id == conversation_id)
                session.execute(seen.values(unseen=False))

    def take_back(self, message_id: str, principal: Principal) -> None:
        """Close an open question of one's own. Raises NotFound, Conflict where it is not open."""
        with self._database.write() as session:
            answer = _own_answer(session, message_id, principal)
            found = session.scalar(sa.select(EscalationRow.id).where(EscalationRow.message_id == answer.id))
            row = _found(session, found or "", lock=True)
            if row.state != EscalationState.OPEN:
                raise Conflict("This question is not open any more.")
            _close(session, row, principal, "question taken back")

    # who answers

    def may_answer(self, principal: Principal) -> bool:
        with self._database.read() as session:
            return self._may_answer(session, principal)

    def find(
        self, principal: Principal, *, state: EscalationState | None = None, limit: int = 50, offset: int = 0
    ) -> list[Escalation]:
        """Newest first; of one state, or all. Raises Forbidden."""
        query = sa.select(EscalationRow).order_by(EscalationRow.created.desc(), EscalationRow.id)
        if state is not None:
            query = query.where(EscalationRow.state == state)
        with self._database.read() as session:
            self._require(session, principal)
            return [_escalation(session, row) for row in session.scalars(query.limit(limit).offset(offset))]

    def counts(self, principal: Principal) -> dict[EscalationState, int]:
        """Raises Forbidden."""
        counted = sa.select(EscalationRow.state, sa.func.count()).group_by(EscalationRow.state)
        with self._database.read() as session:
            self._require(session, principal)
            found = {row[0]: row[1] for row in session.execute(counted)}
        return {state: found.get(state, 0) for state in EscalationState}

    def thread(self, escalation_id: str, principal: Principal) -> Thread:
        """Raises Forbidden, NotFound."""
        with self._database.read() as session:
            self._require(session, principal)
            row = _found(session, escalation_id)
            last = sa.select(MessageRow.ordinal).where(MessageRow.id == row.message_id).scalar_subquery()
            replies = sa.select(ReplyRow.message_id).where(ReplyRow.escalation_id == row.id)
            query = (
                sa.select(MessageRow)
                .where(MessageRow.conversation_id == row.conversation_id)
                .where(sa.or_(MessageRow.ordinal <= last, MessageRow.id.in_(replies)))
                .order_by(MessageRow.ordinal)
            )
            messages = seen_by(session, list(session.scalars(query)), asker_of(session, row), principal)
            return Thread(_escalation(session, row), tuple(messages))

    def references(self, escalation_id: str, text: str, principal: Principal, *, limit: int = 50) -> list[Reference]:
        """Documents with `text` in their title that both the asker and the principal may read. Raises as `thread`."""
        with self._database.read() as session:
            self._require(session, principal)
            asker = asker_of(session, _found(session, escalation_id))
            both = sa.select(Document).where(
                readable(asker), readable(principal), Document.live_version_id.is_not(None)
            )
            named = both.where(Document.title.icontains(text, autoescape=True)).order_by(Document.title, Document.id)
            return [Reference(row.id, row.title) for row in session.scalars(named.limit(limit))]

    def take(self, escalation_id: str, principal: Principal) -> None:
        """Say that one answers it. Raises Forbidden, NotFound, Conflict where it is not open or somebody else does."""
        with self._database.write() as session:
            self._require(session, principal)
            row = _found(session, escalation_id, lock=True)
            if row.state != EscalationState.OPEN:
                raise Conflict("This question is not open any more.")
            if row.taken_by not in ("", principal.name):
                raise Conflict(f"{row.taken_by} answers this question already.")
            row.taken_by, row.changed = principal.name, now()

    def answer(self, escalation_id: str, text: str, documents: Sequence[str], principal: Principal) -> Message:
        """Put an answer into the conversation. `documents` become its footnotes 1, 2, ...

        Raises Forbidden, NotFound for what is not there or not readable by the principal, InvalidInput for an empty
        answer and for documents that the asker may not read, Conflict for what was closed.
        """
        text = text.strip()
        if not text or len(text) > MAX_REPLY:
            raise InvalidInput(f"Write an answer of at most {MAX_REPLY:,} characters.")
        if len(documents) > MAX_REFERENCES:
            raise InvalidInput(f"At most {MAX_REFERENCES} documents.")
        with self._database.write() as session:
            self._require(session, principal)
            row = _found(session, escalation_id, lock=True)
            if row.state == EscalationState.CLOSED:
                raise Conflict("This question was closed.")
            asker = asker_of(session, row)
            referred = _referred(session, list(dict.fromkeys(documents)), asker, principal)
            reply = _reply(session, row, text, principal)
            _refer(session, reply, referred)
            row.state, row.taken_by, row.unseen = EscalationState.ANSWERED, principal.name, True
            row.changed = now()
            audit.record(session, principal, "question answered by a person", row.id)
            session.flush()
            return seen_by(session, [reply], asker, principal)[0]

    def close(self, escalation_id: str, principal: Principal) -> None:
        """Nothing more is to be done. Raises Forbidden, NotFound. Without effect on what is closed."""
        with self._database.write() as session:
            self._require(session, principal)
            row = _found(session, escalation_id, lock=True)
            if row.state != EscalationState.CLOSED:
                _close(session, row, principal, "question closed")

    def _may_answer(self, session: Session, principal: Principal) -> bool:
        if principal.is_admin:
            return True
        if not self._group:
            return False
        group = session.scalar(sa.select(Group.id).where(Group.name == self._group))
        return group is not None and group in principal.groups

    def _require(self, session: Session, principal: Principal) -> None:
        if not self._may_answer(session, principal):
            raise Forbidden("Only those who answer questions see them.")


def asker_of(session: Session, row: EscalationRow) -> Principal:
    query = sa.select(User).join(ConversationRow, ConversationRow.user_id == User.id)
    return principal_of(session, session.scalars(query.where(ConversationRow.id == row.conversation_id)).one())


def question_of(session: Session, row: EscalationRow) -> str:
    """The message before the answer."""
    answer = session.get_one(MessageRow, row.message_id)
    before = sa.select(MessageRow.text).where(
        MessageRow.conversation_id == row.conversation_id,
        MessageRow.role == "user",
        MessageRow.ordinal < answer.ordinal,
    )
    return session.scalar(before.order_by(MessageRow.ordinal.desc()).limit(1)) or ""


def _of_user(principal: Principal) -> sa.Select[str]:
    joined = sa.select(EscalationRow.conversation_id).join(
        ConversationRow, ConversationRow.id == EscalationRow.conversation_id
    )
    return joined.where(ConversationRow.user_id == principal.user_id)


def _own_answer(session: Session, message_id: str, principal: Principal) -> MessageRow:
    row = session.get(MessageRow, message_id)
    chat = session.get(ConversationRow, row.conversation_id, with_for_update=True) if row else None
    if row is None or chat is None or chat.user_id != principal.user_id or row.role != "assistant":
        raise NotFound("There is no such message.")
    if MessageState(row.state) not in _ENDED:
        raise Conflict("The answer is still being written.")
    return row


def _found(session: Session, escalation_id: str, *, lock: bool = False) -> EscalationRow:
    row = session.get(EscalationRow, escalation_id, with_for_update=lock or None)
    if row is None:
        raise NotFound("There is no such question.")
    return row


def _close(session: Session, row: EscalationRow, who: Principal, action: str) -> None:
    row.state, row.changed = EscalationState.CLOSED, now()
    waiting = sa.delete(DeliveryRow).where(DeliveryRow.escalation_id == row.id, DeliveryRow.state != "sent")
    session.execute(waiting)
    audit.record(session, who, action, row.id)


def _referred(session: Session, ids: Sequence[str], asker: Principal, principal: Principal) -> list[Document]:
    found = []
    for document_id in ids:
        one = sa.select(Document).where(Document.id == document_id, Document.live_version_id.is_not(None))
        row = session.scalar(one.where(readable(principal)))
        if row is None:
            raise NotFound("There is no such document, or you may not read it.")
        if session.scalar(one.where(readable(asker))) is None:
            raise InvalidInput("Who asked may not read one of these documents.")
        found.append(row)
    return found


def _reply(session: Session, row: EscalationRow, text: str, principal: Principal) -> MessageRow:
    chat = session.get_one(ConversationRow, row.conversation_id, with_for_update=True)
    last = session.scalar(sa.select(sa.func.max(MessageRow.ordinal)).where(MessageRow.conversation_id == chat.id))
    reply = MessageRow(
        conversation_id=chat.id, ordinal=(last or 0) + 1, role="person", text=text, state=MessageState.DONE
    )
    session.add(reply)
    chat.changed = now()
    session.flush()
    session.add(ReplyRow(message_id=reply.id, escalation_id=row.id, by=principal.name))
    return reply


def _refer(session: Session, reply: MessageRow, documents: Sequence[Document]) -> None:
    """Each document becomes a source, which the reply is withdrawn with, and a footnote to its first page."""
    for n, document in enumerate(documents, 1):
        session.add(MessageSource(message_id=reply.id, document_id=document.id))
        pages = sa.select(sa.func.min(SectionRow.page)).where(SectionRow.version_id == document.live_version_id)
        session.add(
            CitationRow(
                message_id=reply.id,
                n=n,
                document_id=document.id,
                version_id=str(document.live_version_id),
                page=session.scalar(pages) or 1,
                start=0,
                end=0,
                heading="",
            )
        )


def _escalation(session: Session, row: EscalationRow) -> Escalation:
    gone_out = session.scalars(sa.select(DeliveryRow).where(DeliveryRow.escalation_id == row.id))
    return Escalation(
        id=row.id,
        conversation_id=row.conversation_id,
        message_id=row.message_id,
        asker=asker_of(session, row).name,
        question=question_of(session, row),
        note=row.note,
        state=EscalationState(row.state),
        taken_by=row.taken_by,
        created=row.created,
        changed=row.changed,
        deliveries=tuple(
            Delivery(one.channel, one.state, one.attempts, one.due, one.reason, one.sent)
            for one in sorted(gone_out, key=lambda one: one.channel)
        ),
    )
