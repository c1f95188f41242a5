"""Migrations, transactions and what a broken database says, on SQLite and PostgreSQL."""

from __future__ import annotations

import multiprocessing
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext

from storage.database import MIGRATIONS, Database, db_now
from storage.errors import Conflict, InvalidInput, Unavailable
from storage.models import Base, Content, ConversationRow, Document, EventRow, Group, MessageRow, User, Version, now
from storage.types import State
from tests.conftest import on_both

SPAWN = multiprocessing.get_context("spawn")


def migrate(url: str, start: Any) -> None:
    start.wait(30)
    database = Database(url)
    database.migrate()
    database.close()


def count_up(url: str, start: Any, times: int) -> None:
    database = Database(url)
    start.wait(30)
    for _ in range(times):
        with database.write() as session:
            group = session.get_one(Group, "counter", with_for_update=True)
            group.about = str(int(group.about) + 1)
    database.close()


def in_processes(count: int, target: Any, *arguments: Any) -> None:
    """Run `target` in so many processes that begin at the same moment; all of them must end well."""
    start = SPAWN.Barrier(count)
    children = [SPAWN.Process(target=target, args=(arguments[0], start, *arguments[1:])) for _ in range(count)]
    for child in children:
        child.start()
    for child in children:
        child.join(60)
    assert [child.exitcode for child in children] == [0] * count


def differences(database: Database) -> list[Any]:
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        return compare_metadata(context, Base.metadata)


@on_both
def test_migrations_from_nothing_end_at_the_models_and_may_run_twice(empty_url: str) -> None:
    database = Database(empty_url)
    database.migrate()
    database.migrate()
    assert differences(database) == []
    database.close()


def upgrade(database: Database, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    with database.engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        connection.commit()


@on_both
def test_refusals_of_before_are_known_by_how_they_begin(empty_url: str) -> None:
    database = Database(empty_url)
    upgrade(database, "0018")
    said = {"a": "Nothing in the documents you may read answers this.\n\nLooked at: [1]", "b": "Nothing is paid. [1]"}
    columns = [sa.column(name) for name in "id conversation_id ordinal role text state model comment".split()]
    when = [sa.column(name, sa.DateTime(timezone=True)) for name in ("created", "touched")]
    messages = sa.table("messages", *columns, *when)
    with database.write() as session:
        session.add(User(id="mia", name="mia", password_hash="", role="member"))
        session.flush()
        session.add(ConversationRow(id="chat", user_id="mia", title=""))
        session.flush()
        row = {"conversation_id": "chat", "role": "assistant", "state": "done", "model": "m", "comment": ""}
        times = {"created": now(), "touched": now()}
        for n, (message_id, text) in enumerate(said.items()):
            values = {"id": message_id, "ordinal": n, "text": text, **row, **times}
            session.execute(sa.insert(messages).values(values))
    database.migrate()
    with database.read() as session:
        refused = session.scalars(sa.select(MessageRow.refused).order_by(MessageRow.ordinal))
        assert list(refused) == [True, False]
    database.close()


@on_both
def test_a_schema_that_lacks_a_column_is_told_apart_from_the_models(empty_url: str) -> None:
    database = Database(empty_url)
    database.migrate()
    with database.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE executors DROP COLUMN beat")
    assert differences(database)
    database.close()


@on_both
def test_three_processes_may_migrate_the_same_empty_database_at_once(empty_url: str) -> None:
    in_processes(3, migrate, empty_url)
    database = Database(empty_url)
    assert differences(database) == []
    database.close()


def test_several_may_open_the_same_new_file_at_once(data_dir: Path) -> None:
    def opened(path: Path, start: threading.Barrier) -> str | None:
        database = Database(f"sqlite:///{path}")
        start.wait()
        answer = database.ready()
        database.close()
        return answer

    with ThreadPoolExecutor(4) as pool:
        for n in range(100):  # the moment in which they meet is short: without waiting, 1 in 15 failed
            start = threading.Barrier(4)
            said = [pool.submit(opened, data_dir / f"{n}.db", start) for _ in range(4)]
            assert [one.result() for one in said] == [None] * 4


@on_both
def test_two_processes_that_read_and_then_write_lose_no_update(empty_url: str) -> None:
    database = Database(empty_url)
    database.migrate()
    with database.write() as session:
        session.add(Group(id="counter", name="counter", about="0"))
    in_processes(2, count_up, empty_url, 100)
    with database.read() as session:
        assert session.get_one(Group, "counter").about == "200"
    database.close()


def test_a_migration_leaves_foreign_keys_on_for_everybody_after_it(database: Database) -> None:
    database.migrate()
    for _ in range(3):
        with pytest.raises(sa.exc.IntegrityError), database.write() as session:
            session.add(Content(sha256="0" * 64, document_id="nowhere"))


def test_a_migration_that_fails_gives_no_connection_without_foreign_keys_back(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database(f"sqlite:///{data_dir / 'footnote.db'}")
    database.migrate()
    with sqlite3.connect(data_dir / "footnote.db") as raw:  # this one has foreign keys off
        raw.execute("INSERT INTO contents VALUES ('0', 'nowhere')")
    raw.close()
    with pytest.raises(Conflict, match="without their parent"):
        database.migrate()
    with pytest.raises(sa.exc.IntegrityError), database.write() as session:
        session.add(Content(sha256="1", document_id="nowhere"))
    database.close()


def test_a_version_is_ready_only_with_passages_and_failed_only_with_a_reason(database: Database) -> None:
    for state, passages, reason in ((State.READY, 0, ""), (State.FAILED, 3, "")):
        with pytest.raises(sa.exc.IntegrityError), database.write() as session:
            document = Document(title="Leave")
            session.add(document)
            session.flush()
            row = Version(document_id=document.id, sha256="0", name="a", size=1, state=state, passages=passages)
            row.reason = reason
            session.add(row)
    with database.read() as session:
        assert session.scalars(sa.select(Document)).all() == []


def test_a_block_that_raises_leaves_nothing_behind(database: Database) -> None:
    with pytest.raises(ZeroDivisionError), database.write() as session:
        session.add(Group(name="hr"))
        session.flush()
        raise ZeroDivisionError
    with database.read() as session:
        assert session.scalars(sa.select(Group)).all() == []


def test_what_a_read_block_changes_is_not_kept(database: Database) -> None:
    with database.read() as session:
        session.add(Group(name="hr"))
        session.flush()
    with database.read() as session:
        assert session.scalars(sa.select(Group)).all() == []


def test_a_reader_is_not_held_up_by_a_writer(database: Database) -> None:
    with database.write() as writing:
        writing.add(Group(name="hr"))
        writing.flush()
        with database.read() as reading:
            assert reading.scalars(sa.select(Group)).all() == []


def test_text_that_no_database_takes_is_kept_with_its_length(database: Database) -> None:
    with database.write() as session:
        session.add(Group(id="g", name="zero\x00half\ud83dend"))
    with database.read() as session:
        assert session.get_one(Group, "g").name == "zero\ufffdhalf\ufffdend"


def test_details_of_an_event_may_hold_any_text(database: Database) -> None:
    with database.write() as session:
        session.add(EventRow(who="ada", action="tried", subject="x", detail={"name": "\ud83d\u2028ä"}))
    with database.read() as session:
        assert session.scalars(sa.select(EventRow)).one().detail == {"name": "\ud83d\u2028ä"}


def test_the_clock_of_the_database_goes_forward(database: Database) -> None:
    with database.read() as session:
        first = db_now(session)
    with database.read() as session:
        assert first <= db_now(session) < first + 60
    assert first > 1_700_000_000


def test_an_address_of_another_database_is_refused_by_name() -> None:
    with pytest.raises(InvalidInput, match="DATABASE_URL"):
        Database("mysql://localhost/x")


def test_a_database_that_does_not_answer_is_unavailable(tmp_path: Path) -> None:
    for url in (f"sqlite:///{tmp_path / 'no' / 'folder' / 'x.db'}", "postgresql://x@127.0.0.1:1/x"):
        database = Database(url)
        reason = database.ready()
        assert reason is not None
        assert reason.startswith("The database does not answer")
        with pytest.raises(Unavailable) as caught, database.write() as session:
            session.execute(sa.select(1))
        assert caught.value.part == "database"
        database.close()


def test_a_database_that_answers_is_ready(database: Database) -> None:
    assert database.ready() is None
