"""Generations of the index: ways of dividing and embedding all documents, kept side by side.

One is live, and which one is said here and nowhere else: a reader asks `live` once for a question, embeds it with that
generation's model and searches that generation by its name, so that no question meets vectors of another model. A new
one is followed (filled with what is missing, until nothing is) and takes the live one's place in one transaction that
looks once more whether anything is missing. The one that was live is kept for going back. Not here: the points
(`storage.index`), the work (`ingest.reindex`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import PurePath
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from storage import audit
from storage.database import Database, alone
from storage.documents import require_admin
from storage.errors import Conflict, InvalidInput, NotFound
from storage.models import Document, FilledRow, GenerationRow, Version, now
from storage.types import Principal

LOCK = "generations"  # of every transaction that makes a version or a generation live
LEAST_TOKENS, MOST_TOKENS = 32, 2000  # of a passage
MAX_MODEL = 300
RECENT = timedelta(minutes=3)  # over which the rate is told


class GenerationState(StrEnum):
    """How far a generation is. The first four are followed: documents that it lacks are put into it."""

    BUILDING = "building"
    COMPARING = "comparing"  # full, and measured against the live one
    REFUSED = "refused"  # found worse: waits for an admin
    ACCEPTED = "accepted"  # becomes live as soon as it lacks nothing
    FAILED = "failed"  # some document can't be put into it, or its model can't be loaded
    LIVE = "live"
    KEPT = "kept"  # was live
    REMOVING = "removing"
    REMOVED = "removed"  # its row stays, so that nothing ever has its number again


FOLLOWED = (
    GenerationState.BUILDING,
    GenerationState.COMPARING,
    GenerationState.REFUSED,
    GenerationState.ACCEPTED,
)
UNDER_WAY = (*FOLLOWED, GenerationState.FAILED)


@dataclass(frozen=True, slots=True)
class Generation:
    """`name` is what the index calls it. `passage_tokens` 0: as long as suits its model. `gate`: what it is measured
    by; `comparison`: what came of that."""

    id: int
    name: str
    model: str
    passage_tokens: int
    dimensions: int
    state: GenerationState
    attempt: int
    started_by: str
    created: datetime
    changed: datetime
    gate: Mapping[str, Any]
    comparison: Mapping[str, Any]
    reason: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a generation is: documents that it holds of those that there are, and passages as the live one counts.

    `rate`: passages a second lately; 0 while that is not known. `failed`: titles and reasons.
    """

    documents: int
    of_documents: int
    passages: int
    of_passages: int
    rate: float
    failed: tuple[tuple[str, str], ...] = ()

    @property
    def seconds_left(self) -> float | None:
        """None while the rate is not known."""
        left = self.of_passages - self.passages
        return left / self.rate if self.rate else None


class Generations:
    """What takes a principal raises Forbidden for anybody but an admin; the rest is for workers and retrieval."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # what people see and do

    def all(self, principal: Principal) -> list[Generation]:
        """Newest first."""
        require_admin(principal)
        with self._database.read() as session:
            rows = session.scalars(sa.select(GenerationRow).order_by(GenerationRow.id.desc()))
            return [generation_of(row) for row in rows]

    def under_way(self, principal: Principal) -> Generation | None:
        """The one that is being made, has been refused or has failed."""
        require_admin(principal)
        with self._database.read() as session:
            row = _under_way(session)
            return generation_of(row) if row else None

    def start(
        self, model: str, principal: Principal, *, passage_tokens: int = 0, gate: Mapping[str, Any] | None = None
    ) -> Generation:
        """A new generation beside the live one. Raises Conflict while another is under way or none is live yet."""
        require_admin(principal)
        model = _checked(model, passage_tokens)
        with self._database.write() as session:
            alone(session, LOCK)
            if _under_way(session):
                raise Conflict("Another generation is under way. Wait for it, switch to it, or cancel it first.")
            if live_row(session) is None:
                raise Conflict("There is no live index yet. It is made when the worker has started.")
            number = 1 + (session.scalar(sa.select(sa.func.max(GenerationRow.id))) or 0)
            row = GenerationRow(
                id=number,
                name=f"{plain_name(shown_model(model))}_g{number}",
                model=model,
                passage_tokens=passage_tokens,
                state=GenerationState.BUILDING,
                started_by=principal.name,
                gate=dict(gate or {}),
            )
            session.add(row)
            audit.record(session, principal, "re-index started", row.name, model=model, passage_tokens=passage_tokens)
            session.flush()
            return generation_of(row)

    def accept(self, principal: Principal, *, force: bool) -> Generation:
        """Let the generation under way become live once it lacks nothing; `force`: whatever the comparison says.

        Raises Conflict where it was refused, or was not compared yet, without `force`; and where documents failed.
        """
        require_admin(principal)
        with self._database.write() as session:
            row = _must_be_under_way(session)
            state = GenerationState(row.state)
            if state is GenerationState.FAILED:
                raise Conflict(f"{row.reason} Try those again, or cancel.")
            if state is not GenerationState.ACCEPTED and not force:
                why = row.reason if state is GenerationState.REFUSED else "It has not been compared with the live one."
                raise Conflict(f"{why} Switch all the same by force.")
            move(row, GenerationState.ACCEPTED)
            audit.record(session, principal, "re-index accepted", row.name, forced=force)
            return generation_of(row)

    def roll_back(self, principal: Principal) -> Generation:
        """Let the generation that was live last become live again, once it has what was added since.

        Raises Conflict where none is kept or another is under way.
        """
        require_admin(principal)
        with self._database.write() as session:
            alone(session, LOCK)
            if _under_way(session):
                raise Conflict("Another generation is under way. Cancel it first.")
            kept = sa.select(GenerationRow).where(GenerationRow.state == GenerationState.KEPT)
            row = session.scalars(kept.order_by(GenerationRow.changed.desc())).first()
            if row is None:
                raise Conflict("No earlier generation is kept.")
            row.attempt, row.gate = row.attempt + 1, {"back": True}
            move(row, GenerationState.ACCEPTED)
            audit.record(session, principal, "re-index rolled back", row.name)
            return generation_of(row)

    def cancel(self, principal: Principal) -> Generation:
        """Give the generation under way up; one that was live before stays kept. Raises Conflict where none is."""
        require_admin(principal)
        with self._database.write() as session:
            alone(session, LOCK)
            row = _must_be_under_way(session)
            move(row, GenerationState.KEPT if row.gate.get("back") else GenerationState.REMOVING)
            audit.record(session, principal, "re-index cancelled", row.name)
            return generation_of(row)

    def retry(self, principal: Principal) -> Generation:
        """Try again what failed. Raises Conflict where nothing has."""
        require_admin(principal)
        with self._database.write() as session:
            row = _must_be_under_way(session)
            if row.state != GenerationState.FAILED:
                raise Conflict("Nothing has failed.")
            failed = sa.delete(FilledRow).where(FilledRow.generation == row.id, FilledRow.reason != "")
            session.execute(failed)
            row.attempt += 1
            move(row, GenerationState.ACCEPTED if row.gate.get("back") else GenerationState.BUILDING)
            audit.record(session, principal, "re-index retried", row.name)
            return generation_of(row)

    def clean(self, principal: Principal) -> int:
        """Let the worker remove every generation that is kept for going back. Returns how many."""
        require_admin(principal)
        with self._database.write() as session:
            rows = list(session.scalars(of_state(GenerationState.KEPT)))
            for row in rows:
                move(row, GenerationState.REMOVING)
                audit.record(session, principal, "generation given up", row.name)
            return len(rows)

    def progress(self, generation_id: int) -> Progress:
        """Counted now."""
        with self._database.read() as session:
            row = session.get(GenerationRow, generation_id)
            if row is None:
                raise NotFound("There is no such generation.")
            held = sa.select(FilledRow.version_id).where(FilledRow.generation == generation_id, FilledRow.reason == "")
            inside = Version.id.in_(held)
            counted = live_versions(
                sa.func.count().filter(inside),
                sa.func.count(),
                sa.func.coalesce(sa.func.sum(Version.passages).filter(inside), 0),
                sa.func.coalesce(sa.func.sum(Version.passages), 0),
            )
            documents, of_documents, passages, of_passages = session.execute(counted).one()
            rate, failed = _rate(session, row), failures(session, generation_id)
            return Progress(documents, of_documents, passages, of_passages, rate, failed)

    # what retrieval and workers ask

    def live(self) -> Generation | None:
        """The generation to embed and search with, now; None before a worker has made the first."""
        with self._database.read() as session:
            row = live_row(session)
            return generation_of(row) if row else None

    def get(self, generation_id: int) -> Generation:
        with self._database.read() as session:
            row = session.get(GenerationRow, generation_id)
            if row is None:
                raise NotFound("There is no such generation.")
            return generation_of(row)

    def require_open(self, generation_id: int) -> Generation:
        """Raises NotFound where nothing may be put into it any more."""
        with self._database.read() as session:
            row = session.get(GenerationRow, generation_id)
            if row is None or row.state not in (*FOLLOWED, GenerationState.LIVE):
                raise NotFound("The generation was given up.")
            return generation_of(row)

    def first(self, name: str, model: str, dimensions: int) -> Generation:
        """The live generation; where none is, `name`, which then holds what was published before. Idempotent."""
        with self._database.write() as session:
            alone(session, LOCK)
            if row := live_row(session):
                return generation_of(row)
            row = GenerationRow(
                id=1,
                name=name,
                model=model,
                dimensions=dimensions,
                state=GenerationState.LIVE,
                started_by="footnote",
            )
            session.add(row)
            session.flush()
            held = live_versions(sa.literal(1), Version.id, Version.passages, sa.literal(""), sa.literal(now()))
            session.execute(
                sa.insert(FilledRow).from_select(["generation", "version_id", "passages", "reason", "at"], held)
            )
            return generation_of(row)


def plain_name(model: str) -> str:
    """A model's name in characters that any server takes for a collection."""
    plain = "".join(char if char.isascii() and char.isalnum() else "-" for char in model.lower())
    return plain.strip("-")[-80:].strip("-") or "model"


def shown_model(model: str) -> str:
    """A folder by its own name alone."""
    return PurePath(model).name if PurePath(model).is_absolute() else model


def first_name(model: str) -> str:
    """What the index calls the first generation, of this model."""
    return f"{plain_name(model)}_v2"


def live_id(session: Session) -> int | None:
    """The id of the live generation."""
    row = live_row(session)
    return row.id if row else None


def live_row(session: Session) -> GenerationRow | None:
    return session.scalars(of_state(GenerationState.LIVE)).first()


def of_state(*states: GenerationState) -> sa.Select[GenerationRow]:
    return sa.select(GenerationRow).where(GenerationRow.state.in_(states)).order_by(GenerationRow.id)


def _under_way(session: Session) -> GenerationRow | None:
    return session.scalars(of_state(*UNDER_WAY)).first()


def _must_be_under_way(session: Session) -> GenerationRow:
    row = session.scalars(of_state(*UNDER_WAY).with_for_update()).first()
    if row is None:
        raise Conflict("No re-index is under way.")
    return row


def move(row: GenerationRow, state: GenerationState) -> None:
    row.state, row.changed = state, now()


def live_versions(*columns: Any) -> sa.Select[Any]:
    joined = sa.select(*columns).select_from(Document).join(Version, Version.id == Document.live_version_id)
    return joined.where(sa.not_(Document.deleting))


def failures(session: Session, generation_id: int) -> tuple[tuple[str, str], ...]:
    query = (
        sa.select(Document.title, FilledRow.reason)
        .join(Version, Version.id == FilledRow.version_id)
        .join(Document, Document.live_version_id == Version.id)
        .where(FilledRow.generation == generation_id, FilledRow.reason != "", sa.not_(Document.deleting))
        .limit(20)
    )
    return tuple((title, reason) for title, reason in session.execute(query))


def _rate(session: Session, row: GenerationRow) -> float:
    since = max(row.created, now() - RECENT)
    lately = sa.select(sa.func.sum(Version.passages)).join(FilledRow, FilledRow.version_id == Version.id)
    done = session.scalar(lately.where(FilledRow.generation == row.id, FilledRow.at >= since))
    return (done or 0) / max(1.0, (now() - since).total_seconds())


def _checked(model: str, passage_tokens: int) -> str:
    model = model.strip()
    if not model or len(model) > MAX_MODEL or not model.isprintable():
        raise InvalidInput(f"The embedding model is a folder or a name, of at most {MAX_MODEL} characters.")
    if passage_tokens and not LEAST_TOKENS <= passage_tokens <= MOST_TOKENS:
        raise InvalidInput(f"Passages have {LEAST_TOKENS} to {MOST_TOKENS} tokens; 0 leaves it to the model.")
    return model


def generation_of(row: GenerationRow) -> Generation:
    values = {name: getattr(row, name) for name in Generation.__dataclass_fields__ if name != "state"}
    return Generation(**values, state=GenerationState(row.state))
