"""`footnote models` on a data folder where nothing runs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from app import model_choice
from app.cli import app
from storage.errors import InvalidInput, NotFound
from tests import parrot


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    models = tmp_path / "models"
    models.mkdir()
    shutil.copy(parrot.build(tmp_path / "parrot.gguf"), models / "first.gguf")
    (models / "broken.gguf").write_bytes(b"GGUF and nothing else")
    return models


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["models", *words])


def test_what_is_here_and_what_can_be_pulled_is_listed(folder: Path) -> None:
    shown = run("list")
    assert shown.exit_code == 0, shown.output
    assert "first.gguf" in shown.output
    assert "is no whole GGUF file" in shown.output
    assert "llama-3-8b-instruct" in shown.output
    listed = json.loads(run("list", "--json").output)
    assert {one["file"] for one in listed["here"]} == {"first.gguf", "broken.gguf"}
    assert listed["known"][0]["here"] is False


def test_a_model_is_recommended_for_this_machine(folder: Path) -> None:
    advice = json.loads(run("recommend", "--json").output)
    assert "GB/s" in advice["machine"]
    assert all(row["wait"] > 0 for row in advice["models"])
    assert "Estimated wait" in run("recommend").output


def test_verify_names_what_is_broken_and_fails(folder: Path) -> None:
    shown = run("verify")
    assert shown.exit_code == 1
    assert "ok      first.gguf" in shown.output
    assert "broken  broken.gguf" in shown.output


def test_a_choice_without_a_running_footnote_is_for_the_next_start(folder: Path) -> None:
    assert run("use", "first.gguf").exit_code == 0
    assert model_choice.chosen(folder, configured="") == folder / "first.gguf"
    assert isinstance(run("use", "broken.gguf").exception, InvalidInput)
    assert isinstance(run("use", "nothing.gguf").exception, NotFound)
    assert run("use", "--none").exit_code == 0
    assert model_choice.is_none(folder, configured="")
