"""/api for admins: the generations of the index, making a new one, switching to it and going back."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.acceptance import SET
from app.api.request import principal_of, read_json, services_of
from app.api.response import Json
from app.reindex_words import as_object
from storage.generations import Generation, GenerationState


class NewGeneration(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    model: str = ""
    passage_tokens: int = 0
    question_set: str = ""


class Switch(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    force: bool = False


def generations(request: Request) -> Response:
    """Admins: every generation that is kept or under way, newest first, with how full each is."""
    kept, principal = services_of(request).generations, principal_of(request)
    known = [one for one in kept.all(principal) if one.state is not GenerationState.REMOVED]
    return Json({"generations": [as_object(one, kept.progress(one.id)) for one in known]})


async def start(request: Request) -> Response:
    """Admins: make a new one beside the live one: {"model": ..., "passage_tokens": 0, "question_set": id}."""
    body = await read_json(request, NewGeneration)
    return await run_in_threadpool(_start, request, body)


async def switch(request: Request) -> Response:
    """Admins: let the one under way become live; {"force": true} whatever the comparison says."""
    body = await read_json(request, Switch)
    accept = services_of(request).generations.accept
    return _shown(await run_in_threadpool(accept, principal_of(request), force=body.force))


def roll_back(request: Request) -> Response:
    """Admins: go back to the one that was live before."""
    return _shown(services_of(request).generations.roll_back(principal_of(request)))


def cancel(request: Request) -> Response:
    """Admins: give up the one under way."""
    return _shown(services_of(request).generations.cancel(principal_of(request)))


def retry(request: Request) -> Response:
    """Admins: try again what failed."""
    return _shown(services_of(request).generations.retry(principal_of(request)))


def clean(request: Request) -> Response:
    """Admins: remove those that are kept for going back."""
    return Json({"removing": services_of(request).generations.clean(principal_of(request))}, 202)


def _start(request: Request, body: NewGeneration) -> Response:
    services, principal = services_of(request), principal_of(request)
    if body.question_set:
        services.evaluations.set(body.question_set, principal)
    live = services.generations.live()
    model = body.model or (live.model if live else services.settings.embed_model)
    gate: dict[str, Any] = {SET: body.question_set} if body.question_set else {}
    return _shown(services.generations.start(model, principal, passage_tokens=body.passage_tokens, gate=gate))


def _shown(generation: Generation) -> Response:
    return Json(as_object(generation, None), 202)


ROUTES = [
    Route("/generations", generations, methods=["GET"]),
    Route("/generations", start, methods=["POST"]),
    Route("/generations/switch", switch, methods=["POST"]),
    Route("/generations/rollback", roll_back, methods=["POST"]),
    Route("/generations/cancel", cancel, methods=["POST"]),
    Route("/generations/retry", retry, methods=["POST"]),
    Route("/generations/clean", clean, methods=["POST"]),
]
