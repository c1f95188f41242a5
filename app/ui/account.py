"""The account page: who one is, one's groups, password, signing out, and the keys that work everywhere."""

from __future__ import annotations

import streamlit as st

from app.ui.identity import who
from app.ui.safe_html import plain
from storage.types import Role

_ROLES = {
    Role.ADMIN: "Admin: manages documents, people and who reads what",
    Role.MEMBER: "Member: asks, and reads what is open to everyone or to the groups below",
}
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
    keys = "<br>".join(f"<kbd>{key}</kbd> {words}" for key, words in _KEYS)
    st.html(
        f'<h1 class="title">Account</h1><dl class="facts"><dt>Name</dt><dd><bdi>{plain(principal.name)}</bdi></dd>'
        f"<dt>Role</dt><dd>{_ROLES[principal.role]}</dd><dt>Groups</dt><dd>{tags or 'none'}</dd></dl>"
        '<div class="buttons"><a class="btn" href="/password" target="_self">Change password</a>'
        '<form method="post" action="/logout"><button class="btn" type="submit">Sign out</button></form></div>'
        f'<h2 class="title">Keys</h2><div class="keys">{keys}</div>'
    )
