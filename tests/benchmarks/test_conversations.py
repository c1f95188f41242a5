"""The conversations: evidence that stands where they say, in the form that is documented and that evaluation reads."""

from __future__ import annotations

import copy
import json
from collections import Counter
from typing import Any

import pytest

from app.evaluation import forms
from benchmarks.conversations import check

LEAST = {"filings": 26, "handbook": 22, "samples": 18}


def here(name: str) -> Any:
    missing = not check.documents(name)
    return pytest.param(name, marks=pytest.mark.skipif(missing, reason=f"no documents in {check.folder(name)}"))


@pytest.fixture
def samples() -> list[dict[str, Any]]:
    return copy.deepcopy(check.load("samples"))


@pytest.mark.parametrize("name", [here("filings"), here("handbook"), "samples"])
def test_the_evidence_of_each_turn_stands_on_its_page(name: str) -> None:
    assert check.errors(name, check.load(name)) == []


def test_evidence_that_no_page_has_is_reported(samples: list[dict[str, Any]]) -> None:
    turn = samples[0]["turns"][1]
    turn["evidence"] = ["Czechia 4 months 3 days No"]
    assert any("evidence on none of its pages" in error for error in check.errors("samples", samples))


def test_evidence_from_another_page_is_reported(samples: list[dict[str, Any]]) -> None:
    turn = samples[0]["turns"][1]
    turn["pages"] = [[turn["doc"][0], turn["pages"][0][1] + 1]]
    assert any("evidence on none of its pages" in error for error in check.errors("samples", samples))


def test_a_split_that_is_not_even_is_reported(samples: list[dict[str, Any]]) -> None:
    for one in samples:
        one["split"] = "dev"
    assert any("for dev and 0 for test" in error for error in check.errors("samples", samples))


def test_a_single_question_asked_again_is_reported(samples: list[dict[str, Any]]) -> None:
    samples[0]["turns"][0]["question"] = "who is the ombudsperson"
    assert "asked in the set of single questions too: who is the ombudsperson" in check.errors("samples", samples)


@pytest.mark.parametrize("name", check.NAMES)
def test_evaluation_reads_each_turn_with_the_questions_before_it(name: str) -> None:
    conversations = check.load(name)
    read = {question.id: question for question in forms.load(check.HERE / f"{name}.jsonl").questions}
    assert len(read) == sum(len(one["turns"]) for one in conversations)
    for one in conversations:
        asked = [turn["question"] for turn in one["turns"]]
        for number, turn in enumerate(one["turns"], 1):
            question = read[f"{one['id']}-{number}"]
            assert (question.kind, list(question.history)) == (turn["kind"], asked[: number - 1])
            assert question.answerable == bool(turn["doc"])


def test_there_are_enough_conversations_of_each_set_and_kind() -> None:
    sets = {name: check.load(name) for name in check.NAMES}
    for name, least in LEAST.items():
        assert len(sets[name]) >= least
    kinds = Counter(turn["kind"] for conversations in sets.values() for one in conversations for turn in one["turns"])
    assert set(kinds) == set(check.KINDS)
    assert kinds["topic_switch"] >= 12
    assert kinds["unanswerable"] >= 6


def test_the_readme_shows_the_counts_that_the_files_have() -> None:
    assert check.table() in (check.HERE / "README.md").read_text(encoding="utf-8")


def test_a_standalone_question_is_there_where_a_turn_leans_on_others() -> None:
    for name in check.NAMES:
        for one in check.load(name):
            for turn in one["turns"]:
                assert ("standalone" in turn) == (turn["kind"] in check.LEANING), json.dumps(turn)
