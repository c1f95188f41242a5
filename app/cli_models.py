"""`footnote models`: get language models, check them, serve them."""

from __future__ import annotations

import json
import time
from contextlib import closing, suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from app import log, model_choice, supervisor
from app.cli_adapters import adapt, adapters
from app.commands import OPERATOR, AsJson
from app.settings import Settings, load
from storage.database import Database
from storage.errors import FootnoteError, InvalidInput, Unavailable

if TYPE_CHECKING:
    from app.model_list import Models
    from app.model_shelf import Shelf

models = typer.Typer(help="Language models: list, recommend, get, check, change, serve.", no_args_is_help=True)
models.command()(adapters)
models.command()(adapt)
console = Console(stderr=True)


@models.command("list")
def list_models(as_json: AsJson = False) -> None:
    """List the models that are here and those that can be pulled, with the wait to expect for a typical question."""
    from app import model_words

    shown = _here()
    known = model_words.pullable(shown)
    if as_json:
        print(json.dumps({"machine": shown.machine, "here": [asdict(one) for one in shown.models], "known": known}))
        return
    for line in model_words.lines(shown):
        print(line)


@models.command()
def recommend(as_json: AsJson = False) -> None:
    """Say which model suits this machine: memory, cores, GPU, and how long a typical question would take."""
    from app import machine, model_words
    from app.model_files import KNOWN

    here = machine.look()
    best = machine.recommended(here, KNOWN)
    rows = model_words.expected(here, KNOWN)
    if as_json:
        print(json.dumps({"machine": here.described(), "recommended": best.name if best else None, "models": rows}))
        return
    print(here.described())
    for line in model_words.advice(rows, best.name if best else ""):
        print(line)


@models.command()
def use(
    file: Annotated[str, typer.Argument(help="A file of `footnote models list`.")] = "",
    none: Annotated[bool, typer.Option("--none", help="Use no model: answers quote the documents.")] = False,
) -> None:
    """Change to a model, or to none, without a restart: running answers are finished by the old one. It is kept."""
    from app.models_client import ModelsClient

    if none == bool(file):
        raise typer.BadParameter("Name one file, or give --none.")
    settings = load()
    reachable = supervisor.attached(settings) or settings
    if not (reachable.llm_url or reachable.embed_url):
        shelf = _shelf(settings)
        if file:
            shelf.check(file)
        model_choice.begin(settings.models_dir, settings.llm_model)
        shelf.choose(shelf.path(file) if file else None)
        console.print(f"{file or 'No language model'} answers from the next start on.", markup=False)
        return
    with closing(Database(reachable.sql_url)) as database:
        database.migrate()  # the change is recorded there, be the web app here yet or not
        client = ModelsClient(reachable, database)
        change = client.switch(file or None, OPERATOR).change
        while change and change.under_way:
            time.sleep(0.5)
            change = client.all(OPERATOR).change
    if change and change.problem:
        raise Unavailable("models", f"{file} could not be loaded, so nothing has changed. {change.problem}")
    console.print(f"{file or 'No language model'} answers now, and after a restart.", markup=False)


@models.command()
def pull(
    name: Annotated[str, typer.Argument(help="A name from `footnote models list`.")],
    accept_license: Annotated[bool, typer.Option("--accept-license", help="Take the licence without asking.")] = False,
) -> None:
    """Download a model and check it against the hub's SHA-256. `footnote models use` then changes to it."""
    from app.model_files import known, pull

    settings, model = load(), known(name)
    console.print(model.notice, markup=False)
    if not accept_license and not typer.confirm("Do you accept?", err=True):
        raise typer.Exit(1)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console) as progress:
        task = progress.add_task(model.file, total=None)
        pulled = pull(
            name,
            settings.models_dir,
            endpoint=settings.hf_endpoint,
            token=settings.hf_token.get_secret_value() or None,
            progress=lambda stage, done, total: progress.update(
                task, description=f"{stage} {model.file}", completed=done, total=total
            ),
        )
    console.print(f"{pulled.file} is here and as the hub has it.", markup=False)
    console.print(f"Use it with: footnote models use {pulled.file}", markup=False)


@models.command()
def verify() -> None:
    """Check every model file: its header and template, and the SHA-256 of those that were pulled."""
    shelf = _shelf(load())
    broken = 0
    for entry in shelf.entries():
        try:
            print(f"ok      {entry.file}: {shelf.check(entry.file)}")
        except FootnoteError as error:
            broken += 1
            print(f"broken  {entry.file}: {error}")
    if broken:
        raise typer.Exit(1)


@models.command("serve")
def serve(supervised: Annotated[bool, typer.Option("--supervised", hidden=True)] = False) -> None:
    """Run the models process alone: LLM_MODEL, EMBED_MODEL and RERANK_MODEL behind routes like OpenAI's and Jina's."""
    from app import llm_server, models_process

    settings = load()
    log.configure(part="models", style=settings.log_format, level=settings.log_level)
    if supervised:
        supervisor.follow_parent(supervisor.terminate_self)
    path = _model_file(settings.llm_model)
    if path and not supervised:
        model_choice.begin(settings.models_dir, settings.llm_model)
    application = models_process.application(settings, path)
    port = settings.models_port or supervisor.free_port()
    llm_server.run(application, host=settings.models_host, port=port)


def _shelf(settings: Settings) -> Shelf:
    from app.model_shelf import Shelf
    from app.tuning import Tunings

    tunings = Tunings(settings.data_dir, threads=settings.llm_threads, gpu_layers=settings.llm_gpu_layers)
    return Shelf(settings.models_dir, _model_file(settings.llm_model), tunings=tunings)


def _here() -> Models:
    """As the models process tells it, or as the files do where none runs."""
    from app import machine
    from app.model_list import Models
    from app.models_client import ModelsClient

    settings = load()
    reachable = supervisor.attached(settings)
    if reachable:
        with closing(Database(reachable.sql_url)) as database, suppress(Unavailable, InvalidInput):
            return ModelsClient(reachable, database).all(OPERATOR)
    shelf, described = _shelf(settings), machine.look().described()
    reason = "Footnote does not run."
    return Models(
        machine=described, loaded="", reason=reason, figures={}, context=0, change=None, models=shelf.entries()
    )


def _model_file(value: str) -> Path | None:
    """LLM_MODEL as a file: under a supervisor LLM_URL is this process, so only the file decides."""
    if not value:
        return None
    path = Path(value).expanduser()
    if path.suffix != ".gguf" and not path.is_file():
        return None  # a model's name at a foreign LLM_URL
    if not path.is_file():
        raise InvalidInput(f"LLM_MODEL: there is no file {path}. Give the path of a GGUF file.")
    return path
