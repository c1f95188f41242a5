"""The search page: passages without an answer, by document, and the source beside them.

What is searched for, the filters and the open passage stand in the address, so that reloading, the Back button and
sending the address to a colleague keep them. Whoever opens it sees what they may read themselves.
"""

from __future__ import annotations

import time
from dataclasses import replace

import streamlit as st

from app import scopes
from app.confidence import Sureness, sureness
from app.samples import suggestions
from app.search import MAX_QUESTION, MOST, Found, Results, target
from app.search import search as find
from app.services import Services
from app.ui import filters, results
from app.ui.identity import draw_problem, who
from app.ui.safe_html import label, plain
from app.ui.sources import PASSAGE, panel
from app.ui.wording import counted
from app.words import content_words
from storage.errors import FootnoteError, InvalidInput
from storage.types import Principal, Scope

STEP = 20  # passages at a time
_KEY = "search"


def page() -> None:
    services, principal = who()
    shown = str(st.query_params.get(PASSAGE, ""))
    st.session_state["opened"] = f"{PASSAGE}-{shown}" if shown else ""
    question = str(st.query_params.get("q", "")).strip()[:MAX_QUESTION]
    with st.container(key=_KEY):
        st.html('<h1 class="title">Search</h1>')
        draw_problem()
        _draw_field(question)
        for reason in services.missing():
            st.html(f'<p class="notice away" role="status">{plain(reason)}</p>')
        st.session_state["found"] = ()
        try:
            scope = scopes.from_parameters(st.query_params.get_all)
        except InvalidInput as error:
            _draw_unreadable(str(error))
        else:
            known = filters.offered(services, principal, scope, key=_KEY)
            readable = known.facets.documents
            filters.draw_row(known, scope, _narrow, key=_KEY)
            if question and readable:
                _draw_results(services, principal, question, scope, readable)
            else:
                _draw_welcome(services, readable)
    panel("")


def _draw_field(question: str) -> None:
    st.session_state["search_query"] = question
    st.text_input(
        "Search the documents",
        key="search_query",
        type="search",
        max_chars=MAX_QUESTION,
        placeholder="Words or a question",
        icon=":material/search:",
        label_visibility="collapsed",
        on_change=_look_for,
    )


def _draw_results(services: Services, principal: Principal, question: str, scope: Scope, readable: int) -> None:
    limit = min(MOST, int(st.session_state.get("search_limit", STEP)))
    began = time.perf_counter()
    try:
        found = find(
            question, principal, retriever=services.retriever, documents=services.documents, scope=scope, limit=limit
        )
    except FootnoteError as error:
        st.html(f'<p class="notice away" role="alert">{plain(str(error))}</p>')
        return
    took = time.perf_counter() - began
    if found.notice:
        st.html(f'<p class="notice away" role="status">{plain(found.notice)}</p>')
    if not found.documents:
        _draw_nothing(found, readable, scope)
        return
    st.session_state["found"] = tuple(map(target, found.passages))
    st.html(results.summary(found, readable, took))
    if sureness(found.confidence) is not Sureness.FULL:
        st.html('<p class="notice">Nothing fits well. These passages come nearest.</p>')
    wanted = content_words(question)
    for document in found.documents:
        _draw_document(document, question, wanted, scope, alone=len(found.documents) == 1)
    if found.more:
        st.button("Show more", key="search_more", on_click=_show_more, args=(limit,))


def _draw_document(found: Found, question: str, wanted: list[str], scope: Scope, *, alone: bool) -> None:
    with st.container(key=f"found_{found.document_id}"):
        with st.container(key=f"head_{found.document_id}", horizontal=True, wrap=False, vertical_alignment="top"):
            st.html(results.head(found))
            if not alone:
                st.button(
                    "Only this document",
                    key=f"only_{found.document_id}",
                    type="tertiary",
                    on_click=_narrow_to,
                    args=(scope, found.document_id),
                )
        st.html(results.hits(found, question, wanted))


def _draw_nothing(found: Results, readable: int, scope: Scope) -> None:
    if not found.searched:
        words = f"None of the {counted(readable, 'document')} that you may read passes the filters."
    elif found.searched < readable:
        words = f"{counted(found.searched, 'document')} of {readable:,} searched. Other words may help."
    else:
        words = f"All {counted(readable, 'document')} that you may read were searched. Other words may help."
    st.html(f'<div class="empty" role="status"><b>Nothing found</b>{words}</div>')
    if scope:
        with st.container(horizontal=True, horizontal_alignment="center"):
            words = "Search the document" if readable == 1 else f"Search all {counted(readable, 'document')}"
            st.button(words, key="search_everywhere", on_click=_narrow, args=(Scope(),))


def _draw_unreadable(problem: str) -> None:
    st.html(f'<p class="notice away" role="alert">The filters in the address can not be read. {plain(problem)}</p>')
    st.button("Remove filters", key="search_none", on_click=_narrow, args=(Scope(),))


def _draw_welcome(services: Services, readable: int) -> None:
    if not readable:
        st.html('<div class="empty"><b>Nothing to search yet</b>There is no document that you may read.</div>')
        return
    st.html(
        f'<p class="lead">Finds passages in {counted(readable, "document")} by their words and by their meaning, and '
        "opens them where they stand. A question in your own words works as well as a name or a number.</p>"
    )
    if not st.session_state.get("suggestions"):
        st.session_state["suggestions"] = suggestions(services)
    with st.container(key="suggestions"):
        for number, question in enumerate(st.session_state["suggestions"]):
            st.button(label(question), key=f"try_{number}", width="stretch", on_click=_ask_for, args=(question,))


def _look_for() -> None:
    _ask_for(str(st.session_state.get("search_query") or ""))


def _ask_for(question: str) -> None:
    _go(question.strip(), None)


def _narrow(scope: Scope) -> None:
    _go(str(st.query_params.get("q", "")), scope)


def _narrow_to(scope: Scope, document_id: str) -> None:
    _narrow(replace(scope, documents=frozenset({document_id})))


def _go(question: str, scope: Scope | None) -> None:
    """Name another search in the address, with `scope` or else the filters that stand there. The panel closes."""
    if scope is None:
        kept = {name: st.query_params.get_all(name) for name in scopes.PARAMETERS if name in st.query_params}
    else:
        kept = scopes.to_parameters(scope)
    st.session_state.pop("search_limit", None)
    st.query_params.from_dict({**({"q": question} if question else {}), **kept})


def _show_more(limit: int) -> None:
    st.session_state["search_limit"] = limit + STEP
