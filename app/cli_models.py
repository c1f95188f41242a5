"""`footnote models`: get language models, check them, serve them."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from app import log, supervisor
from app.settings import Settings, load
from storage.errors import InvalidInput

models = typer.Typer(help="Language models: list, get, check, serve.", no_args_is_help=True)
console = Console(stderr=True)


@models.command("list")
def list_models(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List the models that can be pulled, and which are here."""
    from app.model_files import KNOWN

    folder = load().models_dir
    if as_json:
        rows = [{"name": one.name, "gb": one.gigabytes, "here": (folder / one.file).is_file()} for one in KNOWN]
        print(json.dumps(rows))
        return
    for one in KNOWN:
        here = "here" if (folder / one.file).is_file() else ""
        print(f"{one.name:<24} {one.gigabytes:5.1f} GB   needs {one.memory_gb} GB of memory   {here}")


@models.command()
def pull(
    name: Annotated[str, typer.Argument(help="A name from `footnote models list`.")],
    accept_license: Annotated[bool, typer.Option("--accept-license", help="Take the licence without asking.")] = False,
) -> None:
    """Download a model, check it against the hub's SHA-256, and use it from the next start on."""
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
    console.print(f"{pulled.file} is here and as the hub has it. Start Footnote again to use it.", markup=False)


@models.command()
def verify() -> None:
    """Compute the SHA-256 of every model that was pulled and compare it with the recorded one."""
    from app.model_files import installed, verify

    for pulled in installed(load().models_dir):
        verify(pulled.path)
        print(f"ok  {pulled.file}")


@models.command("serve")
def serve(supervised: Annotated[bool, typer.Option("--supervised", hidden=True)] = False) -> None:
    """Run the models process alone: LLM_MODEL, EMBED_MODEL and RERANK_MODEL behind routes like OpenAI's and Jina's."""
    from app import llm_server
    from app.cross_encoder import CrossEncoderReranker
    from app.llm_engine import Engine
    from app.services import chunk_embedder, live_model
    from app.tuning import Tunings

    settings = load()
    log.configure(part="models", style=settings.log_format, level=settings.log_level)
    if supervised:
        supervisor.follow_parent(supervisor.terminate_self)
    path = _model_file(settings.llm_model)

    def engine(path: Path) -> Engine:
        tunings = Tunings(settings.data_dir, threads=settings.llm_threads, gpu_layers=settings.llm_gpu_layers)
        tuning = tunings.measured(path, repack={"on": True, "off": False}.get(settings.llm_repack))
        return Engine(
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
        )

    def reranker() -> CrossEncoderReranker:
        return CrossEncoderReranker(settings.rerank_model, device=settings.embed_device or None)

    application = llm_server.build(
        (lambda: engine(path)) if path else None,
        (lambda: chunk_embedder(settings, live_model(settings))) if _embeds_here(settings) else None,
        settings.key(),
        reranker=reranker if _reranks_here(settings) else None,
        embedder_of=partial(chunk_embedder, settings),
    )
    port = settings.models_port or supervisor.free_port()
    llm_server.run(application, host=settings.models_host, port=port)


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
