"""Comments that may become questions: what an admin sees of them, and when they go."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from storage.conversations import Conversations
from storage.database import Database
from storage.documents import Documents
from storage.errors import Forbidden, NotFound
from storage.evaluations import Evaluations
from storage.feedback import Feedback
from storage.models import Candidate, now
from storage.types import Citation, Message, MessageState, Principal, Readers
from storage.users import Users
from storage.versions import Versions
from tests.conftest import ADA, PASSWORD, TOM, Kept, Library

HR = Readers(groups=frozenset({"hr"}))


@pytest.fixture
def feedback(database: Database) -> Feedback:
    return Feedback(database)


@pytest.fixture
def evaluations(database: Database) -> Evaluations:
    return Evaluations(database)


@pytest.fixture
def mia(users: Users) -> Principal:
    users.create("mia", PASSWORD)
    account = users.principal("mia")
    return Principal(account.user_id, account.name, account.role, frozenset({"hr"}))


def answered(conversations: Conversations, who: Principal, *sources: Kept, chat: str = "", **more: Any) -> Message:
    chat = chat or conversations.create("Leave", who).id
    message = conversations.ask(chat, more.get("question", "How many days?"), who)
    conversations.record_sources(message.id, [kept.id for kept in sources])
    cited = [Citation(n, kept.id, kept.version_id, 1, 0, 4) for n, kept in enumerate(sources, 1)]
    text = more.get("text", "30 days [1]")
    refused = more.get("refused", False)
    conversations.finish(
        message.id, text, MessageState.DONE, cited, model="m", seconds=1.5, first_evidence=0.2, refused=refused
    )
    return message


def rated(conversations: Conversations, who: Principal, *sources: Kept, comment: str = "28.", **more: Any) -> Message:
    message = answered(conversations, who, *sources, **more)
    conversations.rate(message.id, 0, comment, who)
    return message


def test_an_unhelpful_answer_with_a_comment_is_a_candidate_and_names_nobody(
    feedback: Feedback, conversations: Conversations, library: Library, mia: Principal
) -> None:
    kept = library.ready("Everyone has 30 days.", HR, title="Leave")
    message = rated(conversations, mia, kept, comment="It is 28.")
    (found,) = feedback.candidates(ADA)
    assert (found.question, found.answer, found.comment) == ("How many days?", "30 days [1]", "It is 28.")
    assert [(cited.title, cited.page) for cited in found.citations] == [("Leave", 1)]
    assert not found.follows_up
    assert found == feedback.candidate(message.id, ADA)
    assert feedback.count(ADA) == 1
    for trace in (mia.name, mia.user_id, message.conversation_id):
        assert trace not in str(found)


def test_nothing_else_of_a_conversation_becomes_a_candidate(
    feedback: Feedback, conversations: Conversations, mia: Principal
) -> None:
    chat = answered(conversations, mia).conversation_id
    for rating, comment in ((1, "Good."), (0, "  "), (None, "")):
        conversations.rate(answered(conversations, mia, chat=chat).id, rating, comment, mia)
    assert feedback.candidates(ADA) == []
    rated(conversations, mia, chat=chat, question="And last year?")
    (found,) = feedback.candidates(ADA)
    assert (found.question, found.follows_up) == ("And last year?", True)


def test_who_takes_the_rating_back_takes_the_candidate_back(
    feedback: Feedback, conversations: Conversations, mia: Principal
) -> None:
    message = rated(conversations, mia)
    conversations.rate(message.id, 1, "", mia)
    assert feedback.candidates(ADA) == []


def test_a_candidate_goes_with_its_conversation(
    feedback: Feedback, conversations: Conversations, database: Database, mia: Principal
) -> None:
    message, other = rated(conversations, mia), rated(conversations, mia)
    feedback.dismiss(other.id, ADA)
    for gone in (message, other):
        conversations.delete(gone.conversation_id, mia)
    assert feedback.candidates(ADA) == []
    with database.read() as session:
        assert session.scalars(sa.select(Candidate)).all() == []


def test_a_candidate_goes_as_soon_as_a_document_of_its_answer_is_being_deleted(
    feedback: Feedback,
    conversations: Conversations,
    documents: Documents,
    versions: Versions,
    library: Library,
    mia: Principal,
) -> None:
    kept, other = library.ready("Mia has 30 days.", HR), library.ready("Travel", HR)
    message = rated(conversations, mia, kept, other)
    documents.begin_delete(kept.id, ADA)
    assert feedback.candidates(ADA) == []
    with pytest.raises(NotFound):
        feedback.candidate(message.id, ADA)
    assert versions.erase(kept.id, files=0, points=0)
    assert feedback.count(ADA) == 0


def test_an_accepted_question_is_the_sets_own_and_outlives_the_conversation(
    feedback: Feedback, evaluations: Evaluations, conversations: Conversations, mia: Principal
) -> None:
    message, kept = rated(conversations, mia), evaluations.create_set("Leave", ADA)
    feedback.accept(message.id, kept.id, {"question": "How many days of leave?", "doc": ["leave.txt"]}, ADA)
    assert feedback.candidates(ADA) == []
    conversations.delete(message.conversation_id, mia)
    (question,) = evaluations.questions(kept.id, ADA)
    assert question.content == {"id": "q001", "question": "How many days of leave?", "doc": ["leave.txt"]}


def test_a_candidate_is_dealt_with_once(
    feedback: Feedback, evaluations: Evaluations, conversations: Conversations, mia: Principal
) -> None:
    message, kept = rated(conversations, mia), evaluations.create_set("Leave", ADA)

    def attempt(_: int) -> bool:
        try:
            feedback.accept(message.id, kept.id, {"question": "How many?"}, ADA)
        except NotFound:
            return False
        return True

    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(attempt, range(4))) == 1
    assert len(evaluations.questions(kept.id, ADA)) == 1
    with pytest.raises(NotFound, match="dealt with"):
        feedback.dismiss(message.id, ADA)


def test_a_candidate_stays_open_when_its_set_is_gone(
    feedback: Feedback, conversations: Conversations, mia: Principal
) -> None:
    message = rated(conversations, mia)
    with pytest.raises(NotFound, match="question set"):
        feedback.accept(message.id, "nowhere", {"question": "How many?"}, ADA)
    assert feedback.count(ADA) == 1


def test_what_was_asked_is_counted_without_its_words(
    feedback: Feedback, conversations: Conversations, library: Library, mia: Principal
) -> None:
    leave = library.ready("Mia has 30 days.", HR)
    rated(conversations, mia, leave, comment="")
    answered(conversations, mia, text="Nothing in the documents answers this.")
    answered(conversations, mia, leave, text="Nothing in the documents answers this. Looked at: [1]", refused=True)
    found = list(feedback.asked(now() - timedelta(days=1), ADA))
    assert [(one.answered, one.rating, one.first_evidence) for one in found] == [
        (True, 0, 0.2),
        (False, None, 0.2),
        (False, None, 0.2),
    ]
    assert "days" not in str(found)
    assert list(feedback.asked(now(), ADA)) == []


ADMIN_ONLY: list[Callable[[Feedback, str], object]] = [
    lambda feedback, _: feedback.candidates(TOM),
    lambda feedback, _: feedback.count(TOM),
    lambda feedback, given: feedback.candidate(given, TOM),
    lambda feedback, given: feedback.accept(given, given, {}, TOM),
    lambda feedback, given: feedback.dismiss(given, TOM),
    lambda feedback, _: feedback.asked(now(), TOM),
]


@pytest.mark.parametrize("action", ADMIN_ONLY)
def test_members_are_refused_everywhere(
    feedback: Feedback, conversations: Conversations, mia: Principal, action: Callable[[Feedback, str], object]
) -> None:
    message = rated(conversations, mia)
    with pytest.raises(Forbidden):
        action(feedback, message.id)
    assert feedback.count(ADA) == 1
