"""The access terms that the points of a version carry in the index, which follows SQL."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from storage.access import document_terms, readers_of
from storage.database import Database
from storage.models import Document, DocumentTerm, Version, is_set

STALE = sa.select(Document.live_version_id).where(
    is_set(Document.terms_stale), sa.not_(Document.deleting), Document.live_version_id.is_not(None)
)


class Terms:
    def __init__(self, database: Database) -> None:
        self._database = database

    def future(self, version_id: str) -> list[str]:
        """The terms that the version's points will carry once it is live; none when its document is being deleted."""
        query = (
            sa.select(DocumentTerm.term)
            .join(Document, Document.id == DocumentTerm.document_id)
            .join(Version, Version.document_id == Document.id)
            .where(Version.id == version_id, sa.not_(Document.deleting))
        )
        with self._database.read() as session:
            return sorted(session.scalars(query))

    def present(self, version_id: str) -> list[str]:
        """The terms that the version's points must carry now: none unless it is live and not being deleted."""
        with self._database.read() as session:
            document = session.scalar(
                sa.select(Document).where(Document.live_version_id == version_id, sa.not_(Document.deleting))
            )
            if document is None:
                return []
            query = sa.select(DocumentTerm.term).where(DocumentTerm.document_id == document.id)
            return document_terms(readers_of(list(session.scalars(query))))

    def stale(self) -> list[str]:
        """Live versions whose points may carry other terms than SQL says."""
        with self._database.read() as session:
            return [version_id for version_id in session.scalars(STALE) if version_id]

    def followed(self, version_id: str, terms: Sequence[str]) -> bool:
        """The index carries `terms` now. False where they are not the right ones any more: set them again."""
        with self._database.write() as session:
            document = session.scalar(
                sa.select(Document)
                .where(Document.live_version_id == version_id, sa.not_(Document.deleting))
                .with_for_update()
            )
            if document is None:
                return True
            query = sa.select(DocumentTerm.term).where(DocumentTerm.document_id == document.id)
            if sorted(session.scalars(query)) != sorted(terms):
                return False
            document.terms_stale = False
            return True
