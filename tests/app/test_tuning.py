"""What is measured at a model's first load, and kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.tuning import FILE, Tunings
from storage.errors import InvalidInput
from tests import parrot


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return parrot.build(tmp_path_factory.mktemp("model") / "parrot.gguf")


def test_both_ways_are_measured_once_and_the_sooner_one_is_taken(model: Path, tmp_path: Path) -> None:
    tunings = Tunings(tmp_path, threads=1)
    assert tunings.known(model) is None
    tuning = tunings.measured(model)
    assert tuning.other
    assert tuning.pace.question() <= tuning.other.question()
    assert [tokens for tokens, _ in tuning.pace.points] == [1, 4, 16, 64, 128, 256, 512]
    before = (tmp_path / FILE).stat().st_mtime_ns
    assert Tunings(tmp_path, threads=1).measured(model) == tuning == tunings.known(model)
    assert (tmp_path / FILE).stat().st_mtime_ns == before
    assert "a typical question takes" in tuning.in_words()


def test_another_model_and_other_threads_are_measured_anew(model: Path, tmp_path: Path) -> None:
    Tunings(tmp_path, threads=1).measured(model)
    assert Tunings(tmp_path, threads=2).known(model) is None
    other = parrot.build(tmp_path / "other.gguf", "another vocabulary of words")
    assert Tunings(tmp_path, threads=1).known(other) is None


def test_the_same_file_elsewhere_is_the_same_model(model: Path, tmp_path: Path) -> None:
    tuning = Tunings(tmp_path, threads=1).measured(model)
    (tmp_path / "copy.gguf").write_bytes(model.read_bytes())
    assert Tunings(tmp_path, threads=1).known(tmp_path / "copy.gguf") == tuning


def test_who_wants_one_way_gets_it(model: Path, tmp_path: Path) -> None:
    tunings = Tunings(tmp_path, threads=1)
    for repack in (True, False):
        tuning = tunings.measured(model, repack=repack)
        assert (tuning.repack, tuning.other) == (repack, None)


def test_a_measurement_that_the_process_did_not_survive_is_not_repeated(model: Path, tmp_path: Path) -> None:
    tunings = Tunings(tmp_path, threads=1)
    tunings.measured(model)
    (key,) = json.loads((tmp_path / FILE).read_text())
    (tmp_path / FILE).write_text(json.dumps({key: {"trying": True}}))
    tuning = tunings.measured(model)
    assert (tuning.repack, tuning.other) == (False, None)


@pytest.mark.parametrize("kept", ["", "{", "[]", "null"])
def test_a_spoilt_file_is_measured_over(model: Path, tmp_path: Path, kept: str) -> None:
    (tmp_path / FILE).write_text(kept)
    tuning = Tunings(tmp_path, threads=1).measured(model, repack=False)
    assert Tunings(tmp_path, threads=1).known(model) == tuning


@pytest.mark.parametrize("entry", [{}, {"repack": False}, {"repack": False, "seconds": {}}, {"seconds": 1}, 7])
def test_an_entry_that_says_nothing_is_none(model: Path, tmp_path: Path, entry: object) -> None:
    tunings = Tunings(tmp_path, threads=1)
    tunings.measured(model, repack=False)
    (key,) = json.loads((tmp_path / FILE).read_text())
    (tmp_path / FILE).write_text(json.dumps({key: entry}))
    assert tunings.known(model) is None


def test_a_file_that_is_no_model_is_refused_and_nothing_is_kept_of_it(tmp_path: Path) -> None:
    (tmp_path / "no.gguf").write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(InvalidInput):
        Tunings(tmp_path, threads=1).measured(tmp_path / "no.gguf")
    assert Tunings(tmp_path, threads=1).known(tmp_path / "no.gguf") is None
