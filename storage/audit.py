"""The append-only record of who did what. No function here changes or removes an event."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from storage.database import Database
from storage.models import EventRow
from storage.types import Principal


@dataclass(frozen=True, slots=True)
class Event:
    at: datetime
    who: str
    action: str
    subject: str
    detail: dict[str, Any]


def record(session: Session, who: Principal | str, action: str, subject: str, **detail: Any) -> None:
    """Add an event in the caller's transaction: it stands exactly when what it tells of stands."""
    name = who if isinstance(who, str) else who.name
    session.add(EventRow(who=name, action=action, subject=subject, detail=detail))


def newest(database: Database, *, limit: int = 100) -> list[Event]:
    with database.read() as session:
        rows = session.scalars(sa.select(EventRow).order_by(EventRow.id.desc()).limit(limit))
        return [Event(row.at, row.who, row.action, row.subject, row.detail) for row in rows]
