"""`footnote reindex`: another embedding model or other passages, made beside the live index, and back again."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from app import reindex_words as words
from app import supervisor
from app.commands import OPERATOR, AsJson
from app.settings import load
from storage.database import Database
from storage.errors import InvalidInput
from storage.evaluations import Evaluations
from storage.generations import Generation, Generations, GenerationState, Progress

reindex = typer.Typer(help="Make the index anew beside the live one, switch to it, go back.", no_args_is_help=True)
console = Console(stderr=True)

Wait = Annotated[bool, typer.Option(help="Wait for the end; it goes on without, as long as a worker runs.")]
_PARTS = ("index", "models", "worker")
_EVERY = 0.5


@reindex.command()
def start(
    model: Annotated[str, typer.Option(help="The embedding model; empty: the one that is live.")] = "",
    passage_tokens: Annotated[int, typer.Option(help="Length of passages in tokens; 0: as suits the model.")] = 0,
    questions: Annotated[str, typer.Option(help="Name of the question set to compare by; empty: the largest.")] = "",
    wait: Wait = True,
) -> None:
    """Make a new index; when it is full and no worse than the live one, it takes its place."""
    with _kept(running=wait) as built:
        live = built.generations.live()
        gate = {"set": _set(built, questions)} if questions else {}
        chosen = model or (live.model if live else built.model)
        made = built.generations.start(chosen, OPERATOR, passage_tokens=passage_tokens, gate=gate)
        _follow(built, made, wait=wait)


@reindex.command()
def status(as_json: AsJson = False) -> None:
    """Tell which index is live, what is under way and how far it is, and what is kept."""
    with _kept() as built:
        shown = [one for one in built.generations.all(OPERATOR) if one.state is not GenerationState.REMOVED]
        progress = {one.id: built.generations.progress(one.id) for one in shown}
    if as_json:
        from app.api.response import to_json

        print(to_json([words.as_object(one, progress[one.id]) for one in shown]))
        return
    for one in shown:
        filled = progress[one.id]
        print(f"{one.name}: {words.STATES[one.state]}. {one.model}, {words.passages_of(one)}.")
        print(f"  {filled.documents:,} of {filled.of_documents:,} documents{_pace(one, filled)}")
        for label, live, new in words.compared(one):
            print(f"  {label}: {new} (live: {live})")
        for line in (words.compared_by(one), one.reason):
            if line:
                print(f"  {line}")


@reindex.command()
def switch(
    force: Annotated[bool, typer.Option("--force", help="Whatever the comparison says.")] = False, wait: Wait = True
) -> None:
    """Make the index under way live, once it lacks nothing."""
    with _kept(running=wait) as built:
        _follow(built, built.generations.accept(OPERATOR, force=force), wait=wait)


@reindex.command()
def rollback(wait: Wait = True) -> None:
    """Go back to the index that was live before; documents that it lacks are put into it first."""
    with _kept(running=wait) as built:
        _follow(built, built.generations.roll_back(OPERATOR), wait=wait)


@reindex.command()
def cancel() -> None:
    """Give up the index under way."""
    with _kept() as built:
        print(f"{built.generations.cancel(OPERATOR).name} is given up.")


@reindex.command()
def retry(wait: Wait = True) -> None:
    """Try again what failed."""
    with _kept(running=wait) as built:
        _follow(built, built.generations.retry(OPERATOR), wait=wait)


@reindex.command()
def clean() -> None:
    """Remove what is kept for going back; the worker does it within a minute."""
    with _kept() as built:
        print(f"{built.generations.clean(OPERATOR)} to be removed.")


@dataclass(frozen=True, slots=True)
class _Kept:
    generations: Generations
    evaluations: Evaluations
    model: str  # EMBED_MODEL


@contextmanager
def _kept(*, running: bool = False) -> Iterator[_Kept]:
    """What the database keeps; `running`: with the parts that do the work, for so long."""
    settings = load()
    with supervisor.running(settings, *_PARTS) if running else nullcontext():
        database = Database(settings.sql_url)
        try:
            database.migrate()
            yield _Kept(Generations(database), Evaluations(database), settings.embed_model)
        finally:
            database.close()


def _set(built: _Kept, name: str) -> str:
    sets = built.evaluations.sets(OPERATOR)
    found = next((one.id for one in sets if one.name.casefold() == name.casefold()), None)
    if found is None:
        known = ", ".join(one.name for one in sets) or "none yet"
        raise InvalidInput(f"There is no question set {name!r}. There are: {known}.")
    return found


def _follow(built: _Kept, generation: Generation, *, wait: bool) -> None:
    """Show how it is getting on until it is live, refused or failed."""
    if not wait:
        print(f"{generation.name} is {words.STATES[generation.state]}. footnote reindex status")
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    going_on = {GenerationState.BUILDING, GenerationState.COMPARING, GenerationState.ACCEPTED}
    with Bar(*columns, console=console) as shown:
        task = shown.add_task(generation.name, total=None)
        while (now := built.generations.get(generation.id)).state in going_on:
            filled = built.generations.progress(now.id)
            what = f"{words.STATES[now.state]}{_pace(now, filled)}"
            shown.update(task, description=what, total=filled.of_passages or 1, completed=filled.passages)
            time.sleep(_EVERY)
    for label, live, new in words.compared(now):
        console.print(f"{label}: {new} (live before: {live})", markup=False, highlight=False)
    for line in (words.compared_by(now), now.reason):
        if line:
            console.print(line, markup=False, highlight=False, soft_wrap=True)
    print(f"{now.name}: {words.STATES[now.state]}")
    if now.state is not GenerationState.LIVE:
        if now.state is GenerationState.REFUSED:
            console.print("Switch all the same: footnote reindex switch --force. Or: footnote reindex cancel")
        raise typer.Exit(1)


def _pace(generation: Generation, filled: Progress) -> str:
    if generation.state is not GenerationState.BUILDING:
        return ""
    rate = f", {filled.rate:,.0f} passages/s" if filled.rate else ""
    return f", {filled.passages:,} of {filled.of_passages:,} passages{rate}, {words.left(filled)}"
