from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.answers import FAILED, Answers, Generation
from app.extract import Extractive
from app.llm import Reading
from storage.conversations import Conversations
from storage.documents import Documents
from storage.errors import InvalidInput, NotFound, Unavailable
from storage.index import Index
from storage.types import Message, MessageState, Principal, Readers
from storage.users import Users
from storage.versions import Versions
from tests import patience
from tests.conftest import ADA, PASSWORD, Library
from tests.shelf import HashEmbedder, Shelf
from tests.talking import LEAVE, QUESTION, QUOTED, ScriptedModel, until, until_done


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
        patience.until(lambda: self.kept(conversations, generation, tom).text)
        message = self.kept(conversations, generation, tom)
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
