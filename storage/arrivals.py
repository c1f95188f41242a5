"""Bytes that arrive become the first version of a document, or its next one; and which version counts.

A version that follows another, of other bytes or of the same ones to be read anew, is made searchable beside it. The
older one answers until the switch, and for good where the newer one fails. Its text stays for conversations that cite
it; its passages go after the switch.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import cache

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from storage import audit
from storage.access import readable, write_terms
from storage.errors import AlreadyExists, Conflict, NotFound
from storage.files import Files, Incoming, file_name
from storage.models import Content, Document, Version, new_id, now
from storage.status import OPEN
from storage.types import Principal, Readers, State

UNKNOWN = "There is no such document, or you may not read it."
SUPERSEDED = "A newer version took its place before it was ready."


@dataclass(frozen=True, slots=True)
class Added:
    document_id: str
    version_id: str
    known: bool  # the same bytes were here already: nothing was added
    replaced: bool = False  # the version follows another one of a document that was here


def add(session: Session, files: Files, name: str, incoming: Incoming, readers: Readers, principal: Principal) -> Added:
    """A new document with a waiting version; the same bytes twice give the document that holds them.

    Raises sqlalchemy's IntegrityError where another transaction adds the same bytes at the same time.
    """
    if known := holder(session, incoming.sha256):
        return known
    name = file_name(name)
    document = Document(title=name, created_by=principal.name)
    session.add(document)
    session.flush()
    session.add(Content(sha256=incoming.sha256, document_id=document.id))
    write_terms(session, document.id, readers)
    version = _waiting(session, document, name, incoming, principal)
    audit.record(session, principal, "document added", document.id, name=name)
    session.flush()
    files.keep(incoming, version.id)  # last: a row without its file would be worse than a stray file
    return Added(document.id, version.id, known=False)


def replace(
    session: Session, files: Files, document_id: str, name: str, incoming: Incoming, principal: Principal
) -> Added:
    """A waiting version that follows the document's others. Bytes of its newest version change nothing.

    What still waits or is being read of an older version ends without having been searchable. Raises AlreadyExists
    where another document holds the bytes, NotFound for a document that the principal may not read.
    """
    document = document_of(session, document_id, principal, lock=True)
    newest = newest_of(session, document_id)
    if newest.sha256 == incoming.sha256:
        return Added(document_id, newest.id, known=True, replaced=True)
    known = holder(session, incoming.sha256)
    if known and known.document_id != document_id:
        title = session.get_one(Document, known.document_id).title
        raise AlreadyExists(f"The same file is already here as another document, {title}. Delete that one first.")
    name = file_name(name)
    earlier = sa.update(Version).where(Version.document_id == document_id, Version.state.in_(OPEN))
    earlier = earlier.where(Version.id != (document.live_version_id or ""))
    ended = {"state": State.FAILED, "reason": SUPERSEDED, "remedy": "", "finished": now(), "executor": "", "wanted": ""}
    session.execute(earlier.values(ended))
    version = _next(session, document, newest, name, incoming, principal)
    if not known:
        session.add(Content(sha256=incoming.sha256, document_id=document_id))
    session.flush()
    release(session, document)
    audit.record(session, principal, "document replaced", document_id, name=name)
    session.flush()
    files.keep(incoming, version.id)
    return Added(document_id, version.id, known=False, replaced=True)


def again(session: Session, files: Files, document_id: str, principal: Principal) -> Added:
    """A waiting version of the bytes that the ready one has: they are read as files are read now.

    Raises Conflict unless the newest version is ready, NotFound for a document that the principal may not read, or
    whose original is gone.
    """
    document = document_of(session, document_id, principal, lock=True)
    newest = newest_of(session, document_id)
    if newest.state != State.READY:
        raise Conflict(
            "Only a document that is ready can be read again. One that failed or was cancelled can be retried."
        )
    version = _next(session, document, newest, newest.name, newest, principal)
    audit.record(session, principal, "document read again", document_id, name=newest.name)
    session.flush()
    files.share(newest.id, version.id)
    return Added(document_id, version.id, known=False, replaced=True)


def document_of(session: Session, document_id: str, principal: Principal, *, lock: bool = False) -> Document:
    """Raises NotFound for a document that the principal may not read."""
    query = sa.select(Document).where(Document.id == document_id, readable(principal))
    document = session.scalar(query.with_for_update() if lock else query)
    if document is None:
        raise NotFound(UNKNOWN)
    return document


def newest_of(session: Session, document_id: str) -> Version:
    newest_first = (Version.created.desc(), Version.id)
    query = sa.select(Version).where(Version.document_id == document_id).order_by(*newest_first).limit(1)
    return session.scalars(query).one()


def holder(session: Session, sha256: str) -> Added | None:
    """The document that holds these bytes, and its newest version."""
    document_id = session.scalar(sa.select(Content.document_id).where(Content.sha256 == sha256))
    if document_id is None:
        return None
    return Added(document_id, newest_of(session, document_id).id, known=True)


def release(session: Session, document: Document) -> None:
    """Let go of bytes that neither the live nor the newest version has: they may become another document."""
    kept = {newest_of(session, document.id).sha256}
    if document.live_version_id:
        kept.add(session.get_one(Version, document.live_version_id).sha256)
    session.execute(sa.delete(Content).where(Content.document_id == document.id, Content.sha256.not_in(kept)))


@cache  # made once: the worker asks with it all the time
def counts() -> sa.ColumnElement[bool]:
    """A clause on `Version` and `Document`: no newer version took its place before it was ready."""
    newer = aliased(Version)
    follows = sa.exists().where(newer.document_id == Version.document_id, newer.created > Version.created)
    return sa.or_(sa.not_(follows.correlate(Version)), Document.live_version_id == Version.id)


def _next(
    session: Session, document: Document, newest: Version, name: str, content: Incoming | Version, principal: Principal
) -> Version:
    version = _waiting(session, document, name, content, principal)
    version.created = max(now(), newest.created + timedelta(microseconds=1))  # the newest, whatever the clock says
    document.changed = now()
    return version


def _waiting(
    session: Session, document: Document, name: str, content: Incoming | Version, principal: Principal
) -> Version:
    version = Version(
        id=new_id(),
        document_id=document.id,
        sha256=content.sha256,
        name=name,
        size=content.size,
        state=State.WAITING,
        started_by=principal.name,
    )
    session.add(version)
    return version
