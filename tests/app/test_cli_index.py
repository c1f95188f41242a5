"""`footnote index move` from a data folder to another index process."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from app import supervisor
from app.cli import app
from app.settings import load
from storage.access import EVERYONE
from storage.errors import Conflict, InvalidInput
from storage.index import Index
from tests.contracts.index_contract import DIMENSIONS, KEY, TOM, IndexProcess, direction, point


def call(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["index", "move", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_what_the_data_folder_holds_is_found_at_the_other_address(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATA_DIR", str(data_dir))
    (tmp_path / "key").write_text(KEY + "\n")
    with supervisor.running(load(), "index") as own:
        kept = Index(own.qdrant_url, own.qdrant_api_key.get_secret_value())
        kept.prepare("first", DIMENSIONS)
        kept.upsert([point(direction(1))], [EVERYONE])
        kept.close()
    with IndexProcess(tmp_path / "server") as server:
        said = call("--to", server.url, "--key-file", str(tmp_path / "key"))
        assert said.startswith(f"1 passages are at {server.url}. Set QDRANT_URL")
        assert len(Index(server.url, KEY).search(direction(1), None, TOM, limit=5)) == 1


def test_it_is_refused_while_another_command_works_and_to_where_the_index_is_already(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATA_DIR", str(data_dir))
    with pytest.raises(InvalidInput, match="can't be read"):
        call("--to", "http://127.0.0.1:9", "--key-file", "/nowhere")
    with supervisor.running(load(), "index"), pytest.raises(Conflict, match="holds this data folder"):
        call("--to", "http://127.0.0.1:9")
    monkeypatch.setenv("QDRANT_URL", "http://127.0.0.1:9/")
    with pytest.raises(InvalidInput, match="already"):
        call("--to", "http://127.0.0.1:9")
