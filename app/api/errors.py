"""How an error looks over HTTP: one JSON shape, one table from the exception tree to status codes.

{"error": {"code": "not_found", "message": "There is no such document, or you may not read it."}}
"""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from storage.errors import (
    Busy,
    Cancelled,
    Conflict,
    DocumentError,
    FootnoteError,
    Forbidden,
    InvalidInput,
    NotFound,
    Unavailable,
)

RETRY_SECONDS = 5
INTERNAL = "Something went wrong in our own code; the log has the details. Try again."


class TooLarge(InvalidInput):
    """A body with more bytes than are taken."""


_STATUS: tuple[tuple[type[FootnoteError], int, str], ...] = (
    (NotFound, 404, "not_found"),
    (Forbidden, 403, "forbidden"),
    (TooLarge, 413, "too_large"),
    (InvalidInput, 400, "invalid"),
    (DocumentError, 422, "document"),
    (Busy, 503, "busy"),
    (Unavailable, 503, "unavailable"),
    (Conflict, 409, "conflict"),
    (Cancelled, 409, "cancelled"),
)
_CODES = {404: "not_found", 405: "method_not_allowed"}


def problem(status: int, code: str, message: str) -> JSONResponse:
    headers = {"retry-after": str(RETRY_SECONDS)} if status == 503 else None
    return JSONResponse({"error": {"code": code, "message": message}}, status, headers)


def problem_of(error: FootnoteError) -> JSONResponse:
    for kind, status, code in _STATUS:
        if isinstance(error, kind):
            return problem(status, code, str(error))
    raise error


def on_footnote_error(_request: Request, error: Exception) -> Response:
    """An exception handler of Starlette."""
    assert isinstance(error, FootnoteError)
    return problem_of(error)


def on_crash(_request: Request, _error: Exception) -> Response:
    """Of an error of our own the log has the details: Starlette raises it again for the server to record."""
    return problem(500, "internal", INTERNAL)


def on_http_error(_request: Request, error: Exception) -> Response:
    """The routing's own refusals (no such route, wrong method) in our shape."""
    assert isinstance(error, HTTPException)
    return problem(error.status_code, _CODES.get(error.status_code, "http"), f"{error.detail}.")
