"""`footnote jobs`: the queue as the Jobs page shows it, and the means to steer it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated

import typer

from app.commands import OPERATOR, AsJson
from app.settings import Settings, load
from app.ui.safe_html import clean
from app.ui.wording import counted, number, time_left
from storage.database import Database
from storage.documents import Documents
from storage.errors import InvalidInput
from storage.files import Files
from storage.queue import JobInfo, Queue, Summary
from storage.types import State, Status

jobs = typer.Typer(help="What is being read in: list it, pause, resume, cancel and retry it.", no_args_is_help=True)

Ids = Annotated[list[str] | None, typer.Argument(help="Jobs, by the id that `footnote jobs list` shows.")]
SomeIds = Annotated[list[str], typer.Argument(help="Jobs, by the id that `footnote jobs list` shows.")]
_EVERY = 10_000_000  # documents
All = Annotated[bool, typer.Option("--all", help="Everything.")]


@contextmanager
def _database(settings: Settings) -> Iterator[Database]:
    database = Database(settings.sql_url)
    try:
        database.migrate()
        yield database
    finally:
        database.close()


@contextmanager
def _queue() -> Iterator[Queue]:
    with _database(load()) as database:
        yield Queue(database)


@jobs.command("list")
def list_jobs(
    status: Annotated[Status | None, typer.Option(help="Those with this status; else all that have not ended.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1, max=10_000)] = 50,
    offset: Annotated[int, typer.Option(help="Leave out so many first.", min=0)] = 0,
    as_json: AsJson = False,
) -> None:
    """List jobs, those that run first, and how fast it goes."""
    with _queue() as queue:
        summary = queue.summary(OPERATOR)
        found = queue.jobs(OPERATOR, status=status, limit=limit, offset=offset)
    if as_json:
        from app.api.jobs import job_object, summary_object
        from app.api.response import to_json

        print(to_json({"summary": summary_object(summary), "jobs": [job_object(job) for job in found]}))
        return
    print(in_words(summary))
    moment = datetime.now(UTC)
    for job in found:
        print(f"{job.version_id}  {job.status:<9}  {clean(job.name)}{_more(job, moment)}")


@jobs.command()
def pause(job: Ids = None, everything: All = False) -> None:
    """Pause jobs, or with --all everything, at once or when the step that runs has ended."""
    with _queue() as queue:
        if _chosen(job, everything):
            queue.pause_all(OPERATOR)
        for version_id in job or ():
            queue.pause(version_id, OPERATOR)


@jobs.command()
def resume(job: Ids = None, everything: All = False) -> None:
    """Let paused jobs go on where they were."""
    with _queue() as queue:
        if _chosen(job, everything):
            queue.resume_all(OPERATOR)
        for version_id in job or ():
            queue.resume(version_id, OPERATOR)


@jobs.command()
def cancel(job: SomeIds) -> None:
    """Cancel jobs; the documents stay and can be tried again."""
    with _queue() as queue:
        for version_id in job:
            queue.cancel(version_id, OPERATOR)


@jobs.command()
def retry(
    job: Ids = None,
    failed: Annotated[bool, typer.Option("--failed", help="Everything that has failed.")] = False,
) -> None:
    """Try jobs again that failed or were cancelled."""
    with _queue() as queue:
        if _chosen(job, failed):
            print(f"{counted(queue.retry_failed(OPERATOR), 'job')} will be tried again.")
        for version_id in job or ():
            queue.retry(version_id, OPERATOR)


@jobs.command("read-again")
def read_again(
    document: Annotated[list[str] | None, typer.Argument(help="Documents, by the id that the address names.")] = None,
    partly: Annotated[bool, typer.Option("--partly", help="All that could be read in part only.")] = False,
) -> None:
    """Read ready documents anew, as after OCR was installed or Footnote updated; they answer meanwhile."""
    chosen, settings = list(document or ()), load()
    with _database(settings) as database:
        documents = Documents(database, Files(settings.data_dir))
        if _chosen(document, partly):
            ready = documents.find(OPERATOR, states=[State.READY], limit=_EVERY)
            chosen = [info.id for info in ready if any(gap.loses for gap in info.gaps)]
        for document_id in chosen:
            documents.read_again(document_id, OPERATOR)
    print(f"{counted(len(chosen), 'document')} will be read again.")


def in_words(summary: Summary) -> str:
    parts = [f"{number(count)} {status}" for status, count in summary.counts.items()]
    if summary.deleting:
        parts.append(f"{counted(summary.deleting, 'document')} being deleted")
    if summary.pages_a_second:
        parts.append(f"{summary.pages_a_second:.1f} pages/s, {summary.passages_a_second:.1f} passages/s")
    if summary.seconds_left:
        parts.append(f"about {time_left(summary.seconds_left)}")
    held = f"Everything is paused by {clean(summary.held_by)}. " if summary.held_by else ""
    return f"{held}{', '.join(parts)}"


def _chosen(given: list[str] | None, everything: bool) -> bool:
    if bool(given) == everything:
        raise InvalidInput("Name some, or take all by the option, not both.")
    return everything


def _more(job: JobInfo, moment: datetime) -> str:
    unit = "pages" if job.state is State.PARSING else "passages"
    match job.status:
        case Status.FAILED:
            return f": {job.reason} {job.remedy}"
        case Status.DONE:
            return f": {counted(job.pages, 'page')}, {counted(job.passages, 'passage')}"
        case Status.RUNNING if job.total:
            asked = {"pause": ", pausing", "cancel": ", cancelling"}.get(job.wanted, "")
            return f": {number(job.done)} of {number(job.total)} {unit}, {job.rate(moment):.1f} a second{asked}"
        case Status.WAITING if job.abandoned:
            return ": its worker is gone, it waits for another one"
    return ""
