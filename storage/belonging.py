"""Where documents belong: the groups that read them and the sources that they came from, by name.

It says nothing to people: what it finds decides how an answer to somebody who may read them is written.
"""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa

from storage.access import group_term
from storage.database import Database
from storage.models import DocumentTerm, EntryRow, Group, SourceRow

Home = tuple[str, str]  # "group" or "source", and its name


class Belonging:
    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, document_ids: Collection[str]) -> dict[str, frozenset[Home]]:
        prefix = group_term("")
        groups = (
            sa.select(DocumentTerm.document_id, Group.name)
            .join(Group, DocumentTerm.term == sa.literal(prefix).concat(Group.id))
            .where(DocumentTerm.document_id.in_(document_ids))
        )
        sources = (
            sa.select(EntryRow.document_id, SourceRow.name)
            .join(SourceRow, SourceRow.id == EntryRow.source_id)
            .where(EntryRow.document_id.in_(document_ids))
        )
        found: dict[str | None, set[Home]] = {}
        with self._database.read() as session:
            for kind, query in (("group", groups), ("source", sources)):
                for document_id, name in session.execute(query):
                    found.setdefault(document_id, set()).add((kind, name))
        return {document_id: frozenset(homes) for document_id, homes in found.items() if document_id}
