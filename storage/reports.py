"""The report of a document: what was found in it, what was not and why, and what it took; and its passages.

For who may read the document; for anybody else it is NotFound, as one that does not exist.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from storage.access import readable
from storage.database import Database
from storage.documents import section_of
from storage.errors import NotFound
from storage.generations import live_id
from storage.models import ChunkRow, Document, SectionRow, Version
from storage.status import now_of, status_of
from storage.types import About, Chunk, Gap, Principal, Section, State, Status


@dataclass(frozen=True, slots=True)
class Report:
    """The newest version of a document. `seconds` are by step: read, divide, embed, publish."""

    document_id: str
    version_id: str
    title: str
    name: str
    format: str
    size: int
    language: str
    state: State
    status: Status
    pages: int
    characters: int
    tables: int
    passages: int
    gaps: tuple[Gap, ...]
    warnings: tuple[str, ...]
    seconds: Mapping[str, float]
    attempt: int
    started_by: str
    created: datetime
    finished: datetime | None
    reason: str
    remedy: str
    answers: bool  # an earlier version can be searched meanwhile


@dataclass(frozen=True, slots=True)
class Passages:
    """Some passages of a version in their order, with the sections that they stand in, by page."""

    label: str  # the document's title with its subject and period
    total: int
    chunks: tuple[Chunk, ...]
    sections: Mapping[int, Section]


class Reports:
    def __init__(self, database: Database) -> None:
        self._database = database

    def report(self, document_id: str, principal: Principal) -> Report:
        query = (
            sa.select(Version, Document)
            .join(Document)
            .where(Document.id == document_id, readable(principal))
            .order_by(Version.created.desc(), Version.id)
            .limit(1)
        )
        with self._database.read() as session:
            found = session.execute(query).first()
            if found is None:
                raise _unknown()
            version, document = found
            status = status_of(version, now_of(session))
            return _report(version, document, status)

    def passages(
        self, version_id: str, principal: Principal, *, start: int = 0, count: int, page: int | None = None
    ) -> Passages:
        """At most `count` passages of the live generation from ordinal `start` on, of one page or of all."""
        version = sa.select(Version, Document.title).join(Document).where(Version.id == version_id, readable(principal))
        with self._database.read() as session:
            found = session.execute(version).first()
            if found is None:
                raise _unknown()
            row, title = found
            of_live = ChunkRow.generation == (live_id(session) or 1)
            of_version = sa.select(ChunkRow).where(ChunkRow.version_id == version_id, of_live)
            some = of_version.where(ChunkRow.ordinal >= start).order_by(ChunkRow.ordinal).limit(count)
            if page is not None:
                some = some.where(ChunkRow.page == page)
            chunks = session.scalars(some).all()
            pages = {chunk.page for chunk in chunks}
            of_pages = sa.select(SectionRow).where(SectionRow.version_id == version_id, SectionRow.page.in_(pages))
            sections = {section.page: section_of(section) for section in session.scalars(of_pages)}
            total = session.scalar(sa.select(sa.func.count()).select_from(of_version.subquery())) or 0
            return Passages(
                About(row.subject, row.period).label(title),
                total,
                tuple(_chunk(chunk, row.document_id, sections[chunk.page]) for chunk in chunks),
                sections,
            )


def _report(version: Version, document: Document, status: Status) -> Report:
    return Report(
        document_id=document.id,
        version_id=version.id,
        title=document.title,
        name=version.name,
        format=version.format,
        size=version.size,
        language=version.language,
        state=State(version.state),
        status=status,
        pages=version.pages,
        characters=version.characters,
        tables=version.tables,
        passages=version.passages,
        gaps=tuple(Gap(*gap) for gap in version.gaps),
        warnings=tuple(version.warnings),
        seconds=dict(version.seconds),
        attempt=version.attempt,
        started_by=version.started_by,
        created=version.created,
        finished=version.finished,
        reason=version.reason,
        remedy=version.remedy,
        answers=document.live_version_id not in (None, version.id),
    )


def _chunk(row: ChunkRow, document_id: str, section: Section) -> Chunk:
    place = (row.id, document_id, row.version_id, row.ordinal, row.page, row.start, row.end, row.heading)
    return Chunk(*place, section.text[row.start : row.end])


def _unknown() -> NotFound:
    return NotFound("There is no such document, or you may not read it.")
