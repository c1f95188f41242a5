"""What the pages bring to the browser: the stylesheet and five small components, whose scripts `app.main` registers.
Everything is served from here; nothing is fetched from elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

FOLDER = Path(__file__).parent
FAVICON = str(FOLDER / "static" / "favicon.png")
_DROP = (
    '<div class="drop">Drop files or folders here, or '
    '<label><input type="file" multiple><span>choose files</span></label>'
    "<small>PDF, Office, OpenDocument, e-books, mails, web pages, text, pictures, ZIP</small></div>"
    '<ul aria-live="polite"></ul>'
)
_QUESTION_FILE = (
    '<div><label><input type="file" accept=".jsonl,.json,.ndjson,.txt"><span>Import questions</span></label>'
    '<output aria-live="polite"></output></div>'
)


@cache
def _stylesheet() -> str:
    return f"<style>{(FOLDER / 'look.css').read_text(encoding='utf-8')}</style>"


def draw_stylesheet() -> None:
    st.html(_stylesheet())


def reader(shown: str, running: str) -> str | None:
    """Listen for footnotes and keys. Returns the footnote that was clicked.

    `shown` names the passage in the panel, which is scrolled to its mark when it changes; `running` the answer that is
    being written, whose question is scrolled into view when it begins.
    """
    component = st.components.v2.component("footnote.reader", js="reader.js")
    result: Any = component(key="reader", data={"shown": shown, "running": running}, on_open_change=_nothing)
    return result.open if isinstance(result.open, str) else None


def dictation(text: str, count: int) -> None:
    """Write `text` into the question field, after what stands there, when `count` has grown."""
    st.components.v2.component("footnote.dictation", js="dictation.js")(
        key="dictation", data={"text": text, "count": count}
    )


def fold_sidebar() -> None:
    """On narrow screens, fold the sidebar away once something in it was chosen."""
    st.components.v2.component("footnote.sidebar", js="sidebar.js")(key="folding")


def uploader(readers: str, names: Sequence[str], replace: str) -> None:
    """A place to drop files, with `readers` and `replace` as /api/upload takes them. The page reruns as files arrive.

    Nothing is sent before the field st-key-new_readers shows exactly `names`: what it shows runs ahead of the page.
    """
    component = st.components.v2.component("footnote.uploader", js="uploader.js", html=_DROP, css="uploader.css")
    component(
        key="uploader", data={"readers": readers, "names": list(names), "replace": replace}, on_done_change=_nothing
    )


def question_file(address: str) -> str:
    """A button that sends a file of questions to `address`. Returns once, in words, what was taken from it."""
    component = st.components.v2.component(
        "footnote.questions", js="questions.js", html=_QUESTION_FILE, css="questions.css"
    )
    result: Any = component(key="question_file", data={"address": address}, on_done_change=_nothing)
    return result.done if isinstance(result.done, str) else ""


def _nothing() -> None:
    """A component reports a trigger only where it has a callback."""
