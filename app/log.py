"""One log stream. Each process writes records with its part's name; the supervisor passes its children's on.

A child of the supervisor writes JSON, one object a line, whatever the setting: the supervisor prints it in the format
that was asked for, and gives lines that are no records (from native libraries) the part's name too.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import IO, Any


class _Json(logging.Formatter):
    def __init__(self, part: str) -> None:
        super().__init__()
        self._part = part

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "part": self._part,
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            entry["error"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=False)


class _Text(_Json):
    def format(self, record: logging.LogRecord) -> str:
        return text_line(json.loads(super().format(record)))


def configure(*, part: str, style: str, level: str, stream: IO[str] | None = None) -> None:
    """Send this process's log to standard error, as text or as JSON lines."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_Json(part) if style == "json" else _Text(part))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    logging.captureWarnings(True)
    for noisy in ("httpx", "httpcore", "urllib3", "filelock", "alembic", "watchdog", "uvicorn.access"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    logging.getLogger("dbos").addFilter(_not_a_cancellation)


def text_line(entry: dict[str, Any]) -> str:
    """A record as a person reads it; what came from outside can't start a new line or move the cursor."""
    clock = datetime.fromisoformat(entry["at"]).astimezone().strftime("%H:%M:%S")
    level = entry["level"].upper()
    shown = "" if level == "INFO" else f"{level}: "
    line = f"{clock} {entry['part']:<10} {shown}{_printable(entry['message'])}"
    return line + (f"\n{entry['error']}" if "error" in entry else "")


def child_entry(line: str, part: str) -> dict[str, Any]:
    """A line that a child wrote: its record, or one made for it."""
    try:
        entry = json.loads(line)
        if isinstance(entry, dict) and {"at", "part", "level", "message"} <= entry.keys():
            return entry
    except ValueError:
        pass
    at = datetime.now(UTC).isoformat(timespec="milliseconds")
    return {"at": at, "part": part, "level": "info", "logger": part, "message": line}


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() or char == "\t" else repr(char)[1:-1] for char in text)


def _not_a_cancellation(record: logging.LogRecord) -> bool:
    return "cancelled" not in record.getMessage().lower() or record.levelno < logging.ERROR
