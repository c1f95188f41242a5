"""The guard model reads every kind of answer, also what stands word for word in a document."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.answers import Answers
from app.extract import Extractive
from app.guard import Guard
from app.llm import LLM
from storage.conversations import Conversations
from storage.errors import Unavailable
from storage.guard_verdicts import GuardVerdicts
from storage.types import Message, MessageState, Principal
from tests.app.test_assistant import KERBER, OSTROW, TRAVEL, Repeating
from tests.app.test_guard import asking, ready, scripted, serving
from tests.shelf import Shelf
from tests.talking import LEAVE, QUESTION, ScriptedModel, until_done

QUESTIONS = [
    "When are the invoices of the contract Ostrow payable?",
    "Summarise the contract Ostrow",
    "Compare the contract Ostrow and the contract Kerber on invoices",
    "Extract supplier from all contracts",
    "Draft an e-mail about invoices payable within days of receipt",
    "Who won the football championship?",
]


def asked(
    shelf: Shelf, conversations: Conversations, tom: Principal, llm: LLM, guard: Guard, question: str
) -> tuple[Message, GuardVerdicts, list[str]]:
    verdicts = GuardVerdicts(conversations._database)
    answers = Answers(conversations, shelf.retriever, llm, guard=guard, guard_verdicts=verdicts)
    generation = answers.ask(conversations.create("Asked", tom).id, question, tom)
    seen: list[str] = []
    while not (progress := generation.wait(-1, 0.01)).done:
        seen.append(progress.text)
    until_done(generation)
    answers.close()
    return conversations.message(generation.message_id, tom), verdicts, seen


@pytest.mark.parametrize("writes", [False, True])
def test_every_kind_of_answer_is_read_before_it_is_shown(
    shelf: Shelf, conversations: Conversations, tom: Principal, tmp_path: Path, writes: bool
) -> None:
    shelf.add("Contract Ostrow", OSTROW)
    shelf.add("Contract Kerber", KERBER)
    shelf.add("Travel policy", TRAVEL)
    with serving(tmp_path, scripted("safe", "unsafe\nS1")) as (url, name):
        guard = ready(asking(url, name))
        for question in QUESTIONS:
            llm = Repeating("Invoices are payable within 30 days of receipt [1].")
            used: LLM = llm if writes else Extractive(shelf.embedder)
            message, verdicts, seen = asked(shelf, conversations, tom, used, guard, question)
            assert message.state is MessageState.BLOCKED, question
            assert "S1 Violent Crimes" in message.text
            assert (message.citations, message.verdicts) == ((), ())
            assert verdicts.of(message.id)["answer"].categories == ("S1",)
            assert set(seen) <= {"", message.text}


def test_words_of_a_document_that_are_safe_are_shown(
    shelf: Shelf, conversations: Conversations, tom: Principal, tmp_path: Path
) -> None:
    shelf.add("Handbook", LEAVE)
    with serving(tmp_path, scripted("safe", "safe")) as (url, name):
        guard = ready(asking(url, name))
        message, verdicts, _ = asked(shelf, conversations, tom, Extractive(shelf.embedder), guard, QUESTION)
    assert message.state is MessageState.DONE
    assert message.citations[0].text == "Full-time staff have 30 days of annual leave."
    assert verdicts.of(message.id)["answer"].safe


@pytest.mark.parametrize("question", QUESTIONS)
def test_no_answer_leaves_while_the_guard_is_away(
    shelf: Shelf, conversations: Conversations, tom: Principal, question: str
) -> None:
    shelf.add("Contract Ostrow", OSTROW)
    shelf.add("Contract Kerber", KERBER)
    guard = Guard("http://127.0.0.1:9/v1", "", "guard", own=True, checks="answers")
    message, verdicts, seen = asked(shelf, conversations, tom, Extractive(shelf.embedder), guard, question)
    assert message.state is MessageState.BLOCKED
    assert "could not be checked" in message.text
    assert verdicts.of(message.id)["answer"].failure
    assert set(seen) <= {"", message.text}


@pytest.mark.parametrize("holds", [True, False])
def test_what_no_guard_has_read_goes_with_an_answer_that_breaks_off(
    shelf: Shelf, conversations: Conversations, tom: Principal, tmp_path: Path, holds: bool
) -> None:
    shelf.add("Handbook", LEAVE)
    broken = ScriptedModel("Full-time staff have 30 days [1] and", Unavailable("models", "The model is away."))
    with serving(tmp_path, scripted("safe", "safe")) as (url, name):
        guard = ready(asking(url, name, holds=holds))
        message, _, _ = asked(shelf, conversations, tom, broken, guard, QUESTION)
    assert message.state is MessageState.FAILED
    assert "30 days" not in message.text
    assert "away" in message.text
    assert message.citations == ()
