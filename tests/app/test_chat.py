from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from app.answers import FAILED, Answers, Generation, Progress
from app.chat import NOT_FOUND, NOT_FOUND_GERMAN, Ended, Retrieved, Wrote, answer
from app.confidence import LEAST, SURE, warning
from app.extract import Extractive
from app.llm import LLM, Reading
from app.prompt import Prompt, Turn
from app.retrieve import Retrieved as Found
from app.retrieve import Retriever
from storage.conversations import Conversations
from storage.documents import Documents
from storage.errors import InvalidInput, NotFound, Unavailable
from storage.index import Index
from storage.types import Message, MessageState, Principal, Readers, Role
from storage.users import Users
from storage.versions import Versions
from tests.conftest import ADA, PASSWORD, Library
from tests.contracts.index_contract import IndexProcess
from tests.shelf import HashEmbedder, Shelf, open_shelf

LEAVE = "Full-time staff have 30 days of annual leave. Leave that is not taken by 31 March lapses."
QUESTION = "How many days of annual leave do full-time staff have?"
QUOTED = "Full-time staff have 30 days of annual leave. [1]"


class ScriptedModel:
    """Says what a test gave it; waits at "...", writes no further than told, and raises what is an error."""

    name = "scripted"

    def __init__(self, *pieces: str | Reading | Exception) -> None:
        self.pieces = pieces
        self.prompts: list[Prompt] = []
        self.go_on = threading.Event()

    def stream(self, prompt: Prompt, cancel: threading.Event) -> Iterator[str | Reading]:
        self.prompts.append(prompt)
        for piece in self.pieces:
            if isinstance(piece, Exception):
                raise piece
            if piece == "...":
                while not self.go_on.wait(0.01):
                    if cancel.is_set():
                        return
                continue
            yield piece


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IndexProcess]:
    with IndexProcess(tmp_path_factory.mktemp("index")) as process:
        yield process


@pytest.fixture
def shelf(process: IndexProcess, library: Library, documents: Documents, versions: Versions) -> Iterator[Shelf]:
    with open_shelf(process, library, documents, versions) as shelf:
        yield shelf


@pytest.fixture
def tom(users: Users) -> Principal:
    users.create("tom", PASSWORD)
    return users.principal("tom")


def run(shelf: Shelf, llm: LLM, *, question: str = QUESTION, history: Sequence[Turn] = ()) -> list[object]:
    tom = Principal("tom", "tom", Role.MEMBER)
    events = answer(question, history, tom, retriever=shelf.retriever, llm=llm, cancel=threading.Event())
    return list(events)


class Sure(Retriever):
    """Finds what there is, and is as confident as it was told."""

    def __init__(self, shelf: Shelf, likely: float) -> None:
        super().__init__(shelf.index, shelf.embedder, shelf.documents)
        self.likely = likely

    def retrieve(self, question: str, principal: Principal, **options: Any) -> Found:
        return replace(super().retrieve(question, principal, **options), confidence=self.likely)


def until_done(generation: Generation) -> Progress:
    deadline = time.monotonic() + 20
    progress = generation.snapshot()
    while not progress.done:
        assert time.monotonic() < deadline, "the answer does not end"
        progress = generation.wait(progress.version, 1.0)
    return progress


def until(generation: Generation, text: str) -> Progress:
    deadline = time.monotonic() + 20
    progress = generation.snapshot()
    while text not in progress.text:
        assert time.monotonic() < deadline, f"{text!r} does not appear"
        progress = generation.wait(progress.version, 1.0)
    return progress


class TestAnswer:
    def test_the_evidence_comes_before_the_model_is_asked(self, shelf: Shelf) -> None:
        shelf.add("Handbook", LEAVE)
        model = ScriptedModel(Reading(0, 1, 2), QUOTED)
        events = answer(QUESTION, (), ADA, retriever=shelf.retriever, llm=model, cancel=threading.Event())
        first = next(events)
        assert isinstance(first, Retrieved)
        assert first.passages[0].text == LEAVE
        assert model.prompts == []
        assert next(events) == Reading(0, 1, 2)

    def test_the_model_s_numbers_become_footnotes(self, shelf: Shelf) -> None:
        shelf.add("Handbook", LEAVE)
        *_, wrote, ended = run(shelf, ScriptedModel("Full-time staff have 30 days", " of annual leave. [", "1] [9]"))
        assert isinstance(ended, Ended)
        assert (ended.text, ended.state, ended.model) == (QUOTED, MessageState.DONE, "scripted")
        assert [citation.text for citation in ended.citations] == ["Full-time staff have 30 days of annual leave."]
        assert wrote == Wrote(ended.text, ended.citations, verbatim=False)
        assert 0 < (ended.first_evidence or 0) <= ended.seconds

    def test_a_follow_up_is_searched_and_answered_as_it_is_meant(self, shelf: Shelf) -> None:
        shelf.add("Handbook", [LEAVE, "Interns on the staff have 12 days of annual leave."])
        model = ScriptedModel("12 [1]")
        events = run(shelf, model, question="And interns?", history=[Turn("user", QUESTION), Turn("assistant", "30")])
        first = events[0]
        assert isinstance(first, Retrieved)
        assert first.asked is not None
        meant = "How many days of annual leave do full-time staff have interns?"
        assert (first.asked.text, model.prompts[0].asked) == (meant, meant)
        assert (model.prompts[0].question, first.asked.seconds) == ("And interns?", 0)
        assert first.passages[0].text.startswith("Interns")

    def test_a_comparison_brings_the_passages_of_both_sides_first(self, shelf: Shelf) -> None:
        for name in ("Acme", "Globex", "Initech"):
            shelf.add(
                f"{name} report", [f"{name} pays a dividend of {len(name)} euros.", f"{name} has staff in Europe."]
            )
        shelf.add("Notes", "Dividend policies differ and policies of dividends differ, dividend by dividend.")
        first = run(shelf, ScriptedModel("x"), question="How do the dividend of Acme and Globex differ?")[0]
        assert isinstance(first, Retrieved)
        assert first.asked is not None
        assert len(first.asked.queries) == 3
        assert {"Acme report", "Globex report"} <= {passage.title for passage in first.passages[:3]}
        assert len({passage.chunk_id for passage in first.passages}) == len(first.passages)

    def test_without_a_model_the_documents_answer_in_their_own_words(self, shelf: Shelf) -> None:
        shelf.add("Handbook", LEAVE)
        ended = run(shelf, Extractive(shelf.embedder))[-1]
        assert isinstance(ended, Ended)
        assert (ended.text.startswith(QUOTED), ended.model) == (True, "extractive")

    @pytest.mark.parametrize(
        ("question", "refusal"),
        [("Who won the football championship?", NOT_FOUND), ("Wer hat die Meisterschaft gewonnen?", NOT_FOUND_GERMAN)],
    )
    def test_nothing_found_is_said_with_what_was_looked_at(self, shelf: Shelf, question: str, refusal: str) -> None:
        kept = shelf.add("*Handbook*", LEAVE, heading="Leave")
        *_, wrote, ended = run(shelf, Extractive(shelf.embedder), question=question)
        assert isinstance(wrote, Wrote)
        assert isinstance(ended, Ended)
        assert ended.text.startswith(refusal)
        assert ended.text.endswith(r"- \*Handbook\*, Leave [1]")
        assert (ended.state, wrote.verbatim) == (MessageState.DONE, True)
        assert [citation.document_id for citation in wrote.citations] == [kept.id]

    def test_a_refusal_names_few_pages_and_each_once(self, shelf: Shelf) -> None:
        for n in range(5):
            shelf.add(f"Handbook {n}", [f"Rule {n}x{m} stands here.\n---\nAnother {m}y{n}." for m in range(3)])
        ended = run(shelf, Extractive(shelf.embedder), question="Who won the football championship?")[-1]
        assert isinstance(ended, Ended)
        assert ended.text.count("\n- ") == 3
        assert len({(c.document_id, c.page) for c in ended.citations}) == len(ended.citations) == 3

    def test_no_model_is_asked_where_nothing_fits_and_its_answer_comes_with_a_warning_where_little_does(
        self, shelf: Shelf, tom: Principal
    ) -> None:
        shelf.add("Handbook", LEAVE)
        for likely, asked, begins in ((0.0, 0, NOT_FOUND), (LEAST, 1, warning(QUESTION)), (SURE, 1, "It is so")):
            model = ScriptedModel("It is so [1].")
            events = list(answer(QUESTION, (), tom, retriever=Sure(shelf, likely), llm=model, cancel=threading.Event()))
            ended = events[-1]
            assert isinstance(ended, Ended)
            assert (len(model.prompts), ended.text.startswith(begins)) == (asked, True)

    def test_without_any_passage_no_model_is_asked(self, shelf: Shelf) -> None:
        shelf.add("Board", LEAVE, Readers())
        model = ScriptedModel("invented")
        ended = run(shelf, model)[-1]
        assert isinstance(ended, Ended)
        assert (ended.text, ended.first_evidence, model.prompts) == (NOT_FOUND, None, [])

    def test_a_model_that_is_away_is_stood_in_for(self, shelf: Shelf) -> None:
        shelf.add("Handbook", LEAVE)
        events = run(shelf, ScriptedModel(Unavailable("models", "The models process does not answer.")))
        ended = events[-1]
        assert isinstance(ended, Ended)
        assert (ended.text.startswith(QUOTED), ended.model) == (True, "extractive")
        notices = [event.notice for event in events if isinstance(event, Retrieved)]
        assert notices[0] == ""
        assert notices[1].startswith("The models process does not answer. Until then")

    def test_a_model_that_breaks_off_is_not_continued_by_another(self, shelf: Shelf) -> None:
        shelf.add("Handbook", LEAVE)
        with pytest.raises(Unavailable):
            run(shelf, ScriptedModel("Full-time staff", Unavailable("models", "It broke off.")))

    def test_a_cancelled_answer_keeps_what_was_written(self, shelf: Shelf) -> None:
        shelf.add("Handbook", LEAVE)
        cancel = threading.Event()
        model = ScriptedModel("Full-time staff have ", "30 days")
        events = []
        for event in answer(QUESTION, (), ADA, retriever=shelf.retriever, llm=model, cancel=cancel):
            events.append(event)
            if isinstance(event, Wrote):
                cancel.set()
        ended = events[-1]
        assert isinstance(ended, Ended)
        assert (ended.text, ended.state) == ("Full-time staff have", MessageState.STOPPED)

    def test_the_model_is_given_no_more_than_its_budget_and_numbers_beyond_it_are_dropped(self, shelf: Shelf) -> None:
        for n in range(9):
            shelf.add(f"Handbook {n}", f"{LEAVE} " + " ".join(f"Rule{n}x{m} stands here." for m in range(40)))
        model = ScriptedModel("All of it is so [8].")
        first, *_, ended = run(shelf, model)
        assert isinstance(first, Retrieved)
        assert isinstance(ended, Ended)
        assert 3 <= len(model.prompts[0].passages) < 8
        assert first.passages == model.prompts[0].passages
        assert ended.citations == ()

    def test_the_history_reaches_search_and_model(self, shelf: Shelf) -> None:
        shelf.add("Handbook", LEAVE)
        history = [Turn("user", QUESTION), Turn("assistant", "30 days [1]. " * 500)]
        model = ScriptedModel(QUOTED)
        run(shelf, model, question="until when?", history=history)
        assert shelf.embedder.asked[-1].startswith(QUESTION)
        assert [turn.role for turn in model.prompts[0].history] == ["user", "assistant"]
        assert len(model.prompts[0].history[1].text) <= 1500


class TestAnswers:
    @pytest.fixture
    def answers(self, conversations: Conversations, shelf: Shelf) -> Iterator[Answers]:
        answers = Answers(conversations, shelf.retriever, Extractive(shelf.embedder))
        yield answers
        answers.close()

    def with_model(self, conversations: Conversations, shelf: Shelf, *pieces: str | Reading | Exception) -> Answers:
        self.model = ScriptedModel(*pieces)
        return Answers(conversations, shelf.retriever, self.model)

    def kept(self, conversations: Conversations, generation: Generation, principal: Principal) -> Message:
        return conversations.message(generation.message_id, principal)

    def test_the_answer_is_kept_with_its_footnotes(
        self, answers: Answers, conversations: Conversations, shelf: Shelf, tom: Principal
    ) -> None:
        shelf.add("Handbook", LEAVE)
        chat = conversations.create("Leave", tom)
        progress = until_done(answers.ask(chat.id, QUESTION, tom))
        asked, answered = conversations.messages(chat.id, tom)
        assert asked.text == QUESTION
        assert (answered.text, answered.state, answered.model) == (progress.text, MessageState.DONE, "extractive")
        assert answered.citations == progress.citations
        assert answered.citations[0].text == "Full-time staff have 30 days of annual leave."
        assert (progress.stage, progress.passages[0].text) == ("done", LEAVE)
        assert answered.seconds is not None
        assert answered.first_evidence is not None

    def test_it_is_followed_while_it_grows(self, conversations: Conversations, shelf: Shelf, tom: Principal) -> None:
        shelf.add("Handbook", LEAVE)
        answers = self.with_model(conversations, shelf, Reading(0, 5, 9), "Full-time staff", "...", " have 30 days [1]")
        generation = answers.ask(conversations.create("Leave", tom).id, QUESTION, tom)
        progress = until(generation, "Full-time staff")
        assert (progress.stage, progress.done, progress.reading) == ("writing", False, None)
        assert answers.running(generation.message_id) is generation
        assert generation.wait(progress.version - 1, 0).version == progress.version
        self.model.go_on.set()
        assert until_done(generation).text == "Full-time staff have 30 days [1]"
        assert answers.running(generation.message_id) is None

    def test_what_is_written_is_in_the_database_before_the_end(
        self, conversations: Conversations, shelf: Shelf, tom: Principal
    ) -> None:
        shelf.add("Handbook", LEAVE)
        answers = self.with_model(conversations, shelf, "Full-time staff", "...")
        generation = answers.ask(conversations.create("Leave", tom).id, QUESTION, tom)
        deadline = time.monotonic() + 20
        while not (message := self.kept(conversations, generation, tom)).text:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert (message.text, message.state) == ("Full-time staff", MessageState.RUNNING)
        answers.close()

    def test_a_second_question_has_to_wait_for_the_first(
        self, conversations: Conversations, shelf: Shelf, tom: Principal
    ) -> None:
        shelf.add("Handbook", LEAVE)
        answers = self.with_model(conversations, shelf, "...", QUOTED)
        chat, other = conversations.create("Leave", tom), conversations.create("Other", tom)
        first = answers.ask(chat.id, QUESTION, tom)
        with pytest.raises(InvalidInput, match="being answered"):
            answers.ask(chat.id, "And until when?", tom)
        assert len(conversations.messages(chat.id, tom)) == 2
        second = answers.ask(other.id, QUESTION, tom)
        self.model.go_on.set()
        until_done(first)
        until_done(second)
        until_done(answers.ask(chat.id, "And until when?", tom))
        assert len(conversations.messages(chat.id, tom)) == 4

    def test_stop_keeps_the_text_so_far(self, conversations: Conversations, shelf: Shelf, tom: Principal) -> None:
        shelf.add("Handbook", LEAVE)
        answers = self.with_model(conversations, shelf, "Full-time staff have 30 days [1] and", "...", "more")
        generation = answers.ask(conversations.create("Leave", tom).id, QUESTION, tom)
        until(generation, "and")
        generation.cancel()
        until_done(generation)
        message = self.kept(conversations, generation, tom)
        assert (message.text, message.state) == ("Full-time staff have 30 days [1] and", MessageState.STOPPED)
        assert len(message.citations) == 1

    def test_a_refusal_is_withheld_once_what_was_looked_at_may_not_be_read(
        self, answers: Answers, conversations: Conversations, shelf: Shelf, tom: Principal
    ) -> None:
        kept = shelf.add("Handbook", LEAVE)
        generation = answers.ask(conversations.create("Sport", tom).id, "Who won the football championship?", tom)
        until_done(generation)
        shelf.documents.set_readers(kept.id, Readers(), ADA)
        message = self.kept(conversations, generation, tom)
        assert (message.text, message.state) == ("", MessageState.WITHDRAWN)

    def test_an_answer_is_withheld_once_a_source_may_not_be_read(
        self, answers: Answers, conversations: Conversations, shelf: Shelf, tom: Principal
    ) -> None:
        kept = shelf.add("Handbook", LEAVE)
        generation = answers.ask(conversations.create("Leave", tom).id, QUESTION, tom)
        until_done(generation)
        shelf.documents.set_readers(kept.id, Readers(), ADA)
        assert self.kept(conversations, generation, tom).state is MessageState.WITHDRAWN

    def test_a_verbatim_answer_rests_on_the_documents_that_it_cites_alone(
        self, answers: Answers, conversations: Conversations, shelf: Shelf, tom: Principal
    ) -> None:
        shelf.add("Handbook", LEAVE)
        other = shelf.add("Canteen", "The canteen opens at noon and serves soup.")
        generation = answers.ask(conversations.create("Leave", tom).id, QUESTION, tom)
        assert other.id in {passage.document_id for passage in until_done(generation).passages}
        shelf.documents.set_readers(other.id, Readers(), ADA)
        assert self.kept(conversations, generation, tom).state is MessageState.DONE

    def test_a_reader_who_loses_a_document_meanwhile_sees_no_more_of_it(
        self, conversations: Conversations, shelf: Shelf, tom: Principal
    ) -> None:
        kept = shelf.add("Handbook", LEAVE)
        answers = self.with_model(conversations, shelf, "Full-time staff have 30 days", "...")
        generation = answers.ask(conversations.create("Leave", tom).id, QUESTION, tom)
        until(generation, "30 days")
        shelf.documents.set_readers(kept.id, Readers(), ADA)
        progress = until_done(generation)
        assert (progress.text, progress.citations, progress.passages) == ("", (), ())
        assert self.kept(conversations, generation, tom).state is MessageState.WITHDRAWN

    def test_an_answer_ends_when_its_chat_is_deleted(
        self, conversations: Conversations, shelf: Shelf, tom: Principal
    ) -> None:
        shelf.add("Handbook", LEAVE)
        answers = self.with_model(conversations, shelf, "Full-time staff have 30 days", "...")
        chat = conversations.create("Leave", tom)
        generation = answers.ask(chat.id, QUESTION, tom)
        until(generation, "30 days")
        conversations.delete(chat.id, tom)
        assert until_done(generation).text == ""

    def test_a_known_failure_is_kept_as_its_reason(
        self, conversations: Conversations, shelf: Shelf, tom: Principal
    ) -> None:
        shelf.add("Handbook", LEAVE)
        answers = self.with_model(conversations, shelf, "Full-time staff", Unavailable("models", "It broke off."))
        generation = answers.ask(conversations.create("Leave", tom).id, QUESTION, tom)
        assert until_done(generation).text == "Full-time staff\n\nIt broke off."
        assert self.kept(conversations, generation, tom).state is MessageState.FAILED

    def test_an_unknown_failure_is_logged_and_not_told(
        self, conversations: Conversations, shelf: Shelf, tom: Principal, caplog: pytest.LogCaptureFixture
    ) -> None:
        shelf.add("Handbook", LEAVE)
        answers = self.with_model(conversations, shelf, ZeroDivisionError("secret detail"))
        generation = answers.ask(conversations.create("Leave", tom).id, QUESTION, tom)
        assert until_done(generation).text == FAILED
        assert self.kept(conversations, generation, tom).text == FAILED
        assert "secret detail" in caplog.text

    def test_without_the_index_the_answer_says_what_is_missing(
        self, conversations: Conversations, documents: Documents, library: Library, versions: Versions, tom: Principal
    ) -> None:
        index = Index("http://127.0.0.1:9", "key", timeout=1)
        shelf = Shelf(library, documents, versions, index, HashEmbedder())
        answers = Answers(conversations, shelf.retriever, Extractive(shelf.embedder))
        generation = answers.ask(conversations.create("Leave", tom).id, QUESTION, tom)
        assert "index" in until_done(generation).text
        index.close()

    def test_earlier_turns_are_given_unless_they_may_not_be_seen_any_more(
        self, conversations: Conversations, shelf: Shelf, tom: Principal
    ) -> None:
        shelf.add("Handbook", LEAVE)
        secret = shelf.add("Board", "The board bonus is paid in November.")
        answers = self.with_model(conversations, shelf, "The board bonus is paid in November [1].")
        chat = conversations.create("Bonus", tom)
        until_done(answers.ask(chat.id, "When is the board bonus paid?", tom))
        until_done(answers.ask(chat.id, QUESTION, tom))
        assert [turn.text for turn in self.model.prompts[1].history] == [
            "When is the board bonus paid?",
            "The board bonus is paid in November [1].",
        ]
        shelf.documents.set_readers(secret.id, Readers(), ADA)
        until_done(answers.ask(chat.id, QUESTION, tom))
        assert "bonus" not in str(self.model.prompts[2].history)

    def test_an_empty_question_and_a_chat_of_somebody_else_are_refused(
        self, answers: Answers, conversations: Conversations, users: Users, tom: Principal
    ) -> None:
        users.create("mia", PASSWORD)
        chat = conversations.create("Leave", tom)
        with pytest.raises(InvalidInput):
            answers.ask(chat.id, "  ", tom)
        with pytest.raises(NotFound):
            answers.ask(chat.id, QUESTION, users.principal("mia"))
        assert conversations.messages(chat.id, tom) == []

    def test_closing_stops_what_runs_and_keeps_it(
        self, conversations: Conversations, shelf: Shelf, tom: Principal
    ) -> None:
        shelf.add("Handbook", LEAVE)
        answers = self.with_model(conversations, shelf, "Full-time staff", "...")
        generation = answers.ask(conversations.create("Leave", tom).id, QUESTION, tom)
        until(generation, "Full-time")
        answers.close()
        message = self.kept(conversations, generation, tom)
        assert (message.text, message.state) == ("Full-time staff", MessageState.STOPPED)
