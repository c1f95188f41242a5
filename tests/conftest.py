"""What many tests share: an environment of their own, a database of each kind, stores over it, and people."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from os import environ
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa
from argon2 import PasswordHasher
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from app.settings import Settings
from ingest.machine import usable_cores
from storage.conversations import Conversations
from storage.database import Database
from storage.documents import Documents
from storage.files import Files
from storage.models import Base
from storage.types import Chunk, Gap, Principal, Readers, Role, Section
from storage.users import Users
from storage.versions import Versions

BROWSER = "tests/browser/"
POSTGRES = environ.get("TEST_DATABASE_URL", "")
NO_POSTGRES = "TEST_DATABASE_URL names no PostgreSQL"
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
PASSWORD = "correct horse battery"

ADA = Principal("ada", "ada", Role.ADMIN)
TOM = Principal("tom", "tom", Role.MEMBER)


class Scheduling(LoadFileScheduling):
    """Of tests that run side by side a file, and all that drive a browser, stay in one process: what they share is made
    once, and no two browsers take the processor from each other."""

    def _split_scope(self, nodeid: str) -> str:
        return BROWSER if nodeid.startswith(BROWSER) else super()._split_scope(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling:
    return Scheduling(config, log)


def pytest_xdist_auto_num_workers() -> int:
    """One more than cores: a quarter of the time tests wait for processes that they started."""
    return usable_cores() + 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests first: else one process would be busy with them at the end, while the others wait."""
    items.sort(key=lambda item: not item.nodeid.startswith(BROWSER))


@pytest.fixture(autouse=True)
def the_main_module_stays() -> Iterator[None]:
    """Streamlit's AppTest leaves its script as __main__, which processes that multiprocessing spawns would run."""
    main = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = main


@pytest.fixture(autouse=True)
def no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def converted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The embedding model is converted once for all tests, also those beside: that takes longer than most of them."""
    folder = tmp_path_factory.getbasetemp()
    folder = (folder.parent if "PYTEST_XDIST_WORKER" in environ else folder) / "converted"
    folder.mkdir(exist_ok=True)
    return folder


def data_folder(folder: Path, converted: Path) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "converted").symlink_to(converted)
    return folder


@pytest.fixture
def data_dir(tmp_path: Path, converted: Path) -> Path:
    return data_folder(tmp_path / "data", converted)


def new_postgres() -> str:
    """The URL of a PostgreSQL database that did not exist before."""
    if not POSTGRES:
        pytest.skip(NO_POSTGRES)
    name = f"footnote_{uuid4().hex[:12]}"
    _on_server(f'CREATE DATABASE "{name}"')
    return sa.make_url(POSTGRES).set(database=name).render_as_string(hide_password=False)


def drop_postgres(url: str) -> None:
    _on_server(f'DROP DATABASE "{sa.make_url(url).database}" WITH (FORCE)')


def _on_server(statement: str) -> None:
    engine = sa.create_engine(POSTGRES, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(statement)
    engine.dispose()


@pytest.fixture
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database without any table; parametrise it indirectly with "sqlite" or "postgresql"."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
        return
    url = new_postgres()
    yield url
    drop_postgres(url)


on_both = pytest.mark.parametrize("empty_url", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "footnote.db"
    database = Database(f"sqlite:///{path}")
    database.migrate()
    database.close()
    return path


@pytest.fixture(scope="module")
def postgres_url() -> Iterator[str]:
    url = new_postgres()
    database = Database(url)
    database.migrate()
    database.close()
    yield url
    drop_postgres(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, data_dir: Path) -> Iterator[Database]:
    """An empty database with today's schema, once in SQLite and once in PostgreSQL."""
    if request.param == "sqlite":
        path = data_dir / "footnote.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        database = Database(f"sqlite:///{path}")
    else:
        database = Database(request.getfixturevalue("postgres_url"))
        names = ", ".join(f'"{table.name}"' for table in Base.metadata.sorted_tables)
        with database.engine.begin() as connection:
            connection.exec_driver_sql(f"TRUNCATE {names} CASCADE")
    yield database
    database.close()


@pytest.fixture
def files(data_dir: Path) -> Files:
    return Files(data_dir)


@pytest.fixture
def users(database: Database) -> Users:
    return Users(database, hasher=CHEAP)


@pytest.fixture
def documents(database: Database, files: Files) -> Documents:
    return Documents(database, files)


@pytest.fixture
def versions(database: Database) -> Versions:
    return Versions(database)


@pytest.fixture
def conversations(database: Database) -> Conversations:
    return Conversations(database)


@dataclass(frozen=True)
class Kept:
    """A document that a test has put there."""

    id: str
    version_id: str
    chunks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Library:
    """Puts documents into the stores the short way: without a worker, an index or a model."""

    documents: Documents
    versions: Versions
    files: Files

    def add(self, content: str | bytes, readers: Readers | None = None, *, name: str = "leave.txt") -> Kept:
        """A document that waits."""
        with self.files.receive(10**6) as receiver:
            receiver.write(content if isinstance(content, bytes) else content.encode())
            added = self.documents.add(name, receiver.finish(), readers or Readers(everyone=True), ADA)
        return Kept(added.document_id, added.version_id)

    def ready(self, content: str, readers: Readers | None = None, *, name: str = "leave.txt", title: str = "") -> Kept:
        """A document of one page and one passage that can be read."""
        kept = self.add(content, readers, name=name)
        return Kept(kept.id, kept.version_id, (self.fill(kept, content, title=title or name),))

    def fill(self, kept: Kept, content: str, *, title: str, gaps: Sequence[Gap] = ()) -> str:
        section = Section(1, content)
        details = {"title": title, "format": "text", "language": "en", "pages": 1, "warnings": [], "gaps": gaps}
        self.versions.store_sections(kept.version_id, [section], **details)
        chunk = str(uuid4())
        place = Chunk(chunk, kept.id, kept.version_id, 0, 1, 0, len(content), "", "")
        self.versions.store_chunks(kept.version_id, [place])
        self.versions.publish(kept.version_id, passages=1)
        return chunk


@pytest.fixture
def library(documents: Documents, versions: Versions, files: Files) -> Library:
    return Library(documents, versions, files)
