"""/api/models: the language model files of the models process, and changing to another one, for admins."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.api.request import principal_of, read_json, services_of
from app.api.response import Json


class Chosen(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    file: str | None = Field(min_length=1, max_length=255)


class Named(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    file: str = Field(min_length=1, max_length=255)


def models(request: Request) -> Response:
    """Admins: the machine, the model that answers, and every model file with its speed and expected wait."""
    return Json(services_of(request).models.all(principal_of(request)).model_dump())


async def switch(request: Request) -> Response:
    """Admins: change to {"file": ...} without a restart, null: to none; GET /api/models tells when it answers."""
    body = await read_json(request, Chosen)
    models = await run_in_threadpool(services_of(request).models.switch, body.file, principal_of(request))
    return Json(models.model_dump(), 202)


async def verify(request: Request) -> Response:
    """Admins: check {"file": ...}: its header, its template and, where it was pulled, its SHA-256."""
    body = await read_json(request, Named)
    found = await run_in_threadpool(services_of(request).models.verify, body.file, principal_of(request))
    return Json({"file": body.file, "found": found})


ROUTES = [
    Route("/models", models, methods=["GET"]),
    Route("/models/switch", switch, methods=["POST"]),
    Route("/models/verify", verify, methods=["POST"]),
]
