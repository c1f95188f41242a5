"""`footnote serve`: starts the parts that no URL replaces, each as a child process, and keeps them running.

A child that ends is started again, at once at first and then at growing intervals. A child whose HTTP server has been
silent for a minute is killed and started again. Each child watches its standard input and ends when that closes, so
not even kill -9 of the supervisor leaves an orphan. What stands here knows nothing of documents or questions.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import filelock
import httpx

from app import certificates, model_choice
from app.log import child_entry, json_line, text_line
from app.settings import Settings, child_environment
from storage.errors import Conflict, Unavailable

log = logging.getLogger(__name__)

SILENT = 60.0  # seconds without an answer after which a child counts as frozen
HEAD_START = 6.0  # seconds at most that the web app has the processor to itself
STEADY = 20.0  # seconds of life after which a child's next end counts as its first
LONGEST_PAUSE = 10.0
STARTING = 5.0  # seconds that a `serve` may take until it says where its parts are
GRACE = 8.0  # seconds that a child has to end by itself


@dataclass(frozen=True, slots=True)
class Part:
    name: str
    command: tuple[str, ...]
    health: str = ""  # a URL that answers while the part lives; "" for a part without a port
    yields: bool = False  # at the start it lets the web app go first, because loading a model takes every core


def _own(name: str, *command: str, health: str = "", yields: bool = False) -> Part:
    return Part(name, (sys.executable, "-m", "app.cli", *command, "--supervised"), health, yields)


def plan(settings: Settings) -> tuple[Settings, list[Part]]:
    """Which parts to start, and the settings that tell all of them where the others are."""
    parts: list[Part] = []
    updates: dict[str, str] = {}
    key = settings.key()
    if not settings.qdrant_url:
        port = settings.index_port or free_port()
        updates |= {"qdrant_url": f"http://127.0.0.1:{port}", "qdrant_api_key": key, "index_port": str(port)}
        parts.append(_own("index", "index", health=f"http://127.0.0.1:{port}/healthz"))
    model = settings.local_model()
    reranks = bool(settings.rerank_model and not settings.rerank_url)
    guards = bool(settings.guard_model and not settings.guard_url)
    judges = bool(settings.nli_model and not settings.nli_url)
    hears = bool(settings.voice_model and not settings.voice_url)
    chats = not settings.llm_url and bool(model or not settings.own_models_url)  # also without a model: one may come
    if not settings.embed_url or reranks or guards or judges or hears or chats:
        port = settings.models_port or free_port()
        url = f"http://127.0.0.1:{port}/v1"
        updates["models_port"] = str(port)
        if not settings.embed_url:
            updates |= {"embed_url": url, "embed_api_key": key}
        if reranks:
            updates |= {"rerank_url": url, "rerank_api_key": key}
        if judges:
            updates |= {"nli_url": url, "nli_api_key": key}
        if hears:
            updates |= {"voice_url": url, "voice_api_key": key}
        if guards:
            updates |= {"guard_url": url, "guard_api_key": key}
        if chats:
            updates |= {"llm_url": url, "llm_api_key": key, "llm_model": str(model or "")}
        parts.append(_own("models", "models", "serve", health=f"http://127.0.0.1:{port}/healthz", yields=True))
    parts.append(_own("worker", "worker", yields=True))
    here = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not bound
    host = here.get(settings.host, settings.host)
    parts.append(_own("web", "web", health=f"http://{in_url(host)}:{settings.port}/healthz"))
    return settings.updated(updates), parts


Plan = Callable[[Settings], tuple[Settings, list[Part]]]


class Supervisor:
    """Owns the data folder while it runs: a second one on the same folder is refused with Conflict.

    With `only` some of the parts are started, for the time of a command; other commands do not find these.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        only: Sequence[str] = (),
        out: IO[str] | None = None,
        plan: Plan = plan,
        silent: float = SILENT,
    ) -> None:
        self.folder = settings.data_dir
        self._public, self._silent, self._configured = not only, silent, settings
        self._lock = filelock.FileLock(self.folder / "serve.lock")
        self._style, self._out, self._out_lock = settings.log_format, out or sys.stderr, threading.Lock()
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._acquire()
        try:
            self.settings, parts = plan(settings)
            self.parts = [part for part in parts if not only or part.name in only]
            if any(part.name == "web" for part in self.parts):
                _require_free(settings.host, settings.port)
        except BaseException:
            self._lock.release()
            raise
        self._environment = child_environment(**{**self.settings.as_environment(), "log_format": "json"})

    def start(self) -> None:
        if self._public:
            _write_private(self.folder / "serve.json", {"pid": os.getpid(), **self.settings.addresses()})
            model_choice.begin(self._configured.models_dir, self._configured.llm_model)
        for part in self.parts:
            thread = threading.Thread(target=self._keep, args=(part,), name=part.name)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        """End every child, gently first; returns when all are gone."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
        if self._public:
            (self.folder / "serve.json").unlink(missing_ok=True)
        self._lock.release()

    def wait_until_up(self, *, seconds: float) -> None:
        """Until every part answers. Raises Unavailable after `seconds`."""
        deadline = time.monotonic() + seconds
        for part in self.parts:
            while part.health and not answers(part.health):
                if time.monotonic() > deadline:
                    raise Unavailable(part.name, f"The {part.name} process did not start within {seconds:.0f} s.")
                time.sleep(0.1)

    def _acquire(self) -> None:
        deadline = time.monotonic() + 2.0  # a supervisor that is just ending still holds it for a moment
        while True:
            try:
                self._lock.acquire(timeout=0)
                return
            except filelock.Timeout as error:
                if time.monotonic() > deadline:
                    raise Conflict(_already(self.folder)) from error
                time.sleep(0.1)

    def _let_web_go_first(self) -> None:
        web = next((part.health for part in self.parts if part.name == "web"), "")
        deadline = time.monotonic() + HEAD_START
        while web and time.monotonic() < deadline and not self._stop.is_set() and not answers(web):
            self._stop.wait(0.2)

    def _keep(self, part: Part) -> None:
        pause = 0.2
        if part.yields:
            self._let_web_go_first()
        while not self._stop.is_set():
            started = time.monotonic()
            try:
                child = self._spawn(part)
            except OSError as error:
                log.error("The %s process can't be started (%s); it is tried again.", part.name, error.strerror)
                self._stop.wait(LONGEST_PAUSE)
                continue
            self._watch(part, child)
            ended_by_itself = not self._stop.is_set()
            _end(child)
            if not ended_by_itself:
                return
            log.warning("The %s process ended (%s); it is started again.", part.name, _ending(child.returncode))
            pause = 0.2 if time.monotonic() - started > STEADY else min(pause * 2, LONGEST_PAUSE)
            self._stop.wait(pause)

    def _spawn(self, part: Part) -> subprocess.Popen[str]:
        child = subprocess.Popen(
            part.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            env=self._environment,
            # Ctrl-C reaches the supervisor alone, which then ends its children in order. But all are of one session:
            # Linux gives each an equal share of the processor (sched_autogroup), and niceness counts only within one
            process_group=0,
        )
        threading.Thread(target=self._pass_on, args=(part, child), daemon=True).start()
        return child

    def _watch(self, part: Part, child: subprocess.Popen[str]) -> None:
        heard = next_look = time.monotonic()
        while child.poll() is None and not self._stop.wait(0.1):
            if not part.health or time.monotonic() < next_look:
                continue
            if answers(part.health):
                heard = time.monotonic()
            elif time.monotonic() - heard > self._silent:
                log.error("The %s process has not answered for %d s and is killed.", part.name, self._silent)
                child.kill()
                child.wait()
            next_look = time.monotonic() + min(5.0, self._silent / 4)

    def _pass_on(self, part: Part, child: subprocess.Popen[str]) -> None:
        assert child.stdout is not None
        for line in child.stdout:
            if not line.strip():
                continue
            entry = child_entry(line.rstrip("\n"), part.name)
            shown = json_line(entry) if self._style == "json" else text_line(entry)
            with self._out_lock, suppress(OSError, ValueError):  # a closed terminal must not fill the child's pipe
                print(shown, file=self._out, flush=True)
        child.stdout.close()


@contextmanager
def running(settings: Settings, *names: str, out: IO[str] | None = None) -> Iterator[Settings]:
    """Settings with which the named parts can be reached: those of the `serve` that runs on this data folder, or of
    parts started for the time of the block."""
    if reachable := attached(settings):
        yield reachable
        return
    with open(os.devnull, "w") as silence:
        supervisor = Supervisor(settings, only=names, out=out or silence)
        try:
            supervisor.start()
            supervisor.wait_until_up(seconds=60)
            yield supervisor.settings
        finally:
            supervisor.stop()


def attached(settings: Settings) -> Settings | None:
    """Settings that reach the parts of the `serve` that runs on this data folder; None where none runs."""
    addresses = _addresses(settings.data_dir)
    return settings.updated(addresses) if addresses else None


def follow_parent(on_end: Callable[[], None]) -> None:
    """In a child: call `on_end` when the supervisor is gone or wants an end; leave for good some seconds later."""

    def watch() -> None:
        while os.read(0, 1024):  # not sys.stdin: a thread that holds its lock would abort the interpreter's end
            pass
        on_end()
        time.sleep(GRACE - 2)
        os._exit(1)

    threading.Thread(target=watch, daemon=True, name="parent").start()


def terminate_self() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(url: str) -> bool:
    """Whether anything at all comes back: a part that says that it is loading lives."""
    try:
        httpx.get(url, timeout=2.0, trust_env=False, verify=certificates.known())
    except httpx.HTTPError:
        return False
    return True


def in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _addresses(folder: Path) -> dict[str, str] | None:
    lock = filelock.FileLock(folder / "serve.lock")
    deadline = time.monotonic() + STARTING
    while time.monotonic() < deadline:  # `serve` may be starting, or a short command ending
        try:
            with lock.acquire(timeout=0):
                return None  # nobody holds it: what serve.json says is out of date
        except filelock.Timeout:
            pass
        try:
            known = json.loads((folder / "serve.json").read_text())
            if _lives(known["pid"]):  # not what a `serve` that was killed has left
                return {name: value for name, value in known.items() if name != "pid"}
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            pass
        time.sleep(0.1)
    raise Conflict("Another footnote command holds this data folder. Wait until it has ended.")


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's, which is alive all the same
        return True
    return True


def _already(folder: Path) -> str:
    try:
        known = json.loads((folder / "serve.json").read_text())
        return f"Footnote already runs on {folder} (process {known['pid']}). Stop it first, or set DATA_DIR."
    except (OSError, ValueError, KeyError):
        return f"Another footnote command already works on {folder}. Stop it first, or set DATA_DIR."


def _require_free(host: str, port: int) -> None:
    deadline = time.monotonic() + GRACE  # children of a supervisor that was killed need a moment to end
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    while True:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
                return
            except OSError as error:
                if time.monotonic() > deadline:
                    raise Conflict(f"Port {port} on {host} can't be used ({error.strerror}). Set PORT.") from error
        time.sleep(0.2)


def _end(child: subprocess.Popen[str]) -> None:
    assert child.stdin is not None
    child.stdin.close()  # which tells the child that its time is over, if it has not ended by itself
    try:
        child.wait(GRACE)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _ending(code: int | None) -> str:
    return signal.Signals(-code).name if code is not None and code < 0 else f"exit code {code}"


def _write_private(path: Path, value: dict[str, Any]) -> None:
    temporary = path.with_suffix(".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(value, file)
    temporary.replace(path)
