"""What the guard model said of questions and of answers, without a word of either.

Every verdict is kept with its answer; what was stopped is in the audit log too, by the answer's id and the categories.
"""

from __future__ import annotations

import sqlalchemy as sa

from storage import audit
from storage.database import Database
from storage.models import GuardVerdictRow, MessageRow
from storage.types import GuardVerdict, Principal


class GuardVerdicts:
    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(
        self, message_id: str, subject: str, verdict: GuardVerdict, principal: Principal, *, blocked: bool
    ) -> None:
        """In place of an earlier one. Does nothing but the record for an answer that was deleted meanwhile."""
        with self._database.write() as session:
            if blocked:
                found = {"model": verdict.model, "categories": list(verdict.categories), "failure": verdict.failure}
                audit.record(session, principal, f"{subject} blocked", message_id, **found)
            if session.get(MessageRow, message_id) is None:
                return
            session.merge(
                GuardVerdictRow(
                    message_id=message_id,
                    subject=subject,
                    safe=verdict.safe,
                    categories=list(verdict.categories),
                    model=verdict.model,
                    failure=verdict.failure,
                )
            )

    def of(self, message_id: str) -> dict[str, GuardVerdict]:
        """By subject. Verdicts hold no text, so whoever knows the message may know them."""
        with self._database.read() as session:
            rows = session.scalars(sa.select(GuardVerdictRow).where(GuardVerdictRow.message_id == message_id))
            return {row.subject: GuardVerdict(row.safe, tuple(row.categories), row.model, row.failure) for row in rows}
