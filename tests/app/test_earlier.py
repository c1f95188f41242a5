"""A follow-up finds the sources of the questions before it where they stood."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

import httpx
import pytest

from app.answers import Answers
from app.llm import OpenAIChat
from app.prompt import Prompt
from app.retrieve import EVERYTHING
from storage.conversations import Conversations
from storage.documents import Documents
from storage.types import Principal, Readers, Scope
from tests import parrot
from tests.conftest import ADA
from tests.shelf import Shelf
from tests.talking import LEAVE, QUESTION, ScriptedModel, until_done

NOTICE = "Annual leave is asked for two weeks before. The manager of the staff answers within three days."
AND_THEN = "When is annual leave of staff asked for?"
Asking = Callable[..., Prompt]


class TestFollowUp:
    @pytest.fixture
    def chat_id(self, conversations: Conversations, tom: Principal) -> str:
        return conversations.create("Leave", tom).id

    @pytest.fixture
    def asking(self, conversations: Conversations, shelf: Shelf, tom: Principal, chat_id: str) -> Asking:
        """Asks in one conversation; the prompt that the model was given."""
        model = ScriptedModel("Full-time staff have 30 days of annual leave [1].")
        answers = Answers(conversations, shelf.retriever, model)

        def asked(question: str, scope: Scope = EVERYTHING) -> Prompt:
            until_done(answers.ask(chat_id, question, tom, scope=scope))
            return model.prompts[-1]

        return asked

    def test_its_prompt_begins_as_the_one_before(self, asking: Asking, shelf: Shelf) -> None:
        shelf.add("Handbook", LEAVE)
        first = asking(QUESTION)
        shelf.add("Notice", NOTICE)
        second = asking(AND_THEN)
        assert second.messages()[:2] == first.messages()
        assert [source.title for source in second.sources] == ["Handbook", "Notice"]
        said = second.messages()[-1]["content"]
        assert "[2] Annual leave is asked for" in said
        assert "30 days" not in said  # it stands above

    def test_what_it_cites_again_is_the_source_above(
        self, asking: Asking, conversations: Conversations, shelf: Shelf, tom: Principal, chat_id: str
    ) -> None:
        shelf.add("Handbook", LEAVE)
        asking(QUESTION)
        shelf.add("Notice", NOTICE)
        asking(AND_THEN)
        assert [one.title for one in conversations.messages(chat_id, tom)[-1].citations] == ["Handbook"]

    def test_a_draft_cites_the_sources_above_too(
        self, asking: Asking, conversations: Conversations, shelf: Shelf, tom: Principal, chat_id: str
    ) -> None:
        handbook = shelf.add("Handbook", LEAVE)
        asking(QUESTION)
        shelf.add("Notice", NOTICE)
        prompt = asking("Draft an e-mail about when annual leave of staff is asked for")
        assert [source.title for source in prompt.sources] == ["Handbook", "Notice"]
        drafted = conversations.messages(chat_id, tom)[-1]
        assert [one.title for one in drafted.citations] == ["Handbook"]
        shelf.documents.set_readers(handbook.id, Readers(), ADA)
        assert conversations.messages(chat_id, tom)[-1].text == ""

    @pytest.mark.parametrize("change", ["readers", "deleted"])
    def test_a_source_that_may_not_be_cited_any_more_is_gone(
        self, asking: Asking, shelf: Shelf, documents: Documents, change: str
    ) -> None:
        kept = shelf.add("Handbook", LEAVE)
        shelf.add("Notice", NOTICE)
        asking(QUESTION)
        if change == "readers":
            documents.set_readers(kept.id, Readers(), ADA)
        else:
            documents.begin_delete(kept.id, ADA)
        told = "\n".join(message["content"] for message in asking(AND_THEN).messages())
        assert "asked for two weeks before" in told
        assert "30 days of annual leave. Leave" not in told

    def test_another_scope_leaves_them_out(self, asking: Asking, shelf: Shelf) -> None:
        shelf.add("Handbook", LEAVE)
        asking(QUESTION)
        notice = shelf.add("Notice", NOTICE)
        prompt = asking(AND_THEN, Scope(documents=frozenset({notice.id})))
        assert [source.title for source in prompt.sources] == ["Notice"]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    path = parrot.build(tmp_path_factory.mktemp("model") / "parrot.gguf", f"{parrot.WORDS} {LEAVE} {NOTICE}")
    with parrot.serve(path) as (url, key):
        yield url, key


def test_the_engine_does_not_read_again_what_stood_above(
    served: tuple[str, str], conversations: Conversations, shelf: Shelf, tom: Principal
) -> None:
    url, key = served
    shelf.add("Handbook", LEAVE)
    answers = Answers(conversations, shelf.retriever, OpenAIChat(f"{url}/v1", key, "parrot", own=True))
    chat = conversations.create("Leave", tom)
    told = [_tokens(url, key)]
    for question in (QUESTION, AND_THEN):
        until_done(answers.ask(chat.id, question, tom))
        told.append(_tokens(url, key))
    (read, known), (_, known_again) = ((b[0] - a[0], b[1] - a[1]) for a, b in pairwise(told))
    assert known_again > 0.9 * (read + known)


def _tokens(url: str, key: str) -> tuple[float, float]:
    """Of all prompts so far: those that were read, and those that were still known."""
    told = httpx.get(f"{url}/metrics", headers={"Authorization": f"Bearer {key}"}, trust_env=False).text
    lines = dict(line.rsplit(" ", 1) for line in told.splitlines() if not line.startswith("#"))
    return float(lines["footnote_llm_prompt_tokens_total"]), float(lines["footnote_llm_reused_tokens_total"])
