"""/api/adapters: LoRA adapters, and for which documents each is used, for admins."""

from __future__ import annotations

from dataclasses import asdict
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.api.request import principal_of, read_json, services_of
from app.api.response import Json


class Use(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    of: Literal["group", "source"]
    name: str = Field(min_length=1, max_length=255)
    adapter: str | None = Field(min_length=1, max_length=255)


def adapters(request: Request) -> Response:
    """Admins: the adapter files with the models that each fits, and for which groups and sources they are used."""
    services, principal = services_of(request), principal_of(request)
    uses = services.adapters.uses(principal)
    files = services.adapters.files(principal)
    return Json({"adapters": [asdict(one) for one in files], "uses": [asdict(one) for one in uses]})


async def use(request: Request) -> Response:
    """Admins: use {"adapter": file, null: none} for the documents of {"of": "group" or "source", "name": ...}."""
    body = await read_json(request, Use)
    choose, principal = services_of(request).adapters.choose, principal_of(request)
    await run_in_threadpool(choose, body.of, body.name, body.adapter, principal)
    return Json({"uses": [asdict(one) for one in services_of(request).adapters.uses(principal)]})


ROUTES = [
    Route("/adapters", adapters, methods=["GET"]),
    Route("/adapters", use, methods=["PUT"]),
]
