"""Conversations: whose they are, and what an answer may still show."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa

from storage.conversations import Conversations
from storage.database import Database
from storage.documents import Documents
from storage.errors import InvalidInput, NotFound
from storage.models import CitationRow, Document, MessageRow, MessageSource, User, now
from storage.types import Citation, Message, MessageState, Principal, Readers, Role
from storage.users import Users
from storage.versions import Versions
from tests.conftest import ADA, PASSWORD, Kept, Library

HR = Readers(groups=frozenset({"hr"}))


@pytest.fixture
def mia(users: Users) -> Principal:
    users.create("mia", PASSWORD)
    account = users.principal("mia")
    return Principal(account.user_id, account.name, Role.MEMBER, frozenset({"hr"}))


@pytest.fixture
def tom(users: Users) -> Principal:
    users.create("tom", PASSWORD)
    return users.principal("tom")


def without_groups(principal: Principal) -> Principal:
    return Principal(principal.user_id, principal.name, principal.role)


def citation(kept: Kept, n: int = 1) -> Citation:
    return Citation(n, kept.id, kept.version_id, 1, 0, 4)


def finish(conversations: Conversations, message: Message, text: str, *citations: Citation) -> None:
    conversations.finish(message.id, text, MessageState.DONE, citations, model="llama", seconds=1.5, first_evidence=0.2)


def answered(conversations: Conversations, principal: Principal, *sources: Kept, text: str = "30 days [1]") -> Message:
    conversation = conversations.create("Leave", principal)
    message = conversations.ask(conversation.id, "How many days?", principal)
    conversations.record_sources(message.id, [kept.id for kept in sources])
    finish(conversations, message, text, *(citation(kept, n) for n, kept in enumerate(sources, 1)))
    return message


def assert_withdrawn(message: Message) -> None:
    nothing = Message(message.id, message.conversation_id, "assistant", "", MessageState.WITHDRAWN, message.created)
    assert message == nothing


# --- whose they are


def test_a_question_and_its_answer_come_back_in_order_with_footnotes(
    conversations: Conversations, library: Library, mia: Principal
) -> None:
    kept = library.ready("Mia has 30 days.", HR, title="Leave", name="leave.txt")
    message = answered(conversations, mia, kept)
    asked, answer = conversations.messages(message.conversation_id, mia)
    assert (asked.role, asked.text, asked.state) == ("user", "How many days?", MessageState.DONE)
    assert (answer.text, answer.state, answer.model) == ("30 days [1]", MessageState.DONE, "llama")
    assert (answer.seconds, answer.first_evidence) == (1.5, 0.2)
    assert answer.citations == (
        Citation(1, kept.id, kept.version_id, 1, 0, 4, title="Leave", name="leave.txt", heading="", text="Mia "),
    )
    second = conversations.ask(message.conversation_id, "And Tom?", mia)
    roles = [one.role for one in conversations.messages(message.conversation_id, mia)]
    assert roles == ["user", "assistant", "user", "assistant"]
    assert second.state is MessageState.RUNNING


@pytest.mark.parametrize("other", ["tom", "ada"])
def test_a_conversation_of_somebody_else_is_as_if_it_were_not_there(
    conversations: Conversations, mia: Principal, tom: Principal, other: str
) -> None:
    conversation = conversations.create("Leave", mia)
    message = conversations.ask(conversation.id, "How many days?", mia)
    stranger = tom if other == "tom" else ADA
    actions: list[Callable[[str, str], object]] = [
        lambda c, m: conversations.get(c, stranger),
        lambda c, m: conversations.rename(c, "mine", stranger),
        lambda c, m: conversations.delete(c, stranger),
        lambda c, m: conversations.ask(c, "?", stranger),
        lambda c, m: conversations.messages(c, stranger),
        lambda c, m: conversations.message(m, stranger),
        lambda c, m: conversations.rate(m, 1, "", stranger),
    ]
    for action in actions:
        texts = []
        for c, m in ((conversation.id, message.id), ("0" * 32, "0" * 32)):
            with pytest.raises(NotFound) as caught:
                action(c, m)
            texts.append(str(caught.value).replace("message", "conversation"))
        assert texts[0] == texts[1]
    assert conversations.find(stranger) == []
    assert conversations.get(conversation.id, mia).title == "Leave"


def test_conversations_are_found_by_title_with_the_last_changed_first(
    conversations: Conversations, mia: Principal
) -> None:
    first = conversations.create("Leave 100%", mia)
    second = conversations.create("Überstunden", mia)
    assert [one.id for one in conversations.find(mia)] == [second.id, first.id]
    conversations.ask(first.id, "?", mia)
    assert [one.id for one in conversations.find(mia)] == [first.id, second.id]
    assert [one.id for one in conversations.find(mia, text="%")] == [first.id]
    assert [one.id for one in conversations.find(mia, text="üBER")] == [second.id]
    assert conversations.find(mia, text="_") == []
    assert [one.id for one in conversations.find(mia, limit=1)] == [first.id]


def test_a_title_is_one_line_that_fits(conversations: Conversations, mia: Principal) -> None:
    conversation = conversations.create("  How\nmany   days  " + "x" * 100, mia)
    assert conversation.title == "How many days " + "x" * 65 + "…"
    conversations.rename(conversation.id, "Short\t title", mia)
    assert conversations.get(conversation.id, mia).title == "Short title"


def test_a_deleted_conversation_takes_every_row_with_it(
    conversations: Conversations, library: Library, mia: Principal, database: Database
) -> None:
    message = answered(conversations, mia, library.ready("Mia has 30 days."))
    conversations.delete(message.conversation_id, mia)
    assert conversations.find(mia) == []
    with database.read() as session:
        for table in (MessageRow, MessageSource, CitationRow):
            assert session.scalar(sa.select(sa.func.count()).select_from(table)) == 0
    finish(conversations, message, "too late")  # the answer was still being written
    with pytest.raises(NotFound):
        conversations.message(message.id, mia)


def test_an_account_that_goes_takes_its_conversations_with_it(
    conversations: Conversations, mia: Principal, database: Database
) -> None:
    conversations.ask(conversations.create("Leave", mia).id, "?", mia)
    with database.write() as session:
        session.execute(sa.delete(User).where(User.id == mia.user_id))
    with database.read() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(MessageRow)) == 0


# --- what an answer may still show


def test_an_answer_is_withdrawn_while_its_reader_may_not_read_a_source_and_comes_back(
    conversations: Conversations, documents: Documents, library: Library, mia: Principal
) -> None:
    open_, restricted = library.ready("Everybody may know."), library.ready("Only HR knows.", HR)
    message = answered(conversations, mia, open_, restricted)
    assert conversations.message(message.id, mia).text
    stranger = without_groups(mia)
    assert_withdrawn(conversations.message(message.id, stranger))
    assert_withdrawn(conversations.messages(message.conversation_id, stranger)[1])
    documents.set_readers(restricted.id, Readers(everyone=True), ADA)
    assert len(conversations.message(message.id, stranger).citations) == 2


def test_a_source_that_was_read_and_not_cited_withdraws_the_answer_too(
    conversations: Conversations, library: Library, mia: Principal
) -> None:
    restricted = library.ready("Only HR knows.", HR)
    conversation = conversations.create("Leave", mia)
    message = conversations.ask(conversation.id, "?", mia)
    conversations.record_sources(message.id, [restricted.id])
    finish(conversations, message, "words of it, without a footnote")
    assert_withdrawn(conversations.message(message.id, without_groups(mia)))


def test_a_running_answer_is_withdrawn_before_its_end_as_well(
    conversations: Conversations, library: Library, mia: Principal
) -> None:
    restricted = library.ready("Only HR knows.", HR)
    message = conversations.ask(conversations.create("Leave", mia).id, "?", mia)
    conversations.record_sources(message.id, [restricted.id])
    conversations.save_text(message.id, "Only HR")
    assert_withdrawn(conversations.message(message.id, without_groups(mia)))


@pytest.mark.parametrize("erased", [False, True])
def test_a_deleted_source_withdraws_the_answer_for_good_and_takes_its_words_from_the_database(
    conversations: Conversations,
    documents: Documents,
    versions: Versions,
    library: Library,
    mia: Principal,
    database: Database,
    erased: bool,
) -> None:
    kept = library.ready("Mia has 30 days.")
    message = answered(conversations, mia, kept)
    conversations.rate(message.id, 1, "30 days is right", mia)
    documents.begin_delete(kept.id, ADA)
    if erased:
        receipt = versions.erase(kept.id, files=0, points=0)
        assert receipt is not None
        assert receipt.messages == 1
        with database.read() as session:
            row = session.get_one(MessageRow, message.id)
            assert (row.text, row.comment) == ("", "")
    assert_withdrawn(conversations.message(message.id, mia))


@pytest.mark.parametrize("erased", [False, True])
@pytest.mark.parametrize("cites", [False, True])
def test_a_source_deleted_while_the_answer_runs_leaves_no_word_of_it(
    conversations: Conversations,
    documents: Documents,
    versions: Versions,
    library: Library,
    mia: Principal,
    database: Database,
    erased: bool,
    cites: bool,
) -> None:
    kept, other = library.ready("Mia has 30 days."), library.ready("Other.")
    message = conversations.ask(conversations.create("Leave", mia).id, "?", mia)
    conversations.record_sources(message.id, [kept.id, other.id])
    conversations.save_text(message.id, "Mia has", [citation(kept)])
    documents.begin_delete(kept.id, ADA)
    if erased:
        versions.erase(kept.id, files=0, points=0)
    citations = [citation(kept)] if cites else []
    conversations.save_text(message.id, "Mia has 30", citations)
    finish(conversations, message, "Mia has 30 days.", *citations)
    assert_withdrawn(conversations.message(message.id, mia))
    with database.read() as session:
        assert session.get_one(MessageRow, message.id).text == ""
        assert session.scalars(sa.select(CitationRow)).all() == []


def test_a_source_deleted_before_it_was_recorded_withdraws_the_answer(
    conversations: Conversations, documents: Documents, versions: Versions, library: Library, mia: Principal
) -> None:
    kept = library.ready("Mia has 30 days.")
    message = conversations.ask(conversations.create("Leave", mia).id, "?", mia)
    documents.begin_delete(kept.id, ADA)
    versions.erase(kept.id, files=0, points=0)
    conversations.record_sources(message.id, [kept.id])
    finish(conversations, message, "Mia has 30 days.")
    assert_withdrawn(conversations.message(message.id, mia))


def test_a_document_that_was_not_recorded_as_a_source_can_not_be_cited(
    conversations: Conversations, library: Library, mia: Principal
) -> None:
    recorded, other = library.ready("a"), library.ready("b")
    message = conversations.ask(conversations.create("Leave", mia).id, "?", mia)
    conversations.record_sources(message.id, [recorded.id])
    with pytest.raises(InvalidInput, match="recorded"):
        conversations.save_text(message.id, "x [1]", [citation(other)])
    assert conversations.message(message.id, mia).text == ""


def test_sources_may_be_recorded_again(
    conversations: Conversations, library: Library, mia: Principal, database: Database
) -> None:
    a, b = library.ready("a"), library.ready("b")
    message = conversations.ask(conversations.create("Leave", mia).id, "?", mia)
    conversations.record_sources(message.id, [a.id, a.id])
    conversations.record_sources(message.id, [a.id, b.id])
    with database.read() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(MessageSource)) == 2
        assert session.scalar(sa.select(sa.func.count()).select_from(Document)) == 2


def test_an_answer_that_nobody_writes_any_more_shows_as_failed(
    conversations: Conversations, mia: Principal, database: Database
) -> None:
    message = conversations.ask(conversations.create("Leave", mia).id, "?", mia)
    assert conversations.message(message.id, mia).state is MessageState.RUNNING
    with database.write() as session:
        session.execute(sa.update(MessageRow).values(touched=now() - timedelta(seconds=61)))
    assert conversations.message(message.id, mia).state is MessageState.FAILED
    conversations.save_text(message.id, "back again")
    assert conversations.message(message.id, mia).state is MessageState.RUNNING


def test_an_answer_is_rated_and_the_rating_taken_back(conversations: Conversations, mia: Principal) -> None:
    message = answered(conversations, mia)
    for rating in (1, 0, None):
        conversations.rate(message.id, rating, f"  {'x' * 3000} ", mia)
        rated = conversations.message(message.id, mia)
        assert (rated.rating, len(rated.comment)) == (rating, 2000)
    with pytest.raises(InvalidInput):
        conversations.rate(message.id, 5, "", mia)


def test_words_that_no_database_takes_are_kept_all_the_same(conversations: Conversations, mia: Principal) -> None:
    conversation = conversations.create("zero\x00 \ud83d", mia)
    message = conversations.ask(conversation.id, "zero\x00 \ud83d", mia)
    finish(conversations, message, "zero\x00 \ud83d")
    asked, answer = conversations.messages(conversation.id, mia)
    assert asked.text == answer.text == conversations.get(conversation.id, mia).title == "zero\ufffd \ufffd"


def test_an_answer_knows_how_many_documents_were_not_read_yet(
    conversations: Conversations, library: Library, mia: Principal, tom: Principal
) -> None:
    waiting = library.add("hidden", HR)
    asked = {who.name: conversations.ask(conversations.create("Leave", who).id, "?", who) for who in (mia, tom)}
    library.fill(waiting, "hidden", title="hidden")
    assert conversations.message(asked["mia"].id, mia).unread == asked["mia"].unread == 1
    assert conversations.message(asked["tom"].id, tom).unread == 0
    assert conversations.ask(conversations.create("Leave", mia).id, "?", mia).unread == 0
