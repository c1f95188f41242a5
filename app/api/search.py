"""GET /api/search: passages without an answer, by document, with what `footnote search` and the Search page show."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app import scopes
from app.api.request import principal_of, services_of
from app.api.response import Json
from app.search import MOST, Found, Results, link, marks
from app.search import search as find
from app.words import content_words
from storage.errors import InvalidInput
from storage.types import Passage


def search(request: Request) -> Response:
    """?q= &kind= &document= &group= (ids; each may be repeated) &since= &until= (2025-03-01) &limit= : passages by
    document, best first, with page, heading, text, offsets into the page's text, score, the words to mark and a link.

    `more` says whether a higher limit (at most 60) finds further ones, `searched` how many documents fit the filters.
    """
    services, principal = services_of(request), principal_of(request)
    question = request.query_params.get("q", "")
    results = find(
        question,
        principal,
        retriever=services.retriever,
        documents=services.documents,
        scope=scopes.from_parameters(request.query_params.getlist),
        limit=_limit(request.query_params.get("limit", "20")),
    )
    return Json(as_objects(results, question))


def as_objects(results: Results, question: str) -> dict[str, Any]:
    """What programs get of a search, here and from the command line."""
    wanted = content_words(question)
    return {
        "documents": [_document(found, wanted, question) for found in results.documents],
        "searched": results.searched,
        "more": results.more,
        "notice": results.notice,
        "confidence": round(results.confidence, 4),
    }


def _document(found: Found, wanted: list[str], question: str) -> dict[str, Any]:
    return {
        "document_id": found.document_id,
        "version_id": found.version_id,
        "title": found.title,
        "name": found.name,
        "about": found.about,
        "passages": [_passage(passage, wanted, question) for passage in found.passages],
    }


def _passage(passage: Passage, wanted: list[str], question: str) -> dict[str, Any]:
    return {
        "page": passage.page,
        "start": passage.start,
        "end": passage.end,
        "heading": passage.heading,
        "place": passage.place,
        "text": passage.text,
        "score": round(passage.score, 4),
        "marks": [(passage.start + start, passage.start + end) for start, end in marks(passage.text, wanted)],
        "link": link(passage, question),
    }


def _limit(word: str) -> int:
    if not (word.isascii() and word.isdigit() and len(word) < 4 and 1 <= int(word) <= MOST):
        raise InvalidInput(f"limit: a number from 1 to {MOST}.")
    return int(word)


ROUTES = [Route("/search", search, methods=["GET"])]
