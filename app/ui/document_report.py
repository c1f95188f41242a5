"""One document of the documents page: its report, and its pages beside their passages as the assistant sees them.

Which document and page is named in the address. Everything is read with the rights of who looks, each time.
"""

from __future__ import annotations

import streamlit as st

from app import preview
from app.services import Services
from app.ui.document_rows import ready, state
from app.ui.identity import callback, draw_problem, who
from app.ui.readers import tags
from app.ui.report_rows import figures, head, notes, passages, times, why_empty
from app.ui.safe_html import attribute, plain
from app.ui.sources import marked_text
from app.ui.wording import now_in, number
from app.ui.zone import browser_zone
from ingest.parse import PAGED
from storage.errors import NotFound
from storage.reports import Report
from storage.status import OPEN
from storage.types import Principal, State

DOCUMENT, PAGE = "document", "page"
SHOWN = 100  # passages of a page
MOVING, STILL = 1.0, 30.0


def open_document(document_id: str) -> None:
    st.query_params.clear()
    st.query_params[DOCUMENT] = document_id


def draw(services: Services, principal: Principal, document_id: str) -> None:
    top = st.container(
        key="report_top", horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"
    )
    top.button("All documents", key="back", icon=":material/arrow_back:", type="tertiary", on_click=_close)
    draw_problem()
    try:
        report = services.reports.report(document_id, principal)
    except NotFound as error:
        st.html(f'<p class="notice">{plain(str(error))}</p>')
        return
    if report.state is State.READY:
        top.button("Read again", key="read_again", type="tertiary", on_click=_read_again, args=(document_id,))
    elif report.state not in OPEN:
        top.button("Retry", key="retry", type="tertiary", on_click=_retry, args=(document_id,))
    moves = report.state in OPEN
    st.fragment(_draw_report, run_every=MOVING if moves else STILL)(document_id, moves)
    if report.pages and not moves:
        st.fragment(_draw_preview)(document_id)


def _draw_report(document_id: str, moved: bool) -> None:
    services, principal = who()
    try:
        report = services.reports.report(document_id, principal)
        info = services.documents.get(document_id, principal)
    except NotFound:
        st.rerun()
    if moved != (report.state in OPEN):
        st.rerun()
    groups = {group.id: group.name for group in services.users.groups()}
    st.html(head(report, tags(info.readers, groups)))
    words = ready(info) if info.state is State.READY else state(info)  # why it is so in part stands below
    st.html(f'<div class="line"><div class="state">{words}</div></div>')
    st.html(figures(report) + notes(report) + times(report, now_in(browser_zone())))


def _draw_preview(document_id: str) -> None:
    services, principal = who()
    try:
        report = services.reports.report(document_id, principal)
        page = _page(report)
        _draw_paging(report, page)
        source = services.documents.source(report.version_id, page, principal)
        total, found = preview.passages(services.reports, report.version_id, principal, count=SHOWN, page=page)
    except NotFound as error:
        st.html(f'<p class="notice">{plain(str(error))}</p>')
        return
    with st.container(key="preview"):
        if report.format in PAGED:
            address = f"/api/versions/{plain(report.version_id)}/pages/{page}.jpg"
            picture = f'<img src="{address}" alt="Page {page} of {attribute(report.title, 120)}">'
            st.html(f'<div class="sheet"><div class="leaf">{picture}</div></div>')
        else:
            text = marked_text(source.section, (0, 0))
            st.html(f'<div class="sheet" tabindex="0"><div class="text" dir="auto">{text}</div></div>')
        st.html(passages(found, total, why_empty(report, page)))


def _draw_paging(report: Report, page: int) -> None:
    unit = "Page" if report.format in PAGED else "Section"
    with st.container(key="preview_pages", horizontal=True, gap="small", vertical_alignment="center"):
        st.html('<h2 class="title">As the assistant sees it</h2>')
        st.button("Previous", key="page_previous", disabled=page <= 1, on_click=_go, args=(page - 1,))
        st.html(f'<span class="soft">{unit} {number(page)} of {number(report.pages)}</span>', width="content")
        st.button("Next", key="page_next", disabled=page >= report.pages, on_click=_go, args=(page + 1,))
        if report.pages > 2:
            st.number_input(
                "Go to page",
                min_value=1,
                max_value=report.pages,
                value=None,
                placeholder="Go to",
                key="page_chosen",
                label_visibility="collapsed",
                width=110,
                on_change=_choose,
            )


def _page(report: Report) -> int:
    given = str(st.query_params.get(PAGE, "1"))
    page = int(given) if given.isascii() and given.isdigit() and len(given) < 8 else 1
    return max(1, min(page, report.pages))


def _go(page: int) -> None:
    st.query_params[PAGE] = str(page)


def _choose() -> None:
    if chosen := st.session_state.get("page_chosen"):
        _go(int(chosen))
        st.session_state["page_chosen"] = None


@callback
def _read_again(services: Services, principal: Principal, document_id: str) -> None:
    services.documents.read_again(document_id, principal)


@callback
def _retry(services: Services, principal: Principal, document_id: str) -> None:
    services.versions.retry(document_id, principal)


def _close() -> None:
    st.query_params.clear()
