"""Readers that share a room: the later ones make room for those that came first."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable

import pytest

from ingest import sandbox
from ingest.room import Crowded, Room, resident
from ingest.sandbox import Child, Limits
from storage.errors import Cancelled
from tests.ingest import hostile
from tests.patience import until

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell what a child holds")


@pytest.fixture
def limits() -> Limits:
    """Room for 260 MB beside what other tests have left running."""
    return Limits(memory=resident() + (260 << 20), cpu_seconds=10, wall_seconds=30)


class Reader(threading.Thread):
    def __init__(self, room: Room, limits: Limits, megabytes: int, seconds: float, *, cancel: bool = False) -> None:
        super().__init__()
        self._room, self._limits, self._what, self._cancel = room, limits, (megabytes, seconds), cancel
        self.seen: list[float] = []
        self.error: BaseException | None = None

    def run(self) -> None:
        def beat(done: int, total: int) -> None:
            if self._cancel:
                raise Cancelled("stopped by somebody")

        try:
            self.seen = sandbox.run(hostile.hold, *self._what, limits=self._limits, room=self._room, on_progress=beat)
        except Cancelled as error:
            self.error = error


def both(one: Reader, other: Reader) -> None:
    one.start()
    while not one._room._readers:
        time.sleep(0.01)
    other.start()
    one.join()
    other.join()


@on_linux
def test_one_that_came_later_is_read_after_the_other_where_both_do_not_fit(limits: Limits) -> None:
    room = Room()
    first, later = Reader(room, limits, 180, 2.0), Reader(room, limits, 180, 0.5)
    both(first, later)
    assert first.seen[2] == later.seen[2] == 180 << 20
    assert later.seen[0] > first.seen[1]


@on_linux
def test_those_that_fit_are_read_side_by_side(limits: Limits) -> None:
    room = Room()
    first, later = Reader(room, limits, 20, 6.0), Reader(room, limits, 20, 0.1)
    both(first, later)
    assert later.seen[0] < first.seen[1]


@on_linux
def test_what_answers_a_question_makes_room_too(limits: Limits) -> None:
    room, asked = Room(), []

    def answer(question: str, beat: Callable[[], None]) -> str:
        asked.append(time.monotonic())
        with Child(hostile.__name__, limits=limits) as helper:
            helper.call(hostile.hold, 180, 2.0, wall_seconds=20, on_progress=lambda done, total: beat())
        return question

    first = Reader(room, limits, 120, 8.0)
    first.start()
    while not room._readers:
        time.sleep(0.01)
    assert sandbox.run(hostile.ask, "what?", limits=limits, room=room, answer=answer) == "what?"
    first.join()
    begun, again = asked
    assert begun < first.seen[1] < again


@on_linux
def test_whoever_waits_can_be_cancelled(limits: Limits) -> None:
    room = Room()
    first, later = Reader(room, limits, 180, 2.5), Reader(room, limits, 180, 0.1, cancel=True)
    both(first, later)
    assert isinstance(later.error, Cancelled)
    assert first.seen[2] == 180 << 20
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
def test_what_children_hold_is_told(limits: Limits) -> None:
    before = resident()
    reader = Reader(Room(), limits, 100, 1.5)
    reader.start()
    most = 0
    while reader.is_alive():
        most = max(most, resident())
        time.sleep(0.02)
    assert 100 << 20 < most - before < 200 << 20
