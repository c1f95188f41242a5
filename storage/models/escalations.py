"""Questions that were sent to a person."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from storage.models.base import Base, child_of, new_id, now


class EscalationRow(Base):
    """A question that its asker sent to a person. What was said about it stands in its conversation alone."""

    __tablename__ = "escalations"
    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    conversation_id: Mapped[str] = mapped_column(sa.ForeignKey("conversations.id", ondelete="CASCADE"), index=True)
    message_id: Mapped[str] = mapped_column(sa.ForeignKey("messages.id", ondelete="CASCADE"), unique=True)
    note: Mapped[str] = mapped_column(default="")
    state: Mapped[str]
    taken_by: Mapped[str] = mapped_column(default="")
    unseen: Mapped[bool] = mapped_column(default=False)  # the asker has not looked at the newest reply
    created: Mapped[datetime] = mapped_column(default=now, index=True)
    changed: Mapped[datetime] = mapped_column(default=now)


class ReplyRow(Base):
    """Who wrote a message of the role "person", and for which question."""

    __tablename__ = "replies"
    message_id: Mapped[str] = child_of("messages.id")
    escalation_id: Mapped[str] = mapped_column(sa.ForeignKey("escalations.id", ondelete="CASCADE"), index=True)
    by: Mapped[str]


class DeliveryRow(Base):
    """That a question has to go, or went, out by mail or webhook. It holds no word of it."""

    __tablename__ = "deliveries"
    __table_args__ = (sa.Index("ix_deliveries_state_due", "state", "due"),)
    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    escalation_id: Mapped[str] = mapped_column(sa.ForeignKey("escalations.id", ondelete="CASCADE"), index=True)
    channel: Mapped[str]
    state: Mapped[str]
    attempts: Mapped[int] = mapped_column(default=0)
    due: Mapped[datetime] = mapped_column(default=now)
    reason: Mapped[str] = mapped_column(default="")
    sent: Mapped[datetime | None] = mapped_column(default=None)
