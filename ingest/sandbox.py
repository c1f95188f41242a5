"""Function calls on hostile bytes, in a child process that may crash, hang or swell without harm.

Covers: limits on memory, processor time, wall time and open files; no file but the one to be read; no network and no
new programs (all of it in `ingest.confinement`); an empty environment; the child dies with its parent; only JSON comes
back, so a child that was taken over can lie but can't run code here. The caller checks what it gets. What the child
does is in `ingest.child`.

`run` makes one call in a fresh child; a `Child` serves several. A function may `ask` its caller while it runs.

`describe()` says which parts are in force on this machine: outside Linux, native code is held by the limits alone.
"""

from __future__ import annotations

import base64
import json
import logging
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

from ingest.child import ASKING, in_force
from ingest.room import Crowded, Room
from storage.errors import DocumentError

log = logging.getLogger(__name__)

Progress = Callable[[int, int], None]
Answer = Callable[[Any, Callable[[], None]], Any]

_BOOT = (
    "import json,sys;r=json.loads(sys.stdin.buffer.readline());sys.path[:]=r['path'];"
    "from ingest.child import serve;serve(r)"
)
_ENVIRONMENT = {"LC_ALL": "C.UTF-8", "OMP_NUM_THREADS": "1", "OMP_THREAD_LIMIT": "1", "OPENBLAS_NUM_THREADS": "1"}
_HEARTBEAT, _GLANCE = 0.5, 0.1
_ATTEMPTS = 3  # for a child that the system ends, though it may be another process that took the memory


@dataclass(frozen=True, slots=True)
class Limits:
    """What one call may use. Bytes and seconds; `memory` is what it may fill, libraries and files aside."""

    memory: int = 1024**3
    cpu_seconds: int = 300
    wall_seconds: float = 300
    open_files: int = 64
    output: int = 512 * 1024**2


class Crashed(DocumentError):
    """The child ended without a result that makes sense."""


class Killed(DocumentError):
    """The system ended the child, as it does when it runs out of memory: perhaps not because of this file."""


def run(
    function: Callable[..., Any],
    *args: Any,
    readable: Sequence[str | Path] = (),
    limits: Limits | None = None,
    on_progress: Progress | None = None,
    answer: Answer | None = None,
    take: Callable[[Any], None] | None = None,
    room: Room | None = None,
) -> Any:
    """Call a module-level `function` with JSON arguments in a fresh child; return its JSON result.

    Of a function that returns an iterator the items are sent one by one, and `take` gets each: so a large result is
    nowhere held twice. Where the call is repeated they come again from the first; the result itself is None.

    The child may read the files in `readable` and what Python and its libraries need.

    Where readers in one `room` hold more than `limits.memory` together, the child of one that came later is ended, and
    the call is made anew when those before it are done.

    `on_progress(done, total)` gets what the function handed to `report`, and again about twice a second while it is
    silent; an exception that it raises ends the child and goes on to the caller, which is how a job is cancelled.
    `answer(question, beat)` answers what the function asks, in time that is not the child's; it calls `beat` about
    twice a second. A child that the system ends is started again, `_ATTEMPTS` times in all. Raises DocumentError: the
    function's own, or one that says which limit was met.
    """
    limits, room = limits or Limits(), room or Room()
    beat = partial(on_progress, 0, 0) if on_progress else _nothing
    left, reader = _ATTEMPTS, object()
    room.enter(reader)
    try:
        while True:
            try:
                with Child(function.__module__, readable=readable, limits=limits) as child:
                    return child.call(
                        function,
                        *args,
                        wall_seconds=limits.wall_seconds,
                        on_progress=on_progress,
                        answer=answer,
                        take=take,
                        watch=partial(room.check, reader, limits.memory),
                    )
            except Crowded:
                room.wait(reader, beat)
            except Killed:
                left -= 1
                if not left:
                    raise
                log.warning("The system ended the reader of a file; the file is read again.")
    finally:
        room.leave(reader)


class _Pulse:
    """Tells whoever waits for a child how far it is, and that it lives; until its time is up."""

    def __init__(self, seconds: float, on_progress: Progress | None, watch: Callable[[], None] | None) -> None:
        self._seconds, self._on_progress, self._watch = seconds, on_progress, watch
        self._progress, self._told, self._watched = (0, 0), time.monotonic(), 0.0
        self.deadline = self._told + seconds

    def beat(self) -> None:
        """Called as often as one likes. Raises DocumentError once the time is up, and what the callers raise."""
        now = time.monotonic()
        if now >= self.deadline:
            raise _too_long(self._seconds)
        self._look(now)
        if now - self._told >= _HEARTBEAT:
            self.tell()

    def meanwhile(self) -> None:
        """In place of `beat` while the child waits for an answer, in time that is not its own."""
        self._look(time.monotonic())
        self.tell()

    def _look(self, now: float) -> None:
        if self._watch is not None and now - self._watched >= _GLANCE:
            self._watched = now
            self._watch()

    def tell(self, counts: Any = None) -> None:
        self._told = time.monotonic()
        self._progress = _counts(counts, self._progress)
        if self._on_progress is not None:
            self._on_progress(*self._progress)


class Child:
    """A child process that serves calls one after the other; for one thread at a time. Close it."""

    def __init__(self, module: str, *, readable: Sequence[str | Path] = (), limits: Limits) -> None:
        """`module` is where the functions to be called are."""
        self._limits = limits
        request = {
            "path": [os.path.abspath(entry) for entry in sys.path],
            "module": module,
            "readable": [os.path.abspath(path) for path in readable],
            "limits": asdict(limits),
            "parent": os.getpid(),
        }
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-B", "-X", "utf8", "-c", _BOOT],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_ENVIRONMENT,
        )
        self._buffer, self._searched = bytearray(), 0
        self._first = json.dumps(request).encode() + b"\n"

    def __enter__(self) -> Child:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):  # what it was never sent
                    pipe.close()
        self._process.wait()

    def call(
        self,
        function: Callable[..., Any],
        *args: Any,
        wall_seconds: float,
        cpu_seconds: int | None = None,
        on_progress: Progress | None = None,
        answer: Answer | None = None,
        take: Callable[[Any], None] | None = None,
        watch: Callable[[], None] | None = None,
    ) -> Any:
        """As `run`. `watch` is called about ten times a second; what it raises goes on to the caller.

        After anything but a result the child is of no more use, a refusal by the function apart.
        """
        request = {"function": function.__qualname__, "args": args, "cpu": cpu_seconds or self._limits.cpu_seconds}
        pulse = _Pulse(wall_seconds, on_progress, watch)
        self._send(self._first + json.dumps(request).encode() + b"\n", pulse)
        self._first = b""
        received = 0
        while True:
            pulse.beat()
            line = self._line(pulse.deadline)
            if line is None:
                continue
            message = _message(line)
            if "ask" in message and answer is not None:
                asked = time.monotonic()
                said = json.dumps({"answer": answer(message["ask"], pulse.meanwhile)}).encode() + b"\n"
                pulse.deadline += time.monotonic() - asked + ASKING
                self._send(said, pulse)
                continue
            received += len(line)
            if received > self._limits.output:
                raise _too_much()
            if "item" in message and take is not None:
                take(message["item"])
            elif "progress" in message:
                pulse.tell(message["progress"])
            else:
                return _outcome(message)

    def _send(self, data: bytes, pulse: _Pulse) -> None:
        """Also to a child that reads nothing any more: a pipe that is full must not hold us."""
        if self._process.stdin is None:
            raise ValueError("the child needs its pipes")
        pipe, rest = self._process.stdin.fileno(), memoryview(data)
        os.set_blocking(pipe, False)
        while rest:
            try:
                rest = rest[os.write(pipe, rest) :]
            except BlockingIOError:
                pulse.beat()
                select.select([], [pipe], [], _GLANCE)
            except BrokenPipeError:
                raise _ended(self._process, self._limits) from None

    def _line(self, deadline: float) -> bytearray | None:
        """The next line of the child, or None after a moment without one."""
        if self._process.stdout is None:
            raise ValueError("the child needs its pipes")
        silent_at = min(deadline, time.monotonic() + _GLANCE)
        while (end := self._buffer.find(b"\n", self._searched)) < 0:
            self._searched = len(self._buffer)
            if not select.select([self._process.stdout], [], [], max(0.0, silent_at - time.monotonic()))[0]:
                return None
            block = os.read(self._process.stdout.fileno(), 1 << 20)
            if not block:
                raise _ended(self._process, self._limits)
            self._buffer += block
            if len(self._buffer) > self._limits.output:
                raise _too_much()
        line, self._buffer, self._searched = self._buffer, self._buffer[end + 1 :], 0
        del line[end:]  # it may be long: not copied
        return line


def describe() -> str:
    """One line on what the sandbox enforces on this machine, found out by starting one."""
    state = run(in_force, limits=Limits(wall_seconds=30))
    limited = ", ".join(state["limits"]) or "nothing"
    return (
        f"limited: {limited}; files: {state['files']}; network: {state['network']}; "
        f"ends with its parent: {state['parent']}"
    )


def _nothing() -> None:
    pass


def _message(line: bytearray) -> dict[str, Any]:
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        message = None
    return message if isinstance(message, dict) else {}


def _counts(value: Any, before: tuple[int, int]) -> tuple[int, int]:
    match value:
        case [int(done), int(total)] if 0 <= done <= total < 2**31:
            return done, total
    return before


def _outcome(message: dict[str, Any]) -> Any:
    match message:
        case {"result": result}:
            return result
        case {"refused": [str(reason), str(remedy)]}:
            raise DocumentError(reason[:500], remedy[:500])
        case {"memory": True}:
            raise _too_big()
        case {"failed": str(kind)}:
            raise DocumentError(
                f"This file could not be read ({kind[:80]}).",
                "It may be damaged. Open it, save it again and upload it.",
            )
    raise _crashed()


def _ended(child: subprocess.Popen[bytes], limits: Limits) -> DocumentError:
    code = child.wait()
    if code == -signal.SIGXCPU:
        return _too_long(limits.cpu_seconds)
    if code == -signal.SIGKILL:  # not by us
        return Killed(
            "The system ended the reader of this file again and again.",
            "It may need more memory than the machine has left. Try again later, or split the document.",
        )
    return _crashed()


def _too_long(seconds: float) -> DocumentError:
    return DocumentError(
        f"Reading this file took longer than {seconds:g} s and was stopped.",
        "Split the document or raise PARSE_SECONDS.",
    )


def _too_much() -> DocumentError:
    return DocumentError("This file holds more text than can be taken in one piece.", "Split the document into parts.")


def _too_big() -> DocumentError:
    return DocumentError(
        "Reading this file needed too much memory and was stopped.", "Split the document or raise PARSE_MEMORY_MB."
    )


def _crashed() -> Crashed:
    return Crashed("The reader crashed on this file.", "It may be damaged. Open it, save it again and upload it.")


def to_text(data: bytes) -> str:
    """Bytes as JSON can carry them; `to_bytes` is the way back."""
    return base64.b64encode(data).decode("ascii")


def to_bytes(text: Any) -> bytes:
    """The bytes that `to_text` wrapped. Raises DocumentError where the child sent something else."""
    try:
        return base64.b64decode(text, validate=True)
    except (ValueError, TypeError):
        raise _crashed() from None
