"""Waiting for what has to happen: a busy machine is slow, not wrong."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE = 150.0  # seconds; a test as a whole has 300


def until(condition: Callable[[], object], what: object = "it did not happen in time") -> None:
    """Wait until `condition` holds. AssertionError with `what`, called if it can be, when patience ends."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, what() if callable(what) else what
        time.sleep(0.02)
