"""What people said of answers that did not help, and what becomes of it: a question of a set, or nothing."""

from __future__ import annotations

import streamlit as st

from app.quotation import plain as unescaped
from app.services import Services
from app.ui.articles import place
from app.ui.identity import callback
from app.ui.insight_views import ask_for, asked_for, draw_news, tell
from app.ui.question_form import draw_candidate_form
from app.ui.safe_html import clean, plain
from app.ui.wording import now_in, when
from app.ui.zone import browser_zone
from storage.errors import NotFound
from storage.feedback import Commented
from storage.types import Citation, Principal

_SHOWN = 50
_ANSWER = 1200  # characters


def draw(services: Services, principal: Principal) -> None:
    found = services.feedback.candidates(principal, limit=_SHOWN)
    draw_news()
    st.html(
        '<p class="lead">Answers that somebody called not helpful and commented on. Who it was is not shown. A comment '
        "goes when its chat is deleted, or a document that the answer drew on; a question that you add to a set stays."
        "</p>"
    )
    if not found:
        st.html(
            '<div class="empty"><b>No comments to look at</b>When somebody calls an answer not helpful and says why, '
            "it stands here.</div>"
        )
    for one in found:
        _draw(one)
    _open_dialog(services, principal)


def _draw(one: Commented) -> None:
    with st.container(key=f"candidate_{one.message_id}"):
        st.html(_article(one))
        with st.container(key=f"act_{one.message_id}", horizontal=True, gap="small"):
            st.button(
                "Add to a question set",
                key=f"accept_{one.message_id}",
                on_click=ask_for,
                args=("accept", one.message_id),
            )
            st.button("Dismiss", key=f"dismiss_{one.message_id}", on_click=_dismiss, args=(one.message_id,))


def _article(one: Commented) -> str:
    now = now_in(browser_zone())
    leans = " · asked after other questions, which are not shown" if one.follows_up else ""
    answer = clean(unescaped(one.answer)).strip()
    shown = answer if len(answer) <= _ANSWER else answer[:_ANSWER].rstrip() + " …"
    places = "".join(f"<li>{cited}</li>" for cited in dict.fromkeys(map(_place, one.citations)))
    sources = f"<h4>It cited</h4><ul>{places}</ul>" if places else ""
    return (
        f'<div class="candidate"><h3 dir="auto">{plain(one.question)}</h3>'
        f'<p class="soft">{when(one.created, now)}{leans}</p>'
        f'<blockquote dir="auto">{plain(one.comment)}</blockquote>'
        f'<details class="more"><summary>What was answered</summary><p dir="auto">{plain(shown)}</p>{sources}'
        "</details></div>"
    )


def _place(citation: Citation) -> str:
    at = place(citation)
    return f"<bdi>{plain(at.title)}</bdi>, {plain(at.where)}"


def _open_dialog(services: Services, principal: Principal) -> None:
    match asked_for():
        case ("accept", message_id):
            try:
                draw_candidate_form(services, principal, services.feedback.candidate(message_id, principal))
            except NotFound as error:
                st.html(f'<p class="notice away" role="alert">{plain(str(error))}</p>')


@callback
def _dismiss(services: Services, principal: Principal, message_id: str) -> None:
    services.feedback.dismiss(message_id, principal)
    tell("Dismissed.")
