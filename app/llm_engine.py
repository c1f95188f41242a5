"""llama.cpp behind a queue: one thread owns a model and its context and answers many conversations at once.

Continuous batching: each step is one `llama_decode` that holds a token of every answering sequence and then pieces of
the prompts that are still to be read. A request takes the sequence that shares the longest beginning with its prompt;
what is shared is not read again. Sequences of finished answers are kept until their room is needed.

Not covered: llama.cpp's own interface (`llama`), HTTP (`llm_server`), the wording of prompts (`prompt`), measuring
which way of loading suits the machine.
"""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.generation import Failed, Generation, Sink
from app.llama import Llama, Piece, Result, Sampling
from app.llm import Reading
from storage.errors import Busy, InvalidInput, Unavailable

log = logging.getLogger(__name__)

_STEP = 0.4  # seconds that a step may take while somebody watches an answer grow
_READING_STEP = 2.0  # and while all wait for their first word: larger batches read faster
_STRIKES = 3  # failed steps in a row after which the context is taken to be broken


@dataclass(eq=False, slots=True)
class _Sequence:
    """A conversation in the context's memory."""

    id: int
    cells: list[int] = field(default_factory=list)  # tokens evaluated and kept
    todo: list[int] = field(default_factory=list)  # tokens to evaluate before the next one can be sampled
    generation: Generation | None = None
    sampler: Any = None
    used: float = 0.0

    def shared(self, prompt: list[int]) -> int:
        pairs = zip(self.cells, prompt[:-1], strict=False)  # the last token is always evaluated: it gives the logits
        return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))


class Engine:
    """Answers with the model file at `path`. Loading blocks; afterwards one thread of its own does all the work.

    `context` is the number of tokens that all conversations share; no single one gets more than the model was trained
    for. `slots` answers run at once, `queue_limit` more may wait. `gpu_layers` -1 puts all layers on the GPU, if
    llama.cpp was built for one. `threads` 0 means one for each core.

    Raises InvalidInput when the file is missing, damaged or holds no chat model, Unavailable without llama-cpp-python.
    """

    def __init__(
        self,
        path: Path,
        *,
        context: int = 8192,
        slots: int = 8,
        gpu_layers: int = 0,
        threads: int = 0,
        batch: int = 512,
        queue_limit: int = 64,
        repack: bool = False,
    ) -> None:
        if not 1 <= slots <= 64:
            raise InvalidInput(f"The number of answers at once must be from 1 to 64, not {slots}.")
        if batch < 2 * slots:
            raise InvalidInput(f"A batch must hold at least twice as many tokens as there are answers, not {batch}.")
        self.name = path.stem
        self.failure: str | None = None
        # as many again, for conversations that may come back
        self._sequences = [_Sequence(number) for number in range(2 * slots)]
        self._llama = Llama(
            path,
            context=context,
            sequences=len(self._sequences),
            gpu_layers=gpu_layers,
            threads=threads,
            batch=batch,
            repack=repack,
            abort=self._abort,
        )
        self.context = self._llama.context
        self.window = min(self._llama.context, self._llama.trained)
        self._slots, self._batch, self._queue_limit = slots, batch, queue_limit
        self._waiting: deque[Generation] = deque()
        self._changed = threading.Condition()
        self._closing = False
        self._reading: list[Generation] = []  # in a step that may be broken off: nobody's answer is in it
        self._cost = 0.02  # seconds a prompt token, measured as it goes
        self._strikes = 0
        self._figures = dict.fromkeys(
            ("steps", "decode_seconds", "busy_seconds", "prompt_tokens", "reused_tokens", "answer_tokens"), 0.0
        )
        self._thread = threading.Thread(target=self._run, name="llm-engine", daemon=True)
        self._thread.start()

    def submit(self, messages: Sequence[dict[str, str]], sampling: Sampling, sink: Sink) -> Generation:
        """Queue an answer. `sink` gets its events, in order, on the engine's thread: it must not block.

        The last event is Finished or Failed, always. Raises InvalidInput when the prompt does not fit the model, Busy
        when the queue is full, Unavailable when the engine has failed; then there are no events.
        """
        self._check()
        prompt = self.prompt_tokens(messages)
        if len(prompt) >= self.window:
            raise InvalidInput(
                f"The question with its sources is {len(prompt)} tokens long, but the model can read "
                f"{self.window - 1}. Start a new chat, ask a shorter question, or give the model a larger context."
            )
        generation = Generation(
            prompt, sampling, sink, limit=max(1, min(sampling.max_tokens, self.window - len(prompt)))
        )
        with self._changed:
            self._check()
            if len(self._waiting) >= self._queue_limit:
                raise Busy("models", f"{len(self._waiting)} questions are waiting already. Try again in a minute.")
            self._waiting.append(generation)
            self._changed.notify()
        return generation

    def prompt_tokens(self, messages: Sequence[dict[str, str]]) -> list[int]:
        """The prompt as the model reads it: control tokens come from the template only, never from a message."""
        tokens: list[int] = []
        for part in self._llama.template.render(messages):
            tokens += self._llama.tokenize(part.text, control=part.frame)
        return tokens if tokens[:1] == self._llama.start else self._llama.start + tokens

    def tokenize(self, text: str) -> list[int]:
        """Plain text as tokens, without any control token. Raises Unavailable when the engine has failed."""
        self._check()
        return self._llama.tokenize(text, control=False)

    def figures(self) -> dict[str, float]:
        """Counters since the start, and how many answers run and wait now."""
        with self._changed:
            waiting = len(self._waiting)
        running = sum(1 for sequence in self._sequences if sequence.generation)
        return {**self._figures, "running": running, "waiting": waiting}

    def stop(self) -> None:
        """Within a step. Answers on their way end with Failed, new ones are refused. May be called twice."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()

    def close(self) -> None:
        """Stop, and give the memory back. May be called twice, but by nobody while another call is on its way."""
        self.stop()
        self._llama.close()

    # From here on everything runs on the engine's thread.

    def _run(self) -> None:
        reason = "The language model is being stopped. Ask again in a moment."
        try:
            while self._wait():
                started = time.perf_counter()
                self._drop_cancelled()
                self._admit()
                self._step()
                self._figures["busy_seconds"] += time.perf_counter() - started
        except Exception:
            log.exception("the language model's loop ended")
            reason = "The language model has failed and must be restarted. The log of the models process says why."
        with self._changed:
            self.failure = reason
            waiting = list(self._waiting)
            self._waiting.clear()
        running = [sequence.generation for sequence in self._sequences if sequence.generation]
        for sequence in self._sequences:
            self._release(sequence)
        for generation in running + waiting:
            generation.tell(Failed(Unavailable("models", reason)))

    def _wait(self) -> bool:
        """Until there is work: True, or the engine is closed: False."""
        with self._changed:
            while not (self._closing or self._waiting or any(sequence.generation for sequence in self._sequences)):
                self._changed.wait()
            return not self._closing

    def _check(self) -> None:
        if self.failure or self._closing:
            raise Unavailable("models", self.failure or "The language model is being stopped. Ask again in a moment.")

    def _drop_cancelled(self) -> None:
        for sequence in self._sequences:
            if sequence.generation and sequence.generation.cancelled:
                self._finish(sequence, "cancelled")
        with self._changed:
            dropped = [generation for generation in self._waiting if generation.cancelled]
            for generation in dropped:
                self._waiting.remove(generation)
        for generation in dropped:
            generation.finished("cancelled")

    def _admit(self) -> None:
        """Give waiting requests a sequence, first come first served, while their whole answers have room."""
        while True:
            with self._changed:
                generation = self._waiting[0] if self._waiting else None
            active = [sequence for sequence in self._sequences if sequence.generation]
            taken = sum(sequence.generation.room for sequence in active if sequence.generation)
            if generation is None or len(active) == self._slots or taken + generation.room > self.context:
                break
            with self._changed:
                self._waiting.popleft()
            self._place(generation)
            self._shed()
        with self._changed:
            waiting = list(self._waiting)
        for place, generation in enumerate(waiting, 1):
            generation.queued(place)

    def _place(self, generation: Generation) -> None:
        prompt = generation.prompt
        idle = [sequence for sequence in self._sequences if sequence.generation is None]
        nearest = max(self._sequences, key=lambda sequence: sequence.shared(prompt))
        shared = nearest.shared(prompt)
        chosen = nearest
        if nearest.generation or 2 * shared < len(nearest.cells):  # busy, or another conversation: leave it whole
            chosen = min(idle, key=lambda sequence: (bool(sequence.cells), sequence.used))
        if chosen is not nearest and shared > chosen.shared(prompt):
            self._cut(chosen, 0)
            self._llama.share(nearest.id, chosen.id, shared)
            chosen.cells = prompt[:shared]
        else:
            self._cut(chosen, chosen.shared(prompt))
        generation.reused = len(chosen.cells)
        self._figures["reused_tokens"] += generation.reused
        chosen.todo = prompt[len(chosen.cells) :]
        chosen.sampler = self._llama.sampler(generation.sampling)
        chosen.generation = generation
        chosen.used = time.monotonic()
        generation.tell(Reading(queue=0, read=len(chosen.cells), total=len(prompt)))

    def _shed(self) -> None:
        """Forget idle conversations, the least recently used first, until what is promised has room.

        Cells that sequences share count for each, so this errs on the safe side.
        """
        idle = [sequence for sequence in self._sequences if sequence.cells and not sequence.generation]
        filled = sum(
            sequence.generation.room if sequence.generation else len(sequence.cells) for sequence in self._sequences
        )
        for sequence in sorted(idle, key=lambda sequence: sequence.used):
            if filled <= self.context:
                break
            filled -= len(sequence.cells)
            self._cut(sequence, 0)

    def _cut(self, sequence: _Sequence, count: int) -> None:
        """Keep the first `count` cells, or none where the model's memory can't be cut in the middle."""
        if not self._llama.keep(sequence.id, count):
            self._llama.keep(sequence.id, 0)
            count = 0
        sequence.todo = sequence.cells[count:] + sequence.todo if sequence.generation else []
        del sequence.cells[count:]

    def _step(self) -> None:
        shares = self._shares()
        if not shares:
            return
        if all(count > 1 for _, count in shares):
            self._reading = [sequence.generation for sequence, _ in shares if sequence.generation]
        started = time.perf_counter()
        result = self._llama.decode(
            [
                Piece(sequence.id, len(sequence.cells), sequence.todo[:count], count == len(sequence.todo))
                for sequence, count in shares
            ]
        )
        seconds = time.perf_counter() - started
        self._reading = []
        self._figures["steps"] += 1
        self._figures["decode_seconds"] += seconds
        if result is not Result.DONE:
            self._recover(result, [sequence for sequence, _ in shares])
            return
        self._strikes = 0
        tokens = sum(count for _, count in shares)
        if tokens > 16:  # smaller steps take as long as one token does
            self._cost = 0.8 * self._cost + 0.2 * seconds / tokens
        self._advance(shares)

    def _shares(self) -> list[tuple[_Sequence, int]]:
        """Which sequences take part in the next step, each with how many of its tokens."""
        active = [sequence for sequence in self._sequences if sequence.generation]
        shares = [(sequence, 1) for sequence in active if len(sequence.todo) == 1]
        room = int(_STEP / self._cost) if shares else max(64, int(_READING_STEP / self._cost))
        room = min(self._batch - len(shares), max(17, room))
        for sequence in sorted(active, key=lambda sequence: sequence.used):
            if len(sequence.todo) > 1 and room > 0:
                shares.append((sequence, min(room, len(sequence.todo))))
                room -= shares[-1][1]
        return shares

    def _advance(self, shares: list[tuple[_Sequence, int]]) -> None:
        """Take over what a step has evaluated, and sample the next token of each sequence that is through."""
        row = -1
        for sequence, count in shares:
            row += count
            generation = sequence.generation
            assert generation is not None
            sequence.cells += sequence.todo[:count]
            del sequence.todo[:count]
            if generation.answered == 0:
                self._figures["prompt_tokens"] += count
                generation.tell(Reading(queue=0, read=len(sequence.cells), total=len(generation.prompt)))
            if not sequence.todo:
                self._answer(sequence, generation, self._llama.sample(sequence.sampler, row))

    def _answer(self, sequence: _Sequence, generation: Generation, token: int) -> None:
        if self._llama.ends(token):
            self._finish(sequence, "stop")
            return
        generation.answered += 1
        self._figures["answer_tokens"] += 1
        if text := generation.decoder.decode(self._llama.piece(token)):  # empty in the middle of a character
            generation.tell(text)
        if generation.answered == generation.limit:
            self._finish(sequence, "length")
        else:
            sequence.todo = [token]

    def _finish(self, sequence: _Sequence, reason: str) -> None:
        generation = sequence.generation
        assert generation is not None
        self._release(sequence)
        if rest := generation.decoder.decode(b"", final=True):
            generation.tell(rest)
        generation.finished(reason)

    def _release(self, sequence: _Sequence) -> None:
        if sequence.generation:
            self._llama.free(sequence.sampler)
            sequence.generation, sequence.sampler, sequence.todo = None, None, []
            sequence.used = time.monotonic()

    def _recover(self, result: Result, sequences: list[_Sequence]) -> None:
        """After a step that failed: back to where it began, then make room or give up what can't go on."""
        for sequence in sequences:
            self._cut(sequence, len(sequence.cells))
        if result is Result.ABORTED:
            return
        if result is Result.FULL:
            idle = [sequence for sequence in self._sequences if sequence.cells and not sequence.generation]
            if idle:
                self._cut(min(idle, key=lambda sequence: sequence.used), 0)
                return
            sequences = [max(sequences, key=lambda sequence: sequence.used)]
            error: Unavailable = Busy(
                "models", "The language model has no room for this question now. Try again in a minute."
            )
        else:
            self._strikes += 1
            error = Unavailable("models", "The language model failed on this question. Try again, or ask differently.")
        log.error("llama.cpp could not do a step: %s", result.name)
        for sequence in sequences:
            generation = sequence.generation
            assert generation is not None
            self._release(sequence)
            self._cut(sequence, 0)
            generation.tell(Failed(error))
        if self._strikes >= _STRIKES:
            raise RuntimeError(f"{_STRIKES} steps failed in a row")

    def _abort(self) -> bool:
        """Asked by llama.cpp within a step: whether to break it off. Answers on their way are never broken off."""
        return self._closing or any(generation.cancelled for generation in self._reading)
