"""Conversations: their messages, and what these drew on."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from storage.models.base import Base, child_of, new_id, now


class ConversationRow(Base):
    __tablename__ = "conversations"
    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    user_id: Mapped[str] = mapped_column(sa.ForeignKey("users.id", ondelete="CASCADE"), index=True)
    title: Mapped[str]
    created: Mapped[datetime] = mapped_column(default=now)
    changed: Mapped[datetime] = mapped_column(default=now)


class MessageRow(Base):
    __tablename__ = "messages"
    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    conversation_id: Mapped[str] = mapped_column(sa.ForeignKey("conversations.id", ondelete="CASCADE"), index=True)
    ordinal: Mapped[int]
    role: Mapped[str]
    text: Mapped[str]
    state: Mapped[str]
    model: Mapped[str] = mapped_column(default="")
    seconds: Mapped[float | None] = mapped_column(default=None)
    first_evidence: Mapped[float | None] = mapped_column(default=None)
    refused: Mapped[bool] = mapped_column(default=False, server_default=sa.false())  # it says that nothing answers
    unread: Mapped[int] = mapped_column(default=0, server_default="0")  # documents that could not be searched yet
    rating: Mapped[int | None] = mapped_column(default=None)
    comment: Mapped[str] = mapped_column(default="")
    created: Mapped[datetime] = mapped_column(default=now, index=True)
    touched: Mapped[datetime] = mapped_column(default=now)


class MessageSource(Base):
    """Every document that an answer's text may hold words of, cited or not: its reader must be able to read all."""

    __tablename__ = "message_sources"
    message_id: Mapped[str] = child_of("messages.id")
    document_id: Mapped[str] = mapped_column(primary_key=True, index=True)


class CitationRow(Base):
    __tablename__ = "citations"
    message_id: Mapped[str] = child_of("messages.id")
    n: Mapped[int] = mapped_column(primary_key=True)
    document_id: Mapped[str] = mapped_column(index=True)
    version_id: Mapped[str]
    page: Mapped[int]
    start: Mapped[int]
    end: Mapped[int]
    heading: Mapped[str]


class Candidate(Base):
    """That an admin has dealt with a comment on an answer. It goes with the answer, as the comment does."""

    __tablename__ = "candidates"
    message_id: Mapped[str] = child_of("messages.id")
    accepted: Mapped[bool]
    by: Mapped[str]
    at: Mapped[datetime] = mapped_column(default=now)
