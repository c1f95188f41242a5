"""/api/preferences: what the account has set for its own answers. Nobody sees or sets anybody else's."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.api.request import principal_of, read_json, services_of
from app.api.response import Json
from storage.errors import InvalidInput
from storage.preferences import MAX_POSITION
from storage.types import Length, Preference


class GivenPreference(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    language: str = Field("", max_length=8)
    length: str = Field(Length.USUAL.value, max_length=8)
    position: str = Field("", max_length=MAX_POSITION)


def preferences(request: Request) -> Response:
    """What the account has set for its answers: language, length, position."""
    return Json(_shown(services_of(request).preferences.get(principal_of(request))))


async def set_preferences(request: Request) -> Response:
    """Set {language, length, position}, in place of what was set before."""
    return await run_in_threadpool(_set, request, await read_json(request, GivenPreference))


def erase_preferences(request: Request) -> Response:
    """Erase what the account has set for its answers."""
    services_of(request).preferences.erase(principal_of(request))
    return Response(status_code=204)


def _set(request: Request, body: GivenPreference) -> Response:
    try:
        length = Length(body.length)
    except ValueError as error:
        raise InvalidInput(f"length: one of {', '.join(Length)}.") from error
    given = Preference(body.language, length, body.position)
    return Json(_shown(services_of(request).preferences.set(given, principal_of(request))))


def _shown(preference: Preference) -> dict[str, Any]:
    return {"language": preference.language, "length": preference.length, "position": preference.position}


ROUTES = [
    Route("/preferences", preferences, methods=["GET"]),
    Route("/preferences", set_preferences, methods=["PUT"]),
    Route("/preferences", erase_preferences, methods=["DELETE"]),
]
