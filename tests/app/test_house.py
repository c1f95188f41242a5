"""The house's instructions on their way: page, API, the models process, the prompt, the answer's record."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from app import services as composition
from app.answers import Answers
from app.house import House
from app.llm import OpenAIChat
from app.prompt import Prompt
from storage.database import Database
from storage.instructions import Instructions
from storage.types import Principal, Readers, Role
from tests import parrot
from tests.app.test_ui_pages import Site, text
from tests.office import Office
from tests.patience import until
from tests.scripted import ScriptedModel, Shelf

ANNA = Principal("a", "anna", Role.ADMIN)


class Attentive(ScriptedModel):
    """Keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Prompt] = []

    def stream(self, prompt: Prompt, cancel: threading.Event) -> Iterator[str]:
        self.asked.append(prompt)
        return super().stream(prompt, cancel)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    office = Office(tmp_path)
    yield Site(office, monkeypatch)
    composition._installed.clear()
    office.close()


def test_admins_write_them_on_their_page_and_see_every_version(site: Site) -> None:
    page = site.open_page("instructions")
    page.text_area(key="house_text").set_value("Call <b>customers</b> members.")
    page.button(key="house_save").click().run()
    assert "Saved as version 1" in text(page)
    page.text_area(key="house_text").set_value("Be formal.")
    page.button(key="house_save").click().run()
    shown = text(site.open_page("instructions"))
    assert "Call &lt;b&gt;customers&lt;/b&gt; members." in shown
    assert "Version 2, by <bdi>anna</bdi>" in shown
    assert site.services.house.current().text == "Be formal."
    page.button(key="house_save").click().run()
    assert "Nothing was changed" in text(page)


def test_members_see_nothing_of_the_page(site: Site) -> None:
    site.services.house.save("Be formal.", site.office.principal("anna"))
    shown = text(site.open_page("instructions", "mia"))
    assert "for admins" in shown
    assert "formal" not in shown


def test_the_next_question_is_asked_with_them(site: Site) -> None:
    house, mia = site.services.house, site.office.principal("mia")
    model, shelf = Attentive(), Shelf(site.office)
    site.office.add("a.txt", Readers(everyone=True), b"a")
    answers = Answers(site.office.conversations, cast(Any, shelf), model, house=house.current)
    for said in ("", "Be formal."):
        house.save(said, site.office.principal("anna"))
        conversation = site.office.conversations.create("Leave", mia)
        generation = answers.ask(conversation.id, "What?", mia)
        until(lambda generation=generation: generation.snapshot().done)
    assert [prompt.house.text for prompt in model.asked] == ["", "Be formal."]
    assert model.asked[0].version != model.asked[1].version
    answers.close()


def test_the_models_process_reads_them_before_anybody_asks(database: Database, tmp_path: Path) -> None:
    path = parrot.build(tmp_path / "parrot.gguf")
    with parrot.serve(path) as (url, key):
        chat = OpenAIChat(f"{url}/v1", key, "parrot", own=True, quick_seconds=30)
        house = House(Instructions(database), chat)
        kept = house.save("policy " * 60, ANNA)
        prompt = Prompt(question="say «refund» now", house=kept)

        def read() -> bool:
            lines = httpx.get(f"{url}/metrics", headers={"Authorization": f"Bearer {key}"}, trust_env=False).text
            return any(
                line.startswith("footnote_llm_prompt_tokens_total") and float(line.split()[1]) > 60
                for line in lines.splitlines()
            )

        until(read)
        body = {"messages": prompt.messages(), "temperature": 0}
        answer = httpx.post(
            f"{url}/v1/chat/completions", json=body, headers={"Authorization": f"Bearer {key}"}, trust_env=False
        )
        assert answer.json()["usage"]["prompt_tokens_details"]["cached_tokens"] > 60


def test_a_models_process_that_is_away_holds_nothing_up(database: Database) -> None:
    house = House(Instructions(database), OpenAIChat("http://127.0.0.1:9/v1", "k", "m", own=True))
    assert house.save("Be kind.", ANNA) == house.current()
