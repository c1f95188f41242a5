import csv
from pathlib import Path

import pytest
from playwright.sync_api import expect

from storage.types import Citation, MessageState, Readers, Record, Support, Verdict
from tests.browser.conftest import PHONE, WIDE, Site

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("size", [WIDE, PHONE])
def test_a_footnote_in_a_cell_opens_its_source_and_the_table_is_downloaded(
    site: Site, size: tuple[int, int], tmp_path: Path
) -> None:
    office, anna = site.office, site.office.principal("anna")
    document_id, version_id = office.pdf("contract.pdf", Readers(everyone=True))
    kept = office.conversations
    chat = kept.create("Contracts", anna)
    message = kept.ask(chat.id, "Extract supplier from all contracts", anna)
    kept.record_sources(message.id, [document_id])
    cited = (Citation(1, document_id, version_id, 1, 0, len("What contract.pdf says.")),)
    table = "| Document | Supplier |\n| --- | --- |\n| Contract | =Ostrow [1] |\n"
    kept.finish(message.id, table, MessageState.DONE, cited, model="extractive", seconds=1, first_evidence=1)
    visit = site.visit(size=size, accept_downloads=True)
    visit.open(f"/?chat={chat.id}")
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
    office, anna = site.office, site.office.principal("anna")
    document_id, version_id = office.pdf("invoices.pdf", Readers(everyone=True))
    kept = office.conversations
    chat = kept.create("Invoices", anna)
    message = kept.ask(chat.id, "Compare the contracts on invoices", anna)
    kept.record_sources(message.id, [document_id])
    cited = (Citation(1, document_id, version_id, 1, 0, len("What invoices.pdf says.")),)
    table = "|  | Invoices |\n| --- | --- |\n| **Ostrow** | within 30 days [1] |\n| **Kerber** | within 90 days [1] |\n"
    right, wrong = (table.index(f"within {days}") for days in ("30", "90"))
    length = len("within 30 days [1]")
    reason = "The source says 60 days, not 90 days."
    verdicts = (
        Verdict(right, right + length, Support.FULL, "", (1,)),
        Verdict(wrong, wrong + length, Support.NONE, reason, (1,)),
    )
    kept.finish(
        message.id,
        table,
        MessageState.DONE,
        cited,
        model="parrot",
        seconds=1,
        first_evidence=1,
        record=Record(prompt_version="1"),
        verdicts=verdicts,
    )
    visit = site.visit(size=size)
    visit.open(f"/?chat={chat.id}")
    page = visit.page
    expect(page.locator("td .doubt")).to_have_count(1)
    expect(page.locator("tr", has_text="Kerber").locator(".doubt")).to_have_attribute(
        "aria-label", f"Not supported: {reason}"
    )
    expect(page.locator(".verdicts")).to_contain_text("1 statement supported")
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    assert visit.errors == []
    visit.open(f"/insights?view=records&answer={message.id}")
    expect(page.locator("td .doubt")).to_have_count(1)
