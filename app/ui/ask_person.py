"""Asking a person, in the chat: the offer below an answer in doubt, how it stands, and the person's answer."""

from __future__ import annotations

import streamlit as st

from app.doubt import doubtful
from app.services import Services
from app.ui import articles
from app.ui.identity import callback, who
from app.ui.safe_html import plain
from app.ui.wording import now_in, when
from app.ui.zone import browser_zone
from storage.escalations import MAX_NOTE, Escalation, EscalationState
from storage.types import Message, MessageState, Principal

_ASKING = "asking_person"
_LISTEN_EVERY = 15.0
_TOLD = {
    "notice": "",
    "question": "Your question and your note also leave this server by mail or webhook, without your name.",
    "conversation": "Your question, your note and the answers so far also leave this server by mail or webhook, "
    "without your name.",
}


def listen(conversation_id: str) -> None:
    """The open chat's replies are seen; of others the sidebar hears while a question is with a person."""
    services, principal = who()
    services.escalations.see(conversation_id, principal)
    if services.escalations.waiting(principal):
        st.fragment(_listen, run_every=_LISTEN_EVERY)(services.escalations.unseen(principal), conversation_id)


def _listen(known: frozenset[str], conversation_id: str) -> None:
    services, principal = who()
    if services.escalations.unseen(principal) - known:
        st.rerun()


def draw(message: Message) -> None:
    """Below an answer: that a person is asked, or the offer where the answer is in doubt."""
    services, principal = who()
    sent = services.escalations.of_conversation(message.conversation_id, principal).get(message.id)
    if sent is not None:
        _draw_sent(sent)
    if (sent is None or sent.state is EscalationState.CLOSED) and services.settings.ask_a_person and doubtful(message):
        with st.container(key=f"person_{message.id}"):
            if st.session_state.get(_ASKING) == message.id:
                _draw_form(services, message)
            else:
                st.button("Ask a person", key=f"person_ask_{message.id}", on_click=_open, args=(message.id,))


def draw_reply(message: Message) -> None:
    """A person's answer, with who wrote it and when."""
    if message.state is MessageState.WITHDRAWN:
        head, cards = "A person answered", ""
    else:
        written = when(message.created, now_in(browser_zone()))
        head, cards = (
            f"<bdi>{plain(message.by)}</bdi> answered, {written}",
            articles.cards(message.id, message.citations),
        )
    text = articles.body(message.text, message.id, message.citations, message.state)
    st.html(f'<div class="person"><p class="by">{head}</p>{text}{cards}</div>')


def _draw_sent(sent: Escalation) -> None:
    if sent.state is EscalationState.CLOSED:
        words = "The question to a person was closed."
    elif sent.state is EscalationState.ANSWERED:
        words = "A person answered below."
    else:
        taker = f" <bdi>{plain(sent.taken_by)}</bdi> is on it." if sent.taken_by else ""
        words = (
            f"Sent to a person {when(sent.changed, now_in(browser_zone()))}.{taker} The answer will stand in this chat."
        )
    with st.container(key=f"person_sent_{sent.message_id}", horizontal=True, vertical_alignment="center"):
        st.html(f'<p class="notice" role="status">{words}</p>', width="content")
        if sent.state is EscalationState.OPEN:
            st.button(
                "Take back",
                key=f"person_back_{sent.message_id}",
                type="tertiary",
                on_click=_take_back,
                args=(sent.message_id,),
            )


def _draw_form(services: Services, message: Message) -> None:
    st.text_area(
        "Note for the person",
        key="person_note",
        max_chars=MAX_NOTE,
        height=90,
        placeholder="Optional: what do you need, and for what?",
    )
    sends_out = services.settings.person_mail_to or services.settings.person_webhook_url
    out = _TOLD[services.settings.person_share] if sends_out else ""
    st.html(
        '<p class="soft">Who answers sees your name, this chat up to here as far as they may read its sources, and '
        f"your note. {out}</p>"
    )
    with st.container(horizontal=True, gap="small"):
        st.button("Send", key="person_send", type="primary", on_click=_send, args=(message.id,))
        st.button("Cancel", key="person_cancel", type="tertiary", on_click=_shut)


def _open(message_id: str) -> None:
    st.session_state[_ASKING] = message_id


def _shut() -> None:
    st.session_state.pop(_ASKING, None)
    st.session_state.pop("person_note", None)


@callback
def _send(services: Services, principal: Principal, message_id: str) -> None:
    services.escalations.escalate(message_id, str(st.session_state.get("person_note", "")), principal)
    _shut()


@callback
def _take_back(services: Services, principal: Principal, message_id: str) -> None:
    services.escalations.take_back(message_id, principal)
