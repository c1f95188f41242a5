"""What commands have in common: how they are found, the services with the parts they need, whose rights they use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from app import log, supervisor
from app.settings import load
from storage.types import Principal, Role

if TYPE_CHECKING:
    from app.services import Services

OPERATOR = Principal("operator", "operator", Role.ADMIN)  # who can run commands on the data folder can read it anyway
AsUser = Annotated[str, typer.Option("--as", help="Act with the rights of this account.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


class Later(TyperGroup):
    """A group whose commands are imported when they are asked for: each part of Footnote is a process that runs one.

    `modules`: "module:attribute", a function or a group, by the name of the command. Help imports them all.
    """

    modules: Mapping[str, str] = MappingProxyType({})

    def list_commands(self, ctx: Any) -> list[str]:
        return [*super().list_commands(ctx), *self.modules]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in self.modules:
            return super().get_command(ctx, cmd_name)
        module, _, attribute = self.modules[cmd_name].partition(":")
        found = getattr(import_module(module), attribute)
        if not isinstance(found, typer.Typer):
            function, found = found, typer.Typer(add_completion=False)
            found.command(cmd_name)(function)
        command = typer.main.get_command(found)
        command.name = cmd_name
        return command


@contextmanager
def open_services(*parts: str) -> Iterator[Services]:
    """The services of a command, with the parts that it needs running for so long."""
    from app import services

    settings = load()
    log.configure(part="footnote", style=settings.log_format, level="warning")
    with supervisor.running(settings, *parts) as reachable:
        built = services.build(reachable)
        try:
            yield built
        finally:
            built.close()
