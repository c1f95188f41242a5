"""Dates, numbers and sizes as people read them. Not covered: texts of single pages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta, tzinfo

from app.extract import Extractive
from ingest.parse import PAGED
from storage.documents import DocumentInfo
from storage.queue import JobInfo
from storage.types import Gap, State

RUNS = 20  # of pages, that are named in a line


def number(value: int) -> str:
    return f"{value:,}"


def counted(value: int, singular: str, plural: str = "") -> str:
    """1 document, 1,204 documents."""
    return f"{value:,} {singular if value == 1 else plural or singular + 's'}"


def unread_then(documents: int) -> str:
    """With an answer: what it could not take into account."""
    return f"{counted(documents, 'document')} had not been read yet when this was asked."


def unread_now(documents: int) -> str:
    """Before a question is asked."""
    if documents == 1:
        return "1 document is still being read. Answers do not know it yet."
    return f"{number(documents)} documents are still being read. Answers do not know them yet."


def size(value: int) -> str:
    """Decimal units, as file managers and disks count."""
    if value < 1000:
        return counted(value, "byte")
    if value < 999_500:
        return f"{value / 1000:.0f} kB"
    if value < 999_500_000:
        return f"{value / 10**6:.1f} MB"
    return f"{value / 10**9:.1f} GB"


def seconds(value: float) -> str:
    return f"{value:.1f} s" if value < 9.95 else f"{value:,.0f} s"


def how_far(work: DocumentInfo | JobInfo) -> str:
    """What is done of work that was broken off, or ""."""
    if not work.total or not work.done:
        return ""
    unit = "pages read" if work.state is State.PARSING else "passages embedded"
    return f"{number(work.done)} of {number(work.total)} {unit}"


def written_by(model: str) -> str:
    """How answers came about, by the name of what wrote them."""
    return "word for word" if model == Extractive.name else f"by {model}"


def day(moment: date) -> str:
    return f"{moment.day} {moment:%b %Y}"


def when(moment: datetime, now: datetime) -> str:
    """`now` is aware; the answer is in its time zone: today, 09:12; yesterday; 3 Mar 2026."""
    local = moment.astimezone(now.tzinfo)
    if local.date() == now.date():
        return f"today, {local:%H:%M}"
    if local.date() == now.date() - timedelta(days=1):
        return "yesterday"
    return day(local)


def period(moment: datetime, now: datetime) -> str:
    """The heading of the chat history that a moment stands under."""
    age = (now.date() - moment.astimezone(now.tzinfo).date()).days
    if age <= 0:
        return "Today"
    if age == 1:
        return "Yesterday"
    return "Last week" if age <= 7 else "Older"


def ordinal(value: int) -> str:
    """1st, 2nd, 11th."""
    suffix = "th" if value % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(value % 10, "th")
    return f"{value:,}{suffix}"


def now_in(zone: tzinfo | None) -> datetime:
    return datetime.now(zone) if zone else datetime.now().astimezone()


def time_left(left: float) -> str:
    if left < 60:
        return f"{max(1, round(left))} s left"
    if left < 3600:
        return f"{round(left / 60)} min left"
    return f"{left / 3600:.1f} h left"


def ranges(numbers: Sequence[int]) -> str:
    """1, 3-7: ascending numbers, three and more in a row as a range."""
    runs: list[list[int]] = []
    for n in numbers:
        if runs and n == runs[-1][-1] + 1:
            runs[-1].append(n)
        else:
            runs.append([n])
    parts = [f"{run[0]}-{run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs]
    return ", ".join(parts)


def without_text(gaps: Sequence[Gap], format: str) -> list[str]:
    """Which pages gave no text, a line for each reason: "Pages 3, 7-9: no text, only a picture"."""
    by_reason: dict[str, list[int]] = {}
    for gap in gaps:
        by_reason.setdefault(gap.reason, []).extend(range(gap.first, gap.last + 1))
    unit = "Page" if format in PAGED else "Section"
    return [f"{unit}{'' if len(pages) == 1 else 's'} {_short(pages)}: {reason}" for reason, pages in by_reason.items()]


def _short(pages: Sequence[int]) -> str:
    runs = ranges(pages).split(", ")
    return ", ".join(runs[:RUNS]) + (f", ... ({number(len(pages))} in all)" if len(runs) > RUNS else "")
