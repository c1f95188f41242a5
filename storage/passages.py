"""Passages out of the database: where a hit of the index gets its text, if its finder may read it.

This is the second permission check. The index narrows to what a principal may read, but its answer may be older than
the last change of readers, so text exists only for hits that pass here too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from storage import tables, vectors
from storage.access import readable
from storage.models import ChunkRow, Document, GenerationRow, SectionRow, Version
from storage.types import About, Hit, Parts, Passage, PassageTable, Principal

_AT_A_TIME = 500  # ids in one query
_OF_LIVE = sa.and_(Document.id == Version.document_id, Document.live_version_id == Version.id)


def found(session: Session, hits: Sequence[Hit], principal: Principal) -> list[Passage]:
    """Hits of live versions that the principal may read now, in the given order, without tables."""
    rows = session.connection().execute(_readable_chunks(principal), {"ids": [hit.chunk_id for hit in hits]}).all()
    parts = vectors.unpacked_all([(row.spans, row.vectors) for row in rows])
    known = {row[0]: _passage(of_row, *row) for row, of_row in zip(rows, parts, strict=True)}
    return [known[hit.chunk_id] for hit in hits if hit.chunk_id in known]


@lru_cache(maxsize=256)  # making the query would take as long as running it
def _readable_chunks(principal: Principal) -> sa.Select[Any]:
    """Of the `ids`, those that the principal may read."""
    return (
        sa.select(
            *(ChunkRow.id, Document.id, ChunkRow.version_id, Document.title, Version.name, ChunkRow.page),
            *(ChunkRow.start, ChunkRow.end, ChunkRow.heading),
            sa.func.substr(SectionRow.text, ChunkRow.start + 1, ChunkRow.end - ChunkRow.start),
            *(Version.subject, Version.period, Version.dated),
            *(SectionRow.place, ChunkRow.spans, ChunkRow.vectors),
        )
        .join(Version, Version.id == ChunkRow.version_id)
        .join(Document, _OF_LIVE)
        .join(SectionRow, sa.and_(SectionRow.version_id == Version.id, SectionRow.page == ChunkRow.page))
        .where(ChunkRow.id.in_(sa.bindparam("ids", expanding=True)), readable(principal))
    )


def of_document(session: Session, document_id: str, principal: Principal) -> list[Passage]:
    """All passages of the live version in reading order, with tables; none where it may not be read now.

    In the live generation, or the oldest where the version has not come into that yet.
    """
    live = sa.and_(_OF_LIVE, Document.id == document_id, readable(principal))
    known = sa.select(ChunkRow.generation).join(Version, Version.id == ChunkRow.version_id).join(Document, live)
    generations = set(session.scalars(known.distinct()))
    if not generations:
        return []
    current = session.scalar(sa.select(GenerationRow.id).where(GenerationRow.state == "live"))
    generation = current if current in generations else min(generations)
    query = (
        sa.select(ChunkRow.id)
        .join(Version, Version.id == ChunkRow.version_id)
        .join(Document, live)
        .where(ChunkRow.generation == generation)
        .order_by(ChunkRow.page, ChunkRow.start)
    )
    ids = list(session.scalars(query))
    passages: list[Passage] = []
    for first in range(0, len(ids), _AT_A_TIME):
        passages += found(session, [Hit(id_) for id_ in ids[first : first + _AT_A_TIME]], principal)
    return with_tables(session, passages, principal)


def _passage(parts: Parts | None, *row: Any) -> Passage:
    id_, document_id, version_id, title, name, page, start, end, heading, text, *more = row
    subject, period, dated, place, *_ = more
    return Passage(
        *(id_, document_id, version_id, title, name, page, start, end, heading, text),
        about=About(subject, period, dated),
        parts=parts,
        place=place,
    )


def with_tables(session: Session, passages: Sequence[Passage], principal: Principal) -> list[Passage]:
    """The same passages, each with what lies in it of the tables of its page. None, where it may not be read now."""
    on_page: dict[tuple[str, int], list[Passage]] = defaultdict(list)
    for passage in passages:
        on_page[passage.version_id, passage.page].append(passage)
    within: dict[str, tuple[PassageTable, ...]] = {}
    pages = {"versions": [version for version, _ in on_page], "pages": [page for _, page in on_page]}
    for version_id, page, text, kept in session.connection().execute(_readable_pages(principal), pages):
        if not kept or (version_id, page) not in on_page:
            continue
        read = list(map(tables.from_json, kept))
        for passage in on_page[version_id, page]:
            within[passage.chunk_id] = tables.within(read, text, passage.start, passage.end)
    return [replace(passage, tables=within.get(passage.chunk_id, ())) for passage in passages]


@lru_cache(maxsize=256)
def _readable_pages(principal: Principal) -> sa.Select[Any]:
    """Of the `pages` of the `versions`, those that the principal may read."""
    return (
        sa.select(SectionRow.version_id, SectionRow.page, SectionRow.text, SectionRow.tables)
        .join(Version, Version.id == SectionRow.version_id)
        .join(Document, _OF_LIVE)
        .where(SectionRow.version_id.in_(sa.bindparam("versions", expanding=True)), readable(principal))
        .where(SectionRow.page.in_(sa.bindparam("pages", expanding=True)))
    )
