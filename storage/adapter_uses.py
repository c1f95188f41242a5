"""For which documents of a group of readers, or of a source, answers are written with a LoRA adapter, and which one.

Chosen by admins, and seen by nobody else: it decides how an answer is written, never who reads what. A choice goes with
its group or source. Not covered: the adapters' files (`app.model_shelf`), their use (`app.adapter_choice`).
"""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from storage import audit
from storage.belonging import Home
from storage.database import Database
from storage.errors import Forbidden, InvalidInput, NotFound
from storage.models import AdapterUseRow, Group, SourceRow
from storage.types import Principal


@dataclass(frozen=True, slots=True)
class AdapterUse:
    """`of` is "group" or "source", `id` and `name` are its own, `adapter` is a file's name."""

    of: str
    id: str
    name: str
    adapter: str


class AdapterUses:
    def __init__(self, database: Database) -> None:
        self._database = database

    def current(self) -> dict[Home, str]:
        """The adapter for each home that has one; read for each answer of a language model."""
        with self._database.read() as session:
            rows = session.scalars(sa.select(AdapterUseRow)).all()
        return {("group", row.group_id) if row.group_id else ("source", row.source_id or ""): row.file for row in rows}

    def find(self, principal: Principal) -> list[AdapterUse]:
        """Groups first, by name. Raises Forbidden for anybody but an admin."""
        _require_admin(principal)
        with self._database.read() as session:
            return [*_of(session, "group"), *_of(session, "source")]

    def choose(self, of: str, whose: str, adapter: str, principal: Principal) -> None:
        """From the next answer on; "" takes the choice back, without effect where there is none.

        `whose` is the group's or source's id or name. Raises Forbidden for anybody but an admin, InvalidInput for
        another `of`, NotFound for a group or a source that there is not.
        """
        _require_admin(principal)
        if of not in ("group", "source"):
            raise InvalidInput("of: group or source.")
        with self._database.write() as session:
            home, name = _home(session, of, whose)
            column = AdapterUseRow.group_id if of == "group" else AdapterUseRow.source_id
            row = session.scalars(sa.select(AdapterUseRow).where(column == home)).first()
            if (row.file if row else "") == adapter:
                return
            if row:
                session.delete(row)
                session.flush()
            if adapter:
                session.add(AdapterUseRow(**{f"{of}_id": home, "file": adapter}))
            audit.record(session, principal, "adapter chosen", adapter or "none", of=of, name=name)


def _of(session: Session, of: str) -> list[AdapterUse]:
    if of == "group":
        query = sa.select(Group.id, Group.name, AdapterUseRow.file).join(Group, Group.id == AdapterUseRow.group_id)
        rows = session.execute(query.order_by(Group.name))
    else:
        query = sa.select(SourceRow.id, SourceRow.name, AdapterUseRow.file)
        query = query.join(SourceRow, SourceRow.id == AdapterUseRow.source_id)
        rows = session.execute(query.order_by(SourceRow.name))
    return [AdapterUse(of, home, name, file) for home, name, file in rows]


def _home(session: Session, of: str, whose: str) -> tuple[str, str]:
    """Id and name."""
    said = " ".join(whose.split())
    query = (
        sa.select(Group.id, Group.name).where(sa.or_(Group.id == whose, Group.name == said))
        if of == "group"
        else sa.select(SourceRow.id, SourceRow.name).where(sa.or_(SourceRow.id == whose, SourceRow.name == said))
    )
    if (row := session.execute(query).first()) is None:
        raise NotFound(f"There is no {of} {whose!r}.")
    return row[0], row[1]


def _require_admin(principal: Principal) -> None:
    if not principal.is_admin:
        raise Forbidden("Only admins choose what adapters are used for.")
