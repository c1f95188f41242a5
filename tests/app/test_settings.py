"""Settings: where they come from, what is refused, and the key between the parts."""

from __future__ import annotations

import multiprocessing
import os
import stat
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest
from pydantic import SecretStr

from app.settings import Settings, child_environment, load
from storage.errors import InvalidInput

SECRETS = sorted(name for name, field in Settings.model_fields.items() if field.annotation is SecretStr)


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def key_of(folder: str) -> str:
    return Settings(data_dir=Path(folder)).key()


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_says_what_it_is(name: str) -> None:
    assert len(Settings.model_fields[name].description or "") > 10


def test_without_any_setting_everything_is_on_this_machine_alone(in_an_empty_folder: Path) -> None:
    settings = load()
    assert settings.host == "127.0.0.1"
    assert settings.data_dir == in_an_empty_folder / "data"
    assert settings.sql_url == f"sqlite:///{in_an_empty_folder}/data/footnote.db"
    assert settings.jobs_url == f"sqlite:///{in_an_empty_folder}/data/jobs.db"
    assert settings.local_model() is None
    assert stat.S_IMODE(settings.data_dir.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "http"),
        ("PORT", "0"),
        ("PORT", "70000"),
        ("WORKER_JOBS", "0"),
        ("WORKER_JOBS", "2.5"),
        ("UPLOAD_MAX_MB", "-1"),
        ("SESSION_HOURS", "0"),
        ("SESSION_HOURS", "nan"),
        ("SESSION_HOURS", "inf"),
        ("LOG_FORMAT", "xml"),
        ("LOG_LEVEL", "loud"),
        ("COOKIE_SECURE", "perhaps"),
        ("LLM_TEMPERATURE", "hot"),
    ],
)
def test_a_value_that_can_not_be_taken_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(InvalidInput, match=name):
        load()


def test_all_wrong_values_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "x")
    monkeypatch.setenv("WORKER_JOBS", "x")
    with pytest.raises(InvalidInput, match=r"PORT.*WORKER_JOBS"):
        load()


def test_a_data_folder_that_can_not_be_made_is_refused_by_name(in_an_empty_folder: Path) -> None:
    (in_an_empty_folder / "file").write_text("")
    with pytest.raises(InvalidInput, match="DATA_DIR"):
        load(data_dir=in_an_empty_folder / "file" / "data")


def test_the_environment_counts_before_the_file_and_empty_means_unset(
    monkeypatch: pytest.MonkeyPatch, in_an_empty_folder: Path
) -> None:
    (in_an_empty_folder / ".env").write_text("PORT=9001\nWORKER_JOBS=5\nHOST=0.0.0.0\nSOMETHING_ELSE=1\n")
    monkeypatch.setenv("WORKER_JOBS", "7")
    monkeypatch.setenv("HOST", "")
    settings = load()
    assert (settings.port, settings.worker_jobs, settings.host) == (9001, 7, "0.0.0.0")


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_is_never_printed(name: str) -> None:
    settings = Settings(**{name: "hunter2-hunter2"})  # type: ignore[arg-type]
    assert "hunter2" not in f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"


def test_every_setting_that_holds_a_key_or_token_is_a_secret() -> None:
    assert {name for name in Settings.model_fields if name.endswith(("_key", "_token"))} == set(SECRETS)


def test_settings_go_to_another_process_and_come_back_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(port=9002, part_key=SecretStr("k"), cookie_secure=True, session_hours=1.5)
    environment = child_environment(**settings.as_environment())
    for name in Settings.model_fields:
        monkeypatch.setenv(name.upper(), environment.get(name.upper(), ""))
    assert Settings() == settings
    assert settings.updated({"port": "9003"}) == settings.model_copy(update={"port": 9003})
    with pytest.raises(ValueError, match="port"):
        settings.updated({"port": "x"})


def test_the_key_is_made_once_for_this_user_alone(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    key = settings.key()
    assert len(key) >= 40
    assert settings.key() == key_of(str(tmp_path)) == key
    assert stat.S_IMODE((tmp_path / "part.key").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.glob("part*")] == ["part.key"]
    assert Settings(data_dir=tmp_path, part_key=SecretStr("given")).key() == "given"


def test_processes_that_need_the_key_first_at_once_share_one(tmp_path: Path) -> None:
    folders = [tmp_path / str(number) for number in range(20)]
    for folder in folders:
        folder.mkdir()
    with ProcessPoolExecutor(3, mp_context=multiprocessing.get_context("spawn")) as pool:
        for folder in folders:
            keys = set(pool.map(key_of, [str(folder)] * 6))
            assert len(keys) == 1
            assert len(keys.pop()) >= 40


def test_a_model_that_is_not_there_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="LLM_MODEL"):
        Settings(data_dir=tmp_path, llm_model=str(tmp_path / "none.gguf")).local_model()


def test_the_model_is_the_one_named_or_else_the_one_pulled_last(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    settings.models_dir.mkdir()
    for age, name in enumerate(["new.gguf", "old.gguf"]):
        path = settings.models_dir / name
        path.write_bytes(b"GGUF")
        os.utime(path, (1000 - age, 1000 - age))
    assert settings.local_model() == settings.models_dir / "new.gguf"
    named = Settings(data_dir=tmp_path, llm_model=str(settings.models_dir / "old.gguf"))
    assert named.local_model() == settings.models_dir / "old.gguf"
    assert Settings(data_dir=tmp_path, llm_url="http://x/v1").local_model() is None


@pytest.mark.parametrize(
    ("host", "secure", "sent_over_https_only"),
    [("127.0.0.1", None, False), ("::1", None, False), ("0.0.0.0", None, True), ("0.0.0.0", False, False)]
    + [("127.0.0.1", True, True), ("intranet", None, True)],
)
def test_the_cookie_needs_https_unless_the_app_is_on_this_machine_alone(
    host: str, secure: bool | None, sent_over_https_only: bool
) -> None:
    assert Settings(host=host, cookie_secure=secure).secure_cookie is sent_over_https_only
