"""What holds for the installation as a whole, and what was done to it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from storage.models.base import Base, new_id, now


class EventRow(Base):
    """The audit log: rows are only ever added."""

    __tablename__ = "events"
    id: Mapped[int] = mapped_column(sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True)
    at: Mapped[datetime] = mapped_column(default=now, index=True)
    who: Mapped[str]
    action: Mapped[str]
    subject: Mapped[str]
    detail: Mapped[dict[str, Any]]


class HouseInstructionsRow(Base):
    """Each version of the house's instructions to the language model; rows are only ever added."""

    __tablename__ = "house_instructions"
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012 - SQLAlchemy's own idiom
    version: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str]
    who: Mapped[str]
    at: Mapped[datetime] = mapped_column(default=now)


class AdapterUseRow(Base):
    """The LoRA adapter for answers from the documents of one group of readers, or of one source."""

    __tablename__ = "adapter_uses"
    __table_args__ = (sa.CheckConstraint("(group_id IS NULL) <> (source_id IS NULL)", name="home"),)
    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    group_id: Mapped[str | None] = mapped_column(sa.ForeignKey("groups.id", ondelete="CASCADE"), unique=True)
    source_id: Mapped[str | None] = mapped_column(sa.ForeignKey("sources.id", ondelete="CASCADE"), unique=True)
    file: Mapped[str]


class Hold(Base):
    """While the row "ingest" is there, no worker takes up or goes on with any document."""

    __tablename__ = "holds"
    what: Mapped[str] = mapped_column(primary_key=True)
    by: Mapped[str]
    at: Mapped[datetime] = mapped_column(default=now)


class Executor(Base):
    """The heartbeat of a worker process, in the database's own seconds since 1970."""

    __tablename__ = "executors"
    id: Mapped[str] = mapped_column(primary_key=True)
    beat: Mapped[float]
