"""A source as a line of the list, as HTML. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from app.places import in_words
from app.ui.indicators import marked
from app.ui.readers import tags
from app.ui.safe_html import plain
from app.ui.wording import counted, number, when
from storage.sources import SourceInfo, Sync, SyncState

HEAD = (
    '<div class="line source head"><span>Source</span><span>Last run</span><span>Files</span>'
    "<span>Readable by</span></div>"
)
SHOWN_ERRORS = 20
_COUNTS = {
    "added": "added",
    "changed": "changed",
    "renamed": "renamed",
    "deleted": "deleted",
    "kept": "gone and kept",
    "known": "known already",
    "unchanged": "unchanged",
    "failed": "not read",
}


def row(source: SourceInfo, groups: Mapping[str, str], now: datetime) -> str:
    """`groups` are names by id; `now` is in the reader's time zone."""
    rhythm = f"every {in_words(source.every)}" if source.every else "by hand"
    if source.due and source.every:
        rhythm += f", next {'now' if source.due <= now else moment(source.due, now)}"
    chosen = [f"only {', '.join(source.include)}"] if source.include else []
    chosen += [f"without {', '.join(source.exclude)}"] if source.exclude else []
    about = "".join(f"<small><bdi>{plain(words)}</bdi></small>" for words in (source.location, *chosen))
    return (
        f'<div class="line source"><div><b><bdi>{plain(source.name)}</bdi></b>{about}<small>{rhythm}</small></div>'
        f'<div class="state wide">{_result(source.latest, now)}</div>'
        f'<div class="n" data-unit="files">{number(source.files)}</div>'
        f"<div>{tags(source.readers, groups)}</div></div>"
    )


def moment(at: datetime, now: datetime) -> str:
    """As `when`, with the time of day for what lies ahead."""
    local = at.astimezone(now.tzinfo)
    return f"{local:%H:%M}" if local.date() == now.date() else f"{when(at, now)}, {local:%H:%M}"


def counts(run: Sync) -> str:
    """What became of the files, in words."""
    parts = [f"{number(run.counts[name])} {words}" for name, words in _COUNTS.items() if run.counts.get(name)]
    return ", ".join(parts)


def _result(run: Sync | None, now: datetime) -> str:
    if run is None:
        return marked("", "Never run")
    if run.state is SyncState.WAITING:
        return marked("", "Waiting for the worker")
    if run.state is SyncState.RUNNING:
        return marked("busy", "Running", counts(run))
    kind, words = ("bad", "Failed") if run.state is SyncState.FAILED else ("weak", "Partly done")
    if run.state is SyncState.DONE and not run.errors:
        kind, words = "ok", "Done"
    ended = when(run.finished or run.created, now)
    told = "".join(f"<small>{words}</small>" for words in (plain(run.reason), counts(run) or "no files") if words)
    return marked(kind, f"{words}, {ended}") + told + _errors(run)


def _errors(run: Sync) -> str:
    if not run.errors:
        return ""
    shown = "".join(f"<li><bdi>{plain(key)}</bdi>: {plain(reason)}</li>" for key, reason in run.errors[:SHOWN_ERRORS])
    total = run.counts.get("failed", len(run.errors))
    more = f"<li>and {number(total - SHOWN_ERRORS)} more</li>" if total > SHOWN_ERRORS else ""
    return f"<details><summary>{counted(total, 'file')} not read</summary><ul>{shown}{more}</ul></details>"
