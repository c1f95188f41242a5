"""The index page, for admins: what is live, making it anew with another model or other passages, and going back.

The list reads the database once a second while something moves. What is done goes through callbacks, each with who is
signed in then.
"""

from __future__ import annotations

import streamlit as st

from app.acceptance import SET
from app.services import Services
from app.ui.generation_rows import HEAD, row
from app.ui.identity import callback, draw_problem, who
from app.ui.safe_html import clean, plain
from app.ui.wording import counted, now_in
from app.ui.zone import browser_zone
from storage.generations import UNDER_WAY, Generation, GenerationState
from storage.types import Principal

MOVING, STILL = 1.0, 5.0
LARGEST = ""
_DIALOG, _DONE = "index_dialog", "index_done"
_MOVES = {
    GenerationState.BUILDING,
    GenerationState.COMPARING,
    GenerationState.ACCEPTED,
    GenerationState.REMOVING,
}


def page() -> None:
    services, principal = who()
    if not principal.is_admin:
        st.html('<p class="notice">The index is managed by admins.</p>')
        return
    st.session_state.pop(_DONE, None)
    dialog = st.session_state.pop(_DIALOG, "")  # before the list, which reruns the page for one
    every = MOVING if any(one.state in _MOVES for one in services.generations.all(principal)) else STILL
    with st.container(key="index_page"):
        st.html(
            '<h1 class="title">Index</h1><p class="soft">Every passage stands here as a vector of one embedding model. '
            "A new index is made beside the live one, compared with it, and takes its place in one moment.</p>"
        )
        draw_problem()
        st.fragment(_draw_list, run_every=every)(every)
    if dialog:
        {"new": _new, "force": _force, "back": _back, "clean": _clean, "cancel": _cancel}[dialog](services, principal)


def _draw_list(every: float) -> None:
    services, principal = who()
    known = [one for one in services.generations.all(principal) if one.state is not GenerationState.REMOVED]
    if (every == MOVING) != any(one.state in _MOVES for one in known):
        st.rerun()  # the page sets another pace
    for reason in services.missing():
        st.html(f'<p class="notice away" role="status">{plain(reason)}</p>')
    if not known:
        st.html('<div class="empty"><b>No index yet</b>The worker makes it when it starts.</div>')
        return
    under_way = next((one for one in known if one.state in UNDER_WAY), None)
    _draw_actions(known, under_way)
    now = now_in(browser_zone())
    known.sort(key=lambda one: (one.state not in UNDER_WAY, one.state is not GenerationState.LIVE, -one.id))
    with st.container(key="generations"):
        st.html(HEAD)
        for one in known:
            st.html(row(one, services.generations.progress(one.id), now))
    if _DIALOG in st.session_state:
        st.rerun()  # dialogs stand on the page itself, else the next look at the list would close them


def _draw_actions(known: list[Generation], under_way: Generation | None) -> None:
    kept = [one for one in known if one.state is GenerationState.KEPT]
    with st.container(key="index_actions", horizontal=True, gap="small"):
        if under_way is None:
            st.button("Make a new index", key="index_new", type="primary", on_click=_ask, args=("new",))
            if kept:
                st.button("Go back", key="index_back", on_click=_ask, args=("back",))
                st.button("Remove what is kept", key="index_clean", on_click=_ask, args=("clean",))
            return
        if under_way.state is GenerationState.REFUSED:
            st.button("Switch all the same", key="index_force", on_click=_ask, args=("force",))
        if under_way.state is GenerationState.FAILED:
            st.button("Try again", key="index_retry", type="primary", on_click=_do_retry)
        st.button("Cancel", key="index_cancel", on_click=_ask, args=("cancel",))


def _ask(dialog: str) -> None:
    st.session_state[_DIALOG] = dialog


def _close_when_done() -> None:
    if st.session_state.pop(_DONE, False):
        st.rerun()


@st.dialog("Make a new index")
def _new(services: Services, principal: Principal) -> None:
    live = services.generations.live()
    st.html(
        '<p class="lead">Searches go on in the live one meanwhile. Every document is embedded again, which takes about '
        "as long as reading it in did. Old chats keep their footnotes.</p>"
    )
    st.text_input(
        "Embedding model",
        value=live.model if live else services.settings.embed_model,
        key="index_model",
        help="A sentence-transformers model: its name, or a folder on the server. With EMBED_URL: its name there.",
    )
    st.number_input(
        "Tokens of a passage",
        min_value=0,
        max_value=2000,
        step=20,
        value=live.passage_tokens if live else 0,
        key="index_tokens",
        help="0: as suits the model.",
    )
    sets = {one.id: f"{one.name}, {counted(one.questions, 'question')}" for one in services.evaluations.sets(principal)}
    st.selectbox(
        "Compare by",
        [LARGEST, *sets],
        format_func=lambda one: clean(sets[one]) if one else "The largest question set, else headings",
        key="index_set",
    )
    st.button("Start", key="index_start", type="primary", on_click=_do_start)
    _close_when_done()


@st.dialog("Switch all the same")
def _force(services: Services, principal: Principal) -> None:
    under_way = services.generations.under_way(principal)
    reason = under_way.reason if under_way else ""
    st.html(f'<p class="lead">{plain(reason)} The index that is live now is kept, so that you can go back.</p>')
    st.button("Switch", key="index_do_force", type="primary", on_click=_do_force)
    _close_when_done()


@st.dialog("Go back")
def _back(_services: Services, _principal: Principal) -> None:
    st.html(
        '<p class="lead">The index that was live before becomes live again, as soon as it has the documents that were '
        "added since.</p>"
    )
    st.button("Go back", key="index_do_back", type="primary", on_click=_do_back)
    _close_when_done()


@st.dialog("Remove what is kept")
def _clean(_services: Services, _principal: Principal) -> None:
    st.html('<p class="lead">There will be no going back to an earlier index.</p>')
    st.button("Remove", key="index_do_clean", type="primary", on_click=_do_clean)
    _close_when_done()


@st.dialog("Cancel")
def _cancel(_services: Services, _principal: Principal) -> None:
    st.html('<p class="lead">What was made of the new index will be removed. The live one stays as it is.</p>')
    st.button("Give it up", key="index_do_cancel", type="primary", on_click=_do_cancel)
    _close_when_done()


@callback
def _do_start(services: Services, principal: Principal) -> None:
    st.session_state[_DONE] = True
    chosen = str(st.session_state.get("index_set") or "")
    services.generations.start(
        str(st.session_state["index_model"]),
        principal,
        passage_tokens=int(st.session_state.get("index_tokens") or 0),
        gate={SET: chosen} if chosen else {},
    )


@callback
def _do_force(services: Services, principal: Principal) -> None:
    st.session_state[_DONE] = True
    services.generations.accept(principal, force=True)


@callback
def _do_back(services: Services, principal: Principal) -> None:
    st.session_state[_DONE] = True
    services.generations.roll_back(principal)


@callback
def _do_clean(services: Services, principal: Principal) -> None:
    st.session_state[_DONE] = True
    services.generations.clean(principal)


@callback
def _do_cancel(services: Services, principal: Principal) -> None:
    st.session_state[_DONE] = True
    services.generations.cancel(principal)


@callback
def _do_retry(services: Services, principal: Principal) -> None:
    services.generations.retry(principal)
