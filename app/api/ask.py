"""POST /api/ask: a question, answered as one JSON object or, with Accept: text/event-stream, as it is written.

Events: `progress` {stage, text, citations, verdicts, notice, reading, step} whenever something changed, then one `done`
with the object that JSON callers get. An answer goes on when its caller leaves: it is in the conversation.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from app.api.errors import problem_of
from app.api.request import principal_of, read_json, services_of
from app.api.response import Json, to_json
from app.modes import mode_of
from storage.errors import FootnoteError, InvalidInput
from storage.types import Principal, Scope

if TYPE_CHECKING:
    from app.answers import Generation
    from app.services import Services

MAX_QUESTION = 4000
_POLL = 0.1  # a look at what the answering thread has; waiting in a thread per caller would use up the pool
_SHOWN = ("stage", "text", "citations", "verdicts", "notice", "reading", "step")
_SILENCE = 15.0  # proxies close a stream that says nothing


class Question(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    question: str = Field(max_length=MAX_QUESTION)
    conversation_id: str | None = Field(None, max_length=64)
    mode: str | None = Field(None, max_length=20)
    documents: list[str] = Field(default_factory=list, max_length=100)


async def ask(request: Request) -> Response:
    """Ask {question, conversation_id}: the answer with its citations as JSON, or as server-sent events when asked for.

    Without a conversation_id a new conversation begins. `mode` (answer, comparison, summary, fields or draft) is what
    the question asks for, if its words shall not decide; `documents` are the ids of those to look in.
    """
    services, principal = services_of(request), principal_of(request)
    body = await read_json(request, Question)
    question = body.question.strip()
    if not question:
        raise InvalidInput("question: ask something.")
    generation = await run_in_threadpool(_begin, services, principal, question, body)
    if "text/event-stream" in request.headers.get("accept", ""):
        headers = {"x-accel-buffering": "no"}
        return StreamingResponse(_events(services, generation, principal), 200, headers, "text/event-stream")
    while not generation.snapshot().done:
        await asyncio.sleep(_POLL)
    return Json(await run_in_threadpool(_ended, services, generation, principal))


def _begin(services: Services, principal: Principal, question: str, body: Question) -> Generation:
    mode, conversation_id = mode_of(body.mode), body.conversation_id
    scope = Scope(documents=frozenset(body.documents))
    if conversation_id is None:
        conversation_id = services.conversations.create(question, principal).id
    return services.answers.ask(conversation_id, question, principal, scope=scope, mode=mode)


async def _events(services: Services, generation: Generation, principal: Principal) -> AsyncIterator[str]:
    seen, silent = -1, 0.0
    while True:
        progress = generation.snapshot()
        if progress.done:
            break
        if progress.version != seen:
            seen, silent = progress.version, 0.0
            shown = {name: getattr(progress, name) for name in _SHOWN}
            yield f"event: progress\ndata: {to_json(shown)}\n\n"
        elif silent > _SILENCE:
            silent = 0.0
            yield ": still at it\n\n"
        silent += _POLL
        await asyncio.sleep(_POLL)
    try:
        final = to_json(await run_in_threadpool(_ended, services, generation, principal))
        yield f"event: done\ndata: {final}\n\n"
    except FootnoteError as error:
        yield f"event: error\ndata: {bytes(problem_of(error).body).decode()}\n\n"


def _ended(services: Services, generation: Generation, principal: Principal) -> dict[str, Any]:
    """The answer as it is kept, which is what the principal may see of it now."""
    message = services.conversations.message(generation.message_id, principal)
    return {
        "answer": message.text,
        "citations": message.citations,
        "verdicts": message.verdicts,
        "conversation_id": message.conversation_id,
        "message_id": message.id,
        "state": message.state,
        "notice": generation.snapshot().notice,
        "model": message.model,
        "seconds": message.seconds,
        "first_evidence": message.first_evidence,
        "unread": message.unread,
    }


ROUTES = [Route("/ask", ask, methods=["POST"])]
