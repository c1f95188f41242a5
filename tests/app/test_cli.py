"""The command line as people and scripts use it: what it prints, its exit codes, and that nothing stays behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from app.cli import app
from storage.database import Database
from storage.errors import AlreadyExists
from storage.types import Role
from storage.users import Users
from tests.conftest import CHEAP

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(data_dir: Path, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DATA_DIR", str(data_dir))
    (data_dir / "footnote.db").write_bytes(sqlite_template.read_bytes())
    return data_dir


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments, catch_exceptions=False)


def said(*arguments: str) -> str:
    result = call(*arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def footnote(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", **settings}
    command = [sys.executable, "-m", "app.cli", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)


def processes_of(folder: Path) -> list[str]:
    """The command lines of processes that run with this data folder."""
    found = []
    for process in Path("/proc").iterdir():
        if not process.name.isdigit():
            continue
        try:
            environment = (process / "environ").read_bytes()
            line = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if f"DATA_DIR={folder}\0".encode() in environment:
            found.append(line)
    return found


def test_each_part_and_command_is_imported_without_what_the_others_need() -> None:
    command = [sys.executable, "-c", "import sys, app.cli; print(*sys.modules)"]
    there = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    assert not {"sqlalchemy", "qdrant_client", "dbos", "numpy", "streamlit"} & set(there.stdout.split())


def test_an_account_is_added_with_a_password_that_signs_in_once(folder: Path) -> None:
    said("groups", "add", "HR", "--about", "People")
    password = said("users", "add", "Mia", "--group", "hr").strip().removeprefix("One-time password of Mia: ")
    assert json.loads(said("users", "list", "--json")) == [
        {"name": "mia", "role": "member", "active": True, "groups": ["HR"]}
    ]
    database = Database(f"sqlite:///{folder / 'footnote.db'}")
    users = Users(database, hasher=CHEAP)
    signed_in = users.signed_in(users.sign_in("mia", password))
    assert signed_in is not None
    assert signed_in.one_time
    renewed = said("users", "reset", "mia").rsplit(" ", 1)[1].strip()
    assert users.sign_in("mia", password) is None
    assert users.sign_in("mia", renewed)
    database.close()


def test_accounts_and_groups_are_changed_and_listed(folder: Path) -> None:
    said("users", "add", "root", "--admin")
    said("users", "add", "mia")
    said("groups", "add", "HR")
    said("users", "groups", "mia", "--group", "HR")
    said("users", "role", "mia", "admin")
    said("users", "suspend", "mia")
    assert said("users", "list") == "mia  admin  HR  suspended\nroot  admin  \n"
    assert json.loads(said("groups", "list", "--json")) == [{"name": "HR", "about": "", "members": 1}]
    said("users", "resume", "mia")
    said("users", "groups", "mia")
    said("groups", "delete", "hr")
    assert said("groups", "list") == ""
    assert json.loads(said("users", "list", "--json"))[0] == {
        "name": "mia",
        "role": Role.ADMIN,
        "active": True,
        "groups": [],
    }


def test_wrong_use_ends_with_two(folder: Path) -> None:
    assert call("users", "role", "mia", "emperor").exit_code == 2
    assert call("ingest", "/no/such/file").exit_code == 2
    assert call("nothing").exit_code == 2


def test_an_error_is_one_sentence_without_a_traceback_and_ends_with_one(folder: Path) -> None:
    result = footnote("users", "suspend", "nobody", DATA_DIR=str(folder))
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == "footnote: There is no account named nobody.\n"


def test_a_setting_that_can_not_be_taken_is_named(folder: Path) -> None:
    result = footnote("users", "list", DATA_DIR=str(folder), PORT="http")
    assert result.returncode == 1
    assert "PORT" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_long_sentence_stays_on_one_line_for_those_who_search_logs(folder: Path) -> None:
    name = "somebody-" + "x" * 90
    assert footnote("users", "suspend", name, DATA_DIR=str(folder)).stderr.count("\n") == 1


def test_a_database_that_is_away_ends_with_three(folder: Path) -> None:
    result = footnote("users", "list", DATA_DIR=str(folder), DATABASE_URL="postgresql://x@127.0.0.1:1/x")
    assert result.returncode == 3
    assert "database does not answer" in result.stderr


@pytest.mark.timeout(600)
def test_files_are_ingested_by_the_real_parts_and_nothing_stays_running(folder: Path, tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    (inbox / "leave.md").write_text("# Leave\n\nEvery employee has 30 days of leave a year.\n")
    (inbox / "scan.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8)

    result = footnote("ingest", str(inbox), "--json", DATA_DIR=str(folder))
    assert "Traceback" not in result.stderr, result.stderr
    rows = {row["name"]: row for row in json.loads(result.stdout)}
    assert result.returncode == 1
    assert (rows["leave.md"]["state"], rows["leave.md"]["passages"]) == ("ready", 1)
    assert rows["scan.png"]["state"] == "failed"
    assert rows["scan.png"]["reason"]
    assert rows["scan.png"]["remedy"]
    (inbox / "scan.png").unlink()
    (inbox / "leave.md").write_text("# Leave\n\nEvery employee has 31 days of leave a year.\n")
    again = json.loads(footnote("ingest", str(inbox), "--replace", "--json", DATA_DIR=str(folder)).stdout)
    assert [(row["id"], row["state"]) for row in again] == [(rows["leave.md"]["id"], "ready")]
    assert processes_of(folder) == []


@pytest.mark.timeout(600)
def test_a_folder_is_synchronised_by_the_real_parts(folder: Path, tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    (inbox / "leave.md").write_text("# Leave\n\nEvery employee has 30 days of leave a year.\n")
    (inbox / "plan.txt").write_text("Not this one.")
    options = tmp_path / "options.json"
    options.write_text('{"auto_mkdir": "hunter2hunter2"}')
    said("sync", "add", "inbox", str(inbox), "--include", "*.md", "--readers", "everyone", "--options", str(options))
    with pytest.raises(AlreadyExists):
        call("sync", "add", "inbox", str(inbox))
    assert "by hand" in said("sync", "list")
    assert "hunter2" not in said("sync", "list", "--json")

    def run(*options: str) -> tuple[int, dict[str, int]]:
        result = footnote("sync", "run", "inbox", "--json", *options, DATA_DIR=str(folder))
        assert "Traceback" not in result.stderr, result.stderr
        return result.returncode, json.loads(result.stdout)[0]["counts"]

    assert run() == (0, {"added": 1})
    (inbox / "leave.md").unlink()
    assert run()[0] == 1
    assert run("--force") == (0, {"deleted": 1})
    said("sync", "remove", "inbox", "--documents")
    assert said("sync", "list") == ""
    assert processes_of(folder) == []
