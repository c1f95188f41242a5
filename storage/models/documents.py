"""Documents, who may read them, their versions, and what a version is divided into."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from storage.models.base import Base, child_of, few, new_id, now


class Document(Base):
    __tablename__ = "documents"
    # partial: a planner without statistics takes an index on all values for a way to the few documents
    __table_args__ = (
        few("ix_documents_deleting", "deleting"),
        few("ix_documents_terms_stale", "terms_stale"),
    )
    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    title: Mapped[str]
    created: Mapped[datetime] = mapped_column(default=now)
    changed: Mapped[datetime] = mapped_column(default=now, index=True)
    created_by: Mapped[str] = mapped_column(default="")
    live_version_id: Mapped[str | None] = mapped_column(default=None)
    deleting: Mapped[bool] = mapped_column(default=False)
    # True while the index may still carry other terms than document_terms: the worker's sweep mends it
    terms_stale: Mapped[bool] = mapped_column(default=False)


class DocumentTerm(Base):
    """What `storage.access.document_terms` says of a document; the index carries the same on each point."""

    __tablename__ = "document_terms"
    document_id: Mapped[str] = child_of("documents.id")
    term: Mapped[str] = mapped_column(primary_key=True, index=True)


class Content(Base):
    """Which document holds these bytes. The primary key is what keeps the same bytes from being indexed twice."""

    __tablename__ = "contents"
    sha256: Mapped[str] = mapped_column(primary_key=True)
    document_id: Mapped[str] = mapped_column(sa.ForeignKey("documents.id", ondelete="CASCADE"), index=True)


class Version(Base):
    __tablename__ = "versions"
    __table_args__ = (
        sa.CheckConstraint("state <> 'ready' OR passages > 0", name="ready_has_passages"),
        sa.CheckConstraint("state <> 'failed' OR reason <> ''", name="failed_has_reason"),
        sa.Index("ix_versions_state_created", "state", "created"),
        sa.Index("ix_versions_state_finished", "state", "finished"),
        sa.Index(
            "ix_versions_wanted",
            "wanted",
            sqlite_where=sa.text("wanted <> ''"),
            postgresql_where=sa.text("wanted <> ''"),
        ),
    )
    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    document_id: Mapped[str] = mapped_column(sa.ForeignKey("documents.id", ondelete="CASCADE"), index=True)
    sha256: Mapped[str]
    name: Mapped[str]
    size: Mapped[int] = mapped_column(sa.BigInteger)
    title: Mapped[str] = mapped_column(default="")  # the document's, once this version is live
    format: Mapped[str] = mapped_column(default="")
    language: Mapped[str] = mapped_column(default="")
    subject: Mapped[str] = mapped_column(default="")
    period: Mapped[str] = mapped_column(default="")
    dated: Mapped[date | None] = mapped_column(default=None, index=True)
    state: Mapped[str]
    done: Mapped[int] = mapped_column(default=0)
    total: Mapped[int] = mapped_column(default=0)
    pages: Mapped[int] = mapped_column(default=0)
    passages: Mapped[int] = mapped_column(default=0)
    warnings: Mapped[list[Any]] = mapped_column(default=list)
    reason: Mapped[str] = mapped_column(default="")
    remedy: Mapped[str] = mapped_column(default="")
    attempt: Mapped[int] = mapped_column(default=1)
    created: Mapped[datetime] = mapped_column(default=now)
    finished: Mapped[datetime | None] = mapped_column(default=None)
    characters: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    tables: Mapped[int] = mapped_column(default=0)
    gaps: Mapped[list[Any]] = mapped_column(default=list)  # [first page, last page, reason] of pages without text
    started_by: Mapped[str] = mapped_column(default="")
    started: Mapped[datetime | None] = mapped_column(default=None)  # when a worker first took this attempt
    began: Mapped[datetime | None] = mapped_column(default=None)  # when a worker began the step that runs
    seconds: Mapped[dict[str, Any]] = mapped_column(default=dict)  # that this attempt's ended steps took
    executor: Mapped[str] = mapped_column(default="")  # of the worker that has it; it may be gone since
    wanted: Mapped[str] = mapped_column(default="")  # "pause" or "cancel", at the next border between two steps
    turn: Mapped[int] = mapped_column(default=0)  # how often this attempt was laid aside by a pause
    crashes: Mapped[int] = mapped_column(default=0)  # worker processes that have ended in the step that it is at


class SectionRow(Base):
    __tablename__ = "sections"
    version_id: Mapped[str] = child_of("versions.id")
    page: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str]
    headings: Mapped[list[Any]]
    tables: Mapped[list[Any]]
    place: Mapped[str] = mapped_column(default="")
    boxes: Mapped[bytes] = mapped_column(default=b"")  # where the words of a recognised page stand


class ChunkRow(Base):
    __tablename__ = "chunks"
    __table_args__ = (sa.UniqueConstraint("version_id", "generation", "ordinal"),)
    id: Mapped[str] = mapped_column(primary_key=True)
    version_id: Mapped[str] = mapped_column(sa.ForeignKey("versions.id", ondelete="CASCADE"))
    # no foreign key: what was embedded before there were generations belongs to the first, which the worker records
    generation: Mapped[int] = mapped_column(default=1, server_default="1", index=True)
    ordinal: Mapped[int]
    page: Mapped[int]
    start: Mapped[int]
    end: Mapped[int]
    heading: Mapped[str]
    spans: Mapped[list[Any]] = mapped_column(default=list)  # of its sentences and rows, two numbers each,
    vectors: Mapped[bytes] = mapped_column(default=b"")  # and their directions, a byte a dimension
