"""A part of the models process that takes its time to be there."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from storage.errors import FootnoteError, Unavailable

log = logging.getLogger(__name__)

Part = TypeVar("Part")


class Loading(Generic[Part]):
    """A part that is being made in a thread of its own. Nothing waits for it: `get` says what is missing."""

    def __init__(self, what: str, make: Callable[[], Part] | None) -> None:
        self._what = what
        self._make = make
        self._part: Part | None = None
        self.failed: float | None = None  # when, by time.monotonic()
        self.reason = f"The {what} is being loaded." if make else f"No {what} is set up here."

    @property
    def wanted(self) -> bool:
        return self._make is not None

    @property
    def part(self) -> Part | None:
        return self._part

    @property
    def under_way(self) -> bool:
        return self.wanted and self._part is None and self.failed is None

    def start(self) -> None:
        if self._make:
            threading.Thread(target=self.load, name=f"load {self._what}", daemon=True).start()

    def load(self) -> None:
        """In the caller's thread. What goes wrong is the reason that `get` gives."""
        assert self._make is not None
        started = time.monotonic()
        try:
            self._part = self._make()
        except FootnoteError as error:
            self.reason, self.failed = str(error), time.monotonic()
            log.error("the %s can't be loaded: %s", self._what, error)
        except Exception as error:  # whatever a library raises is the reason to show
            self.reason = f"The {self._what} can't be loaded: {error}. The log of the models process says more."
            self.failed = time.monotonic()
            log.exception("the %s can't be loaded", self._what)
        else:
            self.reason = ""
            log.info("the %s is ready after %.1f s", self._what, time.monotonic() - started)

    def get(self) -> Part:
        if self._part is None:
            raise Unavailable("models", self.reason)
        return self._part
