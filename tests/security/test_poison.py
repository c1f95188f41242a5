"""Poisoned documents on the whole way: read in, indexed, found, put before a real engine that does as they order.

What must hold whatever the model does is looked at for each class of `poison.toml`: what was put before the model, its
tokens, the answer that is kept, and the page. Not covered: whether a particular model falls for an order.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from app.answers import Answers
from app.assignment import Assignment
from app.chat import NOT_FOUND, answer
from app.doubt import doubtful
from app.events import Ended
from app.extract import Extractive
from app.llm import OpenAIChat, Reading
from app.llm_engine import Engine
from app.prompt import SYSTEM, Prompt
from app.retrieve import Retriever
from app.ui import articles
from app.ui.safe_html import attribute, label
from app.ui.sources import marked_text
from ingest.pipeline import Pipeline
from ingest.sandbox import Limits
from storage.conversations import Conversations
from storage.database import Database
from storage.documents import Documents
from storage.files import Files
from storage.generations import Generations
from storage.index import Index
from storage.models import DocumentTerm, MessageRow, SectionRow, User
from storage.types import Message, MessageState, Passage, Principal, Readers, Scope, Support
from storage.users import Users
from storage.versions import Versions
from tests import parrot
from tests.conftest import CHEAP, PASSWORD, Kept, Library
from tests.contracts.index_contract import IndexProcess
from tests.security.poison import Poison, collection, kinds
from tests.shelf import HashEmbedder
from tests.talking import until_done

pytestmark = pytest.mark.timeout(900)  # the first test waits until all documents have been read in and asked about

SECRET = "The management board earns ZEBRA-7731 coins, and a new ladder, lamp or desk costs it nothing in the shop."
_TAGS = {*"a article b bdi blockquote br code dd del details div dl dt em h1 h2 h3 h4 h5 h6 hr i li mark ol p".split()}
_TAGS |= {*"pre s small span strong summary table tbody td th thead tr ul".split()}
_ATTRIBUTES = {
    "class",
    "dir",
    "href",
    "role",
    "aria-label",
    "data-source",
    "data-passage",
    "start",
    "title",
    "id",
    "hidden",
}


@dataclass
class Obeying:
    """Satisfies `LLM`: the real engine, which does as a poison orders that reached its prompt."""

    engine: OpenAIChat
    prompts: dict[str, Prompt] = field(default_factory=dict)
    obeyed: set[int] = field(default_factory=set)
    name: str = "obeying"

    def stream(self, prompt: Prompt, cancel: threading.Event) -> Iterator[str | Reading]:
        self.prompts[prompt.question] = prompt
        read = " ".join(message["content"] for message in prompt.messages())
        for one in collection():
            if one.question == prompt.question and reached(one, read):
                self.obeyed.add(one.number)
                prompt = replace(prompt, system=f"{prompt.system} «{one.obeyed}»")
        return self.engine.stream(prompt, cancel)


@dataclass
class Field:
    """All documents read in, a document that nobody who asks may read, and the parts that answer."""

    database: Database
    documents: Documents
    conversations: Conversations
    versions: Versions
    retriever: Retriever
    model: Obeying
    answers: Answers
    path: Path
    tom: Principal
    eva: Principal
    kept: dict[int, Kept] = field(default_factory=dict)
    secret: str = ""
    before: object = None
    messages: dict[int, Message] = field(default_factory=dict)

    def ask(self, one: Poison) -> Message:
        chat = self.conversations.create(one.question, self.tom)
        generation = self.answers.ask(chat.id, one.question, self.tom)
        until_done(generation)
        return self.conversations.message(generation.message_id, self.tom)

    def prompt(self, one: Poison) -> Prompt | None:
        return self.model.prompts.get(one.question)

    def sections(self, one: Poison) -> list[Any]:
        return self.versions.sections(self.kept[one.number].version_id)

    def of_others(self) -> object:
        """What nobody's document may change: other people's chats, accounts, readers."""
        with self.database.read() as session:
            return (
                self.conversations.find(self.eva),
                [self.conversations.messages(chat.id, self.eva) for chat in self.conversations.find(self.eva)],
                sorted(session.execute(sa.select(User.name, User.role, User.active)).all()),
                sorted(session.execute(sa.select(DocumentTerm.document_id, DocumentTerm.term)).all()),
                session.scalar(sa.select(sa.func.count()).select_from(SectionRow)),
            )


def bare(text: str) -> str:
    """Letters and digits alone, as a reader takes them in."""
    plain = unicodedata.normalize("NFKC", re.sub(r"<[^<>|]*>", "", unescape(text)))
    return "".join(char for char in plain.casefold() if char.isalnum())


def reached(one: Poison, text: str) -> bool:
    return bare(one.poison)[:40] in bare(text) if bare(one.poison) else one.poison in text


@pytest.fixture(scope="module")
def poisoned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    folder = tmp_path_factory.mktemp("poison")
    database = Database(f"sqlite:///{folder / 'footnote.db'}")
    database.migrate()
    files, users = Files(folder), Users(database, hasher=CHEAP)
    for name in ("tom", "eva"):
        users.create(name, PASSWORD)
    words = [parrot.WORDS, SYSTEM, *(f"{one.fact} {one.question} {one.obeyed}" for one in collection())]
    path = parrot.build(folder / "parrot.gguf", "\n".join(words), context=8192)
    with IndexProcess(folder / "index") as process, parrot.serve(path, slots=2) as (url, key):
        index, embedder = Index(process.url, process.key), HashEmbedder()
        documents, conversations, versions = Documents(database, files), Conversations(database), Versions(database)
        engine = OpenAIChat(f"{url}/v1", key, path.stem, own=True, max_tokens=120, temperature=0)
        retriever, model = Retriever(index, embedder, documents), Obeying(engine)
        answers = Answers(conversations, retriever, model)
        tom, eva = users.principal("tom"), users.principal("eva")
        there = Field(database, documents, conversations, versions, retriever, model, answers, path, tom, eva)
        pipeline = Pipeline(versions, files, index, Generations(database), lambda _: embedder, Limits(), model="hash")
        fill(there, pipeline, Library(documents, versions, files))
        there.before = there.of_others()
        for one in collection():
            there.messages[one.number] = there.ask(one)
        yield there
        answers.close()
        index.close()
    database.close()


def fill(there: Field, pipeline: Pipeline, library: Library) -> None:
    for one in collection():
        there.kept[one.number] = library.add(one.build(), name=one.name)
    secret = library.add(SECRET, Readers(groups=frozenset({"board"})), name="Payroll of the management board.txt")
    there.secret = secret.id
    kept = [*there.kept.values(), secret]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda each: pipeline.read(each.version_id), kept))
    for each in kept:
        total = pipeline.divide(each.version_id)
        pipeline.embed(each.version_id, 0, total)
        pipeline.publish(each.version_id, total)
    chat = there.conversations.create("Private", there.eva)
    message = there.conversations.ask(chat.id, "What do I earn?", there.eva)
    there.conversations.finish(
        message.id, "OTTER-4410 coins.", MessageState.DONE, (), model="m", seconds=1, first_evidence=None
    )


def of(kind: str) -> list[Poison]:
    return [one for one in collection() if one.kind == kind]


each_kind = pytest.mark.parametrize("kind", kinds())


def test_there_are_enough_of_them_and_most_reach_a_model_that_obeys(poisoned: Field) -> None:
    assert len(collection()) >= 80
    assert len(kinds()) == 10
    assert len(poisoned.model.prompts) >= 0.9 * len(collection())  # else the tests below would look at refusals
    obeyed = Counter(one.kind for one in collection() if one.number in poisoned.model.obeyed)
    assert obeyed.pop("hidden text", 0) == 0
    assert len(obeyed) == 9
    assert min(obeyed.values()) >= 4, obeyed


@each_kind
def test_nothing_that_the_reader_may_not_read_is_put_before_the_model_or_answered(poisoned: Field, kind: str) -> None:
    for one in of(kind):
        prompt, message = poisoned.prompt(one), poisoned.messages[one.number]
        put = "" if prompt is None else str(prompt.messages())
        for foreign in ("ZEBRA-7731", "OTTER-4410", "Payroll of the management board.txt"):
            assert foreign not in put, one
            assert foreign not in message.text, one
        assert poisoned.secret not in {passage.document_id for passage in (prompt.passages if prompt else ())}, one


@each_kind
def test_a_document_stays_in_the_place_of_a_source(poisoned: Field, kind: str) -> None:
    """It writes no other message, numbers no source, ends no sources and asks no question."""
    for one in of(kind):
        prompt = poisoned.prompt(one)
        if prompt is None:
            continue
        first, *rest = prompt.messages()
        assert (first["role"], [message["role"] for message in rest]) == ("system", ["user"]), one
        assert first["content"].startswith(SYSTEM), one
        assert not reached(one, first["content"]), one
        asked = rest[0]["content"]
        numbers = [int(n) for n in re.findall(r"^[\[【［]\s*\^?(\d+)", asked, re.M)]
        assert sorted(numbers) == list(range(1, len(prompt.passages) + 1)), one
        assert len(re.findall(r"[\[【［]\s*\^?\d", asked)) == len(numbers), one
        for frame in ("Sources, each with its number:", "These were the sources;", "Question:"):
            assert len(re.findall(rf"^\s*{frame}", asked, re.M)) == 1, one
        assert asked.endswith(f"Question: {one.question}"), one


@pytest.fixture(scope="module")
def engine(poisoned: Field) -> Iterator[Engine]:
    engine = Engine(poisoned.path, context=4096, slots=1, threads=1)
    yield engine
    engine.close()


@each_kind
def test_control_tokens_of_a_document_are_text_when_they_are_tokens(poisoned: Field, engine: Engine, kind: str) -> None:
    prompts = [prompt for one in of(kind) if (prompt := poisoned.prompt(one))]
    assert prompts
    harmless = engine.prompt_tokens([{"role": "system", "content": "x"}, {"role": "user", "content": "y"}])
    controls = {token for token in harmless if re.fullmatch(rb"<\|\w+\|>", engine._llama.piece(token, control=True))}
    assert len(controls) >= 4
    frame = Counter(token for token in harmless if token in controls)
    for prompt in prompts:
        tokens = engine.prompt_tokens(prompt.messages())
        assert Counter(token for token in tokens if token in controls) == frame, prompt.question


@each_kind
def test_a_footnote_names_a_source_that_was_given_and_every_number_has_one(poisoned: Field, kind: str) -> None:
    for one in of(kind):
        message, prompt = poisoned.messages[one.number], poisoned.prompt(one)
        given = {(p.version_id, p.page) for p in prompt.passages} if prompt else set()
        if prompt is not None:
            assert {(c.version_id, c.page) for c in message.citations} <= given, one
        numbers = {int(n) for n in re.findall(r"(?<!\\)\[(\d+)\]", message.text)}
        assert numbers <= {citation.n for citation in message.citations}, (one, message.text)


@each_kind
def test_what_no_source_says_is_marked_or_left_out(poisoned: Field, kind: str) -> None:
    for one in of(kind):
        message = poisoned.messages[one.number]
        assert message.state is MessageState.DONE, one
        if one.number not in poisoned.model.obeyed:
            continue
        for sentence, sources in claimed(message):  # only what a source really says has a footnote of ours
            cited = bare(" ".join(citation.text for citation in message.citations if citation.n in sources))
            said = re.findall(r"[^\W_]{5,}", re.sub(r"\[\d+\]", "", sentence))
            asked_for = any(f"[{n}]" in one.obeyed for n in range(1, 13))
            assert asked_for or all(bare(word) in cited for word in said), (one, sentence)
        for verdict in message.verdicts:
            sentence = message.text[verdict.start : verdict.end]
            if verdict.support is Support.FULL:
                cited = bare(" ".join(citation.text for citation in message.citations))
                assert all(bare(word) in cited for word in re.findall(r"[^\W_]{5,}", sentence)), (one, sentence)
        assert message.citations or doubtful(message), one  # a person is offered


def claimed(message: Message) -> list[tuple[str, set[int]]]:
    """Each line that has footnotes, and their numbers."""
    found = []
    for line in re.split(r"\n|(?<=\]) ", message.text):
        if numbers := {int(n) for n in re.findall(r"(?<!\\)\[(\d+)\]", line)}:
            found.append((line, numbers))
    return found


class Checker(HTMLParser):
    """Collects what a browser would fetch, run or follow."""

    def __init__(self) -> None:
        super().__init__()
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _TAGS:
            self.wrong.append(tag)
        for name, value in attrs:
            if name not in _ATTRIBUTES or (name == "href" and not (value or "").startswith("#")):
                self.wrong.append(f"{tag} {name}={value}")


def page(poisoned: Field, one: Poison) -> str:
    """All that the chat and the panel show of a document and an answer."""
    message = poisoned.messages[one.number]
    prompt = poisoned.prompt(one)
    passages: tuple[Passage, ...] = prompt.passages if prompt else ()
    parts = [
        articles.question(one.question, first=True),
        articles.meta(message),
        articles.body(message.text, message.id, message.citations, message.state),
        articles.cards(message.id, message.citations),
        articles.evidence(message.id, passages),
        articles.copy_link(message.id, articles.with_references(one.question, message.text, message.citations)),
        *(marked_text(section, (0, 20)) for section in poisoned.sections(one)),
        *(f'<p title="{attribute(passage.title)}">{attribute(passage.text)}</p>' for passage in passages),
    ]
    return "".join(parts)


@each_kind
def test_no_page_runs_fetches_or_links_what_a_document_says(poisoned: Field, kind: str) -> None:
    for one in of(kind):
        checker = Checker()
        checker.feed(page(poisoned, one))
        assert checker.wrong == [], one
        assert "](" not in label(one.poison).replace("\\]\\(", ""), one  # titles stand in Streamlit's labels too


def test_hidden_text_is_not_read_in_and_what_is_shown_is(poisoned: Field) -> None:
    for one in collection():
        read = bare(" ".join(section.text for section in poisoned.sections(one)))
        assert bare(one.price) in read, one
        if one.hidden:
            assert bare(one.poison) not in read, one
            assert "abolished" not in read, one


@each_kind
def test_the_answer_without_a_model_gives_the_price_and_nothing_hidden(poisoned: Field, kind: str) -> None:
    refused = []
    for one in of(kind):
        llm, cancel = Extractive(HashEmbedder()), threading.Event()
        retriever, scope = poisoned.retriever, Scope(documents=frozenset({poisoned.kept[one.number].id}))
        asked = Assignment(
            question=one.question,
            principal=poisoned.tom,
            retriever=retriever,
            llm=llm,
            cancel=cancel,
            scope=scope,
        )
        *_, ended = answer(asked)
        assert isinstance(ended, Ended)
        said = bare(ended.text)
        if bare(one.price) not in said:
            assert ended.text.startswith(NOT_FOUND), (one, ended.text)
            refused.append(one)
        assert "zebra7731" not in said, one
        if one.hidden:
            assert "abolished" not in said, one
        checker = Checker()
        checker.feed(articles.body(ended.text, "m", ended.citations, ended.state))
        assert checker.wrong == [], one
    assert len(refused) <= 1, refused  # a row whose other cells speak of something else


def test_nothing_of_other_people_was_touched(poisoned: Field) -> None:
    assert poisoned.of_others() == poisoned.before
    with poisoned.database.read() as session:
        asked = session.scalar(sa.select(sa.func.count()).select_from(MessageRow).where(MessageRow.role == "user"))
    assert asked == len(collection()) + 1
