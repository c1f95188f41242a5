"""How answers came about: who sees it, and when it goes."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from storage.conversations import Conversations
from storage.database import Database
from storage.documents import Documents
from storage.erasure import erase_rows, require_none_left
from storage.errors import Forbidden, NotFound
from storage.models import EventRow, GivenRow, RecordRow, VerdictRow
from storage.records import Records
from storage.types import (
    Citation,
    Given,
    Message,
    MessageState,
    Principal,
    Readers,
    Record,
    Support,
    Verdict,
)
from storage.users import Users
from tests.conftest import ADA, PASSWORD, TOM, Kept, Library

HR = Readers(groups=frozenset({"hr"}))
TEXT = "Mia has 30 days [1]. She may keep 9 of them."
FULL = Verdict(0, 20, Support.FULL, footnotes=(1,))
NONE = Verdict(21, 44, Support.NONE, "The source says 5, not 9.", left_out="")


@pytest.fixture
def records(database: Database) -> Records:
    return Records(database)


@pytest.fixture
def mia(users: Users) -> Principal:
    users.create("mia", PASSWORD)
    account = users.principal("mia")
    return Principal(account.user_id, account.name, account.role, frozenset({"hr"}))


def given(kept: Kept) -> Given:
    return Given(kept.id, kept.version_id, 1, 0, 6)


def answered(
    conversations: Conversations,
    who: Principal,
    drawn: Kept,
    *others: Kept,
    verdicts: tuple[Verdict, ...] = (FULL, NONE),
    **more: Any,
) -> Message:
    """An answer drawn from one document, before whose model others were put too."""
    message = conversations.ask(conversations.create("Leave", who).id, more.pop("question", "How many days?"), who)
    conversations.record_sources(message.id, [drawn.id])
    record = Record("1", ("How many days has Mia?",), 0.8, tuple(map(given, (drawn, *others))))
    values: dict[str, Any] = {"model": "llama", "seconds": 2.5, "first_evidence": 0.2, **more}
    cited = [Citation(1, drawn.id, drawn.version_id, 1, 0, 4)]
    conversations.finish(message.id, TEXT, MessageState.DONE, cited, record=record, verdicts=verdicts, **values)
    return message


def rows(database: Database) -> list[int]:
    with database.read() as session:
        tables = (VerdictRow, RecordRow, GivenRow)
        return [session.scalar(sa.select(sa.func.count()).select_from(table)) or 0 for table in tables]


def test_the_asker_sees_the_verdicts_of_an_answer(
    conversations: Conversations, library: Library, mia: Principal
) -> None:
    message = answered(conversations, mia, library.ready("Mia has 30 days.", HR))
    assert conversations.message(message.id, mia).verdicts == (FULL, NONE)
    assert conversations.messages(message.conversation_id, mia)[1].verdicts == (FULL, NONE)


def test_an_admin_sees_how_an_answer_came_about(
    records: Records, conversations: Conversations, library: Library, database: Database, mia: Principal
) -> None:
    drawn = library.ready("Mia has 30 days.", HR, title="Leave", name="leave.txt")
    other = library.ready("Tom has 28 days.", title="", name="others.txt")
    message = answered(conversations, mia, drawn, other)
    found = records.get(message.id, ADA)
    assert (found.question, found.answer, found.model) == ("How many days?", TEXT, "llama")
    assert (found.prompt_version, found.searched, found.confidence) == ("1", ("How many days has Mia?",), 0.8)
    assert (found.seconds, found.first_evidence, found.verdicts) == (2.5, 0.2, (FULL, NONE))
    assert [(one.n, one.document_id, one.page, one.start, one.end, one.cited) for one in found.sources] == [
        (1, drawn.id, 1, 0, 6, True),
        (2, other.id, 1, 0, 6, False),
    ]
    assert found.sources[0].title == "Leave"
    with database.read() as session:
        events = list(session.scalars(sa.select(EventRow).where(EventRow.subject == message.id)))
    assert [(event.who, event.action) for event in events] == [("ada", "answer looked into")]


def test_the_list_holds_answers_with_weak_sentences_and_counts_them(
    records: Records, conversations: Conversations, library: Library, mia: Principal
) -> None:
    kept = library.ready("Mia has 30 days.", HR)
    answered(conversations, mia, kept, verdicts=(FULL,), question="Good?")
    answered(conversations, mia, kept, question="Weak?")
    assert [(one.question, one.counts) for one in records.answers(ADA)] == [
        ("Weak?", {Support.FULL: 1, Support.NONE: 1})
    ]
    assert [one.question for one in records.answers(ADA, support=())] == ["Weak?", "Good?"]
    assert records.answers(ADA, support=(Support.PART,)) == []
    assert len(records.answers(ADA, support=(), limit=1)) == 1


def test_members_see_no_record_even_of_their_own_answers(
    records: Records, conversations: Conversations, library: Library, mia: Principal
) -> None:
    message = answered(conversations, mia, library.ready("Mia has 30 days.", HR))
    with pytest.raises(Forbidden):
        records.answers(mia)
    with pytest.raises(Forbidden):
        records.get(message.id, TOM)


@pytest.mark.parametrize("which", ["drawn", "other"])
def test_a_record_is_hidden_while_any_of_its_sources_is(
    records: Records, conversations: Conversations, library: Library, documents: Documents, mia: Principal, which: str
) -> None:
    kept = {"drawn": library.ready("Mia has 30 days.", HR), "other": library.ready("Tom has 28 days.")}
    message = answered(conversations, mia, kept["drawn"], kept["other"])
    assert records.get(message.id, ADA).sources
    documents.begin_delete(kept[which].id, ADA)
    with pytest.raises(NotFound):
        records.get(message.id, ADA)
    assert records.answers(ADA) == []


def test_a_withdrawn_answer_keeps_nothing(
    conversations: Conversations, library: Library, documents: Documents, database: Database, mia: Principal
) -> None:
    kept = library.ready("Mia has 30 days.", HR)
    message = answered(conversations, mia, kept)
    documents.set_readers(kept.id, Readers(), ADA)
    assert conversations.message(message.id, mia).verdicts == ()
    documents.begin_delete(kept.id, ADA)
    conversations.save_text(message.id, "late words")
    assert rows(database) == [0, 0, 0]


def test_erasing_a_document_takes_all_that_names_it(
    records: Records, conversations: Conversations, library: Library, database: Database, mia: Principal
) -> None:
    drawn, other = library.ready("Mia has 30 days.", HR), library.ready("Tom has 28 days.")
    first = answered(conversations, mia, drawn, other)
    second = answered(conversations, mia, other, drawn)
    with database.write() as session:
        erase_rows(session, [drawn.id])
    with database.read() as session:
        require_none_left(session, [drawn.id], [drawn.version_id])
    assert conversations.message(first.id, mia).verdicts == ()
    with pytest.raises(NotFound):
        records.get(first.id, ADA)
    assert [source.document_id for source in records.get(second.id, ADA).sources] == [other.id]


def test_what_is_being_deleted_as_an_answer_ends_is_not_named(
    conversations: Conversations, library: Library, documents: Documents, database: Database, mia: Principal
) -> None:
    drawn, other = library.ready("Mia has 30 days.", HR), library.ready("Tom has 28 days.")
    documents.begin_delete(other.id, ADA)
    answered(conversations, mia, drawn, other)
    assert rows(database) == [2, 1, 1]


def test_a_deleted_conversation_takes_its_records(
    conversations: Conversations, library: Library, database: Database, mia: Principal
) -> None:
    message = answered(conversations, mia, library.ready("Mia has 30 days.", HR))
    assert rows(database) == [2, 1, 1]
    conversations.delete(message.conversation_id, mia)
    assert rows(database) == [0, 0, 0]
