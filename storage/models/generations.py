"""What the index holds of the documents, and what was embedded already."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from storage.models.base import Base, child_of, now


class GenerationRow(Base):
    """A way of dividing and embedding all documents; the index holds the points of each apart."""

    __tablename__ = "generations"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    model: Mapped[str]
    passage_tokens: Mapped[int] = mapped_column(default=0)
    dimensions: Mapped[int] = mapped_column(default=0)
    state: Mapped[str] = mapped_column(index=True)
    attempt: Mapped[int] = mapped_column(default=1)
    started_by: Mapped[str]
    created: Mapped[datetime] = mapped_column(default=now)
    changed: Mapped[datetime] = mapped_column(default=now)  # its state
    gate: Mapped[dict[str, Any]] = mapped_column(default=dict)  # what it is measured by before it may be live
    comparison: Mapped[dict[str, Any]] = mapped_column(default=dict)
    reason: Mapped[str] = mapped_column(default="")


class FilledRow(Base):
    """That a generation holds all of a version's passages, or why it can't."""

    __tablename__ = "filled"
    generation: Mapped[int] = mapped_column(
        sa.ForeignKey("generations.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    version_id: Mapped[str] = mapped_column(
        sa.ForeignKey("versions.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    passages: Mapped[int]
    reason: Mapped[str] = mapped_column(default="")
    at: Mapped[datetime] = mapped_column(default=now)


class EmbeddingRow(Base):
    """The vectors of a chunk, found again by what they were made from."""

    __tablename__ = "embeddings"
    chunk_id: Mapped[str] = child_of("chunks.id")
    key: Mapped[bytes] = mapped_column(index=True)
    vector: Mapped[bytes]
    words: Mapped[bytes | None]  # its terms as numbers, four bytes each, then what each weighs
    rule: Mapped[str | None]  # by which they are weighed; neither where they are not kept
