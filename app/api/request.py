"""What comes in with a request: who asks, what serves it, and bodies that are never larger than the reader says.

Uploads don't pass here: they are streamed to disk.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar
from urllib.parse import parse_qsl

from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from app.api.errors import TooLarge
from storage.errors import InvalidInput
from storage.types import Principal
from storage.users import SignIn

if TYPE_CHECKING:
    from app.services import Services

MAX_JSON = 64 * 1024
MAX_FORM = 16 * 1024

Model = TypeVar("Model", bound=BaseModel)


def sign_in_of(request: Request) -> SignIn:
    """Who asks, as the Gate found; behind no Gate nobody is answered."""
    sign_in = request.state.sign_in
    assert isinstance(sign_in, SignIn)
    return sign_in


def principal_of(request: Request) -> Principal:
    return sign_in_of(request).principal


def services_of(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


async def read_body(request: Request, limit: int) -> bytes:
    """Raises TooLarge, without reading on, when there is more than `limit`."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > limit:
            raise TooLarge(f"The request is larger than {limit // 1024} kB.")
    return bytes(body)


async def read_json(request: Request, model: type[Model]) -> Model:
    """Raises InvalidInput that names each field that can't be taken.

    The content type is required: a form on a foreign page can't send it without asking first.
    """
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != "application/json":
        raise InvalidInput("Send JSON, with the header Content-Type: application/json.")
    try:
        return model.model_validate_json(await read_body(request, MAX_JSON))
    except ValidationError as error:
        lines = (f"{'.'.join(map(str, item['loc'])) or 'body'}: {item['msg']}." for item in error.errors())
        raise InvalidInput(" ".join(lines)) from error


async def read_form(request: Request) -> dict[str, str]:
    """The fields of an HTML form; of a field that comes twice the last."""
    try:
        text = (await read_body(request, MAX_FORM)).decode()
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=16))
    except ValueError as error:
        raise InvalidInput("The form could not be read. Load the page again.") from error


def number_of(request: Request, name: str, *, default: int, least: int, most: int) -> int:
    given = request.query_params.get(name, str(default))
    if not (given.isascii() and given.isdigit() and len(given) < 10 and least <= int(given) <= most):
        raise InvalidInput(f"{name}: a number from {least} to {most:,}.")
    return int(given)
