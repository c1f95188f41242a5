"""Conversations in llama.cpp's memory: which one a prompt continues, what is kept, what has to go.

A sequence holds what was evaluated of one conversation. An idle one is kept until its room is needed; then its state is
parked in the process's own memory, from where it comes back in milliseconds, while reading it again would take
seconds to minutes. Nothing of it is written to disk. Runs on the engine's thread.

Not covered: what is evaluated when (`llm_engine`).
"""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass, field
from typing import Any

from app.generation import Generation
from app.llama import Llama, State

WORTH = 32  # tokens: what is shorter is read again as fast as it is fetched


@dataclass(eq=False, slots=True)
class Sequence:
    """A conversation in the context's memory. `pinned`: the beginning of all prompts, which is only ever copied."""

    id: int
    pinned: bool = False
    cells: list[int] = field(default_factory=list)  # tokens evaluated and kept
    todo: list[int] = field(default_factory=list)  # tokens to evaluate before the next one can be sampled
    generation: Generation | None = None
    sampler: Any = None
    used: float = 0.0
    adapter: str = ""  # that the cells were evaluated with: of no use to another

    def begins(self, generation: Generation) -> int:
        """How many tokens of the prompt's beginning it holds."""
        return shared(self.cells, generation.prompt) if self.adapter == generation.adapter else 0


@dataclass(eq=False, slots=True)
class _Parked:
    cells: list[int]
    adapter: str
    state: State


class Sequences:
    """`count` sequences and a pinned one, over the memory of `llama`; up to `parked_bytes` of state are parked."""

    def __init__(self, llama: Llama, count: int, *, parked_bytes: int) -> None:
        self._llama = llama
        self.pinned = Sequence(count, pinned=True)
        self.all = [*(Sequence(number) for number in range(count)), self.pinned]
        self._parked: list[_Parked] = []  # last used last
        self._most = parked_bytes

    @property
    def active(self) -> list[Sequence]:
        return [sequence for sequence in self.all if sequence.generation]

    @property
    def idle(self) -> list[Sequence]:
        return [sequence for sequence in self.all if not (sequence.generation or sequence.pinned)]

    @property
    def parked_bytes(self) -> int:
        return sum(parked.state.size for parked in self._parked)

    def take(self, generation: Generation) -> Sequence:
        """The sequence that answers: it holds as much of the prompt's beginning as anyone has read, and its room."""
        prompt = generation.prompt
        if generation.pinned:
            self.cut(self.pinned, shared(self.pinned.cells, prompt))
            return self._taken(self.pinned, generation)
        nearest = max(self.all, key=lambda sequence: sequence.begins(generation))
        count = nearest.begins(generation)
        chosen = nearest
        # busy, the beginning of all, or another conversation: leave it whole
        if nearest.generation or nearest.pinned or 2 * count < len(nearest.cells):
            chosen = min(self.idle, key=lambda sequence: (bool(sequence.cells), sequence.used))
        if found := self._parked_with(generation, more_than=count + WORTH):
            if chosen is nearest:
                chosen = min(self.idle, key=lambda sequence: (bool(sequence.cells), sequence.used))
            self._come_back(found, chosen, generation)
        elif chosen is not nearest and count > chosen.begins(generation):
            self.leave(chosen)
            self._llama.share(nearest.id, chosen.id, count)
            chosen.cells = prompt[:count]
        else:
            self._keep_only(chosen, chosen.begins(generation))
        taken = self._taken(chosen, generation)
        self.shed()
        return taken

    def shed(self, *, needed: int = 0) -> None:
        """Park idle conversations, the least recently used first, until what is promised and `needed` have room.

        Cells that sequences share count for each, so this errs on the safe side.
        """
        filled = needed + sum(
            sequence.generation.room if sequence.generation else len(sequence.cells) for sequence in self.all
        )
        for sequence in sorted(self.idle, key=lambda sequence: sequence.used):
            if filled <= self._llama.context:
                break
            filled -= len(sequence.cells)
            self.leave(sequence)

    def leave(self, sequence: Sequence) -> None:
        """Empty an idle sequence; what it held is parked where that is worth it."""
        state = self._llama.save(sequence.id) if len(sequence.cells) >= WORTH and self._most else None
        if state is not None:
            self._parked.append(_Parked(sequence.cells, sequence.adapter, state))
            while self.parked_bytes > self._most:
                del self._parked[0]
        self.cut(sequence, 0)

    def cut(self, sequence: Sequence, count: int) -> None:
        """Keep the first `count` cells, or none where the model's memory can't be cut in the middle."""
        if not self._llama.keep(sequence.id, count):
            self._llama.keep(sequence.id, 0)
            count = 0
        sequence.todo = sequence.cells[count:] + sequence.todo if sequence.generation else []
        sequence.cells = sequence.cells[:count]

    def release(self, sequence: Sequence) -> None:
        """The sequence is idle again; what it has evaluated is kept."""
        if sequence.generation:
            if sequence.sampler is not None:
                self._llama.free(sequence.sampler)
            sequence.generation, sequence.sampler, sequence.todo = None, None, []
            sequence.used = time.monotonic()

    def _taken(self, sequence: Sequence, generation: Generation) -> Sequence:
        generation.reused = len(sequence.cells)
        sequence.todo = generation.prompt[len(sequence.cells) :]
        sequence.sampler = None if generation.pinned else self._llama.sampler(generation.sampling)
        sequence.generation, sequence.adapter = generation, generation.adapter
        sequence.used = time.monotonic()
        return sequence

    def _keep_only(self, sequence: Sequence, count: int) -> None:
        if 2 * count < len(sequence.cells):
            self.leave(sequence)  # it was another conversation, which may come back
        else:
            self.cut(sequence, count)

    def _parked_with(self, generation: Generation, *, more_than: int) -> _Parked | None:
        prompt = generation.prompt
        fitting = [parked for parked in self._parked if parked.adapter == generation.adapter]
        best = max(fitting, key=lambda parked: shared(parked.cells, prompt), default=None)
        return best if best and shared(best.cells, prompt) > more_than else None

    def _come_back(self, parked: _Parked, sequence: Sequence, generation: Generation) -> None:
        """Restore it into the idle `sequence`; where there is no room after all, the prompt is read as any other."""
        self.leave(sequence)
        count = shared(parked.cells, generation.prompt)
        self.shed(needed=max(len(parked.cells), generation.room))
        if not self._llama.restore(sequence.id, parked.state):
            self._llama.keep(sequence.id, 0)
            return
        if 2 * count >= len(parked.cells) and parked in self._parked:  # else it is another conversation's
            self._parked.remove(parked)
        sequence.cells = list(parked.cells)
        self.cut(sequence, count)


def shared(cells: list[int], prompt: list[int]) -> int:
    """How many tokens two beginnings have in common; never the prompt's last one, whose evaluation gives the logits."""
    count = min(len(cells), len(prompt) - 1)
    if cells[:count] == prompt[:count]:
        return count
    pairs = zip(cells, prompt, strict=False)
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))
