"""The sources page as Streamlit's AppTest opens it, over real storage."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from app import services as composition
from app.ui import identity
from storage.sources import Kind, NewSource, Sources
from storage.syncs import Syncs
from storage.types import Readers
from tests.office import Office
from tests.patience import PATIENCE
from tests.web import services as services_over

SCRIPT = "<img src=x onerror=alert(1)>"


class Site:
    def __init__(self, office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
        self.office, self.anna = office, office.principal("anna")
        self.services = services_over(office, [])
        self.sources: Sources = self.services.sources
        self.places("")
        self.token: str | None = None
        monkeypatch.setattr(identity, "token", lambda: self.token)

    def places(self, places: str) -> None:
        settings = self.services.settings.model_copy(update={"source_places": places})
        composition.install(replace(self.services, settings=settings))

    def open(self, name: str = "anna") -> AppTest:
        self.token = self.office.tokens[name]
        return AppTest.from_string(
            "from app.ui import source_list\nsource_list.page()\n", default_timeout=PATIENCE
        ).run()


def words(page: AppTest) -> str:
    return "\n".join(str(element.proto.body) for element in page.get("html"))


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    office = Office(tmp_path)
    yield Site(office, monkeypatch)
    office.close()


def new(name: str = "Handbooks") -> NewSource:
    return NewSource(name, Kind.FOLDER, "/srv/share/hr", Readers(everyone=True), {"secret": "hunter2"}, ["*.md"])


def test_members_see_nothing_of_sources(site: Site) -> None:
    site.sources.add(new(), site.anna)
    page = site.open("mia")
    assert "managed by admins" in words(page)
    assert "Handbooks" not in words(page)
    assert not page.button


def test_a_source_shows_its_last_run_and_no_secret(site: Site) -> None:
    assert "No sources yet" in words(site.open())
    source = site.sources.add(new(SCRIPT), site.anna)
    assert "Never run" in words(site.open())
    run = site.sources.request(source.id, site.anna)
    syncs = Syncs(site.office.database)
    assert "Waiting for the worker" in words(site.open())
    assert syncs.take("worker") is not None
    syncs.progress(run.id, {"added": 3})
    assert "3 added" in words(site.open())
    syncs.finish(run.id, {"added": 3, "failed": 1}, [(SCRIPT, SCRIPT)], failed="")
    shown = words(site.open())
    assert "Partly done" in shown
    assert "1 file not read" in shown
    assert "<img" not in shown
    assert "hunter2" not in shown


def test_an_admin_adds_a_source_in_one_of_the_places_alone(site: Site) -> None:
    page = site.open()
    page.button(key="add_source").click().run()
    assert "SOURCE_PLACES" in words(page)
    site.places("/srv/share")
    page = site.open()
    page.button(key="add_source").click().run()
    page.text_input(key="source_name").input("Mine")
    page.text_input(key="source_location").input("/etc")
    page.button(key="source_save").click().run()
    assert site.sources.find(site.anna) == []
    page = site.open()
    page.button(key="add_source").click().run()
    page.text_input(key="source_name").input("Mine")
    page.text_input(key="source_location").input("/srv/share/hr")
    page.text_input(key="source_include").input("*.md, legal/**")
    page.button(key="source_save").click().run()
    source = site.sources.get("Mine", site.anna)
    assert (source.include, source.readers, source.every) == (("*.md", "legal/**"), Readers(), 0)
    assert source.latest is None
