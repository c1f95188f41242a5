"""A chat completion as OpenAI's API tells it: as a whole, or as a stream of server-sent events.

While the prompt is read, chunks with an empty delta carry a field of our own, `footnote`: place in the queue, tokens
read, tokens in all. Not covered: who writes the answer (`llm_engine`), routes and requests (`llm_server`).
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from app.generation import Event, Failed, Finished, Generation
from app.llm import Reading
from app.openai_errors import error_body

_LOOK = 0.25  # seconds between two looks whether the client is still there


class Completion:
    """One chat completion, told as a stream of chunks or as a whole. When the client goes away it is cancelled."""

    def __init__(
        self,
        model: str,
        generation: Generation,
        events: asyncio.Queue[Event],
        request: Request,
        count: Callable[[str, str], None],
    ) -> None:
        self._generation, self._events, self._request, self._count = generation, events, request, count
        self._outcome = "gone"
        self._head = {"id": f"chatcmpl-{secrets.token_hex(12)}", "created": int(time.time()), "model": model}

    async def stream(self) -> AsyncIterator[str]:
        yield self._chunk({"role": "assistant", "content": ""})
        async for event in self._until_done():
            match event:
                case Reading(queue=place, read=read, total=total):
                    yield self._chunk({}, footnote={"queue": place, "read": read, "total": total})
                case str(text):
                    yield self._chunk({"content": text})
                case Finished(reason=reason):
                    yield self._chunk({}, reason=reason, usage=_usage(event))
                case Failed(error=error):
                    yield f"data: {json.dumps(error_body(error))}\n\n"
                    return
        yield "data: [DONE]\n\n"

    async def whole(self) -> Response:
        text: list[str] = []
        async for event in self._until_done():
            match event:
                case str(piece):
                    text.append(piece)
                case Failed(error=error):
                    raise error
                case Finished(reason=reason):
                    choice = {
                        "index": 0,
                        "message": {"role": "assistant", "content": "".join(text)},
                        "finish_reason": reason,
                    }
                    whole = {**self._head, "object": "chat.completion", "choices": [choice], "usage": _usage(event)}
                    return JSONResponse(whole)
                case Reading():
                    pass
        return Response(status_code=499)  # the client is gone and never sees it

    def close(self) -> None:
        """Once, whatever happened: nobody reads this answer any more."""
        self._generation.cancel()
        self._count("chat", self._outcome)

    async def _until_done(self) -> AsyncIterator[Event]:
        """Events up to the last one, which is Finished or Failed unless the client goes away."""
        look = time.monotonic() + _LOOK
        while self._outcome == "gone":
            if time.monotonic() >= look:
                if await self._request.is_disconnected():
                    return
                look = time.monotonic() + _LOOK
            try:
                event = await asyncio.wait_for(self._events.get(), _LOOK)
            except TimeoutError:
                continue
            if isinstance(event, Finished | Failed):
                self._outcome = event.reason if isinstance(event, Finished) else "failed"
            yield event

    def _chunk(self, delta: dict[str, str], *, reason: str | None = None, **more: dict[str, Any]) -> str:
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        chunk = {**self._head, "object": "chat.completion.chunk", "choices": [choice], **more}
        return f"data: {json.dumps(chunk)}\n\n"


class CompletionStream(StreamingResponse):
    """Closes the completion at once when the client goes away, not when the generator is collected."""

    def __init__(self, completion: Completion) -> None:
        super().__init__(completion.stream(), media_type="text/event-stream", headers={"Cache-Control": "no-store"})
        self._completion = completion

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._completion.close()


def _usage(event: Finished) -> dict[str, Any]:
    return {
        "prompt_tokens": event.prompt_tokens,
        "completion_tokens": event.answer_tokens,
        "total_tokens": event.prompt_tokens + event.answer_tokens,
        "prompt_tokens_details": {"cached_tokens": event.reused},
    }
