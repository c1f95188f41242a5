"""/api/records: how answers came about, for admins who may read all that was put before the model."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.api.request import number_of, principal_of, services_of
from app.api.response import Json
from storage.errors import InvalidInput
from storage.records import WEAK
from storage.types import Support

MAX_LISTED = 200
_NAMES = {"supported": Support.FULL, "in-part": Support.PART, "not-supported": Support.NONE}


def records(request: Request) -> Response:
    """Admins: ?support=in-part,not-supported &limit= ; answers with such sentences, newest first."""
    limit = number_of(request, "limit", default=50, least=1, most=MAX_LISTED)
    found = services_of(request).records.answers(principal_of(request), support=_support(request), limit=limit)
    return Json({"records": found})


def record(request: Request) -> Response:
    """Admins: the model, prompt version, search, sources and verdicts of one answer. Each look is put on record."""
    return Json(services_of(request).records.get(request.path_params["message"], principal_of(request)))


def _support(request: Request) -> tuple[Support, ...]:
    words = [word for given in request.query_params.getlist("support") for word in given.split(",") if word]
    if words == ["all"]:
        return ()
    try:
        return tuple(_NAMES[word] for word in words) or WEAK
    except KeyError as error:
        raise InvalidInput(f"support: all, or some of {', '.join(_NAMES)}.") from error


ROUTES = [
    Route("/records", records, methods=["GET"]),
    Route("/records/{message}", record, methods=["GET"]),
]
