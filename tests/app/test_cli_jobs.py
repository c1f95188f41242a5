"""`footnote jobs`: what it prints and what it does, on a real database."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.database import Database
from storage.documents import Documents
from storage.errors import Conflict, InvalidInput
from storage.files import Files
from storage.types import BLANK, Gap, State
from storage.versions import Versions
from tests.app.test_cli import call, said
from tests.conftest import ADA, Kept, Library


@pytest.fixture
def library(data_dir: Path, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Library]:
    monkeypatch.setenv("DATA_DIR", str(data_dir))
    (data_dir / "footnote.db").write_bytes(sqlite_template.read_bytes())
    database, files = Database(f"sqlite:///{data_dir / 'footnote.db'}"), Files(data_dir)
    yield Library(Documents(database, files), Versions(database), files)
    database.close()


def states(library: Library, *kept: Kept) -> list[State]:
    return [library.documents.get(one.id, ADA).state for one in kept]


def test_jobs_are_listed_with_what_they_are_at(library: Library) -> None:
    waiting, failed = library.add("a", name="a.txt"), library.add("b", name="b.txt")
    library.versions.fail(failed.version_id, "It is encrypted.", "Take the password off.")
    shown = said("jobs", "list")
    assert "1 waiting" in shown
    assert f"{waiting.version_id}  waiting    a.txt" in shown
    assert failed.version_id not in shown
    assert "b.txt: It is encrypted. Take the password off." in said("jobs", "list", "--status", "failed")
    listed = json.loads(said("jobs", "list", "--json"))
    assert listed["summary"]["failed"] == 1
    assert [job["version_id"] for job in listed["jobs"]] == [waiting.version_id]


def test_jobs_are_paused_resumed_cancelled_and_retried(library: Library) -> None:
    first, second = library.add("a", name="a.txt"), library.add("b", name="b.txt")
    said("jobs", "pause", first.version_id)
    assert "1 waiting, 1 paused" in said("jobs", "list")
    said("jobs", "pause", "--all")
    assert "Everything is paused by operator." in said("jobs", "list")
    said("jobs", "resume", "--all")
    assert "2 waiting, 0 paused" in said("jobs", "list")
    said("jobs", "cancel", first.version_id, second.version_id)
    assert states(library, first, second) == [State.CANCELLED] * 2
    said("jobs", "retry", first.version_id)
    library.versions.fail(first.version_id, "Broken.", "Mend it.")
    assert "1 job will be tried again" in said("jobs", "retry", "--failed")
    assert states(library, first, second) == [State.WAITING, State.CANCELLED]


def test_a_command_that_names_nothing_or_what_has_ended_says_so(library: Library) -> None:
    ready = library.ready("a")
    for command in ("pause", "resume", "retry"):
        with pytest.raises(InvalidInput, match="Name some"):
            call("jobs", command)
    with pytest.raises(InvalidInput):
        call("jobs", "pause", ready.version_id, "--all")
    with pytest.raises(Conflict, match="ended"):
        call("jobs", "cancel", ready.version_id)


def test_documents_are_read_again_by_their_id_or_where_a_part_is_missing(library: Library) -> None:
    whole, blank, part, waiting = (library.add(name, name=f"{name}.txt") for name in ("a", "b", "c", "d"))
    for kept, gaps in ((whole, ()), (blank, [Gap(1, 1, BLANK)]), (part, [Gap(1, 1, "no text, only a picture")])):
        library.fill(kept, "text", title="Text", gaps=gaps)
    assert "1 document will be read again" in said("jobs", "read-again", "--partly")
    assert states(library, whole, blank, part, waiting) == [State.READY, State.READY, State.WAITING, State.WAITING]
    assert "1 document will be read again" in said("jobs", "read-again", whole.id)
    assert states(library, whole, blank) == [State.WAITING, State.READY]
    for given in ([waiting.id], [], [blank.id, "--partly"]):
        with pytest.raises((Conflict, InvalidInput)):
            call("jobs", "read-again", *given)
