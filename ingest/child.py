"""What a child of `ingest.sandbox` does: it takes the limits upon itself, then calls functions and sends results.

Functions that run in it may `report` how far they are and `ask` their caller. All that is sent is JSON, line by line.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import queue
import signal
import sys
import threading
from collections.abc import Iterator
from typing import Any, NoReturn

from ingest import confinement
from storage.errors import DocumentError

ASKING = 2  # seconds that a child gets for each question, to have it ready and to use the answer

_results: int | None = None
_state: dict[str, Any] = {}
_received: queue.SimpleQueue[bytes] = queue.SimpleQueue()


def report(done: int, total: int) -> None:
    """Called by the function inside the child: tell the parent how far it is. Outside a child it does nothing."""
    if _results is not None:
        _send({"progress": [done, total]})


def ask(question: Any) -> Any:
    """Called by the function inside the child: the caller's answer, JSON for JSON. Outside a child None.

    A caller that gave no `answer` ends the child.
    """
    if _results is None:
        return None
    _send({"ask": question})
    answer = json.loads(_received.get())["answer"]
    confinement.limit_time(ASKING, more=True)
    return answer


def serve(request: dict[str, Any]) -> NoReturn:
    """The child's whole life: take the limits upon itself, then call functions and send results."""
    global _results
    _results = os.dup(1)
    os.dup2(2, 1)  # whatever a library prints must not be taken for a result
    limits, module = request["limits"], request["module"]
    _state["files"] = confinement.restrict_files([*request["readable"], *confinement.code_folders(module)])
    _state["network"] = confinement.cut_network()
    _state["limits"] = confinement.limit(limits["memory"], limits["cpu_seconds"], limits["open_files"])
    _state["parent"] = _die_with_parent(request["parent"])  # last: the thread it starts inherits the rest
    while True:
        call = json.loads(_received.get())
        confinement.limit_time(call["cpu"])
        message = _called(module, call["function"], call["args"])
        try:
            _send(message)
        except MemoryError:
            _send({"memory": True})


def _called(module: str, name: str, args: list[Any]) -> dict[str, Any]:
    try:
        result = getattr(importlib.import_module(module), name)(*args)
        if not isinstance(result, Iterator):
            return {"result": result}
        for item in result:
            _send({"item": item})
        return {"result": None}
    except DocumentError as error:
        return {"refused": [error.reason, error.remedy]}
    except MemoryError:
        return {"memory": True}
    except Exception as error:  # noqa: BLE001  the edge of the process: the parent turns it into a DocumentError
        return {"failed": type(error).__name__}


def _send(message: dict[str, Any]) -> None:
    data = memoryview(
        json.dumps(message, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n"
    )
    while data and _results is not None:
        data = data[os.write(_results, data) :]


def in_force() -> dict[str, Any]:
    """What this child is held by, in words: its limits, files, network and parent."""
    return _state


def _die_with_parent(parent: int) -> str:
    """End when standard input ends, which a busy native library can delay; on Linux the kernel does it at once."""
    threading.Thread(target=_receive, daemon=True).start()
    if sys.platform != "linux":
        return "yes, by its input pipe"
    ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)
    return "yes, by the kernel"


def _receive() -> None:
    for line in sys.stdin.buffer:  # the first line may have brought more along
        _received.put(line)
    os._exit(1)
