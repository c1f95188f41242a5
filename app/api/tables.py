"""/api: the table of an answer as a file, with the rights that its reader has now."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.api.request import number_of, principal_of, services_of
from app.cells import grids
from app.downloads import CSV, XLSX, as_csv, as_xlsx
from storage.errors import NotFound

_MOST = 100
_NONE = "There is no such table in an answer of yours."


def table(request: Request) -> Response:
    """The table of your own answer as table.csv (?n= the how-manieth) or table.xlsx (all of them, with the sources)."""
    try:
        message = services_of(request).conversations.message(request.path_params["message"], principal_of(request))
    except NotFound as error:  # somebody else's and no answer at all are the same
        raise NotFound(_NONE) from error
    found, form = grids(message.text), request.path_params["form"]
    number = number_of(request, "n", default=1, least=1, most=_MOST)
    if number > len(found) or form not in ("csv", "xlsx"):
        raise NotFound(_NONE)
    headers = {"content-disposition": f'attachment; filename="table.{form}"', "cache-control": "no-store"}
    if form == "csv":
        return Response(as_csv(found[number - 1], message.citations), media_type=CSV, headers=headers)
    return Response(as_xlsx(found, message.citations), media_type=XLSX, headers=headers)


ROUTES = [Route("/messages/{message}/table.{form}", table, methods=["GET"])]
