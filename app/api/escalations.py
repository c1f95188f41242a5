"""/api/questions: questions that were sent to a person, for who asked and for those who answer."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.api.request import number_of, principal_of, read_json, services_of
from app.api.response import Json
from storage.errors import Forbidden, InvalidInput
from storage.escalations import MAX_NOTE, MAX_REFERENCES, MAX_REPLY, Escalation, EscalationState

MAX_LISTED = 200
_LAST = 10**7


class Note(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    note: str = Field("", max_length=MAX_NOTE)


class Reply(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    text: str = Field(max_length=MAX_REPLY)
    documents: list[str] = Field(default=[], max_length=MAX_REFERENCES)


async def escalate(request: Request) -> Response:
    """Send the question of one of one's own answers to a person: {note}."""
    return await run_in_threadpool(_escalate, request, await read_json(request, Note))


def take_back(request: Request) -> Response:
    """Close one's own question that was sent to a person."""
    services_of(request).escalations.take_back(request.path_params["message"], principal_of(request))
    return Response(status_code=204)


def escalations(request: Request) -> Response:
    """Those who answer: ?state=open &limit= &offset= ; newest first."""
    kept, principal = services_of(request).escalations, principal_of(request)
    limit = number_of(request, "limit", default=50, least=1, most=MAX_LISTED)
    offset = number_of(request, "offset", default=0, least=0, most=_LAST)
    found = kept.find(principal, state=_state(request), limit=limit + 1, offset=offset)
    return Json({"questions": found[:limit], "more": len(found) > limit, "counts": kept.counts(principal)})


def escalation(request: Request) -> Response:
    """Those who answer: one question with its conversation so far, as far as they and who asked may both read it."""
    thread = services_of(request).escalations.thread(request.path_params["question"], principal_of(request))
    return Json({"question": thread.escalation, "messages": thread.messages})


def take(request: Request) -> Response:
    """Those who answer: say that one answers this question."""
    services_of(request).escalations.take(request.path_params["question"], principal_of(request))
    return Response(status_code=204)


async def answer(request: Request) -> Response:
    """Those who answer: {text, documents}, which becomes a message of the conversation."""
    return await run_in_threadpool(_answer, request, await read_json(request, Reply))


def close(request: Request) -> Response:
    """Those who answer: close a question."""
    services_of(request).escalations.close(request.path_params["question"], principal_of(request))
    return Response(status_code=204)


def asked(escalation: Escalation) -> dict[str, Any]:
    """What who asked is told of it."""
    names = ("id", "message_id", "note", "state", "taken_by", "created", "changed")
    return {name: getattr(escalation, name) for name in names}


def _escalate(request: Request, body: Note) -> Response:
    services = services_of(request)
    if not services.settings.ask_a_person:
        raise Forbidden("Questions are not sent to people here.")
    kept = services.escalations.escalate(request.path_params["message"], body.note, principal_of(request))
    return Json({"question": asked(kept)}, 201)


def _answer(request: Request, body: Reply) -> Response:
    kept = services_of(request).escalations
    message = kept.answer(request.path_params["question"], body.text, body.documents, principal_of(request))
    return Json({"message": message}, 201)


def _state(request: Request) -> EscalationState | None:
    word = request.query_params.get("state", "")
    try:
        return EscalationState(word) if word else None
    except ValueError as error:
        raise InvalidInput(f"state: one of {', '.join(EscalationState)}.") from error


ROUTES = [
    Route("/messages/{message}/question", escalate, methods=["POST"]),
    Route("/messages/{message}/question", take_back, methods=["DELETE"]),
    Route("/questions", escalations, methods=["GET"]),
    Route("/questions/{question}", escalation, methods=["GET"]),
    Route("/questions/{question}/take", take, methods=["POST"]),
    Route("/questions/{question}/answer", answer, methods=["POST"]),
    Route("/questions/{question}/close", close, methods=["POST"]),
]
