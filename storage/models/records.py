"""How answers came about, and what was said of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Mapped, mapped_column

from storage.models.base import Base, child_of, now


class VerdictRow(Base):
    """What the sources say to a sentence of an answer. Its reason may hold their words: it goes with them."""

    __tablename__ = "verdicts"
    message_id: Mapped[str] = child_of("messages.id")
    n: Mapped[int] = mapped_column(primary_key=True)
    start: Mapped[int]
    end: Mapped[int]
    support: Mapped[str]
    reason: Mapped[str]
    footnotes: Mapped[list[Any]]
    left_out: Mapped[str]


class RecordRow(Base):
    """How an answer came about: see `storage.types.Record`."""

    __tablename__ = "records"
    message_id: Mapped[str] = child_of("messages.id")
    prompt_version: Mapped[str]
    searched: Mapped[list[Any]]
    confidence: Mapped[float | None]


class GivenRow(Base):
    """A passage that was put before the model; `n` is its number there."""

    __tablename__ = "given"
    message_id: Mapped[str] = child_of("messages.id")
    n: Mapped[int] = mapped_column(primary_key=True)
    document_id: Mapped[str] = mapped_column(index=True)
    version_id: Mapped[str]
    page: Mapped[int]
    start: Mapped[int]
    end: Mapped[int]


class GuardVerdictRow(Base):
    """What the guard model said; it holds no word of the question or the answer, and goes with them."""

    __tablename__ = "guard_verdicts"
    message_id: Mapped[str] = child_of("messages.id")
    subject: Mapped[str] = mapped_column(primary_key=True)  # "question" or "answer"
    safe: Mapped[bool]
    categories: Mapped[list[Any]] = mapped_column(default=list)
    model: Mapped[str]
    failure: Mapped[str] = mapped_column(default="")
    at: Mapped[datetime] = mapped_column(default=now)
