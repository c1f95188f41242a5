"""Evaluations from the browser: with whose rights, how they end, and that they keep no word of a document."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.prompt import PROMPT_VERSION
from app.retrieve import Retrieved
from app.runs import Runs
from storage.errors import Conflict, Forbidden, InvalidInput, NotFound, Unavailable
from storage.evaluations import Evaluations, RunInfo, RunState
from storage.types import HouseInstructions, Principal, Readers
from tests.office import Office
from tests.patience import until
from tests.scripted import ScriptedModel, Shelf
from tests.shelf import HashEmbedder

EVERYONE = Readers(everyone=True)


class Gated(Shelf):
    """A shelf that finds nothing before `go` is set, and raises `error` if it has one."""

    def __init__(self, office: Office) -> None:
        super().__init__(office)
        self.embedder = HashEmbedder()
        self.go = threading.Event()
        self.go.set()
        self.error: Exception | None = None

    def retrieve(self, question: str, principal: Principal, **more: object) -> Retrieved:
        assert self.go.wait(20)
        if self.error is not None:
            raise self.error
        return super().retrieve(question, principal, **more)


class Desk:
    """An office whose admin evaluates."""

    def __init__(self, folder: Path) -> None:
        self.office = Office(folder)
        self.shelf, self.model = Gated(self.office), ScriptedModel()
        self.evaluations = Evaluations(self.office.database)
        self.runs = self.process()
        self.anna = self.office.principal("anna")
        self.set_id = self.evaluations.create_set("Leave", self.anna).id

    def process(self) -> Runs:
        shelf: Any = self.shelf
        return Runs(
            self.evaluations,
            self.office.documents,
            self.office.users,
            shelf,
            self.model,
            generation=lambda: "minilm_v1",
            settings={"embed_model": "minilm"},
            house=lambda: HouseInstructions(4, "Address people formally."),
        )

    def ask_about(self, *names: str, page: int = 1, answer: str = "30 days") -> None:
        lines = [
            {"question": f"What does {name} say?", "doc": [name], "pages": [[name, page]], "answer": answer}
            for name in names
        ]
        self.evaluations.add(self.set_id, lines, self.anna)

    def start(self, *, answers: bool = False, rights_of: str = "anna") -> RunInfo:
        return self.runs.start(self.set_id, self.anna, answers=answers, rights_of=rights_of)

    def now(self, run: RunInfo) -> RunInfo:
        return self.evaluations.run(run.id, self.anna)

    def ended(self, run: RunInfo) -> RunInfo:
        until(lambda: self.now(run).state is not RunState.RUNNING)
        return self.now(run)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    desk.shelf.go.set()
    desk.runs.close()
    desk.office.close()


def test_every_question_is_asked_and_scored(desk: Desk) -> None:
    desk.office.add("leave.txt", EVERYONE, b"leave")
    desk.ask_about("leave.txt")
    desk.ask_about("leave.txt", page=2)
    run = desk.ended(desk.start())
    assert (run.state, run.done, run.total, run.answers) == (RunState.DONE, 2, 2, False)
    assert (run.figures["page_recall@1"], run.figures["document_recall@1"]) == (0.5, 1.0)
    assert (run.generation, run.settings["embed_model"], run.settings["model"]) == ("minilm_v1", "minilm", "")
    assert "right" not in run.figures


def test_answers_are_scored_and_no_word_of_them_is_kept(desk: Desk) -> None:
    desk.office.add("leave.txt", EVERYONE, b"leave")
    desk.ask_about("leave.txt", answer="What leave.txt says.")
    run = desk.ended(desk.start(answers=True))
    assert (run.figures["f1"], run.figures["exact_match"], run.figures["right"]) == (1.0, 1.0, 1.0)
    assert run.settings["model"] == "Scripted"
    assert run.settings["prompt_version"] == f"{PROMPT_VERSION}, house 4"
    assert desk.model.prompts[0].house.text == "Address people formally."
    kept = json.loads(desk.evaluations.content(run.id, desk.anna))
    (outcome,) = kept["outcomes"]
    assert outcome.pop("question")["answers"] == ["What leave.txt says."]  # the admin's own
    assert "leave.txt says" not in json.dumps(outcome)
    assert outcome["answer"]["citations"][0]["page"] == 1
    report = desk.runs.report(run.id, desk.anna)
    assert "Right answers" in report
    assert "Found, and answered wrong" not in report  # the figures of the kept run are those of the whole one


def test_questions_are_asked_with_the_rights_that_were_chosen(desk: Desk) -> None:
    desk.office.add("leave.txt", EVERYONE, b"leave")
    desk.office.add("pay.txt", Readers(groups=frozenset([desk.office.people])), b"pay")
    desk.ask_about("leave.txt", "pay.txt")
    found = {name: desk.ended(desk.start(rights_of=name)).figures for name in ("anna", "mia", "max")}
    assert {name: figures["document_recall@5"] for name, figures in found.items()} == {"anna": 1, "mia": 1, "max": 0.5}
    assert {name: figures["missing"] for name, figures in found.items()} == {"anna": 0, "mia": 0, "max": 1}
    content = desk.evaluations.content(desk.evaluations.runs(desk.anna, limit=1)[0].id, desk.anna)
    assert [one["document"] for outcome in json.loads(content)["outcomes"] for one in outcome["ranked"]] == [
        "leave.txt"
    ] * 2


def test_rights_of_an_account_that_is_not_active_are_nobodys(desk: Desk) -> None:
    desk.ask_about("leave.txt")
    for name in ("sven", "nobody"):
        with pytest.raises(NotFound):
            desk.start(rights_of=name)
    assert desk.evaluations.runs(desk.anna) == []


def test_members_start_nothing_and_read_no_report(desk: Desk) -> None:
    desk.office.add("leave.txt", EVERYONE, b"leave")
    desk.ask_about("leave.txt")
    run, mia = desk.ended(desk.start()), desk.office.principal("mia")
    for action in (
        lambda: desk.runs.start(desk.set_id, mia, answers=False, rights_of="mia"),
        lambda: desk.runs.cancel(run.id, mia),
        lambda: desk.runs.report(run.id, mia),
        lambda: desk.runs.compare(run.id, run.id, mia),
    ):
        with pytest.raises(Forbidden):
            action()


def test_a_document_that_was_deleted_counts_as_missed_and_the_run_goes_on(desk: Desk) -> None:
    desk.office.add("leave.txt", EVERYONE, b"leave")
    gone, _ = desk.office.add("pay.txt", EVERYONE, b"pay")
    desk.ask_about("leave.txt", "pay.txt")
    desk.office.documents.begin_delete(gone, desk.anna)
    run = desk.ended(desk.start())
    assert (run.state, run.figures["missing"], run.figures["document_recall@5"]) == (RunState.DONE, 1, 0.5)


def test_a_set_without_any_document_here_fails_and_says_why(desk: Desk) -> None:
    desk.ask_about("elsewhere.txt")
    run = desk.ended(desk.start())
    assert run.state is RunState.FAILED
    assert "elsewhere.txt" in run.reason


def test_a_run_can_be_cancelled_from_another_process(desk: Desk) -> None:
    desk.office.add("leave.txt", EVERYONE, b"leave")
    desk.ask_about(*["leave.txt"] * 3)
    desk.shelf.go.clear()
    run = desk.start()
    with pytest.raises(Conflict):
        desk.start()
    desk.process().cancel(run.id, desk.anna)
    assert desk.now(run).cancelling
    threading.Timer(1.5, desk.shelf.go.set).start()  # past the second in which it hears of it
    ended = desk.ended(run)
    assert (ended.state, ended.reason) == (RunState.CANCELLED, "")
    assert ended.done < 3


def test_a_run_that_the_end_of_its_process_stops_is_interrupted(desk: Desk) -> None:
    desk.office.add("leave.txt", EVERYONE, b"leave")
    desk.ask_about(*["leave.txt"] * 3)
    desk.shelf.go.clear()
    run = desk.start()
    threading.Timer(0.3, desk.shelf.go.set).start()
    desk.runs.close()
    interrupted = desk.now(run)
    assert interrupted.state is RunState.INTERRUPTED
    assert "Start it again" in interrupted.reason
    assert desk.ended(desk.start()).state is RunState.DONE


@pytest.mark.parametrize(
    ("error", "reason"),
    [(Unavailable("index", "The index does not answer."), "The index does not answer."), (OSError("disk"), "the log")],
)
def test_a_run_that_fails_says_why(desk: Desk, error: Exception, reason: str) -> None:
    desk.office.add("leave.txt", EVERYONE, b"leave")
    desk.ask_about(*["leave.txt"] * 6)
    desk.shelf.error = error
    run = desk.ended(desk.start())
    assert run.state is RunState.FAILED
    assert reason in run.reason
    assert "disk" not in run.reason


def test_a_set_that_is_deleted_takes_its_run_along(desk: Desk) -> None:
    desk.office.add("leave.txt", EVERYONE, b"leave")
    desk.ask_about("leave.txt")
    desk.shelf.go.clear()
    desk.start()
    desk.evaluations.delete_set(desk.set_id, desk.anna)
    desk.shelf.go.set()
    until(lambda: not [one for one in threading.enumerate() if one.name.startswith("evaluation-")])
    assert desk.evaluations.runs(desk.anna) == []


def test_two_runs_are_compared_over_what_both_have(desk: Desk) -> None:
    desk.office.add("leave.txt", EVERYONE, b"leave")
    desk.office.add("pay.txt", Readers(groups=frozenset([desk.office.people])), b"pay")
    desk.ask_about("leave.txt", "pay.txt")
    before, after = desk.ended(desk.start(rights_of="max")), desk.ended(desk.start())
    comparison = desk.runs.compare(before.id, after.id, desk.anna)
    found = comparison.measures["document_recall@5"]
    assert (comparison.questions, found.first, found.second, found.better) == (2, 0.5, 1.0, 1)
    other = desk.evaluations.create_set("Other", desk.anna).id
    desk.evaluations.add(other, [{"question": "Else?", "doc": ["leave.txt"]}], desk.anna)
    foreign = desk.ended(desk.runs.start(other, desk.anna, answers=False, rights_of="anna"))
    with pytest.raises(InvalidInput, match="in common"):
        desk.runs.compare(before.id, foreign.id, desk.anna)
