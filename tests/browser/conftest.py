"""A real browser on the real application: Streamlit behind the Gate, over a small office with a scripted model."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Playwright,
    Request,
    expect,
    sync_playwright,
)

from app.answers import Answers
from tests.office import Office
from tests.patience import PATIENCE, until
from tests.scripted import ScriptedModel, Shelf
from tests.speech import ScriptedVoice, listening
from tests.web import StreamlitWeb

# a microphone that beeps, and leave to use it
MICROPHONE = ["use-fake-device-for-media-stream", "use-fake-ui-for-media-stream"]
QUIET = ["disable-gpu", "disable-quic", "disable-background-networking", "disable-component-update", "disable-sync"]
WIDE, PHONE = (1440, 900), (390, 844)


def launch(playwright: Playwright) -> Browser:
    """Debian's Chromium, or the one named by CHROMIUM."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("there is no Chromium; set CHROMIUM to one")
    return playwright.chromium.launch(
        executable_path=path, args=["--no-sandbox", *(f"--{flag}" for flag in QUIET + MICROPHONE)]
    )


@dataclass
class Visit:
    """One signed-in tab, and what its browser asked for and complained about."""

    page: Page
    address: str
    foreign: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)

    def watch(self) -> None:
        self.page.on("request", self._request)
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.dialogs.append(dialog.message), dialog.dismiss()))

    def _request(self, request: Request) -> None:
        own = (f"http://{self.address}", f"ws://{self.address}", "data:", "blob:")
        if not request.url.startswith(own):
            self.foreign.append(request.url)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.errors.append(message.text)

    def open(self, path: str = "/") -> None:
        self.page.goto(f"http://{self.address}{path}")
        self.page.wait_for_selector(".st-key-nav", state="attached")

    def wait_until_it_listens(self) -> None:
        """For keys, footnotes and links to copy: a moment after the page shows."""
        # while a page changes the field from before may stand beside it, disabled
        field = self.page.locator(".st-key-ask textarea:enabled, .st-key-search_query input:enabled")
        field.wait_for()
        until(lambda: self.page.keyboard.press("/") or field.evaluate("field => field === document.activeElement"))

    def ask(self, question: str) -> None:
        self.page.locator(".st-key-ask textarea").fill(question)
        self.page.keyboard.press("Enter")

    def ask_and_wait(self, question: str) -> None:
        self.ask(question)
        self.page.get_by_role("button", name="Ask again").last.wait_for()


@dataclass
class Site:
    web: StreamlitWeb
    model: ScriptedModel
    voice: ScriptedVoice
    browser: Browser
    contexts: list[BrowserContext] = field(default_factory=list)

    @property
    def office(self) -> Office:
        return self.web.office

    def visit(self, name: str = "anna", *, size: tuple[int, int] = WIDE, **options: Any) -> Visit:
        context = self.browser.new_context(viewport={"width": size[0], "height": size[1]}, **options)
        self.contexts.append(context)
        token, address = self.office.token(name), self.web.address
        context.add_cookies([{"name": "footnote", "value": token, "url": f"http://{address}"}])
        visit = Visit(context.new_page(), address)
        visit.watch()
        visit.page.set_default_timeout(1000 * PATIENCE)
        return visit


@pytest.fixture(scope="package")  # Playwright keeps an event loop in this thread: it ends before other tests come
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=1000 * PATIENCE)
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def served(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Site]:
    web = StreamlitWeb(tmp_path_factory.mktemp("site"))
    model, shelf = ScriptedModel(), Shelf(web.office)
    retriever: Any = shelf
    answers = Answers(web.office.conversations, retriever, model)
    voice = ScriptedVoice()
    with listening(voice) as dictation:
        web.services = replace(web.services, answers=answers, llm=model, dictation=dictation)
        with web:
            yield Site(web, model, voice, browser)
            model.go.set()
            answers.close()


@pytest.fixture
def site(served: Site) -> Iterator[Site]:
    served.model.go.set()
    yield served
    while served.contexts:
        served.contexts.pop().close()
