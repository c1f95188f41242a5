"""The language model that answers, and its change for another one while questions come in.

Where memory holds both, the new model is loaded beside the old one and takes over in one moment; else the old one
finishes its answers and goes first. Answers on their way are never cut short for a change, unless they take longer
than `PATIENCE`; then they are told. A model that can't be loaded leaves the old one, or brings it back.

Not covered: how a model answers (`llm_engine`), which files there are (`model_shelf`).
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from app.llm_engine import Engine
from app.loading import Loading
from app.model_list import Change
from storage.errors import Conflict, Unavailable

log = logging.getLogger(__name__)

PATIENCE = 300.0  # seconds that answers of the old model get to their end
_LOOK = 0.05
_WHAT = "language model"


class ChatModels:
    """One model answers at a time. May be used from any thread."""

    def __init__(self, first: Callable[[], Engine] | None, *, patience: float = PATIENCE) -> None:
        self._now: Loading[Engine] = Loading(_WHAT, first)
        self._make: Callable[[], Engine] | None = first  # of what answers now, or answered last
        self._patience = patience
        self._lock = threading.Lock()
        self._held: Counter[Engine] = Counter()
        self._old: list[Engine] = []
        self._change: Change | None = None
        self._beginning: Sequence[dict[str, str]] = ()
        self._closed = False

    @property
    def now(self) -> Loading[Engine]:
        return self._now

    def start(self) -> None:
        self._now.start()

    @contextmanager
    def engine(self) -> Iterator[Engine]:
        """The model that answers; nobody closes it inside the block. Raises Unavailable while there is none."""
        with self._lock:
            engine = self._now.get()
            self._held[engine] += 1
        try:
            yield engine
        finally:
            with self._lock:
                self._held[engine] -= 1

    def warm(self, messages: Sequence[dict[str, str]]) -> None:
        """As `Engine.warm`, also for models that take over later."""
        self._beginning = messages
        with self.engine() as engine:
            engine.warm(messages)

    def reason(self) -> str:
        """Why no model answers now; "" while one does."""
        loading = self._now
        return (loading.part.failure or "") if loading.part else loading.reason

    def change(self) -> Change | None:
        """The change under way, or the last one; None where nothing was ever changed."""
        with self._lock:
            if self._change is None or not self._change.under_way:
                return self._change
            finishing = sum(_busy(engine) for engine in self._old)
            return Change(self._change.to, True, finishing=finishing)

    def begin(
        self, name: str, make: Callable[[], Engine], *, beside: bool, done: Callable[[], object] = lambda: None
    ) -> None:
        """Change to what `make` makes, in the background. `done` is called once it answers.

        Raises Conflict while another change, or the first loading, is under way.
        """
        with self._lock:
            self._require_still()
            self._change = Change(name, under_way=True)
        target = self._beside if beside else self._after
        threading.Thread(target=self._run, args=(target, name, make, done), name="change model", daemon=True).start()

    def take_away(self) -> None:
        """From now on no model answers; answers on their way are finished by the one that did.

        Raises Conflict as `begin` does, and where there is none.
        """
        with self._lock:
            self._require_still()
            if not self._now.wanted:
                raise Conflict("No language model answers already.")
            self._change = None
        self._let_go(self._take(Loading(_WHAT, None), None))

    def stop(self) -> None:
        """End the answers on their way. No change begins any more."""
        with self._lock:
            self._closed = True
            engines = [*self._old, *([self._now.part] if self._now.part else [])]
        for engine in engines:
            engine.stop()

    def close(self) -> None:
        with self._lock:
            self._closed = True
            engines = [*self._old, *([self._now.part] if self._now.part else [])]
            self._old.clear()
        for engine in engines:
            engine.close()

    def _require_still(self) -> None:
        """With the lock held."""
        if self._closed:
            raise Unavailable("models", "The models process is ending. Try again in a moment.")
        if (self._change and self._change.under_way) or self._now.under_way:
            raise Conflict("A language model is being loaded. Wait until it answers.")

    def _run(
        self,
        change: Callable[[str, Callable[[], Engine]], str],
        name: str,
        make: Callable[[], Engine],
        done: Callable[[], object],
    ) -> None:
        problem = "The change of the language model failed. The log of the models process says why."
        try:
            problem = change(name, make)
            if not problem:
                done()
            if self._beginning and not self.reason():
                self.warm(self._beginning)
        except Exception:
            log.exception("changing the language model failed")
        finally:
            with self._lock:
                self._change = Change(name, under_way=False, problem=problem)

    def _beside(self, name: str, make: Callable[[], Engine]) -> str:
        """Load, take over, let the old one finish. Returns why it could not be loaded, or ""."""
        coming = Loading(_WHAT, make)
        coming.load()
        if coming.part is None:
            return coming.reason
        self._let_go(self._take(coming, make))
        return ""

    def _after(self, name: str, make: Callable[[], Engine]) -> str:
        """Let the old one finish and go, then load; where that fails, load the old one again."""
        before = self._make
        coming = Loading(_WHAT, make)
        coming.reason = f"The language model is being changed for {name}."
        old = self._take(coming, make)
        if old:
            self._retire(old)
        coming.load()
        if coming.part is not None:
            return coming.reason
        if before is None:
            self._take(Loading(_WHAT, None), None)
            return coming.reason
        again = Loading(_WHAT, before)
        self._take(again, before)
        again.load()
        return coming.reason

    def _take(self, coming: Loading[Engine], make: Callable[[], Engine] | None) -> Engine | None:
        """From now on `coming` is asked. Returns the model that was, which no new question reaches."""
        with self._lock:
            old, self._now, self._make = self._now.part, coming, make
            if old:
                self._old.append(old)
            return old

    def _let_go(self, old: Engine | None) -> None:
        if old:
            threading.Thread(target=self._retire, args=(old,), name="retire model", daemon=True).start()

    def _retire(self, old: Engine) -> None:
        """Close a model once its answers have ended."""
        deadline, quiet = time.monotonic() + self._patience, 0
        while time.monotonic() < deadline and not self._closed:
            with self._lock:
                held = self._held[old]
            quiet = 0 if held or _busy(old) else quiet + 1
            if quiet == 2:  # twice: between the queue and its place an answer is counted in neither
                break
            time.sleep(_LOOK)
        old.stop()  # what still runs is told
        while self._held[old]:  # its last callers are on their way out
            time.sleep(_LOOK)
        with self._lock:
            self._held.pop(old, None)
            if old not in self._old:  # `close` was quicker
                return
            self._old.remove(old)
        old.close()


def _busy(engine: Engine) -> int:
    figures = engine.figures()
    return int(figures["running"] + figures["waiting"])
