"""What ingestion writes: a version's state, its sections and its chunks. No permission is checked here: only the
worker calls this, and nothing of a version can be read before `publish`.

States move waiting -> parsing -> embedding -> ready, or to failed or cancelled from any of them; these three are final
for an attempt. A retry is a new attempt of the same version.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from storage import arrivals, audit, tables
from storage.database import Database, alone
from storage.documents import require_admin, section_of
from storage.embeddings import Embeddings
from storage.erasure import Gone, Receipt, erase_rows, require_none_left
from storage.errors import Cancelled, Conflict, NotFound
from storage.filling import fill
from storage.generations import LOCK, live_id
from storage.models import (
    ChunkRow,
    Document,
    FilledRow,
    SectionRow,
    Version,
    now,
)
from storage.status import CANCEL, DELETING, OPEN, is_held
from storage.steps import GONE, Steps, job_id, locked, new_attempt
from storage.terms import Terms
from storage.types import NOTHING, About, Chunk, Gap, Principal, Section, State


@dataclass(frozen=True, slots=True)
class Job:
    """One attempt to make one version searchable."""

    version_id: str
    document_id: str
    name: str
    attempt: int
    state: State
    id: str  # another one for each attempt, and after each pause


class Versions:
    def __init__(self, database: Database) -> None:
        self._database = database
        self.embeddings = Embeddings(database)
        self.steps = Steps(database)
        self.terms = Terms(database)

    def job(self, version_id: str) -> Job:
        """Raises NotFound once the document is deleted or being deleted, or a newer version took this one's place."""
        with self._database.read() as session:
            row = session.scalar(
                sa.select(Version)
                .join(Document)
                .where(Version.id == version_id, sa.not_(Document.deleting), arrivals.counts())
            )
            if row is None:
                raise NotFound(GONE)
            return _job(row)

    def unfinished(self, *, limit: int = 10_000) -> list[Job]:
        """What is to be worked on, oldest first; nothing that is paused."""
        with self._database.read() as session:
            if is_held(session):
                return []
            return [_job(row) for row in session.execute(_UNFINISHED, {"limit": limit})]

    def progress(self, version_id: str, state: State, *, done: int = 0, total: int = 0) -> None:
        """What is ready stays so. Raises NotFound once the document is being deleted, and Cancelled where that is
        wanted, so that work on it ends."""
        with self._database.write() as session:
            version = locked(session, version_id)
            if version.wanted == CANCEL or version.state == State.CANCELLED:
                raise Cancelled("The work on this version was cancelled.")
            if version.state != State.READY:
                version.state, version.done, version.total = state, done, total

    def store_sections(
        self,
        version_id: str,
        sections: Sequence[Section],
        *,
        title: str,
        format: str,
        language: str,
        pages: int,
        warnings: Sequence[str],
        about: About = NOTHING,
        gaps: Sequence[Gap] = (),
    ) -> None:
        """Replace the version's sections, all or none. Idempotent."""
        with self._database.write() as session:
            version = locked(session, version_id)
            session.execute(sa.delete(SectionRow).where(SectionRow.version_id == version_id))
            rows = [
                {
                    "version_id": version_id,
                    "page": section.page,
                    "text": section.text,
                    "headings": [[heading.start, heading.path] for heading in section.headings],
                    "tables": [tables.to_json(table) for table in section.tables],
                    "place": section.place,
                    "boxes": section.boxes,
                }
                for section in sections
            ]
            if rows:
                session.execute(sa.insert(SectionRow), rows)
            version.format, version.language, version.pages = format, language, pages
            version.warnings, version.gaps = list(warnings), [[gap.first, gap.last, gap.reason] for gap in gaps]
            version.characters = sum(len(section.text) for section in sections)
            version.tables = sum(len(section.tables) for section in sections)
            version.subject, version.period, version.dated = about.subject, about.period, about.dated
            version.title = title
            document = session.get_one(Document, version.document_id)
            if document.live_version_id is None:  # else the version that answers keeps its title until the switch
                document.title = title

    def sections(self, version_id: str) -> list[Section]:
        query = sa.select(SectionRow).where(SectionRow.version_id == version_id).order_by(SectionRow.page)
        with self._database.read() as session:
            return [section_of(row) for row in session.scalars(query)]

    def sections_at(self, version_id: str, pages: Collection[int]) -> list[Section]:
        query = sa.select(SectionRow).where(SectionRow.version_id == version_id, SectionRow.page.in_(pages))
        with self._database.read() as session:
            return [section_of(row) for row in session.scalars(query)]

    def label(self, version_id: str) -> str:
        """The document's title with its subject and period."""
        columns = (sa.func.coalesce(sa.func.nullif(Version.title, ""), Document.title), Version.subject, Version.period)
        query = sa.select(*columns).join(Version, Version.document_id == Document.id)
        with self._database.read() as session:
            title, subject, period = session.execute(query.where(Version.id == version_id)).one()
        return About(subject, period).label(title)

    def format(self, version_id: str) -> str:
        """One of `ingest.parse.FORMATS`, or "" before it was read."""
        with self._database.read() as session:
            return session.scalars(sa.select(Version.format).where(Version.id == version_id)).one()

    def language(self, version_id: str) -> str:
        """Its ISO 639-1 code, or "" where unsure."""
        with self._database.read() as session:
            return session.scalars(sa.select(Version.language).where(Version.id == version_id)).one()

    def store_chunks(self, version_id: str, chunks: Iterable[Chunk], *, beside: int | None = None) -> int:
        """Replace the version's chunks, all or none. Idempotent. Returns how many there are.

        With `beside`, a generation that is being filled, those of other generations stay.
        """
        rows = [
            {
                "id": chunk.id,
                "version_id": version_id,
                "generation": chunk.generation,
                "ordinal": chunk.ordinal,
                "page": chunk.page,
                "start": chunk.start,
                "end": chunk.end,
                "heading": chunk.heading,
            }
            for chunk in chunks
        ]
        with self._database.write() as session:
            locked(session, version_id)
            before = sa.delete(ChunkRow).where(ChunkRow.version_id == version_id)
            session.execute(before if beside is None else before.where(ChunkRow.generation == beside))
            if rows:
                session.execute(sa.insert(ChunkRow), rows)
        return len(rows)

    def chunks(self, version_id: str, *, start: int, count: int, generation: int | None = None) -> list[Chunk]:
        """Chunks with ordinal start..start+count-1, with their text; of every generation unless one is named."""
        query = (
            sa.select(
                *(ChunkRow.id, Version.document_id, ChunkRow.ordinal, ChunkRow.page),
                *(ChunkRow.start, ChunkRow.end, ChunkRow.heading, SectionRow.text, ChunkRow.generation),
            )
            .join(Version, Version.id == ChunkRow.version_id)
            .join(SectionRow, sa.and_(SectionRow.version_id == Version.id, SectionRow.page == ChunkRow.page))
            .where(ChunkRow.version_id == version_id, ChunkRow.ordinal.between(start, start + count - 1))
            .order_by(ChunkRow.ordinal)
        )
        if generation is not None:
            query = query.where(ChunkRow.generation == generation)
        with self._database.read() as session:
            return [
                Chunk(
                    *(row.id, row.document_id, version_id, row.ordinal, row.page, row.start, row.end, row.heading),
                    text=row.text[row.start : row.end],
                    generation=row.generation,
                )
                for row in session.execute(query)
            ]

    def divided_for(self, version_id: str) -> set[int]:
        """The generations that the version has chunks of."""
        with self._database.read() as session:
            query = sa.select(ChunkRow.generation).where(ChunkRow.version_id == version_id)
            return set(session.scalars(query.distinct()))

    def count_chunks(self, version_id: str, generation: int) -> int:
        """How many passages the version has in a generation."""
        count = sa.select(sa.func.count()).where(ChunkRow.version_id == version_id, ChunkRow.generation == generation)
        with self._database.read() as session:
            return session.scalar(count) or 0

    def make_live(self, version_id: str, generation: int, *, passages: int) -> bool:
        """From now on the version's passages, in that generation, are the document's, and its points get terms.

        False where another generation has become live meanwhile. Atomic and idempotent.
        """
        with self._database.write() as session:
            alone(session, LOCK)
            version = locked(session, version_id)
            if version.state == State.CANCELLED:
                raise Cancelled("The work on this version was cancelled.")
            if live_id(session) != generation:
                return False
            fill(session, generation, version_id, passages)
            _go_live(session, version)
            return True

    def publish(self, version_id: str, *, passages: int) -> None:
        """Say that the version is ready; it is the live one. Atomic and idempotent."""
        with self._database.write() as session:
            version = locked(session, version_id)
            held = session.get(FilledRow, (live_id(session) or 0, version_id))
            passages = held.passages if held else passages  # another generation may have become live meanwhile
            version.state, version.passages, version.finished = State.READY, passages, now()
            version.done = version.total = passages
            version.executor = version.wanted = ""
            _go_live(session, version).changed = now()

    def fail(self, version_id: str, reason: str, remedy: str, *, attempt: int | None = None) -> None:
        """Idempotent: what is ready stays ready, and the first reason stays. `attempt`: that one only."""
        query = sa.update(Version).where(Version.id == version_id, Version.state.in_(OPEN))
        if attempt is not None:
            query = query.where(Version.attempt == attempt)
        with self._database.write() as session:
            session.execute(
                query.values(
                    state=State.FAILED,
                    reason=reason or "It failed.",
                    remedy=remedy,
                    finished=now(),
                    executor="",
                    wanted="",
                )
            )

    def retry(self, document_id: str, principal: Principal) -> Job:
        """A new attempt of the newest version. Raises Conflict unless it has failed or was cancelled."""
        require_admin(principal)
        with self._database.write() as session:
            arrivals.document_of(session, document_id, principal, lock=True)
            version = arrivals.newest_of(session, document_id)
            if version.state not in (State.FAILED, State.CANCELLED):
                raise Conflict("Only a document that failed or was cancelled can be tried again.")
            session.execute(sa.update(Version).where(Version.id == version.id).values(new_attempt(principal)))
            session.refresh(version)
            audit.record(session, principal, "document retried", document_id)
            return _job(version)

    def superseded(self, version_id: str) -> list[str]:
        """The versions of the same document that came before this one, if it is live; else none."""
        this, live = (
            aliased(Version),
            sa.and_(Document.id == Version.document_id, Document.live_version_id == version_id),
        )
        earlier = sa.select(Version.id).join(Document, live).join(this, this.id == version_id)
        with self._database.read() as session:
            return list(session.scalars(earlier.where(Version.created < this.created)))

    def drop_chunks(self, version_id: str) -> None:
        """Of a superseded version: what was cited stands in its sections."""
        with self._database.write() as session:
            session.execute(sa.delete(ChunkRow).where(ChunkRow.version_id == version_id))
            session.execute(sa.delete(FilledRow).where(FilledRow.version_id == version_id))

    # deletion

    def deleting(self) -> list[str]:
        """Documents whose deletion has begun and not ended."""
        with self._database.read() as session:
            return list(session.scalars(DELETING))

    def of_document(self, document_id: str) -> list[str]:
        """The ids of its versions, being deleted or not; none when it is gone."""
        with self._database.read() as session:
            return list(session.scalars(sa.select(Version.id).where(Version.document_id == document_id)))

    def erase(self, document_id: str, *, files: int, points: int, generations: int = 1) -> Receipt | None:
        """`erase_all` of one document. None when it is gone already."""
        gone = Gone(document_id=document_id, files=files, points=points)
        return next(iter(self.erase_all([gone], generations=generations)), None)

    def erase_all(self, gone: Sequence[Gone], *, generations: int) -> list[Receipt]:
        """Remove every row of the documents, count that none is left, and record a receipt for each, all or none.

        Those that are gone already have no receipt.
        """
        with self._database.write() as session:
            wanted = sa.select(Document).where(Document.id.in_([one.document_id for one in gone]))
            titles = {row.id: row.title for row in session.scalars(wanted.with_for_update())}
            version_ids = list(session.scalars(sa.select(Version.id).where(Version.document_id.in_(titles))))
            erased = erase_rows(session, list(titles))
            receipts = [
                Receipt(**asdict(one), title=titles[document_id], generations=generations, **asdict(rows))
                for one in gone
                if (rows := erased.get(document_id := one.document_id)) is not None
            ]
            require_none_left(session, list(titles), version_ids)
            for receipt in receipts:
                audit.record(session, "footnote", "deletion proved", receipt.document_id, **asdict(receipt))
            return receipts


# asked for again and again, so made once; of many rows, columns are had at a fraction of what objects take
_UNFINISHED = (
    sa.select(*(Version.id, Version.document_id, Version.name, Version.attempt, Version.turn, Version.state))
    .join(Document)
    .where(Version.state.in_(OPEN), sa.not_(Document.deleting))
    .where((Version.wanted == "") | (Version.executor != ""))
    .order_by(Version.created, Version.id)
    .limit(sa.bindparam("limit"))
)


def _job(row: Any) -> Job:
    return Job(row.id, row.document_id, row.name, row.attempt, State(row.state), job_id(row))


def _go_live(session: Session, version: Version) -> Document:
    document = session.get_one(Document, version.document_id)
    document.live_version_id = version.id
    document.title = version.title or document.title
    session.flush()
    arrivals.release(session, document)
    return document
