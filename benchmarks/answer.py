"""The models process held to its bars: a model of Llama 3 8B's shape beside llama.cpp's own loop and llama-cpp-python.

    python benchmarks/answer.py [--layers 8] [--rounds 3] [--write]

Each pair is measured in turn within one run, and the best (or, for gaps, the worst) of the rounds counts. The weights
are random (`random_llama`): they cost the same time as real ones. `--layers 8` takes a quarter of the time. On a
machine with a GPU that llama.cpp was built for, the same command puts the layers there. `--write` puts the table into
docs/answers.md.
"""

from __future__ import annotations

import argparse
import os
import queue
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import random_llama
import tables
from llama_cpp import Llama as Plain
from llama_cpp import llama_supports_gpu_offload

from app.cite import Resolver
from app.generation import Event, Failed, Finished
from app.llama import Llama, Piece, Sampling
from app.llm_engine import Engine
from app.markers import Markers
from app.prompt import SYSTEM
from app.tuning import Tuning, Tunings
from storage.types import Passage

PAGE = Path(__file__).resolve().parents[1] / "docs" / "answers.md"
PROMPT, FOLLOW_UP, WRITTEN = 1000, 40, 32  # tokens
USERS = (1, 2, 4, 8)
WORDS = "refund days contract price policy manual staff travel remote leave bank safety vendor budget visitor".split()
HOUSE = {"role": "system", "content": SYSTEM}
BARE = 4 * 2**28  # bytes read to measure the memory: far more than caches hold


@dataclass(frozen=True)
class Bar:
    """One line of the table. `held` None: nothing to hold it to here."""

    what: str
    ours: str
    beside: str
    bar: str
    held: bool | None

    def __post_init__(self) -> None:
        print(" | ".join(filter(None, self.cells())), file=sys.stderr, flush=True)  # it is a long run

    def cells(self) -> tuple[str, ...]:
        return (self.what, self.ours, self.beside, self.bar, {True: "yes", False: "**no**", None: ""}[self.held])


class Asked:
    """One question to an engine, and when what came back."""

    def __init__(self, engine: Engine, *contents: str, tokens: int = WRITTEN) -> None:
        roles = ["user", "assistant"] * len(contents)
        turns = [{"role": role, "content": text} for role, text in zip(roles, contents, strict=False)]
        self._news: queue.SimpleQueue[tuple[float, Event]] = queue.SimpleQueue()
        self.words: list[float] = []
        self.text = ""
        self.started = time.perf_counter()
        self.generation = engine.submit(
            [HOUSE, *turns], Sampling(tokens, temperature=0), lambda event: self._news.put((time.perf_counter(), event))
        )

    def until(self, condition: Callable[[Event], bool]) -> float:
        while True:
            at, event = self._news.get(timeout=600)
            if isinstance(event, Failed):
                raise event.error
            if isinstance(event, str):
                self.words.append(at)
                self.text += event
            if condition(event):
                return at
            if isinstance(event, Finished):
                raise RuntimeError("the answer ended too soon")

    def end(self) -> float:
        return self.until(lambda event: isinstance(event, Finished))

    def first(self) -> float:
        """Seconds to the first token. Pieces of characters bring no text, so it is told by the count."""
        while self.generation.answered == 0:
            time.sleep(0.001)
        return time.perf_counter() - self.started


def text(engine: Engine, tokens: int, seed: int) -> str:
    """Words whose prompt has about so many tokens beyond the system's."""
    chance = random.Random(seed)
    words = [f"{seed}", *(chance.choice(WORDS) for _ in range(tokens))]
    while len(engine.tokenize(" ".join(words))) > tokens:
        del words[-5:]
    return " ".join(words)


def overhead(engine: Engine, users: int) -> float:
    """The share of its busy time that the loop spends outside of llama.cpp."""
    before = engine.figures()
    for asked in [Asked(engine, text(engine, 60, 100 + number)) for number in range(users)]:
        asked.end()
    after = engine.figures()
    busy, decode = (after[name] - before[name] for name in ("busy_seconds", "decode_seconds"))
    return (busy - decode) / busy


def rate(engine: Engine, users: int) -> float:
    """Tokens a second of all answers together, while all of them are being written."""
    asked = [Asked(engine, text(engine, 20, 200 + number)) for number in range(users)]
    while not all(one.generation.answered for one in asked):
        time.sleep(0.001)
    started, before = time.perf_counter(), engine.figures()["answer_tokens"]
    while all(one.generation.answered < WRITTEN - 1 for one in asked) and engine.figures()["running"] == users:
        time.sleep(0.001)
    seconds, written = time.perf_counter() - started, engine.figures()["answer_tokens"] - before
    for one in asked:
        one.end()
    return written / seconds


def raw_rate(llama: Llama, users: int) -> float:
    """The same by bare `llama_decode`, without a queue, sampling or anybody who listens."""
    length, steps = 60, WRITTEN // 2
    for sequence in range(users):
        llama.keep(sequence, 0)
        llama.decode([Piece(sequence, 0, list(range(1000, 1000 + length)), True)])
    started = time.perf_counter()
    for step in range(steps):
        llama.decode([Piece(sequence, length + step, [2000 + step], True) for sequence in range(users)])
    seconds = time.perf_counter() - started
    for sequence in range(users):
        llama.keep(sequence, 0)
    return users * steps / seconds


def bandwidth() -> float:
    """Bytes a second that all cores read together."""
    numbers = np.ones(BARE // 8, np.int64)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    parts = np.array_split(numbers, cores)
    best = 0.0
    with ThreadPoolExecutor(cores) as threads:
        for _ in range(5):
            started = time.perf_counter()
            list(threads.map(np.bitwise_or.reduce, parts))  # numpy's fastest way through memory
            best = max(best, numbers.nbytes / (time.perf_counter() - started))
    return best


def gap(engine: Engine) -> float:
    """The longest pause between two tokens of an answer while another's prompt is read, after the first step beside."""
    answer = Asked(engine, text(engine, 60, 300), tokens=400)
    answer.first()
    reader = Asked(engine, text(engine, PROMPT // 2, 301), tokens=1)
    seen, at, pauses = answer.generation.answered, time.perf_counter(), list[float]()
    while reader.generation.answered == 0:
        if answer.generation.answered != seen:
            now = time.perf_counter()
            pauses.append(now - at)
            seen, at = answer.generation.answered, now
        time.sleep(0.001)
    answer.generation.cancel()
    answer.end()
    reader.end()
    return max(pauses)


def stop(engine: Engine, *, reading: bool) -> float:
    """Seconds from Stop to the slot's being free."""
    asked = Asked(engine, text(engine, PROMPT, random.randrange(10**6)), tokens=400)
    if reading:
        time.sleep(0.5 + random.random() / 2)
    else:
        asked.first()
    stopped = time.perf_counter()
    asked.generation.cancel()
    return asked.end() - stopped


def constraint(seconds_a_token: float) -> float:
    """What holding an answer's footnotes to the sources given costs, as a share of a token's time."""
    passages = tuple(
        Passage(f"c{n}", "d", "v", "Policy", "p.pdf", n, 0, 800, "", "Staff have 30 days. " * 40) for n in range(5)
    )
    pieces = [f" {word}" for word in ("Staff have 30 days of leave [2]. " * 20).split()]
    resolver, started = Resolver(passages), time.perf_counter()
    for piece in pieces:
        resolver.feed(piece)
    resolver.finish()
    return (time.perf_counter() - started) / len(pieces) / seconds_a_token


def drawing(llama: Llama, seconds_a_token: float) -> float:
    """What holding numbers to the sources costs while tokens are drawn, as a share of a token's time."""
    tokens = llama.tokenize("Staff have 30 days of leave [2]. " * 50, control=False)
    markers, started = Markers(5), time.perf_counter()
    for token in tokens:
        markers.next(token, llama, 0)
    return (time.perf_counter() - started) / len(tokens) / seconds_a_token


@contextmanager
def engines(model: Path, tuning: Tuning, gpu: int) -> Iterator[tuple[Engine, Llama, Plain]]:
    """Ours, bare llama.cpp loaded the same way, and llama-cpp-python as it comes."""
    engine = Engine(model, context=16384, gpu_layers=gpu, repack=tuning.repack, pace=tuning.pace)
    bare = Llama(
        model,
        context=2048,
        sequences=max(USERS),
        gpu_layers=gpu,
        threads=0,
        batch=512,
        repack=tuning.repack,
        abort=lambda: False,
    )
    plain = Plain(str(model), n_ctx=8192, n_gpu_layers=gpu, verbose=False)
    try:
        yield engine, bare, plain
    finally:
        engine.close()
        bare.close()
        plain.close()


def plain_first(plain: Any, tokens: list[int]) -> float:
    started = time.perf_counter()
    next(plain.generate(tokens, temp=0.0))
    return time.perf_counter() - started


def throughput(engine: Engine, bare: Llama, model: Path, rounds: int) -> list[Bar]:
    bars = []
    for users in USERS:
        pairs = [(rate(engine, users), raw_rate(bare, users)) for _ in range(rounds)]
        ours, raw = (max(figures) for figures in zip(*pairs, strict=True))
        title = f"answer tokens a second, {users} user{'s' if users > 1 else ''}"
        bars.append(Bar(title, f"{ours:.1f}", f"bare llama_decode {raw:.1f}", "90%", ours >= 0.9 * raw))
        if users == 1:
            read = model.stat().st_size - 128256 * random_llama.WIDTH * 144 // 256  # one row of the embeddings is read
            memory = bandwidth()
            share, told = ours * read / memory, f"of {memory / 1e9:.0f} GB/s read by all cores"
            bars.append(Bar("of the memory's bandwidth, 1 user", f"{share:.0%}", told, "88%", share >= 0.88))
    return bars


def readings(engine: Engine, plain: Any, rounds: int) -> list[Bar]:
    """First tokens: cold, of a follow-up, and of a follow-up after seven other conversations."""
    ours, theirs, soon, late, again = ([] for _ in range(5))
    for number in range(rounds):
        asked = text(engine, PROMPT, 1000 + 100 * number)
        tokens = engine.prompt_tokens([HOUSE, {"role": "user", "content": asked}])
        plain.reset()
        theirs.append(plain_first(plain, tokens))
        first = Asked(engine, asked, tokens=4)  # what random weights write is other tokens when it is read again
        ours.append(first.first())
        first.end()
        soon.append(follow_up(engine, asked, first, 1))
        for other in range(7):
            words = text(engine, PROMPT // 2, 1001 + 100 * number + other)
            Asked(engine, words, tokens=4).end()
        plain_first(plain, engine.prompt_tokens([HOUSE, {"role": "user", "content": words}]))
        late.append(follow_up(engine, asked, first, 2))
        again.append(plain_first(plain, [*tokens, *tokens[-FOLLOW_UP:]]))
    cold, default = min(ours), min(theirs)
    gains = [cold / min(times) for times in (soon, late)]
    return [
        Bar(
            f"first token, {PROMPT} tokens, cold",
            f"{cold:.1f} s",
            f"llama-cpp-python {default:.1f} s",
            "as soon",
            cold <= 1.02 * default,
        ),
        Bar(
            "first token of a follow-up", f"{min(soon):.2f} s", f"{gains[0]:.0f}x sooner than cold", "8x", gains[0] >= 8
        ),
        Bar(
            "the same after seven other conversations",
            f"{min(late):.2f} s",
            f"{gains[1]:.0f}x; llama-cpp-python {min(again):.1f} s",
            "8x",
            gains[1] >= 8,
        ),
    ]


def follow_up(engine: Engine, asked: str, first: Asked, seed: int) -> float:
    later = Asked(engine, asked, first.text, text(engine, FOLLOW_UP - 10, seed), tokens=2)
    seconds = later.first()
    later.end()
    return seconds


def loop(engine: Engine, rounds: int) -> list[Bar]:
    bars = []
    for users, most in ((1, 0.03), (8, 0.05)):
        share = min(overhead(engine, users) for _ in range(rounds))
        title = f"time outside llama_decode, {users} user{'s' if users > 1 else ''}"
        bars.append(Bar(title, f"{share:.1%}", "", f"{most:.0%}", share <= most))
    target, pause = engine.figures()["step_target_seconds"], statistics.median(gap(engine) for _ in range(rounds))
    bars.append(
        Bar(
            "longest pause while another prompt is read",
            f"{pause:.2f} s",
            f"target {target:.2f} s",
            "2x",
            pause <= 2 * target,
        )
    )
    for title, reading in (("Stop while the prompt is read", True), ("Stop in the answer", False)):
        seconds = max(stop(engine, reading=reading) for _ in range(2 * rounds))
        bars.append(Bar(title, f"{seconds:.2f} s", "", "0.5 s", seconds <= 0.5))
    return bars


def measured(model: Path, rounds: int, gpu: int) -> tuple[Tuning, list[Bar]]:
    with tempfile.TemporaryDirectory() as folder:
        tuning = Tunings(Path(folder), gpu_layers=gpu).measured(model)
    print(tuning.in_words(), file=sys.stderr, flush=True)
    with engines(model, tuning, gpu) as (engine, bare, plain):
        engine.warm([HOUSE])
        Asked(engine, "warm up").end()
        bars = loop(engine, rounds) + throughput(engine, bare, model, rounds) + readings(engine, plain, rounds)
        share = drawing(bare, 1 / tuning.pace.answering)
    bars.append(Bar("holding numbers to the sources as they are drawn", f"{share:.3%}", "", "1%", share <= 0.01))
    share = constraint(1 / tuning.pace.answering)
    bars.append(Bar("holding footnotes to the sources, of a token's time", f"{share:.2%}", "", "1%", share <= 0.01))
    return tuning, bars


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--layers", type=int, default=random_llama.LAYERS, help="Of the model's 32 layers.")
    parser.add_argument("--rounds", type=int, default=3, help="Of each pair.")
    parser.add_argument("--write", action="store_true", help="Put the table into docs/answers.md.")
    given = parser.parse_args()
    gpu = -1 if llama_supports_gpu_offload() else 0
    tuning, bars = measured(random_llama.model(given.layers), given.rounds, gpu)
    table = tables.markdown(("", "Footnote", "beside", "bar", "held"), [bar.cells() for bar in bars])
    where = "on the GPU" if gpu else "on the CPU"
    told = (
        f"Random weights in the shape of Llama 3 8B Q4_K_M, {given.layers} of 32 layers, {where}, llama-cpp-python "
        f"{version('llama-cpp-python')}; best of {given.rounds} rounds. {tuning.in_words().capitalize()}."
    )
    print(f"{table}\n\n{told}\n\n{tables.made()}")
    if given.write:
        tables.write("bars", f"{table}\n\n{told}", PAGE)


if __name__ == "__main__":
    main()
