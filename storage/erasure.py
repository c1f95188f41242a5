"""What deleting a document takes out of SQL: its rows, and the words of answers that drew on it."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from storage.models import ChunkRow, CitationRow, Document, MessageRow, MessageSource, Version
from storage.types import MessageState


def erase_rows(session: Session, document_id: str) -> tuple[int, int]:
    """Remove every row of a document, and the words of answers that drew on it. Returns (chunks, messages).

    An answer quotes its sources, so it is withdrawn as a whole. Part of deletion; see `ingest.pipeline`.
    """
    versions = sa.select(Version.id).where(Version.document_id == document_id)
    chunks = session.scalar(sa.select(sa.func.count()).where(ChunkRow.version_id.in_(versions))) or 0
    drawn = sa.select(MessageSource.message_id).where(MessageSource.document_id == document_id)
    withdrawn = len(session.scalars(drawn).all())
    session.execute(
        sa.update(MessageRow).where(MessageRow.id.in_(drawn)).values(text="", comment="", state=MessageState.WITHDRAWN)
    )
    session.execute(sa.delete(CitationRow).where(CitationRow.message_id.in_(drawn)))
    session.execute(sa.delete(MessageSource).where(MessageSource.document_id == document_id))
    session.execute(sa.delete(Document).where(Document.id == document_id))
    return chunks, withdrawn
