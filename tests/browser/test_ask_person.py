"""Asking a person in a real browser: from the offer below an answer to the reply in the chat."""

import pytest
from playwright.sync_api import expect

from storage.types import Readers
from tests.browser.conftest import PHONE, Site

pytestmark = pytest.mark.browser

EVIL = "It is <b>7</b> ![x](http://evil.example/a.png) <script>window.hacked=1</script>, see [1]."


def test_a_question_goes_to_a_person_and_the_answer_comes_back(site: Site) -> None:
    site.office.add("gate.txt", Readers(everyone=True), b"gate")
    asker = site.visit("mia", size=PHONE)
    asker.open()
    asker.ask_and_wait("When does the gate open?")
    page = asker.page
    page.get_by_role("button", name="Not helpful", exact=True).last.click()
    page.get_by_role("button", name="Ask a person").last.click()
    page.get_by_label("Note for the person").fill("For the lorry on Monday")
    page.get_by_role("button", name="Send", exact=True).last.click()
    expect(page.get_by_text("Sent to a person")).to_be_visible()

    helper = site.visit("anna")
    helper.open("/questions")
    expect(helper.page.get_by_text("For the lorry on Monday")).to_be_visible()
    helper.page.get_by_role("button", name="Open", exact=True).first.click()
    helper.page.get_by_role("button", name="I answer this").click()
    helper.page.get_by_label("Your answer").fill(EVIL)
    helper.page.get_by_role("button", name="Send answer").click()
    expect(helper.page.get_by_text("Answered", exact=False).first).to_be_visible()

    page.reload()
    expect(page.locator(".person")).to_contain_text("anna answered")
    expect(page.locator(".person")).to_contain_text("evil.example")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")  # nothing scrolls sideways
    for visit in (asker, helper):
        assert visit.foreign == []
        assert visit.page.evaluate("window.hacked") is None
