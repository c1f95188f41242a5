"""Conversations and their messages."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # importing numpy would cost every parse child a tenth of a second
    pass

from storage.types.answers import Citation, Verdict


class MessageState(StrEnum):
    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"
    FAILED = "failed"
    BLOCKED = "blocked"  # the guard model objected to it or to its question; its text says so
    WITHDRAWN = "withdrawn"  # it drew on a document that was deleted, or that its reader may no longer read


@dataclass(frozen=True, slots=True)
class Message:
    id: str
    conversation_id: str
    role: str  # "user", "assistant", or "person": a reply to a question that was sent to one
    text: str
    state: MessageState
    created: datetime
    model: str = ""
    seconds: float | None = None
    first_evidence: float | None = None
    unread: int = 0  # documents of its asker that could not be searched yet when it was asked
    rating: int | None = None  # 1 helpful, 0 not helpful
    comment: str = ""
    citations: tuple[Citation, ...] = field(default_factory=tuple)
    verdicts: tuple[Verdict, ...] = ()  # in the order of the text
    by: str = ""  # who wrote it, of a person's


@dataclass(frozen=True, slots=True)
class Conversation:
    id: str
    title: str
    created: datetime
    changed: datetime
