"""One answer of the language model on its way, and the events that its listener gets.

Not covered: when it is worked on (`llm_engine`).
"""

from __future__ import annotations

import codecs
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from app.llama import Llama, Sampling
from app.llm import Reading
from app.markers import Markers
from storage.errors import FootnoteError

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Finished:
    """The last event of an answer. `reason`: stop, length or cancelled; `reused`: prompt tokens not read again."""

    reason: str
    prompt_tokens: int
    answer_tokens: int
    reused: int


@dataclass(frozen=True, slots=True)
class Failed:
    """The last event of an answer that could not be given."""

    error: FootnoteError


Event = Reading | str | Finished | Failed
Sink = Callable[[Event], object]


@dataclass(eq=False, slots=True)
class Generation:
    """One answer on its way: what `Engine.submit` gives back. `pinned`: a prompt to be read and kept, no answer."""

    prompt: list[int]
    sampling: Sampling
    sink: Sink
    limit: int
    adapter: str = ""  # a LoRA adapter's name; "": the model alone
    pinned: bool = False
    cancelled: bool = False
    reused: int = 0
    answered: int = 0
    place: int = 0
    decoder: codecs.IncrementalDecoder = field(default_factory=codecs.getincrementaldecoder("utf-8"))

    markers: Markers | None = None

    def __post_init__(self) -> None:
        self.decoder.errors = "replace"
        self.markers = Markers(self.sampling.sources) if self.sampling.sources is not None else None

    @property
    def room(self) -> int:
        """Cells of the context that it may come to fill."""
        return len(self.prompt) + self.limit

    def next_token(self, llama: Llama, sampler: Any, row: int) -> int:
        """As `Llama.sample`, held to the sources that may be cited."""
        token = llama.sample(sampler, row)
        return self.markers.next(token, llama, row) if self.markers and not llama.ends(token) else token

    def cancel(self) -> None:
        """Stop soon; the last event then is Finished("cancelled"). May be called from any thread, and twice."""
        self.cancelled = True

    def tell(self, event: Event) -> None:
        try:
            self.sink(event)
        except Exception:  # a listener that is gone must not stop everybody else's answers
            log.exception("an answer's listener failed, so the answer is stopped")
            self.cancelled = True

    def queued(self, place: int) -> None:
        if place != self.place:
            self.place = place
            self.tell(Reading(queue=place, read=0, total=len(self.prompt)))

    def finished(self, reason: str) -> None:
        self.tell(Finished(reason, len(self.prompt), self.answered, self.reused))
