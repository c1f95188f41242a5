"""Answers without an index and without a model: a shelf that finds everything, and a model that reads it out."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

from app.prompt import Prompt
from app.retrieve import Retrieved
from storage.types import Hit, Principal, State
from tests.office import Office


class Shelf:
    """Satisfies `Retriever`: finds the first passage of every document that the principal may read."""

    embedder: Any = None

    def __init__(self, office: Office) -> None:
        self._office = office

    def retrieve(self, question: str, principal: Principal, **_: object) -> Retrieved:
        infos = self._office.documents.find(principal, states=[State.READY])
        hits = [Hit(info.version_id[:8]) for info in infos]
        passages = tuple(self._office.documents.passages(hits, principal))
        return Retrieved(passages, confidence=1.0 if passages else 0.0)


class ScriptedModel:
    """Satisfies `LLM`: quotes each passage, and ends once `go` is set."""

    name = "Scripted"

    def __init__(self) -> None:
        self.go = threading.Event()
        self.go.set()
        self.prompts: list[Prompt] = []

    def stream(self, prompt: Prompt, cancel: threading.Event) -> Iterator[str]:
        self.prompts.append(prompt)
        for n, passage in enumerate(prompt.passages, 1):
            yield f"{passage.text} [{n}] "
        while not self.go.wait(0.01) and not cancel.is_set():
            pass

    def ready(self) -> str | None:
        return None
