"""What was said before in a conversation, as the model is told it: questions, answers, and the sources between them.

A follow-up whose prompt begins as the one before it is not read from the start. So the sources that stood before the
model stay where they stood, those of the latest answers, in this process's memory; what is gone is found anew.

Not covered: how they are numbered (`prompt`), how many have their place (`budget`).
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from app.prompt import Turn
from app.quotation import plain
from app.retrieve import Retriever
from storage.types import Message, MessageState, Passage, Principal, Scope

_MOST = 500  # answers whose sources are remembered: some 5 MB


class Earlier:
    def __init__(self, retriever: Retriever) -> None:
        self._retriever = retriever
        self._lock = threading.Lock()
        self._sources: OrderedDict[str, tuple[tuple[Passage, ...], Scope]] = OrderedDict()

    def keep(self, message_id: str, sources: tuple[Passage, ...], scope: Scope) -> None:
        """`sources` stood before the model that wrote the answer; they were looked for in `scope`."""
        with self._lock:
            self._sources[message_id] = (sources, scope)
            while len(self._sources) > _MOST:
                self._sources.popitem(last=False)

    def turns(self, messages: Sequence[Message], principal: Principal, scope: Scope) -> list[Turn]:
        """Questions with the answers that their reader may still see; others are left out with their question.

        With their sources, unless one of them may not be read now, has a newer version, or was found in another scope.
        """
        found: list[Turn] = []
        for asked, answered in pairwise(messages):
            visible = answered.state in (MessageState.DONE, MessageState.STOPPED) and answered.text.strip()
            if asked.role == "user" and answered.role == "assistant" and visible:
                question = Turn("user", asked.text, self._found_in(scope, answered.id))
                found += [question, Turn("assistant", plain(answered.text))]
        versions = {passage.version_id for turn in found for passage in turn.sources}
        if versions and versions - self._retriever.documents.live(versions, principal):
            return [replace(turn, sources=()) for turn in found]
        return found

    def _found_in(self, scope: Scope, message_id: str) -> tuple[Passage, ...]:
        with self._lock:
            sources, found_in = self._sources.get(message_id, ((), scope))
        return sources if found_in == scope else ()
