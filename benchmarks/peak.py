"""The highest of a figure that is looked at again and again, while something else runs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def peak_of(figure: Callable[[], int], *, every: float) -> Iterator[Callable[[], int]]:
    """`every` is in seconds, the first look at once. What the block gets tells the highest so far."""
    highest, stop = figure(), threading.Event()

    def watch() -> None:
        nonlocal highest
        while not stop.wait(every):
            highest = max(highest, figure())

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield lambda: highest
    finally:
        stop.set()
        thread.join()
