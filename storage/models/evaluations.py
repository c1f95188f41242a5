"""Question sets, and how they were answered."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from storage.models.base import Base, new_id, now


class QuestionSetRow(Base):
    __tablename__ = "question_sets"
    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(unique=True)
    created_by: Mapped[str]
    created: Mapped[datetime] = mapped_column(default=now)
    changed: Mapped[datetime] = mapped_column(default=now)


class QuestionRow(Base):
    __tablename__ = "questions"
    __table_args__ = (sa.UniqueConstraint("set_id", "key"),)
    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    set_id: Mapped[str] = mapped_column(sa.ForeignKey("question_sets.id", ondelete="CASCADE"))
    key: Mapped[str]
    ordinal: Mapped[int]
    content: Mapped[dict[str, Any]]


class RunRow(Base):
    """An evaluation. It keeps ids, pages and figures, and no word of a document."""

    __tablename__ = "runs"
    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    set_id: Mapped[str] = mapped_column(sa.ForeignKey("question_sets.id", ondelete="CASCADE"), index=True)
    state: Mapped[str]
    answers: Mapped[bool]
    started_by: Mapped[str]
    rights_of: Mapped[str]
    generation: Mapped[str]
    settings: Mapped[dict[str, Any]]
    total: Mapped[int]
    done: Mapped[int] = mapped_column(default=0)
    cancelling: Mapped[bool] = mapped_column(default=False)
    reason: Mapped[str] = mapped_column(default="")
    started: Mapped[datetime] = mapped_column(default=now, index=True)
    touched: Mapped[datetime] = mapped_column(default=now)
    finished: Mapped[datetime | None] = mapped_column(default=None)
    figures: Mapped[dict[str, Any]] = mapped_column(default=dict)
    content: Mapped[str] = mapped_column(default="", deferred=True)
