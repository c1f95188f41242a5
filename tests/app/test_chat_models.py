"""Changing the language model while it answers, over real HTTP and with real model files."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from app import model_choice, model_shelf
from app.chat_models import ChatModels
from app.llm import OpenAIChat
from app.llm_engine import Engine
from app.model_list import Models
from app.models_client import ModelsClient
from app.prompt import Prompt
from app.settings import Settings
from storage.audit import newest
from storage.errors import Conflict, Forbidden, InvalidInput, NotFound, Unavailable
from storage.types import Principal, Role
from tests import parrot
from tests.office import Office
from tests.patience import PATIENCE, until

LONG = f"say «{parrot.long_script(1200)}» now"
ANNA, MIA = Principal("anna", "anna", Role.ADMIN), Principal("mia", "mia", Role.MEMBER)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return parrot.build(tmp_path_factory.mktemp("model") / "first.gguf")


@pytest.fixture
def shelf(built: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "models"
    folder.mkdir()
    for name in ("first", "second"):
        shutil.copy(built, folder / f"{name}.gguf")
    (folder / "broken.gguf").write_bytes(built.read_bytes()[:5000])
    return folder


@pytest.fixture
def server(shelf: Path) -> Iterator[str]:
    with parrot.serve(shelf / "first.gguf", shelf=shelf) as (url, _):
        yield url


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    (tmp_path / "office").mkdir()
    office = Office(tmp_path / "office")
    yield office
    office.close()


@pytest.fixture
def client(server: str, office: Office) -> ModelsClient:
    settings = Settings(
        data_dir=office.folder, part_key=parrot.KEY, llm_url=f"{server}/v1", llm_api_key=parrot.KEY, _env_file=None
    )
    return ModelsClient(settings, office.database)


def settled(client: ModelsClient) -> Models:
    until(lambda: not ((change := client.all(ANNA).change) and change.under_way), lambda: client.all(ANNA))
    return client.all(ANNA)


def ask(url: str, text: str, **more: object) -> httpx.Response:
    body = {"messages": [{"role": "user", "content": text}], "temperature": 0, "max_tokens": 3000, **more}
    headers = {"Authorization": f"Bearer {parrot.KEY}"}
    return httpx.post(f"{url}/v1/chat/completions", json=body, headers=headers, timeout=60, trust_env=False)


def test_a_change_takes_over_and_answers_on_their_way_end(
    server: str, client: ModelsClient, shelf: Path, office: Office
) -> None:
    answers: list[httpx.Response] = []
    running = threading.Thread(target=lambda: answers.append(ask(server, LONG)))
    running.start()
    until(lambda: client.all(ANNA).figures.get("running"))
    client.switch("second.gguf", ANNA)
    models = settled(client)
    assert (models.loaded, models.reason) == ("second.gguf", "")
    assert ask(server, "say «refund days» now").json()["model"] == "second"
    running.join(60)
    assert answers[0].json()["choices"][0]["finish_reason"] == "stop"
    assert answers[0].json()["model"] == "first"
    assert model_choice.chosen(shelf, configured=None) == shelf / "second.gguf"
    event = newest(office.database)[0]
    assert (event.who, event.action, event.subject) == ("anna", "switch model", "second.gguf")


def test_without_room_for_both_the_old_one_finishes_first(
    server: str, client: ModelsClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_shelf.machine, "fits_beside", lambda *_: False)
    answers: list[httpx.Response] = []
    running = threading.Thread(target=lambda: answers.append(ask(server, LONG)))
    running.start()
    until(lambda: client.all(ANNA).figures.get("running"))
    client.switch("second.gguf", ANNA)
    waiting = ask(server, "say «refund» now")
    assert waiting.status_code == 503
    assert "being changed for second.gguf" in waiting.json()["error"]["message"]
    assert settled(client).loaded == "second.gguf"
    running.join(60)
    assert answers[0].json()["choices"][0]["finish_reason"] == "stop"


@pytest.mark.parametrize("beside", [True, False])
def test_a_model_that_can_not_be_loaded_leaves_the_old_one(built: Path, beside: bool) -> None:
    def broken() -> Engine:
        raise InvalidInput("It is damaged.")

    models = ChatModels(lambda: Engine(built, slots=2, threads=1))
    models.now.load()
    models.begin("broken.gguf", broken, beside=beside)
    until(lambda: (change := models.change()) and not change.under_way)
    assert (change := models.change())
    assert change.problem == "It is damaged."
    with models.engine() as engine:
        assert engine.name == "first"
        assert engine.tokenize("refund")
    models.close()


def test_an_answer_that_takes_too_long_is_told(built: Path) -> None:
    from tests.app.test_llm_engine import PATIENT, Listener

    models = ChatModels(lambda: Engine(built, slots=2, threads=1), patience=0.0)
    models.now.load()
    with models.engine() as engine:
        listener = Listener(engine, LONG, sampling=PATIENT)
        listener.first_word()
    models.begin("again.gguf", lambda: Engine(built, slots=2, threads=1), beside=True)
    assert "being stopped" in str(listener.failure().error)
    models.close()


def test_what_all_prompts_begin_with_is_read_by_the_new_model_too(built: Path) -> None:
    models = ChatModels(lambda: Engine(built, slots=2, threads=1))
    models.now.load()
    models.warm([{"role": "system", "content": "You answer the questions of colleagues from their documents only."}])
    models.begin("again.gguf", lambda: Engine(built, slots=2, threads=1), beside=True)
    until(lambda: (change := models.change()) and not change.under_way and _read(models))
    assert (change := models.change())
    assert not change.problem
    models.close()


def _read(models: ChatModels) -> float:
    with models.engine() as engine:
        return engine.figures()["prompt_tokens"]


def test_one_change_at_a_time(built: Path) -> None:
    go_on = threading.Event()

    def slow() -> Engine:
        assert go_on.wait(PATIENCE)
        return Engine(built, slots=2, threads=1)

    models = ChatModels(slow)
    models.start()
    with pytest.raises(Conflict, match="being loaded"):
        models.begin("second.gguf", slow, beside=True)
    go_on.set()
    until(lambda: not models.reason())
    models.close()


def test_every_file_is_listed_with_what_is_wrong_with_it(client: ModelsClient) -> None:
    models = client.all(ANNA)
    known = {entry.file: entry for entry in models.models}
    assert set(known) == {"broken.gguf", "first.gguf", "second.gguf"}
    assert "cut off" in known["broken.gguf"].problem
    assert known["first.gguf"].wait > 0
    assert not known["first.gguf"].measured
    assert (models.loaded, models.context) == ("first.gguf", 8192)


def test_what_can_not_be_used_is_refused_at_once(client: ModelsClient) -> None:
    with pytest.raises(InvalidInput, match="cut off"):
        client.switch("broken.gguf", ANNA)
    with pytest.raises(NotFound, match="no model file"):
        client.switch("../../etc/passwd", ANNA)
    with pytest.raises(Conflict, match="answers already"):
        client.switch("first.gguf", ANNA)
    assert client.all(ANNA).loaded == "first.gguf"


def test_files_are_checked_on_demand(client: ModelsClient, shelf: Path) -> None:
    assert "not known" in client.verify("first.gguf", ANNA)
    record = {"repo": "r", "file": "first.gguf", "commit": "c", "sha256": "0" * 64, "size": 1, "pulled": "today"}
    (shelf / "first.gguf.json").write_text(json.dumps(record))
    with pytest.raises(InvalidInput, match="changed since it was pulled"):
        client.verify("first.gguf", ANNA)


def test_only_admins_may(client: ModelsClient) -> None:
    for action in (
        lambda: client.all(MIA),
        lambda: client.switch("second.gguf", MIA),
        lambda: client.verify("first.gguf", MIA),
    ):
        with pytest.raises(Forbidden):
            action()


def test_the_routes_want_the_key(server: str) -> None:
    assert httpx.get(f"{server}/manage/models", trust_env=False).status_code == 401
    assert httpx.post(f"{server}/manage/models/switch", json={}, trust_env=False).status_code == 401


def test_a_foreign_server_manages_its_models_itself(office: Office) -> None:
    settings = Settings(data_dir=office.folder, llm_url="http://llm/v1", _env_file=None)
    with pytest.raises(InvalidInput, match="server of its own"):
        ModelsClient(settings, office.database).all(ANNA)


def test_a_process_that_is_away_says_so(office: Office) -> None:
    url = "http://127.0.0.1:9/v1"
    settings = Settings(
        data_dir=office.folder, part_key=parrot.KEY, llm_url=url, llm_api_key=parrot.KEY, _env_file=None
    )
    with pytest.raises(Unavailable, match="does not answer"):
        ModelsClient(settings, office.database).all(ANNA)


def test_answers_carry_the_name_of_the_model_that_wrote_them(server: str, client: ModelsClient) -> None:
    chat = OpenAIChat(f"{server}/v1", parrot.KEY, "first", own=True)
    list(chat.stream(Prompt(question="say «refund» now"), threading.Event()))
    assert chat.name == "first"
    client.switch("second.gguf", ANNA)
    settled(client)
    list(chat.stream(Prompt(question="say «refund» now"), threading.Event()))
    assert chat.name == "second"


def test_a_choice_holds_until_the_setting_is_changed(shelf: Path, tmp_path: Path) -> None:
    def settings(**more: str) -> Settings:
        return Settings(data_dir=tmp_path, _env_file=None, **more)

    first, second = shelf / "first.gguf", shelf / "second.gguf"
    model_choice.begin(shelf, str(first))
    assert settings(llm_model=str(first)).local_model() == first
    model_choice.choose(shelf, second)
    assert settings(llm_model=str(first)).local_model() == second
    model_choice.begin(shelf, str(first))  # a restart
    assert settings(llm_model=str(first)).local_model() == second
    third = shutil.copy(first, shelf / "third.gguf")
    assert settings(llm_model=str(third)).local_model() == third
    model_choice.begin(shelf, str(third))
    assert model_choice.chosen(shelf, configured=None) is None
    model_choice.choose(shelf, second)
    second.unlink()
    assert settings(llm_model=str(third)).local_model() == third
