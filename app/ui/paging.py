"""The buttons below a list of which a page is shown."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from app.ui.wording import number


def draw_paging(
    offset: int, found: int, *, rows: int, turn: Callable[[int], None], words: tuple[str, str] = ("Previous", "Next")
) -> None:
    """`found` of the rows from `offset` on were looked up: one more than `rows` where there is a next page.

    `turn` is called with how far to go; `words` stand on the buttons.
    """
    if not offset and found <= rows:
        return
    with st.container(key="paging", horizontal=True, gap="small", vertical_alignment="center"):
        st.button(words[0], key="previous", disabled=not offset, on_click=turn, args=(-rows,))
        st.html(
            f'<span class="soft">{number(offset + 1)} to {number(offset + min(found, rows))}</span>', width="content"
        )
        st.button(words[1], key="next", disabled=found <= rows, on_click=turn, args=(rows,))
