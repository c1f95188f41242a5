"""/api: documents, cited pages and conversations for programs, with the rights of who is signed in.

What the caller may not read is answered exactly like what does not exist. The other files of `app.api` hold the other
routes, each those of its noun: uploads, questions, jobs, sources, models, evaluations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from app.api import (
    adapters,
    ask,
    escalations,
    evaluations,
    generations,
    instructions,
    jobs,
    models,
    preferences,
    records,
    reports,
    search,
    sources,
    tables,
    uploads,
)
from app.api.errors import on_crash, on_footnote_error, on_http_error
from app.api.request import number_of, principal_of, read_json, services_of
from app.api.response import Json
from app.api.uploads import MAX_GROUPS, readers_from
from storage.documents import DocumentInfo, require_admin
from storage.errors import FootnoteError, InvalidInput, NotFound
from storage.types import MessageState, Principal, State

if TYPE_CHECKING:
    from app.services import Services

MAX_LISTED = 200
MAX_TEXT = 200
_LAST = 10**7


def create(services: Services) -> Starlette:
    """To be mounted at /api, behind the Gate."""
    api = Starlette(
        routes=routes(),
        exception_handlers={
            FootnoteError: on_footnote_error,
            HTTPException: on_http_error,
            Exception: on_crash,
        },
    )
    api.state.services = services
    return api


def routes() -> list[Route]:
    return [*_ROUTES, *(route for part in _PARTS for route in part.ROUTES)]


def me(request: Request) -> Response:
    """Who is signed in: name, role, groups."""
    principal = principal_of(request)
    groups = [group for group in services_of(request).users.groups() if group.id in principal.groups]
    return Json(
        {
            "name": principal.name,
            "role": principal.role,
            "groups": [{"id": group.id, "name": group.name} for group in groups],
        }
    )


def health(request: Request) -> Response:
    """Which parts do not answer, in plain words."""
    missing = services_of(request).missing()
    return Json({"ok": not missing, "missing": missing})


def documents(request: Request) -> Response:
    """?state=failed,ready &text= &limit= &offset= ; `more` says whether there are further ones."""
    principal = principal_of(request)
    limit = number_of(request, "limit", default=50, least=1, most=MAX_LISTED)
    offset = number_of(request, "offset", default=0, least=0, most=_LAST)
    found = services_of(request).documents.find(
        principal, states=_states(request), text=_text(request), limit=limit + 1, offset=offset
    )
    return Json({"documents": [_shown(info, principal) for info in found[:limit]], "more": len(found) > limit})


def document(request: Request) -> Response:
    """One document: state, pages, passages, and for admins its readers."""
    principal = principal_of(request)
    return Json(_shown(services_of(request).documents.get(request.path_params["document"], principal), principal))


def delete_document(request: Request) -> Response:
    """Unknown to everybody from now on; the worker then removes every trace."""
    document_id = request.path_params["document"]
    services_of(request).documents.begin_delete(document_id, principal_of(request))
    return Json({"deleting": document_id}, 202)


class NewReaders(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    everyone: bool
    groups: list[str] = Field(max_length=MAX_GROUPS)


async def set_readers(request: Request) -> Response:
    """Effective at once: the index follows, and until then SQL decides."""
    body = await read_json(request, NewReaders)
    return await run_in_threadpool(_set_readers, request, body)


def retry(request: Request) -> Response:
    """Admins: try a document again that has failed."""
    principal = principal_of(request)
    job = services_of(request).versions.retry(request.path_params["document"], principal)
    return Json({"version_id": job.version_id, "attempt": job.attempt}, 202)


def read_again(request: Request) -> Response:
    """Admins: have the file of a ready document read anew; until that has succeeded it answers as it is."""
    added = services_of(request).documents.read_again(request.path_params["document"], principal_of(request))
    return Json({"version_id": added.version_id}, 202)


def page_text(request: Request) -> Response:
    """The text of a page or section, with its title and heading."""
    version, page = _page(request)
    source = services_of(request).documents.source(version, page, principal_of(request))
    section = source.section
    return Json(
        {
            "document_id": source.document_id,
            "version_id": source.version_id,
            "title": source.title,
            "name": source.name,
            "format": source.format,
            "live": source.live,
            "pages": source.pages,
            "page": section.page,
            "place": section.place,
            "text": section.text,
            "headings": section.headings,
            "tables": section.tables,
        }
    )


def page_image(request: Request) -> Response:
    """A page of a PDF as a JPEG picture."""
    version, page = _page(request)
    image = services_of(request).pages.image(version, page, principal_of(request))
    return Response(image, media_type="image/jpeg")


def original(request: Request) -> Response:
    """Always a download: what was uploaded is never shown inside our own pages."""
    services, version = services_of(request), request.path_params["version"]
    name = services.documents.file_name(version, principal_of(request))
    path = services.files.original(version)
    return FileResponse(path, media_type="application/octet-stream", filename=name)


def conversations(request: Request) -> Response:
    """The account's own conversations, last changed first."""
    limit = number_of(request, "limit", default=50, least=1, most=MAX_LISTED)
    found = services_of(request).conversations.find(principal_of(request), text=_text(request), limit=limit)
    return Json({"conversations": found})


def conversation(request: Request) -> Response:
    """One conversation of the account with its messages and citations."""
    kept, principal = services_of(request).conversations, principal_of(request)
    conversation_id = request.path_params["conversation"]
    sent = services_of(request).escalations.of_conversation(conversation_id, principal)
    return Json(
        {
            "conversation": kept.get(conversation_id, principal),
            "messages": kept.messages(conversation_id, principal),
            "questions": [escalations.asked(one) for one in sent.values()],
        }
    )


def delete_conversation(request: Request) -> Response:
    """Delete a conversation of the account."""
    services, principal = services_of(request), principal_of(request)
    conversation_id = request.path_params["conversation"]
    for message in services.conversations.messages(conversation_id, principal):
        if message.state is MessageState.RUNNING and (generation := services.answers.running(message.id)):
            generation.cancel()
    services.conversations.delete(conversation_id, principal)
    return Response(status_code=204)


def _set_readers(request: Request, body: NewReaders) -> Response:
    services, principal = services_of(request), principal_of(request)
    require_admin(principal)
    document_id = request.path_params["document"]
    readers = readers_from(body.everyone, body.groups, services.users)
    services.documents.set_readers(document_id, readers, principal)
    return Json(_shown(services.documents.get(document_id, principal), principal))


def _shown(info: DocumentInfo, principal: Principal) -> dict[str, Any]:
    shown = {name: getattr(info, name) for name in DocumentInfo.__dataclass_fields__ if name != "readers"}
    if principal.is_admin:  # which other groups read it is no business of a reader
        shown["readers"] = info.readers
    return shown


def _page(request: Request) -> tuple[str, int]:
    page = request.path_params["page"]
    if not (page.isascii() and page.isdigit() and len(page) < 8):
        raise NotFound("There is no such document, or you may not read it.")
    return request.path_params["version"], int(page)


def _states(request: Request) -> list[State]:
    words = [word for given in request.query_params.getlist("state") for word in given.split(",") if word]
    try:
        return [State(word) for word in words]
    except ValueError as error:
        raise InvalidInput(f"state: one of {', '.join(State)}.") from error


def _text(request: Request) -> str:
    text = request.query_params.get("text", "").strip()
    if len(text) > MAX_TEXT:
        raise InvalidInput(f"text: at most {MAX_TEXT} characters.")
    return text


_ROUTES = [
    Route("/me", me, methods=["GET"]),
    Route("/health", health, methods=["GET"]),
    Route("/documents", documents, methods=["GET"]),
    Route("/documents/{document}", document, methods=["GET"]),
    Route("/documents/{document}", delete_document, methods=["DELETE"]),
    Route("/documents/{document}/readers", set_readers, methods=["PUT"]),
    Route("/documents/{document}/retry", retry, methods=["POST"]),
    Route("/documents/{document}/read-again", read_again, methods=["POST"]),
    Route("/versions/{version}/pages/{page}.jpg", page_image, methods=["GET"]),
    Route("/versions/{version}/pages/{page}", page_text, methods=["GET"]),
    Route("/versions/{version}/original", original, methods=["GET"]),
    Route("/conversations", conversations, methods=["GET"]),
    Route("/conversations/{conversation}", conversation, methods=["GET"]),
    Route("/conversations/{conversation}", delete_conversation, methods=["DELETE"]),
]
_PARTS = (
    instructions,
    preferences,
    uploads,
    reports,
    jobs,
    sources,
    models,
    search,
    ask,
    tables,
    records,
    escalations,
    generations,
    adapters,
    evaluations,
)
