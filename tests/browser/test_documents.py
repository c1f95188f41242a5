from pathlib import Path

import pytest
from playwright.sync_api import expect

from storage.types import Readers, State
from tests.browser.conftest import Site

pytestmark = pytest.mark.browser


def test_many_files_are_uploaded_each_with_its_own_result(site: Site, tmp_path: Path) -> None:
    paths = [tmp_path / f"note {number} <b>.md" for number in range(5)]
    for path in paths:
        path.write_text(f"# {path.name}")
    huge = tmp_path / "huge.txt"
    huge.write_bytes(b"x" * 2_100_000)  # the office takes 2 MB
    visit = site.visit()
    visit.open("/documents")
    page = visit.page
    upload = page.locator("input[type=file]")
    upload.set_input_files([*paths, huge])
    expect(page.locator("li.failed")).to_contain_text("larger than 2 MB")
    expect(page.locator(".line.document", has_text="note 4 <b>.md")).to_contain_text("Waiting")
    upload.set_input_files(paths[0])
    expect(page.locator("li.same")).to_contain_text("already here")
    assert visit.foreign == []


def test_uploads_carry_the_chosen_readers(site: Site, tmp_path: Path) -> None:
    path = tmp_path / "salaries.md"
    path.write_text("# Salaries")
    visit = site.visit()
    visit.open("/documents")
    page = visit.page
    page.get_by_role("button", name="Remove Everyone").click()
    page.locator("[data-testid=stMultiSelect] input").click()
    page.get_by_role("option", name="People").click()
    page.locator("input[type=file]").set_input_files(path)  # at once: the page has not heard of the choice yet
    row = page.locator(".line.document", has_text="salaries.md")
    expect(row).to_contain_text("People")
    anna = site.office.principal("anna")
    (info,) = site.office.documents.find(anna, text="salaries.md")
    assert info.readers == Readers(groups=frozenset([site.office.people]))


def test_states_change_while_one_looks_and_a_dialog_stays_open(site: Site) -> None:
    office = site.office
    with office.files.receive(1000) as receiver:
        receiver.write(b"moving")
        added = office.documents.add("moving.txt", receiver.finish(), Readers(True), office.principal("anna"))
    visit = site.visit()
    visit.open("/documents")
    page = visit.page
    row = page.locator(".line.document", has_text="moving.txt")
    expect(row).to_contain_text("in line")
    office.work_on(added.version_id)
    office.versions.progress(added.version_id, State.EMBEDDING, done=118, total=640)
    expect(row).to_contain_text("Embedding 118 of 640")
    page.locator(f".st-key-menu_{added.document_id} button").click()
    page.get_by_role("menuitem", name="Delete").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("gone for good")
    office.versions.progress(added.version_id, State.EMBEDDING, done=200, total=640)
    expect(row).to_contain_text("Embedding 200 of 640")
    expect(dialog).to_be_visible()
    dialog.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("is being deleted")).to_be_visible()
    expect(row).to_have_count(0)


def test_a_file_with_a_known_name_is_a_new_version_where_the_box_says_so(site: Site, tmp_path: Path) -> None:
    document_id, old = site.office.add("rules.txt", Readers(groups=frozenset({site.office.people})), b"the old rules")
    path = tmp_path / "rules.txt"
    path.write_text("the new rules")
    anna = site.office.principal("anna")
    visit = site.visit()
    visit.open("/documents")
    page = visit.page
    page.get_by_text("A file with the name of a document is its new version").click()
    page.locator("input[type=file]").set_input_files(path)  # at once: the page has not heard of the choice yet
    expect(page.locator("li.done")).to_contain_text("new version")
    info = site.office.documents.get(document_id, anna)
    assert (info.answers, info.readers.groups) == (True, frozenset({site.office.people}))
    assert info.version_id != old
    path.write_text("other rules")
    page.get_by_text("A file with the name of a document is its new version").click()
    page.locator("input[type=file]").set_input_files(path)
    expect(page.locator(".line.document", has_text="rules.txt")).to_have_count(2)
