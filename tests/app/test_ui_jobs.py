"""The jobs page and the report of a document, by Streamlit's AppTest over real storage."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from app import services as composition
from app.ui import browser, identity
from app.ui.wording import without_text
from storage.filling import Filling
from storage.types import Chunk, Gap, Section, State, Status
from tests.app.test_ui_pages import EVERYONE, arrive, text
from tests.insights_site import choose
from tests.office import Office
from tests.patience import PATIENCE
from tests.web import services as services_over


class Site:
    def __init__(self, office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
        self.office, self.missing = office, list[str]()
        self.services = services_over(office, self.missing)
        composition.install(self.services)
        self.queue, self.anna = self.services.queue, office.principal("anna")
        self.token: str | None = None
        monkeypatch.setattr(identity, "token", lambda: self.token)
        monkeypatch.setattr(browser, "uploader", lambda readers, names: None)  # a browser's part

    def open(self, module: str, name: str = "anna", **address: str) -> AppTest:
        self.token = self.office.tokens[name]
        opened = AppTest.from_string(f"from app.ui import {module}\n{module}.page()\n", default_timeout=PATIENCE)
        for key, value in address.items():
            opened.query_params[key] = value
        return opened.run()


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    office = Office(tmp_path)
    yield Site(office, monkeypatch)
    composition._installed.clear()
    office.close()


def press(page: AppTest, key: str) -> AppTest:
    (button,) = [button for button in page.button if button.key == key]
    return button.click().run()


def buttons(page: AppTest) -> set[str]:
    assert not page.exception
    return {button.key for button in page.button if button.key}


def test_members_see_no_jobs_and_no_report(site: Site) -> None:
    document, _ = site.office.add("a.txt", EVERYONE, b"x")
    for page in (site.open("jobs", "mia"), site.open("documents", "mia", document=document)):
        assert "admins" in text(page)
        assert "a.txt" not in text(page)
        assert not page.button


def test_a_job_shows_what_it_is_at_how_fast_it_goes_and_who_started_it(site: Site) -> None:
    _, version = arrive(site.office, "moving.txt")
    site.office.work_on(version, "embed")
    job = site.office.versions.job(version).id
    site.office.versions.steps.leave(version, job, "embed", 4.0)
    site.office.versions.progress(version, State.EMBEDDING, done=128, total=640)
    page = site.open("jobs")
    shown = text(page)
    for words in ("Embedding 128 of 640 passages", "32 passages a second", "16 s left", "anna", "1 running"):
        assert words in shown
    choose(page, f"menu_{version}", "Cancel")
    assert "cancelling after this step" in text(page)


def test_the_index_that_is_made_anew_stands_among_the_jobs(site: Site) -> None:
    site.office.add("leave.txt", EVERYONE, b"thirty days")
    generations, filling = site.services.generations, Filling(site.office.database)
    generations.first("first_v2", "first", 8)
    assert "first" not in text(site.open("jobs", show="done"))  # it was never made anew
    made = generations.start("<b>another</b>", site.anna)
    page = site.open("jobs")
    for words in ("&lt;b&gt;another&lt;/b&gt;", "Embedding 0 of 1 passage", "time left not known yet", "anna"):
        assert words in text(page)
    assert 'href="/index"' in text(page)
    assert "Nothing to do" not in text(page)
    assert "0 running, 0 waiting, a new index being made" in text(page)
    assert any(button.label == "Running 1" for button in page.button)
    filling.give_up(made.id, "The model <i>another</i> can't be loaded.")
    assert "another" not in text(site.open("jobs"))
    assert "The model &lt;i&gt;another&lt;/i&gt; can" in text(site.open("jobs", show="failed"))
    generations.retry(site.anna)
    (version,) = filling.missing(made.id, limit=5)
    filling.fill(made.id, version, 1)
    filling.settle(made.id)
    assert "Being compared with the live one" in text(site.open("jobs", show="running"))
    generations.accept(site.anna, force=True)
    assert filling.switch(made.id)
    done = text(site.open("jobs", show="done"))
    assert "Done, live" in done
    assert "attempt 2" in done
    assert "another" not in text(site.open("jobs"))


def test_members_see_no_index_that_is_made_anew(site: Site) -> None:
    site.office.add("leave.txt", EVERYONE, b"thirty days")
    site.services.generations.first("first_v2", "first", 8)
    site.services.generations.start("another", site.anna)
    for name in ("mia", "max"):
        assert "another" not in text(site.open("jobs", name))


def test_jobs_are_steered_from_the_page(site: Site) -> None:
    _, version = arrive(site.office, "a.txt")
    page = site.open("jobs")
    choose(page, f"menu_{version}", "Pause")
    assert "1 paused" in text(page)
    choose(page, f"menu_{version}", "Resume")
    assert "1 waiting" in text(page)
    press(page, "pause_all")
    assert "Everything is paused by <bdi>anna</bdi>" in text(page)
    press(page, "resume_all")
    assert "Everything is paused" not in text(page)
    choose(page, f"menu_{version}", "Cancel")
    assert "Nothing to do" in text(page)
    press(page, "filter_cancelled")
    assert "Cancelled" in text(page)
    choose(page, f"menu_{version}", "Retry")
    assert [job.status for job in site.queue.jobs(site.anna)] == [Status.WAITING]


def test_all_that_failed_is_tried_again_with_one_button(site: Site) -> None:
    for name in ("a.txt", "b.txt"):
        site.office.versions.fail(arrive(site.office, name)[1], "It is <b>broken</b>.", "Mend it.")
    page = site.open("jobs", show="failed")
    assert "It is &lt;b&gt;broken&lt;/b&gt;. Mend it." in text(page)
    press(page, "retry_failed")
    assert site.queue.summary(site.anna).counts[Status.WAITING] == 2
    assert "retry_failed" not in buttons(page)


def test_an_action_that_comes_too_late_says_why(site: Site) -> None:
    _, version = arrive(site.office, "a.txt")
    page = site.open("jobs")
    site.office.versions.publish(version, passages=1)
    choose(page, f"menu_{version}", "Cancel")
    assert "This job has ended." in text(page)


def report_of(site: Site, **more: Any) -> tuple[str, str]:
    document, version = arrive(site.office, "a.txt")
    sections = [Section(1, "Thirty <i>days</i>."), Section(2, ""), Section(3, "")]
    details = {"title": "Leave <b>", "format": "text", "language": "en", "pages": 3, "warnings": [], **more}
    gaps = [Gap(2, 2, "blank"), Gap(3, 3, "no text, only a picture")]
    site.office.versions.store_sections(version, sections, **details, gaps=gaps)
    length = len(sections[0].text)
    site.office.versions.store_chunks(version, [Chunk("c", document, version, 0, 1, 0, length, "Leave > Rules", "")])
    site.office.versions.publish(version, passages=1)
    return document, version


def test_the_report_tells_what_was_found_and_shows_passages_as_they_are_embedded(site: Site) -> None:
    document, _ = report_of(site)
    shown = text(site.open("documents", document=document))
    for words in ("Ready, partly", "Section 3: no text, only a picture", "Section 2: blank", "2 without text"):
        assert words in shown
    assert "no text, only a picture. Upload a clearer scan" in shown
    assert "Leave &lt;b&gt;" in shown
    assert "<span>Leave &gt; Rules</span>" in shown  # the heading that is embedded above the text
    assert "Thirty &lt;i&gt;days&lt;/i&gt;." in shown
    assert "from character 0 to 19" in shown


def test_a_report_offers_to_read_what_is_ready_again_and_to_retry_what_failed(site: Site) -> None:
    document, _ = report_of(site)
    page = site.open("documents", document=document)
    assert "retry" not in buttons(page)
    page = press(page, "read_again")
    assert site.office.documents.get(document, site.anna).state is State.WAITING
    assert not {"retry", "read_again"} & buttons(page)
    version = site.office.documents.get(document, site.anna).version_id
    site.office.versions.fail(version, "It broke.", "Mend it.")
    page = press(site.open("documents", document=document), "retry")
    assert site.office.documents.get(document, site.anna).state is State.WAITING


def test_the_pages_of_a_picture_are_shown_as_they_look(site: Site) -> None:
    document, version = report_of(site, format="tiff")
    shown = text(site.open("documents", document=document))
    assert f"/api/versions/{version}/pages/1.jpg" in shown
    assert "Page 1 of 3" in shown
    assert "Page 3: no text, only a picture" in shown


def test_a_page_that_gave_nothing_says_why(site: Site) -> None:
    document, _ = report_of(site)
    page = site.open("documents", document=document, page="3")
    assert "No passage was made of this page: no text, only a picture." in text(page)
    press(page, "page_previous")
    assert "No passage was made of this page: blank." in text(page)


def test_a_report_of_nothing_is_not_found(site: Site) -> None:
    document, _ = report_of(site)
    site.office.documents.begin_delete(document, site.anna)
    for unknown in (document, "0" * 32, "<script>"):
        shown = text(site.open("documents", document=unknown))
        assert "There is no such document" in shown
        assert "Leave" not in shown


def test_pages_without_text_are_named_in_short() -> None:
    assert without_text([Gap(3, 3, "blank"), Gap(5, 5, "dark"), Gap(7, 9, "blank")], "pdf") == [
        "Pages 3, 7-9: blank",
        "Page 5: dark",
    ]
    many = [Gap(page, page, "blank") for page in range(1, 200, 2)]
    assert without_text(many, "docx")[0].endswith("39, ... (100 in all): blank")
    assert without_text(many, "docx")[0].startswith("Sections 1, 3, ")
    assert without_text(many, "tiff")[0].startswith("Pages 1, 3, ")


def test_what_never_started_has_no_rate(site: Site) -> None:
    arrive(site.office, "a.txt")
    (job,) = site.queue.jobs(site.anna)
    assert job.rate(datetime.now(UTC)) == 0
    assert job.left(datetime.now(UTC)) is None
