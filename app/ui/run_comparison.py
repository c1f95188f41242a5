"""Two evaluations of one question set beside each other: what changed, and whether chance would do as much."""

from __future__ import annotations

import streamlit as st

from app.evaluation.measures import MEASURES, Comparison
from app.evaluation.questions import Question
from app.evaluation.statistics import Difference
from app.services import Services
from app.ui.indicators import dot
from app.ui.run_rows import measured, percent
from app.ui.safe_html import plain
from app.ui.wording import counted, now_in, when
from app.ui.zone import browser_zone
from storage.errors import FootnoteError
from storage.types import Principal

CHANCE = 0.05
_CHANGED = 20


def draw_comparison(services: Services, principal: Principal, first: str, second: str) -> None:
    try:
        one, other = services.evaluations.run(first, principal), services.evaluations.run(second, principal)
        comparison = services.runs.compare(first, second, principal)
    except FootnoteError as error:
        st.html(f'<p class="notice away" role="alert">{plain(str(error))}</p>')
        return
    now = now_in(browser_zone())
    told = [f"{name}: {when(run.started, now)}, {measured(run)}" for name, run in (("Before", one), ("After", other))]
    st.html(
        f'<h2 class="title"><bdi>{plain(one.set_name)}</bdi></h2><p class="lead">{"<br>".join(told)}<br>'
        f"Compared over the {counted(comparison.questions, 'question')} that both have.</p>"
        + table(comparison)
        + changes(comparison)
    )


def table(comparison: Comparison) -> str:
    rows = "".join(_row(name, found) for name, found in comparison.measures.items())
    return (
        '<div class="compared"><table><thead><tr><th scope="col">Measure</th><th scope="col">Before</th>'
        '<th scope="col">After</th><th scope="col">Difference</th><th scope="col">By chance</th>'
        f'<th scope="col">What it says</th></tr></thead><tbody>{rows}</tbody></table></div>'
        '<p class="lead">In brackets the 95% interval of the difference. By chance: how often a difference as large '
        "would come from luck alone; many measures are compared, so now and then one will look real.</p>"
    )


def verdict(name: str, found: Difference) -> tuple[str, str]:
    """A colour and words."""
    if found.p > CHANCE or not found.difference:
        return "", "no difference shown"
    better = (found.difference > 0) == MEASURES[name].higher_is_better
    return ("ok", "better") if better else ("bad", "worse")


def changes(comparison: Comparison) -> str:
    """The questions that the main measure judges otherwise, what was lost first."""
    if not comparison.changed:
        return ""
    lost = [one for one in comparison.changed if one[2] < one[1]]
    won = [one for one in reversed(comparison.changed) if one[2] > one[1]]
    label = plain(MEASURES[comparison.measure].label)
    return f"<h3>{label}, question by question</h3>{_questions('Lost', lost)}{_questions('Won', won)}"


def _row(name: str, found: Difference) -> str:
    measure = MEASURES[name]
    kind, words = verdict(name, found)
    counts = f"{found.better} better, {found.worse} worse, {found.equal} alike"
    cells = (
        _value(found.first, measure.is_share),
        _value(found.second, measure.is_share),
        f"{_change(found.difference, measure.is_share)}{'' if measure.is_share else ' ms'} "
        f"[{_change(found.low, measure.is_share)}, {_change(found.high, measure.is_share)}]",
        "under 0.1%" if found.p < 0.001 else f"{100 * found.p:.1f}%",
    )
    names = ("before", "after", "difference", "by chance")
    shown = "".join(f'<td data-name="{name}">{cell}</td>' for name, cell in zip(names, cells, strict=True))
    mark = dot(kind) if kind else ""
    return f'<tr><th scope="row">{plain(measure.label)}</th>{shown}<td>{mark}{words}<small>{counts}</small></td></tr>'


def _value(value: float, is_share: bool) -> str:
    return f"{100 * value:.1f}%" if is_share else f"{1000 * value:,.0f} ms"


def _change(value: float, is_share: bool) -> str:
    number = round(100 * value, 1) if is_share else round(1000 * value)
    return f"{number:+,}" if number else "0"


def _questions(title: str, changed: list[tuple[Question, float, float]]) -> str:
    if not changed:
        return ""
    items = "".join(
        f'<li dir="auto">{plain(question.text)} <small>{percent(before)} before, {percent(after)} after</small></li>'
        for question, before, after in changed[:_CHANGED]
    )
    more = f"<li>and {len(changed) - _CHANGED} more</li>" if len(changed) > _CHANGED else ""
    return f"<h4>{title}: {counted(len(changed), 'question')}</h4><ul>{items}{more}</ul>"
