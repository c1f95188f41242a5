"""Question sets and runs: whose they are, what they keep, and how a run ends."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from storage.database import Database
from storage.errors import AlreadyExists, Conflict, Forbidden, InvalidInput, NotFound
from storage.evaluations import Evaluations, RunInfo, RunState
from storage.models import QuestionRow, RunRow, now
from tests.conftest import ADA, TOM


@pytest.fixture
def evaluations(database: Database) -> Evaluations:
    return Evaluations(database)


def line(text: str, **more: Any) -> dict[str, Any]:
    return {"question": text, "doc": ["leave.txt"], **more}


def begin(evaluations: Evaluations, set_id: str, **more: Any) -> RunInfo:
    values: dict[str, Any] = {"answers": False, "rights_of": "ada", "generation": "minilm_v1", "settings": {}}
    return evaluations.begin(set_id, ADA, **{**values, **more})


# --- question sets


def test_a_set_is_named_once_whatever_its_letters(evaluations: Evaluations) -> None:
    kept = evaluations.create_set("  Leave   and travel ", ADA)
    assert (kept.name, kept.questions, kept.created_by) == ("Leave and travel", 0, "ada")
    with pytest.raises(AlreadyExists, match="LEAVE and travel"):
        evaluations.create_set("LEAVE and travel", ADA)
    with pytest.raises(InvalidInput, match="a name"):
        evaluations.create_set("  ", ADA)
    other = evaluations.create_set("Ärzte", ADA)
    with pytest.raises(AlreadyExists):
        evaluations.rename_set(other.id, "leave AND travel", ADA)
    evaluations.rename_set(other.id, "ärzte", ADA)
    assert [known.name for known in evaluations.sets(ADA)] == ["ärzte", "Leave and travel"]


def test_questions_keep_their_order_and_get_an_id_where_they_have_none(evaluations: Evaluations) -> None:
    kept = evaluations.create_set("Leave", ADA)
    assert evaluations.add(kept.id, [line("One?"), line("Two?", id="q001"), line("Three?", id="x")], ADA) == 3
    assert [(one.key, one.content["question"]) for one in evaluations.questions(kept.id, ADA)] == [
        ("q002", "One?"),
        ("q001", "Two?"),
        ("x", "Three?"),
    ]
    assert evaluations.set(kept.id, ADA).questions == 3


def test_an_id_that_is_there_takes_the_place_of_its_question(evaluations: Evaluations) -> None:
    kept = evaluations.create_set("Leave", ADA)
    evaluations.add(kept.id, [line("One?", id="a"), line("Two?", id="b")], ADA)
    assert evaluations.add(kept.id, [line("One and a half?", id="a"), line("Three?", id="c")], ADA) == 1
    texts = [one.content["question"] for one in evaluations.questions(kept.id, ADA)]
    assert texts == ["One and a half?", "Two?", "Three?"]


def test_two_questions_of_one_id_are_refused_and_none_is_added(evaluations: Evaluations) -> None:
    kept = evaluations.create_set("Leave", ADA)
    with pytest.raises(InvalidInput, match="the id a"):
        evaluations.add(kept.id, [line("One?", id="b"), line("Two?", id="a"), line("Three?", id="a")], ADA)
    assert evaluations.questions(kept.id, ADA) == []


def test_a_question_is_changed_and_removed_and_its_id_stays(evaluations: Evaluations) -> None:
    kept = evaluations.create_set("Leave", ADA)
    evaluations.add(kept.id, [line("One?", id="a"), line("Two?", id="b")], ADA)
    first, second = evaluations.questions(kept.id, ADA)
    evaluations.change(first.id, line("First?", id="b"), ADA)
    evaluations.remove(second.id, ADA)
    (left,) = evaluations.questions(kept.id, ADA)
    assert (left.key, left.content["id"], left.content["question"]) == ("a", "a", "First?")
    with pytest.raises(NotFound):
        evaluations.change(second.id, line("Late?"), ADA)


def test_a_set_goes_with_its_questions_and_runs(evaluations: Evaluations, database: Database) -> None:
    kept = evaluations.create_set("Leave", ADA)
    evaluations.add(kept.id, [line("One?")], ADA)
    run = begin(evaluations, kept.id)
    evaluations.delete_set(kept.id, ADA)
    assert not evaluations.progress(run.id, 1)
    evaluations.finish(run.id, RunState.DONE, figures={"mrr": 1.0}, content="{}")
    with database.read() as session:
        assert session.scalars(sa.select(QuestionRow)).all() == []
        assert session.scalars(sa.select(RunRow)).all() == []
    with pytest.raises(NotFound):
        evaluations.questions(kept.id, ADA)


# --- runs


@pytest.fixture
def leave(evaluations: Evaluations) -> str:
    kept = evaluations.create_set("Leave", ADA)
    evaluations.add(kept.id, [line("One?"), line("Two?"), line("Three?")], ADA)
    return kept.id


def test_a_run_tells_how_far_it_is_and_then_its_figures(evaluations: Evaluations, leave: str) -> None:
    run = begin(evaluations, leave, answers=True, settings={"model": "llama"})
    assert (run.state, run.done, run.total, run.set_name) == (RunState.RUNNING, 0, 3, "Leave")
    assert evaluations.progress(run.id, 2)
    assert evaluations.run(run.id, ADA).done == 2
    with pytest.raises(Conflict, match="no result"):
        evaluations.content(run.id, ADA)
    evaluations.finish(run.id, RunState.DONE, figures={"mrr": 0.5}, content='{"format": 1}')
    (ended,) = evaluations.runs(ADA)
    assert (ended.state, ended.done, ended.figures, ended.answers) == (RunState.DONE, 3, {"mrr": 0.5}, True)
    assert (ended.generation, ended.settings, ended.started_by) == ("minilm_v1", {"model": "llama"}, "ada")
    assert ended.finished is not None
    assert ended.finished >= ended.started
    assert evaluations.content(run.id, ADA) == '{"format": 1}'


def test_an_empty_set_is_not_run(evaluations: Evaluations) -> None:
    with pytest.raises(InvalidInput, match="empty"):
        begin(evaluations, evaluations.create_set("Nothing", ADA).id)


def test_one_run_at_a_time_until_it_ends_or_falls_silent(
    evaluations: Evaluations, leave: str, database: Database
) -> None:
    first = begin(evaluations, leave)
    with pytest.raises(Conflict, match="under way"):
        begin(evaluations, leave)
    fall_silent(database, first.id)
    silent = evaluations.run(first.id, ADA)
    assert (silent.state, "Start it again" in silent.reason) == (RunState.INTERRUPTED, True)
    second = begin(evaluations, leave)
    evaluations.finish(second.id, RunState.FAILED, reason="It broke.")
    assert begin(evaluations, leave).state is RunState.RUNNING


def fall_silent(database: Database, run_id: str) -> None:
    with database.write() as session:
        session.get_one(RunRow, run_id).touched = now() - timedelta(seconds=61)


def test_of_runs_started_at_the_same_moment_one_begins(evaluations: Evaluations, leave: str) -> None:
    def attempt(_: int) -> bool:
        try:
            begin(evaluations, leave)
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(6) as threads:
        assert sum(threads.map(attempt, range(6))) == 1


def test_a_cancelled_run_hears_of_it_with_its_next_question(evaluations: Evaluations, leave: str) -> None:
    run = begin(evaluations, leave)
    evaluations.cancel(run.id, ADA)
    assert evaluations.run(run.id, ADA).cancelling
    assert not evaluations.progress(run.id, 1)
    evaluations.finish(run.id, RunState.CANCELLED)
    evaluations.cancel(run.id, ADA)
    assert evaluations.run(run.id, ADA).state is RunState.CANCELLED
    evaluations.delete_run(run.id, ADA)
    with pytest.raises(NotFound):
        evaluations.run(run.id, ADA)


def test_runs_are_listed_newest_first_of_all_sets_or_of_one(evaluations: Evaluations, leave: str) -> None:
    other = evaluations.create_set("Travel", ADA).id
    evaluations.add(other, [line("Where?")], ADA)
    for set_id in (leave, other, leave):
        evaluations.finish(begin(evaluations, set_id).id, RunState.DONE)
    assert [run.set_name for run in evaluations.runs(ADA)] == ["Leave", "Travel", "Leave"]
    assert [run.set_name for run in evaluations.runs(ADA, set_id=other)] == ["Travel"]
    assert len(evaluations.runs(ADA, limit=1, offset=2)) == 1


# --- for admins alone

ADMIN_ONLY: list[Callable[[Evaluations, str], object]] = [
    lambda kept, _: kept.sets(TOM),
    lambda kept, given: kept.set(given, TOM),
    lambda kept, _: kept.create_set("Mine", TOM),
    lambda kept, given: kept.rename_set(given, "Mine", TOM),
    lambda kept, given: kept.delete_set(given, TOM),
    lambda kept, given: kept.questions(given, TOM),
    lambda kept, given: kept.question(given, TOM),
    lambda kept, given: kept.add(given, [line("One?")], TOM),
    lambda kept, given: kept.change(given, line("One?"), TOM),
    lambda kept, given: kept.remove(given, TOM),
    lambda kept, given: kept.begin(given, TOM, answers=False, rights_of="tom", generation="", settings={}),
    lambda kept, _: kept.runs(TOM),
    lambda kept, given: kept.run(given, TOM),
    lambda kept, given: kept.content(given, TOM),
    lambda kept, given: kept.cancel(given, TOM),
    lambda kept, given: kept.delete_run(given, TOM),
]


@pytest.mark.parametrize("action", ADMIN_ONLY)
def test_members_are_refused_everywhere(
    evaluations: Evaluations, leave: str, action: Callable[[Evaluations, str], object]
) -> None:
    with pytest.raises(Forbidden):
        action(evaluations, leave)
    assert [kept.questions for kept in evaluations.sets(ADA)] == [3]
