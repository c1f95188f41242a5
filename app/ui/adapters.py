"""The LoRA adapters on the models page: which files are here, which model each fits, what each is used for."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app import model_words
from app.model_list import AdapterFile, Models
from app.services import Services
from app.ui.identity import callback, who
from app.ui.indicators import marked
from app.ui.safe_html import clean, label, plain
from storage.adapter_uses import AdapterUse
from storage.types import Principal

DIALOG, _CHOSEN, _DONE = "adapter_dialog", "adapter_homes", "adapter_done"
_HEAD = '<div class="line model head"><span>Adapter</span><span>Made for</span><span>Used for</span></div>'
_GONE = "This file is not here any more: the model answers alone."
Home = tuple[str, str]  # "group" or "source", and its id


def draw_adapters(models: Models) -> None:
    """Nothing where there is no adapter and none is used."""
    services, principal = who()
    uses = services.adapters.uses(principal)
    files = [*models.adapters, *_gone(models.adapters, uses)]
    if not files:
        return
    st.html(
        '<h2 class="title">LoRA adapters</h2><p class="lead">An adapter changes how the model writes. An answer is '
        "written with it when more than half of its passages come from documents that it was chosen for.</p>"
    )
    with st.container(key="adapters"):
        st.html(_HEAD)
        for file in files:
            st.html(row(file, [use for use in uses if use.adapter == file.file], models.loaded))
            with st.container(key=f"adapter_acts_{file.file}", horizontal=True, gap="small"):
                st.button("Use for…", key=f"adapter_use_{file.file}", on_click=_ask, args=(file.file,))


def row(file: AdapterFile, uses: Sequence[AdapterUse], loaded: str) -> str:
    """One adapter as a line of the list, as HTML."""
    about = [file.architecture, f"rank {file.rank}" * bool(file.rank), model_words.size(file.size) * bool(file.size)]
    base = f"<br>trained on {plain(file.base)}" if file.base else ""
    tags = "".join(f'<span class="tag"><bdi>{plain(use.name)}</bdi> {use.of}</span>' for use in uses)
    return (
        f'<div class="line model"><div class="wide"><b title="{plain(file.file)}"><bdi>'
        f"{plain(file.file.removesuffix('.gguf'))}</bdi></b>"
        f"<small>{plain(', '.join(part for part in about if part))}{base}</small></div>"
        f'<div class="wide">{_fit(file, loaded)}</div><div class="wide">{tags or "No documents"}</div></div>'
    )


def _fit(file: AdapterFile, loaded: str) -> str:
    if file.problem:
        return marked("bad", "Unusable", plain(file.problem))
    if loaded in file.fits:
        return marked("ok", "The model that answers")
    if file.fits:
        now = "<small>The model that answers now goes without it.</small>" if loaded else ""
        return plain(", ".join(name.removesuffix(".gguf") for name in file.fits)) + now
    return 'No model here<small class="weak">It is made for another one.</small>'


def _gone(files: Sequence[AdapterFile], uses: Sequence[AdapterUse]) -> list[AdapterFile]:
    here = {file.file for file in files}
    return [AdapterFile(name, 0, problem=_GONE) for name in sorted({use.adapter for use in uses} - here)]


def _ask(file: str) -> None:
    st.session_state[DIALOG] = file


@st.dialog("Use an adapter")
def choose(file: str) -> None:
    """For which groups and sources; others keep theirs."""
    services, principal = who()
    uses = {(use.of, use.id): use for use in services.adapters.uses(principal)}
    homes: dict[Home, str] = {("group", one.id): f"{clean(one.name)} (group)" for one in services.users.groups()}
    homes |= {("source", one.id): f"{clean(one.name)} (source)" for one in services.sources.find(principal)}
    st.markdown(f"**{label(file.removesuffix('.gguf'))}**")
    if not homes:
        st.html('<p class="lead">There is no group and no source yet. Add one first.</p>')
        return
    chosen = st.multiselect(
        "For answers from the documents of",
        list(homes),
        default=[home for home, use in uses.items() if use.adapter == file and home in homes],
        format_func=lambda home: homes[home],
        key=_CHOSEN,
        placeholder="Nothing",
    )
    taken = [f"{homes[home]} uses {clean(uses[home].adapter)} now" for home in chosen if _others(uses.get(home), file)]
    if taken:
        st.html(f'<p class="lead">{plain("; ".join(taken))}.</p>')
    st.button("Save", key="adapter_save", type="primary", on_click=_save, args=(file,))
    if st.session_state.pop(_DONE, False):
        st.rerun()


def _others(use: AdapterUse | None, file: str) -> bool:
    return use is not None and use.adapter != file


@callback
def _save(services: Services, principal: Principal, file: str) -> None:
    st.session_state[_DONE] = True
    chosen = set(st.session_state.get(_CHOSEN, []))
    before = {(use.of, use.id) for use in services.adapters.uses(principal) if use.adapter == file}
    for of, home in sorted(before - chosen):
        services.adapters.choose(of, home, None, principal)
    for of, home in sorted(chosen - before):
        services.adapters.choose(of, home, file, principal)
