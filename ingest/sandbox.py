"""One function call on hostile bytes, in a child process that may crash, hang or swell without harm.

Covers: limits on memory, processor time, wall time and open files; no file but the one to be read; no network and no
new programs (all of it in `ingest.confinement`); an empty environment; the child dies with its parent; only JSON comes
back, so a child that was taken over can lie but can't run code here. The caller checks what it gets.

`describe()` says which parts are in force on this machine: outside Linux, native code is held by the limits alone.
"""

from __future__ import annotations

import base64
import ctypes
import importlib
import json
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NoReturn

from ingest import confinement
from storage.errors import DocumentError

Progress = Callable[[int, int], None]

_BOOT = (
    "import json,sys;r=json.loads(sys.stdin.buffer.readline());sys.path[:]=r['path'];"
    "from ingest.sandbox import serve;serve(r)"
)
_ENVIRONMENT = {"LC_ALL": "C.UTF-8", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
_HEARTBEAT = 0.5


@dataclass(frozen=True, slots=True)
class Limits:
    """What one call may use. Bytes and seconds."""

    memory: int = 2 * 1024**3
    cpu_seconds: int = 300
    wall_seconds: float = 300
    open_files: int = 64
    output: int = 512 * 1024**2


class Crashed(DocumentError):
    """The child ended without a result that makes sense."""


def run(
    function: Callable[..., Any],
    *args: Any,
    readable: Sequence[str | Path] = (),
    limits: Limits | None = None,
    on_progress: Progress | None = None,
) -> Any:
    """Call a module-level `function` with JSON arguments in a fresh child; return its JSON result.

    The child may read the files in `readable` and what Python and its libraries need.

    `on_progress(done, total)` gets what the function handed to `report`, and again about twice a second while it is
    silent; an exception that it raises ends the child and goes on to the caller, which is how a job is cancelled.
    Raises DocumentError: the function's own, or one that says which limit was met.
    """
    limits = limits or Limits()
    request = {
        "path": [os.path.abspath(entry) for entry in sys.path],
        "function": [function.__module__, function.__qualname__],
        "args": args,
        "readable": [os.path.abspath(path) for path in readable],
        "limits": asdict(limits),
        "parent": os.getpid(),
    }
    child = subprocess.Popen(
        [sys.executable, "-I", "-B", "-X", "utf8", "-c", _BOOT],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=_ENVIRONMENT,
    )
    try:
        return _converse(child, json.dumps(request).encode() + b"\n", limits, on_progress)
    finally:
        child.kill()
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                pipe.close()
        child.wait()


def report(done: int, total: int) -> None:
    """Called by the function inside the child: tell the parent how far it is. Outside a child it does nothing."""
    if _results is not None:
        _send({"progress": [done, total]})


def describe() -> str:
    """One line on what the sandbox enforces on this machine, found out by starting one."""
    state = run(_in_force, limits=Limits(wall_seconds=30))
    limited = ", ".join(state["limits"]) or "nothing"
    return (
        f"limited: {limited}; files: {state['files']}; network: {state['network']}; "
        f"ends with its parent: {state['parent']}"
    )


def _converse(child: subprocess.Popen[bytes], request: bytes, limits: Limits, on_progress: Progress | None) -> Any:
    if child.stdin is None or child.stdout is None:
        raise ValueError("the child needs its pipes")
    try:
        child.stdin.write(request)
        child.stdin.flush()
    except BrokenPipeError:
        raise _ended(child, limits) from None
    deadline = time.monotonic() + limits.wall_seconds
    buffer, received, progress = bytearray(), 0, (0, 0)
    with selectors.DefaultSelector() as selector:
        selector.register(child.stdout, selectors.EVENT_READ)
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                raise _too_long(limits.wall_seconds)
            if selector.select(min(left, _HEARTBEAT)):
                block = os.read(child.stdout.fileno(), 1 << 20)
                if not block:
                    raise _ended(child, limits)
                received += len(block)
                if received > limits.output:
                    raise DocumentError(
                        "This file holds more text than can be taken in one piece.", "Split the document into parts."
                    )
                buffer += block
                if b"\n" in block:
                    *lines, rest = buffer.split(b"\n")
                    buffer = rest
                    for line in lines:
                        message = _message(line)
                        if "progress" not in message:
                            return _outcome(message)
                        progress = _counts(message["progress"], progress)
            if on_progress is not None:
                on_progress(*progress)


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
    if code == -signal.SIGKILL:  # not by us: the system ran out of memory
        return _too_big()
    return _crashed()


def _too_long(seconds: float) -> DocumentError:
    return DocumentError(
        f"Reading this file took longer than {seconds:g} s and was stopped.",
        "Split the document or raise PARSE_SECONDS.",
    )


def _too_big() -> DocumentError:
    return DocumentError("Reading this file needed too much memory and was stopped.", "Split the document.")


def _crashed() -> Crashed:
    return Crashed("The reader crashed on this file.", "It may be damaged. Open it, save it again and upload it.")


# What follows runs in the child.

_results: int | None = None
_state: dict[str, Any] = {}


def serve(request: dict[str, Any]) -> NoReturn:
    """The child's whole life: take the limits upon itself, call the function, send the result, end."""
    global _results
    _results = os.dup(1)
    os.dup2(2, 1)  # whatever a library prints must not be taken for a result
    limits = Limits(**request["limits"])
    module, name = request["function"]
    _state["files"] = confinement.restrict_files([*request["readable"], *confinement.code_folders(module)])
    _state["network"] = confinement.cut_network()
    _state["limits"] = confinement.limit(limits.memory, limits.cpu_seconds, limits.open_files)
    _state["parent"] = _die_with_parent(request["parent"])  # last: the thread it starts inherits the rest
    try:
        message = {"result": getattr(importlib.import_module(module), name)(*request["args"])}
    except DocumentError as error:
        message = {"refused": [error.reason, error.remedy]}
    except MemoryError:
        message = {"memory": True}
    except Exception as error:  # noqa: BLE001  the edge of the process: the parent turns it into a DocumentError
        message = {"failed": type(error).__name__}
    try:
        _send(message)
    except MemoryError:
        _send({"memory": True})
    os._exit(0)


def _send(message: dict[str, Any]) -> None:
    data = memoryview(json.dumps(message, separators=(",", ":")).encode() + b"\n")
    while data and _results is not None:
        data = data[os.write(_results, data) :]


def _in_force() -> dict[str, Any]:
    return _state


def _die_with_parent(parent: int) -> str:
    """End when standard input ends, which a busy native library can delay; on Linux the kernel does it at once."""
    threading.Thread(target=_wait_for_end, daemon=True).start()
    if sys.platform != "linux":
        return "yes, by its input pipe"
    ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)
    return "yes, by the kernel"


def _wait_for_end() -> None:
    while os.read(0, 4096):
        pass
    os._exit(1)


def to_text(data: bytes) -> str:
    """Bytes as JSON can carry them; `to_bytes` is the way back."""
    return base64.b64encode(data).decode("ascii")


def to_bytes(text: Any) -> bytes:
    """The bytes that `to_text` wrapped. Raises DocumentError where the child sent something else."""
    try:
        return base64.b64decode(text, validate=True)
    except (ValueError, TypeError):
        raise _crashed() from None
