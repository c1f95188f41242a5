"""The embedded index process: Qdrant's engine behind the REST routes that `storage.index` calls.

It lets web app, worker and command line use one index at once without a server to install. It listens where it is
told (loopback, by `footnote serve`), answers nothing but `/healthz` without the key, and refuses whatever it does not
know (`storage.index_requests`). Writes that ask to wait are on the disk before they are acknowledged; others within
a second. Not here: what the engine does with a request (`storage.edge`), snapshots, clusters, gRPC.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import anyio
import pydantic_core
import uvicorn
from anyio import to_thread
from pydantic import TypeAdapter, ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from storage import index_requests as requests
from storage.edge import Edge
from storage.errors import AlreadyExists, FootnoteError, InvalidInput, NotFound

log = logging.getLogger(__name__)

MAX_BODY = 64 * 1024 * 1024
# the release of Qdrant whose requests and answers these are
_VERSION = "1.18.0"
# every search compares with every passage: docs/scale.md says how long that takes
EMBEDDED_PASSAGES = 500_000
TOO_MANY = (
    f"The embedded index is made for {EMBEDDED_PASSAGES:,} passages. Run a Qdrant server and carry them there: "
    "footnote index move --to URL."
)
_FLUSH_SECONDS = 1.0
_THREADS = 8
_STATUS = {NotFound: 404, AlreadyExists: 409, InvalidInput: 400}

Model = TypeVar("Model", bound=requests.Request)
_name = TypeAdapter(requests.Name)


@dataclass(frozen=True)
class Call:
    """One request, read in full."""

    edge: Edge
    name: str
    body: bytes
    wait: bool

    def read(self, model: type[Model]) -> Model:
        try:
            return model.model_validate(pydantic_core.from_json(self.body or b"{}", allow_inf_nan=False))
        except ValidationError as error:
            raise InvalidInput(f"The index does not take this request: {_explain(error)}") from error
        except ValueError as error:
            raise InvalidInput(f"The request's body is not JSON: {error}") from error

    def updated(self) -> dict[str, Any]:
        return {"operation_id": None, "status": "completed" if self.wait else "acknowledged"}


def _explain(error: ValidationError) -> str:
    details = error.errors(include_url=False, include_input=False, include_context=False)
    parts = [f"{'.'.join(map(str, detail['loc'])) or 'body'}: {detail['msg']}" for detail in details[:4]]
    return "; ".join(parts)


def _list_collections(call: Call) -> Any:
    return {"collections": [{"name": name} for name in call.edge.names()]}


def _describe(call: Call) -> Any:
    return call.edge.collection(call.name).info()


def _create(call: Call) -> Any:
    try:
        name = _name.validate_python(call.name)
    except ValidationError as error:
        raise InvalidInput("A collection's name is up to 200 letters, digits, dots, dashes and underscores.") from error
    call.edge.create(name, call.read(requests.CreateCollection))
    return True


def _drop(call: Call) -> Any:
    return call.edge.drop(call.name)


def _exists(call: Call) -> Any:
    return {"exists": call.edge.exists(call.name)}


def _create_index(call: Call) -> Any:
    call.edge.collection(call.name).create_index(call.read(requests.CreateIndex), durable=call.wait)
    return call.updated()


def _upsert(call: Call) -> Any:
    call.edge.collection(call.name).upsert(call.read(requests.Upsert), durable=call.wait)
    return call.updated()


def _delete(call: Call) -> Any:
    call.edge.collection(call.name).delete(call.read(requests.Selection), durable=call.wait)
    return call.updated()


def _set_payload(call: Call) -> Any:
    call.edge.collection(call.name).set_payload(call.read(requests.SetPayload), durable=call.wait)
    return call.updated()


def _query(call: Call) -> Any:
    return {"points": call.edge.collection(call.name).query(call.read(requests.Query))}


def _query_batch(call: Call) -> Any:
    collection = call.edge.collection(call.name)
    return [{"points": collection.query(query)} for query in call.read(requests.QueryBatch).searches]


def _scroll(call: Call) -> Any:
    return call.edge.collection(call.name).scroll(call.read(requests.Scroll))


def _retrieve(call: Call) -> Any:
    return call.edge.collection(call.name).retrieve(call.read(requests.Retrieve))


def _count(call: Call) -> Any:
    return {"count": call.edge.collection(call.name).count(call.read(requests.Count))}


def _list_aliases(call: Call) -> Any:
    aliases = call.edge.aliases()
    return {
        "aliases": [
            {"alias_name": alias, "collection_name": name} for alias, name in aliases.items() if call.name in ("", name)
        ]
    }


def _change_aliases(call: Call) -> Any:
    call.edge.change_aliases(call.read(requests.ChangeAliases).actions)
    return True


_ROUTES: list[tuple[str, str, Callable[[Call], Any]]] = [
    ("GET", "/collections", _list_collections),
    ("GET", "/aliases", _list_aliases),
    ("POST", "/collections/aliases", _change_aliases),
    ("GET", "/collections/{name}", _describe),
    ("PUT", "/collections/{name}", _create),
    ("DELETE", "/collections/{name}", _drop),
    ("GET", "/collections/{name}/exists", _exists),
    ("GET", "/collections/{name}/aliases", _list_aliases),
    ("PUT", "/collections/{name}/index", _create_index),
    ("PUT", "/collections/{name}/points", _upsert),
    ("POST", "/collections/{name}/points", _retrieve),
    ("POST", "/collections/{name}/points/query", _query),
    ("POST", "/collections/{name}/points/query/batch", _query_batch),
    ("POST", "/collections/{name}/points/delete", _delete),
    ("POST", "/collections/{name}/points/payload", _set_payload),
    ("POST", "/collections/{name}/points/scroll", _scroll),
    ("POST", "/collections/{name}/points/count", _count),
]


def _failure(status: int, message: str) -> Response:
    return JSONResponse({"status": {"error": message}, "time": 0.0}, status)


async def _read_body(request: Request, limit: int) -> bytes:
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > limit:
            raise HTTPException(413, f"A request may have {limit} bytes at most. Send smaller batches.")
    return bytes(body)


def build(path: Path, key: str, *, max_body: int = MAX_BODY) -> Starlette:
    """The application over the index in `path`, which it opens now and closes with its lifespan.

    Raises Conflict when another process has the folder open, InvalidInput for an empty key.
    """
    if not key:
        raise InvalidInput("The index process needs a key; `footnote serve` makes one and keeps it in the data folder.")
    calls = _Calls(Edge(path), max_body)
    return Starlette(
        routes=[
            Route("/", _title),
            Route("/healthz", _healthz),
            *(Route(pattern, calls.endpoint(handler), methods=[method]) for method, pattern, handler in _ROUTES),
        ],
        middleware=[Middleware(RequireKey, key=key)],
        exception_handlers={FootnoteError: _on_refusal, HTTPException: _on_http_error, Exception: _on_error},
        lifespan=calls.lifespan,
    )


class _Calls:
    """What comes in for one engine, which it closes at the end."""

    def __init__(self, edge: Edge, max_body: int) -> None:
        self._edge = edge
        self._max_body = max_body
        # parsing and the engine hold Python's lock; threads keep the loop free between calls, so few are enough
        self._threads = anyio.CapacityLimiter(_THREADS)

    def endpoint(self, handler: Callable[[Call], Any]) -> Callable[[Request], Any]:
        async def respond(request: Request) -> Response:
            body = await _read_body(request, self._max_body)
            wait = request.query_params.get("wait", "false").lower() == "true"
            call = Call(self._edge, request.path_params.get("name", ""), body, wait)
            content = await to_thread.run_sync(_answer, handler, call, limiter=self._threads)
            return Response(content, media_type="application/json")

        return respond

    @asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncIterator[None]:
        if self._edge.largest() > EMBEDDED_PASSAGES:
            log.warning(TOO_MANY)
        flushing = asyncio.create_task(_flush_now_and_then(self._edge))
        try:
            yield
        finally:
            flushing.cancel()
            await to_thread.run_sync(self._edge.close)


def _answer(handler: Callable[[Call], Any], call: Call) -> bytes:
    start = time.perf_counter()
    content = {"result": handler(call), "status": "ok", "time": time.perf_counter() - start}
    return pydantic_core.to_json(content, inf_nan_mode="null")


async def _flush_now_and_then(edge: Edge) -> None:
    while True:
        await asyncio.sleep(_FLUSH_SECONDS)
        try:
            await to_thread.run_sync(edge.flush)
        except Exception:  # the engine raises nothing narrower; the next round tries again
            log.exception("writing the index to the disk failed; is the disk full?")


async def _title(_: Request) -> Response:
    return JSONResponse({"title": "qdrant - embedded in Footnote", "version": _VERSION})


async def _healthz(_: Request) -> Response:
    return PlainTextResponse("healthz check passed")


async def _on_refusal(_: Request, error: Exception) -> Response:
    status = next((status for kind, status in _STATUS.items() if isinstance(error, kind)), 500)
    return _failure(status, str(error))


async def _on_http_error(request: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException) and error.status_code == 413:
        return _failure(413, error.detail)
    status = error.status_code if isinstance(error, HTTPException) else 500
    return _failure(status, f"The embedded index does not have {request.method} {request.url.path}.")


async def _on_error(request: Request, _: Exception) -> Response:
    return _failure(500, f"{request.method} {request.url.path} failed; the index process's log says why.")


class RequireKey:
    """Everything but /healthz needs the header `api-key`, compared in constant time."""

    def __init__(self, app: ASGIApp, key: str) -> None:
        self._app = app
        self._key = key.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] != "/healthz":
            given = next((value for name, value in scope["headers"] if name == b"api-key"), b"")
            if not hmac.compare_digest(given, self._key):
                await _failure(401, "The header api-key does not hold this index's key.")(scope, receive, send)
                return
        await self._app(scope, receive, send)


def run(path: Path, host: str, port: int, key: str, *, log_level: str = "warning") -> None:
    """Serve until SIGTERM or SIGINT, then flush and close the index. Raises what `build` raises."""
    uvicorn.run(
        build(path, key),
        host=host,
        port=port,
        log_level=log_level,
        log_config=None,  # the caller's logging holds for all parts
        access_log=False,
        timeout_graceful_shutdown=5,
    )
