import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect

from app import services as composition
from app.runs import Runs
from storage.types import Citation, MessageState, Readers
from tests.browser.conftest import PHONE, Site
from tests.scripted import Shelf
from tests.shelf import HashEmbedder

pytestmark = pytest.mark.browser


@pytest.fixture
def desk(site: Site) -> Iterator[Site]:
    """The site with evaluations that really run."""
    shelf: Any = Shelf(site.office)
    shelf.embedder = HashEmbedder()
    before = composition.current()
    runs = Runs(
        before.evaluations,
        site.office.documents,
        site.office.users,
        shelf,
        site.model,
        generation=lambda: "minilm_v1",
        settings={},
    )
    composition.install(replace(before, runs=runs))
    yield site
    runs.close()
    composition.install(before)


def new_set(page: Page, name: str) -> None:
    page.get_by_role("button", name="New question set").click()
    page.get_by_role("dialog").get_by_label("Name").fill(name)
    page.get_by_role("dialog").get_by_label("Name").press("Tab")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()


def test_a_set_is_made_filled_and_evaluated(desk: Site, tmp_path: Path) -> None:
    mark = uuid4().hex[:6]
    name = f"leave-{mark}.pdf"
    desk.office.pdf(name, Readers(everyone=True))
    visit = desk.visit()
    visit.open("/insights?view=sets")
    page = visit.page
    new_set(page, f"Leave {mark} <b>")
    page.get_by_role("button", name="Add question").click()
    page.locator(".st-key-form_text textarea").fill("How many days?")
    page.locator(".st-key-form_documents input").fill(mark)
    page.get_by_role("option", name=name).click()
    field = page.get_by_label("Pages", exact=True)
    field.fill("first")
    field.press("Tab")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("write numbers from 1 on")
    expect(page.locator(".st-key-form_text textarea")).to_have_value("How many days?")
    field.fill("1")
    field.press("Tab")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".line.question", has_text="How many days?")).to_contain_text(name)
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"question": "One?"}\n{"question":\n')
    page.locator("input[type=file]").set_input_files(bad)
    expect(page.locator("output")).to_contain_text("bad.jsonl, line 2: this is not JSON")
    good = tmp_path / "good.jsonl"
    good.write_text(json.dumps({"question": "And where?", "doc": [name], "pages": [[name, 2]]}))
    page.locator("input[type=file]").set_input_files(good)
    expect(page.get_by_text("1 added from good.jsonl.")).to_be_visible()
    expect(page.locator(".line.question", has_text="And where?")).to_contain_text("p. 2")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download questions").click()
    lines = [json.loads(line) for line in Path(download.value.path()).read_text().splitlines()]
    assert [line["question"] for line in lines] == ["How many days?", "And where?"]
    page.get_by_role("button", name="Evaluate").click()
    page.get_by_role("button", name="Start").click()
    row = page.locator(".line.run", has_text=f"Leave {mark} <b>")
    expect(row).to_contain_text("page in five")
    with page.context.expect_page() as opened:
        row.get_by_role("link", name="Open the report").click()
    report = opened.value
    expect(report.get_by_role("heading", name=f"Leave {mark} <b>")).to_be_visible()
    assert report.evaluate("self.origin") == "null"  # sandboxed: a stranger to our own pages
    assert visit.foreign == []


def test_a_comment_from_the_chat_becomes_a_question(desk: Site) -> None:
    office, mia = desk.office, desk.office.principal("mia")
    document, version = office.pdf(f"policy-{uuid4().hex[:6]}.pdf", Readers(everyone=True))
    question = f"What about {uuid4().hex[:6]}?"
    message = office.conversations.ask(office.conversations.create(question, mia).id, question, mia)
    office.conversations.record_sources(message.id, [document])
    cited = (Citation(1, document, version, 1, 0, 4),)
    office.conversations.finish(message.id, "No. [1]", MessageState.DONE, cited, model="m", seconds=1, first_evidence=1)
    office.conversations.rate(message.id, 0, "It is on page 2.", mia)
    visit = desk.visit()
    visit.open("/insights?view=sets")
    page = visit.page
    name = f"Comments {uuid4().hex[:6]}"
    new_set(page, name)
    page.get_by_role("button", name="Question sets").click()
    page.get_by_role("button", name="Comments").first.click()
    entry = page.locator("[class*='st-key-candidate_']", has_text=question)
    expect(entry).to_contain_text("It is on page 2.")
    entry.get_by_role("button", name="Add to a question set").click()
    expect(page.locator(".st-key-form_text textarea")).to_have_value(question)
    page.get_by_role("dialog").get_by_role("button", name="Add", exact=True).click()
    expect(entry).to_have_count(0)
    kept = composition.current().evaluations
    anna = office.principal("anna")
    (made,) = [one for one in kept.sets(anna) if one.name == name]
    assert [one.content["question"] for one in kept.questions(made.id, anna)] == [question]


def test_members_have_no_insights(desk: Site) -> None:
    visit = desk.visit("mia")
    visit.open("/insights?view=runs")
    expect(visit.page.locator(".st-key-nav")).to_contain_text("Account")
    expect(visit.page.locator(".st-key-nav")).not_to_contain_text("Insights")
    expect(visit.page.locator(".st-key-insights")).to_have_count(0)


@pytest.mark.parametrize("view", ["usage", "sets", "feedback", "runs"])
def test_nothing_scrolls_sideways_on_a_phone(desk: Site, view: str) -> None:
    visit = desk.visit(size=PHONE)
    visit.open(f"/insights?view={view}")
    visit.page.locator(".st-key-views").wait_for()
    visit.page.wait_for_timeout(500)
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
    seen = ".st-key-insights :is(button, input, .stHtml, .stHtml *)"
    rights = f"[...document.querySelectorAll('{seen}')].map(part => part.getBoundingClientRect().right)"
    assert max(visit.page.evaluate(rights)) <= PHONE[0]
