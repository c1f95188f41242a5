"""The jobs page, for admins: what is being read in, how fast, and the means to pause, cancel and retry it.

Above the documents stands the index that is being made anew; what can be done about that is on its own page.

It shows the rows that the workers work from, once a second while something is open and every five seconds else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from app.services import Services
from app.ui import index_runs
from app.ui.identity import callback, draw_problem, who
from app.ui.job_rows import HEAD, row, summary
from app.ui.paging import draw_paging
from app.ui.safe_html import plain
from app.ui.wording import counted, now_in, number
from app.ui.zone import browser_zone
from storage.generations import Generation
from storage.queue import JobInfo, Summary
from storage.types import Principal, Status

ROWS = 50
MOVING, STILL = 1.0, 5.0
SHOW = "show"  # in the address
OPEN = "open"
_OPEN = (Status.RUNNING, Status.WAITING, Status.PAUSED)
_NOTHING = {
    OPEN: "<b>Nothing to do</b>Every document has been read. What is uploaded next appears here while it is read.",
    Status.FAILED: "<b>Nothing failed</b>What can't be read is listed here with the reason.",
}


def page() -> None:
    services, principal = who()
    if not principal.is_admin:
        st.html('<p class="notice">Jobs are managed by admins.</p>')
        return
    every = _pace(services, principal)
    with st.container(key="jobs"):
        draw_problem()
        st.fragment(_draw, run_every=every)(every)


def _pace(services: Services, principal: Principal) -> float:
    running = index_runs.runs(services.generations.all(principal))[Status.RUNNING]
    return MOVING if running or services.queue.summary(principal).open else STILL


def _draw(every: float) -> None:
    services, principal = who()
    found = services.queue.summary(principal)
    runs = index_runs.runs(services.generations.all(principal))
    if (every == MOVING) != bool(found.open or runs[Status.RUNNING]):
        st.rerun()  # the page sets another pace
    _draw_head(found, new_index=bool(runs[Status.RUNNING]))
    for reason in services.missing():
        st.html(f'<p class="notice away" role="status">{plain(reason)}</p>')
    shown = str(st.query_params.get(SHOW, OPEN))
    shown = shown if shown in set(Status) else OPEN
    _draw_filters(found, runs, shown)
    _draw_rows(services, principal, shown, runs[Status.RUNNING if shown == OPEN else Status(shown)])


def _draw_head(found: Summary, *, new_index: bool) -> None:
    with st.container(key="jobs_head", horizontal=True, vertical_alignment="center"):
        st.html(f'<h1 class="title">Jobs</h1>{summary(found, new_index=new_index)}')
        if failed := found.counts[Status.FAILED]:
            st.button(f"Retry {counted(failed, 'failed job')}", key="retry_failed", on_click=_retry_failed)
        paused = found.held_by or found.counts[Status.PAUSED]
        if found.held_by or (paused and not found.counts[Status.WAITING] and not found.counts[Status.RUNNING]):
            st.button("Resume all", key="resume_all", type="primary", on_click=_resume_all)
        else:
            if paused:
                st.button("Resume all", key="resume_all", on_click=_resume_all)
            st.button("Pause all", key="pause_all", on_click=_pause_all, disabled=not found.open)
    if found.held_by:
        st.html(
            f'<p class="notice away" role="status">Everything is paused by <bdi>{plain(found.held_by)}</bdi>. What '
            "runs stops when its step has ended; nothing new is begun until you resume.</p>"
        )


def _draw_filters(found: Summary, runs: Mapping[Status, Sequence[Generation]], shown: str) -> None:
    with st.container(key="views", horizontal=True, gap="small"):
        for name in (OPEN, *Status):
            count = found.open if name == OPEN else found.counts[Status(name)]
            count += len(runs[Status.RUNNING if name == OPEN else Status(name)])
            st.button(
                f"{name.capitalize()} {number(count)}",
                key=f"filter_{name}",
                type="primary" if name == shown else "secondary",
                on_click=_show,
                args=(str(name),),
            )


def _draw_rows(services: Services, principal: Principal, shown: str, runs: Sequence[Generation]) -> None:
    offset = st.session_state.get("jobs_offset", 0)
    status = None if shown == OPEN else Status(shown)
    jobs = services.queue.jobs(principal, status=status, limit=ROWS + 1, offset=offset)
    if not jobs and offset:
        st.session_state["jobs_offset"] = 0
        st.rerun(scope="fragment")
    if not jobs and not runs:
        words = _NOTHING.get(shown, f"<b>Nothing is {shown}</b>")
        st.html(f'<div class="empty">{words}</div>')
        return
    now = now_in(browser_zone())
    with st.container(key="rows"):
        with st.container(key="row_head"):
            st.html(HEAD)
        for run in runs if not offset else ():
            with st.container(key=f"row_run_{run.id}", horizontal=True, wrap=False, vertical_alignment="top"):
                st.html(index_runs.row(run, services.generations.progress(run.id), now))
        for job in jobs[:ROWS]:
            with st.container(key=f"row_{job.version_id}", horizontal=True, wrap=False, vertical_alignment="top"):
                st.html(row(job, now))
                _draw_menu(job)
    draw_paging(offset, len(jobs), rows=ROWS, turn=_turn)


def _draw_menu(job: JobInfo) -> None:
    if job.status in _OPEN:
        actions = ["Resume" if job.wanted == "pause" else "Pause", "Cancel"]
    elif job.status is Status.DONE:
        return
    else:
        actions = ["Retry"]
    st.menu_button(
        "Actions",
        actions,
        key=f"menu_{job.version_id}",
        icon=":material/more_horiz:",
        type="tertiary",
        on_click=_steer,
        args=(job.version_id,),
    )


def _show(name: str) -> None:
    st.query_params[SHOW] = name
    st.session_state["jobs_offset"] = 0


def _turn(step: int) -> None:
    st.session_state["jobs_offset"] = max(0, st.session_state.get("jobs_offset", 0) + step)


@callback
def _steer(services: Services, principal: Principal, version_id: str) -> None:
    actions = {
        "Pause": services.queue.pause,
        "Resume": services.queue.resume,
        "Cancel": services.queue.cancel,
        "Retry": services.queue.retry,
    }
    if action := actions.get(str(st.session_state.get(f"menu_{version_id}"))):
        action(version_id, principal)


@callback
def _pause_all(services: Services, principal: Principal) -> None:
    services.queue.pause_all(principal)


@callback
def _resume_all(services: Services, principal: Principal) -> None:
    services.queue.resume_all(principal)


@callback
def _retry_failed(services: Services, principal: Principal) -> None:
    services.queue.retry_failed(principal)
