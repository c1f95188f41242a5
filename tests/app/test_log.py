"""Log lines: one record a line, named by its part, whatever a document's name holds."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Iterator

import pytest

from app import log

HOSTILE = "a\x1b[2Jb\nc\rd\x00e\x9bf\x7fg\u2028h\u202ei\ud83dj"
CONTROL = set("\x1b\r\x00\x9b\x7f\u2028\u202e\ud83d")


@pytest.fixture(autouse=True)
def own_logging() -> Iterator[None]:
    root, dbos = logging.getLogger(), logging.getLogger("dbos")
    before = (root.handlers[:], root.level, dbos.handlers[:], dbos.propagate, dbos.filters[:])
    yield
    root.handlers, dbos.handlers = before[0], before[2]
    root.setLevel(before[1])
    dbos.propagate, dbos.filters = before[3], before[4]
    logging.captureWarnings(False)


def written(style: str, message: str, *, level: int = logging.INFO, error: bool = False, name: str = "x") -> str:
    stream = io.StringIO()
    log.configure(part="worker", style=style, level="info", stream=stream)
    try:
        if error:
            raise ValueError(HOSTILE)
        logging.getLogger(name).log(level, "%s", message)
    except ValueError:
        logging.getLogger(name).exception("%s", message)
    return stream.getvalue()


def test_a_json_record_is_one_line_that_any_reader_of_json_takes() -> None:
    line = written("json", HOSTILE, error=True)
    assert line.count("\n") == 1
    assert not CONTROL & set(line)
    entry = json.loads(line)
    assert (entry["part"], entry["level"], entry["logger"], entry["message"]) == ("worker", "error", "x", HOSTILE)
    assert "ValueError" in entry["error"]


def test_a_text_record_is_a_line_that_nothing_in_it_can_break() -> None:
    line = written("text", HOSTILE, level=logging.WARNING)
    assert line.count("\n") == 1
    assert not CONTROL & set(line)
    assert "worker     WARNING: a\\x1b[2Jb\\nc\\rd" in line


def test_a_traceback_keeps_its_lines_and_loses_its_control_characters() -> None:
    text = written("text", "It failed.", error=True)
    assert not CONTROL & set(text)
    assert "raise ValueError(HOSTILE)\n" in text
    assert "Traceback" in text


def test_what_is_below_the_level_or_noisy_is_left_out() -> None:
    assert written("text", "detail", level=logging.DEBUG) == ""
    assert written("text", "GET /healthz", name="httpx") == ""


def test_the_job_library_writes_to_the_same_stream_and_no_other(capfd: pytest.CaptureFixture[str]) -> None:
    from dbos._logger import init_logger

    init_logger()
    line = written("json", "queue", level=logging.WARNING, name="dbos")
    assert json.loads(line)["message"] == "queue"
    assert capfd.readouterr().err == ""
    assert written("json", "workflow x was cancelled", level=logging.ERROR, name="dbos") == ""


def test_a_record_of_a_child_is_passed_on_as_it_is() -> None:
    line = written("json", "Ready.", level=logging.WARNING)
    entry = log.child_entry(line, "worker")
    assert entry == json.loads(line)
    assert log.text_line(entry).endswith("worker     WARNING: Ready.")


@pytest.mark.parametrize(
    "line",
    [
        "plain words",
        HOSTILE,
        "{",
        "[]",
        "null",
        "7",
        '{"message": "no time"}',
        '{"at": "today", "part": "web", "level": "info", "message": "x"}',
        '{"at": 5, "part": "web", "level": "info", "message": "x"}',
        '{"at": "0001-01-01T00:00:00+14:00", "part": "web", "level": "info", "message": "x"}',
        '{"at": "2026-01-01T00:00:00+00:00", "part": "web", "level": ["info"], "message": "x"}',
        '{"at": "2026-01-01T00:00:00+00:00", "part": "web", "level": "info", "message": {"x": 1}}',
        '{"at": "2026-01-01T00:00:00+00:00", "part": "web", "level": "info", "message": "x", "error": 1}',
        '{"at": "2026-01-01T00:00:00+00:00", "part": "web", "level": "info"}',
        "[" * 100_000,
    ],
)
def test_a_line_that_is_no_record_of_ours_becomes_one(line: str) -> None:
    entry = log.child_entry(line, "index")
    assert (entry["part"], entry["level"], entry["message"]) == ("index", "info", line)
    assert not CONTROL & set(log.text_line(entry))
    assert json.loads(log.json_line(entry)) == entry
    log.text_line(entry).encode(sys.stdout.encoding or "utf-8")


def test_no_child_speaks_in_the_name_of_another_part() -> None:
    forged = {"at": "2026-01-01T00:00:00+00:00", "part": "web\x1b[2J", "level": "info", "message": "x"}
    assert log.child_entry(json.dumps(forged), "index")["part"] == "index"
