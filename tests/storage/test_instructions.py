"""The house's instructions: by admins, every version kept, each change in the audit log."""

from __future__ import annotations

import pytest

from storage import audit
from storage.database import Database
from storage.errors import Forbidden, InvalidInput
from storage.instructions import LONGEST, Instructions
from storage.types import NO_INSTRUCTIONS, Principal, Role

ANNA, MIA = Principal("a", "anna", Role.ADMIN), Principal("m", "mia", Role.MEMBER)


@pytest.fixture
def instructions(database: Database) -> Instructions:
    return Instructions(database)


def test_the_newest_version_holds_and_all_are_kept(instructions: Instructions, database: Database) -> None:
    assert instructions.current() == NO_INSTRUCTIONS
    first = instructions.save("Address people formally.", ANNA)
    second = instructions.save("Call customers members.", ANNA)
    assert instructions.current() == second
    assert [one.text for one in instructions.versions(ANNA)] == [second.text, first.text]
    assert second.version > first.version > 0
    assert second.who == "anna"
    events = audit.newest(database, limit=2)
    assert [(event.who, event.action, event.subject) for event in events] == [
        ("anna", "instructions.changed", str(second.version)),
        ("anna", "instructions.changed", str(first.version)),
    ]


def test_what_says_the_same_is_no_new_version(instructions: Instructions) -> None:
    first = instructions.save("Be kind.", ANNA)
    assert instructions.save("  Be kind. \r\n", ANNA) == first
    assert len(instructions.versions(ANNA)) == 1


def test_instructions_are_taken_back_by_empty_ones(instructions: Instructions) -> None:
    instructions.save("Be kind.", ANNA)
    assert instructions.save("", ANNA).text == instructions.current().text == ""
    assert len(instructions.versions(ANNA)) == 2


def test_nobody_but_an_admin_sees_or_changes_them(instructions: Instructions) -> None:
    with pytest.raises(Forbidden):
        instructions.save("All to me.", MIA)
    with pytest.raises(Forbidden):
        instructions.versions(MIA)
    assert instructions.current() == NO_INSTRUCTIONS


def test_what_is_too_long_is_refused_and_what_is_not_seen_is_left_out(instructions: Instructions) -> None:
    with pytest.raises(InvalidInput, match="at most 2,000"):
        instructions.save("x" * (LONGEST + 1), ANNA)
    assert instructions.save("One\u202e line.\x00\r\nTwo.", ANNA).text == "One line.\nTwo."
