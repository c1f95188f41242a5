"""What a search can be narrowed to: values of documents that the principal may read, and of no others.

Only live versions count, as only they are searched. Not covered: the narrowing itself (`Documents.within`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

import sqlalchemy as sa

from storage.access import group_term, readable
from storage.database import Database
from storage.models import Document, DocumentTerm, Version
from storage.types import Principal


@dataclass(frozen=True, slots=True)
class Facets:
    """How many readable documents there are, in all and with each value.

    `kinds` by format, the most frequent first; `years` of the documents' own date or else their upload, newest first;
    `groups` by the ids of reader groups, for members only those that they are in.
    """

    documents: int
    kinds: dict[str, int]
    years: dict[int, int]
    groups: dict[str, int]


@dataclass(frozen=True, slots=True)
class Title:
    title: str
    name: str  # of the file


def facets(database: Database, principal: Principal) -> Facets:
    year = sa.func.coalesce(sa.extract("year", Version.dated), sa.extract("year", Version.created))
    live = _live(principal).with_only_columns(Version.format, year, sa.func.count()).group_by(Version.format, year)
    kinds, years = Counter[str](), Counter[int]()
    with database.read() as session:
        for kind, when, number in session.execute(live):
            kinds[kind] += number
            years[int(when)] += number
        terms = session.execute(_terms(principal)).all()
    return Facets(
        documents=kinds.total(),
        kinds={kind: number for kind, number in sorted(kinds.items(), key=lambda row: (-row[1], row[0])) if kind},
        years=dict(sorted(years.items(), reverse=True)),
        groups={term.removeprefix(group_term("")): number for term, number in terms},
    )


def titles(
    database: Database, principal: Principal, *, text: str = "", ids: Collection[str] = (), limit: int = 200
) -> dict[str, Title]:
    """At most `limit` readable documents by id, in the order of their titles.

    `text` looks in titles and file names; `ids`, where given, admits only these.
    """
    query = _live(principal).with_only_columns(Document.id, Document.title, Version.name)
    if text:
        in_title = Document.title.icontains(text, autoescape=True)
        query = query.where(in_title | Version.name.icontains(text, autoescape=True))
    if ids:
        query = query.where(Document.id.in_(ids))
    query = query.order_by(sa.func.lower(Document.title), Document.id).limit(limit)
    with database.read() as session:
        return {document_id: Title(title, name) for document_id, title, name in session.execute(query)}


def _live(principal: Principal) -> sa.Select[str]:
    is_live = sa.and_(Document.id == Version.document_id, Document.live_version_id == Version.id)
    return sa.select(Document.id).join(Version, is_live).where(readable(principal))


def _terms(principal: Principal) -> sa.Select[str, int]:
    """How many documents each reader group's term stands on. Members are not told which other groups read."""
    query = sa.select(DocumentTerm.term, sa.func.count()).where(DocumentTerm.document_id.in_(_live(principal)))
    if principal.is_admin:
        query = query.where(DocumentTerm.term.startswith(group_term(""), autoescape=True))
    else:
        query = query.where(DocumentTerm.term.in_([group_term(group) for group in principal.groups]))
    return query.group_by(DocumentTerm.term)
