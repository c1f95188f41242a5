"""An installation without a language model gets its first one, and loses it again, while all its processes run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from typer.testing import CliRunner, Result

from app import doctor, model_choice
from app import services as composition
from app.answers import Answers
from app.chat_models import ChatModels
from app.cli import app
from app.extract import Extractive
from app.language_model import LanguageModel
from app.llm import OpenAIChat
from app.llm_engine import Engine
from app.models_client import ModelsClient
from app.settings import Settings
from app.supervisor import free_port, plan
from storage.errors import Conflict, InvalidInput
from storage.types import Message, MessageState, Principal, Readers, Role
from tests import parrot
from tests.app.test_adapters import adapter
from tests.office import Office
from tests.patience import until
from tests.scripted import Shelf

ANNA = Principal("anna", "anna", Role.ADMIN)
ASKED = "How long do refunds take?"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return parrot.build(tmp_path_factory.mktemp("model") / "first.gguf")


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    (tmp_path / "office").mkdir()
    office = Office(tmp_path / "office")
    office.add("refunds.txt", Readers(everyone=True), b"Refunds are paid within fourteen days of the return.")
    yield office
    office.close()


def settings_at(url: str, folder: Path, key: str = parrot.KEY) -> Settings:
    """Of a web process that was started when there was no model: the models process is there for its embeddings."""
    return Settings(data_dir=folder, part_key=key, embed_url=f"{url}/v1", embed_api_key=key, _env_file=None)


def asked(answers: Answers, office: Office, question: str = ASKED) -> Message:
    mia = office.principal("mia")
    generation = answers.ask(office.conversations.create("refunds", mia).id, question, mia)
    until(lambda: generation.snapshot().done)
    return office.conversations.message(generation.message_id, mia)


def settled(client: ModelsClient) -> None:
    until(lambda: not ((change := client.all(ANNA).change) and change.under_way))


def test_the_first_model_is_chosen_and_taken_away_while_questions_come_in(
    built: Path, office: Office, tmp_path: Path
) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    with parrot.serve(None, shelf=folder) as (url, _):
        services = composition.build(settings_at(url, office.folder))
        answers = Answers(office.conversations, cast(Any, Shelf(office)), services.llm)
        try:
            assert not services.has_language_model
            assert asked(answers, office).model == Extractive.name
            shutil.copy(built, folder)  # as a pull puts it there
            assert services.models.all(ANNA).models[0].file == "first.gguf"
            services.models.switch("first.gguf", ANNA)
            settled(services.models)
            assert services.has_language_model
            message = asked(answers, office)
            assert (message.model, message.state) == ("first", MessageState.DONE)
            model = cast(LanguageModel, services.llm)
            assert model.chat
            assert model.chat.facts().window == 8192
            assert model.ready() is None
            services.models.switch(None, ANNA)
            assert not services.has_language_model
            assert model.ready() is None
            assert asked(answers, office).model == Extractive.name
            assert not services.models.all(ANNA).wanted
            assert model_choice.is_none(folder, configured="")
            with pytest.raises(Conflict, match="answers already"):
                services.models.switch(None, ANNA)
        finally:
            answers.close()
            services.close()


def test_an_answer_on_its_way_is_finished_by_the_model_that_is_taken_away(
    built: Path, office: Office, tmp_path: Path
) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    model, script = Path(shutil.copy(built, folder)), parrot.long_script(400)
    with parrot.serve(model, shelf=folder) as (url, _):
        services = composition.build(settings_at(url, office.folder))
        chat = OpenAIChat(f"{url}/v1", parrot.KEY, "", own=True, temperature=0, max_tokens=1400)
        answers = Answers(office.conversations, cast(Any, Shelf(office)), chat)
        mia = office.principal("mia")
        generation = answers.ask(office.conversations.create("long", mia).id, f"say «{script}» now", mia)
        until(lambda: len(generation.snapshot().text) > 20)
        services.models.switch(None, ANNA)
        assert services.models.all(ANNA).loaded == ""
        until(lambda: generation.snapshot().done)
        assert office.conversations.message(generation.message_id, mia).text == script
        answers.close()
        services.close()


@pytest.mark.parametrize("beside", [True, False])
def test_a_first_model_that_can_not_be_loaded_leaves_none(beside: bool) -> None:
    def broken() -> Engine:
        raise InvalidInput("It is damaged.")

    models = ChatModels(None)
    models.begin("broken.gguf", broken, beside=beside)
    until(lambda: not ((change := models.change()) and change.under_way))
    change = models.change()
    assert change
    assert change.problem == "It is damaged."
    assert not models.now.wanted
    models.close()


def test_while_the_models_process_is_away_the_last_word_counts() -> None:
    away = OpenAIChat("http://127.0.0.1:9/v1", "k", "m", own=True)
    assert LanguageModel(away, Extractive(), expected=True).there
    assert not LanguageModel(away, Extractive(), expected=False).there
    assert not LanguageModel(None, Extractive()).there
    assert LanguageModel(OpenAIChat("http://127.0.0.1:9/v1", "k", "m"), Extractive()).there


# --- with processes of its own


@contextmanager
def models_process(folder: Path, port: int, **more: str) -> Iterator[None]:
    settings = {
        "DATA_DIR": str(folder),
        "LLM_THREADS": "1",
        "LLM_REPACK": "off",
        "MODELS_PORT": str(port),
        "PART_KEY": parrot.KEY,
        "EMBED_URL": "http://127.0.0.1:9/v1",
        "EMBED_API_KEY": "of somebody else",
        **more,
    }
    command = [sys.executable, "-m", "app.cli", "models", "serve"]
    process = subprocess.Popen(command, env={**os.environ, **settings}, stderr=subprocess.DEVNULL)
    try:
        until(lambda: process.poll() is None and _health(port) == 200)
        yield
    finally:
        process.kill()
        process.wait()


def _health(port: int) -> int:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/healthz", trust_env=False).status_code
    except httpx.TransportError:
        return 0


def test_the_command_chooses_the_first_model_and_the_choice_outlives_the_process(
    built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port, folder = free_port(), tmp_path / "data"
    (folder / "models").mkdir(parents=True)
    url = f"http://127.0.0.1:{port}"
    for name, value in {
        "DATA_DIR": str(folder),
        "PART_KEY": parrot.KEY,
        "EMBED_URL": f"{url}/v1",
        "EMBED_API_KEY": parrot.KEY,
    }.items():
        monkeypatch.setenv(name, value)

    def use(*words: str) -> Result:
        return CliRunner().invoke(app, ["models", "use", *words])

    def told() -> str:
        shown = CliRunner().invoke(app, ["doctor", "--json", "--only", "language model"])
        return str(json.loads(shown.stdout)[0]["found"])

    chat = OpenAIChat(f"{url}/v1", parrot.KEY, "", own=True)
    with models_process(folder, port):
        assert chat.has_model() is False
        assert told().startswith("None")
        shutil.copy(built, folder / "models")
        shown = use("first.gguf")
        assert shown.exit_code == 0, (shown.output, shown.exception)
        assert chat.has_model()
        assert "first at" in told()
    with models_process(folder, port):  # the supervisor starts it as it did at first
        assert chat.ready() is None
        assert use("--none").exit_code == 0
        assert chat.has_model() is False
    with models_process(folder, port, LLM_MODEL=str(folder / "models" / "first.gguf")):  # the setting was changed
        assert chat.has_model()
        assert use("--none").exit_code == 0
    with models_process(folder, port, LLM_MODEL=str(folder / "models" / "first.gguf")):
        assert chat.has_model() is False
    assert use().exit_code == 2
    assert use("first.gguf", "--none").exit_code == 2


def test_a_start_without_a_model_tells_every_part_where_one_would_be(built: Path, tmp_path: Path) -> None:
    settings, parts = plan(Settings(data_dir=tmp_path, _env_file=None))
    assert "models" in [part.name for part in parts]
    assert settings.own_models_url == settings.llm_url
    assert settings.llm_model == ""
    foreign, parts = plan(Settings(data_dir=tmp_path, embed_url="http://e/v1", _env_file=None))
    assert "models" in [part.name for part in parts]
    assert foreign.own_llm_url
    ours = Settings(data_dir=tmp_path, part_key="k", embed_url="http://m/v1", embed_api_key="k", _env_file=None)
    elsewhere, parts = plan(ours)  # our models process runs on another host
    assert "models" not in [part.name for part in parts]
    assert elsewhere.own_models_url == "http://m/v1"


def test_a_choice_of_none_and_adapters_are_no_model_to_start_with(built: Path, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, _env_file=None)
    settings.models_dir.mkdir()
    adapter(settings.models_dir / "legal.gguf", " contract")
    assert settings.local_model() is None
    model = Path(shutil.copy(built, settings.models_dir))
    os.utime(model, (1000, 1000))
    assert settings.local_model() == model
    model_choice.choose(settings.models_dir, None)
    assert settings.local_model() is None
    named = Settings(data_dir=tmp_path, llm_model=str(model), _env_file=None)
    assert named.local_model() == model  # as another setting than when none was chosen
    found = doctor.examine(settings, only=["language model"])[0]
    assert found.ok
    assert "word for word" in found.found
