"""The microphone beside the question field, where a voice model is set.

What is said stands in the field as text, after what was typed there, to be corrected and sent as any question. While
the model listens, and where it could not, a line above the field says so; a recording that was not understood for want
of a model is kept until it is tried again or discarded. Nothing of it is kept longer.
"""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from app.services import Services
from app.ui import browser
from app.ui.identity import who
from app.ui.safe_html import plain
from app.voice import MOST_SECONDS, RATE
from storage.errors import FootnoteError, InvalidInput
from storage.types import Principal

LOOK_EVERY = 0.3
_LABEL = f"Speak your question, up to {MOST_SECONDS // 60} minutes"


@dataclass
class _Speech:
    """Of one visit."""

    take: int = 0  # counts recordings: each has a widget of its own, which begins empty
    recording: bytes = b""
    hearing: Future[str] | None = None
    problem: str = ""
    text: str = ""  # what was understood last
    texts: int = 0  # counts these, so that the browser writes each once


def draw_state(services: Services) -> None:
    """The line above the field, and what was said on its way into it."""
    if services.dictation is None:
        return
    speech = _speech()
    st.fragment(_draw_state, run_every=LOOK_EVERY if speech.hearing else None)()
    browser.dictation(speech.text, speech.texts)


@st.fragment
def draw_button() -> None:
    """A fragment: nothing else is drawn again while somebody records."""
    services, principal = who()
    context = get_script_run_ctx()
    if services.dictation is None or context is None:
        return
    services.recordings.expect(context.session_id, principal.user_id)
    speech = _speech()
    recorded = st.audio_input(
        _LABEL, sample_rate=RATE, key=f"recording_{speech.take}", label_visibility="collapsed", width=52
    )
    if refusal := services.recordings.refusal(context.session_id):
        speech.take, speech.recording, speech.problem = speech.take + 1, b"", refusal
        st.rerun()
    if recorded is not None:
        speech.take, speech.recording = speech.take + 1, recorded.getvalue()
        memory = context.uploaded_file_mgr
        if hasattr(memory, "remove_file"):  # Streamlit's own, where it would stay as long as the visit
            memory.remove_file(session_id=context.session_id, file_id=recorded.file_id)
        _hear(services, principal, speech)
        st.rerun()


def forget_problem() -> None:
    """Once a question is asked, what was wrong with a recording does not matter any more."""
    speech = _speech()
    if speech.hearing is None:
        speech.problem, speech.recording = "", b""


def _speech() -> _Speech:
    speech: _Speech = st.session_state.setdefault("speech", _Speech())
    return speech


def _hear(services: Services, principal: Principal, speech: _Speech) -> None:
    assert services.dictation is not None
    speech.problem = ""
    try:
        language = services.preferences.get(principal).language
        speech.hearing = services.dictation.begin(speech.recording, language=language)
    except FootnoteError as error:
        speech.problem = str(error)


def _draw_state() -> None:
    services, principal = who()
    speech = _speech()
    if speech.hearing is not None and speech.hearing.done():
        _finish(speech)
        st.rerun()
    if speech.hearing is None and not speech.problem:
        return
    with st.container(key="speech", horizontal=True, gap="small", vertical_alignment="center"):
        if speech.hearing is not None:
            st.html('<p class="notice" role="status">Turning your words into text …</p>', width="content")
            st.button("Discard", key="speech_discard", type="tertiary", on_click=_discard)
            return
        st.html(f'<p class="notice away" role="alert">{plain(speech.problem)}</p>', width="content")
        if speech.recording:
            if st.button("Try again", key="speech_again"):
                _hear(services, principal, speech)
                st.rerun()
            st.button("Discard", key="speech_discard", type="tertiary", on_click=_discard)
        else:
            st.button("Close", key="speech_close", type="tertiary", on_click=_discard)


def _finish(speech: _Speech) -> None:
    assert speech.hearing is not None
    try:
        speech.text, speech.texts, speech.recording = speech.hearing.result(), speech.texts + 1, b""
    except InvalidInput as error:  # of this recording nothing can be made
        speech.problem, speech.recording = str(error), b""
    except FootnoteError as error:
        speech.problem = f"{error} Your recording is kept."
    finally:
        speech.hearing = None


def _discard() -> None:
    speech = _speech()
    if speech.hearing is not None:
        speech.hearing.cancel()  # where the model listens already, nobody waits for what it says
    speech.hearing, speech.recording, speech.problem = None, b"", ""
