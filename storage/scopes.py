"""Which documents a search may look in: those of a scope that the principal may read.

Not covered: what there is to narrow to (`facets`).
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import sqlalchemy as sa

from storage.access import group_term, readable
from storage.models import Document, DocumentTerm, Version
from storage.types import Principal, Scope


def within(scope: Scope, principal: Principal) -> sa.Select[str]:
    """The ids of the readable documents whose live version is in `scope`."""
    live = sa.and_(Document.id == Version.document_id, Document.live_version_id == Version.id)
    query = sa.select(Document.id).join(Version, live).where(readable(principal))
    if scope.documents:
        query = query.where(Document.id.in_(scope.documents))
    if scope.kinds:
        query = query.where(Version.format.in_(scope.kinds))
    if scope.groups:
        known = scope.groups if principal.is_admin else scope.groups & principal.groups  # no telling of others
        terms = [group_term(group) for group in known]
        query = query.where(Document.id.in_(sa.select(DocumentTerm.document_id).where(DocumentTerm.term.in_(terms))))
    if scope.since:
        query = query.where(_on_or(Version.dated >= scope.since, Version.created >= _midnight(scope.since)))
    if scope.until:
        after = scope.until + timedelta(days=1)
        query = query.where(_on_or(Version.dated < after, Version.created < _midnight(after)))
    return query


def _on_or(dated: sa.ColumnElement[bool], created: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """A document's own date decides, the moment of its upload where it has none."""
    return sa.or_(dated, sa.and_(Version.dated.is_(None), created))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, UTC)
