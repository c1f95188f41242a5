"""The chat page: questions as headlines, answers as articles, the source beside them.

An answer is generated in `app.chat`, whatever the page does; here it is only looked at. While one runs, a fragment
shows its progress several times a second, so that footnotes and Stop work meanwhile.
"""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app.cells import grids
from app.retrieve import EVERYTHING
from app.samples import suggestions
from app.services import Services
from app.ui import articles, ask_person, filters, microphone, modes, verdict_marks
from app.ui.identity import callback, draw_problem, who
from app.ui.safe_html import label, plain
from app.ui.sidebar import open_chat, show_chat
from app.ui.sources import PASSAGE, panel
from app.ui.wording import unread_now
from storage.errors import NotFound
from storage.types import Message, MessageState, Mode, Principal, Scope

SHOWN = 8
LOOK_EVERY = 0.2
EVIDENCE_WAIT = 0.4
MISSING_EVERY = 3.0
UNREAD_EVERY = 3.0
MAX_QUESTION = 4000


def page() -> None:
    services, principal = who()
    conversation_id = open_chat()
    messages = _messages(services, principal, conversation_id)
    st.session_state["last_chat"] = conversation_id if messages else ""
    if str(st.session_state.get("opened", "")).startswith(f"{PASSAGE}-"):  # of the search page
        st.session_state.pop("opened")
    draw_problem()
    st.fragment(_draw_missing, run_every=MISSING_EVERY if services.missing() else None)()
    running = ""
    if messages:
        ask_person.listen(conversation_id)
        running = _draw_history(messages)
    else:
        _draw_welcome(services, principal)
    _draw_composer(running, is_new=not messages)
    panel(running)


def _messages(services: Services, principal: Principal, conversation_id: str) -> list[Message]:
    if not conversation_id:
        return []
    try:
        return services.conversations.messages(conversation_id, principal)
    except NotFound:
        st.query_params.clear()
        st.html('<p class="notice">This chat is not there any more. Here is a new one.</p>')
        return []


def _draw_missing() -> None:
    services, _ = who()
    for reason in services.missing():
        st.html(f'<p class="notice away" role="status">{plain(reason)}</p>')


def _draw_welcome(services: Services, principal: Principal) -> None:
    st.html(
        '<div class="welcome"><h1>What would you like to know?</h1>'
        "<p>Answers come only from documents that you may read. Every sentence carries a footnote to the page "
        "it rests on.</p></div>"
    )
    if not services.documents.counts(principal).documents:
        st.html(_no_documents(principal))
        return
    st.fragment(_draw_unread, run_every=UNREAD_EVERY if services.documents.unread(principal) else None)()
    if not st.session_state.get("suggestions"):
        st.session_state["suggestions"] = suggestions(services)
    with st.container(key="suggestions"):
        for index, question in enumerate(st.session_state["suggestions"]):
            st.button(
                label(question),
                key=f"suggestion_{index}",
                width="stretch",
                on_click=_ask,
                args=(question,),
            )
    if not services.has_language_model:
        st.html(_no_model(principal))


def _draw_unread() -> None:
    services, principal = who()
    if unread := services.documents.unread(principal):
        st.html(f'<p class="notice" role="status">{unread_now(unread)}</p>')


def _no_documents(principal: Principal) -> str:
    if principal.is_admin:
        return '<p class="notice">There is no document yet. Upload some on the page Documents.</p>'
    return '<p class="notice">There is no document yet that you may read. Ask an admin for some.</p>'


def _no_model(principal: Principal) -> str:
    found = "No language model is set up: answers are the sentences of your documents that fit best, word for word."
    if not principal.is_admin:
        return f'<p class="notice">{found} An admin can add a model.</p>'
    return (
        f'<p class="notice">{found} To add one, run <code>footnote models pull llama-3-8b-instruct</code> and choose '
        "it on the page Models; or set <code>LLM_URL</code> to a server and start again.</p>"
    )


def _draw_history(messages: Sequence[Message]) -> str:
    """Draws the last messages. Returns the id of the answer that runs, if one does."""
    first = 0 if st.session_state.get("earlier") == messages[0].id else max(0, len(messages) - SHOWN)
    if first:
        st.button("Show earlier", key="show_earlier", type="tertiary", on_click=_show_earlier, args=(messages[0].id,))
    running = ""
    for index in range(first, len(messages)):
        message = messages[index]
        if message.role == "user":
            continue
        if message.role == "person":
            ask_person.draw_reply(message)
            continue
        asked = messages[index - 1].text if index else ""
        headline = articles.question(asked, first=index <= first + 1)
        if message.state is MessageState.RUNNING:
            running = message.id
            _live(message.id, headline)
        else:
            _draw_answer(message, asked, headline)
    return running


@st.fragment(run_every=LOOK_EVERY)
def _live(message_id: str, headline: str) -> None:
    """What there is of a running answer. The page is drawn anew once it has ended."""
    services, principal = who()
    try:
        message = services.conversations.message(message_id, principal)  # NotFound for anybody else's
    except NotFound:
        st.rerun()  # the chat was deleted in another window
    generation = services.answers.running(message_id)
    if generation is None:
        if message.state is not MessageState.RUNNING:
            st.rerun()
        text = articles.body(message.text, message_id, message.citations, MessageState.RUNNING)
        st.html(headline + articles.stage("searching", None, 0) + text)
        return
    progress = generation.snapshot()
    if progress.stage == "searching":  # the evidence is there in a moment: not one look later
        progress = generation.wait(progress.version, EVIDENCE_WAIT)
    if progress.done:
        st.rerun()
    parts = [headline, articles.stage(progress.stage, progress.reading, len(progress.passages), progress.step)]
    parts.append(articles.unread(message))
    if progress.notice:
        parts.append(f'<p class="notice">{plain(progress.notice)}</p>')
    if progress.text:
        running = MessageState.RUNNING
        parts.append(articles.body(progress.text, message_id, progress.citations, running, progress.verdicts))
    parts.append(articles.evidence(message_id, progress.passages))
    st.html("".join(parts))


def _draw_answer(message: Message, asked: str, headline: str) -> None:
    st.html(
        headline
        + articles.meta(message)
        + verdict_marks.line(message.verdicts, message.text)
        + articles.body(message.text, message.id, message.citations, message.state, message.verdicts)
        + articles.cards(message.id, message.citations)
    )
    with st.container(key=f"act_{message.id}", horizontal=True, gap="small", vertical_alignment="center"):
        if message.text:
            text = articles.with_references(asked, message.text, message.citations)
            st.html(articles.copy_link(message.id, text), width="content")
            if grids(message.text):
                st.html(articles.table_links(message.id), width="content")
        picked = _picked().get(message.id)
        st.button("Ask again", key=f"again_{message.id}", on_click=_ask, args=(asked, picked))
        if message.state is not MessageState.DONE:
            return
        for words, rating in (("Helpful", 1), ("Not helpful", 0)):
            chosen = message.rating == rating
            st.button(
                words,
                key=f"rate_{rating}_{message.id}",
                type="primary" if chosen else "secondary",
                on_click=_rate,
                args=(message.id, None if chosen else rating, message.comment),
            )
    if st.session_state.get("commenting") == message.id:
        _draw_comment(message)
    ask_person.draw(message)


def _draw_comment(message: Message) -> None:
    with st.container(key="comment"):
        st.text_area(
            "What would have helped?",
            message.comment,
            key="comment_text",
            max_chars=2000,
            height=90,
            placeholder="Optional: what is missing or wrong?",
        )
        st.html('<p class="soft">Admins see what you write with the question and the answer, not your name.</p>')
        with st.container(horizontal=True, gap="small"):
            st.button("Send", key="comment_send", on_click=_comment, args=(message.id,))
            st.button("Close", key="comment_close", type="tertiary", on_click=_stop_commenting)


def _draw_composer(running: str, *, is_new: bool) -> None:
    """`running` is the id of the answer that runs, if one does."""
    with st.bottom.container(key="composer"):
        if running:
            with st.container(key="stop_row", horizontal=True, horizontal_alignment="center"):
                st.button("Stop", key="stop", icon=":material/stop:", on_click=_stop, args=(running,))
        services, _ = who()
        microphone.draw_state(services)
        with st.container(key="ask_row", horizontal=True, gap="small", vertical_alignment="bottom"):
            st.chat_input(
                "Ask about your documents" if is_new else "Ask a follow-up question",
                key="ask",
                max_chars=MAX_QUESTION,
                disabled=bool(running),
                on_submit=_submit,
            )
            if services.dictation and not running:
                microphone.draw_button()
        with st.container(key="composer_foot", horizontal=True, gap="small", vertical_alignment="center"):
            _draw_scope()
            _draw_mode(running=bool(running))
            st.html(
                '<div class="hint"><kbd>/</kbd> to write, <kbd>Enter</kbd> to send, <kbd>[</kbd> <kbd>]</kbd> to walk '
                "the footnotes, <kbd>Esc</kbd> to close</div>",
                width="content",
            )


@st.fragment
def _draw_scope() -> None:
    """Where the next question looks. A fragment: the history is not drawn again for a filter."""
    services, principal = who()
    filters.draw_menu(services, principal, _scopes().get(open_chat(), EVERYTHING), _look_in, key="scope")


@st.fragment
def _draw_mode(*, running: bool) -> None:
    """What the next question asks for."""
    modes.draw_menu(st.session_state.get("mode"), _pick, _ask, key="mode", running=running)


def _pick(mode: Mode | None) -> None:
    st.session_state["mode"] = mode


def _picked() -> dict[str, Mode]:
    """The modes that were picked for answers of this visit, by message."""
    picked: dict[str, Mode] = st.session_state.setdefault("picked", {})
    return picked


def _scopes() -> dict[str, Scope]:
    """The filters of each chat of this visit; "" is the chat that has no question yet."""
    scopes: dict[str, Scope] = st.session_state.setdefault("scopes", {})
    return scopes


def _look_in(scope: Scope) -> None:
    _scopes()[open_chat()] = scope


def _submit() -> None:
    question, mode = str(st.session_state["ask"] or ""), st.session_state.get("mode")
    if mode is Mode.FIELDS and question.strip():
        question = modes.with_fields(question, str(st.session_state.get("mode_fields", "")))
    _ask(question, mode)


@callback
def _ask(services: Services, principal: Principal, question: str, mode: Mode | None = None) -> None:
    """Ask in the open conversation, or in a new one, named after the question."""
    question = question.strip()
    if not question:
        return
    conversation_id = open_chat()
    scope = _scopes().get(conversation_id, EVERYTHING)
    if not conversation_id:
        conversation_id = services.conversations.create(question, principal).id
        _scopes()[conversation_id] = _scopes().pop("", EVERYTHING)
    generation = services.answers.ask(conversation_id, question, principal, scope=scope, mode=mode)
    microphone.forget_problem()
    if mode is not None:
        _picked()[generation.message_id] = mode
    _pick(None)
    show_chat(conversation_id)


@callback
def _stop(services: Services, principal: Principal, message_id: str) -> None:
    services.conversations.message(message_id, principal)
    if generation := services.answers.running(message_id):
        generation.cancel()


@callback
def _rate(services: Services, principal: Principal, message_id: str, rating: int | None, comment: str) -> None:
    services.conversations.rate(message_id, rating, comment if rating == 0 else "", principal)
    if rating == 0:
        st.session_state["commenting"] = message_id
    else:
        _stop_commenting()


@callback
def _comment(services: Services, principal: Principal, message_id: str) -> None:
    services.conversations.rate(message_id, 0, str(st.session_state.get("comment_text", "")), principal)
    _stop_commenting()


def _stop_commenting() -> None:
    st.session_state.pop("commenting", None)


def _show_earlier(first_id: str) -> None:
    st.session_state["earlier"] = first_id
