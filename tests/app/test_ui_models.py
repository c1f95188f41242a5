"""The models page: what answers, what is here, and what an admin can do about it."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from app import services as composition
from app.model_list import Change, Entry, Models
from app.ui import identity
from app.ui.model_rows import row
from tests import parrot
from tests.insights_site import text
from tests.office import Office
from tests.web import services as services_over

HOSTILE = "<img src=x onerror=alert(1)>.gguf"


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    office = Office(tmp_path)
    yield office
    composition._installed.clear()
    office.close()


def show(office: Office, monkeypatch: pytest.MonkeyPatch, url: str, name: str = "anna") -> AppTest:
    where = {"llm_url": f"{url}/v1", "llm_api_key": parrot.KEY, "part_key": parrot.KEY} if url else {}
    composition.install(services_over(office, [], **where))
    monkeypatch.setattr(identity, "token", lambda: office.tokens[name])
    return AppTest.from_string("from app.ui import models\nmodels.page()\n", default_timeout=20).run()


def keys(page: AppTest) -> set[str]:
    assert not page.exception
    return {button.key for button in page.button if button.key}


def press(page: AppTest, key: str) -> AppTest:
    (button,) = [button for button in page.button if button.key == key]
    return button.click().run()


def test_members_see_nothing_of_it(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    page = show(office, monkeypatch, "", "mia")
    assert "managed by admins" in text(page)
    assert keys(page) == set()


def test_without_an_own_models_process_the_page_says_so(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "server of its own" in text(show(office, monkeypatch, ""))


def test_a_model_is_changed_on_the_page(office: Office, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = tmp_path / "gguf"
    folder.mkdir()
    first = parrot.build(folder / "first.gguf")
    shutil.copy(first, folder / "second.gguf")
    shutil.copy(first, folder / f"{HOSTILE.replace('/', '')}")
    with parrot.serve(first, shelf=folder) as (url, _):
        page = show(office, monkeypatch, url)
        shown = text(page)
        assert "Answers" in shown
        assert "estimated: reads" in shown
        assert "<img" not in shown
        assert "model_use_first.gguf" not in keys(page)
        page = press(page, "model_verify_second.gguf")
        assert "SHA-256 is not known" in text(page)
        page = press(page, "model_use_second.gguf")
        press(page, "model_do_use")
        client, anna = composition.current().models, office.principal("anna")
        deadline = time.monotonic() + 30
        while client.all(anna).loaded != "second.gguf":
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert "model_use_first.gguf" in keys(show(office, monkeypatch, url))


def test_the_first_model_is_chosen_on_the_page_and_taken_away(
    office: Office, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tmp_path / "gguf"
    folder.mkdir()
    with parrot.serve(None, shelf=folder) as (url, _):
        page = show(office, monkeypatch, url)
        assert "No language model is chosen" in text(page)
        assert str(folder) in text(page)
        parrot.build(folder / "first.gguf")
        page = show(office, monkeypatch, url)
        page = press(page, "model_use_first.gguf")
        assert "Until it is loaded, answers quote" in text(page)
        press(page, "model_do_use")
        client, anna = composition.current().models, office.principal("anna")
        deadline = time.monotonic() + 30
        while client.all(anna).loaded != "first.gguf":
            assert time.monotonic() < deadline
            time.sleep(0.05)
        page = press(show(office, monkeypatch, url), "model_use_none")
        press(page, "model_do_none")
        assert client.all(anna).loaded == ""
        page = show(office, monkeypatch, url)
        assert "No language model is chosen" in text(page)
        assert "model_use_first.gguf" in keys(page)


def test_lines_say_what_a_file_is_at() -> None:
    entry = Entry("a.gguf", 5_000_000_000, architecture="llama", parameters=8.0, wait=40.0, fits=True)
    models = Models(
        machine="m", loaded="b.gguf", reason="", figures={}, context=10, change=Change("a.gguf", True), models=[entry]
    )
    assert "Changing" in row(entry, models)
    assert "8.0 billion parameters" in row(entry, models)
    assert "40 s" in row(entry, models)
    assert "Unusable" in row(Entry("c.gguf", 1, problem="It is <cut> off."), models)
    assert "&lt;cut&gt;" in row(Entry("c.gguf", 1, problem="It is <cut> off."), models)
