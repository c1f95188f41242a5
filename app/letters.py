"""What leaves the machine when a question is sent to a person: how much of it, as a mail's words and as a JSON object.

A letter holds the question, the asker's note, and answers with the titles of what they cite, as the asker may see them
when it goes. Never passages, never who asked. Not covered: how it is sent (`mail`, `webhook`).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Protocol

from app.quotation import plain
from storage.deliveries import Letter, Turn

_LONGEST = 60_000  # characters of a letter's words
_SUBJECT = 120
_ROLES = {"user": "Question", "assistant": "Footnote answered", "person": "A person answered"}
_WITHDRAWN = "(This answer is no longer available to who asked.)"


class Share(StrEnum):
    """How much of a question goes out."""

    NOTICE = "notice"  # that there is one
    QUESTION = "question"  # it and the note
    CONVERSATION = "conversation"  # and what was said before, with the titles of cited documents


class Channel(Protocol):
    """A way out."""

    @property
    def name(self) -> str:
        """As deliveries are kept under."""

    def send(self, letter: Letter) -> None:
        """Returns once it was taken at the other end. Raises Unavailable with a reason that holds no secret."""


def subject(letter: Letter, share: Share) -> str:
    if share is Share.NOTICE:
        return "A question for a person"
    question = " ".join(letter.question.split())
    shown = question if len(question) <= _SUBJECT else f"{question[: _SUBJECT - 3].rstrip()}..."
    return f"A question for a person: {shown}"


def words(letter: Letter, share: Share, address: str) -> str:
    """The letter as plain text. `address` is the app's, "" where it is not known."""
    where = f"{address}/questions?question={letter.escalation_id}" if address else "the page Questions of Footnote"
    parts = ["Somebody asks for a person's answer.", f"Answer it here: {where}"]
    if share is not Share.NOTICE:
        parts += ["QUESTION", letter.question, *(["NOTE", letter.note] if letter.note else [])]
    if share is Share.CONVERSATION:
        parts += ["THE CONVERSATION SO FAR", *(_turn(turn) for turn in letter.turns)]
    text = "\n\n".join(parts)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}\n\n(cut here)"


def payload(letter: Letter, share: Share, address: str) -> dict[str, Any]:
    """The letter as an object; "question" and "conversation" are there as far as they are shared."""
    shared: dict[str, Any] = {
        "event": "question",
        "delivery": letter.id,
        "id": letter.escalation_id,
        "asked": letter.asked.isoformat(),
        "url": f"{address}/questions?question={letter.escalation_id}" if address else "",
    }
    if share is not Share.NOTICE:
        shared |= {"question": letter.question, "note": letter.note}
    if share is Share.CONVERSATION:
        shared["conversation"] = [
            {"role": turn.role, "text": _said(turn), "titles": list(turn.titles)} for turn in letter.turns
        ]
    return shared


def _turn(turn: Turn) -> str:
    cited = f"\n(cites: {'; '.join(turn.titles)})" if turn.titles else ""
    return f"{_ROLES.get(turn.role, turn.role)}:\n{_said(turn)}{cited}"


def _said(turn: Turn) -> str:
    if turn.role == "user":
        return turn.text
    return plain(turn.text).strip() or _WITHDRAWN
