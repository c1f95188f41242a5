"""The pages /login, /logout and /password of local accounts. They work without a script.

Wrong passwords cost a growing wait, counted for the account's name and for the address that they come from. The
counts live in this process: a restart forgets them.
"""

from __future__ import annotations

import hmac
import logging
import math
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import jinja2
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from app.api.request import read_form, sign_in_of
from app.auth import Cookie, Sockets, safe_path
from storage.errors import FootnoteError
from storage.users import MAX_PASSWORD, MIN_PASSWORD, Users

log = logging.getLogger(__name__)

_TEMPLATE = Path(__file__).parent / "ui" / "static" / "sign-in.html"
_FREE_TRIES = 5
_FREE_TRIES_OF_ADDRESS = 20  # a whole office may come from one address
_FIRST_WAIT, _LONGEST_WAIT = 15.0, 300.0
_FORGET = 1800.0
_MAX_KEYS = 10_000


@dataclass(slots=True)
class _Tries:
    count: int = 0
    last: float = 0.0


class Throttle:
    """Counts tries by key and says how long to wait. Holds at most 10,000 keys, the least used go first.

    A try counts when it begins, so that many at once don't all pass; one that succeeds is forgotten.
    """

    def __init__(self, free: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._free, self._clock = free, clock
        self._tries: OrderedDict[str, _Tries] = OrderedDict()

    def begin(self, key: str) -> float:
        """0.0: go on, and the try is counted. Else the seconds to wait; the try does not count."""
        now = self._clock()
        tries = self._tries.get(key)
        if tries is None or now - tries.last > _FORGET:
            tries = self._tries[key] = _Tries()
        self._tries.move_to_end(key)
        if len(self._tries) > _MAX_KEYS:
            self._tries.popitem(last=False)
        over = tries.count - self._free
        wait = 0.0 if over < 0 else min(_FIRST_WAIT * 2 ** min(over, 10), _LONGEST_WAIT)
        if now < tries.last + wait:
            return tries.last + wait - now
        tries.count, tries.last = tries.count + 1, now
        return 0.0

    def take_back(self, key: str) -> None:
        """The last try did not count after all."""
        if tries := self._tries.get(key):
            tries.count = max(0, tries.count - 1)

    def forget(self, key: str) -> None:
        self._tries.pop(key, None)


class LoginPages:
    def __init__(
        self, users: Users, sockets: Sockets, cookie: Cookie, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._users, self._sockets, self._cookie = users, sockets, cookie
        self._names = Throttle(_FREE_TRIES, clock=clock)
        self._addresses = Throttle(_FREE_TRIES_OF_ADDRESS, clock=clock)
        self._verifying = anyio.CapacityLimiter(4)  # argon2 takes 64 MB and a core each time
        environment = jinja2.Environment(autoescape=True, undefined=jinja2.ChainableUndefined, trim_blocks=True)
        self._template = environment.from_string(_TEMPLATE.read_text(encoding="utf-8"))

    def routes(self) -> list[Route]:
        return [
            Route("/login", self.show_login, methods=["GET"]),
            Route("/login", self.login, methods=["POST"]),
            Route("/logout", self.logout, methods=["POST"]),
            Route("/password", self.show_password, methods=["GET"]),
            Route("/password", self.change_password, methods=["POST"]),
        ]

    async def show_login(self, request: Request) -> Response:
        target = safe_path(request.query_params.get("next", "/"))
        if await run_in_threadpool(self._users.signed_in, self._cookie.read(request)):
            return RedirectResponse(target, 303)
        return self._login_form(request, target)

    async def login(self, request: Request) -> Response:
        form = await self._form(request)
        if isinstance(form, Response):
            return form
        name, target = form.get("name", "")[:80], safe_path(form.get("next", "/"))
        sent = request.cookies.get(self._cookie.form_name)
        if sent is None:
            return self._page(400, title="The cookie did not come back", error=self._why_no_cookie(request))
        if not hmac.compare_digest(sent.encode(), form.get("form", "").encode()):
            return self._login_form(request, target, 400, name=name, error="That page was out of date. Try again.")
        token = await self._verify(request, name, form.get("password", ""))
        if isinstance(token, float):
            return self._login_form(request, target, 429, wait=token, name=name, error=_too_many(token))
        if token is None:
            error = "The name or the password is not right."
            return self._login_form(request, target, 401, name=name, error=error)
        await run_in_threadpool(self._users.sign_out, self._cookie.read(request))
        response = RedirectResponse(target, 303)
        self._cookie.set(response, token)
        return response

    async def logout(self, request: Request) -> Response:
        await run_in_threadpool(self._users.sign_out, self._cookie.read(request))
        self._sockets.end(sign_in_of(request).id)
        response = RedirectResponse("/login", 303)
        self._cookie.clear(response)
        return response

    async def show_password(self, request: Request) -> Response:
        return self._password_form(request)

    async def change_password(self, request: Request) -> Response:
        form = await self._form(request)
        if isinstance(form, Response):
            return form
        principal = sign_in_of(request).principal
        old, new = form.get("old", ""), form.get("new", "")
        if new != form.get("again", ""):
            return self._password_form(request, 400, "The new passwords differ. Type the same one twice.")
        if new == old:
            return self._password_form(request, 400, "Choose a password that differs from the old one.")
        if not MIN_PASSWORD <= len(new) <= MAX_PASSWORD:
            error = f"The new password needs at least {MIN_PASSWORD} characters, and at most {MAX_PASSWORD:,}."
            return self._password_form(request, 400, error)
        token = await self._verify(request, principal.name, old)
        if isinstance(token, float):
            return self._password_form(request, 429, _too_many(token), wait=token)
        if token is None:
            return self._password_form(request, 403, "The old password is not right.")
        await run_in_threadpool(self._replace, principal.name, new, token)
        response = RedirectResponse("/", 303)
        self._cookie.set(response, token)  # a new sign-in: every older one of this account has ended
        self._sockets.end(sign_in_of(request).id)
        return response

    def _replace(self, name: str, password: str, token: str) -> None:
        fresh = self._users.signed_in(token)
        self._users.set_password(name, password, keep=fresh.id if fresh else "", by=name)

    async def _verify(self, request: Request, name: str, password: str) -> str | float | None:
        """A new sign-in's token, None for a wrong password, or the seconds to wait."""
        key, address = name.strip().casefold(), request.client.host if request.client else ""
        if wait := self._addresses.begin(address):
            return wait
        if wait := self._names.begin(key):
            self._addresses.take_back(address)
            return wait
        token = await anyio.to_thread.run_sync(self._users.sign_in, name, password, limiter=self._verifying)
        if token is None:
            log.info("A wrong name or password came from %s.", address)
            return None
        self._names.forget(key)
        self._addresses.take_back(address)
        return token

    async def _form(self, request: Request) -> dict[str, str] | Response:
        try:
            return await read_form(request)
        except FootnoteError as error:
            return self._page(400, title="That form could not be read", error=str(error))

    def _login_form(
        self, request: Request, target: str, status: int = 200, *, wait: float = 0.0, name: str = "", error: str = ""
    ) -> Response:
        token = request.cookies.get(self._cookie.form_name) or secrets.token_urlsafe(16)
        response = self._page(
            status, wait=wait, title="Sign in", form="login", token=token, next=target, name=name, error=error
        )
        self._cookie.put(response, self._cookie.form_name, token)
        return response

    def _password_form(self, request: Request, status: int = 200, error: str = "", *, wait: float = 0.0) -> Response:
        sign_in = sign_in_of(request)
        note = "Your password was for one use. Choose your own before you go on." if sign_in.one_time else ""
        return self._page(
            status,
            wait=wait,
            title="Choose a password" if sign_in.one_time else "Change your password",
            form="password",
            name=sign_in.principal.name,
            one_time=sign_in.one_time,
            least=MIN_PASSWORD,
            note=note,
            error=error,
        )

    def _page(self, status: int, *, wait: float = 0.0, **values: Any) -> Response:
        headers = {"retry-after": str(math.ceil(wait))} if wait else None
        return HTMLResponse(self._template.render(**values), status, headers)

    def _why_no_cookie(self, request: Request) -> str:
        if self._cookie.secure and request.url.scheme == "http":
            return (
                "Your browser did not send our cookie back: it is sent over https only, and this address begins with "
                "http. Open the https address, or let an admin set COOKIE_SECURE=false if this network is trusted."
            )
        return "Your browser did not send our cookie back. Allow cookies for this address, then try again."


def _too_many(seconds: float) -> str:
    whole = math.ceil(seconds)
    words = f"{whole} seconds" if whole < 100 else f"{round(whole / 60)} minutes"
    return f"Too many wrong tries. Wait {words}, then try again."
