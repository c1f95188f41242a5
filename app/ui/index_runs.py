"""The index being made anew, as lines among the jobs. What can be done about it stands on the index page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from app.reindex_words import STATES, left, passages_of
from app.ui.indicators import bar, marked
from app.ui.job_rows import line
from app.ui.safe_html import plain
from app.ui.wording import counted, number, when
from storage.generations import Generation, GenerationState, Progress, shown_model
from storage.types import Status

_FIRST = 1  # its number: it came with the first document and was never made anew
_AS_JOBS: Mapping[GenerationState, Status] = {
    GenerationState.BUILDING: Status.RUNNING,
    GenerationState.COMPARING: Status.RUNNING,
    GenerationState.ACCEPTED: Status.RUNNING,
    GenerationState.REFUSED: Status.FAILED,
    GenerationState.FAILED: Status.FAILED,
    GenerationState.LIVE: Status.DONE,
    GenerationState.KEPT: Status.DONE,
}
_DOTS = {Status.RUNNING: "busy", Status.FAILED: "bad", Status.DONE: "ok"}


def runs(generations: Sequence[Generation]) -> dict[Status, list[Generation]]:
    """By what they are among the jobs, newest first; cancelled ones are gone."""
    found: dict[Status, list[Generation]] = {status: [] for status in Status}
    for one in generations:
        if one.id != _FIRST and (status := _AS_JOBS.get(one.state)):
            found[status].append(one)
    return found


def row(generation: Generation, progress: Progress, now: datetime) -> str:
    """`now` is in the reader's time zone."""
    link = f'<a href="/index" target="_self"><bdi>{plain(shown_model(generation.model))}</bdi></a>'
    again = f" · attempt {number(generation.attempt)}" if generation.attempt > 1 else ""
    subject = f"<b>{link}</b><small>Index made anew, {plain(passages_of(generation))}{again}</small>"
    return line(subject, _state(generation, progress), generation.started_by, when(generation.changed, now))


def _state(generation: Generation, progress: Progress) -> str:
    if generation.state is GenerationState.BUILDING:
        return _building(progress)
    held = f"{counted(progress.of_documents, 'document')}, {counted(progress.of_passages, 'passage')}"
    more = plain(generation.reason) if _AS_JOBS[generation.state] is Status.FAILED else held
    done = "done, " if _AS_JOBS[generation.state] is Status.DONE else ""
    return marked(_DOTS[_AS_JOBS[generation.state]], f"{done}{STATES[generation.state]}".capitalize(), more)


def _building(progress: Progress) -> str:
    rate = [f"{progress.rate:,.0f} passages a second"] if progress.rate >= 1 else []
    words = f"Embedding {number(progress.passages)} of {counted(progress.of_passages, 'passage')}"
    shown = marked("busy", words, " · ".join([*rate, left(progress)]))
    return shown + bar(progress.passages, progress.of_passages, "New index")
