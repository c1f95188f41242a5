"""The SQL database: engines, sessions, migrations. SQLite in the data folder, or PostgreSQL by URL.

SQLite runs in WAL mode and every writing transaction begins IMMEDIATE, so that a read followed by a write can
neither lose an update nor fail half-way with "database is locked". Never put the file on a network drive.
"""

from __future__ import annotations

import importlib
import platform
import sqlite3
import sys
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy.orm import Session

from storage.errors import Busy, Conflict, InvalidInput, Unavailable

MIGRATIONS = Path(__file__).with_name("migrations")
_PATIENCE = 30  # seconds that SQLite waits for another writer
_MIGRATION_LOCK = 0x466F6F74  # an arbitrary number that is ours: "Foot"


def sqlite_module() -> ModuleType:
    """The sqlite3 to use. From Python 3.12 on DBOS needs SQLite 3.42.

    Where the system's is older, a package brings one. Raises Conflict when there is neither.
    """
    if tuple(sys.version_info) < (3, 12) or sqlite3.sqlite_version_info >= (3, 42):
        return sqlite3
    try:
        return importlib.import_module("pysqlite3")
    except ModuleNotFoundError as error:
        raise Conflict(
            f"Python {platform.python_version()} comes with SQLite {sqlite3.sqlite_version}, and 3.42 is needed: "
            "pip install pysqlite3-binary, or use Python 3.11, or set DATABASE_URL to a PostgreSQL."
        ) from error


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Switch to a write-ahead log, for which SQLite does not wait while another process does the same."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite_module().OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def sqlite_engine(url: str) -> sa.Engine:
    engine = sa.create_engine(url, module=sqlite_module(), connect_args={"timeout": _PATIENCE})

    @sa.event.listens_for(engine, "connect")
    def _configure(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None  # the driver must not begin transactions by itself
        _write_ahead(connection)
        for pragma in ("synchronous=NORMAL", f"busy_timeout={1000 * _PATIENCE}", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")
        # SQLite's own knows ASCII letters only, and searching for "ärzte" must find "Ärzte"
        connection.create_function("lower", 1, _lower, deterministic=True)

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        mode = connection.get_execution_options().get("sqlite_begin", "IMMEDIATE")
        connection.exec_driver_sql(f"BEGIN {mode}")

    return engine


class Database:
    """One engine. `url` is an SQLAlchemy URL of SQLite or PostgreSQL (psycopg)."""

    def __init__(self, url: str) -> None:
        self.url = sa.make_url(url)
        if self.url.get_backend_name() == "sqlite":
            self.engine = sqlite_engine(url)
        elif self.url.get_backend_name() == "postgresql":
            if self.url.drivername == "postgresql":  # plain URLs mean the driver that we ship
                self.url = self.url.set(drivername="postgresql+psycopg")
            try:
                self.engine = sa.create_engine(
                    self.url, pool_size=20, pool_pre_ping=True, connect_args={"connect_timeout": 10}
                )
            except ModuleNotFoundError as error:
                raise InvalidInput("PostgreSQL needs its driver: pip install 'footnote[postgres]'.") from error
        else:
            raise InvalidInput(f"DATABASE_URL must be sqlite or postgresql, not {self.url.get_backend_name()}.")
        self.reader = self.engine.execution_options(sqlite_begin="DEFERRED")

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A transaction that commits at the end of the block, or rolls back all of it."""
        with _reachable(), Session(self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A consistent view that blocks no writer. Nothing is committed."""
        with _reachable(), Session(self.reader) as session:
            yield session

    def migrate(self) -> None:
        """Bring the schema to this version's; safe to call from several processes at once."""
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.set_main_option("path_separator", "os")
        sqlite = self.engine.dialect.name == "sqlite"
        with _reachable(), self.engine.connect() as connection:
            if sqlite:
                # with foreign keys on, altering a parent table by copying it would delete its children
                connection.exec_driver_sql("COMMIT")
                connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            else:
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
            if sqlite:
                connection.detach()  # this connection has foreign keys off: it must not return to the pool
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            if sqlite and connection.exec_driver_sql("PRAGMA foreign_key_check").first():
                connection.rollback()
                raise Conflict("The migration would leave rows without their parent. Nothing was changed.")
            connection.commit()

    def ready(self) -> str | None:
        """None, or in plain words why the database does not answer."""
        try:
            with self.read() as session:
                session.execute(sa.select(1))
        except Unavailable as error:
            return str(error)
        return None

    def close(self) -> None:
        self.engine.dispose()


@contextmanager
def _reachable() -> Iterator[None]:
    try:
        yield
    except sa.exc.OperationalError as error:
        raise Unavailable("database", f"The database does not answer: {error.orig}") from error
    except sa.exc.TimeoutError as error:
        raise Busy("database", "The database has too much to do. Try again in a moment.") from error


def alone(session: Session, what: str) -> None:
    """Until its transaction ends, no other one gets past here with the same `what`: what it has read stays true.

    On SQLite there is never more than one that writes.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATION_LOCK, zlib.crc32(what.encode()) >> 1)))


def _lower(text: Any) -> Any:
    return text.lower() if isinstance(text, str) else text


def db_now(session: Session) -> float:
    """Seconds since 1970 by the database's clock, the only one that all hosts share."""
    postgres = "extract(epoch from clock_timestamp())"
    sqlite = "(julianday('now') - 2440587.5) * 86400.0"
    dialect = session.get_bind().dialect.name
    return float(session.scalar(sa.text(f"SELECT {sqlite if dialect == 'sqlite' else postgres}")))
