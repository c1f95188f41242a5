"""What deleting a document takes out of SQL: its rows, and the words of answers that drew on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from storage.errors import Conflict
from storage.models import (
    Base,
    ChunkRow,
    CitationRow,
    Document,
    EmbeddingRow,
    GivenRow,
    MessageRow,
    MessageSource,
    Version,
)
from storage.records import forget
from storage.types import MessageState


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """What was removed of a document outside of SQL."""

    document_id: str
    files: int
    points: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt(Gone):
    """What deleting a document removed, and that nothing is left of it."""

    title: str
    versions: int
    chunks: int
    messages: int  # answers that drew on it and were withdrawn
    embeddings: int = 0
    generations: int = 1  # of the index, that were looked through


@dataclass(frozen=True, slots=True)
class Erased:
    """How many rows went; `messages` are answers that drew on the document and were withdrawn."""

    versions: int
    chunks: int
    embeddings: int
    messages: int


def erase_rows(session: Session, document_ids: Sequence[str]) -> dict[str, Erased]:
    """Remove every row of these documents, and the words of answers that drew on them. What went, by document.

    An answer quotes its sources, so it is withdrawn as a whole. Part of deletion; see `ingest.pipeline`.
    """
    versions = sa.select(Version.document_id, sa.func.count()).where(Version.document_id.in_(document_ids))
    chunks = versions.join(ChunkRow, ChunkRow.version_id == Version.id)
    embeddings = chunks.join(EmbeddingRow, EmbeddingRow.chunk_id == ChunkRow.id)
    drawing = sa.select(MessageSource.document_id, sa.func.count())
    messages = drawing.where(MessageSource.document_id.in_(document_ids)).group_by(MessageSource.document_id)
    counted = [
        {row[0]: row[1] for row in session.execute(query)}
        for query in (*(query.group_by(Version.document_id) for query in (versions, chunks, embeddings)), messages)
    ]
    drawn = sa.select(MessageSource.message_id).where(MessageSource.document_id.in_(document_ids))
    withdrawn = sa.update(MessageRow).where(MessageRow.id.in_(drawn))
    unmatched = {"synchronize_session": False}
    session.execute(withdrawn.values(text="", comment="", state=MessageState.WITHDRAWN), execution_options=unmatched)
    session.execute(sa.delete(CitationRow).where(CitationRow.message_id.in_(drawn)), execution_options=unmatched)
    forget(session, drawn)
    session.execute(sa.delete(GivenRow).where(GivenRow.document_id.in_(document_ids)), execution_options=unmatched)
    session.execute(sa.delete(MessageSource).where(MessageSource.document_id.in_(document_ids)))
    session.execute(sa.delete(Document).where(Document.id.in_(document_ids)))
    return {one: Erased(*(count.get(one, 0) for count in counted)) for one in document_ids}


def require_none_left(session: Session, document_ids: Sequence[str], version_ids: Sequence[str]) -> None:
    """Look through every table that names documents or versions. Raises Conflict where one still names any of these."""
    named = {"document_id": document_ids, "version_id": version_ids, "live_version_id": version_ids}
    for table in Base.metadata.sorted_tables:
        names = [table.c[column].in_(ids) for column, ids in named.items() if column in table.c]
        if names and session.scalar(sa.select(sa.func.count()).select_from(table).where(sa.or_(*names))):
            raise Conflict(f"Rows of a deleted document are left in the table {table.name}. Look at its foreign keys.")
