"""How long a step of llama.cpp takes by its number of tokens, and how many tokens a step is given.

Not covered: measuring it (`tuning`), what a step is made of (`llm_engine`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

ANSWERING = 0.4  # seconds between two words that a reader takes for fluent; slow machines can't, see `Steps`
READING = 8.0  # and of a step in which all wait for their first word: larger steps read faster
FILLED = 16  # tokens that cost about what one costs on most processors: a step with less wastes time
_NEWS = 0.2  # weight of the newest step in what is known of all


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds of a step with so many tokens, as measured: (tokens, seconds), both rising. Never empty."""

    points: tuple[tuple[int, float], ...]

    @classmethod
    def of(cls, measured: Iterable[tuple[int, float]]) -> Pace:
        """More tokens never take less time: where they seemed to, the machine was busy with the fewer ones."""
        points: list[tuple[int, float]] = []
        for tokens, seconds in sorted(measured, reverse=True):
            points.append((tokens, min([seconds, *(later for _, later in points)])))
        if not points:
            raise ValueError("nothing was measured")
        return cls(tuple(reversed(points)))

    def seconds(self, tokens: int) -> float:
        """Between two points on the line between them; beyond the last one in proportion to it."""
        first, last = self.points[0], self.points[-1]
        if tokens <= first[0]:
            return first[1]
        for (less, sooner), (more, later) in pairwise(self.points):
            if tokens <= more:
                return sooner + (later - sooner) * (tokens - less) / (more - less)
        return last[1] * tokens / last[0]

    def within(self, seconds: float, most: int) -> int:
        """The most tokens, from 1 to `most`, that take no longer."""
        least = 1
        while least < most:  # halving: a thousand steps a second look here
            middle = (least + most + 1) // 2
            least, most = (middle, most) if self.seconds(middle) <= seconds else (least, middle - 1)
        return least

    @property
    def reading(self) -> float:
        """Prompt tokens a second, in steps as large as were measured."""
        tokens, seconds = max(self.points, key=lambda point: point[0] / point[1])
        return tokens / seconds

    @property
    def answering(self) -> float:
        """Tokens a second of one answer that nothing else is done beside."""
        return 1 / self.seconds(1)

    def question(self, read: int = 1000, written: int = 150) -> float:
        """Seconds of a typical question with documents, from its beginning to the end of its answer."""
        return read / self.reading + written / self.answering


GUESSED = Pace(((1, 0.02), (512, 10.0)))  # until something is known: a slow machine


class Steps:
    """How many tokens each step is given, corrected by how long steps really took.

    `target`: seconds that a step may take while somebody watches an answer grow; 0: as `pace` has it, which is 0.4 s,
    or what sixteen tokens take where that is longer.
    """

    def __init__(self, pace: Pace, *, batch: int, target: float = 0.0) -> None:
        self.target = target or max(ANSWERING, 1.25 * pace.seconds(FILLED))
        self.pace, self._batch = pace, batch
        self._slower = 1.0  # than measured: others use the machine too, and long contexts cost more

    def beside(self, answers: int) -> int:
        """Prompt tokens that a step may have beside the tokens of so many answers."""
        most = self._batch - answers
        return min(most, max(FILLED, self.pace.within(self.target / self._slower, self._batch) - answers))

    def alone(self) -> int:
        """Prompt tokens of a step that nobody's answer waits for."""
        return min(self._batch, max(64, self.pace.within(READING / self._slower, self._batch)))

    def expected(self, tokens: int) -> float:
        """Seconds."""
        return self.pace.seconds(tokens) * self._slower

    def took(self, tokens: int, seconds: float) -> None:
        if tokens > FILLED:  # smaller steps take as long as one token does
            self._slower += _NEWS * (seconds / self.pace.seconds(tokens) - self._slower)

    @property
    def reading(self) -> float:
        """Prompt tokens a second now, as far as can be told."""
        return self.pace.reading / self._slower
