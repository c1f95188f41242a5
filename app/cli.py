"""The command line: `footnote --help`. Exit codes: 0 done, 1 it failed, 2 wrong use, 3 something is not ready."""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import threading
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from typer.core import TyperGroup

from app import log, supervisor
from app.cli_index import move
from app.commands import OPERATOR, AsJson, AsUser
from app.commands import open_services as _services
from app.settings import Settings, load
from storage.errors import FootnoteError, Unavailable
from storage.types import MessageState

_ELSEWHERE = {  # a function or a group, by the name of the command
    "models": "app.cli_models:models",
    "reindex": "app.cli_reindex:reindex",
    "sync": "app.cli_sync:sync",
    "users": "app.cli_users:users",
    "groups": "app.cli_users:groups",
    "jobs": "app.cli_jobs:jobs",
    "questions": "app.cli_questions:questions",
    "eval": "app.cli_eval:evaluate",
    "ingest": "app.cli_ingest:ingest",
}


class Commands(TyperGroup):
    """Those elsewhere are imported when they are asked for: each part of Footnote is a process that runs one command.

    Help imports them all.
    """

    def list_commands(self, ctx: Any) -> list[str]:
        return [*super().list_commands(ctx), *_ELSEWHERE]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in _ELSEWHERE:
            return super().get_command(ctx, cmd_name)
        module, _, attribute = _ELSEWHERE[cmd_name].partition(":")
        found = getattr(import_module(module), attribute)
        if not isinstance(found, typer.Typer):
            function, found = found, typer.Typer(add_completion=False)
            found.command(cmd_name)(function)
        command = typer.main.get_command(found)
        command.name = cmd_name
        return command


app = typer.Typer(
    cls=Commands,
    help="A self-hosted knowledge assistant whose every sentence carries a footnote.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
indexes = typer.Typer(invoke_without_command=True)
app.add_typer(indexes, name="index")
indexes.command("move")(move)
console = Console(stderr=True)

Supervised = Annotated[bool, typer.Option("--supervised", hidden=True)]
LogFormat = Annotated[str, typer.Option(help="text or json; LOG_FORMAT.")]


def main() -> None:
    try:
        app()
    except FootnoteError as error:
        console.print(f"footnote: {error}", style="red", markup=False, highlight=False, soft_wrap=True)
        sys.exit(3 if isinstance(error, Unavailable) else 1)


@app.command()
def serve(
    samples: Annotated[bool, typer.Option("--samples", help="Load the sample documents.")] = False,
    log_format: LogFormat = "",
) -> None:
    """Start the assistant: the web app, the worker, and each part that no URL in the settings replaces."""
    settings = _settings(log_format)
    log.configure(part="footnote", style=settings.log_format, level=settings.log_level)
    stop = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stop.set())
    keeper = supervisor.Supervisor(settings)
    try:
        password = _first_admin(keeper.settings)
        keeper.start()
        _announce(settings, password)
        if samples:
            _load_samples(keeper.settings)
        stop.wait()
    finally:
        keeper.stop()


def _first_admin(settings: Settings) -> str | None:
    from storage.database import Database
    from storage.users import Users

    database = Database(settings.sql_url)
    try:
        database.migrate()
        return Users(database).ensure_admin()
    finally:
        database.close()


def _load_samples(settings: Settings) -> None:
    """Once the parts are on their way: importing all services takes longer than starting them."""
    from app import samples, services

    built = services.build(settings)
    try:
        samples.load(built, OPERATOR)
    finally:
        built.close()


def _announce(settings: Settings, password: str | None) -> None:
    host = "localhost" if settings.host in {"127.0.0.1", "0.0.0.0", "::"} else settings.host  # noqa: S104 - compared
    lines = [f"Footnote is at {settings.public_url or f'http://{supervisor.in_url(host)}:{settings.port}'}"]
    if password:
        lines.append(f"Sign in as admin with the one-time password {password}")
    lines.append("Ctrl-C stops it.")
    print("\n" + "\n".join(lines) + "\n", flush=True)


@app.command()
def web(supervised: Supervised = False) -> None:
    """Run the web app alone, with the other parts at the URLs of the settings."""
    from app import main as asgi

    settings = _part("web", supervised)
    asgi.run(settings)


@app.command()
def worker(supervised: Supervised = False) -> None:
    """Run one worker: on PostgreSQL as many as there are machines, on SQLite one."""
    from app.ingestion import build_pipeline, build_postman, build_reindex
    from ingest.sync import Synchroniser
    from ingest.worker import Worker

    stop = threading.Event()
    settings = _part("worker", supervised, stop)
    os.nice(10)  # who asks goes before what is being read in
    database, pipeline = build_pipeline(settings)
    if postman := build_postman(settings, database):
        threading.Thread(target=postman.run, args=(stop,), name="postman", daemon=True).start()
    synchroniser = Synchroniser(database, pipeline.files, max_bytes=settings.upload_max_mb * 10**6)
    Worker(
        database,
        pipeline,
        settings.jobs_url,
        folder=settings.data_dir,
        concurrency=settings.worker_jobs,
        reindex=build_reindex(settings, database, pipeline),
        synchroniser=synchroniser,
    ).run(stop)
    logging.shutdown()
    os._exit(0)  # a step may still run in its thread, and could for minutes; the next worker does it again


@indexes.callback()
def index(context: typer.Context, supervised: Supervised = False) -> None:
    """Run the index process alone (without it, set QDRANT_URL), or move what it holds."""
    if context.invoked_subcommand:
        return
    from storage import index_server

    settings = _part("index", supervised)
    port = settings.index_port or supervisor.free_port()
    index_server.run(settings.data_dir / "index", "127.0.0.1", port, settings.key())


@app.command()
def ask(
    question: Annotated[str, typer.Argument(help="The question, in quotation marks.")],
    mode: Annotated[
        str, typer.Option(help="answer, comparison, summary, fields or draft; else the question's words decide.")
    ] = "",
    document: Annotated[list[str] | None, typer.Option(help="In documents with this id, title or file name.")] = None,
    save: Annotated[Path | None, typer.Option(help="Write the answer's table to this .csv or .xlsx file.")] = None,
    as_user: AsUser = "",
    as_json: AsJson = False,
) -> None:
    """Ask, and print the answer with its references."""
    from app import cli_ask

    form = cli_ask.form_of(save)
    with _services("index", "models") as built:
        principal = built.users.principal(as_user) if as_user else OPERATOR
        unread = built.documents.unread(principal)
        ended = cli_ask.ask(built, principal, question, mode=mode, documents=document or ())
    if save is not None:
        save.write_bytes(cli_ask.table(ended, form))
    if as_json:
        print(json.dumps(cli_ask.as_object(ended, unread), ensure_ascii=False))
    else:
        cli_ask.draw(ended, unread)
    if ended.state in (MessageState.FAILED, MessageState.BLOCKED):
        raise typer.Exit(3)


@app.command()
def search(
    question: Annotated[str, typer.Argument(help="What to search for, in quotation marks.")],
    document: Annotated[list[str] | None, typer.Option(help="In documents with this id, title or file name.")] = None,
    kind: Annotated[list[str] | None, typer.Option(help="In documents of this format: pdf, docx, ...")] = None,
    group: Annotated[list[str] | None, typer.Option(help="In documents that this group reads.")] = None,
    since: Annotated[str, typer.Option(help="In documents dated from this day on: 2025-03-01.")] = "",
    until: Annotated[str, typer.Option(help="In documents dated up to this day.")] = "",
    limit: Annotated[int, typer.Option(help="At most so many passages.", min=1, max=60)] = 20,
    as_user: AsUser = "",
    as_json: AsJson = False,
) -> None:
    """Search, and print the passages by document. Filters that can be given more than once widen each other."""
    from app import cli_search
    from app.api.response import to_json
    from app.api.search import as_objects
    from app.search import search as find

    with _services("index", "models") as built:
        principal = built.users.principal(as_user) if as_user else OPERATOR
        names = {"documents": document or (), "kinds": kind or (), "groups": group or ()}
        scope = cli_search.scope_of(built, principal, **names, since=since, until=until)
        retriever, kept = built.retriever, built.documents
        results = find(question, principal, retriever=retriever, documents=kept, scope=scope, limit=limit)
    if as_json:
        print(to_json(as_objects(results, question)))
    else:
        cli_search.draw(results, question)


@app.command()
def doctor(
    only: Annotated[list[str] | None, typer.Option(help="Check this part alone; may be given more than once.")] = None,
    as_json: AsJson = False,
) -> None:
    """Check every part of the installation and say what to do."""
    from app.doctor import examine

    findings = examine(load(), only=only or ())
    if as_json:
        rows = [{"part": one.part, "ok": one.ok, "found": one.found, "remedy": one.remedy} for one in findings]
        print(json.dumps(rows, ensure_ascii=False, indent=2))
    else:
        for one in findings:
            console.print(f"{'ok  ' if one.ok else 'LOOK'} {one.part}: {one.found}", markup=False, highlight=False)
            if one.remedy:
                console.print(f"       {one.remedy}", markup=False, highlight=False)
    if not all(one.ok for one in findings):
        raise typer.Exit(3)


def _settings(log_format: str = "") -> Settings:
    return load(**({"log_format": log_format} if log_format else {}))


def _part(name: str, supervised: bool, stop: threading.Event | None = None) -> Settings:
    """Set a part's process up: its log, its signals and, under a supervisor, its end."""
    settings = load()
    log.configure(part=name, style=settings.log_format, level=settings.log_level)
    if stop is not None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
    if supervised:
        supervisor.follow_parent(stop.set if stop is not None else supervisor.terminate_self)
    return settings


if __name__ == "__main__":
    main()
