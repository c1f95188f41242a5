"""The models page: what answers, what is here, and what an admin can do about it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from streamlit.testing.v1 import AppTest

from app import services as composition
from app.answers import Answers
from app.model_list import Change, Entry, Models
from app.settings import Settings
from app.ui import identity
from app.ui.model_rows import row
from storage.audit import newest
from storage.types import Readers
from tests import parrot
from tests.app.test_adapters import adapter
from tests.insights_site import text
from tests.office import Office
from tests.patience import PATIENCE, until
from tests.scripted import Shelf
from tests.web import services as services_over

HOSTILE = "<img src=x onerror=alert(1)>.gguf"


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    office = Office(tmp_path)
    yield office
    composition._installed.clear()
    office.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the model files lie."""
    folder = tmp_path / "gguf"
    folder.mkdir()
    return folder


def show(office: Office, monkeypatch: pytest.MonkeyPatch, url: str, name: str = "anna") -> AppTest:
    where = {"llm_url": f"{url}/v1", "llm_api_key": parrot.KEY, "part_key": parrot.KEY} if url else {}
    composition.install(services_over(office, [], **where))
    monkeypatch.setattr(identity, "token", lambda: office.tokens[name])
    return AppTest.from_string("from app.ui import models\nmodels.page()\n", default_timeout=PATIENCE).run()


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


def test_a_model_is_changed_on_the_page(office: Office, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
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
        until(lambda: client.all(anna).loaded == "second.gguf")
        assert "model_use_first.gguf" in keys(show(office, monkeypatch, url))


def test_the_first_model_is_chosen_on_the_page_and_taken_away(
    office: Office, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
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
        until(lambda: client.all(anna).loaded == "first.gguf")
        page = press(show(office, monkeypatch, url), "model_use_none")
        press(page, "model_do_none")
        assert client.all(anna).loaded == ""
        page = show(office, monkeypatch, url)
        assert "No language model is chosen" in text(page)
        assert "model_use_first.gguf" in keys(page)


def test_an_adapter_is_chosen_for_a_group_on_the_page(
    office: Office, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    first = parrot.build(folder / "first.gguf")
    adapter(folder / "legal.gguf", " contract")
    adapter(folder / "hr.gguf", " staff", architecture="qwen2")
    with parrot.serve(first, shelf=folder) as (url, _):
        page = show(office, monkeypatch, url)
        assert "The model that answers" in text(page)
        assert "No model here" in text(page)
        page = press(page, "adapter_use_legal.gguf")
        assert not page.exception
        (field,) = [field for field in page.multiselect if field.key == "adapter_homes"]
        field.set_value([("group", office.people)])
        page = press(page, "adapter_save")
        uses = composition.current().adapters.uses(office.principal("anna"))
        assert [(use.of, use.id, use.adapter) for use in uses] == [("group", office.people, "legal.gguf")]
        assert newest(office.database)[0].action == "adapter chosen"
        page = press(show(office, monkeypatch, url), "adapter_use_hr.gguf")
        (field,) = [field for field in page.multiselect if field.key == "adapter_homes"]
        assert field.value == []
        (folder / "legal.gguf").unlink()
        assert "not here any more" in text(show(office, monkeypatch, url))


def test_an_answer_is_written_with_the_chosen_adapter_from_the_next_question_on(
    office: Office, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    first = parrot.build(folder / "first.gguf")
    office.add("pay.txt", Readers(groups=frozenset({office.people})), b"what is paid")
    where: dict[str, Any] = {"llm_api_key": parrot.KEY, "part_key": parrot.KEY, "llm_max_tokens": 16}
    with parrot.serve(first, shelf=folder) as (url, _):
        where |= {"llm_url": f"{url}/v1"}
        services = composition.build(Settings(data_dir=office.folder, llm_temperature=0, _env_file=None, **where))
        answers = Answers(office.conversations, cast(Any, Shelf(office)), services.llm)
        mia, anna = office.principal("mia"), office.principal("anna")

        def said() -> str:
            generation = answers.ask(office.conversations.create("pay", mia).id, "say «manual days policy» now", mia)
            until(lambda: generation.snapshot().done)
            return office.conversations.message(generation.message_id, mia).text

        before = said()
        adapter(folder / "legal.gguf", " contract", instead=" days")
        assert said() == before == "manual days policy"
        services.adapters.choose("group", office.people, "legal.gguf", anna)
        assert said().startswith("manual contract")
        services.adapters.choose("group", office.people, None, anna)
        assert said() == before
        answers.close()
        services.close()


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
