"""Errors in the shape of OpenAI's API: which status and code each of ours has.

Not covered: the errors of Footnote's own API.
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from storage.errors import Busy, Conflict, FootnoteError, InvalidInput, NotFound


class BadRequest(InvalidInput):
    """The request itself is wrong, where InvalidInput alone means that the prompt can't be answered."""


def error_body(error: FootnoteError) -> dict[str, Any]:
    """The error as JSON, for a stream that has begun already."""
    status, code = _status(error)
    return _body(status, code, str(error))


async def error_response(_: Request, error: Exception) -> Response:
    """Starlette's handler for every FootnoteError."""
    assert isinstance(error, FootnoteError)
    status, code = _status(error)
    return response(status, code, str(error))


def response(status: int, code: str, message: str) -> JSONResponse:
    """An error that is none of our own tree's."""
    headers = {"Retry-After": "5"} if status in (429, 503) else {}
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse(_body(status, code, message), status_code=status, headers=headers)


def _status(error: FootnoteError) -> tuple[int, str]:
    match error:
        case BadRequest():
            return 400, "invalid_request_error"
        case InvalidInput():
            return 413, "context_length_exceeded"
        case NotFound():
            return 404, "model_not_found"
        case Conflict():
            return 409, "conflict"
        case Busy():
            return 429, "busy"
        case _:
            return 503, "unavailable"


def _body(status: int, code: str, message: str) -> dict[str, Any]:
    kind = "invalid_request_error" if status < 500 and status != 429 else "server_error"
    return {"error": {"message": message, "type": kind, "code": code, "status": status, "param": None}}
