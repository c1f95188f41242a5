"""What is asked, done in the mode that it asks for, or that its asker picked.

Each mode yields `app.events`, and Step where it works in steps, so that every answer is kept, shown,
stopped and withdrawn alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from app.assignment import Assignment
from app.chat import WITHOUT_MODEL, answer
from app.compare import compare
from app.draft import draft
from app.events import Event, Retrieved, Step, Wrote
from app.fields import extract_fields
from app.modes import recognise
from app.summary import summarise
from storage.errors import Unavailable
from storage.types import Mode

_WORK: Mapping[Mode, Callable[[Assignment], Iterator[Event | Step]]] = {
    Mode.ANSWER: answer,
    Mode.COMPARISON: compare,
    Mode.SUMMARY: summarise,
    Mode.FIELDS: extract_fields,
    Mode.DRAFT: draft,
}


def respond(asked: Assignment, mode: Mode | None = None) -> Iterator[Event | Step]:
    """Ended last. `mode`: as the asker picked; None: as the question's words say.

    A model that can't be reached before it has written anything is stood in for by the documents' own words, after a
    Retrieved whose notice says so. Raises as `app.chat.answer` does, and NotFound for a document that goes meanwhile.
    """
    asked = replace(asked, picked=mode is not None)
    work, wrote = _WORK[mode or recognise(asked.question)], False
    try:
        for event in work(asked):
            wrote = wrote or isinstance(event, Wrote)
            yield event
    except Unavailable as error:
        if wrote or not asked.has_model or error.part != "models":
            raise
        notice = WITHOUT_MODEL.format(reason=error)
        for event in work(asked.without_model()):
            yield (
                replace(event, notice=" ".join(filter(None, (event.notice, notice))))
                if isinstance(event, Retrieved)
                else event
            )
