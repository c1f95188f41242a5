"""What of the conversation and of the passages found is put before the model: as much as it can read, and soon enough.

Tokens are counted by the model's own tokenizer where its server can, else guessed with care. The sources shrink where
reading them would take longer than people shall wait, down to the three best.

Not covered: the wording around them (`prompt`), which passages are best (`retrieve`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from app.llm import Facts, OpenAIChat
from app.prompt import Prompt, Turn, estimate_tokens, source, span
from app.prompt_texts import TEXTS
from storage.types import Passage

SOURCE_TOKENS = 2200
WINDOW = 8192  # Llama 3's, and that of servers that don't tell
LEAST = 3  # passages, however slow the machine is
_FRAME = 60  # tokens of the template, and of what stands around the sources, beside what is counted
_TURN = 8  # and around each earlier message
_TURN_CHARACTERS = 1500  # of an earlier message
_BLOCK = 4  # earlier messages are dropped so many at a time: else each question would have another beginning
_ASKED = 80  # characters of a question that is only mentioned


class Budget:
    """`chat` counts and tells its window and its speed; None: careful guesses. `wait_seconds` 0: however long."""

    def __init__(
        self,
        chat: OpenAIChat | None = None,
        *,
        source_tokens: int = SOURCE_TOKENS,
        answer_tokens: int = 700,
        wait_seconds: float = 0.0,
    ) -> None:
        self._chat = chat
        self.source_tokens = source_tokens
        self._answer_tokens, self._wait = answer_tokens, wait_seconds

    def filled(self, prompt: Prompt, found: Sequence[Passage], history: Sequence[Turn]) -> Prompt:
        """`prompt` with the best of `found`, which come best first, and as much of the history as has its place.

        Earlier sources stay while they and the conversation fill no more than half of the window.
        Never longer than the model can read, unless the question alone is; then the model's server refuses it.
        """
        facts = self._chat.facts() if self._chat else Facts()
        turns = [replace(turn, text=turn.text[:_TURN_CHARACTERS]) for turn in history]
        bare = " ".join(message["content"] for message in replace(prompt, passages=(), history=()).messages())
        sources = [source(number, passage) for number, passage in enumerate(found, 1)]
        counts = self._counted([bare, *(turn.text for turn in turns), *sources])
        head, turn_counts, source_counts = counts[0], counts[1 : len(turns) + 1], counts[len(turns) + 1 :]
        window = facts.window or WINDOW
        kept = _latest(turns, [count + _TURN for count in turn_counts], window // 5)
        earlier = sum(turn_counts[len(turns) - len(kept) :]) + _TURN * len(kept)
        held = self._held(kept)
        if earlier + held > window // 2:
            kept, held = [replace(turn, sources=()) for turn in kept], 0
        known = {span(passage) for turn in kept for passage in turn.sources}
        added = [0 if span(one) in known else count for one, count in zip(found, source_counts, strict=True)]
        room = window - self._answer_tokens - head - earlier - held - _FRAME
        best = _fitting(added, self._soon(facts, room), room)
        return replace(prompt, passages=tuple(found[:best]), history=_with_mention(turns, kept))

    def _held(self, turns: Sequence[Turn]) -> int:
        """Tokens of the sources that stand with earlier questions, and of the words around them."""
        passages = Prompt(question="", history=tuple(turns)).sources
        frames = _FRAME * sum(bool(turn.sources) for turn in turns)
        return sum(self._counted([source(n, passage) for n, passage in enumerate(passages, 1)])) + frames

    def _soon(self, facts: Facts, room: int) -> int:
        """Tokens of sources that are read before people have waited long enough."""
        most = min(self.source_tokens, room)
        return min(most, int(self._wait * facts.reading)) if self._wait and facts.reading else most

    def _counted(self, texts: list[str]) -> list[int]:
        return self._chat.count_all(texts) if self._chat else [estimate_tokens(text) for text in texts]


def _fitting(counts: Sequence[int], wanted: int, most: int) -> int:
    """How many of the first sources: those within `wanted` tokens, three at least while they are within `most`.

    A source too long for what is left ends the list: a worse one never takes the place of a better one.
    """
    filled = 0
    for number, count in enumerate(counts):
        filled += count
        if filled > (most if number < LEAST else wanted) and number:
            return number
    return len(counts)


def _latest(turns: Sequence[Turn], counts: Sequence[int], room: int) -> Sequence[Turn]:
    first = 0
    while first < len(turns) and sum(counts[first:]) > room:
        first += _BLOCK
    return turns[first:]


def _with_mention(turns: Sequence[Turn], kept: Sequence[Turn]) -> tuple[Turn, ...]:
    """What is kept; its first question mentions those that were dropped, so that a reference back is understood."""
    asked = [turn.text for turn in turns[: len(turns) - len(kept)] if turn.role == "user"]
    if not asked or not kept:
        return tuple(kept)
    mention = "; ".join(" ".join(text.split())[:_ASKED] for text in asked[-_BLOCK:])
    return (replace(kept[0], text=f"{TEXTS.before.format(questions=mention)}\n\n{kept[0].text}"), *kept[1:])
