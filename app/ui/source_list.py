"""The sources page, for admins: the places that documents come from, their runs, and adding one."""

from __future__ import annotations

import streamlit as st

from app.places import check_place, new_source
from app.services import Services
from app.ui.identity import callback, draw_problem, who
from app.ui.readers import choose_readers, from_words
from app.ui.safe_html import plain
from app.ui.source_rows import HEAD, row
from app.ui.wording import counted, now_in
from app.ui.zone import browser_zone
from storage.errors import NotFound
from storage.sources import SourceInfo, SyncState
from storage.types import Principal, Readers

MOVING, STILL = 1.0, 5.0
RHYTHMS = {"": "By hand", "15m": "Every 15 minutes", "1h": "Every hour", "1d": "Every day", "7d": "Every week"}
_EMPTY = (
    '<div class="empty"><b>No sources yet</b>A source is a folder, a bucket or a service whose files become documents: '
    "what is added, changed, renamed or deleted there<br>is followed here. Add one, or use "
    "<code>footnote sync add</code> on the server.</div>"
)


def page() -> None:
    services, principal = who()
    if not principal.is_admin:
        st.html('<p class="notice">Sources are managed by admins.</p>')
        return
    dialog = st.session_state.pop("source_dialog", ("", ""))
    groups = {group.id: group.name for group in services.users.groups()}
    every = MOVING if _moves(services.sources.find(principal)) else STILL
    with st.container(key="source_list"):
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            st.html('<h1 class="title">Sources</h1>', width="content")
            st.button("Add source", key="add_source", type="primary", on_click=_open, args=("Add", ""))
        draw_problem()
        for reason in services.missing():
            st.html(f'<p class="notice away" role="status">{plain(reason)}</p>')
        st.fragment(_draw_list, run_every=every)(every)
    _open_dialog(services, principal, groups, *dialog)


def _moves(sources: list[SourceInfo]) -> bool:
    return any(source.latest and source.latest.finished is None for source in sources)


def _draw_list(every: float) -> None:
    services, principal = who()
    sources = services.sources.find(principal)
    if (every == MOVING) != _moves(sources):
        st.rerun()  # the page sets another pace
    if not sources:
        st.html(_EMPTY)
        return
    groups = {group.id: group.name for group in services.users.groups()}
    now = now_in(browser_zone())
    with st.container(key="rows"):
        with st.container(key="row_head"):
            st.html(HEAD)
        for source in sources:
            with st.container(key=f"row_{source.id}", horizontal=True, wrap=False, vertical_alignment="top"):
                st.html(row(source, groups, now))
                _draw_menu(source)
    if "source_dialog" in st.session_state:
        st.rerun()  # dialogs stand on the page itself, else the next look at the list would close them


def _draw_menu(source: SourceInfo) -> None:
    actions = ["Run now", "Readers", "Remove"]
    if source.latest and source.latest.state is SyncState.FAILED and not source.keep_deleted:
        actions.insert(1, "Run by force")
    st.menu_button(
        "Actions",
        actions,
        key=f"menu_{source.id}",
        icon=":material/more_horiz:",
        type="tertiary",
        on_click=_choose,
        args=(source.id,),
    )


def _open(dialog: str, source_id: str) -> None:
    st.session_state["source_dialog"] = (dialog, source_id)


@callback
def _choose(services: Services, principal: Principal, source_id: str) -> None:
    chosen = str(st.session_state.get(f"menu_{source_id}"))
    if chosen == "Run now":
        services.sources.request(source_id, principal)
    else:
        _open(chosen, source_id)


def _open_dialog(services: Services, principal: Principal, groups: dict[str, str], chosen: str, source_id: str) -> None:
    st.session_state.pop("source_done", None)
    if chosen == "Add":
        _add(groups, services.settings.source_places)
        return
    try:
        source = services.sources.get(source_id, principal) if source_id else None
    except NotFound:
        return
    if source is None:
        return
    match chosen:
        case "Run by force":
            _force(source)
        case "Readers":
            _readers(source, groups)
        case "Remove":
            _remove(source)


@st.dialog("Add source")
def _add(groups: dict[str, str], places: str) -> None:
    draw_problem()
    if not places.strip():
        st.html(
            '<p class="lead">Where admins may add sources is for who runs the server to say: in the setting '
            "<code>SOURCE_PLACES</code>, or by adding one with <code>footnote sync add</code>.</p>"
        )
        return
    st.html(f'<p class="lead">In one of these places: <bdi>{plain(places)}</bdi></p>')
    st.text_input("Name", key="source_name", max_chars=80, placeholder="Handbooks")
    st.text_input("Folder, URL, or reader class", key="source_location", max_chars=2000, placeholder="/srv/handbooks")
    st.text_input("Only these files", key="source_include", max_chars=1000, placeholder="*.pdf, legal/**")
    st.text_input("Without these files", key="source_exclude", max_chars=1000, placeholder="drafts/")
    choose_readers("Readable by", groups, key="source_readers", readers=Readers())
    st.selectbox("Runs", list(RHYTHMS), format_func=RHYTHMS.__getitem__, key="source_every")
    st.checkbox("Keep the documents of files that are gone", key="source_keep")
    st.button("Add", type="primary", key="source_save", on_click=_create)
    _close_when_done()


@st.dialog("Run by force")
def _force(source: SourceInfo) -> None:
    st.html(
        f'<p class="lead">Every document of <bdi>{plain(source.name)}</bdi> whose file is gone will be deleted, even '
        "if that is most of them.</p>"
    )
    st.button("Run", type="primary", key="source_force", on_click=_run_by_force, args=(source.id,))
    _close_when_done()


@st.dialog("Who may read it")
def _readers(source: SourceInfo, groups: dict[str, str]) -> None:
    st.html(
        f'<p class="lead">All that comes from <bdi>{plain(source.name)}</bdi>, at once. Documents whose readers '
        "were chosen by hand keep those.</p>"
    )
    choose_readers("Readable by", groups, key="readers", readers=source.readers)
    st.button("Save", type="primary", key="readers_save", on_click=_set_readers, args=(source.id,))
    _close_when_done()


@st.dialog("Remove source")
def _remove(source: SourceInfo) -> None:
    st.html(f'<p class="lead"><bdi>{plain(source.name)}</bdi> will not be looked at any more.</p>')
    st.checkbox(f"Delete its documents too ({counted(source.files, 'file')})", key="source_documents")
    st.button("Remove", type="primary", key="source_remove", on_click=_forget, args=(source.id,))
    _close_when_done()


def _close_when_done() -> None:
    if st.session_state.pop("source_done", False):
        st.rerun()


@callback
def _create(services: Services, principal: Principal) -> None:
    state = st.session_state
    new = new_source(
        str(state["source_name"]),
        str(state["source_location"]),
        from_words(state.get("source_readers", [])),
        include=_patterns(str(state["source_include"])),
        exclude=_patterns(str(state["source_exclude"])),
        every=str(state["source_every"]),
        keep_deleted=bool(state["source_keep"]),
    )
    check_place(new, services.settings.source_places)
    services.sources.add(new, principal)
    state["source_done"] = True


@callback
def _run_by_force(services: Services, principal: Principal, source_id: str) -> None:
    st.session_state["source_done"] = True
    services.sources.request(source_id, principal, forced=True)


@callback
def _set_readers(services: Services, principal: Principal, source_id: str) -> None:
    st.session_state["source_done"] = True
    services.sources.set_readers(source_id, from_words(st.session_state.get("readers", [])), principal)


@callback
def _forget(services: Services, principal: Principal, source_id: str) -> None:
    st.session_state["source_done"] = True
    documents = bool(st.session_state.get("source_documents"))
    services.sources.remove(source_id, principal, documents=documents)


def _patterns(given: str) -> list[str]:
    return [pattern.strip() for pattern in given.split(",") if pattern.strip()]
