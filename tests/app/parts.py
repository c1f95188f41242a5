"""Small parts for a supervisor, and a supervisor of them in a process of its own.

`python -m tests.app.parts part NAME FOLDER PORT` is a part that answers on its port; `... serve FOLDER` supervises
two of them as `footnote serve` does.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from app import log
from app.settings import Settings
from app.supervisor import Part, Supervisor, follow_parent, free_port, terminate_self
from storage.errors import Conflict

ROOT = Path(__file__).parents[2]
HOSTILE = "words of a library \x1b[2J\x9b31m\u202e"


class Healthy(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_: object) -> None:
        pass


def part(name: str, folder: Path, port: int) -> Part:
    return Part(name, (sys.executable, "-m", "tests.app.parts", "part", name, str(folder), str(port)), health_url(port))


def health_url(port: int) -> str:
    return f"http://127.0.0.1:{port}/healthz"


def two_parts(settings: Settings) -> tuple[Settings, list[Part]]:
    ports = free_port(), free_port()
    updates = {"qdrant_url": f"http://127.0.0.1:{ports[0]}", "qdrant_api_key": settings.key()}
    return settings.updated(updates), [part(n, settings.data_dir, p) for n, p in zip("ab", ports, strict=True)]


def pids(folder: Path, name: str) -> list[int]:
    """Of every start of a part, oldest first."""
    path = folder / f"{name}.pids"
    return [int(line) for line in path.read_text().split()] if path.exists() else []


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def run_part(name: str, folder: Path, port: int) -> None:
    follow_parent(terminate_self)
    server = HTTPServer(("127.0.0.1", port), Healthy)
    with (folder / f"{name}.pids").open("a") as file:
        file.write(f"{os.getpid()}\n")
    os.write(1, HOSTILE.encode() + b"\nnot utf-8: \xff\n")
    log.configure(part=name, style="json", level="info")
    log.logging.getLogger("part").warning("A record of %s", name)
    server.serve_forever()


def run_serve(folder: Path) -> None:
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    log.configure(part="footnote", style="text", level="info")
    try:
        keeper = Supervisor(Settings(data_dir=folder), plan=two_parts)
    except Conflict as error:
        sys.exit(f"Conflict: {error}")
    try:
        keeper.start()
        stop.wait()
    finally:
        keeper.stop()


if __name__ == "__main__":
    if sys.argv[1] == "part":
        run_part(sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]))
    else:
        run_serve(Path(sys.argv[2]))
