"""The models page, for admins: which language model answers, which files are here, and changing to another one."""

from __future__ import annotations

import streamlit as st

from app import model_words
from app.model_list import Entry, Models
from app.services import Services
from app.ui.adapters import DIALOG as ADAPTER
from app.ui.adapters import choose as choose_adapter
from app.ui.adapters import draw_adapters
from app.ui.identity import callback, draw_problem, who
from app.ui.model_rows import HEAD, name, row
from app.ui.safe_html import label, plain
from storage.errors import FootnoteError
from storage.types import Principal

MOVING, STILL = 1.0, 5.0
_DIALOG, _DONE, _FOUND = "models_dialog", "models_done", "models_found"
_AWAY = "models_take_away"
_NONE = "No language model is chosen: answers quote the documents, word for word."


def page() -> None:
    services, principal = who()
    if not principal.is_admin:
        st.html('<p class="notice">Language models are managed by admins.</p>')
        return
    st.session_state.pop(_DONE, None)
    dialog = st.session_state.pop(_DIALOG, "")  # before the list, which reruns the page for one
    away, adapter = st.session_state.pop(_AWAY, False), st.session_state.pop(ADAPTER, "")
    with st.container(key="models_page"):
        st.html(
            '<h1 class="title">Models</h1><p class="soft">The language model writes the answers. Another one takes '
            "over without a restart; answers on their way are finished by the old one.</p>"
        )
        draw_problem()
        if found := st.session_state.pop(_FOUND, ""):
            st.html(f'<p class="notice" role="status">{plain(found)}</p>')
        every = MOVING if _moves(services, principal) else STILL
        st.fragment(_draw_list, run_every=every)(every)
    if dialog:
        _switch(dialog)
    elif away:
        _take_away()
    elif adapter:
        choose_adapter(adapter)


def _moves(services: Services, principal: Principal) -> bool:
    try:
        change = services.models.all(principal).change
    except FootnoteError:
        return False
    return bool(change and change.under_way)


def _draw_list(every: float) -> None:
    services, principal = who()
    try:
        models = services.models.all(principal)
    except FootnoteError as error:
        st.html(f'<p class="notice away" role="status">{plain(str(error))}</p>')
        return
    moves = bool(models.change and models.change.under_way)
    if (every == MOVING) != moves:
        st.rerun()  # the page sets another pace
    st.html(f'<p class="soft">{plain(models.machine)}. Waits are for {model_words.TYPICAL}.</p>')
    if not models.wanted and not moves:
        st.html(f'<p class="notice" role="status">{_NONE}</p>')
    elif models.reason and not moves:
        st.html(f'<p class="notice away" role="status">{plain(models.reason)}</p>')
    if models.change and models.change.problem:
        failed = f"{models.change.to} could not be loaded, so nothing has changed. {models.change.problem}"
        st.html(f'<p class="notice away" role="alert">{plain(failed)}</p>')
    _draw_files(models, moves)
    draw_adapters(models)
    if {_DIALOG, _AWAY, ADAPTER} & set(st.session_state):
        st.rerun()  # dialogs stand on the page itself, else the next look at the list would close them


def _draw_files(models: Models, moves: bool) -> None:
    if not models.models:
        st.html(
            '<div class="empty"><b>No model file is here</b>Get one with <code>footnote models recommend</code> and '
            f"<code>footnote models pull</code>, or put a GGUF file into {plain(models.folder)}. It can then be chosen "
            "here.</div>"
        )
        return
    with st.container(key="models"):
        st.html(HEAD)
        for entry in models.models:
            st.html(row(entry, models))
            with st.container(key=f"model_acts_{entry.file}", horizontal=True, gap="small"):
                _draw_actions(entry, models, moves)


def _draw_actions(entry: Entry, models: Models, moves: bool) -> None:
    if entry.file == models.loaded:
        st.button("Use none", key="model_use_none", disabled=moves, on_click=_ask_none)
    elif not entry.problem:
        st.button("Use this one", key=f"model_use_{entry.file}", disabled=moves, on_click=_ask, args=(entry.file,))
    st.button("Verify", key=f"model_verify_{entry.file}", type="tertiary", on_click=_verify, args=(entry.file,))


def _ask(file: str) -> None:
    st.session_state[_DIALOG] = file


@st.dialog("Change the language model")
def _switch(file: str) -> None:
    services, principal = who()
    models = services.models.all(principal)
    entry = next((one for one in models.models if one.file == file), None)
    if entry is None:
        st.html('<p class="lead">This file is not here any more.</p>')
        return
    st.markdown(f"**{label(name(entry))}**")
    fit = "" if entry.fits else " It may not fit into this machine's memory."
    st.html(
        f'<p class="lead">A typical question will take {model_words.wait(entry.wait)} '
        f"({model_words.how_known(entry.measured)}).{fit} {_meanwhile(models)} The choice is kept.</p>"
    )
    st.button("Change", key="model_do_use", type="primary", on_click=_do_switch, args=(file,))
    if st.session_state.pop(_DONE, False):
        st.rerun()


def _meanwhile(models: Models) -> str:
    if not models.wanted:
        return "Until it is loaded, answers quote the documents as they do now."
    return "Where memory holds both, it is loaded beside the one that answers now; else questions wait meanwhile."


def _ask_none() -> None:
    st.session_state[_AWAY] = True


@st.dialog("Use no language model")
def _take_away() -> None:
    st.html(
        '<p class="lead">From now on answers quote the documents, word for word. Answers on their way are finished. '
        "The file stays here, and can be chosen again at any time. The choice is kept.</p>"
    )
    st.button("Use none", key="model_do_none", type="primary", on_click=_do_take_away)
    if st.session_state.pop(_DONE, False):
        st.rerun()


@callback
def _do_take_away(services: Services, principal: Principal) -> None:
    st.session_state[_DONE] = True
    services.models.switch(None, principal)


@callback
def _do_switch(services: Services, principal: Principal, file: str) -> None:
    st.session_state[_DONE] = True
    services.models.switch(file, principal)


@callback
def _verify(services: Services, principal: Principal, file: str) -> None:
    st.session_state[_FOUND] = f"{file}: {services.models.verify(file, principal)}"
