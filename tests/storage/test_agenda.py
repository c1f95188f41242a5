"""What there is for a worker to do, and that it is asked by one statement."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
import sqlalchemy as sa

from storage.agenda import Agenda, agenda
from storage.database import Database
from storage.documents import Documents
from storage.models import Document, GenerationRow, SourceRow, now
from storage.sources import Kind, NewSource, Sources
from storage.syncs import Syncs
from storage.types import Readers
from storage.versions import Versions
from tests.conftest import ADA, Library


@contextmanager
def statements(database: Database) -> Iterator[list[str]]:
    """What is asked of the database meanwhile, its own housekeeping left out."""
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if not statement.startswith("BEGIN"):
            asked.append(statement)

    sa.event.listen(database.engine, "before_cursor_execute", note)
    yield asked
    sa.event.remove(database.engine, "before_cursor_execute", note)


def test_one_statement_tells_that_there_is_nothing_and_that_there_is(database: Database, library: Library) -> None:
    with statements(database) as asked:
        assert agenda(database) == Agenda()
        assert len(asked) == 1
    library.add("text")
    with statements(database) as asked:
        assert agenda(database) == Agenda(documents=True)
        assert len(asked) == 1


def test_documents_that_wait_are_deleted_or_have_other_readers_are_on_it(
    database: Database, library: Library, documents: Documents, versions: Versions
) -> None:
    kept = library.add("text")
    versions.fail(kept.version_id, "It is broken.", "")
    assert agenda(database) == Agenda()
    documents.set_readers(kept.id, Readers(), ADA)
    assert agenda(database) == Agenda()  # nothing of it is live: no points carry its readers
    with database.write() as session:
        session.get_one(Document, kept.id).live_version_id = kept.version_id
    assert agenda(database) == Agenda(documents=True)
    with database.write() as session:
        session.get_one(Document, kept.id).terms_stale = False
    assert agenda(database) == Agenda()
    documents.begin_delete(kept.id, ADA)
    assert agenda(database) == Agenda(documents=True)


@pytest.mark.parametrize("state", ["building", "comparing", "live", "kept"])
def test_a_generation_is_on_it_while_it_is_followed(database: Database, state: str) -> None:
    with database.write() as session:
        session.add(GenerationRow(name="hash_v2", model="hash", dimensions=3, state=state, started_by="ada"))
    assert agenda(database).generations is (state in ("building", "comparing"))


def test_a_source_is_on_it_when_it_is_due_and_while_its_run_waits(database: Database) -> None:
    everyone = Readers(everyone=True)
    Sources(database).add(NewSource("office", Kind.FOLDER, "/nowhere", everyone, {}, every=3600), ADA)
    syncs = Syncs(database)
    with database.write() as session:
        session.execute(sa.update(SourceRow).values(due=now() - timedelta(seconds=1)))
    assert agenda(database) == Agenda(sources=True)
    assert syncs.schedule() == 1
    assert agenda(database) == Agenda(sources=True)
    task = syncs.take("host:1")
    assert task is not None
    assert agenda(database) == Agenda()


def test_what_is_asked_is_found_by_indexes_of_the_few(database: Database) -> None:
    if database.engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL chooses by the number of rows, and there are none")
    with statements(database) as asked:
        agenda(database)
    marks = asked[0].count("?")
    with database.read() as session:
        plan = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {asked[0]}", ("",) * marks).all()
    whole = [step.detail for step in plan if step.detail.startswith("SCAN") and "INDEX" not in step.detail]
    assert sorted(whole) == ["SCAN CONSTANT ROW", "SCAN sources"]
