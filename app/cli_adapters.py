"""`footnote models adapters` and `footnote models adapt`: LoRA adapters, and which documents they are used for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from app import supervisor
from app.commands import OPERATOR, AsJson
from app.settings import load
from storage.database import Database

if TYPE_CHECKING:
    from app.adapter_choice import Adapters

console = Console(stderr=True)


def adapters(as_json: AsJson = False) -> None:
    """List the LoRA adapters that are here, the models that each fits, and what each is used for."""
    from app.model_words import adapter_lines

    with _opened() as opened:
        files, uses = opened.files(OPERATOR), opened.uses(OPERATOR)
    if as_json:
        print(json.dumps({"adapters": [asdict(one) for one in files], "uses": [asdict(one) for one in uses]}))
        return
    for line in adapter_lines(files, uses):
        print(line)


def adapt(
    file: Annotated[str, typer.Argument(help="A file of `footnote models adapters`.")] = "",
    group: Annotated[str, typer.Option(help="For what the members of this group may read as such.")] = "",
    source: Annotated[str, typer.Option(help="For what came from this source.")] = "",
    none: Annotated[bool, typer.Option("--none", help="Use none for it from now on.")] = False,
) -> None:
    """Use a LoRA adapter for answers from the documents of a group or of a source, from the next answer on."""
    if none == bool(file) or bool(group) == bool(source):
        raise typer.BadParameter("Name one file or give --none, with one of --group and --source.")
    with _opened() as opened:
        opened.choose("group" if group else "source", group or source, file or None, OPERATOR)
    console.print(f"{file or 'No adapter'} is used for {group or source} from the next answer on.", markup=False)


@contextmanager
def _opened() -> Iterator[Adapters]:
    from app.adapter_choice import Adapters
    from app.models_client import ModelsClient
    from storage.adapter_uses import AdapterUses

    settings = load()
    reachable = supervisor.attached(settings) or settings
    with closing(Database(reachable.sql_url)) as database:
        database.migrate()
        yield Adapters(ModelsClient(reachable, database), AdapterUses(database))
