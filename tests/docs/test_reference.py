"""What the documentation lists is what the code has."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from app.settings import Settings

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def build() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_build", ROOT / "docs" / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_setting_option_and_route_is_documented_as_it_is(build: ModuleType) -> None:
    assert build.stale() == []


def test_every_setting_has_its_row(build: ModuleType) -> None:
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert [name for name in Settings.model_fields if f"| `{name.upper()}` |" not in page] == []


def test_compose_uses_only_settings_that_exist() -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    known = {name.upper() for name in Settings.model_fields}
    for name in ("web", "worker", "models"):
        given = set(compose["services"][name]["environment"])
        assert given <= known, f"{name}: {given - known}"


def test_compose_runs_every_part_that_serve_runs_or_replaces_it_by_a_url() -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    services = compose["services"]
    assert set(services) == {"web", "worker", "models", "postgres", "qdrant"}
    for name, service in services.items():
        assert "healthcheck" in service, name
    environment = services["web"]["environment"]
    assert environment["QDRANT_URL"] == "http://qdrant:6333"
    assert environment["EMBED_URL"] == f"http://models:{services['models']['environment']['MODELS_PORT']}/v1"
    assert "@postgres/" in environment["DATABASE_URL"]
    assert services["web"]["ports"] == [f"${{PORT:-8080}}:{environment['PORT']}"]


def test_compose_and_the_image_run_commands_that_exist(build: ModuleType) -> None:
    pages = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    commands = [service["command"] for service in compose["services"].values() if "command" in service]
    commands.append(re.findall(r'"([^"]+)"', re.findall(r"^CMD (.*)$", _dockerfile(), re.MULTILINE)[-1]))
    for command in commands:
        assert f"## `{' '.join(command)}`" in pages


def test_the_image_installs_the_torch_that_the_set_up_installs() -> None:
    setup = (ROOT / "scripts" / "environment.py").read_text(encoding="utf-8")
    (version,) = re.findall(r'TORCH = "(torch==[\d.]+)"', setup)
    assert version in _dockerfile()


def test_the_changelog_begins_with_this_version() -> None:
    version = re.findall(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)[0]
    newest = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)[0]
    assert newest == version


def _dockerfile() -> str:
    return (ROOT / "Dockerfile").read_text(encoding="utf-8")
