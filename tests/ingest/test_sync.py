"""A source and its documents, run by run: real folders, a real database, real files."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from ingest.patterns import Patterns
from ingest.sources import Entry, SourceError, Unread
from ingest.sync import IN_A_ROW, Run, Synchroniser
from storage.database import Database
from storage.documents import DocumentInfo, Documents
from storage.entries import Entries
from storage.errors import Conflict, Forbidden, InvalidInput, NotFound
from storage.files import Files
from storage.sources import Kind, NewSource, Sources, Sync, SyncState
from storage.syncs import ATTEMPTS, Syncs
from storage.types import Principal, Readers, State
from storage.versions import Versions
from tests.conftest import ADA, TOM, Kept, Library

HR = Readers(groups=frozenset({"hr"}))
ALL = Readers(everyone=True)
OLD = time.time() - 1000


class Office:
    """A folder that is a source, and what came of it."""

    def __init__(self, root: Path, database: Database, files: Files) -> None:
        self.root, self.database = root, database
        root.mkdir()
        self.sources, self.syncs = Sources(database), Syncs(database)
        self.synchroniser = Synchroniser(database, files, max_bytes=10_000)
        self.documents, self.versions = Documents(database, files), Versions(database)

    def connect(self, **changes: Any) -> None:
        values: dict[str, Any] = {"name": "handbooks", "kind": Kind.FOLDER, "location": str(self.root), "options": {}}
        self.sources.add(NewSource(**{**values, "readers": ALL, **changes}), ADA)

    def write(self, key: str, content: str, *, age: float = 0.0) -> Path:
        path = self.root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        os.utime(path, (OLD + age, OLD + age))
        return path

    def sync(self, name: str = "handbooks", *, forced: bool = False) -> Sync:
        run = self.sources.request(name, ADA, forced=forced)
        task = self.syncs.take("worker")
        assert task is not None
        assert task.id == run.id
        self.synchroniser.run(task)
        return self.sources.sync(run.id, ADA)

    def counts(self, **options: Any) -> dict[str, int]:
        run = self.sync(**options)
        assert (run.state, run.reason) == (SyncState.DONE, "")
        return {str(name): count for name, count in run.counts.items()}

    def by_name(self) -> dict[str, DocumentInfo]:
        return {info.name: info for info in self.documents.find(ADA, limit=1000)}

    def finish(self, name: str) -> DocumentInfo:
        """As the worker does: make the document's newest version ready."""
        info = self.by_name()[name]
        text = self.documents._files.original(info.version_id).read_text()
        Library(self.documents, self.versions, self.documents._files).fill(
            Kept(info.id, info.version_id), text, title=name
        )
        return self.by_name()[name]


@pytest.fixture
def office(tmp_path: Path, database: Database, files: Files) -> Office:
    return Office(tmp_path / "office", database, files)


def test_files_are_added_changed_renamed_and_deleted(office: Office) -> None:
    office.connect()
    for name in ("leave.md", "pay.md", "legal/contract.md", "legal/terms.md"):
        office.write(name, f"what {name} says")
    assert office.counts() == {"added": 4}
    before = {name: office.finish(name) for name in office.by_name()}
    assert office.counts() == {"unchanged": 4}

    office.write("leave.md", "31 days", age=5)
    (office.root / "pay.md").rename(office.root / "salaries.md")
    (office.root / "legal/terms.md").unlink()
    assert office.counts() == {"changed": 1, "unchanged": 1, "renamed": 1, "deleted": 1}
    after = office.by_name()
    assert after.keys() == {"leave.md", "salaries.md", "contract.md"}
    assert after["leave.md"].id == before["leave.md"].id
    assert (after["leave.md"].state, after["leave.md"].answers) == (State.WAITING, True)
    assert (after["salaries.md"].id, after["salaries.md"].version_id) == (
        before["pay.md"].id,
        before["pay.md"].version_id,
    )
    assert office.versions.deleting() == [before["terms.md"].id]
    assert office.counts() == {"unchanged": 3}


def test_what_is_unchanged_is_not_read_again_and_a_touched_file_is_no_new_version(office: Office) -> None:
    office.connect()
    path = office.write("leave.md", "30 days")
    office.counts()
    version = office.finish("leave.md").version_id
    path.write_text("31 days")
    os.utime(path, (OLD, OLD))  # the same size and time: not looked at, as promised
    assert office.counts() == {"unchanged": 1}
    os.utime(path, (OLD + 9, OLD + 9))
    assert office.counts() == {"changed": 1}
    os.utime(path, (OLD + 99, OLD + 99))  # read again, and the same
    assert office.counts() == {"unchanged": 1}
    assert version != office.by_name()["leave.md"].version_id
    path.write_text("32 days")  # just now: it could change again within its clock's tick
    assert office.counts() == {"changed": 1}
    stamp = path.stat().st_mtime_ns
    path.write_text("33 days")
    os.utime(path, ns=(stamp, stamp))
    assert office.counts() == {"changed": 1}


def test_patterns_choose_and_links_are_not_followed(office: Office, tmp_path: Path) -> None:
    outside = tmp_path / "secret.md"
    outside.write_text("the key")
    (office.root / "link.md").symlink_to(outside)
    (office.root / "round").symlink_to(office.root)
    os.mkfifo(office.root / "pipe.md")
    for name in ("a.md", "a.txt", ".hidden.md", "drafts/b.md", "legal/c.md"):
        office.write(name, name)
    office.connect(include=["*.md"], exclude=["drafts/"])
    assert office.counts() == {"added": 2}
    assert office.by_name().keys() == {"a.md", "c.md"}


def test_a_root_that_is_gone_is_an_error_and_deletes_nothing(office: Office) -> None:
    office.connect()
    office.write("leave.md", "30 days")
    office.counts()
    office.root.rename(office.root.with_name("away"))
    run = office.sync(forced=True)
    assert run.state is SyncState.FAILED
    assert "no folder" in run.reason
    assert office.by_name().keys() == {"leave.md"}


def test_more_than_half_is_not_deleted_unless_forced(office: Office) -> None:
    office.connect()
    for n in range(4):
        office.write(f"{n}.md", f"text {n}")
    office.counts()
    for n in range(3):
        (office.root / f"{n}.md").unlink()
    office.write("new.md", "new text")
    run = office.sync()
    assert run.state is SyncState.FAILED
    assert "3 of 4" in run.reason
    assert run.counts["added"] == 1  # what is new is there all the same
    assert len(office.by_name()) == 5
    assert office.sync(forced=True).counts["deleted"] == 3
    assert office.by_name().keys() == {"3.md", "new.md"}


def test_moving_every_file_to_another_folder_deletes_nothing(office: Office) -> None:
    office.connect()
    for n in range(4):
        office.write(f"{n}.md", f"text {n}")
    office.counts()
    ids = {info.id for info in office.by_name().values()}
    (office.root / "all").mkdir()
    for n in range(4):
        (office.root / f"{n}.md").rename(office.root / f"all/{n}.md")
    assert office.counts() == {"renamed": 4}
    assert {info.id for info in office.by_name().values()} == ids


def test_a_source_may_keep_the_documents_of_files_that_are_gone(office: Office) -> None:
    office.connect(keep_deleted=True)
    path = office.write("leave.md", "30 days")
    office.counts()
    path.unlink()
    assert office.counts() == {"kept": 1}
    assert office.counts() == {}
    office.write("again.md", "30 days")
    assert office.counts() == {"renamed": 1}
    assert office.by_name().keys() == {"again.md"}


def test_one_bad_file_never_stops_a_run(office: Office) -> None:
    office.connect()
    office.write("good.md", "good")
    office.write("large.md", "x" * 20_000)
    locked = office.write("locked/file.md", "locked")
    os.fsencode(str(office.root))
    (Path(os.fsdecode(os.fsencode(office.root) + b"/caf\xe9.md"))).write_text("coffee")
    run = office.sync()
    assert run.counts == {"added": 3, "failed": 1}
    assert [(key, "10 kB" in reason or "larger" in reason) for key, reason in run.errors] == [("large.md", True)]
    assert office.sync().counts["failed"] == 1
    assert "locked" in str(locked)


class Shaky:
    """A source whose folder `b` can't be listed, and that fetches nothing."""

    def entries(self) -> Iterator[Entry | Unread]:
        yield from (Entry(f"a/{n}", f"{n}.md", "") for n in range(3))
        yield Unread("b/", "b: no permission")

    def fetch(self, entry: Entry, write: Callable[[bytes], None]) -> None:
        raise SourceError(f"{entry.key}: the line broke")


class Away(Shaky):
    def entries(self) -> Iterator[Entry | Unread]:
        return (Entry(f"a/{n}", f"{n}.md", "") for n in range(IN_A_ROW * 2))


def test_what_could_not_be_listed_or_fetched_is_not_gone(office: Office, files: Files) -> None:
    office.connect()
    for key in ("a/0", "a/1", "a/2", "b/0", "b/1", "c/0"):
        office.write(key, f"text of {key}")
    office.counts()
    source_id = office.sources.get("handbooks", ADA).id
    entries = Entries(office.database, files, source_id)
    run = Run(Shaky(), entries, files, max_bytes=1000, keep_deleted=False, forced=False)
    run.work(office.syncs, "")
    assert run.report.counts == {"failed": 4, "deleted": 1}
    assert {key.split("/")[0] for key in entries.kept()} == {"a", "b"}
    run = Run(Away(), entries, files, max_bytes=1000, keep_deleted=False, forced=True)
    with pytest.raises(SourceError, match=f"{IN_A_ROW} files in a row"):
        run.work(office.syncs, "")
    assert len(entries.kept()) == 5


def test_bytes_that_were_here_stay_the_document_that_they_are(office: Office, library: Library) -> None:
    uploaded = library.ready("30 days", HR, name="uploaded.md")
    office.connect()
    path = office.write("leave.md", "30 days")
    office.write("twin.md", "40 days")
    office.write("zwin.md", "40 days")
    assert office.counts() == {"known": 2, "added": 1}
    with pytest.raises(NotFound):  # a source for everyone opens nothing that others have closed
        office.documents.get(uploaded.id, TOM)
    (office.root / "twin.md").unlink()
    assert office.counts() == {"unchanged": 2, "kept": 1}  # the twin inherits it
    office.write("zwin.md", "41 days", age=3)
    path.unlink()
    assert office.counts(forced=True) == {"changed": 1, "kept": 1}
    assert {info.name for info in office.by_name().values()} == {"uploaded.md", "zwin.md"}


def test_a_file_that_comes_to_hold_another_documents_bytes_gives_its_own_up(office: Office, library: Library) -> None:
    uploaded = library.ready("50 days", HR, name="uploaded.md")
    office.connect()
    office.write("leave.md", "30 days")
    office.counts()
    office.write("leave.md", "50 days", age=4)
    assert office.counts() == {"changed": 1}
    assert [info.id for info in office.by_name().values()] == [uploaded.id]


def test_a_document_that_an_admin_deleted_comes_back_only_when_its_file_changes(office: Office) -> None:
    office.connect()
    office.write("leave.md", "30 days")
    office.counts()
    document_id = office.by_name()["leave.md"].id
    office.documents.begin_delete(document_id, ADA)
    assert office.counts() == {"unchanged": 1}
    office.versions.erase(document_id, files=0, points=0)
    assert office.counts() == {"unchanged": 1}
    assert office.by_name() == {}
    office.write("leave.md", "31 days", age=1)
    assert office.counts() == {"changed": 1}
    assert office.by_name().keys() == {"leave.md"}


def test_documents_follow_the_readers_of_their_source_unless_an_admin_chose_others(office: Office) -> None:
    office.connect(readers=HR)
    office.write("a.md", "text a")
    office.write("b.md", "text b")
    office.counts()
    for name in ("a.md", "b.md"):
        office.finish(name)
    by_name = office.by_name()
    office.documents.set_readers(by_name["b.md"].id, Readers(), ADA)
    mia = Principal("mia", "mia", TOM.role, frozenset({"hr"}))
    assert [info.name for info in office.documents.find(mia)] == ["a.md"]
    assert office.sources.set_readers("handbooks", ALL, ADA) == 1
    assert [info.name for info in office.documents.find(TOM)] == ["a.md"]
    assert by_name["a.md"].version_id in office.versions.terms.stale()
    office.write("b.md", "text b2", age=1)
    office.counts()
    assert office.by_name()["b.md"].readers == Readers()  # a new version keeps them too


def test_removing_a_source_keeps_its_documents_unless_told_otherwise(office: Office) -> None:
    office.connect()
    office.write("a.md", "text a")
    office.counts()
    assert office.sources.remove("handbooks", ADA) == 0
    office.connect()
    assert office.counts() == {"known": 1}
    office.write("b.md", "text b")
    office.counts()
    assert office.sources.remove("handbooks", ADA, documents=True) == 1
    assert office.by_name().keys() == {"a.md"}
    assert office.sources.find(ADA) == []


def test_a_source_that_is_removed_while_it_runs_ends_the_run(office: Office) -> None:
    office.connect()
    office.write("a.md", "text a")
    run = office.sources.request("handbooks", ADA)
    task = office.syncs.take("worker")
    office.sources.remove("handbooks", ADA)
    assert task is not None
    office.synchroniser.run(task)
    assert office.by_name() == {}
    with pytest.raises(NotFound):
        office.sources.sync(run.id, ADA)


def test_a_run_waits_once_and_is_taken_once_and_outlives_its_worker(office: Office) -> None:
    office.connect(every=3600)
    assert office.syncs.schedule() == 1
    assert office.syncs.schedule() == 0
    with pytest.raises(Conflict):
        office.sources.request("handbooks", ADA)
    for attempt in range(ATTEMPTS):
        assert office.syncs.take(f"worker {attempt}") is not None
        assert office.syncs.take("another") is None
        office.syncs.release({"another", f"worker {attempt}"})
        assert office.syncs.take("another") is None
        office.syncs.release({"another"})
    run = office.sources.syncs("handbooks", ADA)[0]
    assert (run.state, run.by) == (SyncState.FAILED, "schedule")
    assert "again and again" in run.reason


def test_sources_are_for_admins_and_show_no_secret(office: Office) -> None:
    office.connect(options={"secret": "hunter2hunter2"})
    assert office.sources.get("handbooks", ADA).has_options
    assert "hunter2" not in str(office.sources.find(ADA))
    new = NewSource("x", Kind.FOLDER, "/x", ALL, {})
    for deed in (
        lambda: office.sources.add(new, TOM),
        lambda: office.sources.find(TOM),
        lambda: office.sources.get("handbooks", TOM),
        lambda: office.sources.set_readers("handbooks", ALL, TOM),
        lambda: office.sources.set_schedule("handbooks", 60, TOM),
        lambda: office.sources.remove("handbooks", TOM),
        lambda: office.sources.request("handbooks", TOM),
        lambda: office.sources.sync("0", TOM),
        lambda: office.sources.syncs("handbooks", TOM),
    ):
        with pytest.raises(Forbidden):
            deed()
    with pytest.raises(InvalidInput, match="once a minute"):
        office.sources.set_schedule("handbooks", 5, ADA)


class HelpDesk(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        closed = [
            {"id": "7", "title": "Printer", "changed": "monday"},
            {"id": "8", "title": "VPN", "changed": "friday"},
        ]
        allowed = self.headers["authorization"] == "Bearer hunter2"
        self.send_response(200 if allowed else 401)
        self.end_headers()
        self.wfile.write(json.dumps(closed).encode() if self.path == "/closed" else f"ticket {self.path}".encode())

    def log_message(self, *_: object) -> None:
        pass


def test_the_example_of_the_documentation_is_a_source(office: Office, files: Files) -> None:
    text = (Path(__file__).parents[2] / "docs" / "sources.md").read_text(encoding="utf-8")
    names: dict[str, Any] = {}
    exec(text.split("```python\n")[1].split("```")[0], names)
    office.connect()
    server = ThreadingHTTPServer(("127.0.0.1", 0), HelpDesk)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        address, source_id = f"http://127.0.0.1:{server.server_port}", office.sources.get("handbooks", ADA).id

        def run(token: str) -> dict[str, int]:
            tickets = names["Tickets"](address, {"token": token}, Patterns())
            entries = Entries(office.database, files, source_id)
            run = Run(tickets, entries, files, max_bytes=1000, keep_deleted=False, forced=False)
            run.work(office.syncs, "")
            return {str(name): count for name, count in run.report.counts.items()}

        assert run("hunter2") == {"added": 2}
        assert run("hunter2") == {"unchanged": 2}
        with pytest.raises(SourceError, match="401"):
            run("wrong token")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert office.by_name().keys() == {"Printer.md", "VPN.md"}
