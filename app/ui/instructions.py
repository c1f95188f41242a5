"""The page where admins write what the organisation wants of all answers of a language model."""

from __future__ import annotations

import streamlit as st

from app.services import Services
from app.ui.identity import callback, draw_problem, who
from app.ui.safe_html import plain
from app.ui.wording import now_in, when
from app.ui.zone import browser_zone
from storage.instructions import LONGEST
from storage.types import HouseInstructions, Principal

_FIELD, _NEWS = "house_text", "house_news"


def page() -> None:
    services, principal = who()
    if not principal.is_admin:
        st.html('<p class="notice">Instructions are for admins.</p>')
        return
    versions = services.house.versions(principal)
    st.html(
        '<h1 class="title">Instructions</h1><p class="soft">What a language model shall heed in every answer: how you '
        "address people, what to call things, what to point to. Our own rules go before: answers rest on the "
        "documents, and each sentence names its source.</p>"
    )
    draw_problem()
    if news := st.session_state.pop(_NEWS, ""):
        st.html(f'<p class="notice" role="status">{plain(news)}</p>')
    if not services.has_language_model:
        st.html(
            '<p class="notice">No language model is loaded: answers quote the documents, and heed nothing else.</p>'
        )
    with st.container(key="house"):
        st.text_area(
            "Instructions",
            versions[0].text if versions else "",
            key=_FIELD,
            max_chars=LONGEST,
            height=220,
            placeholder="As in: Address people formally. Call our customers members. "
            "For questions on pay, add that the works council can help.",
        )
        st.button("Save", key="house_save", type="primary", on_click=_save)
    if versions:
        _draw_versions(versions)


def _draw_versions(versions: list[HouseInstructions]) -> None:
    st.html('<h2 class="title">Versions</h2><p class="lead">Each answer is kept with the version that it heeded.</p>')
    for one in versions:
        with st.container(key=f"house_{one.version}"):
            text = plain(one.text) or "None: taken back."
            st.html(f'<div class="meta"><span>{_told(one)}</span></div><pre class="house" dir="auto">{text}</pre>')


def _told(one: HouseInstructions) -> str:
    at = f", {when(one.at, now_in(browser_zone()))}" if one.at else ""
    return f"Version {one.version}, by <bdi>{plain(one.who)}</bdi>{at}"


@callback
def _save(services: Services, principal: Principal) -> None:
    before = services.house.current()
    kept = services.house.save(str(st.session_state.get(_FIELD, "")), principal)
    said = f"Saved as version {kept.version}. It holds from the next question on."
    st.session_state[_NEWS] = said if kept.version != before.version else "Nothing was changed."
