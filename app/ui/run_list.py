"""The list of evaluations: how those under way are getting on, and what came of the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from app.services import Services
from app.ui.identity import callback, who
from app.ui.insight_views import VIEW, ask_for, asked_for, close_when_done, done, draw_news, is_asked_for, open_view
from app.ui.paging import draw_paging
from app.ui.run_comparison import draw_comparison
from app.ui.run_rows import HEAD, row
from app.ui.safe_html import clean, plain
from app.ui.wording import now_in, when
from app.ui.zone import browser_zone
from storage.errors import NotFound
from storage.evaluations import RunInfo, RunState
from storage.types import Principal

ROWS = 30
MOVING = 1.0
FIRST, SECOND = "first", "second"


def draw(services: Services, principal: Principal) -> None:
    dialog = asked_for()  # before the list, which reruns the page for one
    draw_news()
    first, second = str(st.query_params.get(FIRST, "")), str(st.query_params.get(SECOND, ""))
    if first and second:
        st.button("Close the comparison", key="comparison_close", on_click=open_view, args=("runs",))
        draw_comparison(services, principal, first, second)
    st.html(
        '<p class="lead">How often the right page came first, or among the first five, or the words that answer stood '
        "in the first five passages; how many answers were right, and how many questions were refused, rightly or not. "
        "The report has every figure with its margin.</p>"
    )
    runs = services.evaluations.runs(principal, limit=ROWS)
    moving = any(run.state is RunState.RUNNING for run in runs)
    st.fragment(_draw_list, run_every=MOVING if moving else None)(moving)
    _open_dialog(services, principal, dialog)


def _draw_list(moving: bool) -> None:
    services, principal = who()
    offset = st.session_state.get("run_offset", 0)
    runs = services.evaluations.runs(principal, limit=ROWS + 1, offset=offset)
    if moving != any(run.state is RunState.RUNNING for run in runs) and not offset:
        st.rerun()  # the page sets another pace
    if not runs:
        st.html(
            '<div class="empty"><b>No evaluation yet</b>Open a question set and choose Evaluate. Retrieval alone takes '
            "seconds for a hundred questions.</div>"
        )
        return
    now = now_in(browser_zone())
    with st.container(key="rows"):
        with st.container(key="row_head"):
            st.html(HEAD)
        for run in runs[:ROWS]:
            with st.container(key=f"row_{run.id}", horizontal=True, wrap=False, vertical_alignment="top"):
                st.html(row(run, now))
                _draw_menu(run)
    draw_paging(offset, len(runs), rows=ROWS, turn=_turn, words=("Newer", "Older"))
    if is_asked_for():
        st.rerun()  # dialogs stand on the page itself, else the next look at the list would close them


def _draw_menu(run: RunInfo) -> None:
    actions = {RunState.RUNNING: ["Cancel"], RunState.DONE: ["Compare", "Delete"]}.get(run.state, ["Delete"])
    st.menu_button(
        "Actions",
        actions,
        key=f"menu_{run.id}",
        icon=":material/more_horiz:",
        type="tertiary",
        on_click=_choose,
        args=(run.id,),
    )


def _turn(step: int) -> None:
    st.session_state["run_offset"] = max(0, st.session_state.get("run_offset", 0) + step)


@callback
def _choose(services: Services, principal: Principal, run_id: str) -> None:
    chosen = str(st.session_state.get(f"menu_{run_id}"))
    if chosen == "Cancel":
        services.runs.cancel(run_id, principal)
    else:
        ask_for(chosen, run_id)


def _open_dialog(services: Services, principal: Principal, dialog: Sequence[str]) -> None:
    match dialog:
        case (chosen, run_id):
            try:
                run = services.evaluations.run(run_id, principal)
            except NotFound:
                return
            if chosen == "Compare":
                others = services.evaluations.runs(principal, set_id=run.set_id, limit=100)
                _compare(run, [one for one in others if one.state is RunState.DONE and one.id != run.id])
            elif chosen == "Delete":
                _delete(run)


@st.dialog("Compare two evaluations")
def _compare(run: RunInfo, others: Sequence[RunInfo]) -> None:
    if not others:
        st.html('<p class="lead">There is no other evaluation of this question set yet. Start one, then compare.</p>')
        return
    now, by_id = now_in(browser_zone()), {one.id: one for one in others}

    def told(other: str) -> str:
        one = by_id[other]
        return clean(f"{when(one.started, now)}, with the rights of {one.rights_of}, {one.generation}")

    st.html(
        f'<p class="lead">The evaluation of {when(run.started, now)} against an earlier or later one, question by '
        "question.</p>"
    )
    st.selectbox("Compare with", list(by_id), format_func=told, key="compare_with")
    st.button("Compare", type="primary", key="compare", on_click=_open_comparison, args=(run, by_id))
    close_when_done()


@st.dialog("Delete evaluation")
def _delete(run: RunInfo) -> None:
    st.html(f'<p class="lead">The figures and the report of <bdi>{plain(run.set_name)}</bdi> will be gone.</p>')
    st.button("Delete", type="primary", key="run_delete", on_click=_remove, args=(run.id,))
    close_when_done()


def _open_comparison(run: RunInfo, others: Mapping[str, RunInfo]) -> None:
    """The older of the two comes first."""
    done()
    pair = sorted((run, others[str(st.session_state["compare_with"])]), key=lambda one: one.started)
    st.query_params.from_dict({VIEW: "runs", FIRST: pair[0].id, SECOND: pair[1].id})


@callback
def _remove(services: Services, principal: Principal, run_id: str) -> None:
    done("The evaluation was deleted.")
    services.evaluations.delete_run(run_id, principal)
    open_view("runs")
