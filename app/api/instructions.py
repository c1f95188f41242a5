"""/api/instructions: what the organisation wants of all answers of a language model. For admins."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.api.request import principal_of, read_json, services_of
from app.api.response import Json
from storage.types import HouseInstructions


class GivenInstructions(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    text: str = Field(max_length=20_000)


def instructions(request: Request) -> Response:
    """The versions of the house's instructions, newest first; the first one holds."""
    versions = services_of(request).house.versions(principal_of(request))
    return Json({"versions": [_shown(one) for one in versions]})


async def set_instructions(request: Request) -> Response:
    """Set {text}: what every answer of a language model shall heed from now on; empty: nothing but our own rules."""
    return await run_in_threadpool(_set, request, await read_json(request, GivenInstructions))


def _set(request: Request, body: GivenInstructions) -> Response:
    return Json(_shown(services_of(request).house.save(body.text, principal_of(request))))


def _shown(one: HouseInstructions) -> dict[str, Any]:
    return {"version": one.version, "text": one.text, "who": one.who, "at": one.at.isoformat() if one.at else None}


ROUTES = [
    Route("/instructions", instructions, methods=["GET"]),
    Route("/instructions", set_instructions, methods=["PUT"]),
]
