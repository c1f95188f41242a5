"""Streamlit's upload route, opened as far as the chat's microphone needs it and no further.

It takes a recording from the person whose page shows a microphone, for that page, and nothing else: a WAV file by its
bytes, two minutes long at most, one upload of a person at a time, one recording of a person in memory. Everything else
is answered as if there was no such route. The Gate before it asks for the sign-in and refuses foreign origins, the
route behind it asks for Streamlit's token against forged requests. Not covered: what is said (`app.dictation`).
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable

import anyio
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.errors import problem
from app.auth import UPLOADS
from app.voice import MOST_SECONDS, RATE

MOST_BYTES = 2 * RATE * (MOST_SECONDS + 5) + 64  # the pages record 16 bits, one channel
AT_A_TIME = 8
SECONDS = 60.0  # that an upload may take
_FORM = 16 * 1024  # bytes around the file
_MOST_PAGES = 10_000  # with a microphone; the one seen longest ago is forgotten first

TOO_LONG = f"The recording is too long: {MOST_SECONDS // 60} minutes can be spoken at a time. Say it in less."
NO_SOUND = "That is no recording from this page. Record your question again."
TOO_MANY = "Another recording is still on its way. Wait a moment and record again."
TOO_SLOW = "The recording took too long to arrive. Check the connection and record again."
LOST = "The recording did not arrive. Reload the page and record again."


class Recordings:
    """Which pages may send a recording and whose they are, and why the last one was refused. For any thread."""

    def __init__(self) -> None:
        self._pages: OrderedDict[str, str] = OrderedDict()  # session of Streamlit: account
        self._refused: dict[str, str] = {}
        self._lock = threading.Lock()

    def expect(self, session_id: str, user_id: str) -> None:
        """From now on the account `user_id` may send a recording to this page, as it shows a microphone."""
        with self._lock:
            self._pages[session_id] = user_id
            self._pages.move_to_end(session_id)
            while len(self._pages) > _MOST_PAGES:
                gone, _ = self._pages.popitem(last=False)
                self._refused.pop(gone, None)

    def expects(self, session_id: str, user_id: str) -> bool:
        with self._lock:
            return self._pages.get(session_id) == user_id

    def refuse(self, session_id: str, reason: str) -> None:
        with self._lock:
            if session_id in self._pages:
                self._refused[session_id] = reason

    def refusal(self, session_id: str) -> str:
        """Why the page's last recording was refused; told once. "": it was not."""
        with self._lock:
            return self._refused.pop(session_id, "")


class _Refusal(Exception):
    def __init__(self, status: int, code: str, reason: str) -> None:
        super().__init__(reason)
        self.status, self.code, self.reason = status, code, reason


class RecordingRoute:
    """Pure ASGI middleware behind the Gate. `remove` takes a file of a session out of Streamlit's memory."""

    def __init__(self, app: ASGIApp, recordings: Recordings, remove: Callable[[str, str], None]) -> None:
        self._app, self._recordings, self._remove = app, recordings, remove
        self._arriving: set[str] = set()  # accounts
        self._kept: dict[str, tuple[str, str]] = {}  # account: session and file of its last recording

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(UPLOADS):
            await self._app(scope, receive, send)
            return
        session_id, _, file_id = scope["path"].removeprefix(UPLOADS).partition("/")
        sign_in = scope.get("state", {}).get("sign_in")
        user_id = sign_in.principal.user_id if sign_in else ""
        known = bool(user_id and file_id) and "/" not in file_id and self._recordings.expects(session_id, user_id)
        if not known or scope["method"] not in ("PUT", "DELETE"):
            await problem(404, "not_found", "Not Found.")(scope, receive, send)
        elif scope["method"] == "DELETE":
            await self._app(scope, receive, send)
        else:
            await self._take(Request(scope, receive), send, session_id, file_id, user_id)

    async def _take(self, request: Request, send: Send, session_id: str, file_id: str, user_id: str) -> None:
        try:
            body = await self._arrived(request, user_id)
        except _Refusal as refusal:
            self._recordings.refuse(session_id, refusal.reason)
            await problem(refusal.status, refusal.code, refusal.reason)(request.scope, request.receive, send)
            return
        if before := self._kept.pop(user_id, None):
            self._remove(*before)
        self._kept[user_id] = session_id, file_id

        async def noted(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] >= 400:
                self._recordings.refuse(session_id, LOST)
            await send(message)

        await self._app(request.scope, _replayed(body), noted)

    async def _arrived(self, request: Request, user_id: str) -> bytes:
        """The form as it was sent, once it is known to hold a recording. Raises _Refusal."""
        if user_id in self._arriving or len(self._arriving) >= AT_A_TIME:
            raise _Refusal(429, "busy", TOO_MANY)
        self._arriving.add(user_id)
        try:
            with anyio.fail_after(SECONDS):
                body = await _read(request)
        except TimeoutError as error:
            raise _Refusal(408, "too_slow", TOO_SLOW) from error
        finally:
            self._arriving.discard(user_id)
        if not await _is_recording(request, body):
            raise _Refusal(415, "no_recording", NO_SOUND)
        return body


async def _read(request: Request) -> bytes:
    length = request.headers.get("content-length", "0")
    if not length.isdigit() or int(length) > MOST_BYTES + _FORM:
        raise _Refusal(413, "too_large", TOO_LONG)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES + _FORM:
            raise _Refusal(413, "too_large", TOO_LONG)
    return bytes(body)


async def _is_recording(request: Request, body: bytes) -> bool:
    """Whether the form holds one file and nothing else, and that file begins as a WAV file does."""
    try:
        async with Request(request.scope, _replayed(body)).form(max_files=1, max_fields=0) as form:
            files = form.multi_items()
            if len(files) != 1 or not isinstance(files[0][1], UploadFile):
                return False
            head = await files[0][1].read(12)
    except (HTTPException, ClientDisconnect):
        return False
    return head[:4] == b"RIFF" and head[8:] == b"WAVE"


def _replayed(body: bytes) -> Receive:
    waiting = [body]

    async def receive() -> Message:
        if waiting:
            return {"type": "http.request", "body": waiting.pop(), "more_body": False}
        return {"type": "http.disconnect"}

    return receive
