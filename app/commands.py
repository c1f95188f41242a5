"""What commands that ask have in common: the services, with the parts they need running, and whose rights they use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from app import log, supervisor
from app.settings import load
from storage.types import Principal, Role

if TYPE_CHECKING:
    from app.services import Services

OPERATOR = Principal("operator", "operator", Role.ADMIN)  # who can run commands on the data folder can read it anyway
AsUser = Annotated[str, typer.Option("--as", help="Act with the rights of this account.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


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
