"""The list of question sets: new, run, download, rename, delete."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app.services import Services
from app.ui.identity import callback, draw_problem
from app.ui.insight_views import ask_for, asked_for, close_when_done, done, open_view
from app.ui.run_form import draw_run_form
from app.ui.run_rows import main_figure
from app.ui.safe_html import label, plain
from app.ui.wording import counted, now_in, number, when
from app.ui.zone import browser_zone
from storage.evaluations import RunInfo, RunState, SetInfo
from storage.types import Principal

HEAD = (
    '<div class="line set head"><span>Question set</span><span>Questions</span><span>Last evaluation</span>'
    "<span>Changed</span></div>"
)


def draw(services: Services, principal: Principal) -> None:
    sets = services.evaluations.sets(principal)
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.html(
            '<p class="lead">Questions whose answers you know. An evaluation asks them all and counts how often the '
            "right page is found, so that a change to documents, models or settings shows what it brings.</p>",
            width="stretch",
        )
        st.button("New question set", key="set_new", type="primary", on_click=ask_for, args=("new",))
    if sets:
        _draw_list(sets, services.evaluations.runs(principal, limit=200))
    else:
        st.html(
            '<div class="empty"><b>No question set yet</b>Begin with ten questions that people really ask, each with '
            "the page that answers it,<br>or import a file with one JSON object a line. Comments on answers can be "
            "taken over too.</div>"
        )
    _open_dialog(services, principal, sets)


def _draw_list(sets: Sequence[SetInfo], runs: Sequence[RunInfo]) -> None:
    last = {run.set_id: run for run in reversed(runs) if run.state is RunState.DONE}
    now = now_in(browser_zone())
    with st.container(key="rows"):
        with st.container(key="row_head"):
            st.html(HEAD)
        for kept in sets:
            with st.container(key=f"row_{kept.id}", horizontal=True, wrap=False, vertical_alignment="top"):
                st.button(
                    label(kept.name), key=f"name_{kept.id}", type="tertiary", on_click=open_view, args=("sets", kept.id)
                )
                run = last.get(kept.id)
                figure = f"{main_figure(run)}<small>{when(run.started, now)}</small>" if run else ""
                st.html(
                    f'<div class="line set"><div class="n" data-unit="questions">{number(kept.questions)}</div>'
                    f"<div>{figure}</div><div>{when(kept.changed, now)}<small>made by "
                    f"<bdi>{plain(kept.created_by)}</bdi></small></div></div>"
                )
                st.menu_button(
                    "Actions",
                    ["Evaluate", "Rename", "Delete"],
                    key=f"menu_{kept.id}",
                    icon=":material/more_horiz:",
                    type="tertiary",
                    on_click=_choose,
                    args=(kept.id,),
                )


def _choose(set_id: str) -> None:
    ask_for(str(st.session_state.get(f"menu_{set_id}")), set_id)


def _open_dialog(services: Services, principal: Principal, sets: Sequence[SetInfo]) -> None:
    match asked_for():
        case ("new",):
            _new()
        case (chosen, set_id):
            kept = next((kept for kept in sets if kept.id == set_id), None)
            if kept is None:
                return
            if chosen == "Evaluate":
                draw_run_form(services, principal, kept)
            elif chosen == "Rename":
                draw_rename(kept)
            elif chosen == "Delete":
                draw_delete(kept)


@st.dialog("New question set")
def _new() -> None:
    draw_problem()
    st.text_input("Name", key="set_name", max_chars=80, placeholder="Leave and travel")
    st.button("Create", type="primary", key="set_create", on_click=_create)
    close_when_done()


@st.dialog("Rename question set")
def draw_rename(kept: SetInfo) -> None:
    draw_problem()
    st.text_input("Name", kept.name, key="set_renamed", max_chars=80)
    st.button("Save", type="primary", key="set_rename", on_click=_rename, args=(kept.id,))
    close_when_done()


@st.dialog("Delete question set")
def draw_delete(kept: SetInfo) -> None:
    st.html(
        f'<p class="lead"><bdi>{plain(kept.name)}</bdi> will be gone for good: its '
        f"{counted(kept.questions, 'question')} and every evaluation of it. Download them first to keep them.</p>"
    )
    st.button("Delete", type="primary", key="set_delete", on_click=_delete, args=(kept.id,))
    close_when_done()


@callback
def _create(services: Services, principal: Principal) -> None:
    kept = services.evaluations.create_set(str(st.session_state["set_name"]), principal)
    done()
    open_view("sets", kept.id)


@callback
def _rename(services: Services, principal: Principal, set_id: str) -> None:
    services.evaluations.rename_set(set_id, str(st.session_state["set_renamed"]), principal)
    done()


@callback
def _delete(services: Services, principal: Principal, set_id: str) -> None:
    done()
    services.evaluations.delete_set(set_id, principal)
    open_view("sets")
