"""The index page: what is live and under way, and what an admin can do about it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from app import services as composition
from app.ui import identity
from storage.filling import Filling
from storage.generations import Generation, GenerationState
from storage.types import Readers
from tests.insights_site import text
from tests.office import Office
from tests.patience import PATIENCE
from tests.web import services as services_over


class Site:
    def __init__(self, office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
        self.office, self.services = office, services_over(office, [])
        composition.install(self.services)
        self.generations, self.anna = self.services.generations, office.principal("anna")
        self.filling = Filling(office.database)
        self.token: str | None = None
        monkeypatch.setattr(identity, "token", lambda: self.token)

    def open(self, name: str = "anna") -> AppTest:
        self.token = self.office.tokens[name]
        return AppTest.from_string(
            "from app.ui import generations\ngenerations.page()\n", default_timeout=PATIENCE
        ).run()

    def under_way(self) -> Generation:
        found = self.generations.under_way(self.anna)
        assert found is not None
        return found


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    office = Office(tmp_path)
    office.add("leave.txt", Readers(everyone=True), b"thirty days")
    site = Site(office, monkeypatch)
    site.generations.first("first_v2", "<b>first</b>", 8)
    yield site
    composition._installed.clear()
    office.close()


def press(page: AppTest, key: str) -> AppTest:
    (button,) = [button for button in page.button if button.key == key]
    return button.click().run()


def keys(page: AppTest) -> set[str]:
    assert not page.exception
    return {button.key for button in page.button if button.key}


def test_members_see_nothing_of_it(site: Site) -> None:
    page = site.open("mia")
    assert "managed by admins" in text(page)
    assert "first" not in text(page)
    assert keys(page) == set()


def test_a_new_index_is_started_watched_and_cancelled(site: Site) -> None:
    page = site.open()
    assert "&lt;b&gt;first&lt;/b&gt;" in text(page)
    assert "<b>first</b>" not in text(page)
    page = press(page, "index_new")
    page.text_input(key="index_model").set_value("another")
    page.number_input(key="index_tokens").set_value(120)
    press(page, "index_start")
    made = site.under_way()
    assert (made.model, made.passage_tokens, made.started_by) == ("another", 120, "anna")
    page = site.open()
    assert "0 of 1 passage" in text(page)
    assert 'role="progressbar"' in text(page)
    assert keys(page) == {"index_cancel"}
    press(press(page, "index_cancel"), "index_do_cancel")
    assert site.generations.under_way(site.anna) is None
    assert site.generations.get(made.id).state is GenerationState.REMOVING


def test_what_was_refused_shows_why_and_is_switched_to_by_hand(site: Site) -> None:
    site.generations.start("another", site.anna)
    made = site.under_way()
    (version,) = site.filling.missing(made.id, limit=5)
    site.filling.fill(made.id, version, 1)
    assert site.filling.settle(made.id) is GenerationState.COMPARING
    figures = {"recall@10": 0.9, "ndcg@10": 0.8, "seconds": 0.02}
    compared = {"kind": "questions", "set": "<i>Leave</i>", "questions": 8, "live": figures}
    refusal = "It would be worse: nDCG@10 falls."
    site.filling.compared(made.id, {**compared, "new": {**figures, "ndcg@10": 0.5}}, refusal=refusal)
    page = site.open()
    assert refusal in text(page)
    assert "8 questions of &lt;i&gt;Leave&lt;/i&gt;." in text(page)
    assert '<td data-name="live">0.800</td><td data-name="new">0.500</td>' in text(page)
    press(press(page, "index_force"), "index_do_force")
    assert site.under_way().state is GenerationState.ACCEPTED
    assert site.filling.switch(made.id)
    page = site.open()
    assert keys(page) == {"index_new", "index_back", "index_clean"}
    press(press(page, "index_back"), "index_do_back")
    assert site.under_way().model == "<b>first</b>"
    assert site.filling.switch(site.under_way().id)
    press(press(site.open(), "index_clean"), "index_do_clean")
    assert site.generations.get(made.id).state is GenerationState.REMOVING


def test_what_failed_is_tried_again_and_a_wrong_length_is_told(site: Site) -> None:
    site.generations.start("another", site.anna)
    made = site.under_way()
    site.filling.give_up(made.id, "The embedding model <b>x</b> can't be loaded.")
    page = site.open()
    assert "The embedding model &lt;b&gt;x&lt;/b&gt; can" in text(page)
    press(page, "index_retry")
    again = site.under_way()
    assert (again.state, again.attempt) == (GenerationState.BUILDING, 2)
    site.generations.cancel(site.anna)
    page = press(site.open(), "index_new")
    page.number_input(key="index_tokens").set_value(7)
    assert "32 to 2000 tokens" in text(press(page, "index_start"))
