"""What there is for a worker to do, told by one statement: it is asked several times a second for as long as one runs.

It may say that there is something where the closer look then finds nothing to take; never the other way round.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from storage.database import Database
from storage.generations import FOLLOWED
from storage.models import GenerationRow, SourceRow, Version, now
from storage.status import DELETING, OPEN
from storage.syncs import WAITING
from storage.terms import STALE


@dataclass(frozen=True, slots=True)
class Agenda:
    documents: bool = False  # to be ingested or deleted, or whose readers have changed
    generations: bool = False  # one is being filled or compared
    sources: bool = False  # one is due, or a run of one waits


def agenda(database: Database) -> Agenda:
    """Raises Unavailable without a database."""
    with database.read() as session:
        # the connection at once: a session's own ways take longer than the statement
        found = session.connection().execute(_EVERYTHING, {"now": now()}).one()
    return Agenda(*map(bool, found))


def _any(*queries: sa.Select[Any]) -> sa.ColumnElement[bool]:
    return sa.or_(*map(sa.exists, queries))


# made once: to make and compile it anew would cost far more than to run it
_EVERYTHING = sa.select(
    _any(sa.select(Version.id).where(Version.state.in_(OPEN)), DELETING, STALE),
    _any(sa.select(GenerationRow.id).where(GenerationRow.state.in_(FOLLOWED))),
    _any(sa.select(SourceRow.id).where(SourceRow.due <= sa.bindparam("now")), WAITING),
)
