"""The account page: who one is, what one has set for one's answers, and the keys that work everywhere."""

from __future__ import annotations

import streamlit as st

from app.services import Services
from app.ui.identity import callback, draw_problem, who
from app.ui.safe_html import plain
from storage.preferences import LANGUAGES, MAX_POSITION
from storage.types import Length, Preference, Principal, Role

_ROLES = {
    Role.ADMIN: "Admin: manages documents, people and who reads what",
    Role.MEMBER: "Member: asks, and reads what is open to everyone or to the groups below",
}
_LENGTHS = {Length.SHORT: "Short", Length.USUAL: "Usual", Length.LONG: "Long"}
_FIELDS = ("answer_language", "answer_length", "answer_position")
_NEWS = "preferences_news"
_KEYS = (
    ("/", "write a question, or what to search for"),
    ("Enter", "send it"),
    ("Shift Enter", "a new line"),
    ("]", "open the first or the next footnote, or passage found"),
    ("[", "open the previous one"),
    ("Esc", "stop the answer, or close the source"),
)


def page() -> None:
    services, principal = who()
    groups = [group.name for group in services.users.groups() if group.id in principal.groups]
    tags = "".join(f'<span class="tag"><bdi>{plain(name)}</bdi></span>' for name in groups)
    st.html(
        f'<h1 class="title">Account</h1><dl class="facts"><dt>Name</dt><dd><bdi>{plain(principal.name)}</bdi></dd>'
        f"<dt>Role</dt><dd>{_ROLES[principal.role]}</dd><dt>Groups</dt><dd>{tags or 'none'}</dd></dl>"
        '<div class="buttons"><a class="btn" href="/password" target="_self">Change password</a>'
        '<form method="post" action="/logout"><button class="btn" type="submit">Sign out</button></form></div>'
    )
    _draw_preferences(services, principal)
    keys = "<br>".join(f"<kbd>{key}</kbd> {words}" for key, words in _KEYS)
    st.html(f'<h2 class="title">Keys</h2><div class="keys">{keys}</div>')


def _draw_preferences(services: Services, principal: Principal) -> None:
    kept = services.preferences.get(principal)
    st.html(
        '<h2 class="title">Your answers</h2><p class="lead">What you set here shapes every answer that you get. Nobody '
        "else sees it; a language model reads it with your question. It goes with your account.</p>"
    )
    draw_problem()
    if news := st.session_state.pop(_NEWS, ""):
        st.html(f'<p class="notice" role="status">{plain(news)}</p>')
    with st.container(key="preferences"):
        codes = list(LANGUAGES)
        st.selectbox(
            "Language of answers",
            codes,
            index=codes.index(kept.language),
            format_func=lambda code: LANGUAGES[code] if code else "As the question",
            key=_FIELDS[0],
        )
        st.segmented_control(
            "Length of answers",
            list(Length),
            default=kept.length,
            format_func=lambda length: _LENGTHS[length],
            key=_FIELDS[1],
        )
        st.text_input(
            "What you do",
            kept.position,
            key=_FIELDS[2],
            max_chars=MAX_POSITION,
            placeholder="Optional, as in: nurse on a night shift",
        )
        with st.container(horizontal=True, gap="small"):
            st.button("Save", key="preferences_save", type="primary", on_click=_save)
            st.button("Erase", key="preferences_erase", disabled=kept == Preference(), on_click=_erase)


@callback
def _save(services: Services, principal: Principal) -> None:
    language, length, position = (st.session_state.get(field) for field in _FIELDS)
    given = Preference(str(language or ""), Length(length or Length.USUAL), str(position or ""))
    services.preferences.set(given, principal)
    st.session_state[_NEWS] = "Saved. It holds from your next question on."


@callback
def _erase(services: Services, principal: Principal) -> None:
    services.preferences.erase(principal)
    for field in _FIELDS:
        st.session_state.pop(field, None)
    st.session_state[_NEWS] = "Erased. Answers are as they were before you set anything."
