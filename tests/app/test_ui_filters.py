"""The filters of the search page and of the chat: what they offer to whom, and what they do."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from app.chat import IN_SCOPE
from app.ui import filters, identity
from app.ui.filters import names, quick_times, time_words
from storage.facets import Title
from storage.types import Scope
from tests.contracts.index_contract import IndexProcess
from tests.patience import PATIENCE, until
from tests.search_site import Site, address, button, everything, field, open_site, text, titles

HOME = Path(identity.__file__).with_name("home.py")


@pytest.fixture
def site(process: IndexProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    with open_site(process, tmp_path, monkeypatch) as site:
        yield site


def test_a_filter_is_named_in_the_address_and_can_be_taken_off(site: Site) -> None:
    site.add_all()
    page = site.open(q="leave")
    field(page, "button_group", "search_kinds").set_value(["markdown"]).run()
    assert address(page) == {"q": ["leave"], "kind": ["markdown"]}
    assert titles(page) == ["Travel"]
    assert "1 of 2 documents searched" in text(page)
    button(page, "Remove filters").click().run()
    assert address(page) == {"q": ["leave"]}
    assert set(titles(page)) == {"Handbook", "Travel"}


def test_documents_days_and_groups_narrow_too(site: Site) -> None:
    site.add_all()
    page = site.open("mia", q="leave salary")
    field(page, "multiselect", "search_groups").set_value([site.office.people]).run()
    assert titles(page) == ["Salaries"]
    button(page, "Remove filters").click().run()
    field(page, "button_group", "search_time").set_value("2023").run()
    assert address(page)["since"] == ["2023-01-01"]
    assert titles(page) == ["Travel"]
    field(page, "date_input", "search_since").set_value(date(2019, 1, 1)).run()
    assert set(titles(page)) == {"Salaries", "Travel"}
    button(page, "Remove filters").click().run()
    (only,) = [each for each in page.button if each.key and each.key.startswith("only_")][:1]
    only.click().run()
    assert len(titles(page)) == 1


def test_filters_in_the_address_that_can_not_be_read_search_nothing(site: Site) -> None:
    site.add_all()
    page = site.open(q="leave", since="<img src=x>")
    assert titles(page) == []
    assert "since: a day such as 2025-03-01." in text(page)
    assert "<img" not in text(page)
    button(page, "Remove filters").click().run()
    assert len(titles(page)) == 2


def test_filters_offer_nothing_of_what_one_may_not_read(site: Site) -> None:
    site.add_all()
    for query in ({"q": "salary"}, {}, {"q": "salary", "group": site.office.people, "kind": "docx"}):
        sent = everything(site.open("max", **query))
        for trace in ("Salaries", "2019", "People", "70,000"):
            assert trace not in sent, query
    page = site.open("max")
    assert field(page, "button_group", "search_kinds").options == ["Markdown 1", "PDF 1"]
    assert not [element for element in page.get("multiselect") if element.key == "search_groups"]
    assert field(page, "multiselect", "search_documents").options == ["Handbook", "Travel"]
    page = site.open("mia")
    assert field(page, "multiselect", "search_documents").options == ["Handbook", "Salaries", "Travel"]
    assert field(page, "multiselect", "search_groups").options == ["People"]


def test_admins_are_offered_every_group_that_reads_something(site: Site) -> None:
    site.office.users.create_group("Board")
    site.add_all()
    assert field(site.open("anna"), "multiselect", "search_groups").options == ["People"]


def test_many_documents_are_found_by_their_name(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filters, "LISTED", 2)
    site.add_all()
    page = site.open("mia", q="leave")
    assert field(page, "multiselect", "search_documents").options == ["Handbook", "Salaries"]
    field(page, "text_input", "search_find").set_value("trav").run()
    assert field(page, "multiselect", "search_documents").options == ["Travel"]


# the words of the filters


def test_documents_of_one_title_are_told_apart() -> None:
    twins = {"a": Title("Report", "2023.pdf"), "b": Title("Report", "2024.pdf"), "c": Title("Report", "2024.pdf")}
    assert list(names(twins).values()) == ["Report (2023.pdf)", "Report (2024.pdf)", "Report (2024.pdf) 2"]
    assert names({"a": Title("Report", "2023.pdf")}) == {"a": "Report"}


def test_times_are_offered_and_told_in_words() -> None:
    times = quick_times({2026: 3, 2024: 1, 1066: 1}, date(2026, 3, 31))
    assert list(times) == ["Past 12 months", "This year", "2024"]
    assert times["2024"] == (date(2024, 1, 1), date(2024, 12, 31))
    assert list(quick_times({2019: 1}, date(2026, 3, 31))) == ["2019"]

    def words(since: date | None = None, until: date | None = None) -> str:
        return time_words(Scope(since=since, until=until), times)

    assert words() == "Any time"
    assert words(*times["This year"]) == "This year"
    assert words(date(2011, 1, 1), date(2011, 12, 31)) == "2011"
    assert words(date(2011, 2, 3), date(2011, 3, 4)) == "3 Feb 2011 to 4 Mar 2011"
    assert words(since=date(2011, 2, 3)) == "since 3 Feb 2011"
    assert words(until=date(2011, 2, 3)) == "until 3 Feb 2011"


# the filters of the chat


def open_menu(page: AppTest) -> AppTest:
    page.session_state["scope_menu"] = True
    return page.run()


def ask(site: Site, page: AppTest, question: str) -> AppTest:
    page.chat_input[0].set_value(question).run()
    principal = site.office.principal("max")
    (chat,) = site.office.conversations.find(principal)
    until(lambda: all(m.state != "running" for m in site.office.conversations.messages(chat.id, principal)))
    return page.run()


def chat(site: Site) -> AppTest:
    site.token = site.office.tokens["max"]
    return AppTest.from_file(str(HOME), default_timeout=PATIENCE).run()


def test_an_answer_looks_only_where_the_filters_of_the_chat_allow(site: Site) -> None:
    site.add_all()
    page = open_menu(chat(site))
    field(page, "button_group", "scope_kinds").set_value(["markdown"]).run()
    assert [each.label for each in page.button if (each.key or "").startswith("scope_chip")] == ["Markdown"]
    page = ask(site, page, "How many days of annual leave do full-time staff have?")
    assert "30 days" not in text(page)
    button(page, "Markdown").click().run()
    page = ask(site, page, "How many days of annual leave do full-time staff have?")
    assert "30 days" in text(page)


def test_a_refusal_says_that_not_everything_was_searched(site: Site) -> None:
    site.add_all()
    page = open_menu(chat(site))
    field(page, "button_group", "scope_time").set_value("2023").run()
    page = ask(site, page, "What is the chemical formula of photosynthesis?")
    assert IN_SCOPE in text(page)


def test_each_chat_has_filters_of_its_own(site: Site) -> None:
    site.add_all()
    page = open_menu(chat(site))
    field(page, "button_group", "scope_kinds").set_value(["pdf"]).run()
    page = ask(site, page, "How many days of annual leave?")
    chips = [each for each in page.button if (each.key or "").startswith("scope_chip")]
    assert [each.label for each in chips] == ["PDF"]
    button(page, "New chat").click().run()
    assert not [each for each in page.button if (each.key or "").startswith("scope_chip")]


def test_the_menu_of_the_chat_offers_only_what_one_may_read(site: Site) -> None:
    site.add_all()
    page = open_menu(chat(site))
    assert field(page, "multiselect", "scope_documents").options == ["Handbook", "Travel"]
    for trace in ("Salaries", "2019", "People"):
        assert trace not in everything(page)
