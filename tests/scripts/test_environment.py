"""The set-up script, as far as it can be tried without installing anything."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path
from types import ModuleType

import pytest
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def environment() -> ModuleType:
    spec = importlib.util.spec_from_file_location("environment", ROOT / "scripts" / "environment.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_set_up_environment_is_left_alone_until_what_it_was_made_from_changes(
    environment: ModuleType, tmp_path: Path
) -> None:
    stamp = tmp_path / "footnote.json"
    small = environment.fingerprint(dev=False, llama=False)
    full = environment.fingerprint(dev=True, llama=True)
    assert not environment.done(stamp, small)
    stamp.write_text(json.dumps(full))
    assert environment.done(stamp, full)
    assert environment.done(stamp, small)
    stamp.write_text(json.dumps(small))
    assert not environment.done(stamp, full)
    stamp.write_text(json.dumps({**full, "files": "of another version"}))
    assert not environment.done(stamp, full)
    stamp.write_text("{half a")
    assert not environment.done(stamp, full)


@pytest.mark.parametrize("python", ["3.11.0", "3.12.0", "3.13.0"])
def test_what_is_pinned_installs_on_the_first_release_of_every_python(python: str) -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pinned = {canonicalize_name(line.split("==")[0]) for line in lines}
    wanted = {
        each.name: each.metadata.get("Requires-Python", "")
        for each in distributions()
        if canonicalize_name(each.name) in pinned
    }
    assert len(wanted) > 100
    assert [name for name, accepted in wanted.items() if not SpecifierSet(accepted).contains(python)] == []


def test_a_machine_without_a_compiler_is_seen(
    environment: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not environment.has_compiler()
    compiler = tmp_path / "g++"
    compiler.write_text("#!/bin/sh\n")
    compiler.chmod(0o755)
    assert environment.has_compiler()


def test_a_step_that_fails_says_so_and_shows_its_output(
    environment: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    assert environment.attempt("Trying", sys.executable, "-c", "print('all is well')")
    assert "all is well" not in capsys.readouterr().out
    with pytest.raises(SystemExit, match="Trying: failed"):
        environment.run("Trying", sys.executable, "-c", "import sys; print('what was missing'); sys.exit(1)")
    assert "what was missing" in capsys.readouterr().out


def test_a_step_that_fails_once_does_not_stop_the_set_up(
    environment: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tried = tmp_path / "tried"
    script = "import pathlib, sys; p = pathlib.Path(sys.argv[1]); seen = p.exists(); p.touch(); sys.exit(not seen)"
    environment.run("Fetching", sys.executable, "-c", script, str(tried))
    assert "Fetching, once more" in capsys.readouterr().out


def test_the_shell_script_finds_a_python_that_is_young_enough(tmp_path: Path) -> None:
    for name, code in (("python3", 1), ("python3.12", 0)):
        fake = tmp_path / name
        fake.write_text(f'#!/bin/sh\n[ "$1" = -c ] && exit {code}\necho "{name} $*"\n')
        fake.chmod(0o755)
    script = ["/bin/sh", str(ROOT / "scripts" / "python"), "setup.py"]
    found = subprocess.run(script, env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=True)
    assert found.stdout == "python3.12 setup.py\n"
    (tmp_path / "python3.12").unlink()
    missing = subprocess.run(script, env={"PATH": str(tmp_path)}, capture_output=True, text=True)
    assert missing.returncode == 1
    assert "3.11, 3.12 or 3.13" in missing.stderr
