"""`footnote index move`: the embedded index, or any other, carried to a Qdrant server."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from app import supervisor
from app.settings import load
from storage.errors import Conflict, InvalidInput

console = Console(stderr=True)


def move(
    to: Annotated[str, typer.Option("--to", help="Address of the Qdrant server: http://host:6333.")],
    key_file: Annotated[Path | None, typer.Option(help="File that holds the server's API key.")] = None,
) -> None:
    """Carry all passages to a Qdrant server, without embedding them again. Footnote must not be running."""
    from storage.index import Index
    from storage.index_move import move as carry

    settings = load()
    if supervisor.attached(settings):
        raise Conflict("Stop `footnote serve` first: what is written meanwhile would be left behind.")
    if settings.qdrant_url.rstrip("/") == to.rstrip("/"):
        raise InvalidInput("QDRANT_URL is that server already.")
    with supervisor.running(settings, "index") as reachable:
        source = Index(reachable.qdrant_url, reachable.qdrant_api_key.get_secret_value(), timeout=60.0)
        target = Index(to, _key(key_file), timeout=60.0)
        columns = (TextColumn("passages"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=console) as progress:
            task = progress.add_task("passages", total=None)
            moved = carry(source, target, lambda done, total: progress.update(task, completed=done, total=total))
        source.close()
        target.close()
    print(f"{moved:,} passages are at {to}. Set QDRANT_URL (and QDRANT_API_KEY) to it and start Footnote.")


def _key(file: Path | None) -> str:
    try:
        return file.read_text("utf-8").strip() if file else ""
    except OSError as error:
        raise InvalidInput(f"The key file {file} can't be read ({error.strerror}).") from error
