import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import date

import pytest
from playwright.sync_api import Page, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from app import services as composition
from storage.types import Readers
from tests.browser.conftest import PHONE, Site
from tests.conftest import Library
from tests.contracts.index_contract import IndexProcess
from tests.patience import until
from tests.shelf import Shelf, open_shelf

pytestmark = pytest.mark.browser
LEAVE = "Full-time staff have 30 days of annual leave. Leave that is not taken by 31 March lapses."
HOSTILE = "<img src=http://evil.example/x.png onerror=alert(1)> [a](http://evil.example) :smile: **leave**"


@pytest.fixture(scope="module", autouse=True)
def shelf(served: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shelf]:
    office = served.office
    library = Library(office.documents, office.versions, office.files)
    before = composition.current()
    with (
        IndexProcess(tmp_path_factory.mktemp("index")) as process,
        open_shelf(process, library, office.documents, office.versions) as shelf,
    ):
        shelf.add("Handbook", ["Welcome.", LEAVE], heading="4 Time > 4.1 Absence", dated=date(2024, 1, 1))
        shelf.add("Hostile", f"{HOSTILE} leave", heading=HOSTILE, format="html", dated=date(2023, 1, 1))
        people = Readers(groups=frozenset({office.people}))
        shelf.add("Salaries", "The salary band of grade D begins at 70,000.", people, dated=date(2019, 1, 1))
        composition.install(replace(before, retriever=shelf.retriever))
        yield shelf
        composition.install(before)


def open_first(page: Page) -> None:
    """The page listens to clicks a moment after it shows."""

    def opened() -> bool:
        page.locator("a.hit").first.click()
        with suppress(PlaywrightTimeout):
            page.locator(".st-key-panel").wait_for(timeout=2000)
        return page.locator(".st-key-panel").count() > 0

    until(opened)


def test_the_keyboard_alone_searches_opens_walks_and_closes(site: Site) -> None:
    visit = site.visit("max")
    visit.open("/search")
    page = visit.page
    visit.wait_until_it_listens()
    page.keyboard.type("days of annual leave")
    page.keyboard.press("Enter")
    expect(page.locator(".found h2").first).to_have_text("Handbook")
    expect(page.locator("article.hit mark").first).to_have_text("days")
    assert "q=days+of+annual+leave" in page.url
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("]")
    expect(page.locator(".where")).to_contain_text("passage found 1 of")
    expect(page.locator(".st-key-panel mark.on")).to_have_text(LEAVE)
    first = page.url
    assert "passage=" in first
    page.keyboard.press("]")
    expect(page.locator(".where")).to_contain_text("passage found 2 of")
    page.go_back()
    expect(page.locator(".where")).to_contain_text("passage found 1 of")
    assert page.url == first
    page.keyboard.press("Escape")
    expect(page.locator(".st-key-panel")).to_have_count(0)
    assert "passage=" not in page.url


def test_a_copied_link_opens_the_passage_for_who_may_read_it_and_nobody_else(site: Site) -> None:
    mia = site.visit("mia", permissions=["clipboard-read", "clipboard-write"])
    mia.open("/search?q=salary+band")
    mia.wait_until_it_listens()
    hit = mia.page.locator("article.hit", has_text="70,000")
    hit.hover()
    hit.get_by_text("Copy link").click()
    hit.get_by_text("Copied").wait_for()
    copied = mia.page.evaluate("navigator.clipboard.readText()")
    assert re.fullmatch(rf"http://{site.web.address}/search\?q=salary\+band&passage=[0-9a-f]{{32}}-1-0-\d+", copied)
    expect(hit.get_by_text("Copy link")).to_be_visible()
    path = copied.removeprefix(f"http://{site.web.address}")
    other = site.visit("anna")
    other.open(path)
    expect(other.page.locator(".st-key-panel mark.on")).to_contain_text("70,000")
    stranger = site.visit("max")
    stranger.open(path)
    expect(stranger.page.locator(".st-key-panel h2")).to_have_text("Not found")
    assert "70,000" not in stranger.page.content()
    assert "Salaries" not in stranger.page.content()


def test_who_signs_in_first_arrives_at_the_shared_passage(site: Site) -> None:
    visit = site.visit("mia")
    visit.page.context.clear_cookies()
    visit.page.goto(f"http://{site.web.address}/search?q=leave&kind=html")
    visit.page.fill("[name=name]", "mia")
    visit.page.fill("[name=password]", "a long enough password")
    visit.page.keyboard.press("Enter")
    expect(visit.page.locator(".found h2")).to_have_text("Hostile")


def test_filters_are_chosen_with_the_list_open_and_stand_in_the_address(site: Site) -> None:
    visit = site.visit("max")
    visit.open("/search?q=leave")
    page = visit.page
    page.locator(".found h2").nth(1).wait_for()
    page.locator(".st-key-search_in_kinds button").first.click()
    page.get_by_text("HTML 1").click()
    expect(page.locator(".found h2")).to_have_text(["Hostile"])
    expect(page.get_by_text("HTML 1")).to_be_visible()
    page.wait_for_url(re.compile("kind=html"))
    page.keyboard.press("Escape")
    page.reload()
    expect(page.locator(".found h2")).to_have_text(["Hostile"])
    page.get_by_role("button", name="Remove filters").click()
    expect(page.locator(".found h2")).to_have_count(2)
    page.go_back()
    expect(page.locator(".found h2")).to_have_text(["Hostile"])


def test_hostile_documents_fetch_and_run_nothing(site: Site) -> None:
    visit = site.visit("max")
    visit.open("/search?q=leave&kind=html")
    page = visit.page
    open_first(page)
    expect(page.locator(".st-key-panel mark.on")).to_contain_text("onerror=alert(1)")
    page.locator(".st-key-search_in_documents button").first.click()
    page.wait_for_timeout(300)
    assert visit.foreign == []
    assert visit.dialogs == []
    assert page.locator("main img[src*=evil], a[href*=evil]").count() == 0


def test_a_chat_asks_where_its_filters_say(site: Site) -> None:
    visit = site.visit("max")
    visit.open()
    page = visit.page
    page.locator(".st-key-scope_menu button").first.click()
    page.get_by_text("HTML 1").click()
    chip = page.locator("[class*=st-key-scope_chip] button")
    expect(chip).to_have_text(re.compile("HTML"))
    expect(page.get_by_text("HTML 1")).to_be_visible()
    page.keyboard.press("Escape")
    chip.click()
    expect(chip).to_have_count(0)
    expect(page.get_by_text("all documents")).to_be_visible()
    assert visit.errors == []


def test_on_a_phone_nothing_scrolls_sideways(site: Site) -> None:
    visit = site.visit("max", size=PHONE, has_touch=True)
    visit.open(f"/search?q=leave+{'unbreakable' * 20}")
    page = visit.page
    page.locator("a.hit").first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
    expect(page.locator("a.share").first).to_be_visible()
    open_first(page)
    page.get_by_role("button", name="Close").click()
    page.locator(".st-key-search_in_time button").first.click()
    page.get_by_text("Past 12 months").or_(page.get_by_text("Dated")).first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
