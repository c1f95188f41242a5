"""The page Questions for people: what askers sent, who answers it, and the answers; for admins and one group."""

from __future__ import annotations

import streamlit as st

from app.services import Services
from app.ui import articles
from app.ui.identity import callback, draw_problem, who
from app.ui.indicators import dot
from app.ui.safe_html import clean, plain, shortened
from app.ui.wording import now_in, number, when
from app.ui.zone import browser_zone
from storage.errors import NotFound
from storage.escalations import MAX_REFERENCES, MAX_REPLY, Delivery, Escalation, EscalationState, Reference
from storage.types import Message, MessageState, Principal

QUESTION, STATE = "question", "state"
_SHOWN = 50
_STATES = {EscalationState.OPEN: "Open", EscalationState.ANSWERED: "Answered", EscalationState.CLOSED: "Closed"}
_DOTS = {EscalationState.OPEN: "weak", EscalationState.ANSWERED: "ok", EscalationState.CLOSED: ""}
_EMPTY = {
    EscalationState.OPEN: "When an answer is in doubt or does not help, who asked can send the question here.",
    EscalationState.ANSWERED: "What a person has answered stands here.",
    EscalationState.CLOSED: "What was closed or taken back stands here.",
}


def page() -> None:
    services, principal = who()
    if not services.escalations.may_answer(principal):
        st.html('<p class="notice">Questions for people are for those who answer them.</p>')
        return
    with st.container(key="questions"):
        if opened := str(st.query_params.get(QUESTION, "")):
            _draw_question(services, principal, opened)
        else:
            _draw_list(services, principal)


def _draw_list(services: Services, principal: Principal) -> None:
    counts = services.escalations.counts(principal)
    st.html(
        '<h1 class="title">Questions for people</h1><p class="lead">Where an answer was in doubt or did not help, and '
        "who asked wants to hear a person. Your answer goes into their chat.</p>"
    )
    state = _open_state()
    with st.container(key="views", horizontal=True, gap="small", vertical_alignment="center"):
        for each, name in _STATES.items():
            kind = "primary" if each is state else "secondary"
            label = f"{name} {number(counts[each])}"
            st.button(label, key=f"view_{each}", type=kind, on_click=_show_state, args=(each,))  # type: ignore[arg-type]
    draw_problem()
    found = services.escalations.find(principal, state=state, limit=_SHOWN)
    if not found:
        st.html(f'<div class="empty"><b>No {state} question</b>{_EMPTY[state]}</div>')
    for one in found:
        with st.container(key=f"candidate_{one.id}"):
            st.html(_article(one))
            st.button("Open", key=f"question_open_{one.id}", on_click=_open, args=(one.id,))


def _draw_question(services: Services, principal: Principal, escalation_id: str) -> None:
    st.button("All questions", key="question_back", icon=":material/arrow_back:", type="tertiary", on_click=_back)
    draw_problem()
    try:
        thread = services.escalations.thread(escalation_id, principal)
    except NotFound:
        st.html('<p class="notice away">This question is not there any more: its chat was deleted.</p>')
        return
    one = thread.escalation
    st.html(_article(one))
    with st.container(key="question_act", horizontal=True, gap="small"):
        if one.state is EscalationState.OPEN and one.taken_by != principal.name:
            st.button("I answer this", key="question_take", disabled=bool(one.taken_by), on_click=_take, args=(one.id,))
        if one.state is not EscalationState.CLOSED:
            st.button("Close", key="question_close", on_click=_close, args=(one.id,))
    if one.state is not EscalationState.CLOSED:
        _draw_form(services, principal, one)
    st.html('<h2 class="title">The chat so far</h2>')
    for message in thread.messages:
        st.html(_said(message))


def _draw_form(services: Services, principal: Principal, one: Escalation) -> None:
    known = services.escalations.references(one.id, "", principal, limit=500)
    with st.container(key="question_form"):
        st.text_area(
            "Your answer",
            key=f"reply_{one.id}",
            max_chars=MAX_REPLY,
            height=160,
            placeholder="[1] in your text points to the first document below.",
        )
        st.multiselect(
            "Documents to refer to",
            known,
            format_func=_title,
            key=f"references_{one.id}",
            max_selections=MAX_REFERENCES,
            placeholder="Those that you and who asked may both read",
        )
        st.html(
            f'<p class="soft"><bdi>{plain(one.asker)}</bdi> sees your name with it. Who loses the right to a document '
            "that you refer to loses your answer too.</p>"
        )
        st.button("Send answer", key="question_send", type="primary", on_click=_answer, args=(one.id,))


def _article(one: Escalation) -> str:
    now = now_in(browser_zone())
    taken = f" · answered by <bdi>{plain(one.taken_by)}</bdi>" if one.taken_by else ""
    if one.taken_by and one.state is EscalationState.OPEN:
        taken = f" · <bdi>{plain(one.taken_by)}</bdi> is on it"
    note = f'<blockquote dir="auto">{plain(one.note)}</blockquote>' if one.note else ""
    out = "".join(f'<p class="soft">{_delivery(each)}</p>' for each in one.deliveries)
    return (
        f'<div class="candidate"><h3 dir="auto">{plain(one.question)}</h3><p class="soft">'
        f"{dot(_DOTS[one.state])}{_STATES[one.state]} · <bdi>{plain(one.asker)}</bdi>, "
        f"{when(one.created, now)}{taken}</p>{note}{out}</div>"
    )


def _delivery(one: Delivery) -> str:
    way = {"mail": "Mail", "webhook": "Webhook"}.get(one.channel, plain(one.channel))
    now = now_in(browser_zone())
    if one.sent is not None:
        return f"{way}: sent {when(one.sent, now)}"
    if one.state == "failed":
        return f"{way}: given up. {plain(one.reason)} <code>footnote questions retry</code> tries again."
    return f"{way}: on its way" if not one.reason else f"{way}: {plain(one.reason)} It is tried again."


def _said(message: Message) -> str:
    if message.role == "user":
        return articles.question(message.text, first=False)
    who_wrote = f'<p class="by"><bdi>{plain(message.by)}</bdi> answered</p>' if message.role == "person" else ""
    if message.state is MessageState.WITHDRAWN:
        withheld = "You may not read everything that this answer draws on, or who asked may not."
        return f'{who_wrote}<p class="notice">{withheld}</p>'
    text = articles.body(message.text, message.id, (), message.state)
    places = (articles.place(citation) for citation in message.citations)
    cited = "".join(f"<li><bdi>{plain(at.title)}</bdi>, {plain(at.where)}</li>" for at in dict.fromkeys(places))
    return f'<div class="candidate">{who_wrote}{text}' + (
        f"<h4>It cites</h4><ul>{cited}</ul></div>" if cited else "</div>"
    )


def _title(reference: Reference) -> str:
    return shortened(clean(reference.title), 120) or "Untitled"


def _open_state() -> EscalationState:
    word = str(st.query_params.get(STATE, EscalationState.OPEN))
    return EscalationState(word) if word in set(EscalationState) else EscalationState.OPEN


def _show_state(state: EscalationState) -> None:
    st.query_params.clear()
    st.query_params[STATE] = state.value


def _open(escalation_id: str) -> None:
    st.query_params[QUESTION] = escalation_id


def _back() -> None:
    st.query_params.pop(QUESTION, None)


@callback
def _take(services: Services, principal: Principal, escalation_id: str) -> None:
    services.escalations.take(escalation_id, principal)


@callback
def _close(services: Services, principal: Principal, escalation_id: str) -> None:
    services.escalations.close(escalation_id, principal)


@callback
def _answer(services: Services, principal: Principal, escalation_id: str) -> None:
    text = str(st.session_state.get(f"reply_{escalation_id}", ""))
    chosen: list[Reference] = st.session_state.get(f"references_{escalation_id}") or []
    services.escalations.answer(escalation_id, text, [one.document_id for one in chosen], principal)
    st.session_state[f"reply_{escalation_id}"] = ""
    st.session_state[f"references_{escalation_id}"] = []
