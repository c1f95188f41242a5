"""A job as a line of the list, and how the queue is doing, as HTML. Pure functions."""

from __future__ import annotations

from datetime import datetime, timedelta

from app.ui.indicators import bar, marked
from app.ui.safe_html import plain
from app.ui.wording import counted, how_far, number, seconds, size, time_left, when
from storage.queue import JobInfo, Summary
from storage.types import State, Status

HEAD = '<div class="line job head"><span>Document</span><span>State</span><span>Started by</span></div>'


def row(job: JobInfo, now: datetime) -> str:
    """`now` is in the reader's time zone."""
    report = f'<a href="/documents?document={plain(job.document_id)}" target="_self"><bdi>{plain(job.title)}</bdi></a>'
    name = f"<bdi>{plain(job.name)}</bdi> · {size(job.size)}"
    again = f" · attempt {number(job.attempt)}" if job.attempt > 1 else ""
    began = when(job.finished or job.created, now)
    return line(f"<b>{report}</b><small>{name}{again}</small>", _state(job, now), job.started_by, began)


def line(subject: str, state: str, started_by: str, at: str) -> str:
    """A line of the list; all but the name of who started it is HTML."""
    return (
        f'<div class="line job"><div>{subject}</div><div class="state">{state}</div>'
        f"<div><bdi>{plain(started_by)}</bdi><small>{at}</small></div></div>"
    )


def _state(job: JobInfo, now: datetime) -> str:
    answers = "The earlier version can still be asked about." if job.answers else ""
    match job.status:
        case Status.RUNNING:
            return _running(job, now)
        case Status.PAUSED:
            return marked("", "Paused", how_far(job))
        case Status.WAITING if job.abandoned:
            return marked("weak", "Waiting", f"Its worker is gone; another one goes on with it. {how_far(job)}")
        case Status.WAITING:
            return marked("", "Waiting", how_far(job))
        case Status.FAILED:
            return marked("bad", "Failed", plain(f"{job.reason} {job.remedy} {answers}".strip()))
        case Status.CANCELLED:
            return marked("", "Cancelled", answers or "The document is kept; it can be tried again.")
    took = f" in {_took(job.finished - job.started)}" if job.started and job.finished else ""
    return marked("ok", "Done", f"{counted(job.pages, 'page')}, {counted(job.passages, 'passage')}{took}")


def summary(found: Summary, *, new_index: bool = False) -> str:
    """How much runs and waits, how fast it goes, and how long it will take."""
    counts = found.counts
    parts = [f"{number(counts[status])} {status}" for status in (Status.RUNNING, Status.WAITING)]
    parts += [f"{number(counts[status])} {status}" for status in (Status.PAUSED, Status.FAILED) if counts[status]]
    if found.deleting:
        parts.append(f"{counted(found.deleting, 'document')} being deleted")
    if new_index:
        parts.append("a new index being made")
    pace = []
    moves = counts[Status.RUNNING] and not found.held_by
    if found.pages_a_second and moves:
        pace.append(f"{_rate(found.pages_a_second)} pages and {_rate(found.passages_a_second)} passages a second")
    if found.seconds_left and moves:
        pace.append(f"about {time_left(found.seconds_left)}")
    lines = [", ".join(parts), *([", ".join(pace)] if pace else [])]
    return f'<p class="soft">{" · ".join(lines)}</p>'


def _running(job: JobInfo, now: datetime) -> str:
    reads = job.state is State.PARSING
    verb, unit = ("Reading", "pages") if reads else ("Embedding", "passages")
    words = f"{verb} {number(job.done)} of {number(job.total)} {unit}" if job.total else verb
    pace = f"{_rate(rate)} {unit} a second" if (rate := job.rate(now)) else ""
    left = time_left(seconds_left) if (seconds_left := job.left(now)) is not None else ""
    asked = {"pause": "pausing after this step", "cancel": "cancelling after this step"}.get(job.wanted, "")
    small = " · ".join(part for part in (asked, pace, "" if asked else left) if part)
    return marked("busy", words, small) + bar(job.done, job.total, verb)


def _took(time: timedelta) -> str:
    elapsed = time.total_seconds()
    return seconds(elapsed) if elapsed < 90 else f"{number(round(elapsed / 60))} min"


def _rate(value: float) -> str:
    return f"{value:,.0f}" if value >= 9.95 else f"{value:.1f}"
