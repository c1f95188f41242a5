"""What is kept of each file of a source, and what becomes of its document. Only the worker calls `Entries`.

A document that came from a source belongs to it: a changed file is its new version, a file that is gone takes it along.
Bytes that were here already, uploaded by somebody or in another source, stay the document that they are: the entry
points to it, changes neither its readers nor its fate, and inherits it when the file that it came from goes first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Session

from storage import arrivals, audit, documents
from storage.access import document_terms, readers_of, write_terms
from storage.database import Database
from storage.errors import AlreadyExists, NotFound
from storage.files import Files, Incoming, file_name
from storage.models import Document, DocumentTerm, EntryRow, SourceRow, Version, now
from storage.types import Principal, Role


class Outcome(StrEnum):
    """What became of a file in a run."""

    ADDED = "added"
    CHANGED = "changed"
    RENAMED = "renamed"
    UNCHANGED = "unchanged"
    KNOWN = "known"  # its bytes were a document already
    DELETED = "deleted"
    KEPT = "kept"  # it is gone, and its document stays, because the source keeps them or another file holds it
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class KeptEntry:
    key: str
    fingerprint: str
    sha256: str
    gone: bool


@dataclass(frozen=True, slots=True)
class Found:
    """A file as it was found: its bytes have arrived."""

    key: str
    name: str
    fingerprint: str
    incoming: Incoming


class Entries:
    """Of one source. Every method raises NotFound once the source is removed, and is atomic."""

    def __init__(self, database: Database, files: Files, source_id: str) -> None:
        self._database, self._files, self._id = database, files, source_id

    def kept(self) -> dict[str, KeptEntry]:
        """By key."""
        columns = (EntryRow.key, EntryRow.fingerprint, EntryRow.sha256, EntryRow.gone)
        with self._database.read() as session:
            rows = session.execute(sa.select(*columns).where(EntryRow.source_id == self._id))
            return {row[0]: KeptEntry(*row) for row in rows}

    def add(self, found: Found) -> Outcome:
        """A file that was not there before becomes a document, or points to the one that holds its bytes."""
        try:
            return self._add(found)
        except sa.exc.IntegrityError:  # on PostgreSQL somebody else brought the same bytes at the same time
            return self._add(found)

    def _add(self, found: Found) -> Outcome:
        with self._database.write() as session:
            source = self._source(session)
            entry = EntryRow(source_id=source.id, key=found.key)
            outcome = self._hold(session, source, entry, found)
            session.add(entry)
            return outcome

    def change(self, found: Found) -> Outcome:
        """A file with other bytes than before is the next version of its document."""
        with self._database.write() as session:
            source = self._source(session)
            entry = session.get_one(EntryRow, (source.id, found.key))
            document = _document(session, entry)
            if document is None or not entry.owned or _others(session, entry):
                let_go(session, entry, _as_source(source))
                self._hold(session, source, entry, found)
                return Outcome.CHANGED
            try:
                who = _as_source(source)
                arrivals.replace(session, self._files, document.id, found.name, found.incoming, who)
            except AlreadyExists:
                let_go(session, entry, who)
                self._hold(session, source, entry, found)
            else:
                _note(entry, found)
            return Outcome.CHANGED

    def rename(self, old: str, found: Found) -> Outcome:
        """A file with the bytes of one that is gone: the document stays and takes the new name."""
        with self._database.write() as session:
            source = self._source(session)
            entry = session.get_one(EntryRow, (source.id, old))
            if entry.owned and (document := _document(session, entry)):
                name = file_name(found.name)
                shown = sa.select(Version).where(Version.document_id == document.id, Version.sha256 == entry.sha256)
                for version in session.scalars(shown):
                    if document.title == version.name:
                        document.title = name
                    version.name = name
                document.changed = now()
                audit.record(session, _as_source(source), "document renamed", document.id, name=name)
            entry.key = found.key
            _note(entry, found)
            return Outcome.RENAMED

    def note(self, key: str, fingerprint: str) -> Outcome:
        """The file is there with the bytes that it had."""
        with self._database.write() as session:
            entry = session.get_one(EntryRow, (self._source(session).id, key))
            entry.fingerprint, entry.gone = fingerprint, False
            return Outcome.UNCHANGED

    def drop(self, key: str) -> Outcome:
        """The file is gone, and its document with it: unknown to everybody at once, unless another file holds it."""
        with self._database.write() as session:
            source = self._source(session)
            entry = session.get_one(EntryRow, (source.id, key))
            deleted = let_go(session, entry, _as_source(source))
            session.delete(entry)
            return Outcome.DELETED if deleted else Outcome.KEPT

    def keep(self, key: str) -> Outcome:
        """The file is gone and its document stays."""
        with self._database.write() as session:
            session.get_one(EntryRow, (self._source(session).id, key)).gone = True
            return Outcome.KEPT

    def _hold(self, session: Session, source: SourceRow, entry: EntryRow, found: Found) -> Outcome:
        """Let the entry point to the document of the bytes, which is made where there is none."""
        readers, who = readers_of(source.terms), _as_source(source)
        added = arrivals.add(session, self._files, found.name, found.incoming, readers, who)
        entry.document_id, entry.owned = added.document_id, not added.known
        entry.terms = [] if added.known else document_terms(readers)
        _note(entry, found)
        return Outcome.KNOWN if added.known else Outcome.ADDED

    def _source(self, session: Session) -> SourceRow:
        source = session.get(SourceRow, self._id)
        if source is None:
            raise NotFound("The source was removed.")
        return source


def let_go(session: Session, entry: EntryRow, principal: Principal) -> bool:
    """The entry's document loses this file. True where that deletes it: it belonged to the entry, and no other entry
    points to it. The first that does inherits it."""
    document = _document(session, entry)
    others = _others(session, entry)
    owned, entry.owned, entry.document_id = entry.owned, False, None
    if document is None or not owned:
        return False
    if others:
        others[0].owned, others[0].terms = True, sorted(_terms(session, document.id))
        return False
    documents.begin_delete(session, document, principal)
    return True


def follow_readers(session: Session, source_id: str, terms: Sequence[str]) -> int:
    """Give the source's documents these terms, except those that no longer have what the source gave them."""
    changed = 0
    for entry in session.scalars(sa.select(EntryRow).where(EntryRow.source_id == source_id, EntryRow.owned)):
        document = _document(session, entry)
        if document is None or sorted(_terms(session, document.id)) != sorted(entry.terms):
            continue
        write_terms(session, document.id, readers_of(list(terms)))
        entry.terms, document.terms_stale, document.changed = list(terms), True, now()
        changed += 1
    return changed


def _note(entry: EntryRow, found: Found) -> None:
    entry.fingerprint, entry.sha256, entry.gone = found.fingerprint, found.incoming.sha256, False


def _as_source(source: SourceRow) -> Principal:
    return Principal(user_id="", name=f"source {source.name}", role=Role.ADMIN)


def _document(session: Session, entry: EntryRow) -> Document | None:
    if entry.document_id is None:
        return None
    query = sa.select(Document).where(Document.id == entry.document_id, sa.not_(Document.deleting))
    return session.scalar(query.with_for_update())


def _others(session: Session, entry: EntryRow) -> list[EntryRow]:
    if entry.document_id is None:
        return []
    same = sa.select(EntryRow).where(EntryRow.document_id == entry.document_id, sa.not_(EntryRow.gone))
    return [other for other in session.scalars(same) if (other.source_id, other.key) != (entry.source_id, entry.key)]


def _terms(session: Session, document_id: str) -> list[str]:
    return list(session.scalars(sa.select(DocumentTerm.term).where(DocumentTerm.document_id == document_id)))
