"""llama.cpp behind a queue: one thread owns a model and its context and answers many conversations at once.

Continuous batching: each step is one `llama_decode` that holds a token of every answering sequence and then pieces of
the prompts that are still to be read. A request takes the sequence that shares the longest beginning with its prompt;
what is shared is not read again. Sequences of finished answers are kept until their room is needed.

Not covered: llama.cpp's own interface (`llama`), HTTP (`llm_server`), the wording of prompts (`prompt`), measuring
which way of loading suits the machine, who waits (`waiting`).
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from collections.abc import Sequence as Ordered
from pathlib import Path

from app.chat_template import ChatTemplate, runs
from app.generation import Failed, Generation, Sink
from app.llama import Llama, Piece, Result, Sampling
from app.llm import Reading
from app.loras import Find, Loras
from app.pace import GUESSED, Pace, Steps
from app.sequences import Sequence, Sequences, shared
from app.step import Shares, Step
from app.waiting import STOPPING, Waiting
from storage.errors import Busy, InvalidInput, Unavailable

log = logging.getLogger(__name__)

_PACES = ("reading_tokens_per_second", "answering_tokens_per_second")
GAUGES = frozenset(("running", "waiting", "parked_bytes", "step_target_seconds", *_PACES))  # others are counters
_COUNTERS = ("steps", "decode_seconds", "busy_seconds", "prompt_tokens", "reused_tokens", "answer_tokens")
_NICENESS = 5  # the page with the evidence is drawn before its answer is computed; ingestion comes after both
_NEARLY = 64  # tokens: a prompt with no more of them to read need not wait for longer ones
_KEPT = 2  # sequences for each slot: as many again, for conversations that may come back
_STRIKES = 3  # failed steps in a row after which the context is taken to be broken


class Engine:
    """Answers with the model file at `path`. Loading blocks; afterwards one thread of its own does all the work.

    `context` is the number of tokens that all conversations share; no single one gets more than the model was trained
    for. `slots` answers run at once, `queue_limit` more may wait. `gpu_layers` -1 puts all layers on the GPU, if
    llama.cpp was built for one. `threads` 0 means one for each core. `repack` and `pace` are what `tuning` measures;
    `find_adapter` gives the file of a LoRA adapter, which may come and go; those not made for this model are left out.
    `step_seconds` as `pace.Steps` has it, `parked_bytes` as `Sequences`.

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
        pace: Pace = GUESSED,
        step_seconds: float = 0.0,
        parked_bytes: int = 2**30,
        find_adapter: Find | None = None,
    ) -> None:
        _check_sizes(slots, batch)
        self.name = path.stem
        self._llama = Llama(
            path,
            context=context,
            sequences=_KEPT * slots + 1,
            gpu_layers=gpu_layers,
            threads=threads,
            batch=batch,
            repack=repack,
            abort=self._abort,
        )
        self._loras = Loras(self._llama, path, find_adapter)
        self._sequences = Sequences(self._llama, _KEPT * slots, parked_bytes=parked_bytes)
        self.context = self._llama.context
        self.window = min(self._llama.context, self._llama.trained)
        self._slots, self._batch = slots, batch
        self._waiting = Waiting(queue_limit)
        self._steps = Steps(pace, batch=batch, target=step_seconds)
        self._under_way: Step | None = None
        self._yielded, self._strikes = False, 0  # the last step was broken off; so many failed on end
        self._figures = dict.fromkeys(_COUNTERS, 0.0)
        self._thread = threading.Thread(target=self._run, name="llm-engine", daemon=True)
        self._thread.start()

    @property
    def failure(self) -> str | None:
        """Why it answers nothing any more."""
        return self._waiting.failure

    def submit(
        self, messages: Ordered[dict[str, str]], sampling: Sampling, sink: Sink, *, adapter: str = ""
    ) -> Generation:
        """Queue an answer. `sink` gets its events, in order, on the engine's thread: it must not block.

        With the name of an `adapter` for this model it is written by the model so adapted, else by the model alone.

        The last event is Finished or Failed, always. Raises InvalidInput when the prompt does not fit the model, Busy
        when the queue is full, Unavailable when the engine has failed; then there are no events.
        """
        self._waiting.check()
        prompt = self.prompt_tokens(messages)
        if len(prompt) >= self.window:
            raise InvalidInput(
                f"The question with its sources is {len(prompt)} tokens long, but the model can read "
                f"{self.window - 1}. Start a new chat, ask a shorter question, or give the model a larger context."
            )
        generation = Generation(
            prompt,
            sampling,
            sink,
            limit=max(1, min(sampling.max_tokens, self.window - len(prompt))),
            adapter=self._loras.usable(adapter),
        )
        self._waiting.add(generation)
        return generation

    def warm(self, messages: Ordered[dict[str, str]]) -> None:
        """Read what all prompts that begin with these messages share, and keep it for them until the next call.

        Does not wait. Raises as `submit` does.
        """
        self._waiting.check()
        one, other = (self.prompt_tokens([*messages, {"role": "user", "content": word}]) for word in ("a", "b"))
        beginning = one[: shared(one, other)]
        if not beginning or 2 * len(beginning) > self.window:
            return
        self._waiting.add(Generation(beginning, Sampling(), lambda _: None, limit=1, pinned=True))

    def wrap_template(self, wrap: Callable[[ChatTemplate], ChatTemplate]) -> None:
        """Render prompts with what `wrap` makes of the model's own template. Before the first question."""
        self._llama.template = wrap(self._llama.template)

    def prompt_tokens(self, messages: Ordered[dict[str, str]]) -> list[int]:
        """The prompt as the model reads it: control tokens come from the template only, never from a message."""
        tokens: list[int] = []
        for part in runs(self._llama.template.render(messages), self._llama.controls):
            tokens += self._llama.tokenize(part.text, control=part.frame)
        return tokens if tokens[:1] == self._llama.start else self._llama.start + tokens

    def tokenize(self, text: str) -> list[int]:
        """Plain text as tokens, without any control token. Raises Unavailable when the engine has failed."""
        self._waiting.check()
        return self._llama.tokenize(text, control=False)

    def figures(self) -> dict[str, float]:
        """Counters since the start, and how many answers run and wait now."""
        return {
            **self._figures,
            "running": len(self._sequences.active),
            "waiting": len(self._waiting),
            "parked_bytes": self._sequences.parked_bytes,
            "step_target_seconds": self._steps.target,
            "reading_tokens_per_second": self._steps.reading,
            "answering_tokens_per_second": self._steps.pace.answering,
        }

    def stop(self) -> None:
        """Within a step. Answers on their way end with Failed, new ones are refused. May be called twice."""
        self._waiting.close()
        self._thread.join()

    def close(self) -> None:
        """Stop, and give the memory back. May be called twice, but by nobody while another call is on its way."""
        self.stop()
        self._llama.close()

    # From here on everything runs on the engine's thread.

    def _run(self) -> None:
        if sys.platform == "linux":  # where it is this thread's alone, and of those that it starts
            os.setpriority(os.PRIO_PROCESS, 0, os.getpriority(os.PRIO_PROCESS, 0) + _NICENESS)
        reason = STOPPING
        try:
            while self._waiting.wait(lambda: self._sequences.active):
                started = time.perf_counter()
                self._drop_cancelled()
                self._admit()
                self._step()
                self._figures["busy_seconds"] += time.perf_counter() - started
        except Exception:
            log.exception("the language model's loop ended")
            reason = "The language model has failed and must be restarted. The log of the models process says why."
        waiting = self._waiting.end(reason)
        running = [sequence.generation for sequence in self._sequences.active if sequence.generation]
        for sequence in self._sequences.all:
            self._sequences.release(sequence)
        for generation in running + waiting:
            generation.tell(Failed(Unavailable("models", reason)))

    def _drop_cancelled(self) -> None:
        for sequence in self._sequences.active:
            if sequence.generation and sequence.generation.cancelled:
                self._finish(sequence, "cancelled")
        self._waiting.drop_cancelled()

    def _admit(self) -> None:
        """Give waiting requests a sequence, first come first served, while their whole answers have room."""
        while generation := self._waiting.first():
            active = self._sequences.active
            taken = sum(sequence.generation.room for sequence in active if sequence.generation)
            if len(active) == self._slots or taken + generation.room > self.context:
                break
            self._place(self._waiting.take())
        self._waiting.tell_places()

    def _place(self, generation: Generation) -> None:
        sequence = self._sequences.take(generation)
        self._figures["reused_tokens"] += generation.reused
        generation.tell(Reading(queue=0, read=len(sequence.cells), total=len(generation.prompt)))

    def _step(self) -> None:
        shares = self._shares()
        if not shares:
            return
        pieces = [
            Piece(sequence.id, len(sequence.cells), sequence.todo[:count], count == len(sequence.todo))
            for sequence, count in shares
        ]
        tokens = sum(count for _, count in shares)
        self._under_way = step = Step(shares, self._steps.expected(tokens), self._may_yield(shares))
        result = self._llama.decode(pieces)
        self._under_way = None
        seconds = time.perf_counter() - step.started
        self._figures["steps"] += 1
        self._figures["decode_seconds"] += seconds
        self._yielded = result is Result.ABORTED
        if result is not Result.DONE:
            self._recover(result, [sequence for sequence, _ in shares])
            return
        self._strikes = 0
        self._steps.took(tokens, seconds)
        self._advance(shares)

    def _shares(self) -> Shares:
        """Which sequences take part in the next step, each with how many of its tokens.

        Prompts are read in the order of their coming, but one that is nearly through goes first, in a short step.
        A step has one adapter; where there are answers with several, they take turns.
        """
        active = self._of_one_adapter(self._sequences.active)
        shares = [(sequence, 1) for sequence in active if len(sequence.todo) == 1]
        nearly = sum(len(sequence.todo) for sequence in active if len(sequence.todo) <= _NEARLY)
        room = self._steps.beside(len(shares)) if nearly else self._steps.alone()
        if not shares:
            room = min(self._batch, max(room, nearly))
        for sequence in sorted(active, key=lambda sequence: (len(sequence.todo) > _NEARLY, sequence.used)):
            if len(sequence.todo) > 1 and room > 0:
                shares.append((sequence, min(room, len(sequence.todo))))
                room -= shares[-1][1]
        return shares

    def _of_one_adapter(self, active: list[Sequence]) -> list[Sequence]:
        if not active:
            return active
        turn = self._loras.take_turn({sequence.adapter for sequence in active})
        return [sequence for sequence in active if sequence.adapter == turn]

    def _may_yield(self, shares: Shares) -> bool:
        """Whether a step may be broken off for somebody who comes: nobody's answer waits for it, and not twice on end,
        so that prompts are read however many come."""
        free = len(self._sequences.active) < self._slots
        return free and not self._yielded and all(count > 1 for _, count in shares)

    def _advance(self, shares: Shares) -> None:
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
            if sequence.todo:
                continue
            if generation.pinned:
                self._finish(sequence, "stop")
            else:
                self._answer(sequence, generation, generation.next_token(self._llama, sequence.sampler, row))

    def _answer(self, sequence: Sequence, generation: Generation, token: int) -> None:
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

    def _finish(self, sequence: Sequence, reason: str) -> None:
        generation = sequence.generation
        assert generation is not None
        self._sequences.release(sequence)
        if rest := generation.decoder.decode(b"", final=True):
            generation.tell(rest)
        generation.finished(reason)

    def _recover(self, result: Result, sequences: list[Sequence]) -> None:
        """After a step that failed: back to where it began, then make room or give up what can't go on."""
        for sequence in sequences:
            self._sequences.cut(sequence, len(sequence.cells))
        if result is Result.ABORTED:
            return
        if result is Result.FULL:
            idle = [sequence for sequence in self._sequences.idle if sequence.cells]
            if idle:
                self._sequences.leave(min(idle, key=lambda sequence: sequence.used))
                return
            if self._sequences.pinned.cells and not self._sequences.pinned.generation:
                self._sequences.cut(self._sequences.pinned, 0)
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
            self._sequences.release(sequence)
            self._sequences.cut(sequence, 0)
            generation.tell(Failed(error))
        if self._strikes >= _STRIKES:
            raise RuntimeError(f"{_STRIKES} steps failed in a row")

    def _abort(self) -> bool:
        """Asked by llama.cpp many times within a step: whether to break it off. The others then do their part again."""
        step = self._under_way
        if self._waiting.closing or step is None:
            return self._waiting.closing
        return step.breaks_off(somebody_waits=bool(self._waiting))


def _check_sizes(slots: int, batch: int) -> None:
    if not 1 <= slots <= 64:
        raise InvalidInput(f"The number of answers at once must be from 1 to 64, not {slots}.")
    if batch < 2 * slots:
        raise InvalidInput(f"A batch must hold at least twice as many tokens as there are answers, not {batch}.")
