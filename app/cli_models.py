"""`footnote models`: get language models, check them, serve them."""

from __future__ import annotations

import json
import time
from contextlib import closing, suppress
from dataclasses import asdict
from functools import partial
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
    from app import llm_server
    from app.cross_encoder import CrossEncoderReranker
    from app.entailment_model import CrossEncoderEntailment
    from app.guard_template import guard_template, version_of
    from app.llm_engine import Engine
    from app.model_shelf import Shelf
    from app.prompt import Prompt
    from app.services import chunk_embedder, house_instructions, live_model
    from app.tuning import Tunings
    from app.voice import Voice

    settings = load()
    log.configure(part="models", style=settings.log_format, level=settings.log_level)
    if supervised:
        supervisor.follow_parent(supervisor.terminate_self)
    path = _model_file(settings.llm_model)
    if path and not supervised:
        model_choice.begin(settings.models_dir, settings.llm_model)
    first = model_choice.chosen(settings.models_dir, configured=None) or path
    if model_choice.is_none(settings.models_dir, configured=None):
        first = None

    tunings = Tunings(settings.data_dir, threads=settings.llm_threads, gpu_layers=settings.llm_gpu_layers)

    def engine(path: Path) -> Engine:
        tuning = tunings.measured(path, repack={"on": True, "off": False}.get(settings.llm_repack))
        made = Engine(
            path,
            context=settings.llm_context,
            slots=settings.llm_slots,
            gpu_layers=settings.llm_gpu_layers,
            threads=settings.llm_threads,
            queue_limit=settings.llm_queue,
            repack=tuning.repack,
            pace=tuning.pace,
            step_seconds=settings.llm_step_seconds,
            parked_bytes=settings.llm_park_mb * 10**6,
            find_adapter=Shelf(settings.models_dir, path).path,
        )
        with suppress(InvalidInput):  # a template without a system message has no beginning that is everybody's
            made.warm(Prompt(question="", house=house_instructions(settings)).beginning())
        return made

    hears = settings.voice_model and (not settings.voice_url or settings.own_voice_url)
    voice_file = Path(settings.voice_model).expanduser() if hears else None

    def guard() -> Engine:
        version = version_of(settings.guard_name, settings.guard_version)
        made = engine(Path(settings.guard_model).expanduser())
        made.wrap_template(partial(guard_template, version=version))
        return made

    def reranker() -> CrossEncoderReranker:
        return CrossEncoderReranker(settings.rerank_model, device=settings.embed_device or None)

    def entailment() -> CrossEncoderEntailment:
        return CrossEncoderEntailment(settings.nli_model, device=settings.embed_device or None)

    judges = settings.nli_model and (not settings.nli_url or settings.own_nli_url)
    application = llm_server.build(
        (lambda: engine(first)) if first else None,
        (lambda: chunk_embedder(settings, live_model(settings))) if _embeds_here(settings) else None,
        settings.key(),
        reranker=reranker if _reranks_here(settings) else None,
        embedder_of=partial(chunk_embedder, settings),
        entailment=entailment if judges else None,
        voice=(lambda: Voice(voice_file, threads=settings.llm_threads)) if voice_file else None,
        guard=guard if settings.guard_model and (not settings.guard_url or settings.own_guard_url) else None,
        shelf=Shelf(settings.models_dir, path, make=engine, tunings=tunings),
    )
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


def _embeds_here(settings: Settings) -> bool:
    return not settings.embed_url or settings.own_embed_url


def _reranks_here(settings: Settings) -> bool:
    return bool(settings.rerank_model) and (not settings.rerank_url or settings.own_rerank_url)


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
