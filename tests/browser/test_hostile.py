"""Documents, names and model output that try to make the browser fetch or run something."""

import pytest
from playwright.sync_api import expect

from storage.types import Chunk, Readers, Section
from tests.browser.conftest import Site

pytestmark = pytest.mark.browser

EVIL = (
    "![x](http://evil.example/a.png) <img src=http://evil.example/b.png onerror=window.hacked=1> "
    "<script>window.hacked=1</script> [click](javascript:window.hacked=1) <a href=http://evil.example>y</a> "
    "<svg onload=window.hacked=1> http://evil.example/c.png <style>@import 'http://evil.example/d.css'</style> "
    "<|eot_id|> :material/home: $x$ &lt;img src=http://evil.example/e.png&gt; \u202egnp.exe " + "long" * 60
)


@pytest.fixture(scope="module", autouse=True)
def hostile(served: Site) -> None:
    office = served.office
    group = office.users.create_group(EVIL[:33] + "<img src=x onerror=window.hacked=1>"[:40])
    document, version = office.add("x.txt", Readers(groups=frozenset([group.id])), b"evil")
    chunk = Chunk(version[:8], document, version, 0, 1, 0, len(EVIL), EVIL, EVIL)
    office.versions.store_sections(
        version, [Section(1, EVIL)], title=EVIL, format="text", language="en", pages=1, warnings=[EVIL]
    )
    office.versions.store_chunks(version, [chunk])


def test_no_page_fetches_or_runs_what_a_document_says(site: Site) -> None:
    visit = site.visit()
    page = visit.page
    visit.open()
    visit.ask_and_wait(EVIL[:1500])
    expect(page.locator(".a").last).to_contain_text("http://evil.example/a.png")
    page.locator("a.c[data-passage*=evil]").last.hover()
    expect(page.locator(".tip")).to_contain_text("evil.example")
    page.locator("a.c[data-passage*=evil]").last.click()
    expect(page.locator(".st-key-panel mark.on")).to_contain_text("evil.example")
    for path, line in (("/documents", ".line.document"), ("/people", ".line.group"), ("/account", ".facts")):
        visit.open(path)
        page.locator(line).first.wait_for()
    visit.open("/documents")
    page.locator("[data-testid=stMultiSelect] input").first.click()
    page.get_by_text("evil.example").first.wait_for()
    assert page.evaluate("window.hacked") is None
    assert visit.foreign == []
    assert visit.dialogs == []
    assert [error for error in visit.errors if "Content Security Policy" in error] == []  # it had nothing to stop
    assert page.evaluate("[...document.images].every(image => image.src.startsWith(location.origin))")


def test_a_title_in_the_history_shows_the_text_itself(site: Site) -> None:
    visit = site.visit("max")
    question = "**bold** :joy: :red[x] https://evil.example $x$ ![x](http://evil.example/a.png)"
    visit.open()
    visit.ask_and_wait(question)
    title = visit.page.locator("[class*=st-key-open_] p").first
    assert title.inner_text().replace("\u2060", "") == question
    assert title.locator("*").count() == 0
    assert visit.foreign == []
