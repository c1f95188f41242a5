"""Places that documents come from."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from storage.models.base import Base, child_of, new_id, now


class SourceRow(Base):
    """A place that documents come from. `options` may hold credentials: no function gives them to people."""

    __tablename__ = "sources"
    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    location: Mapped[str]
    options: Mapped[dict[str, Any]] = mapped_column(default=dict, deferred=True)
    include: Mapped[list[Any]] = mapped_column(default=list)
    exclude: Mapped[list[Any]] = mapped_column(default=list)
    terms: Mapped[list[Any]]  # that its documents get
    keep_deleted: Mapped[bool] = mapped_column(default=False)
    every: Mapped[int] = mapped_column(default=0)  # seconds between two runs; 0: by hand alone
    due: Mapped[datetime | None] = mapped_column(default=None)
    created: Mapped[datetime] = mapped_column(default=now)
    created_by: Mapped[str]


class EntryRow(Base):
    """A file of a source as it was last seen, and the document that holds its bytes."""

    __tablename__ = "entries"
    source_id: Mapped[str] = child_of("sources.id")
    key: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[str]
    sha256: Mapped[str]
    # none once an admin has deleted it: it does not come back before the file changes
    document_id: Mapped[str | None] = mapped_column(sa.ForeignKey("documents.id", ondelete="SET NULL"), index=True)
    owned: Mapped[bool]  # the document came from here: it changes and goes with the file
    terms: Mapped[list[Any]] = mapped_column(default=list)  # that the source gave the document
    gone: Mapped[bool] = mapped_column(default=False)  # the file is no longer there, and its document was kept


class SyncRow(Base):
    """A comparison of a source with its documents: one that waits, runs or has ended."""

    __tablename__ = "syncs"
    __table_args__ = (
        sa.Index(
            "uq_syncs_open",
            "source_id",
            unique=True,
            sqlite_where=sa.text("finished IS NULL"),
            postgresql_where=sa.text("finished IS NULL"),
        ),
    )
    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    source_id: Mapped[str] = mapped_column(sa.ForeignKey("sources.id", ondelete="CASCADE"), index=True)
    state: Mapped[str]
    forced: Mapped[bool] = mapped_column(default=False)
    by: Mapped[str]
    executor: Mapped[str] = mapped_column(default="")
    attempt: Mapped[int] = mapped_column(default=1)
    counts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    errors: Mapped[list[Any]] = mapped_column(default=list)  # [key, reason]; the first of them
    reason: Mapped[str] = mapped_column(default="")
    created: Mapped[datetime] = mapped_column(default=now)
    started: Mapped[datetime | None] = mapped_column(default=None)
    finished: Mapped[datetime | None] = mapped_column(default=None)
