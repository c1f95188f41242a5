"""What llama.cpp is evaluating for several conversations at once: how far it is, and when it is better broken off.

Not covered: which conversations take part, and what becomes of what was evaluated (`llm_engine`).
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from app.llm import Reading
from app.sequences import Sequence

_NOTICE = 0.3  # seconds: a step that ends sooner is not worth breaking off
_LONG = 2.0  # seconds that who comes may wait for a step in which others only read
_TELL = 0.5  # seconds between two words on how far a long step has read

Shares = list[tuple[Sequence, int]]
"""The sequences that take part, each with how many of its tokens."""


@dataclass(slots=True)
class Step:
    """`expected` seconds from its start to its end. `yields`: it may be broken off for somebody who comes."""

    shares: Shares
    expected: float
    yields: bool
    started: float = field(default_factory=time.perf_counter)
    told: float = 0.0

    def breaks_off(self, *, somebody_waits: bool) -> bool:
        """Whether to break it off, for somebody who stops, or who comes. Also tells its readers how far it may be."""
        spent = time.perf_counter() - self.started
        if self.expected - spent > _NOTICE and any(
            sequence.generation.cancelled for sequence, _ in self.shares if sequence.generation
        ):
            return True
        if spent - self.told >= _TELL:
            self.told = spent
            self._tell(min(0.95, spent / self.expected))
        return self.yields and somebody_waits and self.expected - spent > _LONG

    def _tell(self, share: float) -> None:
        for sequence, count in self.shares:
            if sequence.generation and count > 1 and sequence.generation.answered == 0:
                read = len(sequence.cells) + int(share * count)
                sequence.generation.tell(Reading(queue=0, read=read, total=len(sequence.generation.prompt)))
