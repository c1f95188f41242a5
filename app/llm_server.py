"""The models process: chat with llama.cpp and embeddings over HTTP in the shape of OpenAI's API, reranking in Jina's.

The port answers at once; models load in the background, and until then /healthz says what is missing. Every route but
/healthz wants the key. Not covered: the batching of answers (`llm_engine`), how vectors (`ingest.embed`) and scores
(`cross_encoder`) are made.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import socket
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from app.chat_models import ChatModels
from app.completion import Completion, CompletionStream
from app.entailment_model import CrossEncoderEntailment, Predictions
from app.generation import Event
from app.llm_engine import GAUGES, Engine
from app.loading import Loading, Part
from app.model_routes import ModelRoutes
from app.model_shelf import Shelf
from app.openai_errors import error_response, response
from app.openai_requests import Beginning, Chat, Embeddings, Rerank, Text, body_of
from app.rerank import Reranker
from app.transcriptions import Transcriptions
from app.voice import Voice
from ingest.embed import Embedder
from ingest.meaning import Meaning
from storage.errors import Busy, FootnoteError, InvalidInput, NotFound

log = logging.getLogger(__name__)

_OTHERS = 2  # embedding models beside the main one
_AGAIN = 30.0  # seconds after which one that could not be loaded is tried again
_TOLD = 512  # tokens of a question at most whose states are told: a longer one is a text that was pasted
_RERANKS = 4  # on their way at a time: who would wait for more is better off without


def build(
    engine: Callable[[], Engine] | None,
    embedder: Callable[[], Embedder] | None,
    key: str,
    *,
    reranker: Callable[[], Reranker] | None = None,
    embedder_of: Callable[[str], Embedder] | None = None,
    guard: Callable[[], Engine] | None = None,
    voice: Callable[[], Voice] | None = None,
    entailment: Callable[[], CrossEncoderEntailment] | None = None,
    shelf: Shelf | None = None,
) -> Starlette:
    """The models process as an ASGI application. What is given is made in the background once the server runs.

    With `embedder_of`, further embedding models are loaded when they are first asked for by name, while the index is
    made anew; the least recently asked for goes when there are too many.

    `guard` is a second language model, asked by its name alone. With `shelf`, the language model can be changed for
    another of its files. `voice` turns speech into text, `entailment` judges sentences.

    The application closes the engine when it shuts down. Raises InvalidInput when the key is empty.
    """
    if not key:
        raise InvalidInput("The models process needs a key: nobody else on this machine may use it.")
    one_at_a_time = threading.Lock()  # its holder imports torch, which two threads must not do at once
    routes = _Routes(
        ChatModels(engine),
        Loading("guard model", guard),
        Loading("embedding model", _in_turn(embedder, one_at_a_time)),
        Loading("reranker", _in_turn(reranker, one_at_a_time)),
        partial(_other, embedder_of, one_at_a_time) if embedder and embedder_of else None,
        voice=Loading("voice model", voice),
        entailment=Loading("model for entailment", _in_turn(entailment, one_at_a_time)),
    )
    return _application(routes, key, shelf)


def _application(routes: _Routes, key: str, shelf: Shelf | None) -> Starlette:
    app = Starlette(
        routes=[*routes.table(), *(ModelRoutes(shelf, routes.chat_models).routes() if shelf else [])],
        middleware=[Middleware(_KeyRequired, key=key)],
        exception_handlers={FootnoteError: error_response, 404: _no_route, 405: _no_route, 500: _broken},
        lifespan=routes.lifespan,
    )
    app.state.stop = routes.stop
    return app


class Server(uvicorn.Server):
    """Runs what `build` made; port 0 takes a free one. At the end it breaks answers off before it waits for them."""

    def __init__(self, app: Starlette, *, host: str = "127.0.0.1", port: int) -> None:
        config = uvicorn.Config(
            app, host=host, port=port, log_config=None, access_log=False, timeout_graceful_shutdown=2, ws="none"
        )
        super().__init__(config)
        self._stop: Callable[[], Awaitable[None]] = app.state.stop

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await self._stop()
        await super().shutdown(sockets)


def run(app: Starlette, *, host: str = "127.0.0.1", port: int) -> None:
    """Serve until a signal ends the process."""
    with contextlib.suppress(KeyboardInterrupt):  # uvicorn has shut down in order, and raises it again
        Server(app, host=host, port=port).run()


def _in_turn(make: Callable[[], Part] | None, lock: threading.Lock) -> Callable[[], Part] | None:
    def made() -> Part:
        assert make is not None
        with lock:
            return make()

    return made if make else None


def _other(embedder_of: Callable[[str], Embedder], lock: threading.Lock, name: str) -> Loading[Embedder]:
    return Loading("embedding model", _in_turn(partial(embedder_of, name), lock))


class _KeyRequired:
    def __init__(self, app: ASGIApp, key: str) -> None:
        self._app = app
        self._expected = f"Bearer {key}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] != "/healthz":
            given = dict(scope["headers"]).get(b"authorization", b"")
            if not secrets.compare_digest(given, self._expected):
                refusal = response(401, "invalid_api_key", "The key is missing or wrong: Authorization: Bearer KEY")
                await refusal(scope, receive, send)
                return
        await self._app(scope, receive, send)


class _Routes:
    def __init__(
        self,
        chat_models: ChatModels,
        guard: Loading[Engine],
        embedder: Loading[Embedder],
        reranker: Loading[Reranker],
        other: Callable[[str], Loading[Embedder]] | None,
        *,
        voice: Loading[Voice],
        entailment: Loading[CrossEncoderEntailment],
    ) -> None:
        self.chat_models, self._guard = chat_models, guard
        self._voice, self._entailment = voice, entailment
        self._embedder, self._reranker = embedder, reranker
        self._other, self._others = other, dict[str, Loading[Embedder]]()  # by name, last asked for last
        self._started = int(time.time())
        self._embedding = ThreadPoolExecutor(1, "embed")  # one at a time: the model uses all cores already
        self._reranking = ThreadPoolExecutor(1, "rerank")  # of its own: vectors must not wait for seconds
        self._reranks = 0
        self._requests: dict[tuple[str, str], int] = {}

    def table(self) -> list[Route]:
        return [
            Route("/v1/chat/completions", self.chat, methods=["POST"]),
            Route("/v1/models", self.models),
            Route("/v1/embeddings", self.embeddings, methods=["POST"]),
            Route("/v1/rerank", self.rerank, methods=["POST"]),
            Route("/v1/predict", Predictions(self._entailment).answer, methods=["POST"]),
            Route("/v1/audio/transcriptions", Transcriptions(self._voice).answer, methods=["POST"]),
            Route("/tokenize", self.tokenize, methods=["POST"]),
            Route("/beginning", self.beginning, methods=["PUT"]),
            Route("/healthz", self.health),
            Route("/metrics", self.metrics),
        ]

    @contextlib.asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncIterator[None]:
        self.chat_models.start()
        for part in (self._guard, self._voice, self._entailment, self._embedder, self._reranker):
            part.start()
        yield
        self._embedding.shutdown(cancel_futures=True)
        self._reranking.shutdown(cancel_futures=True)
        await run_in_threadpool(self.chat_models.close)
        if self._guard.part:
            await run_in_threadpool(self._guard.part.close)

    async def stop(self) -> None:
        """End the answers on their way, so that their connections close."""
        await run_in_threadpool(self.chat_models.stop)
        if self._guard.part:
            await run_in_threadpool(self._guard.part.stop)

    async def chat(self, request: Request) -> Response:
        body = await body_of(request, Chat)
        loop = asyncio.get_running_loop()
        events: asyncio.Queue[Event] = asyncio.Queue()
        with self._engine_named(body.model) as engine:
            submit = partial(engine.submit, adapter=body.adapter)
            generation = await run_in_threadpool(
                submit,
                [message.model_dump() for message in body.messages],
                body.sampling(),
                lambda event: loop.call_soon_threadsafe(events.put_nowait, event),
            )
        completion = Completion(engine.name, generation, events, request, self._count)
        if body.stream:
            return CompletionStream(completion)
        try:
            return await completion.whole()
        finally:
            completion.close()

    @contextlib.contextmanager
    def _engine_named(self, name: str) -> Iterator[Engine]:
        if self._guard.part and name == self._guard.part.name:
            yield self._guard.part
            return
        with self.chat_models.engine() as engine:
            _check_model(name, engine.name)
            yield engine

    async def models(self, _: Request) -> Response:
        data: list[dict[str, Any]] = []
        for engine in filter(None, (self.chat_models.now.part, self._guard.part)):
            speed = engine.figures()["reading_tokens_per_second"]
            data.append({"id": engine.name, "context_length": engine.window, "reading_tokens_per_second": speed})
        if embedder := self._embedder.part:
            backend = getattr(embedder, "backend", "")
            data.append({"id": embedder.name, "dimensions": embedder.dimensions, "backend": backend})
        if reranker := self._reranker.part:
            data.append({"id": reranker.name})
        shared = {"object": "model", "created": self._started, "owned_by": "footnote"}
        return JSONResponse({"object": "list", "data": [{**shared, **model} for model in data]})

    async def embeddings(self, request: Request) -> Response:
        body = await body_of(request, Embeddings)
        embedder = self._embedder_named(body.model)
        try:
            data = await asyncio.get_running_loop().run_in_executor(self._embedding, _embedded, body, embedder)
        except Exception:  # whatever a library raises fails this request only
            log.exception("the embedding model failed")
            self._count("embeddings", "failed")
            return response(500, "server_error", "The embedding model failed on this text. The log says why.")
        self._count("embeddings", body.input_type)
        usage = {"prompt_tokens": 0, "total_tokens": 0}
        return JSONResponse({"object": "list", "model": embedder.name, "data": data, "usage": usage})

    def _embedder_named(self, name: str) -> Embedder:
        main = self._embedder.part
        if not self._other or not name or self._embedder.under_way or (main and main.name == name):
            embedder = self._embedder.get()
            _check_model(name, embedder.name)
            return embedder
        kept = self._others.pop(name, None)
        if kept is None or (kept.failed and time.monotonic() - kept.failed > _AGAIN):
            kept = self._other(name)
            kept.start()
        self._others[name] = kept
        while len(self._others) > _OTHERS:
            del self._others[next(iter(self._others))]
        return kept.get()

    async def rerank(self, request: Request) -> Response:
        body = await body_of(request, Rerank)
        reranker = self._reranker.get()
        _check_model(body.model, reranker.name)
        if self._reranks >= _RERANKS:
            self._count("rerank", "busy")
            raise Busy("models", "The reranker has too much to do. Try again in a moment.")
        self._reranks += 1
        try:
            scores = await asyncio.get_running_loop().run_in_executor(
                self._reranking, reranker.rerank, body.query, body.documents
            )
        except Exception:  # whatever a library raises fails this request only
            log.exception("the reranker failed")
            self._count("rerank", "failed")
            return response(500, "server_error", "The reranker failed on these texts. The log says why.")
        finally:
            self._reranks -= 1
        self._count("rerank", "done")
        best = sorted(enumerate(scores.tolist()), key=lambda scored: -scored[1])[: body.top_n]
        results = [{"index": index, "relevance_score": score} for index, score in best]
        return JSONResponse({"model": reranker.name, "results": results, "usage": {"total_tokens": 0}})

    async def tokenize(self, request: Request) -> Response:
        body = await body_of(request, Text)
        with self.chat_models.engine() as engine:
            if isinstance(body.content, str):
                tokens = await run_in_threadpool(engine.tokenize, body.content)
                return JSONResponse({"tokens": tokens, "count": len(tokens)})
            counts = [len(await run_in_threadpool(engine.tokenize, text)) for text in body.content]
        return JSONResponse({"counts": counts})

    async def beginning(self, request: Request) -> Response:
        """What every prompt begins with from now on: read at once, and kept for all of them."""
        body = await body_of(request, Beginning)
        await run_in_threadpool(self.chat_models.warm, [message.model_dump() for message in body.messages])
        return Response(status_code=202)

    async def health(self, _: Request) -> Response:
        parts = {
            "chat": (self.chat_models.now.wanted, self.chat_models.reason()),
            "guard": (self._guard.wanted, (self._guard.part and self._guard.part.failure) or self._guard.reason),
            "embeddings": (self._embedder.wanted, self._embedder.reason),
            "reranker": (self._reranker.wanted, self._reranker.reason),
            "voice": (self._voice.wanted, self._voice.reason),
            "entailment": (self._entailment.wanted, self._entailment.reason),
        }
        report = {
            name: {"ready": not reason, "configured": wanted, "reason": reason}
            for name, (wanted, reason) in parts.items()
        }
        if engine := self.chat_models.now.part:
            report["chat"]["model"] = engine.name
        ready = not any(wanted and reason for wanted, reason in parts.values())
        return JSONResponse({"ready": ready, **report}, status_code=200 if ready else 503)

    async def metrics(self, _: Request) -> Response:
        lines = ["# TYPE footnote_models_requests_total counter"]
        lines += [
            f'footnote_models_requests_total{{route="{route}",outcome="{outcome}"}} {count}'
            for (route, outcome), count in sorted(self._requests.items())
        ]
        engine = self.chat_models.now.part
        figures = engine.figures() if engine else {}
        for name, value in figures.items():
            gauge = name in GAUGES
            metric = f"footnote_llm_{name}" if gauge else f"footnote_llm_{name}_total"
            lines += [f"# TYPE {metric} {'gauge' if gauge else 'counter'}", f"{metric} {value:g}"]
        return PlainTextResponse("\n".join(lines) + "\n", media_type="text/plain; version=0.0.4")

    def _count(self, route: str, outcome: str) -> None:
        self._requests[route, outcome] = self._requests.get((route, outcome), 0) + 1


def _embedded(body: Embeddings, embedder: Embedder) -> list[dict[str, Any]]:
    """What is answered about each text."""
    if body.input_type == "query" and body.tokens:
        meanings = [embedder.embed_question(text) for text in body.texts]
    else:
        embed = embedder.embed_queries if body.input_type == "query" else embedder.embed_passages
        meanings = [Meaning(vector) for vector in embed(body.texts)]
    data = []
    for index, one in enumerate(meanings):
        told: dict[str, Any] = {"object": "embedding", "index": index, "embedding": body.written(one.vector)}
        if one.states is not None and one.spans is not None and len(one.states) <= _TOLD:
            told["tokens"] = {"states": body.written(one.states), "spans": one.spans.tolist()}
        data.append(told)
    return data


def _check_model(asked: str, name: str) -> None:
    if asked and asked != name:
        raise NotFound(f"There is no model {asked!r} here, only {name!r}.")


async def _no_route(request: Request, _: Exception) -> Response:
    return response(404, "not_found", f"There is no {request.method} {request.url.path} here.")


async def _broken(_: Request, error: Exception) -> Response:
    log.error("a request failed", exc_info=error)
    return response(500, "server_error", "The models process failed on this request. Its log says why.")
