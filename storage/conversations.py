"""Conversations, their messages, footnotes and feedback. Each belongs to one account and is NotFound for others.

An answer may hold words of every document that was put before the model. It is shown only while its reader may read
all of them; else it comes back withdrawn: no text, no footnotes, no name, no count.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from storage import audit
from storage.access import readable
from storage.database import Database
from storage.errors import InvalidInput, NotFound
from storage.models import (
    CitationRow,
    ConversationRow,
    Document,
    EscalationRow,
    MessageRow,
    MessageSource,
    ReplyRow,
    SectionRow,
    Version,
    now,
)
from storage.records import forget, keep, verdicts_of
from storage.status import unread_by
from storage.types import Citation, Conversation, Message, MessageState, Principal, Record, Verdict

MAX_TITLE = 80
SILENT = timedelta(seconds=60)  # a running answer that was not touched for so long has lost its process


class Conversations:
    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, principal: Principal, *, text: str = "", limit: int = 200) -> list[Conversation]:
        """Last changed first. `text` looks in titles."""
        query = sa.select(ConversationRow).where(ConversationRow.user_id == principal.user_id)
        if text:
            query = query.where(ConversationRow.title.icontains(text, autoescape=True))
        query = query.order_by(ConversationRow.changed.desc(), ConversationRow.id).limit(limit)
        with self._database.read() as session:
            return [_conversation(row) for row in session.scalars(query)]

    def create(self, title: str, principal: Principal) -> Conversation:
        with self._database.write() as session:
            row = ConversationRow(user_id=principal.user_id, title=_title(title))
            session.add(row)
            session.flush()
            return _conversation(row)

    def get(self, conversation_id: str, principal: Principal) -> Conversation:
        with self._database.read() as session:
            return _conversation(_own(session, conversation_id, principal))

    def rename(self, conversation_id: str, title: str, principal: Principal) -> None:
        with self._database.write() as session:
            _own(session, conversation_id, principal).title = _title(title)

    def delete(self, conversation_id: str, principal: Principal) -> None:
        with self._database.write() as session:
            row = _own(session, conversation_id, principal, lock=True)
            record_deleted(session, [row.id], principal)
            session.delete(row)

    def ask(self, conversation_id: str, question: str, principal: Principal) -> Message:
        """Add the question and an empty running answer, both or none. Returns the answer.

        It knows how many documents it can't take into account, as they are not read yet.
        """
        with self._database.write() as session:
            row = _own(session, conversation_id, principal, lock=True)
            last = session.scalar(
                sa.select(sa.func.max(MessageRow.ordinal)).where(MessageRow.conversation_id == row.id)
            )
            ordinal = 0 if last is None else last + 1
            asked = MessageRow(
                conversation_id=row.id, ordinal=ordinal, role="user", text=question, state=MessageState.DONE
            )
            answer = MessageRow(
                conversation_id=row.id,
                ordinal=ordinal + 1,
                role="assistant",
                text="",
                state=MessageState.RUNNING,
                unread=unread_by(session, principal),
            )
            session.add_all([asked, answer])
            row.changed = now()
            session.flush()
            return _message(session, answer)

    def messages(self, conversation_id: str, principal: Principal) -> list[Message]:
        """Oldest first, each as the principal may see it now."""
        with self._database.read() as session:
            row = _own(session, conversation_id, principal)
            query = sa.select(MessageRow).where(MessageRow.conversation_id == row.id).order_by(MessageRow.ordinal)
            rows = list(session.scalars(query))
            return seen_by(session, rows, principal)

    def message(self, message_id: str, principal: Principal) -> Message:
        with self._database.read() as session:
            row = _own_message(session, message_id, principal)
            if hidden(session, [row.id], principal):
                return _withdrawn(row)
            return _message(session, row)

    # what `app.chat` writes while an answer runs

    def record_sources(self, message_id: str, documents: Collection[str]) -> None:
        """To be called before any text: from then on the answer is shown only to who may read all of them."""
        with self._database.write() as session:
            known = set(
                session.scalars(sa.select(MessageSource.document_id).where(MessageSource.message_id == message_id))
            )
            session.add_all(
                MessageSource(message_id=message_id, document_id=document_id) for document_id in set(documents) - known
            )

    def save_text(self, message_id: str, text: str, citations: Sequence[Citation] = ()) -> None:
        """What there is so far; also the sign that the answer is alive."""
        with self._database.write() as session:
            _write(session, message_id, text, citations)

    def finish(
        self,
        message_id: str,
        text: str,
        state: MessageState,
        citations: Sequence[Citation],
        *,
        model: str,
        seconds: float,
        first_evidence: float | None,
        record: Record | None = None,
        verdicts: Sequence[Verdict] = (),
        refused: bool = False,
    ) -> None:
        """The final text, how it came about, and what was found of its sentences. `refused`: it answers nothing.

        It is withdrawn instead when one of its documents was deleted meanwhile.
        """
        with self._database.write() as session:
            row = _write(session, message_id, text, citations)
            if row is not None and row.state != MessageState.WITHDRAWN:
                row.state, row.model, row.seconds, row.first_evidence = state, model, seconds, first_evidence
                row.refused = refused
                keep(session, message_id, record, () if state is MessageState.BLOCKED else verdicts)

    def rate(self, message_id: str, rating: int | None, comment: str, principal: Principal) -> None:
        """1 helpful, 0 not helpful, None neither."""
        if rating not in (None, 0, 1):
            raise InvalidInput("A rating is 1, 0 or nothing.")
        with self._database.write() as session:
            row = _own_message(session, message_id, principal)
            row.rating, row.comment = rating, comment.strip()[:2000]


def record_deleted(session: Session, conversation_ids: Sequence[str], who: Principal | str) -> None:
    """In the audit log: the questions for people that go with these conversations."""
    going = sa.select(EscalationRow.id).where(EscalationRow.conversation_id.in_(conversation_ids))
    for escalation_id in session.scalars(going):
        audit.record(session, who, "question for people deleted", escalation_id)


def _write(session: Session, message_id: str, text: str, citations: Sequence[Citation]) -> MessageRow | None:
    row = session.get(MessageRow, message_id, with_for_update=True)  # `erase` can't pass between reading and writing
    if row is None:  # the conversation was deleted while the answer ran
        return None
    sources = sa.select(MessageSource.document_id).where(MessageSource.message_id == message_id)
    gone = session.scalar(
        sa.select(sa.func.count()).where(
            MessageSource.message_id == message_id,
            MessageSource.document_id.not_in(sa.select(Document.id).where(sa.not_(Document.deleting))),
        )
    )
    if gone or row.state == MessageState.WITHDRAWN:
        row.state, text, citations = MessageState.WITHDRAWN, "", ()
        forget(session, [message_id])
    foreign = {citation.document_id for citation in citations} - set(session.scalars(sources))
    if foreign:
        raise InvalidInput("An answer can't cite a document that was not recorded as its source.")
    row.text, row.touched = text, now()
    session.execute(sa.delete(CitationRow).where(CitationRow.message_id == message_id))
    session.add_all(
        CitationRow(
            message_id=message_id,
            n=citation.n,
            document_id=citation.document_id,
            version_id=citation.version_id,
            page=citation.page,
            start=citation.start,
            end=citation.end,
            heading=citation.heading,
        )
        for citation in citations
    )
    return row


def hidden(session: Session, message_ids: Sequence[str], principal: Principal) -> set[str]:
    """Those of which `principal` may not read every source."""
    open_to_reader = sa.select(Document.id).where(readable(principal))
    query = sa.select(MessageSource.message_id).where(
        MessageSource.message_id.in_(message_ids), MessageSource.document_id.not_in(open_to_reader)
    )
    return set(session.scalars(query))


def seen_by(session: Session, rows: Sequence[MessageRow], *principals: Principal) -> list[Message]:
    """Each message as all of the principals may see it now: withdrawn where one of them may not read a source."""
    ids = [row.id for row in rows]
    withheld = set[str]().union(*(hidden(session, ids, principal) for principal in principals))
    return [_withdrawn(row) if row.id in withheld else _message(session, row) for row in rows]


def citations_of(session: Session, message_id: str) -> tuple[Citation, ...]:
    """Those of its documents that are there. Whether a principal may see them is the caller's to ask."""
    query = (
        sa.select(CitationRow, Document.title, Version.name, SectionRow.text, SectionRow.place)
        .join(Document, Document.id == CitationRow.document_id)
        .join(Version, Version.id == CitationRow.version_id)
        .join(SectionRow, sa.and_(SectionRow.version_id == Version.id, SectionRow.page == CitationRow.page))
        .where(CitationRow.message_id == message_id)
        .order_by(CitationRow.n)
    )
    return tuple(
        Citation(
            n=row.n,
            document_id=row.document_id,
            version_id=row.version_id,
            page=row.page,
            start=row.start,
            end=row.end,
            title=title,
            name=name,
            heading=row.heading,
            text=text[row.start : row.end],
            place=place,
        )
        for row, title, name, text, place in session.execute(query)
    )


def _message(session: Session, row: MessageRow) -> Message:
    state = MessageState(row.state)
    if state is MessageState.WITHDRAWN:
        return _withdrawn(row)
    if state is MessageState.RUNNING and now() - row.touched > SILENT:
        state = MessageState.FAILED
    of_person = row.role == "person"
    return Message(
        id=row.id,
        conversation_id=row.conversation_id,
        role=row.role,
        text=row.text,
        state=state,
        created=row.created,
        model=row.model,
        seconds=row.seconds,
        first_evidence=row.first_evidence,
        unread=row.unread,
        rating=row.rating,
        comment=row.comment,
        verdicts=verdicts_of(session, row.id) if row.role == "assistant" else (),
        citations=() if row.role == "user" else citations_of(session, row.id),
        by=(session.scalar(sa.select(ReplyRow.by).where(ReplyRow.message_id == row.id)) or "") if of_person else "",
    )


def _withdrawn(row: MessageRow) -> Message:
    return Message(row.id, row.conversation_id, row.role, "", MessageState.WITHDRAWN, row.created)


def _own(session: Session, conversation_id: str, principal: Principal, *, lock: bool = False) -> ConversationRow:
    row = session.get(ConversationRow, conversation_id, with_for_update=lock or None)
    if row is None or row.user_id != principal.user_id:
        raise NotFound("There is no such conversation.")
    return row


def _own_message(session: Session, message_id: str, principal: Principal) -> MessageRow:
    """Somebody else's is answered as one that never was."""
    row = session.get(MessageRow, message_id)
    conversation = session.get(ConversationRow, row.conversation_id) if row else None
    if row is None or conversation is None or conversation.user_id != principal.user_id:
        raise NotFound("There is no such message.")
    return row


def _conversation(row: ConversationRow) -> Conversation:
    return Conversation(row.id, row.title, row.created, row.changed)


def _title(title: str) -> str:
    title = " ".join(title.split())
    return title if len(title) <= MAX_TITLE else title[: MAX_TITLE - 1].rstrip() + "…"
