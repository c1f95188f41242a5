"""Memory that the readers of several files share: while they hold more than they may, the later ones make room.

What is counted is the resident memory of all children of this process, text recognition's among them. The reader that
came first never waits, so that none waits for ever. Where the system does not tell (outside Linux) nobody waits.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress

_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
_EVERY = 0.5  # seconds between two beats of whoever waits


class Crowded(Exception):
    """Others came first, and there is no room beside them."""


class Room:
    """For any number of threads; each reader enters it once, and leaves."""

    def __init__(self) -> None:
        self._readers: list[object] = []  # those that came first stand first
        self._waiting: set[object] = set()
        self._changed = threading.Condition()

    @property
    def awaited(self) -> bool:
        """Whether somebody waits for those who came before."""
        return bool(self._waiting)

    def enter(self, reader: object) -> None:
        with self._changed:
            self._readers.append(reader)

    def leave(self, reader: object) -> None:
        with self._changed:
            self._readers.remove(reader)
            self._changed.notify_all()

    def check(self, reader: object, memory: int) -> None:
        """Raises Crowded where all readers hold more than `memory` bytes and another one came before."""
        with self._changed:
            if self._readers[0] is reader:
                return
        if resident() > memory:
            raise Crowded

    def wait(self, reader: object, beat: Callable[[], None]) -> None:
        """Until nobody is left who came before. `beat` is called about twice a second; what it raises goes on."""
        begun = time.monotonic()
        self._waiting.add(reader)
        try:
            while True:
                with self._changed:
                    if self._readers[0] is reader:
                        return
                    self._changed.wait(_EVERY)
                if time.monotonic() - begun >= _EVERY:
                    beat()
                    begun = time.monotonic()
        finally:
            self._waiting.remove(reader)


ROOM = Room()  # of this process


def resident() -> int:
    """Bytes that the children of this process hold; 0 where that is not told."""
    held, own = 0, _read("self", "cmdline")
    for child in _children():
        fields = _read(child, "statm").split()
        if len(fields) > 1 and _read(child, "cmdline") != own:  # not yet a program of its own, it has our memory
            held += int(fields[1]) * _PAGE
    return held


def _read(process: str, name: str) -> str:
    try:
        with open(f"/proc/{process}/{name}", encoding="utf-8", errors="replace") as opened:
            return opened.read()
    except OSError:
        return ""


def _children() -> set[str]:
    """Of all threads: a child belongs to the one that started it."""
    found: set[str] = set()
    with suppress(OSError):
        for thread in os.listdir("/proc/self/task"):
            with suppress(OSError), open(f"/proc/self/task/{thread}/children", encoding="ascii") as opened:
                found.update(opened.read().split())
    return found
