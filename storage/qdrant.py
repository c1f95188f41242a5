"""The way to a Qdrant server, or to the embedded index that speaks as one: its client, and its errors as ours."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from typing import TypeVar

import httpx
from qdrant_client import QdrantClient, models
from qdrant_client.common.client_exceptions import ResourceExhaustedResponse
from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

from storage.errors import AlreadyExists, Busy, InvalidInput, Unavailable

_PAUSE_SECONDS = 0.1

T = TypeVar("T")


class Absent(Unavailable):
    """There is no such collection."""


class Qdrant:
    """`client`, whose calls go through `ask`, `patiently` and `write`: these raise the errors of `storage.errors`.

    Raises InvalidInput for an address that is none.
    """

    def __init__(self, url: str, api_key: str, *, timeout: float, patience: float) -> None:
        self._timeout = timeout
        self._patience = patience
        try:
            host = httpx.URL(url).host
            self.client = QdrantClient(
                url=url,
                # as a header: the parameter api_key warns of plain http, which on loopback is meant
                headers={"api-key": api_key} if api_key else None,
                timeout=math.ceil(timeout),
                check_compatibility=False,
                # a company's HTTP proxy does not lead to this machine's own ports
                trust_env=host not in ("127.0.0.1", "::1", "localhost"),
            )
        except (ValueError, httpx.InvalidURL) as error:
            raise InvalidInput(
                f"The index's address is not a URL: {error}. Set QDRANT_URL to one like http://host:6333."
            ) from error

    def ask(self, action: Callable[[], T]) -> T:
        """Once, without waiting for a server that is away."""
        return self._call(action, patience=0.0)

    def patiently(self, action: Callable[[], T]) -> T:
        """Again and again for `patience` seconds while it can't be reached: for what is idempotent alone."""
        return self._call(action, patience=self._patience)

    def write(self, action: Callable[[], models.UpdateResult]) -> None:
        """Patiently, and raises Unavailable unless the server says that it has finished."""
        result = self.patiently(action)
        if result.status is not models.UpdateStatus.COMPLETED:
            raise Unavailable("index", "The index did not finish writing in time. Try again in a moment.")

    def close(self) -> None:
        self.client.close()

    def _call(self, action: Callable[[], T], *, patience: float) -> T:
        deadline = time.monotonic() + patience
        while True:
            try:
                return action()
            except ResourceExhaustedResponse as error:
                raise Busy("index", "The index has too much to do. Try again in a moment.") from error
            except UnexpectedResponse as error:
                raise _refused(error) from error
            except json.JSONDecodeError as error:  # an answer of 200 that is no JSON
                raise self._unreachable(ResponseHandlingException(error)) from error
            except ResponseHandlingException as error:
                lost = isinstance(error.source, httpx.NetworkError | httpx.RemoteProtocolError)
                if not lost or time.monotonic() >= deadline:
                    raise self._unreachable(error) from error
            time.sleep(_PAUSE_SECONDS)

    def _unreachable(self, error: ResponseHandlingException) -> Unavailable:
        if isinstance(error.source, httpx.TimeoutException):
            text = f"The index did not answer within {self._timeout:g} seconds. Try again in a moment."
        elif isinstance(error.source, httpx.TransportError):
            text = "The index can't be reached. It may be starting; if this lasts, check QDRANT_URL and its log."
        else:
            text = "What answers at the index's address does not speak Qdrant's language. Check QDRANT_URL."
        return Unavailable("index", text)


def _refused(error: UnexpectedResponse) -> Unavailable | InvalidInput:
    status = error.status_code or 500
    if status in (401, 403):
        return Unavailable("index", "The index refused our key. Set QDRANT_API_KEY to the key of the server.")
    if status == 404:
        return Absent("index", "The index is not prepared yet. It will be once the worker has started.")
    reason = _reason(error)
    if status == 409:
        return AlreadyExists(f"The index has it already: {reason}")
    if status in (400, 413, 422):
        return InvalidInput(f"The index refused a request: {reason}")
    return Unavailable("index", f"The index failed ({status}): {reason}. Read its log.")


def _reason(error: UnexpectedResponse) -> str:
    try:
        return str(error.structured()["status"]["error"])
    except (ValueError, KeyError, TypeError):
        return error.reason_phrase or "no reason given"
