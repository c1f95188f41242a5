"""Who looks at the page. Cookies that Streamlit shows are those of the moment the page connected, and a fragment keeps
what it was first given; so every run of a page, a fragment or a callback asks here, and nothing is kept.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, NoReturn, ParamSpec

import streamlit as st

from app import services as composition
from app.services import Services
from app.ui.safe_html import plain
from storage.errors import FootnoteError, Unavailable
from storage.types import Principal

COOKIES = ("__Host-footnote", "footnote")
PROBLEM = "problem"
P = ParamSpec("P")


def token() -> str | None:
    """The session cookie as it was when the page connected."""
    for name in COOKIES:
        value = st.context.cookies.get(name)
        if isinstance(value, str) and value:
            return value
    return None


def who() -> tuple[Services, Principal]:
    """The services, and the principal who is signed in now. For anybody else the page ends here, saying why."""
    try:
        services = composition.current()
        sign_in = services.users.signed_in(token())
    except Unavailable as error:
        _end("One moment", plain(str(error)), "/", "Try again")
    if sign_in is None:
        _end("You are signed out", "Your session has ended, or your account was changed.", "/login", "Sign in")
    if sign_in.one_time:
        _end("Choose your own password", "You signed in with a one-time password.", "/password", "Change password")
    return services, sign_in.principal


def callback(action: Callable[Concatenate[Services, Principal, P], None]) -> Callable[P, None]:
    """A widget's callback with the services and who is signed in now before its own arguments.

    It does not run when nobody is: the page itself then says so. What it raises on purpose is shown by
    `draw_problem`.
    """

    @wraps(action)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            services = composition.current()
            sign_in = services.users.signed_in(token())
            if sign_in is not None and not sign_in.one_time:
                action(services, sign_in.principal, *args, **kwargs)
        except FootnoteError as error:
            st.session_state[PROBLEM] = str(error)

    return guarded


def draw_problem() -> None:
    """Say once what the last callback could not do."""
    if problem := st.session_state.pop(PROBLEM, ""):
        st.html(f'<p class="notice away" role="alert">{plain(problem)}</p>')


def _end(title: str, why: str, address: str, action: str) -> NoReturn:
    link = f'<p><a class="btn primary" href="{address}" target="_self">{action}</a></p>'
    st.html(f'<div class="lone"><h1>{title}</h1><p>{why}</p>{link}</div>')
    st.stop()
