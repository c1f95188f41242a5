"""/api for admins: the questions of a set as a file, in and out, and the report and results of an evaluation."""

from __future__ import annotations

from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.api.request import principal_of, read_body, services_of
from app.api.response import Json
from app.api.uploads import file_name
from app.auth import POLICY, UPLOAD_HEADER
from app.evaluation import forms
from app.question_sets import questions_of, rows
from storage.errors import Forbidden, InvalidInput

MAX_QUESTIONS = 20 * 2**20  # bytes
# a document of its own without origin: it runs nothing, fetches nothing, and reaches nothing of ours
REPORT_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; sandbox"
)


def questions(request: Request) -> Response:
    """Admins: the questions of a set, one JSON object a line."""
    services, principal = services_of(request), principal_of(request)
    set_id = request.path_params["set"]
    kept = services.evaluations.questions(set_id, principal)
    name = services.evaluations.set(set_id, principal).name
    text = forms.dump(questions_of(kept, name)) if kept else ""
    return _download(text, f"{name}.jsonl")


async def add_questions(request: Request) -> Response:
    """Admins: add the questions of a file, all or none; a known id takes that question's place. ?name= of the file."""
    if UPLOAD_HEADER not in request.headers:  # a form on a foreign page can't send it
        raise Forbidden(f"Send the header {UPLOAD_HEADER}: 1 with an upload.")
    name = file_name(request.query_params.get("name", "") or "questions.jsonl")
    await run_in_threadpool(services_of(request).evaluations.set, request.path_params["set"], principal_of(request))
    body = await read_body(request, MAX_QUESTIONS)
    return await run_in_threadpool(_add_questions, request, body, name)


def _add_questions(request: Request, body: bytes, name: str) -> Response:
    services, principal = services_of(request), principal_of(request)
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{name} is not UTF-8 text. Save it as UTF-8.") from error
    given = rows(forms.parse(text, name))
    added = services.evaluations.add(request.path_params["set"], given, principal)
    replaced = len(given) - added
    message = f"{added:,} added from {name}" + (f", {replaced:,} with a known id replaced." if replaced else ".")
    return Json({"added": added, "replaced": replaced, "message": message})


def report(request: Request) -> Response:
    """Admins: the report of an evaluation, a page of its own that holds nothing of a document's text."""
    page = services_of(request).runs.report(request.path_params["run"], principal_of(request))
    return Response(page, media_type="text/html", headers={POLICY: REPORT_POLICY})


def _download(text: str, name: str) -> Response:
    plain = "".join(char if char.isascii() and (char.isalnum() or char in " .-_") else "_" for char in name)
    disposition = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
    return Response(text, media_type="application/x-ndjson", headers={"content-disposition": disposition})


ROUTES = [
    Route("/question-sets/{set}/questions", questions, methods=["GET"]),
    Route("/question-sets/{set}/questions", add_questions, methods=["PUT"]),
    Route("/runs/{run}/report", report, methods=["GET"]),
]
