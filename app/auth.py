"""The Gate in front of the web app: every HTTP request and every websocket passes it, whatever answers behind.

Covers: no answer without a sign-in, foreign origins, identity headers, the end of open websockets with their sign-in,
security headers. Does not cover: signing in itself (`app.login`), and who may read which document
(`storage.access`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

import anyio
import anyio.to_thread
from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, HTTPConnection
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.errors import INTERNAL, problem, problem_of
from storage.errors import Unavailable
from storage.users import SignIn, Users

log = logging.getLogger(__name__)

PUBLIC = frozenset({"/login", "/healthz"})
ONE_TIME = frozenset({"/password", "/logout"})  # all that a one-time password opens
ADMIN_ONLY = frozenset({"/_stcore/metrics"})
UPLOADS = "/_stcore/upload_file/"  # Streamlit's, which keeps what it takes in memory: for recordings alone
SHUT = ("/_stcore/agent/", UPLOADS)  # of Streamlit, and unused
UPLOAD_HEADER = "x-footnote-upload"
POLICY = "content-security-policy"
IDENTITY = {"x-footnote-user": "user", "x-footnote-sid": "sid", "x-footnote-role": "role"}  # header: key in st.user

CHECK_SECONDS = 5.0  # another process (the command line) may end a sign-in
FAREWELL_SECONDS = 0.2  # a browser that is told to go elsewhere needs a moment before the socket closes
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_CACHED = ("/static/", "/app/static/", "/_stcore/bidi-components/")  # program files, the same for everybody
_REFUSED = 1008


@dataclass(frozen=True, slots=True)
class Cookie:
    """The cookie with the sign-in's token: for this host alone, hidden from scripts, not sent from foreign pages."""

    secure: bool
    hours: float = 12.0

    @property
    def name(self) -> str:
        return "__Host-footnote" if self.secure else "footnote"

    @property
    def form_name(self) -> str:
        """The cookie that proves that a form came from our own page."""
        return f"{self.name}-form"

    def read(self, connection: HTTPConnection) -> str | None:
        return connection.cookies.get(self.name)

    def set(self, response: Response, token: str) -> None:
        self.put(response, self.name, token, seconds=int(self.hours * 3600))

    def put(self, response: Response, name: str, value: str, *, seconds: int | None = None) -> None:
        response.set_cookie(name, value, max_age=seconds, httponly=True, samesite="lax", secure=self.secure, path="/")

    def clear(self, response: Response) -> None:
        response.delete_cookie(self.name, httponly=True, samesite="lax", secure=self.secure, path="/")


@dataclass(eq=False, slots=True)
class _Socket:
    token: str
    sign_in: SignIn
    ended: asyncio.Event = field(default_factory=asyncio.Event)


class Sockets:
    """The open websockets. Belongs to one event loop."""

    def __init__(self) -> None:
        self._open: set[_Socket] = set()

    def add(self, token: str, sign_in: SignIn) -> _Socket:
        socket = _Socket(token, sign_in)
        self._open.add(socket)
        return socket

    def remove(self, socket: _Socket) -> None:
        self._open.discard(socket)

    def all(self) -> list[_Socket]:
        return list(self._open)

    def end(self, login_id: str) -> None:
        """Close every websocket of a sign-in that has just ended."""
        for socket in self._open:
            if socket.sign_in.id == login_id:
                socket.ended.set()


class Gate:
    """Pure ASGI middleware; puts the SignIn into scope["state"]["sign_in"] for what stands behind it.

    `farewell` is what a websocket is sent when its sign-in ends, before it is closed; `scripts` are the CSP sources
    ('sha256-...') of the inline scripts that the pages hold. With `recordings`, Streamlit's upload route is open to who
    is signed in, and what stands behind must guard it (`app.recordings`); pages may read what they have recorded.
    """

    def __init__(
        self,
        app: ASGIApp,
        users: Users,
        sockets: Sockets,
        *,
        cookie: Cookie,
        public_url: str = "",
        scripts: Sequence[str] = (),
        farewell: bytes = b"",
        check_seconds: float = CHECK_SECONDS,
        recordings: bool = False,
    ) -> None:
        self._app, self._users, self._sockets, self._cookie = app, users, sockets, cookie
        self._public = urlsplit(public_url.lower())
        self._farewell, self._check_seconds = farewell, check_seconds
        self._shut = tuple(path for path in SHUT if not (recordings and path == UPLOADS))
        self._checker: asyncio.Task[None] | None = None
        self._lookups = anyio.CapacityLimiter(16)  # its own threads: busy handlers must not keep others outside
        self._headers = {
            POLICY: content_security_policy(scripts, recordings=recordings),
            "x-content-type-options": "nosniff",
            "referrer-policy": "same-origin",
            "x-frame-options": "DENY",
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        connection = HTTPConnection(scope)
        started = False

        async def dressed(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                own = headers.get(POLICY)
                for name, value in self._headers.items():
                    headers[name] = value
                if own:  # of two policies browsers hold to both: a route can only tighten ours
                    headers[POLICY] = f"{own}, {headers[POLICY]}"
                if not scope["path"].startswith(_CACHED):
                    headers["cache-control"] = "no-store"
            await send(message)

        try:
            sign_in = None if scope["path"] in PUBLIC else await self._look_up(self._cookie.read(connection))
            refusal = self._refusal(connection, sign_in)
            if refusal is not None:
                await refusal(scope, receive, dressed)
            else:
                await self._app(self._identified(connection, sign_in), receive, dressed)
        except ClientDisconnect:
            return  # nobody is left to answer
        except Exception as error:
            if started:
                raise
            if isinstance(error, Unavailable):
                await problem_of(error)(scope, receive, dressed)
                return
            log.exception("%s %s failed", scope["method"], scope["path"])
            await problem(500, "internal", INTERNAL)(scope, receive, dressed)

    def _refusal(self, connection: HTTPConnection, sign_in: SignIn | None) -> Response | None:
        path, method = connection.scope["path"], connection.scope["method"]
        page = "text/html" in connection.headers.get("accept", "")
        if method not in _SAFE_METHODS and self._is_foreign(connection):
            return problem(403, "foreign_origin", "This request came from another site's page and was refused.")
        if path in PUBLIC:
            return None
        if sign_in is None:
            if not page:
                return problem(401, "sign_in", "Sign in first.")
            return RedirectResponse(_login_url(connection) if method in _SAFE_METHODS else "/login", 303)
        if sign_in.one_time and path not in ONE_TIME:
            if page:
                return RedirectResponse("/password", 303)
            return problem(403, "one_time_password", "Choose a password of your own first, on the page /password.")
        if path.startswith(self._shut):
            return problem(404, "not_found", "Not Found.")
        if path in ADMIN_ONLY and not sign_in.principal.is_admin:
            return problem(403, "forbidden", "Only admins may see this.")
        return None

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        connection = HTTPConnection(scope)
        token = self._cookie.read(connection)
        sign_in = None if self._is_foreign(connection) else await self._known(token)
        if token is None or sign_in is None or sign_in.one_time:
            await receive()
            await send({"type": "websocket.close", "code": _REFUSED})  # before accept: the server answers 403
            return
        socket = self._sockets.add(token, sign_in)
        if self._checker is None or self._checker.done():
            self._checker = asyncio.create_task(self._check_sockets(), name="gate-check")
        line = _Line(receive, send, socket.ended, self._farewell)
        try:
            await self._app(self._identified(connection, sign_in), line.receive, line.send)
        finally:
            self._sockets.remove(socket)
            line.close()

    async def _check_sockets(self) -> None:
        """While websockets are open, end those whose sign-in ended or changed its role, groups or name."""
        while self._sockets.all():
            await asyncio.sleep(self._check_seconds)
            known: dict[str, SignIn | None] = {}
            for socket in self._sockets.all():
                try:
                    if socket.token not in known:
                        known[socket.token] = await self._look_up(socket.token)
                except Unavailable:
                    break  # pages look the sign-in up on every run and show this themselves
                except Exception:
                    log.exception("Open websockets could not be checked")
                    break
                if known[socket.token] != socket.sign_in:
                    socket.ended.set()

    async def _look_up(self, token: str | None) -> SignIn | None:
        if not token:
            return None
        return await anyio.to_thread.run_sync(self._users.signed_in, token, limiter=self._lookups)

    async def _known(self, token: str | None) -> SignIn | None:
        try:
            return await self._look_up(token)
        except Unavailable:
            log.warning("A websocket was refused: the database does not answer.")
            return None

    def _is_foreign(self, connection: HTTPConnection) -> bool:
        origin = connection.headers.get("origin")
        if origin is None:  # no browser page, or one whose browser says where it stands in another way
            return connection.headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}
        return not self._is_public(origin) and not _same_host(origin, connection.headers.get("host", ""))

    def _is_public(self, origin: str) -> bool:
        return bool(self._public.netloc) and origin.lower() == f"{self._public.scheme}://{self._public.netloc}"

    def _identified(self, connection: HTTPConnection, sign_in: SignIn | None) -> Scope:
        """The scope that goes on: only the Gate says who asks."""
        headers: list[tuple[bytes, bytes]] = []
        through_proxy = self._is_public(connection.headers.get("origin", ""))
        for name, value in connection.scope["headers"]:
            if name.lower().startswith(b"x-footnote-") and name.lower() != UPLOAD_HEADER.encode():
                continue
            if name.lower() == b"host" and through_proxy:  # Streamlit compares it with the origin once more
                value = self._public.netloc.encode()
            headers.append((name, value))
        state: dict[str, Any] = {**connection.scope.get("state", {})}
        if sign_in is not None:
            principal = sign_in.principal
            identity = {"user": principal.user_id, "sid": sign_in.id, "role": principal.role.value}
            headers += [(name.encode(), identity[key].encode()) for name, key in IDENTITY.items()]
            state["sign_in"] = sign_in
        return {**connection.scope, "headers": headers, "state": state}


class _Line:
    """A websocket between server and app that can be ended from the side."""

    def __init__(self, receive: Receive, send: Send, ended: asyncio.Event, farewell: bytes) -> None:
        self._receive, self._send, self._farewell = receive, send, farewell
        self._ended = asyncio.ensure_future(ended.wait())
        self._accepted = self._closed = False

    async def receive(self) -> Message:
        incoming = asyncio.ensure_future(self._receive())
        try:
            await asyncio.wait({incoming, self._ended}, return_when=asyncio.FIRST_COMPLETED)
            if not self._ended.done():
                return incoming.result()
        finally:
            incoming.cancel()
        await self._dismiss()
        return {"type": "websocket.disconnect", "code": _REFUSED, "reason": ""}

    async def send(self, message: Message) -> None:
        if self._closed:
            return  # the app has not noticed yet that its listener was sent away
        self._accepted = self._accepted or message["type"] == "websocket.accept"
        await self._send(message)

    def close(self) -> None:
        self._ended.cancel()

    async def _dismiss(self) -> None:
        self._closed = True
        try:
            if self._accepted and self._farewell:
                await self._send({"type": "websocket.send", "bytes": self._farewell})
                await asyncio.sleep(FAREWELL_SECONDS)
            await self._send({"type": "websocket.close", "code": _REFUSED})
        except (OSError, RuntimeError):
            log.debug("A websocket had closed before it was told to.")


def content_security_policy(scripts: Sequence[str], *, recordings: bool = False) -> str:
    """Nothing from other hosts, no inline script but the ones named; what Streamlit's own pages need and no more.

    With `recordings` a page may read blobs that it has made itself, as the microphone does with what it recorded.
    """
    allowed = " ".join(["'self'", *(f"'{script}'" for script in scripts)])
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {allowed}",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            "connect-src 'self' blob:" if recordings else "connect-src 'self'",
            "media-src 'self' blob:",
            "worker-src 'self' blob:",
            "frame-src 'self'",
            "manifest-src 'self'",
            "object-src 'none'",
            "base-uri 'self'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )


def safe_path(target: str) -> str:
    """`target` where it is a path of our own, else "/": a link must not lead out of the app."""
    plain = len(target) <= 500 and target.isprintable() and "\\" not in target
    if not plain or not target.startswith("/") or target.startswith("//"):
        return "/"
    return "/" if urlsplit(target).path in PUBLIC | ONE_TIME else target


def _login_url(connection: HTTPConnection) -> str:
    query = connection.url.query
    target = safe_path(connection.scope["path"] + (f"?{query}" if query else ""))
    return "/login" if target == "/" else f"/login?next={quote(target, safe='/')}"


def _same_host(origin: str, host: str) -> bool:
    scheme, _, netloc = origin.lower().partition("://")
    port = {"http": ":80", "https": ":443"}.get(scheme)
    return bool(port and host) and netloc.removesuffix(port or "") == host.lower().removesuffix(port or "")
