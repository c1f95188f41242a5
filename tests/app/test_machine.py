"""Which model suits which machine."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app import machine, model_words
from app.machine import Machine, estimated, fits, fits_beside, recommended
from app.model_files import KNOWN

GB = 10**9
DESK = Machine(16 * GB, 12 * GB, 2, "avx512", "", 0, 38e9, "Two cores")


def name(here: Machine) -> str | None:
    best = recommended(here, KNOWN)
    return best.name if best else None


@pytest.mark.parametrize(
    ("here", "expected"),
    [
        (DESK, "llama-3.2-3b-instruct"),
        (replace(DESK, cores=8, bandwidth=100e9), "llama-3.1-8b-instruct"),
        (replace(DESK, cores=1, bandwidth=15e9, instructions="avx2"), "llama-3.2-1b-instruct"),
        (replace(DESK, memory=6 * GB), "llama-3.2-1b-instruct"),
        (replace(DESK, memory=3 * GB), None),
        (replace(DESK, gpu="A GPU", gpu_memory=12 * GB), "llama-3.1-8b-instruct"),
        (replace(DESK, gpu="A GPU", gpu_memory=80 * GB), "llama-3-70b-instruct"),
    ],
)
def test_the_largest_that_fits_and_answers_soon_is_recommended(here: Machine, expected: str | None) -> None:
    assert name(here) == expected


def test_the_wait_is_reading_and_writing(monkeypatch: pytest.MonkeyPatch) -> None:
    speed = estimated(DESK, parameters=8.0, size=4_600_000_000)
    assert not speed.measured
    assert speed.prompt == pytest.approx(20)
    assert speed.answer == pytest.approx(0.9 * 38 / 4.6)
    assert speed.wait == pytest.approx(1000 / 20 + 150 / speed.answer)


def test_what_fits_beside_another_model_goes_by_free_memory() -> None:
    assert fits_beside(DESK, 5 * GB)
    assert not fits_beside(replace(DESK, free=5 * GB), 5 * GB)
    assert not fits_beside(replace(DESK, gpu="A GPU", gpu_memory=80 * GB), 5 * GB)
    assert not fits(DESK, 42 * GB)


def test_this_machine_is_described_with_figures_that_can_be() -> None:
    here = machine.look()
    assert 0 < here.free <= here.memory
    assert 1e8 < here.bandwidth < 1e13
    assert "GB/s" in here.described()


def test_advice_names_the_wait_and_the_command() -> None:
    rows = model_words.expected(DESK, KNOWN)
    lines = "\n".join(model_words.advice(rows, "llama-3.2-3b-instruct"))
    assert "footnote models pull llama-3.2-3b-instruct" in lines
    assert "does not fit" in lines  # the largest
    assert "Estimated wait" in lines
