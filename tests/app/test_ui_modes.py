"""The kind of answer as the chat offers it, over a real index and real storage."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from app.events import Step
from app.ui import articles, identity
from app.ui.modes import with_fields
from storage.types import Mode
from tests.contracts.index_contract import IndexProcess
from tests.patience import PATIENCE, until
from tests.search_site import Site, button, field, open_site, text

HOME = Path(identity.__file__).with_name("home.py")
CONTRACT = 'This contract is between Kaltenbrook (the "Buyer") and Ostrow Metal Ltd (the "Supplier").'


@pytest.fixture
def site(process: IndexProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    with open_site(process, tmp_path, monkeypatch) as site:
        yield site


@pytest.fixture
def page(site: Site) -> AppTest:
    site.shelf.add("Contract <b>Ostrow</b>", CONTRACT)
    site.token = site.office.tokens["max"]
    page = AppTest.from_file(str(HOME), default_timeout=PATIENCE).run()
    page.session_state["mode_menu"] = True
    return page.run()


def answered(site: Site, page: AppTest) -> AppTest:
    principal = site.office.principal("max")
    (chat,) = site.office.conversations.find(principal)
    until(lambda: all(m.state != "running" for m in site.office.conversations.messages(chat.id, principal)))
    return page.run()


def picked(page: AppTest) -> list[str]:
    return [each.label for each in page.button if each.key == "mode_chip"]


def test_a_kind_is_picked_for_one_question_and_kept_for_asking_it_again(site: Site, page: AppTest) -> None:
    field(page, "radio", "mode_choice").set_value(Mode.FIELDS).run()
    assert picked(page) == ["Fields"]
    page.chat_input[0].set_value("supplier, buyer").run()
    page = answered(site, page)
    assert picked(page) == []
    assert "<th>Supplier</th>" in text(page)
    assert "Ostrow Metal Ltd" in text(page)
    assert "Contract &lt;b&gt;Ostrow&lt;/b&gt;" in text(page)
    button(page, "Ask again").click().run()
    assert text(answered(site, page)).count("<th>Supplier</th>") == 2


def test_a_pick_can_be_taken_back(page: AppTest) -> None:
    field(page, "radio", "mode_choice").set_value(Mode.SUMMARY).run()
    (chip,) = [each for each in page.button if each.key == "mode_chip"]
    chip.click().run()
    assert picked(page) == []


def test_the_form_asks_for_its_fields_in_all_documents(site: Site, page: AppTest) -> None:
    field(page, "radio", "mode_choice").set_value(Mode.FIELDS).run()
    assert field(page, "button", "mode_extract").disabled
    field(page, "text_input", "mode_fields").set_value("supplier").run()
    field(page, "button", "mode_extract").click().run()
    page = answered(site, page)
    assert "Extract supplier from all documents" in text(page)
    assert "Ostrow Metal Ltd" in text(page)


def test_an_answer_with_a_table_has_it_as_files_and_one_without_has_none(site: Site, page: AppTest) -> None:
    page.chat_input[0].set_value("Extract supplier from all contracts").run()
    assert "/table.csv" in text(answered(site, page))
    page.query_params.clear()
    page.run().chat_input[0].set_value("Summarise the contract").run()
    principal = site.office.principal("max")
    chats = site.office.conversations.find(principal)
    until(lambda: all(m.state != "running" for c in chats for m in site.office.conversations.messages(c.id, principal)))
    assert "/table.csv" not in text(page.run())


def test_fields_are_asked_for_in_the_question_s_language() -> None:
    assert with_fields("", " supplier,  price. ") == "Extract supplier, price from all documents"
    assert with_fields("all contracts?", "supplier") == "Extract supplier from all contracts"
    assert with_fields("allen Verträgen von uns", "Lieferant") == "Extrahiere Lieferant aus allen Verträgen von uns"
    assert with_fields("Extract price from all lists", "supplier") == "Extract price from all lists"
    assert with_fields("supplier, price", "") == "supplier, price"


def test_progress_is_told_in_steps() -> None:
    assert "Section 12 of 1,031<" in articles.stage("writing", None, 3, Step(11, 1031, "section"))
    assert "31 sections read" in articles.stage("writing", None, 3, Step(31, 31, "section"))
