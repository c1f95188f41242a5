"""The sidebar of every page: brand, new chat, the chat history, navigation.

The open conversation is named in the address (?chat=...), so reloading and the Back button keep it.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from app.services import Services
from app.ui import browser
from app.ui.identity import callback
from app.ui.safe_html import label
from app.ui.wording import now_in, period
from app.ui.zone import browser_zone
from storage.errors import NotFound
from storage.types import Conversation, MessageState, Principal

CHAT = "chat"
LISTED = 30


def draw(services: Services, principal: Principal, pages: Mapping[str, StreamlitPage], here: str) -> None:
    """`pages` by their name in the navigation; `here` is the name of the one that is open."""
    with st.sidebar:
        st.html('<div class="brand" aria-label="Footnote">Footnote<sup aria-hidden="true">1</sup></div>')
        if st.button("New chat", icon=":material/add:", key="new", width="stretch", help=None):
            st.session_state.pop("opened", None)
            st.switch_page(pages["Chat"])
        if here == "Chat":
            _draw_history(services, principal)
        _draw_navigation(principal, pages, here)
        browser.fold_sidebar()
    _open_dialog(services, principal)


def open_chat() -> str:
    """The id of the conversation that the address names; empty on a new chat."""
    return str(st.query_params.get(CHAT, ""))


def show_chat(conversation_id: str) -> None:
    """Name a conversation in the address; a panel of another one closes."""
    st.session_state.pop("opened", None)
    st.query_params[CHAT] = conversation_id


def _draw_history(services: Services, principal: Principal) -> None:
    limit = st.session_state.get("history_length", LISTED)
    wanted = st.session_state.get("history_search", "").strip()[:80]
    found = services.conversations.find(principal, text=wanted, limit=limit + 1)
    if len(found) > 5 or wanted:
        st.text_input(
            "Search chats",
            key="history_search",
            placeholder="Search chats",
            icon=":material/search:",
            label_visibility="collapsed",
        )
    if wanted and not found:
        st.html('<div class="period">No chat has this in its title.</div>')
    now, current = now_in(browser_zone()), open_chat()
    unseen = services.escalations.unseen(principal) - {current}
    for heading, chats in groupby(found[:limit], key=lambda chat: period(chat.changed, now)):
        st.html(f'<div class="period">{heading}</div>')
        for chat in chats:
            _draw_chat(chat, is_open=chat.id == current, is_new=chat.id in unseen)
    if len(found) > limit:
        st.button("Show older", key="history_older", type="tertiary", on_click=_lengthen)


def _draw_chat(chat: Conversation, *, is_open: bool, is_new: bool) -> None:
    """`is_new`: a person has answered there, and it was not seen."""
    key = f"past_open_{chat.id}" if is_open else f"past_{chat.id}"
    with st.container(key=key, horizontal=True, gap=None, vertical_alignment="center", wrap=False):
        st.button(
            label(chat.title),
            key=f"open_{chat.id}",
            icon=":material/mark_chat_unread:" if is_new else None,
            help="A person has answered" if is_new else None,
            type="tertiary",
            width="stretch",
            wrap=False,
            on_click=show_chat,
            args=(chat.id,),
        )
        st.menu_button(
            "Rename or delete",
            ["Rename", "Delete"],
            key=f"more_{chat.id}",
            icon=":material/more_horiz:",
            type="tertiary",
            on_click=_choose,
            args=(chat.id,),
        )


def _draw_navigation(principal: Principal, pages: Mapping[str, StreamlitPage], here: str) -> None:
    chat = st.session_state.get("last_chat", "")
    with st.container(key="nav"):
        for name, page in pages.items():
            key = "nav_here" if name == here else f"nav_{name.lower()}"
            with st.container(key=f"{key}_{principal.role.value}" if name == "Account" else key):
                st.page_link(
                    page,
                    label=name,
                    width="stretch",
                    query_params={CHAT: chat} if name == "Chat" and chat and here != "Chat" else None,
                )


def _lengthen() -> None:
    st.session_state["history_length"] = st.session_state.get("history_length", LISTED) + 100


def _choose(conversation_id: str) -> None:
    chosen = st.session_state.get(f"more_{conversation_id}")
    st.session_state["chat_dialog"] = (str(chosen), conversation_id)


def _open_dialog(services: Services, principal: Principal) -> None:
    chosen, conversation_id = st.session_state.pop("chat_dialog", ("", ""))
    st.session_state.pop("chat_done", None)
    if not conversation_id:
        return
    try:
        chat = services.conversations.get(conversation_id, principal)
    except NotFound:
        return
    if chosen == "Rename":
        _rename(chat.id, chat.title)
    elif chosen == "Delete":
        _delete(chat.id)


@st.dialog("Rename chat")
def _rename(conversation_id: str, title: str) -> None:
    st.text_input("Title", title, key="chat_title", max_chars=80)
    st.button("Save", type="primary", key="chat_save", on_click=_save, args=(conversation_id,))
    _close_when_done()


@st.dialog("Delete chat")
def _delete(conversation_id: str) -> None:
    st.html('<p class="lead">The chat and its answers will be gone. The documents stay.</p>')
    st.button("Delete", type="primary", key="chat_delete", on_click=_remove, args=(conversation_id,))
    _close_when_done()


def _close_when_done() -> None:
    if st.session_state.pop("chat_done", False):
        st.rerun()


@callback
def _save(services: Services, principal: Principal, conversation_id: str) -> None:
    if title := str(st.session_state.get("chat_title", "")).strip():
        services.conversations.rename(conversation_id, title, principal)
    st.session_state["chat_done"] = True


@callback
def _remove(services: Services, principal: Principal, conversation_id: str) -> None:
    for message in services.conversations.messages(conversation_id, principal):
        if message.state is MessageState.RUNNING and (generation := services.answers.running(message.id)):
            generation.cancel()
    services.conversations.delete(conversation_id, principal)
    if open_chat() == conversation_id:
        st.query_params.clear()
        st.session_state.pop("opened", None)
    st.session_state["chat_done"] = True
