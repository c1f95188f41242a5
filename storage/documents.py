"""Documents as people see and manage them. Every function that reads takes the principal who reads.

A document that the principal may not read is NotFound, exactly as one that does not exist. What the pipeline writes
stands in `storage.versions`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from storage import arrivals, audit, passages, scopes, tables
from storage.access import readable, readers_of, write_terms
from storage.arrivals import UNKNOWN, Added
from storage.database import Database
from storage.errors import Forbidden, NotFound
from storage.files import Files, Incoming, file_name
from storage.models import Content, Document, DocumentTerm, Moment, SectionRow, Version, now
from storage.status import OPEN, Now, now_of, status_of, unread_by
from storage.types import About, Gap, Heading, Hit, Passage, Principal, Readers, Scope, Section, State, Status


@dataclass(frozen=True, slots=True)
class DocumentInfo:
    id: str
    title: str
    version_id: str
    name: str
    size: int
    format: str
    language: str
    state: State
    place: int  # in the queue, from 1; 0 when not waiting
    done: int
    total: int
    pages: int
    passages: int
    warnings: tuple[str, ...]
    reason: str
    remedy: str
    readers: Readers
    created: datetime
    changed: datetime
    about: About = field(default_factory=About)
    status: Status = Status.WAITING
    gaps: tuple[Gap, ...] = ()
    answers: bool = False  # an earlier version can be searched meanwhile


@dataclass(frozen=True, slots=True)
class Listed:
    """A searchable document by what names it: its file, its title, and the SHA-256 of its live version's bytes."""

    id: str
    title: str
    name: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Counts:
    documents: int
    passages: int
    pages: int
    reading: int  # waiting, parsing or embedding
    failed: int
    restricted: int


@dataclass(frozen=True, slots=True)
class Source:
    """One section of one version, as the source panel shows it."""

    document_id: str
    version_id: str
    title: str
    name: str
    format: str
    pages: int
    live: bool  # False when a newer version has taken its place
    readers: Readers
    changed: datetime
    section: Section


class Documents:
    def __init__(self, database: Database, files: Files) -> None:
        self._database = database
        self._files = files

    def add(self, name: str, incoming: Incoming, readers: Readers, principal: Principal) -> Added:
        """Keep the bytes and a waiting version; the same bytes twice give the document that holds them.

        Raises Forbidden for anybody but an admin.
        """
        require_admin(principal)
        try:
            return self._add(name, incoming, readers, principal)
        except sa.exc.IntegrityError:  # on PostgreSQL another upload of the same bytes was quicker
            with self._database.read() as session:
                if known := arrivals.holder(session, incoming.sha256):
                    return known
            raise

    def _add(self, name: str, incoming: Incoming, readers: Readers, principal: Principal) -> Added:
        with self._database.write() as session:
            return arrivals.add(session, self._files, name, incoming, readers, principal)

    def replace(self, document_id: str, name: str, incoming: Incoming, principal: Principal) -> Added:
        """Keep the bytes as a waiting version that takes the document's place once it is ready, and not before.

        Its readers stay. Raises Forbidden for anybody but an admin, AlreadyExists for bytes of another document.
        """
        require_admin(principal)
        with self._database.write() as session:
            return arrivals.replace(session, self._files, document_id, name, incoming, principal)

    def read_again(self, document_id: str, principal: Principal) -> Added:
        """Have the file of a ready document read anew, as after a setting or the reader has changed.

        It answers as it is until that has succeeded. Raises Forbidden for anybody but an admin, Conflict unless the
        newest version is ready.
        """
        require_admin(principal)
        with self._database.write() as session:
            return arrivals.again(session, self._files, document_id, principal)

    def named(self, name: str, principal: Principal) -> list[str]:
        """The ids of the readable documents whose newest version has this file name, oldest first."""
        query = _listing(principal).where(Version.name == file_name(name)).order_by(Document.created, Document.id)
        with self._database.read() as session:
            return list(session.scalars(query.with_only_columns(Document.id)))

    def find(
        self,
        principal: Principal,
        *,
        states: Collection[State] = (),
        restricted: bool = False,
        text: str = "",
        limit: int = 50,
        offset: int = 0,
    ) -> list[DocumentInfo]:
        """The newest version of each readable document, last changed first. `text` looks in titles and file names."""
        query = _listing(principal).order_by(Document.changed.desc(), Document.id).limit(limit).offset(offset)
        if states:
            query = query.where(Version.state.in_(states))
        if restricted:
            query = query.where(_is_restricted())
        if text:
            pattern = f"%{_escape(text)}%"
            query = query.where(Document.title.ilike(pattern, escape="\\") | Version.name.ilike(pattern, escape="\\"))
        with self._database.read() as session:
            at = now_of(session)
            return [_info(session, document, version, at) for document, version in session.execute(query)]

    def any_of(self, hashes: Iterable[str]) -> bool:
        """Whether any of these SHA-256 is of a document that is kept. Tells nothing about which."""
        with self._database.read() as session:
            known = sa.select(Content.sha256).where(Content.sha256.in_(list(hashes))).limit(1)
            return session.scalar(known) is not None

    def catalogue(self, principal: Principal) -> list[Listed]:
        """Every readable document that can be searched, in no order."""
        live = sa.and_(Document.id == Version.document_id, Document.live_version_id == Version.id)
        query = sa.select(Document.id, Document.title, Version.name, Version.sha256).join(Version, live)
        with self._database.read() as session:
            return [Listed(*row) for row in session.execute(query.where(readable(principal)))]

    def get(self, document_id: str, principal: Principal) -> DocumentInfo:
        with self._database.read() as session:
            row = session.execute(_listing(principal).where(Document.id == document_id)).first()
            if row is None:
                raise _unknown()
            return _info(session, *row, now_of(session))

    def counts(self, principal: Principal) -> Counts:
        """Over the documents that the principal may read, and no others."""
        listed = _listing(principal).with_only_columns(
            sa.func.count(),
            sa.func.coalesce(sa.func.sum(sa.case((Version.state == State.READY, Version.passages), else_=0)), 0),
            sa.func.coalesce(sa.func.sum(Version.pages), 0),
            sa.func.count().filter(Version.state.in_(OPEN)),
            sa.func.count().filter(Version.state == State.FAILED),
            sa.func.count().filter(_is_restricted()),
        )
        with self._database.read() as session:
            return Counts(*session.execute(listed).one())

    def unread(self, principal: Principal) -> int:
        """How many readable documents can't be searched yet: they wait, or are being read for the first time."""
        with self._database.read() as session:
            return unread_by(session, principal)

    def passages(self, hits: Sequence[Hit], principal: Principal) -> list[Passage]:
        """Hits of live versions that the principal may read now, in the given order, without their tables."""
        with self._database.read() as session:
            return passages.found(session, hits, principal)

    def read(self, document_id: str, principal: Principal) -> list[Passage]:
        """All passages of a document in reading order, with their tables. NotFound for who may not read it now."""
        with self._database.read() as session:
            if found := passages.of_document(session, document_id, principal):
                return found
        raise _unknown()

    def live(self, version_ids: Collection[str], principal: Principal) -> frozenset[str]:
        """Those of the versions that are live and that the principal may read now."""
        query = (
            sa.select(Document.live_version_id)
            .where(Document.live_version_id.in_(version_ids))
            .where(readable(principal))
        )
        with self._database.read() as session:
            return frozenset(filter(None, session.scalars(query)))

    def with_tables(self, found: Sequence[Passage], principal: Principal) -> list[Passage]:
        """The same passages, each with what lies in it of the tables of its page."""
        with self._database.read() as session:
            return passages.with_tables(session, found, principal)

    def within(self, scope: Scope, principal: Principal) -> frozenset[str]:
        """The ids of the readable documents whose live version is in `scope`.

        A member's scope knows only groups that the member is in.
        """
        with self._database.read() as session:
            return frozenset(session.scalars(scopes.within(scope, principal)))

    def source(self, version_id: str, page: int, principal: Principal) -> Source:
        """A section to show. Superseded versions stay readable by who may read the document."""
        query = (
            sa.select(SectionRow, Version, Document)
            .join(Version, Version.id == SectionRow.version_id)
            .join(Document, Document.id == Version.document_id)
            .where(Version.id == version_id, SectionRow.page == page, readable(principal))
        )
        with self._database.read() as session:
            row = session.execute(query).first()
            if row is None:
                raise _unknown()
            section, version, document = row
            return Source(
                document_id=document.id,
                version_id=version.id,
                title=document.title,
                name=version.name,
                format=version.format,
                pages=version.pages,
                live=document.live_version_id == version.id,
                readers=readers_of(_terms(session, document.id)),
                changed=version.created,
                section=section_of(section),
            )

    def file_name(self, version_id: str, principal: Principal) -> str:
        """The name under which the version was uploaded; NotFound for who may not read it."""
        with self._database.read() as session:
            name = session.scalar(
                sa.select(Version.name).join(Document).where(Version.id == version_id, readable(principal))
            )
        if name is None:
            raise _unknown()
        return name

    def set_readers(self, document_id: str, readers: Readers, principal: Principal) -> str | None:
        """Effective at once for every reader that goes. Returns the live version whose points must follow, if any."""
        require_admin(principal)
        with self._database.write() as session:
            document = arrivals.document_of(session, document_id, principal, lock=True)
            write_terms(session, document.id, readers)
            document.terms_stale, document.changed = True, now()
            audit.record(
                session,
                principal,
                "readers set",
                document.id,
                everyone=readers.everyone,
                groups=sorted(readers.groups),
            )
            return document.live_version_id

    def begin_delete(self, document_id: str, principal: Principal) -> None:
        """From now on the document is unknown to everybody, a second call included; its bytes may be uploaded again."""
        require_admin(principal)
        with self._database.write() as session:
            document = arrivals.document_of(session, document_id, principal, lock=True)
            begin_delete(session, document, principal)


def begin_delete(session: Session, document: Document, principal: Principal) -> None:
    """`Documents.begin_delete` in the caller's transaction, without asking who may."""
    document.deleting = True
    session.execute(sa.delete(Content).where(Content.document_id == document.id))
    session.execute(
        sa.update(Version)
        .where(Version.document_id == document.id, Version.state.in_([State.WAITING]))
        .values(state=State.FAILED, reason="The document was deleted.", remedy="", finished=now())
    )
    audit.record(session, principal, "document deleted", document.id, title=document.title)


def require_admin(principal: Principal) -> None:
    if not principal.is_admin:
        raise Forbidden("Only admins manage documents.")


def section_of(row: SectionRow) -> Section:
    headings = tuple(Heading(start, path) for start, path in row.headings)
    return Section(row.page, row.text, headings, tuple(map(tables.from_json, row.tables)), row.place, row.boxes)


def _listing(principal: Principal) -> sa.Select[Document, Version]:
    other = aliased(Version)
    newest = (
        sa.select(other.id)
        .where(other.document_id == Document.id)
        .order_by(other.created.desc(), other.id)
        .limit(1)
        .correlate(Document)
        .scalar_subquery()
    )
    return sa.select(Document, Version).join(Version, Version.id == newest).where(readable(principal))


def _is_restricted() -> sa.ColumnElement[bool]:
    open_to_all = sa.select(DocumentTerm.document_id).where(DocumentTerm.term == "everyone")
    return Document.id.not_in(open_to_all)


def _info(session: Session, document: Document, version: Version, at: Now) -> DocumentInfo:
    return DocumentInfo(
        id=document.id,
        title=document.title,
        version_id=version.id,
        name=version.name,
        size=version.size,
        format=version.format,
        language=version.language,
        state=State(version.state),
        place=_place(session, version),
        done=version.done,
        total=version.total,
        pages=version.pages,
        passages=version.passages,
        warnings=tuple(version.warnings),
        reason=version.reason,
        remedy=version.remedy,
        readers=readers_of(_terms(session, document.id)),
        created=document.created,
        changed=document.changed,
        about=About(version.subject, version.period, version.dated),
        status=status_of(version, at),
        gaps=tuple(Gap(*gap) for gap in version.gaps),
        answers=document.live_version_id not in (None, version.id),
    )


def _place(session: Session, version: Version) -> int:
    if version.state != State.WAITING:
        return 0
    earlier = sa.tuple_(Version.created, Version.id) < sa.tuple_(
        sa.literal(version.created, Moment()), sa.literal(version.id)
    )
    ahead = sa.select(sa.func.count()).where(Version.state == State.WAITING, Version.wanted == "", earlier)
    return 1 + (session.scalar(ahead) or 0)


def _terms(session: Session, document_id: str) -> list[str]:
    return list(session.scalars(sa.select(DocumentTerm.term).where(DocumentTerm.document_id == document_id)))


def _unknown() -> NotFound:
    return NotFound(UNKNOWN)


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
