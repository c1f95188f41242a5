"""What tests of answers share: a model that says what it is told, and a shelf of documents to ask."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from app.answers import Generation, Progress
from app.assignment import Assignment
from app.chat import answer
from app.llm import LLM, Reading
from app.prompt import Prompt, Turn
from app.retrieve import Retrieved as Found
from app.retrieve import Retriever
from storage.types import Principal, Role
from tests.patience import PATIENCE
from tests.shelf import Shelf

LEAVE = "Full-time staff have 30 days of annual leave. Leave that is not taken by 31 March lapses."
QUESTION = "How many days of annual leave do full-time staff have?"
QUOTED = "Full-time staff have 30 days of annual leave. [1]"


class ScriptedModel:
    """Says what a test gave it; waits at "...", writes no further than told, and raises what is an error."""

    name = "scripted"

    def __init__(self, *pieces: str | Reading | Exception) -> None:
        self.pieces = pieces
        self.prompts: list[Prompt] = []
        self.go_on = threading.Event()

    def stream(self, prompt: Prompt, cancel: threading.Event) -> Iterator[str | Reading]:
        self.prompts.append(prompt)
        for piece in self.pieces:
            if isinstance(piece, Exception):
                raise piece
            if piece == "...":
                while not self.go_on.wait(0.01):
                    if cancel.is_set():
                        return
                continue
            yield piece


def run(shelf: Shelf, llm: LLM, *, question: str = QUESTION, history: Sequence[Turn] = ()) -> list[object]:
    tom = Principal("tom", "tom", Role.MEMBER)
    asked = Assignment(
        question=question,
        history=history,
        principal=tom,
        retriever=shelf.retriever,
        llm=llm,
        cancel=threading.Event(),
    )
    return list(answer(asked))


class Sure(Retriever):
    """Finds what there is, and is as confident as it was told."""

    def __init__(self, shelf: Shelf, likely: float) -> None:
        super().__init__(shelf.index, shelf.embedder, shelf.documents)
        self.likely = likely

    def retrieve(self, question: str, principal: Principal, **options: Any) -> Found:
        return replace(super().retrieve(question, principal, **options), confidence=self.likely)


def until_done(generation: Generation) -> Progress:
    deadline = time.monotonic() + PATIENCE
    progress = generation.snapshot()
    while not progress.done:
        assert time.monotonic() < deadline, "the answer does not end"
        progress = generation.wait(progress.version, 1.0)
    return progress


def until(generation: Generation, text: str) -> Progress:
    deadline = time.monotonic() + PATIENCE
    progress = generation.snapshot()
    while text not in progress.text:
        assert time.monotonic() < deadline, f"{text!r} does not appear"
        progress = generation.wait(progress.version, 1.0)
    return progress
