"""The account page: what one has set for one's answers is shown, changed and erased."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from app import services as composition
from app.answers import Answers
from app.prompt import Prompt
from storage.types import NO_PREFERENCE, Length, Preference, Readers
from tests.app.test_ui_pages import Site, text
from tests.office import Office
from tests.patience import until
from tests.scripted import ScriptedModel, Shelf


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


def test_preferences_are_seen_changed_and_erased(site: Site) -> None:
    kept, mia = site.services.preferences, site.office.principal("mia")
    page = site.open_page("account", "mia")
    page.selectbox(key="answer_language").set_value("de")
    page.text_input(key="answer_position").set_value("nurse")
    page.button(key="preferences_save").click().run()
    assert "Saved" in text(page)
    assert kept.get(mia) == Preference("de", Length.USUAL, "nurse")
    assert kept.get(site.office.principal("max")) == NO_PREFERENCE
    page = site.open_page("account", "mia")
    assert page.text_input(key="answer_position").value == "nurse"
    page.button(key="preferences_erase").click().run()
    assert kept.get(mia) == NO_PREFERENCE
    assert "Erased" in text(page)
    assert page.text_input(key="answer_position").value == ""


def test_answers_are_made_as_the_account_has_set(site: Site) -> None:
    """Through the parts as the services put them together."""
    preferences, mia = site.services.preferences, site.office.principal("mia")
    preferences.set(Preference("de", Length.SHORT), mia)
    model, shelf = Attentive(), Shelf(site.office)
    site.office.add("a.txt", Readers(everyone=True), b"a")
    answers = Answers(site.office.conversations, cast(Any, shelf), model, preference_of=preferences.get)
    conversation = site.office.conversations.create("Leave", mia)
    generation = answers.ask(conversation.id, "What?", mia)
    until(lambda: generation.snapshot().done)
    assert [prompt.preference for prompt in model.asked] == [Preference("de", Length.SHORT)]
    answers.close()
