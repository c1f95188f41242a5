"""An evaluation as a line of the list, as HTML. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app.ui.indicators import bar, marked
from app.ui.safe_html import plain
from app.ui.wording import counted, number, seconds, time_left, when, written_by
from storage.evaluations import RunInfo, RunState

HEAD = '<div class="line run head"><span>Evaluation</span><span>Figures</span><span>Started</span></div>'
# what is shown of a run, the first of each row that it has
_FIGURES = (
    (("page_recall@1", "page first"), ("document_recall@1", "document first")),
    (("page_recall@5", "page in five"), ("document_recall@5", "document in five")),
    (("evidence_recall@5", "words in five"),),
    (("right", "right answers"),),
    (("refused_unanswerable", "rightly refused"),),
    (("refused_answerable", "wrongly refused"),),
)
_STATES = {
    RunState.CANCELLED: ("", "Cancelled"),
    RunState.FAILED: ("bad", "Failed"),
    RunState.INTERRUPTED: ("weak", "Interrupted"),
}


def row(run: RunInfo, now: datetime) -> str:
    """`now` is in the reader's time zone."""
    started = f"{when(run.started, now)}<small>by <bdi>{plain(run.started_by)}</bdi></small>"
    return (
        f'<div class="line run"><div class="wide"><b><bdi>{plain(run.set_name)}</bdi></b>{_about(run)}</div>'
        f'<div class="wide">{_result(run, now)}</div><div class="wide">{started}</div></div>'
    )


def main_figure(run: RunInfo) -> str:
    """The one figure that stands for a run elsewhere."""
    known = [found for found in (_first(row, run.figures) for row in _FIGURES[1:]) if found]
    return " ".join(known[0]) if known else counted(run.total, "question")


def measured(run: RunInfo) -> str:
    """What was tried: the generation of the index, what wrote the answers, and whose rights were used."""
    model = str(run.settings.get("model") or "")
    parts = [plain(run.generation), f"answers {plain(written_by(model))}" if model else ""]
    if run.rights_of != run.started_by:
        parts.append(f"with the rights of <bdi>{plain(run.rights_of)}</bdi>")
    return " · ".join(filter(None, parts))


def percent(value: float) -> str:
    """Whole, but never rounded to all or nothing."""
    if 0 < value < 0.01 or 0.99 < value < 1:
        return f"{100 * value:.1f}%"
    return f"{100 * value:.0f}%"


def pace(done: int, total: int, elapsed: float) -> str:
    """How fast it goes and how long it will take, once that can be said."""
    if not done or elapsed <= 0:
        return "starting"
    rate = done / elapsed
    speed = f"{rate:.1f} a second" if rate >= 1 else f"{seconds(1 / rate)} each"
    return f"{speed}, {time_left((total - done) / rate)}"


def _about(run: RunInfo) -> str:
    what = "Retrieval and answers" if run.answers else "Retrieval alone"
    lines = [f"{what}, {counted(run.total, 'question')}", measured(run)]
    if run.state is RunState.DONE:
        link = f'<a href="/api/runs/{plain(run.id)}/report" target="_blank" rel="noopener">Open the report</a>'
        lines.append(link)
    return "".join(f"<small>{line}</small>" for line in lines if line)


def _result(run: RunInfo, now: datetime) -> str:
    if run.state is RunState.RUNNING:
        return f'<div role="status">{_progress(run, now)}</div>'
    if run.state is not RunState.DONE:
        kind, words = _STATES[run.state]
        how_far = f"after {number(run.done)} of {counted(run.total, 'question')}"
        return marked(kind, f"{words} {how_far}", plain(run.reason))
    known = [found for found in (_first(row, run.figures) for row in _FIGURES) if found]
    cells = [f"<span><b>{value}</b>{words}</span>" for value, words in known]
    if (slow := run.figures.get("seconds_p95")) is not None:
        cells.append(f"<span><b>{1000 * float(slow):,.0f} ms</b>search, p95</span>")
    return f'<div class="figures">{"".join(cells)}</div>{_note(run.figures)}'


def _first(choices: tuple[tuple[str, str], ...], figures: Mapping[str, Any]) -> tuple[str, str] | None:
    return next(((percent(float(figures[key])), words) for key, words in choices if key in figures), None)


def _note(figures: Mapping[str, Any]) -> str:
    """What makes the figures less than they seem."""
    notes = []
    if missing := int(figures.get("missing", 0)):
        notes.append(f"{counted(missing, 'document')} of the set not here, or not readable")
    if failed := int(figures.get("failed", 0)):
        notes.append(f"{counted(failed, 'question')} could not be asked")
    if degraded := int(figures.get("degraded", 0)):
        notes.append(f"{counted(degraded, 'question')} searched by words alone")
    return f"<small>{marked('weak', ', '.join(notes))}</small>" if notes else ""


def _progress(run: RunInfo, now: datetime) -> str:
    words = f"{number(run.done)} of {number(run.total)}"
    moving = "cancelling" if run.cancelling else pace(run.done, run.total, (now - run.started).total_seconds())
    return marked("busy", f"{words}, {moving}") + bar(run.done, run.total, "Evaluation")
