"""How much of the conversation and of what was found is put before the model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.budget import Budget
from app.llm import Facts, OpenAIChat
from app.prompt import Prompt, Turn, estimate_tokens
from storage.types import Passage
from tests import parrot

BARE = Prompt(question="How many days?")


def passage(number: int, words: int = 100) -> Passage:
    text = " ".join(["refund"] * words)
    return Passage(f"c{number}", "d", "v", "Policy", "policy.pdf", number, 0, len(text), "", text)


FOUND = [passage(number) for number in range(12)]


class Told(OpenAIChat):
    """A server that tells what a test says, and counts words."""

    def __init__(self, window: int = 8192, reading: float = 0.0) -> None:
        super().__init__("http://127.0.0.1:9/v1", "", "told")
        self.told = Facts(window, reading)

    def facts(self) -> Facts:
        return self.told

    def count_all(self, texts: list[str]) -> list[int]:
        return [len(text.split()) for text in texts]


def conversation(exchanges: int, words: int = 60) -> list[Turn]:
    turns = []
    for number in range(exchanges):
        turns += [Turn("user", f"Question {number}?"), Turn("assistant", " ".join(["word"] * words))]
    return turns


def test_the_best_sources_fill_the_budget() -> None:
    prompt = Budget(Told(), source_tokens=450).filled(BARE, FOUND, ())
    assert list(prompt.passages) == FOUND[:4]


def test_a_slow_machine_gets_fewer_sources_and_never_fewer_than_three() -> None:
    for reading, count in ((50.0, 12), (15.0, 6), (5.0, 3), (0.1, 3), (0.0, 12)):
        prompt = Budget(Told(reading=reading), wait_seconds=45, source_tokens=2200).filled(BARE, FOUND, ())
        assert len(prompt.passages) == count
    assert len(Budget(Told(reading=0.1)).filled(BARE, FOUND, ()).passages) == 12  # however long it takes


def test_sources_and_answer_never_outgrow_the_window() -> None:
    for window in (900, 1500, 4096):
        told = Told(window)
        prompt = Budget(told, answer_tokens=300).filled(BARE, FOUND, conversation(20))
        words = sum(told.count_all([message["content"] for message in prompt.messages()]))
        assert prompt.passages
        assert words + 300 < window


def test_where_nothing_fits_one_source_is_left() -> None:
    assert len(Budget(Told(200)).filled(BARE, FOUND, ()).passages) == 1


def test_a_long_conversation_loses_its_beginning_and_mentions_what_was_asked() -> None:
    history = conversation(20, words=120)
    prompt = Budget(Told(4096)).filled(BARE, FOUND, history)
    assert 0 < len(prompt.history) < len(history)
    assert prompt.history[1:] == tuple(history[-len(prompt.history) + 1 :])
    assert prompt.history[0].text.startswith("(Before that I asked: Question ")
    assert prompt.history[0].role == "user"


def test_a_conversation_is_cut_at_the_same_place_for_several_questions() -> None:
    """So that what the model has read of it can be used again."""
    budget, beginnings = Budget(Told(4096)), set()
    for exchanges in range(12, 24):
        history = budget.filled(BARE, FOUND, conversation(exchanges, words=120)).history
        beginnings.add(history[0].text)
    assert len(beginnings) <= 7


def test_a_long_message_is_cut() -> None:
    prompt = Budget().filled(BARE, FOUND, [Turn("user", "x"), Turn("assistant", "y" * 5000)])
    assert [len(turn.text) for turn in prompt.history] == [1, 1500]


def test_without_a_server_tokens_are_guessed() -> None:
    prompt = Budget(source_tokens=1000).filled(BARE, FOUND, ())
    each = estimate_tokens("\n(Policy, page 1)\n[1] " + FOUND[0].text)
    assert len(prompt.passages) == max(3, 1000 // each)


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenAIChat]:
    path: Path = parrot.build(tmp_path_factory.mktemp("model") / "parrot.gguf")
    with parrot.serve(path, context=2048) as (url, key):
        yield OpenAIChat(f"{url}/v1", key, "parrot", own=True, quick_seconds=30)


def test_the_models_process_counts_and_tells_its_window_and_speed(own: OpenAIChat) -> None:
    facts = own.facts()
    assert facts.window == 2048
    assert facts.reading > 0
    prompt = Budget(own, answer_tokens=200).filled(BARE, FOUND, ())
    sources = [f"\n(Policy, page {one.page})\n[1] {one.text}" for one in prompt.passages]
    bare = own.count(" ".join(message["content"] for message in replace(BARE).messages()))
    assert sum(own.count_all(sources)) + bare + 200 < 2048
    assert 4 <= len(prompt.passages) < 12


def test_sources_that_stand_above_cost_no_wait_and_go_when_they_fill_half_of_the_window() -> None:
    earlier = [Turn("user", "Question?", tuple(FOUND[:3])), Turn("assistant", "word")]
    for window, held in ((8192, True), (700, False)):
        prompt = Budget(Told(window, reading=7.0), wait_seconds=45, answer_tokens=100).filled(BARE, FOUND, earlier)
        assert bool(prompt.history[0].sources) is held
        assert len(prompt.passages) == (6 if held else 3)
        assert prompt.sources == tuple(FOUND[: len(prompt.passages)])
