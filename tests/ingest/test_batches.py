"""Batches that overlap: three stages at a time, kept in order, and no error lost in a thread."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from ingest.batches import BATCH, LARGE, Batch, batches, overlapped
from storage.embeddings import Embedding
from storage.types import Chunk, SparseVector
from tests.patience import PATIENCE


def test_while_one_batch_is_embedded_the_one_before_is_kept_and_the_one_after_prepared() -> None:
    prepared = {start: threading.Event() for start in range(4)}
    kept = {start: threading.Event() for start in range(4)}

    def prepare(start: int) -> int:
        prepared[start].set()
        return start

    def embed(batch: int) -> int:
        assert batch == 3 or prepared[batch + 1].wait(PATIENCE)
        assert batch == 0 or kept[batch - 1].wait(PATIENCE)
        assert not kept[batch].is_set()
        return 10 * batch

    def keep(batch: int, made: int) -> None:
        assert made == 10 * batch
        kept[batch].set()

    overlapped(map(prepare, range(4)), embed, keep)
    assert all(event.is_set() for event in kept.values())


def test_of_many_batches_three_are_at_work_at_most_and_they_are_kept_in_order() -> None:
    open_, most, order = set(), 0, []

    def prepare(start: int) -> int:
        nonlocal most
        open_.add(start)
        most = max(most, len(open_))
        return start

    def keep(batch: int, made: int) -> None:
        order.append(made)
        open_.remove(batch)

    overlapped(map(prepare, range(50)), lambda batch: batch, keep)
    assert order == list(range(50))
    assert most <= 3


def test_nothing_to_do_is_done_at_once() -> None:
    overlapped(iter([]), lambda batch: batch, lambda batch, made: None)


@pytest.mark.parametrize("stage", ["prepare", "embed", "keep"])
def test_an_error_in_any_stage_ends_the_work_and_is_raised(stage: str) -> None:
    kept: list[int] = []

    def fail(now: str, batch: int) -> int:
        if (now, batch) == (stage, 2):
            raise OSError("the disk is full")
        return batch

    def keep(batch: int, _made: int) -> None:
        kept.append(fail("keep", batch))

    with pytest.raises(OSError, match="the disk is full"):
        overlapped((fail("prepare", start) for start in range(9)), lambda batch: fail("embed", batch), keep)
    assert kept == [0, 1]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("batches")]


def fake(ordinals: range, new: set[int]) -> Batch:
    keys = [str(one).encode() for one in ordinals]
    known = {str(one).encode(): Embedding(np.ones(2), b"") for one in ordinals if one not in new}
    texts = [f"text {one}" for one in ordinals]
    chunks = [Chunk(str(one), "d", "v", one, 1, 0, 4, "", "text", 1) for one in ordinals]
    none, words = [[]] * len(keys), [SparseVector()] * len(keys)
    return Batch(ordinals, chunks, texts, none, none, keys, known, words, "en1")


@pytest.mark.parametrize("new", [set(), {700}, set(range(5000)), set(range(600, 900)), {3, 4999}])
def test_batches_are_large_where_nothing_is_new_and_hold_few_new_ones_anywhere(new: set[int]) -> None:
    asked = []

    def prepare(ordinals: range) -> Batch:
        asked.append(len(ordinals))
        return fake(ordinals, new)

    made = list(batches(prepare, range(7, 5000)))
    assert [one for batch in made for one in batch.ordinals] == list(range(7, 5000))
    for batch in made:
        assert [chunk.ordinal for chunk in batch.chunks] == list(batch.ordinals)
        assert len(batch.texts) == len(batch.spans) == len(batch.inside) == len(batch.keys) == len(batch.ordinals)
        assert batch.new <= BATCH
        assert len(batch.ordinals) <= LARGE
    assert max(asked) == (LARGE if len(new) < 4900 else BATCH)
    assert len(made) <= len(new) // BATCH * 2 + 5000 // LARGE + 4
