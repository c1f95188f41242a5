"""PUT /api/upload: a file is streamed to disk while it arrives, in constant memory. Nothing is kept of a body that is
cut off, too large, or from somebody who may not add documents.
"""

from __future__ import annotations

import logging
import unicodedata
from contextlib import aclosing
from functools import partial
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.api.errors import TooLarge
from app.api.request import principal_of, services_of
from app.api.response import Json
from app.auth import UPLOAD_HEADER
from storage.documents import Documents, require_admin
from storage.errors import AlreadyExists, Forbidden, InvalidInput
from storage.types import Principal, Readers
from storage.users import Users

if TYPE_CHECKING:
    from app.services import Services

log = logging.getLogger(__name__)

MAX_NAME = 200
MAX_GROUPS = 500
SAME_NAME = "same-name"
_PIECE = 1 << 20


async def upload(request: Request) -> Response:
    """Admins: add a document, its bytes as the body: ?name=...&readers=everyone, admins, or ids of groups.

    With replace=<id of a document> the bytes become its new version, and its readers stay; with replace=same-name that
    of the document with this file name, if there is one. Answers {document_id, version_id, known, replaced}; `known`
    says that these bytes were here already.
    """
    services, principal = services_of(request), principal_of(request)
    require_admin(principal)
    if UPLOAD_HEADER not in request.headers:  # a form on a foreign page can't send it
        raise Forbidden(f"Send the header {UPLOAD_HEADER}: 1 with an upload.")
    name = file_name(request.query_params.get("name", ""))
    target = await run_in_threadpool(_target, request.query_params.get("replace", ""), name, services, principal)
    readers = Readers()
    if target is None:
        readers = await run_in_threadpool(_readers, request.query_params.get("readers", ""), services.users)
    largest = services.settings.upload_max_mb * 10**6
    if int(request.headers.get("content-length", "0")) > largest:
        raise _too_large(services.settings.upload_max_mb)
    with services.files.receive(largest) as receiver:
        piece = bytearray()
        async with aclosing(request.stream()) as stream:
            size = 0
            async for part in stream:
                size += len(part)
                if size > largest:
                    raise _too_large(services.settings.upload_max_mb)
                piece += part
                if len(piece) >= _PIECE:
                    await run_in_threadpool(receiver.write, bytes(piece))
                    piece.clear()
        await run_in_threadpool(receiver.write, bytes(piece))
        keep = partial(services.documents.add, readers=readers)
        if target is not None:
            keep = partial(services.documents.replace, target)
        added = await run_in_threadpool(keep, name, incoming=receiver.finish(), principal=principal)
    log.info("%s uploaded a file of %d bytes%s", principal.name, size, ", known already" if added.known else "")
    return Json(added, 200 if added.known else 201)


def file_name(given: str) -> str:
    """The last part of `given` without anything that can't be seen. Raises InvalidInput when nothing is left."""
    last = PurePosixPath(given[:4000].replace("\\", "/")).name
    seen = "".join(char for char in unicodedata.normalize("NFC", last) if char.isprintable()).strip()
    if not seen.strip("."):
        raise InvalidInput("name: give the file's name, as in /api/upload?name=handbook.pdf.")
    if len(seen) <= MAX_NAME:
        return seen
    ending = PurePosixPath(seen).suffix[:20]
    return seen[: MAX_NAME - len(ending)] + ending


def same_name(name: str, documents: Documents, principal: Principal) -> str | None:
    """The document of which a file of this name is a new version, or None. Raises AlreadyExists where two have it."""
    found = documents.named(name, principal)
    if len(found) > 1:
        raise AlreadyExists(f"{len(found)} documents have the file name {name}. Say which one it replaces by its id.")
    return found[0] if found else None


def readers_from(everyone: bool, groups: list[str], users: Users) -> Readers:
    """Raises InvalidInput for a group that there is not: a typing error must not hide a document, nor open it."""
    if unknown := sorted(set(groups) - {group.id for group in users.groups()}):
        raise InvalidInput(f"groups: there is no group with the id {unknown[0][:64]}.")
    return Readers(everyone=everyone, groups=frozenset(groups))


def _target(given: str, name: str, services: Services, principal: Principal) -> str | None:
    if given == SAME_NAME:
        return same_name(name, services.documents, principal)
    return services.documents.get(given, principal).id if given else None


def _readers(given: str, users: Users) -> Readers:
    words = [word for word in given.split(",") if word]
    if not words or len(words) > MAX_GROUPS:
        raise InvalidInput("readers: say everyone, admins, or the ids of groups, parted by commas.")
    if words == ["admins"]:
        return Readers()
    return readers_from("everyone" in words, [word for word in words if word != "everyone"], users)


def _too_large(megabytes: int) -> TooLarge:
    return TooLarge(f"The file is larger than {megabytes:,} MB. Split it, or raise UPLOAD_MAX_MB.")


ROUTES = [Route("/upload", upload, methods=["PUT"])]
