"""/api/sources: the places that documents come from, for admins. What a source's options say is never answered."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.api.request import principal_of, read_json, services_of
from app.api.response import Json
from app.api.uploads import MAX_GROUPS, readers_from
from app.places import check_place, new_source
from storage.documents import require_admin
from storage.errors import InvalidInput


class SourceReaders(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    everyone: bool
    groups: list[str] = Field(default=[], max_length=MAX_GROUPS)


class GivenSource(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    name: str
    location: str = Field(max_length=2000)
    readers: SourceReaders
    include: list[str] = Field(default=[], max_length=100)
    exclude: list[str] = Field(default=[], max_length=100)
    options: dict[str, Any] = {}
    keep_deleted: bool = False
    every: str = Field("", max_length=20)


def sources(request: Request) -> Response:
    """Admins: every source with its last run."""
    return Json({"sources": services_of(request).sources.find(principal_of(request))})


async def add_source(request: Request) -> Response:
    """Admins: add a source in one of the places of SOURCE_PLACES. Nothing is read before it runs."""
    require_admin(principal_of(request))
    return await run_in_threadpool(_add, request, await read_json(request, GivenSource))


def source(request: Request) -> Response:
    """Admins: one source, by name or id, with its newest runs."""
    kept, principal = services_of(request).sources, principal_of(request)
    found = kept.get(request.path_params["source"], principal)
    return Json({"source": found, "syncs": kept.syncs(found.id, principal)})


def remove_source(request: Request) -> Response:
    """Admins: forget a source; its documents stay, or go with ?documents=delete."""
    given = request.query_params.get("documents", "keep")
    if given not in {"keep", "delete"}:
        raise InvalidInput("documents: keep or delete.")
    kept, principal = services_of(request).sources, principal_of(request)
    deleted = kept.remove(request.path_params["source"], principal, documents=given == "delete")
    return Json({"deleting": deleted})


async def set_source_readers(request: Request) -> Response:
    """Admins: who reads what comes from a source; documents with readers chosen by hand keep those."""
    require_admin(principal_of(request))
    return await run_in_threadpool(_set_readers, request, await read_json(request, SourceReaders))


def run_source(request: Request) -> Response:
    """Admins: synchronise a source now; ?force=yes even when more than half of its files are gone."""
    forced = request.query_params.get("force", "no")
    if forced not in {"yes", "no"}:
        raise InvalidInput("force: yes or no.")
    kept, principal = services_of(request).sources, principal_of(request)
    return Json(kept.request(request.path_params["source"], principal, forced=forced == "yes"), 202)


def _add(request: Request, given: GivenSource) -> Response:
    services, principal = services_of(request), principal_of(request)
    readers = readers_from(given.readers.everyone, given.readers.groups, services.users)
    new = new_source(
        given.name,
        given.location,
        readers,
        include=given.include,
        exclude=given.exclude,
        options=given.options,
        keep_deleted=given.keep_deleted,
        every=given.every,
    )
    check_place(new, services.settings.source_places)
    return Json(services.sources.add(new, principal), 201)


def _set_readers(request: Request, given: SourceReaders) -> Response:
    services, principal = services_of(request), principal_of(request)
    readers = readers_from(given.everyone, given.groups, services.users)
    changed = services.sources.set_readers(request.path_params["source"], readers, principal)
    return Json({"changed": changed})


ROUTES = [
    Route("/sources", sources, methods=["GET"]),
    Route("/sources", add_source, methods=["POST"]),
    Route("/sources/{source}", source, methods=["GET"]),
    Route("/sources/{source}", remove_source, methods=["DELETE"]),
    Route("/sources/{source}/readers", set_source_readers, methods=["PUT"]),
    Route("/sources/{source}/sync", run_source, methods=["POST"]),
]
