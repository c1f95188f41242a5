"""`footnote sync`: the places that documents come from, and bringing the documents in line with them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.commands import OPERATOR, AsJson, open_services
from app.places import in_words, new_source
from app.settings import load
from storage.database import Database
from storage.errors import InvalidInput
from storage.sources import SourceInfo, Sources, Sync, SyncState
from storage.types import Readers
from storage.users import Users

if TYPE_CHECKING:
    from app.services import Services

sync = typer.Typer(help="Sources: folders and services that documents come from.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="The source's name.")]
PATIENCE = 0.3


@sync.command()
def add(
    name: Name,
    location: Annotated[str, typer.Argument(help="A folder's path or URL, or the class of a LlamaHub reader.")],
    include: Annotated[list[str] | None, typer.Option(help="Take these files alone: *.pdf, legal/**.")] = None,
    exclude: Annotated[list[str] | None, typer.Option(help="Leave these out: drafts/.")] = None,
    readers: Annotated[
        str, typer.Option(help="'everyone', 'admins', or names of groups, parted by commas.")
    ] = "admins",
    every: Annotated[str, typer.Option(help="Run by itself so often: 30m, 1h, 1d.")] = "",
    keep_deleted: Annotated[bool, typer.Option(help="Keep the documents of files that are gone.")] = False,
    options: Annotated[
        Path | None,
        typer.Option(help="A JSON file: fsspec's storage_options, or the reader's arguments.", exists=True),
    ] = None,
) -> None:
    """Add a source. Nothing is read before it runs."""
    given = _options(options)
    with _stores() as (sources, users):
        new = new_source(
            name,
            location,
            _readers(readers, users),
            include=include or (),
            exclude=exclude or (),
            options=given,
            keep_deleted=keep_deleted,
            every=every,
        )
        sources.add(new, OPERATOR)


@sync.command("list")
def list_sources(as_json: AsJson = False) -> None:
    """List every source with its last run. Options are never shown: they may hold credentials."""
    with _stores() as (sources, _):
        found = sources.find(OPERATOR)
    if as_json:
        print(json.dumps([asdict(source) for source in found], default=_plain, ensure_ascii=False, indent=2))
        return
    for source in found:
        print(f"{source.name}  {source.location}  {source.files} files  {in_words(source.every) or 'by hand'}")
        if source.latest:
            print(f"  {told(source.latest)}")


@sync.command()
def run(
    name: Annotated[str, typer.Argument(help="The source's name; without one all run.")] = "",
    force: Annotated[bool, typer.Option("--force", help="Even when more than half of its files are gone.")] = False,
    wait: Annotated[bool, typer.Option(help="Wait until it has ended and no document is left to be read.")] = True,
    as_json: AsJson = False,
) -> None:
    """Compare a source with its documents: add, replace, rename and delete."""
    with open_services("index", "worker") as built:
        sources = [built.sources.get(name, OPERATOR)] if name else built.sources.find(OPERATOR)
        runs = [(source, built.sources.request(source.id, OPERATOR, forced=force)) for source in sources]
        ended = [(source, _ended(built, one.id) if wait else one) for source, one in runs]
        while wait and (built.versions.unfinished(limit=1) or built.versions.deleting()):
            time.sleep(PATIENCE)
    if as_json:
        rows = [{"source": source.name, **asdict(one)} for source, one in ended]
        print(json.dumps(rows, default=_plain, ensure_ascii=False, indent=2))
    else:
        _draw(ended)
    if any(one.state is SyncState.FAILED or one.errors for _, one in ended):
        raise typer.Exit(1)


@sync.command()
def remove(
    name: Name,
    documents: Annotated[bool, typer.Option("--documents", help="Delete the documents that came from it too.")] = False,
) -> None:
    """Forget a source. Its documents stay, unless told otherwise."""
    with _stores() as (sources, _):
        deleted = sources.remove(name, OPERATOR, documents=documents)
    if documents:
        print(f"{deleted} documents are deleted once the worker runs.")


def told(run: Sync) -> str:
    """A run in one line."""
    counts = ", ".join(f"{count} {name}" for name, count in run.counts.items() if count)
    return ": ".join(part for part in (run.state.value, counts or "nothing to do", run.reason) if part)


def _draw(ended: list[tuple[SourceInfo, Sync]]) -> None:
    for source, one in ended:
        print(f"{source.name}  {told(one)}")
        for key, reason in one.errors:
            print(f"  {key}: {reason}")


def _ended(built: Services, sync_id: str) -> Sync:
    while True:
        found = built.sources.sync(sync_id, OPERATOR)
        if found.finished is not None:
            return found
        time.sleep(PATIENCE)


@contextmanager
def _stores() -> Iterator[tuple[Sources, Users]]:
    database = Database(load().sql_url)
    try:
        database.migrate()
        yield Sources(database), Users(database)
    finally:
        database.close()


def _readers(given: str, users: Users) -> Readers:
    names = [name.strip() for name in given.split(",") if name.strip()]
    if "everyone" in names:
        return Readers(everyone=True)
    return Readers(groups=users.group_ids([name for name in names if name != "admins"]))


def _options(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        given = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InvalidInput(f"{path} holds no JSON: {error}.") from error
    if not isinstance(given, dict):
        raise InvalidInput(f'{path} must hold a JSON object, as in {{"key": "...", "secret": "..."}}.')
    return given


def _plain(value: Any) -> Any:
    return sorted(value) if isinstance(value, frozenset) else str(value)
