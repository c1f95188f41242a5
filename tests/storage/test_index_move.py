"""An index carried from one process to another, over the wire that a Qdrant server has too."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from storage.access import ADMIN, EVERYONE, group_term
from storage.errors import Conflict, Unavailable
from storage.index import Index
from storage.index_move import move
from tests.contracts.index_contract import (
    ADA,
    DIMENSIONS,
    KEY,
    MIA,
    TOM,
    IndexProcess,
    direction,
    documents_of,
    point,
    random_points,
    words,
)


@pytest.fixture
def source(tmp_path: Path) -> Iterator[Index]:
    with IndexProcess(tmp_path / "source") as process:
        yield Index(process.url, KEY)


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Index]:
    with IndexProcess(tmp_path / "target") as process:
        yield Index(process.url, KEY)


def test_every_point_of_every_generation_arrives_with_its_readers(source: Index, target: Index) -> None:
    source.prepare("first", DIMENSIONS)
    many = random_points(1300, np.random.default_rng(1))
    source.upsert(many, [EVERYONE])
    source.upsert([point(direction(1, 1), words(w1=1.0), document="pay", version="pay-1")], [group_term("finance")])
    source.add("second", 4)
    source.point_to("second")
    source.point_to("first")
    told: list[tuple[int, int]] = []
    assert move(source, target, lambda done, total: told.append((done, total))) == 1301
    assert told[-1] == (1301, 1301)
    assert (target.generations(), target.generation()) == (source.generations(), "first")
    assert (target.total("first"), target.total("second"), target.dimensions("second")) == (1301, 0, 4)
    for principal in (ADA, MIA, TOM):
        asked = (direction(1, 1), words(w1=1.0), principal)
        before, after = (index.search(*asked, limit=50) for index in (source, target))
        assert [hit.chunk_id for hit in after] == [hit.chunk_id for hit in before]
        assert [hit.dense for hit in after] == pytest.approx([hit.dense for hit in before], abs=1e-6)
    assert target.count(document_id="pay", version_id="pay-1") == 1
    target.set_terms("pay-1", [ADMIN])
    assert "pay" not in documents_of(target.search(direction(1, 1), words(w1=1.0), MIA, limit=1000))


def test_moving_again_adds_nothing_and_mends_what_was_broken_off(source: Index, target: Index) -> None:
    source.prepare("first", DIMENSIONS)
    source.upsert(random_points(30, np.random.default_rng(1)), [EVERYONE])
    target.add("first", DIMENSIONS)
    target.upsert(random_points(10, np.random.default_rng(1)), [], generation="first")  # found by nobody yet
    assert move(source, target) == 30
    assert move(source, target) == 30
    assert target.total() == 30
    assert len(target.search(direction(1), None, TOM, limit=50)) == 30


def test_an_index_that_is_somebody_elses_is_left_alone(source: Index, target: Index) -> None:
    source.prepare("first", DIMENSIONS)
    target.prepare("other", DIMENSIONS)
    with pytest.raises(Conflict, match="holds other already"):
        move(source, target)
    assert target.generations() == ["other"]


def test_points_that_are_too_many_over_there_are_told(source: Index, target: Index) -> None:
    source.prepare("first", DIMENSIONS)
    target.prepare("first", DIMENSIONS)
    target.upsert(random_points(3, np.random.default_rng(1)), [EVERYONE])
    with pytest.raises(Unavailable, match="0 points here and 3 there"):
        move(source, target)
