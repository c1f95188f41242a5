"""A guard model that reads questions and answers and says whether they are safe: Llama Guard 2 or 3.

It runs in the models process (GUARD_MODEL) or on any OpenAI-compatible server (GUARD_URL). What it objects to is not
answered, or not shown; the asker is told the category. A guard that can't be asked, or that says anything but "safe" or
"unsafe" with its categories, lets nothing through unless GUARD_FAILS says otherwise. Every answer is read, also what
stands word for word in a document: that can be unsafe too.

Not covered: what the guard model is asked with (`guard_template`), keeping its verdicts (`storage.guard_verdicts`).
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any, Literal

import httpx

from app import certificates
from app.events import Ended, Event, Retrieved, Step, Wrote
from app.guard_template import CATEGORIES, Version
from app.llm import defuse
from storage.errors import Unavailable
from storage.types import GuardVerdict, MessageState

log = logging.getLogger(__name__)

Subject = Literal["question", "answer"]
Checks = Literal["both", "questions", "answers"]
Keep = Callable[[Subject, GuardVerdict], object]

LONGEST = 12_000  # characters of a text that are checked at a time; more are checked in pieces
_TOKENS = 60  # a verdict with every category takes fewer
_CODES = re.compile(r"S[1-9]\d?( ?, ?S[1-9]\d?)*")
# the frame that the guard reads a conversation in can't be closed from within it
_FRAME = re.compile(r"<\s*(/?)\s*((?:BEGIN|END)\b[^<>\n]{0,60})>", re.IGNORECASE)
_SPEAKER = re.compile(r"^([ \t]*)(User|Agent)([ \t]*):", re.MULTILINE | re.IGNORECASE)


class Guard:
    """`own` says that the server is Footnote's models process. Makes no connection before it is asked."""

    def __init__(
        self,
        url: str,
        key: str,
        model: str,
        *,
        version: Version = "3",
        own: bool = False,
        fails_open: bool = False,
        checks: Checks = "both",
        holds: bool = True,
        seconds: float = 60.0,
    ) -> None:
        self._url, self._own, self.model, self._version = url.rstrip("/"), own, model, version
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._fails_open, self._seconds = fails_open, seconds
        self.asks, self.answers, self.holds = checks != "answers", checks != "questions", holds

    def check(self, question: str, answer: str = "") -> GuardVerdict:
        """Is the answer safe, or the question where there is none? Never raises: what goes wrong is in the verdict."""
        text, verdict = answer or question, GuardVerdict(True, (), self.model)
        for start in range(0, max(1, len(text)), LONGEST):
            piece = text[start : start + LONGEST]
            verdict = self._verdict((question[:LONGEST], piece) if answer else (piece,))
            if not verdict.safe or verdict.failure:
                break
        return verdict

    def passes(self, verdict: GuardVerdict) -> bool:
        return self._fails_open if verdict.failure else verdict.safe

    def words(self, subject: Subject, verdict: GuardVerdict) -> str:
        """What the asker is told in place of an answer."""
        if verdict.failure:
            return (
                f"This {subject} could not be checked by the guard model ({verdict.failure}), and nothing unchecked is "
                "shown here. Try again in a moment, or tell an admin."
            )
        names = CATEGORIES[self._version]
        found = ", ".join(f"{code} {names[code]}" for code in verdict.categories) or "no category named"
        return f"The guard model {verdict.model} found this {subject} unsafe: {found}. It is not shown or answered."

    def ready(self) -> str | None:
        """None when it can be asked, else the reason in plain words."""
        if not self._own:
            return None
        try:
            address, verify = f"{self._url.removesuffix('/v1')}/healthz", certificates.known()
            guard = httpx.get(address, timeout=5, trust_env=False, verify=verify).json()["guard"]
        except (httpx.HTTPError, ValueError, KeyError):
            return "The guard model can't be asked: the models process does not answer."
        return None if guard["ready"] else f"The guard model can't be asked yet. {guard['reason']}"

    def _verdict(self, turns: tuple[str, ...]) -> GuardVerdict:
        try:
            return read_verdict(self._ask(turns), self._version, self.model)
        except Unavailable as error:
            log.warning("the guard model could not be asked: %s", error)
            return GuardVerdict(False, (), self.model, failure=str(error).rstrip("."))

    def _ask(self, turns: tuple[str, ...]) -> str:
        """Raises Unavailable."""
        roles = ("user", "assistant")
        messages = [{"role": role, "content": self._plain(text)} for role, text in zip(roles, turns, strict=False)]
        body = {"model": self.model, "messages": messages, "max_tokens": _TOKENS, "temperature": 0}
        try:
            answer = httpx.post(
                f"{self._url}/chat/completions",
                json=body,
                headers=self._headers,
                timeout=httpx.Timeout(self._seconds, connect=5.0),
                trust_env=not self._own,
                verify=certificates.known(trust_env=not self._own),
            )
            told: Any = answer.json()
            if answer.status_code != 200:
                raise Unavailable("guard", f"its server answered with error {answer.status_code}")
            return str(told["choices"][0]["message"]["content"])
        except httpx.TimeoutException as error:
            raise Unavailable("guard", f"it did not answer within {self._seconds:.0f} s") from error
        except httpx.HTTPError as error:
            raise Unavailable("guard", "its server does not answer") from error
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise Unavailable("guard", "what answers is no OpenAI-compatible server") from error

    def _plain(self, text: str) -> str:
        """Nothing in a text ends the conversation that it stands in, or speaks for somebody else."""
        text = _SPEAKER.sub(r"\1\2\3 -", _FRAME.sub(r"(\1\2)", text))
        return text if self._own else defuse(text)


def read_verdict(said: str, version: Version, model: str) -> GuardVerdict:
    """Strictly: "safe", or "unsafe" and at most one line of known categories. Raises Unavailable for anything else."""
    lines = [line.strip() for line in said.strip().split("\n")]
    if lines == ["safe"]:
        return GuardVerdict(True, (), model)
    if lines[0] == "unsafe" and len(lines) <= 2:
        codes = re.findall(r"S\d+", lines[1]) if len(lines) == 2 and _CODES.fullmatch(lines[1]) else []
        if len(lines) == 1 or (codes and set(codes) <= set(CATEGORIES[version])):
            return GuardVerdict(False, tuple(dict.fromkeys(codes)), model)
    raise Unavailable("guard", "it answered neither safe nor unsafe")


def guarded(events: Iterator[Event | Step], question: str, guard: Guard, keep: Keep) -> Iterator[Event | Step]:
    """`events` of an answer as far as the guard lets them through; else one Ended that says why, its state BLOCKED.

    The question is checked while passages are looked for; the model is asked only once it was found safe.
    """
    began, asked = time.monotonic(), _Check(guard, question) if guard.asks else None
    held: Wrote | None = None
    with closing(events):  # type: ignore[type-var]  # a generator
        for event in events:
            if asked and isinstance(event, Retrieved):
                yield event
            if asked:
                verdict, done, asked = asked.verdict(), isinstance(event, Retrieved), None
                keep("question", verdict)
                if not guard.passes(verdict):
                    yield _blocked(guard.words("question", verdict), guard, began)
                    return
                if done:
                    continue
            if isinstance(event, Wrote) and guard.answers and guard.holds:
                held = replace(event, verbatim=event.verbatim and (held is None or held.verbatim))
                continue
            if isinstance(event, Ended) and guard.answers and event.text.strip():
                verdict = guard.check(question, event.text)
                keep("answer", verdict)
                if not guard.passes(verdict):
                    yield _blocked(guard.words("answer", verdict), guard, began)
                    return
                if held:
                    yield held
            yield event


class _Check:
    """A question being checked in a thread of its own."""

    def __init__(self, guard: Guard, question: str) -> None:
        self._found: list[GuardVerdict] = []
        self._thread = threading.Thread(
            target=lambda: self._found.append(guard.check(question)), name="guard", daemon=True
        )
        self._thread.start()

    def verdict(self) -> GuardVerdict:
        self._thread.join()
        return self._found[0]


def _blocked(words: str, guard: Guard, began: float) -> Ended:
    return Ended(words, (), MessageState.BLOCKED, guard.model, time.monotonic() - began, None)
