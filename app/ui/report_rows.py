"""What was found in a document, and its passages as the assistant sees them, as HTML. Pure functions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from app.preview import Preview
from app.ui.safe_html import plain
from app.ui.wording import counted, number, seconds, size, when, without_text
from ingest.parse import PAGED, remedy
from ingest.recognition.recogniser import MISSING, OFF
from storage.reports import Report
from storage.types import Status

STEPS = {"read": "Read", "divide": "Divided", "embed": "Embedded", "publish": "Published"}


def head(report: Report, readers: str) -> str:
    """`readers` is HTML."""
    address = f"/api/versions/{plain(report.version_id)}/original"
    name = f'<a href="{address}" target="_self" title="Download the original"><bdi>{plain(report.name)}</bdi></a>'
    parts = [name, size(report.size), plain(report.format), plain(report.language)]
    return (
        f'<div class="report"><h1 class="title"><bdi>{plain(report.title)}</bdi></h1>'
        f'<p class="soft">{" · ".join(part for part in parts if part)} {readers}</p></div>'
    )


def figures(report: Report) -> str:
    empty = sum(gap.last - gap.first + 1 for gap in report.gaps)
    ready, unit = report.status is Status.DONE, "Pages" if report.format in PAGED else "Sections"
    tiles = [
        _tile(unit, number(report.pages), f"{number(empty)} without text" if empty else "all with text"),
        _tile("Characters", number(report.characters), f"language: {plain(report.language) or 'unknown'}"),
        _tile("Tables", number(report.tables), "kept as rows and cells"),
        _tile("Passages", number(report.passages) if ready else "–", "can be found" if ready else "none yet"),
    ]
    return f'<div class="tiles">{"".join(tiles)}</div>' if report.pages else ""


def notes(report: Report) -> str:
    """Pages that gave nothing, why, and what helps; and what else is to be said of the file."""
    lost = [*_lost(report), *report.warnings]
    blank = without_text([gap for gap in report.gaps if not gap.loses], report.format)
    lines = [*(("notice away", line) for line in lost), *(("notice", line) for line in blank)]
    return "".join(f'<p class="{kind}">{plain(line)}</p>' for kind, line in lines)


def _lost(report: Report) -> Iterator[str]:
    for why in dict.fromkeys(gap.reason for gap in report.gaps if gap.loses):
        (pages,) = without_text([gap for gap in report.gaps if gap.reason == why], report.format)
        again = " Then have the document read again." if why in {MISSING, OFF} else ""
        yield f"{pages}. {remedy(why)}{again}"


def times(report: Report, now: datetime) -> str:
    """`now` is in the reader's time zone."""
    took = [f"{words} in {_seconds(report.seconds[step])}" for step, words in STEPS.items() if step in report.seconds]
    who = f"Started by <bdi>{plain(report.started_by)}</bdi>, " if report.started_by else "Started "
    parts = [f"{who}{when(report.created, now)}", *took]
    if report.attempt > 1:
        parts.append(f"attempt {number(report.attempt)}")
    return f'<p class="soft steps">{" · ".join(parts)}</p>'


def why_empty(report: Report, page: int) -> str:
    reasons = [gap.reason for gap in report.gaps if gap.first <= page <= gap.last]
    return f"No passage was made of this page: {reasons[0]}." if reasons else "No passage was made of this page."


def passages(found: Sequence[Preview], total: int, empty: str) -> str:
    """Those of one page; `empty` is said where there are none."""
    cards = "".join(map(_passage, found)) or f'<p class="notice">{plain(empty)}</p>'
    return f'<div class="seen"><h2 class="title">{_title(found, total)}</h2>{cards}</div>'


def _title(found: Sequence[Preview], total: int) -> str:
    if not found:
        return "Passages"
    first, last = found[0].ordinal + 1, found[-1].ordinal + 1
    which = f"Passage {number(first)}" if first == last else f"Passages {number(first)} to {number(last)}"
    return f"{which} of {number(total)}"


def _passage(seen: Preview) -> str:
    above = "".join(f"<span>{plain(line)}</span>" for line in seen.context)
    where = plain(seen.place) or f"page {number(seen.page)}"
    length = counted(seen.end - seen.start, "character")
    place = f"{where}, from character {number(seen.start)} to {number(seen.end)} · {length}"
    return (
        f'<article class="hit"><div class="above" title="Embedded with the text">{above}</div>'
        f'<p dir="auto">{plain(seen.text)}</p><small>{place}</small></article>'
    )


def _seconds(value: float) -> str:
    return seconds(value) if value >= 0.05 else "under 0.1 s"


def _tile(what: str, value: str, more: str) -> str:
    return f'<div class="tile"><span>{what}</span><b>{value}</b><small>{more}</small></div>'
