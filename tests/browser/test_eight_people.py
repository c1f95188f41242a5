"""Eight people in eight browsers ask at the same moment, of a model that answers two at a time."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from app import llm_server
from app import services as composition
from app.answers import Answers
from app.llm import OpenAIChat
from app.llm_engine import Engine
from app.retrieve import Retrieved
from storage.types import Hit, Principal, Readers, State
from tests import parrot
from tests.browser.conftest import Site, Visit
from tests.office import PASSWORD
from tests.patience import until
from tests.scripted import Shelf

pytestmark = pytest.mark.browser
NAMES = "Amadou Birgit Chiara Dmitri Eszter Farouk Gudrun Hiroshi".split()
POLICY = "travel policy of"


class SlowEngine(Engine):
    """llama.cpp with two slots, which thinks over every word while `hurry` is not set."""

    hurry = threading.Event()

    def submit(self, messages: Any, sampling: Any, sink: Any, **more: Any) -> Any:
        def slowly(event: Any) -> None:
            if isinstance(event, str):
                self.hurry.wait(3.0)
            sink(event)

        return super().submit(messages, sampling, slowly, **more)


class Policies(Shelf):
    """Of all policies here, finds those that the principal may read."""

    def retrieve(self, question: str, principal: Principal, **_: object) -> Retrieved:
        infos = self._office.documents.find(principal, states=[State.READY])
        hits = [Hit(info.version_id[:8]) for info in infos if info.name.startswith(POLICY)]
        return Retrieved(tuple(self._office.documents.passages(hits, principal)), confidence=1.0)


def said(name: str) -> str:
    return f"Staff with {name} travel remote and leave the laptop [1]."


@pytest.fixture
def people(site: Site, tmp_path: Path) -> Iterator[list[Visit]]:
    office, model = site.office, tmp_path / "parrot.gguf"
    SlowEngine.hurry.clear()
    parrot.build(model, parrot.WORDS + " ".join(said(name) for name in NAMES))
    added = []
    for name in NAMES:
        group = office.users.create_group(f"With {name}")
        office.users.create(name.lower(), PASSWORD, groups=[group.name])
        added.append(office.add(f"{POLICY} {name}", Readers(groups=frozenset({group.id})), name.encode()))
    app = llm_server.build(lambda: SlowEngine(model, context=8192, slots=2, threads=1), None, parrot.KEY)
    with parrot.listen(app) as url:
        chat = OpenAIChat(f"{url}/v1", parrot.KEY, "parrot", own=True, temperature=0)
        until(lambda: chat.ready() is None)
        retriever: Any = Policies(office)
        answers = Answers(office.conversations, retriever, chat)
        composition.install(replace(site.web.services, answers=answers, llm=chat))
        yield [site.visit(name.lower()) for name in NAMES]
        SlowEngine.hurry.set()
        answers.close()
        composition.install(site.web.services)
        for document_id, _ in added:
            office.documents.begin_delete(document_id, office.principal("anna"))


def test_each_gets_the_own_answer_with_the_own_footnote_and_nobody_sees_anothers(people: list[Visit]) -> None:
    for visit, name in zip(people, NAMES, strict=True):
        visit.page.goto(f"http://{visit.address}/", wait_until="commit")
        visit.wait_until_it_listens()
        visit.page.locator(".st-key-ask textarea").fill(f"say «{said(name)}» now")
    for visit in people:  # all at once
        visit.page.keyboard.press("Enter")
    until(lambda: any(waits(visit) for visit in people))
    SlowEngine.hurry.set()
    chats = []
    for visit, name in zip(people, NAMES, strict=True):
        page = visit.page
        page.get_by_role("button", name="Ask again").wait_for()
        expect(page.locator(".a")).to_contain_text(said(name).removesuffix(" [1]."))
        expect(page.locator("a.c")).to_have_count(1)
        expect(page.locator("a.c")).to_have_attribute("data-passage", f"What {POLICY} {name} says.")
        others = [other for other in NAMES if other != name]
        assert not re.search("|".join(others), page.content(), re.IGNORECASE)
        chats.append(page.url)
        assert visit.errors == []
    assert len(set(chats)) == len(NAMES)
    stranger, (address, *_) = people[-1], chats
    stranger.page.goto(address)
    expect(stranger.page.locator(".notice").first).to_contain_text("This chat is not there any more")
    assert NAMES[0] not in stranger.page.content()


def waits(visit: Visit) -> bool:
    stage = visit.page.locator(".stage")
    return bool(stage.count()) and "in line" in stage.first.inner_text()
