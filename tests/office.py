"""A small company for tests: real SQLite and real files, cheap password hashes, no models.

anna is an admin; mia is a member of People; max is a member of no group; otto still has his one-time password;
sven is suspended.
"""

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import uvicorn
from argon2 import PasswordHasher
from reportlab.pdfgen.canvas import Canvas

from storage.conversations import Conversations
from storage.database import Database, db_now
from storage.documents import Documents
from storage.files import Files
from storage.models import Executor
from storage.types import Chunk, Principal, Readers, Role, Section
from storage.users import Users
from storage.versions import Versions
from tests.patience import until

PASSWORD = "a long enough password"
PEOPLE = ("anna", "mia", "max", "otto", "sven")


class Office:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.database = Database(f"sqlite:///{folder / 'footnote.db'}")
        self.database.migrate()
        self.users = Users(self.database, hasher=PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        self.files = Files(folder)
        self.documents = Documents(self.database, self.files)
        self.versions = Versions(self.database)
        self.conversations = Conversations(self.database)
        self.people = self.users.create_group("People").id
        self.users.create("anna", PASSWORD, role=Role.ADMIN)
        self.users.create("mia", PASSWORD, groups=["People"])
        self.users.create("max", PASSWORD)
        self.users.create("otto", PASSWORD, one_time=True)
        self.users.create("sven", PASSWORD)
        self.tokens = {name: self.token(name) for name in PEOPLE}
        self.users.set_active("sven", False)

    def principal(self, name: str) -> Principal:
        return self.users.principal(name)

    def token(self, name: str, password: str = PASSWORD) -> str:
        token = self.users.sign_in(name, password)
        assert token is not None
        return token

    def add(self, name: str, readers: Readers, content: bytes, *, format: str = "text") -> tuple[str, str]:
        """A document that is ready, with one page and one chunk. Returns (document_id, version_id)."""
        with self.files.receive(10**7) as receiver:
            receiver.write(content)
            added = self.documents.add(name, receiver.finish(), readers, self.principal("anna"))
        text = f"What {name} says."
        section, chunk_id = Section(1, text), added.version_id[:8]
        chunk = Chunk(chunk_id, added.document_id, added.version_id, 0, 1, 0, len(text), "", text)
        self.versions.store_sections(
            added.version_id, [section], title=name, format=format, language="en", pages=1, warnings=[]
        )
        self.versions.store_chunks(added.version_id, [chunk])
        self.versions.publish(added.version_id, passages=1)
        return added.document_id, added.version_id

    def pdf(self, name: str, readers: Readers) -> tuple[str, str]:
        """A PDF of one page that says its name; no two have the same bytes."""
        data = io.BytesIO()
        canvas = Canvas(data, pagesize=(300, 200), invariant=True)
        canvas.setAuthor(uuid4().hex)
        canvas.drawString(20, 150, f"What {name} says.")
        canvas.showPage()
        canvas.save()
        return self.add(name, readers, data.getvalue(), format="pdf")

    def work_on(self, version_id: str, step: str = "read") -> None:
        """A worker that lives takes the version."""
        with self.database.write() as session:
            session.merge(Executor(id="worker", beat=db_now(session) + 1000))
        self.versions.steps.enter(version_id, self.versions.job(version_id).id, step, executor="worker")

    def close(self) -> None:
        self.database.close()


@contextmanager
def serving(app: Any, **options: Any) -> Iterator[str]:
    """The app behind a real uvicorn on loopback; gives host:port."""
    config = uvicorn.Config(app, port=0, log_config=None, timeout_graceful_shutdown=2, **options)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        until(lambda: server.started or not thread.is_alive())
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(20)
