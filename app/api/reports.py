"""/api: the report of a document, and its passages as the assistant sees them, for who may read it."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app import preview
from app.api.request import number_of, principal_of, services_of
from app.api.response import Json
from storage.reports import Report

MAX_PASSAGES = 200


def report(request: Request) -> Response:
    """What was found in a document, which pages gave nothing and why, and how long each step took."""
    principal = principal_of(request)
    found = services_of(request).reports.report(request.path_params["document"], principal)
    names = [name for name in Report.__dataclass_fields__ if principal.is_admin or name != "started_by"]
    return Json({name: getattr(found, name) for name in names})


def passages(request: Request) -> Response:
    """?start= &limit= &page= : a version's passages in order, each with the lines that are embedded above it."""
    start = number_of(request, "start", default=0, least=0, most=10**7)
    limit = number_of(request, "limit", default=50, least=1, most=MAX_PASSAGES)
    version, principal = request.path_params["version"], principal_of(request)
    page = number_of(request, "page", default=0, least=0, most=10**7) or None
    kept = services_of(request).reports
    total, found = preview.passages(kept, version, principal, start=start, count=limit, page=page)
    return Json({"version_id": version, "total": total, "passages": found})


ROUTES = [
    Route("/documents/{document}/report", report, methods=["GET"]),
    Route("/versions/{version}/passages", passages, methods=["GET"]),
]
