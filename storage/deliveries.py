"""The way of questions out of the house: what is to be delivered, tried again, given up. No permission is checked here.

A row says that something is to go out and holds no word of it: what goes out is read when it goes, as the asker may see
it then. A row that was taken comes up again when its taker was not heard of for `LEASE`; so a letter may go out twice,
always under the same id, and none is lost.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from storage.conversations import seen_by
from storage.database import Database
from storage.escalations import asker_of, question_of
from storage.models import DeliveryRow, EscalationRow, MessageRow, now

LEASE = timedelta(minutes=5)
FIRST, LONGEST = timedelta(minutes=1), timedelta(hours=6)  # between two attempts; each wait is twice the one before
ATTEMPTS = 14  # about a day and a half


@dataclass(frozen=True, slots=True)
class Turn:
    """A message as its asker may see it: `text` is empty where it was withdrawn. `titles` are of cited documents."""

    role: str
    text: str
    titles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Letter:
    """What goes out. `id` stays the same from one attempt to the next."""

    id: str
    escalation_id: str
    channel: str
    question: str
    note: str
    turns: tuple[Turn, ...]
    asked: datetime


class Deliveries:
    def __init__(self, database: Database) -> None:
        self._database = database

    def take(self) -> Letter | None:
        """What has been due for longest; nobody else gets it meanwhile."""
        due = sa.select(DeliveryRow.id).where(DeliveryRow.state == "waiting", DeliveryRow.due <= now())
        with self._database.read() as session:  # mostly nothing is: no lock for that
            found = session.scalar(due.order_by(DeliveryRow.due).limit(1))
        if found is None:
            return None
        with self._database.write() as session:
            row = session.get(DeliveryRow, found, with_for_update=True)
            if row is None or row.state != "waiting" or row.due > now():
                return None  # another worker was quicker, or the chat was deleted
            row.attempts, row.due = row.attempts + 1, now() + LEASE
            escalation = session.get_one(EscalationRow, row.escalation_id)
            last = sa.select(MessageRow.ordinal).where(MessageRow.id == escalation.message_id).scalar_subquery()
            so_far = sa.select(MessageRow).where(
                MessageRow.conversation_id == escalation.conversation_id, MessageRow.ordinal <= last
            )
            rows = list(session.scalars(so_far.order_by(MessageRow.ordinal)))
            messages = seen_by(session, rows, asker_of(session, escalation))
            turns = tuple(
                Turn(one.role, one.text, tuple(dict.fromkeys(c.title or c.name for c in one.citations)))
                for one in messages
            )
            question = question_of(session, escalation)
            return Letter(row.id, escalation.id, row.channel, question, escalation.note, turns, escalation.changed)

    def sent(self, letter_id: str) -> None:
        with self._database.write() as session:
            if row := session.get(DeliveryRow, letter_id, with_for_update=True):
                row.state, row.sent, row.reason = "sent", now(), ""

    def failed(self, letter_id: str, reason: str) -> None:
        """Try again later, or no more after `ATTEMPTS`."""
        with self._database.write() as session:
            if row := session.get(DeliveryRow, letter_id, with_for_update=True):
                row.reason = reason[:500]
                row.due = now() + min(LONGEST, FIRST * 2 ** (row.attempts - 1))
                row.state = "failed" if row.attempts >= ATTEMPTS else "waiting"

    def retry(self, escalation_id: str = "") -> int:
        """Try what is not out at once, of one question or of all. Returns how many there are."""
        query = sa.update(DeliveryRow).where(DeliveryRow.state != "sent")
        if escalation_id:
            query = query.where(DeliveryRow.escalation_id == escalation_id)
        with self._database.write() as session:
            changed = session.execute(query.values(state="waiting", attempts=0, due=now()).returning(DeliveryRow.id))
            return len(changed.all())
