"""The supervisor with real children that are killed, frozen and orphaned."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock
import pytest

from app import supervisor
from app.settings import Settings
from app.supervisor import Supervisor, attached, free_port, plan, running
from storage.errors import Conflict, Unavailable
from tests.app.parts import ROOT, lives, part, pids, two_parts
from tests.patience import PATIENCE


def until(condition: Callable[[], bool], *, seconds: float = PATIENCE) -> float:
    """Wait for `condition`; returns how long it took."""
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < seconds
        time.sleep(0.05)
    return time.monotonic() - started


@contextmanager
def supervised(folder: Path, *, style: str = "text", silent: float = 60.0) -> Iterator[tuple[Supervisor, io.StringIO]]:
    out = io.StringIO()
    keeper = Supervisor(Settings(data_dir=folder, log_format=style), plan=two_parts, silent=silent, out=out)  # type: ignore[arg-type]
    keeper.start()
    try:
        keeper.wait_until_up(seconds=20)
        until(lambda: len(pids(folder, "a")) == len(pids(folder, "b")) == 1)
        yield keeper, out
    finally:
        keeper.stop()


@contextmanager
def serving(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A supervisor in a process of its own whose two parts are up."""
    command = [sys.executable, "-m", "tests.app.parts", "serve", str(folder)]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        until(lambda: bool(pids(folder, "a") and pids(folder, "b")))
        yield process
    finally:
        process.kill()
        process.wait()
        process.stderr.close()
        until(lambda: not any(lives(pid) for name in "ab" for pid in pids(folder, name)))


# --- children that end


def test_a_child_that_was_killed_is_back_within_seconds_and_its_sibling_stays(data_dir: Path) -> None:
    with supervised(data_dir) as (keeper, _):
        os.kill(pids(data_dir, "a")[0], signal.SIGKILL)
        assert until(lambda: len(pids(data_dir, "a")) == 2) < 8
        keeper.wait_until_up(seconds=5)
        assert len(pids(data_dir, "b")) == 1
    assert not any(lives(pid) for name in "ab" for pid in pids(data_dir, name))


def test_a_frozen_child_is_killed_and_started_again(data_dir: Path) -> None:
    with supervised(data_dir, silent=2.0):
        frozen = pids(data_dir, "a")[0]
        os.kill(frozen, signal.SIGSTOP)
        until(lambda: len(pids(data_dir, "a")) == 2)
        assert not lives(frozen)
        assert len(pids(data_dir, "b")) == 1


def test_stopping_ends_every_child_even_one_that_is_frozen(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "GRACE", 1.0)
    with supervised(data_dir):
        os.kill(pids(data_dir, "a")[0], signal.SIGSTOP)
    assert not any(lives(pid) for name in "ab" for pid in pids(data_dir, name))


def test_a_program_that_can_not_be_started_does_not_end_the_others(data_dir: Path) -> None:
    def plan_with_a_hole(settings: Settings) -> tuple[Settings, list[supervisor.Part]]:
        return settings, [supervisor.Part("gone", ("/no/such/program",)), part("a", settings.data_dir, free_port())]

    keeper = Supervisor(Settings(data_dir=data_dir), plan=plan_with_a_hole, out=io.StringIO())
    keeper.start()
    try:
        until(lambda: len(pids(data_dir, "a")) == 1)
    finally:
        keeper.stop()


def test_a_child_that_ends_by_itself_ends_cleanly(tmp_path: Path) -> None:
    code = "from app.supervisor import follow_parent; follow_parent(lambda: None); print('done')"
    child = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert child.stdin is not None
    assert child.stdout is not None
    with child.stdin, child.stdout:  # the parent lives on while the child ends
        assert child.wait(20) == 0
        assert child.stdout.read() == b"done\n"


def test_children_are_of_one_session_but_hear_no_signal_of_the_terminal(data_dir: Path) -> None:
    """Niceness counts within a session only, where the kernel gives each an equal share of the processor."""
    with supervised(data_dir):
        for (child,) in (pids(data_dir, "a"), pids(data_dir, "b")):
            assert os.getsid(child) == os.getsid(0)
            assert os.getpgid(child) == child != os.getpgid(0)


# --- the supervisor's own end


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_all_children_and_cleans_up(data_dir: Path, number: signal.Signals) -> None:
    with serving(data_dir) as process:
        process.send_signal(number)
        assert process.wait(10) == 0
        assert not any(lives(pid) for name in "ab" for pid in pids(data_dir, name))
        assert not (data_dir / "serve.json").exists()


def test_a_supervisor_that_was_killed_leaves_no_orphan_and_what_it_left_is_ignored(data_dir: Path) -> None:
    with serving(data_dir) as process:
        assert attached(Settings(data_dir=data_dir)) is not None
        process.kill()
        process.wait()
        assert until(lambda: not any(lives(pid) for name in "ab" for pid in pids(data_dir, name))) < 7
    assert (data_dir / "serve.json").exists()
    assert attached(Settings(data_dir=data_dir)) is None
    with serving(data_dir):
        pass


# --- who may use a folder


def test_a_second_supervisor_on_a_folder_is_refused_and_says_which_process_has_it(data_dir: Path) -> None:
    with serving(data_dir) as process:
        second = subprocess.run(
            [sys.executable, "-m", "tests.app.parts", "serve", str(data_dir)],
            cwd=ROOT,
            stderr=subprocess.PIPE,
            text=True,
            timeout=30,
        )
        assert second.returncode == 1
        assert f"Footnote already runs on {data_dir} (process {process.pid})" in second.stderr
        assert process.poll() is None


def test_a_command_finds_the_parts_of_the_serve_that_runs(data_dir: Path) -> None:
    settings = Settings(data_dir=data_dir)
    with supervised(data_dir) as (keeper, _), running(settings, "a") as reachable:
        assert reachable.qdrant_url == keeper.settings.qdrant_url
        assert reachable.qdrant_api_key.get_secret_value() == settings.key()
        mode = (data_dir / "serve.json").stat().st_mode
        assert mode & 0o077 == 0


def test_parts_of_a_short_command_are_not_found_by_another(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "STARTING", 0.3)
    keeper = Supervisor(Settings(data_dir=data_dir), only=["a"], plan=two_parts, out=io.StringIO())
    keeper.start()
    try:
        assert [one.name for one in keeper.parts] == ["a"]
        assert not (data_dir / "serve.json").exists()
        with pytest.raises(Conflict, match="Wait"):
            attached(Settings(data_dir=data_dir))
    finally:
        keeper.stop()


def test_a_folder_held_while_a_stale_file_lies_there_is_not_taken_for_a_serve(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "STARTING", 0.3)
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    (data_dir / "serve.json").write_text(json.dumps({"pid": gone.pid, "qdrant_url": "http://127.0.0.1:1"}))
    with filelock.FileLock(data_dir / "serve.lock"), pytest.raises(Conflict):
        attached(Settings(data_dir=data_dir))
    assert attached(Settings(data_dir=data_dir)) is None


def test_a_port_that_is_taken_is_refused_by_name(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "GRACE", 0.2)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        settings = Settings(data_dir=data_dir, port=taken.getsockname()[1])
        with pytest.raises(Conflict, match="PORT"):
            Supervisor(settings)
    Supervisor(settings).stop()  # and the folder is free again


def test_a_part_that_does_not_come_up_is_named(data_dir: Path) -> None:
    def silent_part(settings: Settings) -> tuple[Settings, list[supervisor.Part]]:
        command = (sys.executable, "-c", "import sys; sys.stdin.read()")
        return settings, [supervisor.Part("index", command, f"http://127.0.0.1:{free_port()}/healthz")]

    keeper = Supervisor(Settings(data_dir=data_dir), plan=silent_part, out=io.StringIO())
    keeper.start()
    try:
        with pytest.raises(Unavailable, match="index"):
            keeper.wait_until_up(seconds=0.5)
    finally:
        keeper.stop()


# --- what children write


def test_json_lines_are_valid_whatever_a_child_writes(data_dir: Path) -> None:
    with supervised(data_dir, style="json") as (_, out):
        until(lambda: out.getvalue().count("A record of") == 2)
    lines = out.getvalue().splitlines()
    entries = [json.loads(line) for line in lines]
    assert {entry["part"] for entry in entries} == {"a", "b"}
    assert any("words of a library \x1b[2J" in entry["message"] for entry in entries)
    assert all(line.isascii() and line.isprintable() for line in lines)


def test_text_lines_name_their_part_and_escape_control_characters(data_dir: Path) -> None:
    with supervised(data_dir) as (_, out):
        until(lambda: out.getvalue().count("A record of") == 2)
    lines = out.getvalue().splitlines()
    assert all(line.isprintable() for line in lines)
    assert any(line.endswith("a          words of a library \\x1b[2J\\x9b31m\\u202e") for line in lines), lines
    assert any(line.endswith("b          WARNING: A record of b") for line in lines)


class Closed(io.StringIO):
    def write(self, _: str) -> int:
        raise BrokenPipeError


def test_a_terminal_that_is_gone_does_not_stop_a_child(data_dir: Path) -> None:
    def talkative(settings: Settings) -> tuple[Settings, list[supervisor.Part]]:
        code = "print('x' * 1000, flush=True); " * 300 + "open('talked', 'w'); import sys; sys.stdin.read()"
        code = code.replace("'talked'", repr(str(settings.data_dir / "talked")))
        return settings, [supervisor.Part("a", (sys.executable, "-c", code))]

    keeper = Supervisor(Settings(data_dir=data_dir), plan=talkative, out=Closed())
    keeper.start()
    try:
        until((data_dir / "talked").exists)
    finally:
        keeper.stop()


# --- which parts there are


def test_without_urls_every_part_is_started_and_knows_the_others(data_dir: Path) -> None:
    settings, parts = plan(Settings(data_dir=data_dir))
    assert [one.name for one in parts] == ["index", "models", "worker", "web"]
    assert settings.own_embed_url
    assert settings.own_llm_url  # which has no language model yet: answers are extractive
    assert settings.llm_model == ""
    assert settings.qdrant_api_key.get_secret_value() == settings.key()
    assert f":{settings.index_port}" in settings.qdrant_url


def test_what_a_url_replaces_is_not_started(data_dir: Path) -> None:
    urls = {"qdrant_url": "http://q:6333", "embed_url": "http://e/v1", "llm_url": "http://l/v1"}
    settings, parts = plan(Settings(data_dir=data_dir, **urls))  # type: ignore[arg-type]
    assert [one.name for one in parts] == ["worker", "web"]
    assert settings.qdrant_url == "http://q:6333"
    assert not settings.own_embed_url


@pytest.mark.parametrize(
    ("host", "asked"), [("0.0.0.0", "127.0.0.1"), ("::", "[::1]"), ("::1", "[::1]"), ("10.1.2.3", "10.1.2.3")]
)
def test_the_web_part_is_asked_for_its_health_at_an_address_that_leads_to_it(
    data_dir: Path, host: str, asked: str
) -> None:
    _, parts = plan(Settings(data_dir=data_dir, host=host, port=8081))
    assert parts[-1].health == f"http://{asked}:8081/healthz"
    assert not supervisor.answers("http://[::1]:9/healthz")


def test_a_voice_model_is_reached_where_it_runs_and_kept_off_where_another_server_hears(data_dir: Path) -> None:
    elsewhere = Settings(data_dir=data_dir, embed_url="http://e/v1", llm_url="http://l/v1")
    own, parts = supervisor.plan(elsewhere.updated({"voice_model": "/m/ggml-base.bin"}))
    assert "models" in [part.name for part in parts]
    assert own.own_voice_url
    assert (own.voice_name, own.addresses()["voice_url"]) == ("ggml-base", own.voice_url)
    others, parts = supervisor.plan(elsewhere.updated({"voice_model": "whisper-1", "voice_url": "http://v/v1"}))
    assert "models" not in [part.name for part in parts]
    assert not others.own_voice_url
    assert (others.voice_url, others.voice_name) == ("http://v/v1", "whisper-1")
