import re

import pytest
from playwright.sync_api import Route, expect

from storage.types import Readers
from tests.browser.conftest import PHONE, Site
from tests.patience import until

pytestmark = pytest.mark.browser
EVERYONE = Readers(everyone=True)


@pytest.fixture(scope="module", autouse=True)
def documents(served: Site) -> None:
    served.office.pdf("handbook.pdf", EVERYONE)
    served.office.add("travel.txt", EVERYONE, b"travel")


def test_a_footnote_opens_the_page_with_its_words_marked(site: Site) -> None:
    visit = site.visit()
    visit.open()
    visit.ask_and_wait("What does the handbook say?")
    page = visit.page
    handbook = page.locator("a.c[data-passage*=handbook]").first
    handbook.hover()
    expect(page.locator(".tip")).to_contain_text("What handbook.pdf says.")
    handbook.click()
    image = page.locator(".st-key-panel img")
    expect(image).to_have_attribute("src", re.compile(r"/api/versions/[0-9a-f]{32}/pages/1\.jpg"))
    image.evaluate("image => image.decode()")
    mark, sheet = page.locator(".leaf i.on").first.bounding_box(), image.bounding_box()
    assert mark
    assert sheet
    assert 0.05 < (mark["x"] - sheet["x"]) / sheet["width"] < 0.1  # 20 of 300 points from the left
    assert 0.18 < (mark["y"] - sheet["y"]) / sheet["height"] < 0.28  # 50 of 200 from the top
    accent = page.evaluate("getComputedStyle(document.querySelector('.btn')).getPropertyValue('--accent')")
    assert accent
    filled = handbook.evaluate("chip => getComputedStyle(chip).backgroundColor")
    other = page.locator("a.c[data-passage*=travel]").first.evaluate("chip => getComputedStyle(chip).backgroundColor")
    assert filled != other
    page.get_by_role("button", name="Text", exact=True).click()
    expect(page.locator(".st-key-panel mark.on")).to_have_text("What handbook.pdf says.")
    assert visit.errors == []
    assert visit.foreign == []


def test_a_footnote_clicked_before_the_page_listens_opens_its_source(site: Site) -> None:
    visit = site.visit()
    page = visit.page
    visit.open()
    visit.ask_and_wait("What does the handbook say?")
    chat = page.url
    held: list[Route] = []
    page.route("**/reader.js*", lambda route: held.append(route))
    page.goto(chat, wait_until="commit")
    page.locator("a.c[data-passage*=handbook]").first.click()
    until(lambda: page.wait_for_timeout(50) or held)
    expect(page.locator(".st-key-panel")).to_have_count(0)
    for route in held:
        route.continue_()
    expect(page.locator(".st-key-panel")).to_contain_text("handbook.pdf")
    assert page.url == chat
    assert visit.errors == []


def test_the_keyboard_alone_asks_walks_the_footnotes_and_closes(site: Site) -> None:
    visit = site.visit()
    visit.open()
    page = visit.page
    visit.wait_until_it_listens()
    page.keyboard.type("What is there?")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Ask again").wait_for()
    visit.wait_until_it_listens()
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("]")
    expect(page.locator(".where")).to_contain_text("cited passage 1 of ")
    page.keyboard.press("]")
    expect(page.locator(".where")).to_contain_text("cited passage 2 of ")
    page.keyboard.press("[")
    expect(page.locator(".where")).to_contain_text("cited passage 1 of ")
    page.keyboard.press("Escape")
    expect(page.locator(".st-key-panel")).to_have_count(0)


def test_sources_open_while_the_answer_is_being_written_and_escape_stops_it(site: Site) -> None:
    site.model.go.clear()
    visit = site.visit()
    visit.open()
    visit.ask("What is there?")
    page = visit.page
    page.locator("a[href^='#evidence-']").first.click()
    expect(page.locator(".where")).to_contain_text("passage found 1 of ")
    page.keyboard.press("Escape")
    expect(page.locator(".st-key-panel")).to_have_count(0)
    expect(page.locator(".stage")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".stopped")).to_contain_text("Stopped.")


def test_an_answer_goes_on_while_the_tab_reloads(site: Site) -> None:
    site.model.go.clear()
    visit = site.visit()
    visit.open()
    visit.ask("What is there?")
    visit.page.wait_for_url(re.compile("chat="))
    visit.page.locator("a.c").first.wait_for()
    visit.page.reload()
    visit.page.locator("a.c").first.wait_for()
    expect(visit.page.locator(".stage")).to_be_visible()
    site.model.go.set()
    visit.page.get_by_role("button", name="Ask again").wait_for()


def test_copying_takes_the_answer_with_its_references(site: Site) -> None:
    visit = site.visit(permissions=["clipboard-read", "clipboard-write"])
    visit.open()
    visit.ask_and_wait("What does the handbook say?")
    visit.page.get_by_role("button", name="Copy with references").click()
    visit.page.get_by_text("Copied").wait_for()
    copied = visit.page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("What does the handbook say?\n\nWhat ")
    assert re.search(r"References\n\[1\] \S+", copied)


def test_on_a_phone_nothing_scrolls_sideways_and_the_source_is_a_sheet(site: Site) -> None:
    visit = site.visit(size=PHONE, has_touch=True)
    visit.open()
    page = visit.page
    visit.ask_and_wait("What " + "unbreakable" * 30 + "?")
    page.locator("a.c").first.click()
    sheet = page.locator(".st-key-panel")
    sheet.wait_for()
    page.wait_for_timeout(100)
    box = sheet.bounding_box()
    assert box
    assert box["width"] <= PHONE[0]
    assert box["y"] > 200
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
    original = page.get_by_text("Original").bounding_box()
    assert original
    assert original["x"] + original["width"] <= PHONE[0]
    page.get_by_role("button", name="Close").click()
    expect(sheet).to_have_count(0)
    opener = page.get_by_test_id("stExpandSidebarButton")
    shown = opener.bounding_box()
    assert shown
    assert shown["x"] >= 0
    assert shown["y"] >= 0
    opener.click()
    page.get_by_role("link", name="Documents").click()
    page.locator(".line.document:not(.head)").first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]


def test_a_sign_in_that_ends_takes_the_page_away(site: Site) -> None:
    visit = site.visit("mia")
    visit.open()
    visit.page.get_by_role("link", name="Account").click()
    visit.page.get_by_role("button", name="Sign out").click()
    visit.page.wait_for_url(re.compile("/login"))
