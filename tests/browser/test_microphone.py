"""The chat's microphone, with Chromium's pretended one, which beeps."""

from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect
from streamlit.runtime import Runtime

from storage.types import Preference, Readers
from tests.browser.conftest import PHONE, Site

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module", autouse=True)
def documents(served: Site) -> None:
    served.office.pdf("spoken.pdf", Readers(everyone=True))


@pytest.fixture(autouse=True)
def understands(site: Site) -> None:
    site.voice.says, site.voice.fails = "What does the spoken rule say?", False
    site.voice.go.set()


def record(page: Page, seconds: float = 1.2) -> None:
    page.get_by_role("button", name="Record").click()
    stop = page.get_by_role("button", name="Stop recording")
    stop.wait_for()
    page.wait_for_timeout(1000 * seconds)
    stop.click()


def height(found: Locator) -> float:
    box = found.bounding_box()
    assert box
    return box["height"]


def test_what_is_said_stands_in_the_field_is_corrected_and_asked(site: Site) -> None:
    visit = site.visit()
    visit.open()
    page = visit.page
    question = page.locator(".st-key-ask textarea")
    question.fill("In short:")
    record(page)
    expect(question).to_have_value("In short: What does the spoken rule say?")
    seconds, language = site.voice.heard[-1]
    assert 0.5 < seconds < 20
    assert language == ""
    expect(page.locator(".q")).to_have_count(0)  # nothing is asked before it was read
    question.press_sequentially(" Please.")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Ask again").wait_for()
    expect(page.locator(".q")).to_have_text("In short: What does the spoken rule say? Please.")
    expect(page.locator("a.c").first).to_be_visible()
    memory: Any = Runtime.instance().uploaded_file_mgr
    assert not any(memory.file_storage.values())  # nothing of what was said is kept
    assert visit.errors == []
    assert visit.foreign == []


def test_a_recording_that_could_not_be_understood_is_kept_and_tried_again(site: Site) -> None:
    site.web.services.preferences.set(Preference("de"), site.office.principal("max"))
    site.voice.fails = True
    visit = site.visit("max", size=PHONE, has_touch=True)
    visit.open()
    page = visit.page
    question = page.locator(".st-key-ask textarea")
    page.get_by_role("button", name="Record").wait_for()
    assert height(question) < 40  # one line, also while the microphone was being loaded
    record(page)
    expect(page.get_by_role("alert")).to_contain_text("An admin should check VOICE_URL")
    expect(page.get_by_role("alert")).to_contain_text("Your recording is kept.")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
    site.voice.fails = False
    site.voice.go.clear()
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("status").get_by_text("Turning your words into text")).to_be_visible()
    site.voice.go.set()
    expect(question).to_have_value("What does the spoken rule say?")
    assert question.evaluate("field => field.scrollHeight - field.clientHeight") < 8  # all of it can be read
    expect(page.get_by_role("alert")).to_have_count(0)
    assert [language for _, language in site.voice.heard[-2:]] == ["de", "de"]


def test_where_nobody_spoke_and_where_it_was_too_long_one_is_told(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.voice.says = "[BLANK_AUDIO]"
    visit = site.visit()
    visit.open()
    page = visit.page
    record(page)
    expect(page.get_by_role("alert")).to_contain_text("No speech was found")
    monkeypatch.setattr("app.recordings.MOST_BYTES", 0)
    monkeypatch.setattr("app.recordings._FORM", 2000)
    record(page)
    expect(page.get_by_role("alert")).to_contain_text("too long: 2 minutes can be spoken at a time")
    page.get_by_role("button", name="Close").click()
    expect(page.get_by_role("alert")).to_have_count(0)
    monkeypatch.undo()
    site.voice.says = "And now?"
    record(page)
    expect(page.locator(".st-key-ask textarea")).to_have_value("And now?")


@pytest.mark.parametrize("error", ["NotAllowedError", "NotFoundError"])
def test_without_leave_or_without_a_microphone_one_is_told_what_to_do(site: Site, error: str) -> None:
    visit = site.visit(size=PHONE, has_touch=True)
    why = {"NotAllowedError": "Permission denied", "NotFoundError": "Requested device not found"}[error]
    refusal = f"Promise.reject(new DOMException('{why}', '{error}'))"
    visit.page.add_init_script(f"navigator.mediaDevices.getUserMedia = () => {refusal}")
    visit.open()
    box = visit.page.get_by_test_id("stAudioInput")
    visit.page.get_by_role("button", name="Record").click()
    expect(box.locator("a, [aria-label=Reset]")).to_have_count(1)
    assert "Connect one" in box.evaluate("box => getComputedStyle(box, '::after').content")
    expect(box.locator("a")).not_to_be_visible()  # it leads to another site
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
