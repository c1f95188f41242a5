"""The audit log stands exactly when what it tells of stands."""

from __future__ import annotations

import pytest

from storage import audit
from storage.database import Database
from tests.conftest import ADA


def test_the_newest_events_come_first_and_no_more_than_asked_for(database: Database) -> None:
    for number in range(5):
        with database.write() as session:
            audit.record(session, ADA, "counted", str(number), number=number)
    events = audit.newest(database, limit=3)
    assert [(event.who, event.subject, event.detail) for event in events] == [
        ("ada", "4", {"number": 4}),
        ("ada", "3", {"number": 3}),
        ("ada", "2", {"number": 2}),
    ]
    assert events[0].at.utcoffset() is not None


def test_an_event_goes_with_the_change_that_failed(database: Database) -> None:
    with pytest.raises(ZeroDivisionError), database.write() as session:
        audit.record(session, "footnote", "tried", "x")
        raise ZeroDivisionError
    assert audit.newest(database) == []


def test_there_is_no_function_that_changes_an_event() -> None:
    public = {name for name, value in vars(audit).items() if callable(value) and value.__module__ == audit.__name__}
    assert public == {"Event", "record", "newest"}
