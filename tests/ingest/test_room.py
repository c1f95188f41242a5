"""Readers that share a room: the later ones make room for those that came first."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ingest import sandbox
from ingest.room import Crowded, Room, resident
from ingest.sandbox import Child, Limits
from storage.errors import Cancelled
from tests.ingest import hostile
from tests.patience import PATIENCE, until

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell what a child holds")


@pytest.fixture
def limits() -> Limits:
    """Room for 300 MB beside what other tests have left running."""
    return Limits(memory=resident() + (300 << 20), cpu_seconds=10, wall_seconds=PATIENCE)


class Reader(threading.Thread):
    """Holds `megabytes` until there is something at `released`."""

    def __init__(
        self, room: Room, limits: Limits, megabytes: int, released: Path, on_progress: Callable[[], object] = bool
    ) -> None:
        super().__init__()
        self._room, self._limits, self._what = room, limits, (megabytes, str(released))
        self._on_progress = on_progress
        self.seen: list[float] = []
        self.error: BaseException | None = None

    def run(self) -> None:
        def beat(done: int, total: int) -> None:
            self._on_progress()

        try:
            self.seen = sandbox.run(hostile.hold, *self._what, limits=self._limits, room=self._room, on_progress=beat)
        except Cancelled as error:
            self.error = error

    def until_held(self) -> None:
        """Start, and return when the memory is filled."""
        filled = resident() + (self._what[0] << 20)
        self.start()
        until(lambda: resident() >= filled)


@pytest.fixture
def released(tmp_path: Path) -> Path:
    return tmp_path / "released"


@on_linux
def test_one_that_came_later_is_read_after_the_other_where_both_do_not_fit(limits: Limits, released: Path) -> None:
    room = Room()
    first = Reader(room, limits, 250, released, lambda: room.awaited and released.touch())
    later = Reader(room, limits, 250, released)
    first.until_held()
    later.start()
    later.join()
    first.join()
    assert first.seen[2] == later.seen[2] == 250 << 20
    assert later.seen[0] > first.seen[1]


@on_linux
def test_those_that_fit_are_read_side_by_side(limits: Limits, released: Path) -> None:
    room = Room()
    first, later = Reader(room, limits, 20, released), Reader(room, limits, 20, released, released.touch)
    first.until_held()
    later.start()
    later.join()
    first.join()
    assert later.seen[0] < first.seen[1]


@on_linux
def test_what_answers_a_question_makes_room_too(limits: Limits, released: Path) -> None:
    room, asked = Room(), []

    def answer(question: str, beat: Callable[[], None]) -> str:
        asked.append(time.monotonic())
        with Child(hostile.__name__, limits=limits) as helper:
            helper.call(hostile.hold, 250, str(released), wall_seconds=PATIENCE, on_progress=lambda done, total: beat())
        return question

    first = Reader(room, limits, 120, released, lambda: room.awaited and released.touch())
    first.until_held()
    assert sandbox.run(hostile.ask, "what?", limits=limits, room=room, answer=answer) == "what?"
    first.join()
    begun, again = asked
    assert begun < first.seen[1] < again


@on_linux
def test_whoever_waits_can_be_cancelled(limits: Limits, released: Path) -> None:
    room = Room()

    def cancel() -> None:
        if room.awaited:
            raise Cancelled("stopped by somebody")

    first, later = Reader(room, limits, 250, released), Reader(room, limits, 250, released, cancel)
    first.until_held()
    later.start()
    later.join()
    released.touch()
    first.join()
    assert isinstance(later.error, Cancelled)
    assert first.seen[2] == 250 << 20
    assert not room._readers


def test_the_first_is_never_in_the_way_and_the_next_is_first_when_it_leaves() -> None:
    room, first, later = Room(), object(), object()
    room.enter(first)
    room.enter(later)
    room.check(first, memory=-1)
    with pytest.raises(Crowded):
        room.check(later, memory=-1)
    room.check(later, memory=1 << 50)
    waiting = threading.Thread(target=room.wait, args=(later, lambda: None))
    assert not room.awaited
    waiting.start()
    until(lambda: room.awaited)
    room.leave(first)
    waiting.join(10)
    assert not room.awaited
    room.check(later, memory=-1)
    room.wait(later, lambda: None)


@on_linux
def test_what_children_hold_is_told(limits: Limits, released: Path) -> None:
    before = resident()
    reader = Reader(Room(), limits, 100, released)
    reader.until_held()
    assert 100 << 20 < resident() - before < 200 << 20
    released.touch()
    reader.join()
    assert reader.seen[2] == 100 << 20
