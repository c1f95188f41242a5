"""The documents page, for admins: upload, the state of each document as it changes, readers, retry, delete.

The list only reads state, once a second while something moves and every five seconds else. What is done to a document
goes through callbacks, each with who is signed in then.
"""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from app.api.uploads import SAME_NAME
from app.services import Services
from app.ui import browser, document_report
from app.ui.document_rows import HEAD, receipt, row
from app.ui.identity import callback, draw_problem, who
from app.ui.paging import draw_paging
from app.ui.readers import choose_readers, chosen_names, from_words, in_words
from app.ui.safe_html import plain
from app.ui.wording import counted, now_in, number
from app.ui.zone import browser_zone
from storage import audit
from storage.documents import Counts, DocumentInfo
from storage.errors import NotFound
from storage.types import Principal, Readers, State

ROWS = 50
MOVING, STILL = 1.0, 5.0
_READING = (State.WAITING, State.PARSING, State.EMBEDDING)


@dataclass(frozen=True, slots=True)
class Filter:
    name: str
    states: tuple[State, ...] = ()
    restricted: bool = False


FILTERS = {
    "all": Filter("All"),
    "reading": Filter("Reading", _READING),
    "failed": Filter("Failed", (State.FAILED,)),
    "restricted": Filter("Restricted", restricted=True),
}


def page() -> None:
    services, principal = who()
    if not principal.is_admin:
        st.html('<p class="notice">Documents are managed by admins.</p>')
        return
    if document_id := str(st.query_params.get(document_report.DOCUMENT, "")):
        with st.container(key="documents"):
            document_report.draw(services, principal, document_id)
        return
    dialog = st.session_state.pop("document_dialog", ("", ""))  # before the list, which reruns the page for one
    groups = {group.id: group.name for group in services.users.groups()}
    counts = services.documents.counts(principal)
    every = MOVING if counts.reading or st.session_state.get("deleting") else STILL
    with st.container(key="documents"):
        st.fragment(_draw_header, run_every=every)()
        draw_problem()
        for reason in services.missing():
            st.html(f'<p class="notice away" role="status">{plain(reason)}</p>')
        readers = choose_readers(
            "New documents are readable by", groups, key="new_readers", readers=Readers(True), width=420
        )
        st.checkbox(
            "A file with the name of a document is its new version",
            key="replace",
            help="The version before answers until the new one is ready, and keeps its readers. Else both stay.",
        )
        replace = SAME_NAME if st.session_state.get("replace", False) else ""
        browser.uploader(in_words(readers), chosen_names("new_readers", groups), replace)
        st.fragment(_draw_list, run_every=every)(every)
    _open_dialog(services, principal, groups, *dialog)


def _draw_header() -> None:
    services, principal = who()
    counts = services.documents.counts(principal)
    parts = [counted(counts.documents, "document"), counted(counts.passages, "passage")]
    if counts.failed:
        parts.append(f"{number(counts.failed)} failed")
    st.html(f'<h1 class="title">Documents</h1><p class="soft">{", ".join(parts)}</p>')
    for reason in services.missing():
        st.html(f'<p class="notice away" role="status">{plain(reason)}</p>')


def _draw_list(every: float) -> None:
    services, principal = who()
    _draw_deletions(services)
    counts = services.documents.counts(principal)
    if (every == MOVING) != bool(counts.reading or st.session_state.get("deleting")):
        st.rerun()  # the page sets another pace
    if not counts.documents:
        st.html(
            '<div class="empty"><b>No documents yet</b>Drop a handbook, a policy or a manual above. Each is read, cut '
            "into passages and made searchable;<br>a 60-page PDF takes about a minute. Choose first who may read it: "
            "answers never show anybody more.</div>"
        )
        return
    chosen = FILTERS[st.session_state.get("filter", "all")]
    _draw_filters(counts, chosen)
    offset = st.session_state.get("offset", 0)
    found = services.documents.find(
        principal,
        states=chosen.states,
        restricted=chosen.restricted,
        text=str(st.session_state.get("find", "")).strip()[:200],
        limit=ROWS + 1,
        offset=offset,
    )
    groups = {group.id: group.name for group in services.users.groups()}
    now = now_in(browser_zone())
    with st.container(key="rows"):
        with st.container(key="row_head"):
            st.html(HEAD)
        for info in found[:ROWS]:
            with st.container(key=f"row_{info.id}", horizontal=True, wrap=False, vertical_alignment="top"):
                st.html(row(info, groups, now))
                _draw_menu(info)
    if not found:
        st.html('<div class="empty">No document fits.</div>')
    draw_paging(offset, len(found), rows=ROWS, turn=_turn)
    if "document_dialog" in st.session_state:
        st.rerun()  # dialogs stand on the page itself, else the next look at the list would close them


def _draw_filters(counts: Counts, chosen: Filter) -> None:
    numbers = {"reading": counts.reading, "failed": counts.failed, "restricted": counts.restricted}
    with st.container(key="filters", horizontal=True, gap="small", vertical_alignment="center"):
        for name, known in FILTERS.items():
            words = known.name if name == "all" else f"{known.name} {number(numbers[name])}"
            kind = "primary" if known is chosen else "secondary"
            st.button(words, key=f"filter_{name}", type=kind, on_click=_filter, args=(name,))  # type: ignore[arg-type]
        st.text_input(
            "Find by name",
            key="find",
            placeholder="Find by name",
            icon=":material/search:",
            label_visibility="collapsed",
            width=240,
            on_change=_first_page,
        )


def _draw_menu(info: DocumentInfo) -> None:
    actions = ["Report", "Readers", "Delete"]
    if info.state in (State.FAILED, State.CANCELLED):
        actions.insert(0, "Retry")
    elif info.state is State.READY:
        actions.insert(2, "Read again")
    st.menu_button(
        "Actions",
        actions,
        key=f"menu_{info.id}",
        icon=":material/more_horiz:",
        type="tertiary",
        on_click=_choose,
        args=(info.id,),
    )


def _draw_deletions(services: Services) -> None:
    """What this page was told to delete: being deleted, then what was removed and that nothing is left."""
    deleting: dict[str, str] = st.session_state.setdefault("deleting", {})
    receipts: dict[str, str] = st.session_state.setdefault("receipts", {})
    if deleting:
        for event in audit.newest(services.database, limit=200):
            if event.action == "deletion proved" and event.subject in deleting:
                receipts[event.subject] = receipt(event.detail)
                del deleting[event.subject]
    for title in deleting.values():
        st.html(
            f'<p class="notice" role="status"><bdi>{plain(title)}</bdi> is being deleted: its passages, files and '
            "drawn pages. Nobody can read it any more.</p>"
        )
    for words in receipts.values():
        st.html(f'<p class="notice" role="status">{words}</p>')
    if receipts:
        st.button("Dismiss", key="dismiss", type="tertiary", on_click=receipts.clear)


def _filter(name: str) -> None:
    st.session_state["filter"] = name
    _first_page()


def _first_page() -> None:
    st.session_state["offset"] = 0


def _turn(step: int) -> None:
    st.session_state["offset"] = max(0, st.session_state.get("offset", 0) + step)


@callback
def _choose(services: Services, principal: Principal, document_id: str) -> None:
    chosen = str(st.session_state.get(f"menu_{document_id}"))
    if chosen == "Retry":
        services.versions.retry(document_id, principal)
    elif chosen == "Read again":
        services.documents.read_again(document_id, principal)
    elif chosen == "Report":
        document_report.open_document(document_id)
    else:
        st.session_state["document_dialog"] = (chosen, document_id)


def _open_dialog(
    services: Services, principal: Principal, groups: dict[str, str], chosen: str, document_id: str
) -> None:
    st.session_state.pop("document_done", None)
    if not document_id:
        return
    try:
        info = services.documents.get(document_id, principal)
    except NotFound:
        return
    if chosen == "Readers":
        _readers(info, groups)
    elif chosen == "Delete":
        _delete(info)


@st.dialog("Who may read it")
def _readers(info: DocumentInfo, groups: dict[str, str]) -> None:
    st.html(f'<p class="lead"><bdi>{plain(info.title)}</bdi>. A change counts at once, for old answers too.</p>')
    choose_readers("Readable by", groups, key="readers", readers=info.readers)
    st.button("Save", type="primary", key="readers_save", on_click=_set_readers, args=(info.id,))
    _close_when_done()


@st.dialog("Delete document")
def _delete(info: DocumentInfo) -> None:
    st.html(
        f'<p class="lead"><bdi>{plain(info.title)}</bdi> will be gone for good: the file, its '
        f"{counted(info.passages, 'passage')} and every answer that drew on it.</p>"
    )
    st.button("Delete", type="primary", key="delete", on_click=_begin_delete, args=(info.id, info.title))
    _close_when_done()


def _close_when_done() -> None:
    if st.session_state.pop("document_done", False):
        st.rerun()


@callback
def _set_readers(services: Services, principal: Principal, document_id: str) -> None:
    st.session_state["document_done"] = True
    services.documents.set_readers(document_id, from_words(st.session_state.get("readers", [])), principal)


@callback
def _begin_delete(services: Services, principal: Principal, document_id: str, title: str) -> None:
    st.session_state["document_done"] = True
    services.documents.begin_delete(document_id, principal)
    st.session_state.setdefault("deleting", {})[document_id] = title
