"""Writes docs/settings.md, docs/commands.md and docs/api.md from the code: `python docs/build.py`, or `--check`.

The text of a row is the setting's description, the option's help or the first sentence of the route's docstring, so a
setting, option or route without a word of explanation fails the build too.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from pydantic import SecretStr
from typer.core import TyperGroup

from app import main
from app.api import rest
from app.cli import app
from app.settings import Settings

DOCS = Path(__file__).resolve().parent


def settings() -> str:
    rows = []
    for name, field in Settings.model_fields.items():
        default = field.default.get_secret_value() if isinstance(field.default, SecretStr) else field.default
        shown = "" if default in ("", None) else f"`{default}`"
        rows.append(f"| `{name.upper()}` | {shown} | {_explained(name, field.description)} |")
    head = (
        "Each is an environment variable, or a line `NAME=value` of a file `.env` in the folder where Footnote is "
        "started.\n\n| setting | default | what it does |\n|---|---|---|\n"
    )
    return _page("Settings", head + "\n".join(rows))


def commands() -> str:
    return _page("Commands", "\n".join(_command("footnote", typer.main.get_command(app))))


def _command(path: str, command: Any) -> Iterator[str]:
    if isinstance(command, TyperGroup):
        context = typer.Context(command)  # type: ignore[arg-type]  # its own copy of click
        for name in command.list_commands(context):
            yield from _command(f"{path} {name}", command.get_command(context, name))
        if not command.invoke_without_command:
            return
    yield f"## `{path}`\n\n{_explained(path, command.help)}\n"
    for parameter in command.params:
        if getattr(parameter, "hidden", False):
            continue
        is_argument = parameter.param_type_name == "argument"
        names = parameter.name.upper() if is_argument else ", ".join(parameter.opts + parameter.secondary_opts)
        yield f"- `{names}`: {_explained(f'{path} {names}', parameter.help)}"
    yield ""


def api() -> str:
    rows = []
    for route in rest.routes():
        (method,) = sorted((route.methods or set()) - {"HEAD"})
        rows.append(f"| `{method}` | `/api{route.path}` | {_explained(route.path, route.endpoint.__doc__)} |")
    head = (
        "Every route wants a sign-in (the cookie that `/login` sets) and answers with the rights of its account. "
        'Errors have one shape: `{"error": {"code": ..., "message": ...}}`. `/healthz` answers without a sign-in and '
        "says nothing but that it lives.\n\n| method | route | what it does |\n|---|---|---|\n"
    )
    return _page("API", head + "\n".join(rows))


PAGES = {"settings.md": settings, "commands.md": commands, "api.md": api}


def stale() -> list[str]:
    """The pages that do not say what the code says."""
    return [name for name, make in PAGES.items() if not _same(DOCS / name, make())]


def _same(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


def _page(title: str, body: str) -> str:
    return f"# {title}\n\n<!-- written by docs/build.py -->\n\n{body.rstrip()}\n"


def _explained(what: str, text: Any) -> str:
    if not text:
        raise SystemExit(f"{what} has no description.")
    return " ".join(str(text).split("\n\n")[0].split()).replace("|", "\\|")


if __name__ == "__main__":
    assert main.UI.is_dir()
    if "--check" in sys.argv:
        if old := stale():
            sys.exit(f"Out of date: {', '.join(old)}. Run python docs/build.py.")
    else:
        for name, make in PAGES.items():
            (DOCS / name).write_text(make(), encoding="utf-8")
