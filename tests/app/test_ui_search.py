"""The search page: results, the source beside them, shared links, hostile documents."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from app.ui import results
from storage.errors import NotFound
from storage.types import About, Passage, PassageRow, PassageTable, Readers
from tests.contracts.index_contract import IndexProcess
from tests.search_site import LEAVE, SALARY, Site, address, button, field, open_site, text, titles


@pytest.fixture
def site(process: IndexProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    with open_site(process, tmp_path, monkeypatch) as site:
        yield site


def first_target(page: AppTest) -> str:
    found = re.search(r'class="hit" href="#(passage-[\w-]+)"', text(page))
    assert found is not None
    return found.group(1)


# results


def test_passages_stand_under_their_document_with_the_words_marked(site: Site) -> None:
    site.add_all()
    page = site.open(q="days of annual leave")
    shown = text(page)
    assert titles(page) == ["Handbook", "Travel"]
    assert "Full-time staff have 30 <mark>days</mark> of <mark>annual leave</mark>. <mark>Leave</mark> that" in shown
    assert "2 documents searched" in shown
    assert "3 passages in 2 documents" in shown
    assert "1 Jan 2024" in shown
    assert page.text_input[0].value == "days of annual leave"


def test_typing_names_the_search_in_the_address_and_keeps_the_filters(site: Site) -> None:
    site.add_all()
    page = site.open(kind="pdf")
    assert titles(page) == []
    page.text_input[0].set_value("  leave ").run()
    assert address(page) == {"q": ["leave"], "kind": ["pdf"]}
    assert titles(page) == ["Handbook"]


def test_more_passages_come_when_they_are_asked_for(site: Site) -> None:
    site.shelf.add("Rules", [f"Rule {n} of leave" for n in range(25)])
    page = site.open(q="rule of leave")
    assert "First 20 passages" in text(page)
    assert "17 more passages of this document" in text(page)
    button(page, "Show more").click().run()
    assert "25 passages in 1 document" in text(page)
    assert "Show more" not in [each.label for each in page.button]


def test_nothing_found_says_what_was_searched_and_offers_to_search_everything(site: Site) -> None:
    site.add_all()
    page = site.open(q="leave", until="2001-01-01")
    assert "None of the 2 documents that you may read passes the filters." in text(page)
    button(page, "Search all 2 documents").click().run()
    assert set(titles(page)) == {"Handbook", "Travel"}
    site.shelf.embedder.away = True
    page = site.open(q="zzzz")
    assert "All 2 documents that you may read were searched." in text(page)
    assert "by words only" in text(page)


def test_what_fits_badly_is_called_so(site: Site) -> None:
    site.add_all()
    assert "Nothing fits well" in text(site.open(q="photosynthesis of algae"))
    assert "Nothing fits well" not in text(site.open(q="How many days of annual leave do full-time staff have?"))


def test_an_empty_search_says_what_it_is_for(site: Site) -> None:
    assert "There is no document that you may read." in text(site.open())
    site.add_all()
    assert "Finds passages in 2 documents" in text(site.open())
    assert "Finds passages in 3 documents" in text(site.open("mia"))


def test_parts_that_are_away_are_named(site: Site) -> None:
    site.add_all()
    site.missing.append("The models process is starting.")
    assert "The models process is starting." in text(site.open(q="leave"))


def test_a_document_in_the_address_that_one_may_not_read_looks_like_none(site: Site) -> None:
    site.add_all()
    (secret,) = [info.id for info in site.office.documents.find(site.office.principal("mia"), text="Salaries")]
    pages = [text(site.open("max", q="salary", document=id_)) for id_ in (secret, "0" * 32)]
    assert pages[0] == pages[1]
    assert "passes the filters" in pages[0]


def test_choosing_more_keeps_a_filter_that_is_not_shown(site: Site) -> None:
    site.add_all()
    page = site.open(q="leave", document="0" * 32)
    field(page, "button_group", "search_kinds").set_value(["pdf"]).run()
    assert address(page) == {"q": ["leave"], "document": ["0" * 32], "kind": ["pdf"]}
    assert titles(page) == []


# the source


def test_a_passage_stands_beside_the_results_and_its_neighbours_are_the_other_results(site: Site) -> None:
    site.add_all()
    page = site.open(q="days of annual leave", kind="pdf")
    page = site.open(q="days of annual leave", kind="pdf", passage=first_target(page).removeprefix("passage-"))
    shown = text(page)
    assert "passage found 1 of 2" in shown
    assert "4 Leave" in shown
    button(page, "Next passage").click().run()
    assert "passage found 2 of 2" in text(page)
    assert address(page)["passage"] != [first_target(page).removeprefix("passage-")]
    button(page, "Close").click().run()
    assert "passage" not in address(page)
    assert "passage found" not in text(page)


def test_a_shared_link_opens_the_very_passage_for_who_may_read_it(site: Site) -> None:
    site.add_all()
    shared = first_target(site.open("mia", q="salary band")).removeprefix("passage-")
    assert f'<mark class="on">{SALARY}</mark>' in text(site.open("mia", passage=shared))
    assert "passage found 1 of 1" in text(site.open("mia", passage=shared))
    unknown = "0" * 32 + shared[32:]
    refused = [text(site.open("max", passage=name)) for name in (shared, unknown, "nonsense", shared + "9" * 5)]
    assert len(set(refused)) == 1
    assert "Not found" in refused[0]
    assert "Salaries" not in refused[0]


def test_a_shared_link_ends_with_the_right_to_read(site: Site) -> None:
    site.add_all()
    shared = first_target(site.open("mia", q="salary band")).removeprefix("passage-")
    page = site.open("mia", passage=shared)
    (secret,) = site.office.documents.find(site.office.principal("anna"), text="Salaries")
    site.office.documents.set_readers(secret.id, Readers(), site.office.principal("anna"))
    assert SALARY not in text(page.run())
    with pytest.raises(NotFound):
        site.office.documents.source(shared[:32], 1, site.office.principal("mia"))


# hostile documents

HOSTILE = '<img src=x onerror=alert(1)> [a](http://evil) <script>alert(2)</script> "><b> leave \u202e'


def test_what_documents_say_is_never_markup(site: Site) -> None:
    site.shelf.add("Title", f"{HOSTILE} {LEAVE}", heading=f"{HOSTILE} > {HOSTILE}")
    shown = text(site.open(q=f"leave {HOSTILE}"))
    assert "<img" not in shown
    assert "<script" not in shown
    assert "\u202e" not in shown


def test_titles_and_tables_are_escaped_like_everything_else() -> None:
    table = PassageTable(0, 5, (HOSTILE, "b"), (PassageRow(0, 5, (HOSTILE, HOSTILE)),))
    passage = Passage("c", "d", "0" * 32, HOSTILE, HOSTILE, 1, 0, 5, HOSTILE, HOSTILE[:5], 0.0, (table,))
    found = results.Found("d", "0" * 32, HOSTILE, HOSTILE, About(period=HOSTILE), (passage,))
    shown = results.head(found) + results.hits(found, HOSTILE, ["leave"])
    tags = set(re.findall(r"<(\w+)", shown))
    assert tags <= {"div", "h2", "a", "bdi", "span", "article", "p", "mark", "table", "tr", "th", "td"}
    assert "\u202e" not in shown


def test_items_and_paragraphs_stand_on_lines_of_their_own_and_broken_lines_do_not() -> None:
    text = "You need:\n- a laptop\n- a key with\na loop.\n\nThen:\n1. Log in."
    passage = Passage("c", "d", "0" * 32, "Guide", "guide.md", 1, 0, len(text), "", text, 0.0)
    shown = results.hits(results.Found("d", "0" * 32, "Guide", "guide.md", About(), (passage,)), "laptop", ["laptop"])
    lines = "You need:<br>- a <mark>laptop</mark><br>- a key with\na loop.<br>Then:<br>1. Log in."
    assert f"<p>{lines}</p>" in shown
