"""Set up .venv in the project's folder: what `./start` and `./test` do first. Standard library only.

Doing it again costs nothing while pyproject.toml and constraints.txt stay the same.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
TORCH = "torch==2.13.0"
TORCH_CPU_INDEX = "https://download.pytorch.org/whl/cpu"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dev", action="store_true", help="also what the tests and checks need")
    parser.add_argument("--no-llama", action="store_true", help="leave llama.cpp out, which takes minutes to build")
    options = parser.parse_args()
    if not (3, 11) <= sys.version_info[:2] <= (3, 13):
        sys.exit(f"Footnote needs Python 3.11, 3.12 or 3.13; this is {platform.python_version()}.")
    llama = not options.no_llama and has_compiler()
    wanted = fingerprint(dev=options.dev, llama=llama)
    stamp = VENV / "footnote.json"
    if done(stamp, wanted):
        return
    if not PYTHON.exists():
        run("Creating the environment in .venv", sys.executable, "-m", "venv", str(VENV))
        run("Updating pip", *pip("install", "--upgrade", "pip"))
    install_torch()
    extras = ["dev", "postgres", "ocr"] if options.dev else [] if shutil.which("tesseract") else ["ocr"]
    target = f".[{','.join(extras)}]" if extras else "."
    run("Installing Footnote (a minute or two)", *pip("install", "-c", "constraints.txt", "-e", target))
    if llama:
        install_llama()
    elif not options.no_llama:
        say("There is no C++ compiler, so llama.cpp is left out: answers quote the documents, word for word.")
        say("For a language model install one (Debian: apt install g++; macOS: xcode-select --install), start again.")
    stamp.write_text(json.dumps(wanted))


def install_torch() -> None:
    """A CPU build where there is no NVIDIA GPU: the usual Linux build brings gigabytes of CUDA."""
    if subprocess.run([str(PYTHON), "-c", "import torch"], capture_output=True).returncode == 0:
        return
    if platform.system() != "Linux" or shutil.which("nvidia-smi"):
        run("Installing PyTorch", *pip("install", TORCH))
        return
    if resolves_to_cpu_build():
        run("Installing PyTorch for the CPU", *pip("install", TORCH))
        return
    quick = ("--index-url", TORCH_CPU_INDEX, "--timeout", "15", "--retries", "1")
    if attempt("Installing PyTorch for the CPU (about 200 MB)", *pip("install", TORCH, *quick)):
        return
    say(f"PyTorch's CPU builds at {TORCH_CPU_INDEX} can't be reached.")
    run("Installing the usual build of PyTorch instead (several GB)", *pip("install", TORCH))


def resolves_to_cpu_build() -> bool:
    """Whether pip as set up here (a mirror, a folder of wheels) already finds a CPU build."""
    report = subprocess.run(
        pip("install", "--dry-run", "--quiet", "--no-deps", "--report", "-", TORCH), capture_output=True, text=True
    )
    try:
        found = json.loads(report.stdout)["install"]
        return any(item["metadata"]["version"].endswith("+cpu") for item in found)
    except (ValueError, KeyError):
        return False


def install_llama() -> None:
    command = pip("install", "-c", "constraints.txt", "-e", ".[llama]")
    if not attempt("Building llama.cpp (about 4 minutes on two cores, once)", *command):
        say("llama.cpp could not be built, so no language model can be loaded on this machine.")
        say("Answers quote the documents, word for word. The output above says what was missing.")


def has_compiler() -> bool:
    return any(shutil.which(name) for name in (os.environ.get("CXX") or "c++", "g++", "clang++"))


def pip(*arguments: str) -> list[str]:
    return [str(PYTHON), "-m", "pip", "--disable-pip-version-check", *arguments]


def fingerprint(*, dev: bool, llama: bool) -> dict[str, object]:
    texts = [(ROOT / name).read_bytes() for name in ("pyproject.toml", "constraints.txt")]
    return {"files": hashlib.sha256(b"\0".join(texts)).hexdigest(), "dev": dev, "llama": llama}


def done(stamp: Path, wanted: dict[str, object]) -> bool:
    try:
        known = json.loads(stamp.read_text())
    except (OSError, ValueError):
        return False
    same = known["files"] == wanted["files"]
    return same and known["dev"] >= wanted["dev"] and known["llama"] >= wanted["llama"]


def run(what: str, *command: str) -> None:
    """Run a step that must succeed; once more if it fails, as a registry may miss one request of hundreds."""
    if not attempt(what, *command) and not attempt(f"{what}, once more", *command):
        sys.exit(f"{what}: failed. The output above says why.")


def attempt(what: str, *command: str) -> bool:
    """Run a slow step with its name, its time and, when it fails, its output."""
    started = time.monotonic()
    show = sys.stdout.isatty()
    say(f"{what} ...")
    lines = []
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            if show:
                print(f"\r  {time.monotonic() - started:4.0f} s  {line.strip()[:100]:<100}", end="", flush=True)
    failed = process.returncode != 0
    if show:
        print("\r" + " " * 112 + "\r", end="")
    say(f"  {'failed' if failed else 'done'} after {time.monotonic() - started:.0f} s")
    if failed:
        print("".join(lines[-40:]))
    return not failed


def say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    main()
