"""What the organisation wants of all answers of a language model: written by admins, every version kept.

An answer is kept with the version that it was given by, so what a version said must stay readable: none is ever
changed or removed. Not covered: how a prompt holds them (`app.prompt`).
"""

from __future__ import annotations

import unicodedata

import sqlalchemy as sa

from storage import audit
from storage.database import Database
from storage.errors import Forbidden, InvalidInput
from storage.models import HouseInstructionsRow
from storage.types import NO_INSTRUCTIONS, HouseInstructions, Principal

LONGEST = 2000  # characters: a model reads them with every question that has another beginning


class Instructions:
    def __init__(self, database: Database) -> None:
        self._database = database

    def current(self) -> HouseInstructions:
        """What holds now; it stands in every prompt, so it is no secret among those who ask."""
        newest = sa.select(HouseInstructionsRow).order_by(HouseInstructionsRow.version.desc()).limit(1)
        with self._database.read() as session:
            row = session.scalar(newest)
            return _shown(row) if row else NO_INSTRUCTIONS

    def versions(self, principal: Principal, *, limit: int = 20) -> list[HouseInstructions]:
        """Newest first. Raises Forbidden for anybody but an admin."""
        _require_admin(principal)
        query = sa.select(HouseInstructionsRow).order_by(HouseInstructionsRow.version.desc()).limit(limit)
        with self._database.read() as session:
            return [_shown(row) for row in session.scalars(query)]

    def save(self, text: str, principal: Principal) -> HouseInstructions:
        """A new version, or the one that holds if it says the same; "" takes all instructions back.

        Raises Forbidden for anybody but an admin, InvalidInput when the text is too long.
        """
        _require_admin(principal)
        text = _readable(text)
        if len(text) > LONGEST:
            raise InvalidInput(f"The instructions are {len(text):,} characters long; at most {LONGEST:,} are taken.")
        current = self.current()
        if text == current.text:
            return current
        with self._database.write() as session:
            row = HouseInstructionsRow(text=text, who=principal.name)
            session.add(row)
            session.flush()
            audit.record(session, principal, "instructions.changed", str(row.version), characters=len(text))
            return _shown(row)


def _shown(row: HouseInstructionsRow) -> HouseInstructions:
    return HouseInstructions(row.version, row.text, row.who, row.at)


def _readable(text: str) -> str:
    """Without control characters and those that turn the direction of what follows; line breaks stay."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    clean = ("".join(char for char in line if char == "\t" or unicodedata.category(char)[0] != "C") for line in lines)
    return "\n".join(line.rstrip() for line in clean).strip()


def _require_admin(principal: Principal) -> None:
    if not principal.is_admin:
        raise Forbidden("Only admins may see and change the instructions.")
