"""Whether an answer is none or in doubt, so that a person is offered: by its words and what its reader said of it."""

from __future__ import annotations

import re

from app.chat import NOT_FOUND, NOT_FOUND_GERMAN
from app.confidence import warning
from storage.types import Message, MessageState

_BEGINNINGS = (NOT_FOUND, NOT_FOUND_GERMAN, warning("", german=False), warning("", german=True))
_SAYS_NOT_FOUND = re.compile(
    r"\b(?:documents?|sources?|passages?|information)\b[^.]{0,60}\b(?:not|no|n't)\b[^.]{0,40}\b(?:answer|contain|mention"
    r"|say|state|provide|include|hold|specif)|\bnot? (?:found|mentioned|stated|provided|answered|information)\b"
    r"|\b(?:dokumente|quellen|unterlagen)\b[^.]{0,60}\b(?:nicht|keine?)\b",
    re.I,
)


def refuses(answer: str, *, cites: bool) -> bool:
    """Whether it gives no answer: it is empty, the application's own words for it, or says so and cites nothing."""
    text = answer.strip()
    if not text or text.startswith((NOT_FOUND, NOT_FOUND_GERMAN)):
        return True
    return not cites and _SAYS_NOT_FOUND.search(text) is not None


def doubtful(message: Message) -> bool:
    """A refusal, an answer under a warning or without any footnote, or one that was called not helpful."""
    if message.role != "assistant" or message.state is not MessageState.DONE:
        return False
    return message.rating == 0 or not message.citations or message.text.startswith(_BEGINNINGS)
