import csv
from pathlib import Path

import pytest
from playwright.sync_api import expect

from storage.types import Citation, MessageState, Readers, Record, Support, Verdict
from tests.browser.conftest import PHONE, WIDE, Site

pytestmark = pytest.mark.browser


def answered(site: Site, question: str, name: str, text: str, verdicts: tuple[Verdict, ...] = ()) -> tuple[str, str]:
    """A chat, and in it an answer whose footnote 1 is all of the document `name`: the ids of both."""
    office, anna = site.office, site.office.principal("anna")
    document_id, version_id = office.pdf(name, Readers(everyone=True))
    kept = office.conversations
    chat = kept.create(question, anna)
    message = kept.ask(chat.id, question, anna)
    kept.record_sources(message.id, [document_id])
    kept.finish(
        message.id,
        text,
        MessageState.DONE,
        (Citation(1, document_id, version_id, 1, 0, len(f"What {name} says.")),),
        model="parrot",
        seconds=1,
        first_evidence=1,
        record=Record(prompt_version="1"),
        verdicts=verdicts,
    )
    return chat.id, message.id


@pytest.mark.parametrize("size", [WIDE, PHONE])
def test_a_footnote_in_a_cell_opens_its_source_and_the_table_is_downloaded(
    site: Site, size: tuple[int, int], tmp_path: Path
) -> None:
    table = "| Document | Supplier |\n| --- | --- |\n| Contract | =Ostrow [1] |\n"
    chat, _ = answered(site, "Extract supplier from all contracts", "contract.pdf", table)
    visit = site.visit(size=size, accept_downloads=True)
    visit.open(f"/?chat={chat}")
    page = visit.page
    with page.expect_download() as download:
        page.get_by_text("CSV", exact=True).click()
    download.value.save_as(tmp_path / "table.csv")
    rows = list(csv.reader((tmp_path / "table.csv").read_text("utf-8-sig").splitlines()))
    assert [row[:2] for row in rows] == [["Document", "Supplier"], ["Contract", "'=Ostrow"]]
    page.locator("td a.c").click()
    expect(page.locator(".st-key-panel")).to_contain_text("contract.pdf")
    assert visit.errors == []
    assert visit.foreign == []


@pytest.mark.parametrize("size", [WIDE, PHONE])
def test_a_cell_in_doubt_is_marked_with_its_reason_in_the_chat_and_in_its_record(
    site: Site, size: tuple[int, int]
) -> None:
    table = "|  | Invoices |\n| --- | --- |\n| **Ostrow** | within 30 days [1] |\n| **Kerber** | within 90 days [1] |\n"
    right, wrong = (table.index(f"within {days}") for days in ("30", "90"))
    length = len("within 30 days [1]")
    reason = "The source says 60 days, not 90 days."
    verdicts = (
        Verdict(right, right + length, Support.FULL, "", (1,)),
        Verdict(wrong, wrong + length, Support.NONE, reason, (1,)),
    )
    chat, message = answered(site, "Compare the contracts on invoices", "invoices.pdf", table, verdicts)
    visit = site.visit(size=size)
    visit.open(f"/?chat={chat}")
    page = visit.page
    expect(page.locator("td .doubt")).to_have_count(1)
    expect(page.locator("tr", has_text="Kerber").locator(".doubt")).to_have_attribute(
        "aria-label", f"Not supported: {reason}"
    )
    expect(page.locator(".verdicts")).to_contain_text("1 statement supported")
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    assert visit.errors == []
    visit.open(f"/insights?view=records&answer={message}")
    expect(page.locator("td .doubt")).to_have_count(1)
