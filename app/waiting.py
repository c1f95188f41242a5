"""The answers that wait for the language model, first come first served, and whether any more are taken.

People's threads put them there, the engine's thread takes them away. Not covered: when one is taken (`llm_engine`).
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from app.generation import Generation
from storage.errors import Busy, Unavailable

STOPPING = "The language model is being stopped. Ask again in a moment."


class Waiting:
    """`limit` may wait at once; a pinned beginning, which nobody waits for, always may. From any thread."""

    def __init__(self, limit: int) -> None:
        self.failure: str | None = None
        self.closing = False
        self._limit = limit
        self._line: deque[Generation] = deque()
        self._changed = threading.Condition()

    def __len__(self) -> int:
        return len(self._line)

    def check(self) -> None:
        """Raises Unavailable where nothing is taken any more."""
        if self.failure or self.closing:
            raise Unavailable("models", self.failure or STOPPING)

    def add(self, generation: Generation) -> None:
        """Raises as `check`, and Busy when too many wait."""
        with self._changed:
            self.check()
            if not generation.pinned and len(self._line) >= self._limit:
                raise Busy("models", f"{len(self._line)} questions are waiting already. Try again in a minute.")
            self._line.append(generation)
            self._changed.notify()

    def close(self) -> None:
        """Take no more. Those that wait stay until `end`."""
        with self._changed:
            self.closing = True
            self._changed.notify()

    # From here on for the engine's thread alone.

    def wait(self, active: Callable[[], object]) -> bool:
        """Until one waits, or something is `active`: True, or nothing more is to be done: False."""
        with self._changed:
            while not (self.closing or self._line or active()):
                self._changed.wait()
            return not self.closing

    def first(self) -> Generation | None:
        with self._changed:
            return self._line[0] if self._line else None

    def take(self) -> Generation:
        """The first, which waits no longer."""
        with self._changed:
            return self._line.popleft()

    def drop_cancelled(self) -> None:
        with self._changed:
            dropped = [generation for generation in self._line if generation.cancelled]
            for generation in dropped:
                self._line.remove(generation)
        for generation in dropped:
            generation.finished("cancelled")

    def tell_places(self) -> None:
        with self._changed:
            line = list(self._line)
        for place, generation in enumerate(line, 1):
            generation.queued(place)

    def end(self, reason: str) -> list[Generation]:
        """From now on `check` gives the reason. Those that still waited."""
        with self._changed:
            self.failure = reason
            line = list(self._line)
            self._line.clear()
        return line
