"""The dialog that starts an evaluation: of what, and with whose rights."""

from __future__ import annotations

import streamlit as st

from app.services import Services
from app.ui.identity import callback, draw_problem
from app.ui.insight_views import close_when_done, done, open_view
from app.ui.safe_html import clean, plain
from app.ui.wording import counted
from storage.evaluations import SetInfo
from storage.types import Principal

RETRIEVAL, ANSWERS = "Retrieval alone", "Retrieval and answers"


@st.dialog("Evaluate")
def draw_run_form(services: Services, principal: Principal, kept: SetInfo) -> None:
    draw_problem()
    st.html(f'<p class="lead"><bdi>{plain(kept.name)}</bdi>, {counted(kept.questions, "question")}.</p>')
    st.radio(
        "What is measured",
        [RETRIEVAL, ANSWERS],
        captions=[
            "How often the right page is found, and how fast. Some questions a second.",
            f"Also what is answered, by {_writer(services)}. "
            + ("Minutes to hours." if services.has_language_model else "A little slower."),
        ],
        key="run_what",
    )
    names = [account.name for account in services.users.accounts() if account.active]
    st.selectbox(
        "With the rights of",
        names,
        index=names.index(principal.name) if principal.name in names else 0,
        format_func=lambda name: f"{clean(name)} (you)" if name == principal.name else clean(name),
        key="run_rights",
        help="What this account may not read is not found, as in its own chats.",
    )
    st.button("Start", type="primary", key="run_start", on_click=_start, args=(kept.id,))
    close_when_done()


def _writer(services: Services) -> str:
    return services.llm.name if services.has_language_model else "the sentences of the documents that fit best"


@callback
def _start(services: Services, principal: Principal, set_id: str) -> None:
    answers = st.session_state.get("run_what") == ANSWERS
    services.runs.start(set_id, principal, answers=answers, rights_of=str(st.session_state["run_rights"]))
    done()
    open_view("runs")
