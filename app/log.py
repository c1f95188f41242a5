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

_LEVELS = {"debug", "info", "warning", "error", "critical"}


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
        return json_line(entry)


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
    dbos = logging.getLogger("dbos")  # it would write to the terminal by itself
    dbos.handlers, dbos.propagate = [handler], False
    dbos.addFilter(_not_a_cancellation)


def text_line(entry: dict[str, Any]) -> str:
    """A record as a person reads it; what came from outside can't start a new line or move the cursor."""
    clock = datetime.fromisoformat(entry["at"]).astimezone().strftime("%H:%M:%S")
    level = entry["level"].upper()
    shown = "" if level == "INFO" else f"{level}: "
    line = f"{clock} {_printable(entry['part']):<10} {shown}{_printable(entry['message'])}"
    return "\n".join([line, *(_printable(traced) for traced in entry.get("error", "").split("\n") if traced)])


def json_line(entry: dict[str, Any]) -> str:
    """A record on one line of ASCII: nothing in it can move a cursor or end the line."""
    return json.dumps(entry).replace("\x7f", "\\u007f")


def child_entry(line: str, part: str) -> dict[str, Any]:
    """A line that a child wrote: its record, or one made for it where it is none that we write."""
    try:
        entry = json.loads(line)
        datetime.fromisoformat(entry["at"]).astimezone()
        if entry["level"] in _LEVELS and all(isinstance(value, str) for value in entry.values()) and "message" in entry:
            return {**entry, "part": part}
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        pass
    at = datetime.now(UTC).isoformat(timespec="milliseconds")
    return {"at": at, "part": part, "level": "info", "logger": part, "message": line}


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() or char == "\t" else repr(char)[1:-1] for char in text)


def _not_a_cancellation(record: logging.LogRecord) -> bool:
    return "cancelled" not in record.getMessage().lower() or record.levelno < logging.ERROR
