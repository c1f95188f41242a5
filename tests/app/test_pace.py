"""How many tokens a step gets."""

from __future__ import annotations

import pytest

from app.pace import ANSWERING, READING, Pace, Steps

# two slow cores and a large model; a GPU
SLOW = Pace.of([(1, 0.14), (16, 0.9), (128, 4.0), (512, 14.6)])
FAST = Pace.of([(1, 0.01), (16, 0.011), (512, 0.1)])


def test_between_what_was_measured_lies_a_line_and_beyond_it_a_proportion() -> None:
    pace = Pace.of([(10, 1.0), (20, 2.0)])
    assert [pace.seconds(tokens) for tokens in (1, 10, 15, 20, 40)] == [1.0, 1.0, 1.5, 2.0, 4.0]


def test_more_tokens_never_take_less_time() -> None:
    assert Pace.of([(1, 0.3), (4, 0.2), (16, 0.9)]) == Pace.of([(1, 0.2), (4, 0.2), (16, 0.9)])


def test_without_a_measurement_there_is_no_pace() -> None:
    with pytest.raises(ValueError, match="nothing"):
        Pace.of([])


def test_the_most_tokens_within_a_time() -> None:
    for seconds in (0.05, 0.2, 1.0, 3.9, 14.6, 100.0):
        most = SLOW.within(seconds, 512)
        assert 1 <= most <= 512
        assert most == 1 or SLOW.seconds(most) <= seconds
        assert most == 512 or SLOW.seconds(most + 1) > seconds


def test_a_fast_machine_keeps_to_the_target_and_a_slow_one_fills_its_steps() -> None:
    assert Steps(FAST, batch=512).target == ANSWERING
    slow = Steps(SLOW, batch=512)
    assert slow.target == pytest.approx(1.25 * 0.9)
    for answers in (1, 4, 8):
        beside = slow.beside(answers)
        assert beside >= 16
        assert slow.expected(beside + answers) <= 2 * slow.target


def test_a_step_that_nobody_s_answer_waits_for_is_as_large_as_reads_well() -> None:
    assert Steps(FAST, batch=512).alone() == 512
    assert 128 < Steps(SLOW, batch=512).alone() < 512
    assert SLOW.seconds(Steps(SLOW, batch=512).alone()) <= READING


def test_steps_shrink_while_others_use_the_machine_and_grow_again() -> None:
    steps = Steps(FAST, batch=512, target=0.05)
    first = steps.beside(1)
    for _ in range(40):
        steps.took(100, 3 * FAST.seconds(100))
    slower, reading = steps.beside(1), steps.reading
    for _ in range(40):
        steps.took(100, FAST.seconds(100))
    assert slower < first
    assert reading == pytest.approx(FAST.reading / 3, rel=0.01)
    assert steps.beside(1) == pytest.approx(first, abs=2)


def test_a_batch_is_never_exceeded() -> None:
    steps = Steps(FAST, batch=64)
    assert steps.alone() == 64
    assert all(steps.beside(answers) + answers <= 64 for answers in (1, 30, 48))


def test_a_typical_question_is_read_and_written() -> None:
    assert FAST.question() == pytest.approx(1000 / 5120 + 150 * 0.01)
