"""The insights page, for admins: use, question sets, what people said, evaluations, and why answers said so.

Which of these is open, and which question set, is named in the address, so that reloading and the Back button keep it.
"""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from app.services import Services
from app.ui import candidate_list, question_list, question_sets, record_list, run_list, usage
from app.ui.identity import draw_problem, who
from app.ui.insight_views import SET, VIEW, open_view
from app.ui.wording import number
from storage.errors import NotFound
from storage.types import Principal

_VIEWS: dict[str, Callable[[Services, Principal], None]] = {
    "usage": usage.draw,
    "sets": question_sets.draw,
    "feedback": candidate_list.draw,
    "runs": run_list.draw,
    "records": record_list.draw,
}


def page() -> None:
    services, principal = who()
    if not principal.is_admin:
        st.html('<p class="notice">Insights are for admins.</p>')
        return
    with st.container(key="insights"):
        view, set_id = str(st.query_params.get(VIEW, "usage")), str(st.query_params.get(SET, ""))
        if view == "sets" and set_id:
            _draw_set(services, principal, set_id)
        else:
            _draw_view(services, principal, view if view in _VIEWS else "usage")


def _draw_view(services: Services, principal: Principal, view: str) -> None:
    sets, waiting = services.evaluations.sets(principal), services.feedback.count(principal)
    st.html('<h1 class="title">Insights</h1><p class="soft">How the assistant is used, and how well it does.</p>')
    names = {
        "usage": "Use",
        "sets": f"Question sets {number(len(sets))}",
        "feedback": f"Comments {number(waiting)}",
        "runs": "Evaluations",
        "records": "Why it said so",
    }
    with st.container(key="views", horizontal=True, gap="small", vertical_alignment="center"):
        for name, label in names.items():
            kind = "primary" if name == view else "secondary"
            st.button(label, key=f"view_{name}", type=kind, on_click=open_view, args=(name,))  # type: ignore[arg-type]
    draw_problem()
    _VIEWS[view](services, principal)


def _draw_set(services: Services, principal: Principal, set_id: str) -> None:
    try:
        kept = services.evaluations.set(set_id, principal)
    except NotFound:
        open_view("sets")
        st.rerun()
    question_list.draw(services, principal, kept)
