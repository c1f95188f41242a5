"""What the next question asks for: left to its words, or picked behind a quiet button in the composer.

A pick holds for one question. For fields the menu is a small form: their names are asked for in the documents that
the filters leave. Not covered: what each mode does (`app.assistant`).
"""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from app.modes import wanted
from app.ui.safe_html import label
from app.words import is_german
from storage.types import Mode

NAMES = {
    Mode.ANSWER: "Answer",
    Mode.COMPARISON: "Comparison",
    Mode.SUMMARY: "Summary",
    Mode.FIELDS: "Fields",
    Mode.DRAFT: "Draft",
}
_CAPTIONS = {
    None: "The question's words say what it asks for",
    Mode.ANSWER: "In sentences, from several documents",
    Mode.COMPARISON: "A table: “the two supplier contracts on payment and delivery”",
    Mode.SUMMARY: "A whole document: name it, or choose it under “Ask in”",
    Mode.FIELDS: "A table with a row for each document",
    Mode.DRAFT: "An e-mail or a text with the rules that apply",
}
MAX_FIELDS = 300  # characters


def draw_menu(
    mode: Mode | None, pick: Callable[[Mode | None], None], ask: Callable[[str, Mode], None], *, key: str, running: bool
) -> None:
    """A button with the modes behind it, and the one that is picked."""
    with st.container(key=f"{key}_row", horizontal=True, gap="small", vertical_alignment="center"):
        # always the same words, as for the filters
        with st.popover("Kind of answer", key=f"{key}_menu", on_change="rerun", width="content") as menu:
            if menu.open:
                _draw_modes(mode, pick, key)
                if mode is Mode.FIELDS:
                    _draw_fields(ask, key, running=running)
        if mode is not None:
            st.button(
                label(NAMES[mode]),
                key=f"{key}_chip",
                icon=":material/close:",
                icon_position="right",
                on_click=pick,
                args=(None,),
            )


def with_fields(question: str, names: str) -> str:
    """The question that asks for the fields `names` in what `question` names, or in all documents."""
    names, question = " ".join(names.split()).strip(" .,;:"), question.strip(" .?!")
    if not names or wanted(question):
        return question
    if is_german(f"{names} {question}"):
        return f"Extrahiere {names} aus {question or 'allen Dokumenten'}"
    return f"Extract {names} from {question or 'all documents'}"


def _draw_modes(mode: Mode | None, pick: Callable[[Mode | None], None], key: str) -> None:
    options = [None, *NAMES]
    st.session_state[f"{key}_choice"] = mode
    st.radio(
        "Kind of answer",
        options,
        format_func=lambda one: NAMES[one] if one else "As you word it",
        captions=[_CAPTIONS[one] for one in options],
        key=f"{key}_choice",
        on_change=lambda: pick(st.session_state[f"{key}_choice"]),
        label_visibility="collapsed",
    )


def _draw_fields(ask: Callable[[str, Mode], None], key: str, *, running: bool) -> None:
    names = st.text_input(
        "Fields, parted by commas",
        key=f"{key}_fields",
        max_chars=MAX_FIELDS,
        placeholder="supplier, contract date, notice period",
    )
    st.button(
        "Extract from all documents that the filters leave",
        key=f"{key}_extract",
        disabled=running or not names.strip(),
        on_click=lambda: ask(with_fields("", str(st.session_state.get(f"{key}_fields", ""))), Mode.FIELDS),
    )
