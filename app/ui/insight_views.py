"""What the views of the insights page share: where one is, the open dialog, and how a thing that was done is told."""

from __future__ import annotations

from typing import Any

import streamlit as st

from app.ui.safe_html import plain

VIEW, SET = "view", "set"
_DIALOG, _DONE, _NEWS = "insights_dialog", "insights_done", "insights_news"


def open_view(view: str, set_id: str = "") -> None:
    st.query_params.clear()
    st.query_params[VIEW] = view
    if set_id:
        st.query_params[SET] = set_id


def ask_for(dialog: str, *values: Any) -> None:
    """Open a dialog with the next run of the page."""
    st.session_state[_DIALOG] = (dialog, *values)


def asked_for() -> tuple[Any, ...]:
    """The dialog to open and its values, once; empty where there is none. A dialog drawn after this stays open."""
    st.session_state.pop(_DONE, None)
    asked: tuple[Any, ...] = st.session_state.pop(_DIALOG, ())
    return asked


def is_asked_for() -> bool:
    return _DIALOG in st.session_state


def done(news: str = "") -> None:
    """Close the dialog that called, and say `news` on the page below."""
    st.session_state[_DONE] = True
    if news:
        tell(news)


def close_when_done() -> None:
    """At the end of a dialog."""
    if st.session_state.pop(_DONE, False):
        st.rerun()


def tell(news: str) -> None:
    st.session_state[_NEWS] = news


def draw_news() -> None:
    """Say once what was done."""
    if news := st.session_state.pop(_NEWS, ""):
        st.html(f'<p class="notice" role="status">{plain(news)}</p>')
