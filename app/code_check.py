"""Code that a model wrote, looked over by a scanner for insecure Python (bandit, the extra `code`).

What was found stands below the block, in the answer's own text, so that it is kept, copied and withdrawn with it. Code
that was not checked says so: another language, no scanner, or code that can't be read. Finding nothing proves nothing.
"""

from __future__ import annotations

import functools
import importlib.util
import logging
import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from app.events import Ended, Event, Step
from app.quotation import quote
from ingest import sandbox
from ingest.sandbox import Limits
from storage.errors import DocumentError
from storage.types import Verdict

log = logging.getLogger(__name__)

MOST_BLOCKS = 10  # of an answer
SHOWN = 5  # findings of a block
LONGEST = 20_000  # characters of a block
_LIMITS = Limits(memory=1024**3, cpu_seconds=10, wall_seconds=20)
_PYTHON = {"python", "py", "python3", "py3"}
_BLOCK = re.compile(
    r"^(?P<mark>`{3,}|~{3,})[ \t]*(?P<language>[^\s`]*)[^\n`]*\n(?P<code>.*?)^(?P=mark)[ \t]*$",
    re.MULTILINE | re.DOTALL,
)


def with_checks(text: str, verdicts: Sequence[Verdict] = ()) -> tuple[str, tuple[Verdict, ...]]:
    """`text` with what is to be said of each of its code blocks below it, and the verdicts where they stand then.

    Unclosed blocks are left as they are.
    """
    pieces, at = [], 0
    added: list[tuple[int, int]] = []  # where, and how many characters
    for number, found in enumerate(_BLOCK.finditer(text)):
        words = "not checked, as this answer holds too many blocks."
        if number < MOST_BLOCKS:
            words = _said(found["language"].lower(), found["code"])
        note = f"\n\n*Code check:* {words}\n"
        pieces += [text[at : found.end()], note]
        at = found.end()
        added.append((at, len(note)))
    moved = (
        replace(one, start=one.start + _before(added, one.start), end=one.end + _before(added, one.end))
        for one in verdicts
    )
    return "".join([*pieces, text[at:]]), tuple(moved)


def _before(added: Sequence[tuple[int, int]], place: int) -> int:
    return sum(length for where, length in added if where < place)


def checked(events: Iterator[Event | Step]) -> Iterator[Event | Step]:
    """`events` of an answer, its end with the code checked. For answers that a model wrote."""
    for event in events:
        if isinstance(event, Ended) and event.prompt_version and _BLOCK.search(event.text):
            text, verdicts = with_checks(event.text, event.verdicts)
            yield replace(event, text=text, verdicts=verdicts)
        else:
            yield event


def available() -> bool:
    return importlib.util.find_spec("bandit") is not None


def _said(language: str, code: str) -> str:
    if language and language not in _PYTHON:
        return f"not checked, as there is no scanner for {quote(language[:30])}."
    if not available():
        return "this code was not checked for security; an admin can install `footnote[code]`."
    if len(code) > LONGEST:
        return "not checked, as it is too long."
    try:
        findings = _scanned(code)
    except DocumentError as error:
        log.info("code of an answer was not checked: %s", error)
        return "not checked, as it can't be read as Python."
    if not findings:
        return "nothing insecure was found by bandit. That is no proof that it is safe."
    lines = [f"line {line}: {quote(words)} ({test}, {severity})" for line, words, test, severity in findings[:SHOWN]]
    more = f"; and {len(findings) - SHOWN} more" if len(findings) > SHOWN else ""
    return f"bandit warns of {'; '.join(lines)}{more}."


@functools.lru_cache(maxsize=256)
def _scanned(code: str) -> tuple[tuple[int, str, str, str], ...]:
    """Line, words, test and severity of each finding, the worst first. Raises DocumentError for what is no Python."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "code.py"
        path.write_text(code, encoding="utf-8", errors="replace")
        found = sandbox.run(scan, str(path), readable=[path], limits=_LIMITS)
    rows = [(int(line), str(words)[:200], str(test)[:10], str(severity)[:10]) for line, words, test, severity in found]
    order = {"high": 0, "medium": 1}
    return tuple(sorted(rows, key=lambda row: (order.get(row[3], 2), row[0])))


def scan(path: str) -> list[list[Any]]:
    """In the sandbox, as the code is foreign: reading it could crash the interpreter."""
    from bandit.core.config import BanditConfig
    from bandit.core.manager import BanditManager

    logging.disable(logging.CRITICAL)
    manager = BanditManager(BanditConfig(), "file", quiet=True, ignore_nosec=True)  # no word of the code's own counts
    manager.discover_files([path])
    manager.run_tests()
    if manager.get_skipped():
        raise DocumentError("This is no Python.", "")
    return [[issue.lineno, issue.text, issue.test_id, issue.severity.lower()] for issue in manager.get_issue_list()]
