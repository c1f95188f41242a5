"""Where documents belong: the groups that read them and the sources that they came from.

It says nothing to people: what it finds decides how an answer to somebody who may read them is written.
"""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa

from storage.access import group_term
from storage.database import Database
from storage.models import DocumentTerm, EntryRow

Home = tuple[str, str]  # "group" or "source", and its id


class Belonging:
    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, document_ids: Collection[str]) -> dict[str, frozenset[Home]]:
        prefix = group_term("")
        groups = (
            sa.select(DocumentTerm.document_id, DocumentTerm.term)
            .where(DocumentTerm.document_id.in_(document_ids))
            .where(DocumentTerm.term.startswith(prefix, autoescape=True))
        )
        sources = sa.select(EntryRow.document_id, EntryRow.source_id).where(EntryRow.document_id.in_(document_ids))
        found: dict[str | None, set[Home]] = {}
        with self._database.read() as session:
            for reader_of, term in session.execute(groups):
                found.setdefault(reader_of, set()).add(("group", term.removeprefix(prefix)))
            for came_as, source_id in session.execute(sources):
                found.setdefault(came_as, set()).add(("source", source_id))
        return {document_id: frozenset(homes) for document_id, homes in found.items() if document_id}
