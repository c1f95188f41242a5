"""Whether an answer is in doubt, so that a person is offered: by what stands in it and what its reader said of it."""

from __future__ import annotations

from app.chat import NOT_FOUND, NOT_FOUND_GERMAN
from app.confidence import warning
from storage.types import Message, MessageState

_BEGINNINGS = (NOT_FOUND, NOT_FOUND_GERMAN, warning("", german=False), warning("", german=True))


def doubtful(message: Message) -> bool:
    """A refusal, an answer under a warning or without any footnote, or one that was called not helpful."""
    if message.role != "assistant" or message.state is not MessageState.DONE:
        return False
    return message.rating == 0 or not message.citations or message.text.startswith(_BEGINNINGS)
