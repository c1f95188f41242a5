"""`footnote ingest`: add files and folders, and wait until they can be asked about."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from app.commands import OPERATOR, AsJson, open_services
from storage.errors import InvalidInput
from storage.types import Readers, State

if TYPE_CHECKING:
    from app.services import Services
    from storage.arrivals import Added
    from storage.documents import DocumentInfo

console = Console(stderr=True)

Replace = Annotated[bool, typer.Option("--replace", help="A file with the name of a document becomes its new version.")]


def ingest(
    paths: Annotated[list[Path], typer.Argument(help="Files, or folders with files.", exists=True)],
    readers: Annotated[str, typer.Option(help="'everyone', or names of groups, parted by commas.")] = "everyone",
    replace: Replace = False,
    wait: Annotated[bool, typer.Option(help="Wait until every document is ready or has failed.")] = True,
    as_json: AsJson = False,
) -> None:
    """Add documents and wait until they can be asked about."""
    files = _all_files(paths, replace=replace)
    with open_services("index", "worker") as built:
        allowed = _readers(built, readers)
        added = [_add(built, file, allowed, replace=replace) for file in files]
        ids = list(dict.fromkeys(item.document_id for item in added))
        if wait:
            _wait(built, ids)
        documents = [built.documents.get(document_id, OPERATOR) for document_id in ids]
    known = {item.document_id for item in added if item.known}
    if as_json:
        rows = [_as_object(document, known=document.id in known) for document in documents]
        print(json.dumps(rows, ensure_ascii=False, indent=2))
    else:
        for document in documents:
            console.print(_line(document, known=document.id in known), markup=False, highlight=False, soft_wrap=True)
    if any(document.state is State.FAILED for document in documents):
        raise typer.Exit(1)


def _all_files(paths: list[Path], *, replace: bool) -> list[Path]:
    """Raises InvalidInput where there is none, or where two have the name that they are to be told by."""
    files = [file for path in paths for file in _files(path)]
    if not files:
        raise InvalidInput("There is no file in what was given.")
    names = [file.name for file in files]
    if replace and (twice := next((name for name in names if names.count(name) > 1), "")):
        raise InvalidInput(f"--replace goes by file names, and there are two files named {twice}.")
    return files


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    return sorted(file for file in path.rglob("*") if file.is_file() and not file.name.startswith("."))


def _readers(built: Services, words: str) -> Readers:
    if words == "everyone":
        return Readers(everyone=True)
    return Readers(groups=built.users.group_ids([name for name in words.split(",") if name.strip()]))


def _add(built: Services, file: Path, readers: Readers, *, replace: bool) -> Added:
    from app.api.uploads import same_name

    target = same_name(file.name, built.documents, OPERATOR) if replace else None
    with built.files.receive(built.settings.upload_max_mb * 10**6) as receiver:
        if target is None:
            return built.documents.add(file.name, receiver.copy(file), readers, OPERATOR)
        return built.documents.replace(target, file.name, receiver.copy(file), OPERATOR)


def _wait(built: Services, ids: list[str]) -> None:
    open_states = {State.WAITING, State.PARSING, State.EMBEDDING}
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("documents", total=len(ids))
        while True:
            documents = [built.documents.get(document_id, OPERATOR) for document_id in ids]
            left = [document for document in documents if document.state in open_states]
            progress.update(task, completed=len(ids) - len(left))
            if not left:
                return
            time.sleep(0.3)


def _as_object(document: DocumentInfo, *, known: bool) -> dict[str, Any]:
    return {
        "id": document.id,
        "name": document.name,
        "state": document.state,
        "pages": document.pages,
        "passages": document.passages,
        "known": known,
        "reason": document.reason,
        "remedy": document.remedy,
    }


def _line(document: DocumentInfo, *, known: bool) -> str:
    line = f"{document.state:<8} {document.name}{' (was here already)' if known else ''}"
    if document.state is State.FAILED:
        return f"{line}: {document.reason} {document.remedy}"
    if document.state is State.READY:
        return f"{line}: {document.pages:,} pages, {document.passages:,} passages"
    return line
