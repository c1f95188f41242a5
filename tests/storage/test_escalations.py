"""Questions that were sent to a person: whose they are, who sees what, the answer, and what remains of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa

from storage import audit
from storage.conversations import Conversations
from storage.database import Database
from storage.deliveries import ATTEMPTS, LEASE, Deliveries
from storage.documents import Documents
from storage.errors import Conflict, Forbidden, InvalidInput, NotFound
from storage.escalations import Escalations, EscalationState
from storage.models import DeliveryRow, EscalationRow, ReplyRow, now
from storage.types import Citation, Message, MessageState, Principal, Readers, Role
from storage.users import Users
from storage.versions import Versions
from tests.conftest import PASSWORD, Kept, Library

CHANNELS = ("mail", "webhook")


@pytest.fixture
def people(users: Users) -> Callable[[str], Principal]:
    """mia and tom are members of HR, eva helps, max is in no group, ada is an admin."""
    for group in ("HR", "Helpers"):
        users.create_group(group)
    for name, groups in {"mia": ["HR"], "tom": ["HR"], "eva": ["Helpers"], "max": []}.items():
        users.create(name, PASSWORD, groups=groups)
    users.create("ada", PASSWORD, role=Role.ADMIN)
    return users.principal


@pytest.fixture
def hr(users: Users, people: object) -> Readers:
    return Readers(groups=users.group_ids(["HR"]))


@pytest.fixture
def escalations(database: Database) -> Escalations:
    return Escalations(database, group="Helpers", channels=CHANNELS)


@pytest.fixture
def deliveries(database: Database) -> Deliveries:
    return Deliveries(database)


def answered(conversations: Conversations, who: Principal, *sources: Kept, chat: str = "") -> Message:
    message = conversations.ask(chat or conversations.create("Leave", who).id, "How many days?", who)
    conversations.record_sources(message.id, [kept.id for kept in sources])
    cited = [Citation(n, kept.id, kept.version_id, 1, 0, 4) for n, kept in enumerate(sources, 1)]
    text = f"{chat or 'First'}: 30 days [1]"
    conversations.finish(message.id, text, MessageState.DONE, cited, model="m", seconds=1, first_evidence=0)
    return message


def texts(messages: object) -> list[str]:
    return [message.text for message in messages]  # type: ignore[attr-defined]


def test_a_question_comes_with_its_chat_up_to_the_answer_and_with_the_note(
    escalations: Escalations, conversations: Conversations, library: Library, people: Callable[[str], Principal]
) -> None:
    kept, mia = library.ready("Mia has 30 days.", title="Leave"), people("mia")
    first = answered(conversations, mia, kept)
    second = answered(conversations, mia, kept, chat=first.conversation_id)
    answered(conversations, mia, kept, chat=first.conversation_id)
    sent = escalations.escalate(second.id, "  for my plan ", mia)
    assert (sent.question, sent.note, sent.asker) == ("How many days?", "for my plan", "mia")
    assert (sent.state, sent.taken_by) == (EscalationState.OPEN, "")
    assert [(one.channel, one.state) for one in sent.deliveries] == [("mail", "waiting"), ("webhook", "waiting")]
    thread = escalations.thread(sent.id, people("ada"))
    asked = "How many days?"
    assert texts(thread.messages) == [asked, "First: 30 days [1]", asked, f"{first.conversation_id}: 30 days [1]"]
    assert escalations.of_conversation(first.conversation_id, mia) == {second.id: sent}
    assert escalations.of_conversation(first.conversation_id, people("tom")) == {}


def test_only_the_owner_sends_a_question_once_and_only_of_an_answer_that_has_ended(
    escalations: Escalations, conversations: Conversations, people: Callable[[str], Principal]
) -> None:
    mia = people("mia")
    message = answered(conversations, mia)
    asked = conversations.messages(message.conversation_id, mia)[0]
    for wrong, who in ((message.id, people("tom")), (message.id, people("ada")), (asked.id, mia), ("0" * 32, mia)):
        with pytest.raises(NotFound):
            escalations.escalate(wrong, "", who)
    running = conversations.ask(message.conversation_id, "More?", mia)
    with pytest.raises(Conflict, match="written"):
        escalations.escalate(running.id, "", mia)
    with pytest.raises(InvalidInput, match="note"):
        escalations.escalate(message.id, "x" * 3000, mia)
    escalations.escalate(message.id, "", mia)
    with pytest.raises(Conflict, match="already"):
        escalations.escalate(message.id, "again", mia)


def test_admins_and_one_group_answer_and_nobody_else_sees_anything(
    escalations: Escalations, database: Database, conversations: Conversations, people: Callable[[str], Principal]
) -> None:
    sent = escalations.escalate(answered(conversations, people("mia")).id, "", people("mia"))
    for name in ("ada", "eva"):
        assert escalations.may_answer(people(name))
        assert escalations.find(people(name)) == [sent]
        assert escalations.counts(people(name))[EscalationState.OPEN] == 1
    for name in ("mia", "tom", "max"):
        who = people(name)
        assert not escalations.may_answer(who)
        for refused in (
            lambda who=who: escalations.find(who),
            lambda who=who: escalations.counts(who),
            lambda who=who: escalations.thread(sent.id, who),
            lambda who=who: escalations.references(sent.id, "", who),
            lambda who=who: escalations.take(sent.id, who),
            lambda who=who: escalations.answer(sent.id, "x", [], who),
            lambda who=who: escalations.close(sent.id, who),
        ):
            with pytest.raises(Forbidden):
                refused()
    for group in ("", "Nobody"):  # a group that is not named, or not there, lets nobody in
        assert not Escalations(database, group=group).may_answer(people("eva"))


def test_an_answer_is_shown_only_where_both_may_read_all_that_it_drew_on(
    escalations: Escalations,
    conversations: Conversations,
    documents: Documents,
    library: Library,
    hr: Readers,
    people: Callable[[str], Principal],
) -> None:
    kept = library.ready("Mia has 30 days.", hr, title="Secret")
    message = answered(conversations, people("mia"), kept)
    sent = escalations.escalate(message.id, "", people("mia"))
    assert texts(escalations.thread(sent.id, people("ada")).messages)[-1] == "First: 30 days [1]"
    hidden = escalations.thread(sent.id, people("eva")).messages[-1]
    assert (hidden.state, hidden.text, hidden.citations) == (MessageState.WITHDRAWN, "", ())
    documents.set_readers(kept.id, Readers(), people("ada"))  # now an admin may read it, and who asked may not
    assert escalations.thread(sent.id, people("ada")).messages[-1].state is MessageState.WITHDRAWN


def test_the_answer_of_a_person_comes_back_into_the_chat_and_is_new_until_it_is_seen(
    escalations: Escalations, conversations: Conversations, library: Library, people: Callable[[str], Principal]
) -> None:
    mia, kept = people("mia"), library.ready("Mia has 30 days.", title="Leave", name="leave.txt")
    message = answered(conversations, mia, kept)
    sent = escalations.escalate(message.id, "", mia)
    assert escalations.waiting(mia)
    escalations.take(sent.id, people("eva"))
    with pytest.raises(Conflict, match="eva"):
        escalations.take(sent.id, people("ada"))
    assert escalations.find(people("ada"))[0].taken_by == "eva"
    escalations.answer(sent.id, " Ask Tom, see [1] ", [kept.id], people("eva"))
    reply = conversations.messages(message.conversation_id, mia)[-1]
    assert (reply.role, reply.text, reply.by) == ("person", "Ask Tom, see [1]", "eva")
    assert [(one.n, one.document_id, one.title, one.start, one.end) for one in reply.citations] == [
        (1, kept.id, "Leave", 0, 0)
    ]
    assert escalations.unseen(mia) == {message.conversation_id}
    assert escalations.unseen(people("tom")) == frozenset()
    escalations.see(message.conversation_id, people("tom"))
    assert escalations.unseen(mia) == {message.conversation_id}
    escalations.see(message.conversation_id, mia)
    assert escalations.unseen(mia) == frozenset()
    assert not escalations.waiting(mia)
    answered(conversations, mia, chat=message.conversation_id)  # the chat goes on, and another answer too
    escalations.answer(sent.id, "One more thing.", [], people("ada"))
    assert conversations.messages(message.conversation_id, mia)[-1].by == "ada"
    assert [one.role for one in escalations.thread(sent.id, people("ada")).messages][-2:] == ["person", "person"]


def test_a_reply_refers_only_to_what_both_may_read_and_is_withdrawn_with_it(
    escalations: Escalations,
    conversations: Conversations,
    documents: Documents,
    versions: Versions,
    library: Library,
    hr: Readers,
    people: Callable[[str], Principal],
) -> None:
    mia, max_, ada = people("mia"), people("max"), people("ada")
    secret, open_ = library.ready("Secret sums.", hr, title="Pay"), library.ready("Open words.", title="News")
    of_max = escalations.escalate(answered(conversations, max_).id, "", max_)
    assert [one.title for one in escalations.references(of_max.id, "", ada)] == ["News"]
    with pytest.raises(InvalidInput, match="Who asked"):
        escalations.answer(of_max.id, "Look", [secret.id], ada)
    message = answered(conversations, mia)
    of_mia = escalations.escalate(message.id, "", mia)
    assert [one.title for one in escalations.references(of_mia.id, "", ada)] == ["News", "Pay"]
    assert [one.title for one in escalations.references(of_mia.id, "", people("eva"))] == ["News"]
    with pytest.raises(NotFound):
        escalations.answer(of_mia.id, "Look", [secret.id], people("eva"))
    for text in ("", "   ", "x" * 9000):
        with pytest.raises(InvalidInput, match="answer"):
            escalations.answer(of_mia.id, text, [], ada)
    escalations.answer(of_mia.id, "Look", [secret.id, open_.id], ada)
    assert conversations.messages(message.conversation_id, mia)[-1].text == "Look"
    documents.set_readers(secret.id, Readers(), ada)
    gone = conversations.messages(message.conversation_id, mia)[-1]
    assert (gone.state, gone.text, gone.by, gone.citations) == (MessageState.WITHDRAWN, "", "", ())


def test_what_was_closed_or_taken_back_is_delivered_no_more_and_can_be_sent_again(
    escalations: Escalations,
    deliveries: Deliveries,
    conversations: Conversations,
    people: Callable[[str], Principal],
) -> None:
    mia, message = people("mia"), answered(conversations, people("mia"))
    sent = escalations.escalate(message.id, "", mia)
    escalations.take_back(message.id, mia)
    with pytest.raises(Conflict):
        escalations.take_back(message.id, mia)
    assert deliveries.take() is None
    with pytest.raises(Conflict, match="closed"):
        escalations.answer(sent.id, "late", [], people("ada"))
    again = escalations.escalate(message.id, "now with a note", mia)
    assert (again.id, again.note, again.state) == (sent.id, "now with a note", EscalationState.OPEN)
    escalations.close(sent.id, people("ada"))
    escalations.close(sent.id, people("ada"))
    assert escalations.find(people("ada"))[0].state is EscalationState.CLOSED


def test_deleting_the_chat_or_the_account_deletes_all_of_it_and_is_recorded(
    escalations: Escalations,
    conversations: Conversations,
    users: Users,
    database: Database,
    people: Callable[[str], Principal],
) -> None:
    for number, delete in enumerate(("chat", "account")):
        mia = people("mia")
        message = answered(conversations, mia)
        sent = escalations.escalate(message.id, "", mia)
        escalations.answer(sent.id, "Here.", [], people("ada"))
        if delete == "chat":
            conversations.delete(message.conversation_id, mia)
        else:
            users.erase("mia")
        with database.read() as session:
            for table in (EscalationRow, ReplyRow, DeliveryRow):
                assert session.scalar(sa.select(sa.func.count()).select_from(table)) == 0, delete
        (event, *_) = [one for one in audit.newest(database) if one.action == "question for people deleted"]
        assert (event.subject, event.who) == (sent.id, ("mia", "footnote")[number])
    said = str([(event.subject, event.detail) for event in audit.newest(database)])
    assert "How many days" not in said


def test_what_goes_out_is_what_the_asker_may_see_when_it_goes(
    escalations: Escalations,
    deliveries: Deliveries,
    conversations: Conversations,
    documents: Documents,
    library: Library,
    hr: Readers,
    people: Callable[[str], Principal],
) -> None:
    kept, mia = library.ready("Mia has 30 days.", hr, title="Secret plan"), people("mia")
    escalations.escalate(answered(conversations, mia, kept).id, "note", mia)
    letter = deliveries.take()
    assert letter is not None
    assert (letter.question, letter.note) == ("How many days?", "note")
    assert [(turn.role, turn.text, turn.titles) for turn in letter.turns] == [
        ("user", "How many days?", ()),
        ("assistant", "First: 30 days [1]", ("Secret plan",)),
    ]
    documents.set_readers(kept.id, Readers(), people("ada"))
    other = deliveries.take()
    assert other is not None
    assert {letter.channel, other.channel} == set(CHANNELS)
    assert "30 days" not in repr(other)
    assert "Secret" not in repr(other)
    assert deliveries.take() is None


def test_a_delivery_that_fails_is_tried_ever_later_and_one_that_was_taken_is_not_lost(
    escalations: Escalations,
    deliveries: Deliveries,
    database: Database,
    conversations: Conversations,
    people: Callable[[str], Principal],
) -> None:
    escalations = Escalations(database, channels=["mail"])
    mia = people("mia")
    sent = escalations.escalate(answered(conversations, mia).id, "", mia)

    def row() -> DeliveryRow:
        with database.read() as session:
            return session.scalars(sa.select(DeliveryRow)).one()

    def pass_time() -> None:
        with database.write() as session:
            session.execute(sa.update(DeliveryRow).values(due=now() - timedelta(seconds=1)))

    ids, waits = set(), []
    for _ in range(ATTEMPTS):
        letter = deliveries.take()
        assert letter is not None
        ids.add(letter.id)
        assert timedelta(0) < row().due - now() <= LEASE  # its taker may be gone: then it comes up again
        deliveries.failed(letter.id, "away")
        waits.append(round((row().due - now()).total_seconds()))
        pass_time()
    assert len(ids) == 1
    assert waits[:4] == [60, 120, 240, 480]
    assert max(waits) == 6 * 3600
    assert (row().state, row().reason) == ("failed", "away")
    assert deliveries.take() is None
    assert deliveries.retry(sent.id) == 1
    taken = deliveries.take()
    assert taken is not None
    pass_time()
    again = deliveries.take()  # the one that took it has died
    assert again is not None
    assert again.id == taken.id
    deliveries.sent(again.id)
    assert (row().state, row().reason, row().sent is not None) == ("sent", "", True)
    assert deliveries.retry() == 0
