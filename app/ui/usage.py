"""How the assistant is used: how many questions, how many answers from the documents, how people found them.

Only counts, over the chats that are still kept; nobody's words are read for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from statistics import median

import streamlit as st

from app.services import Services
from app.ui.wording import counted, now_in, number, seconds
from app.ui.wording import day as in_words
from app.ui.zone import browser_zone
from storage.feedback import Asked
from storage.types import MessageState, Principal

PERIODS = {7: "7 days", 30: "30 days", 90: "90 days"}
KINDS = ("found", "nothing", "other")


@dataclass(frozen=True, slots=True)
class Day:
    day: date
    found: int
    nothing: int
    other: int  # stopped before a word, failed, still running

    @property
    def questions(self) -> int:
        return self.found + self.nothing + self.other


def draw(services: Services, principal: Principal) -> None:
    chosen = st.segmented_control(
        "Period", list(PERIODS), format_func=PERIODS.__getitem__, default=30, key="period", label_visibility="collapsed"
    )
    now = now_in(browser_zone())
    first = now.date() - timedelta(days=(chosen or 30) - 1)
    asked = list(services.feedback.asked(datetime.combine(first, time.min, now.tzinfo), principal))
    if not asked:
        st.html(
            '<div class="empty"><b>No questions in this time</b>Once people ask, this shows how often the documents '
            "had an answer, how people rated it,<br>and how long they waited for the first evidence.</div>"
        )
        return
    st.html(tiles(asked) + chart(by_day(asked, first, now)))
    st.html('<p class="lead">Counted over the chats that are still kept. A deleted chat is not counted any more.</p>')


def tiles(asked: Sequence[Asked]) -> str:
    """The figures of all these questions; where nothing can be said, a dash and why."""
    kinds = Counter(map(came_to, asked))
    found, nothing, other = (kinds[kind] for kind in KINDS)
    rated = Counter(one.rating for one in asked if one.rating is not None)
    waits = [one.first_evidence for one in asked if one.first_evidence is not None]
    helpful, unhelpful = rated[1], rated[0]
    cells = [
        _tile("Questions", number(len(asked)), f"{counted(other, 'answer')} failed or unfinished"),
        _tile("Answers from documents", share(found, found + nothing), f"nothing was found for {number(nothing)}"),
        _tile(
            "Found helpful",
            share(helpful, helpful + unhelpful),
            f"{number(helpful)} helpful, {number(unhelpful)} not, {number(len(asked) - helpful - unhelpful)} not rated",
        ),
        _tile(
            "To the first evidence",
            seconds(median(waits)) if waits else "–",
            "half of the questions took longer" if waits else "no question has found any",
        ),
    ]
    return f'<div class="tiles">{"".join(cells)}</div>'


def came_to(asked: Asked) -> str:
    """One of KINDS. An answer that was withdrawn had documents to draw on, and has lost them since."""
    if asked.state is MessageState.WITHDRAWN:
        return "found"
    if asked.state in (MessageState.DONE, MessageState.STOPPED) and asked.answered:
        return "found"
    return "nothing" if asked.state is MessageState.DONE else "other"


def by_day(asked: Sequence[Asked], first: date, now: datetime) -> list[Day]:
    """Every day from `first` to today, those without questions too, in the zone of `now`."""
    counts = Counter((one.at.astimezone(now.tzinfo).date(), came_to(one)) for one in asked)
    days = (first + timedelta(days=n) for n in range((now.date() - first).days + 1))
    return [Day(day, *(counts[day, kind] for kind in KINDS)) for day in days]


def chart(days: Sequence[Day]) -> str:
    most = max(day.questions for day in days) or 1
    busiest = max(days, key=lambda day: day.questions)
    bars = "".join(_bar(day, most) for day in days)
    label = (
        f"Questions per day from {_day(days[0].day)} to {_day(days[-1].day)}; most on {_day(busiest.day)}: "
        f"{number(busiest.questions)}"
    )
    return (
        '<h2 class="title">Questions per day</h2>'
        '<p class="legend"><span><i class="found"></i>answered</span><span><i class="nothing"></i>nothing found</span>'
        '<span><i class="other"></i>failed or unfinished</span></p>'
        f'<div class="days" role="img" aria-label="{label}"><b>{number(most)}</b>{bars}</div>'
        f'<div class="ends"><span>{_day(days[0].day)}</span><span>{_day(days[-1].day)}</span></div>'
    )


def share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f}%" if whole else "–"


def _bar(day: Day, most: int) -> str:
    parts = "".join(
        f'<i class="{name}" style="height:{100 * count / most:.1f}%"></i>'
        for name, count in (("other", day.other), ("nothing", day.nothing), ("found", day.found))
        if count
    )
    words = f"{_day(day.day)}: {counted(day.questions, 'question')}"
    more = f", nothing found for {number(day.nothing)}" if day.nothing else ""
    return f'<span title="{words}{more}">{parts}</span>'


def _tile(name: str, value: str, more: str) -> str:
    return f'<div class="tile"><span>{name}</span><b>{value}</b><small>{more}</small></div>'


def _day(day: date) -> str:
    return in_words(datetime.combine(day, time.min))
