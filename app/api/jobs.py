"""/api for admins: the jobs that read documents in, and their pausing, resuming, cancelling and retrying."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.api.request import number_of, principal_of, services_of
from app.api.response import Json
from storage.errors import InvalidInput
from storage.queue import JobInfo, Summary
from storage.types import Status

MAX_LISTED = 200
_LAST = 10**7


def jobs(request: Request) -> Response:
    """Admins: ?status=failed &limit= &offset= ; without a status all that have not ended, what runs first."""
    queue, principal = services_of(request).queue, principal_of(request)
    limit = number_of(request, "limit", default=50, least=1, most=MAX_LISTED)
    offset = number_of(request, "offset", default=0, least=0, most=_LAST)
    summary = queue.summary(principal)
    found = queue.jobs(principal, status=_status(request), limit=limit + 1, offset=offset)
    shown = [job_object(job) for job in found[:limit]]
    return Json({"summary": summary_object(summary), "jobs": shown, "more": len(found) > limit})


def pause(request: Request) -> Response:
    """Admins: pause one job, at once or when the step that runs has ended."""
    services_of(request).queue.pause(request.path_params["version"], principal_of(request))
    return Response(status_code=204)


def resume(request: Request) -> Response:
    """Admins: let a paused job go on where it was."""
    services_of(request).queue.resume(request.path_params["version"], principal_of(request))
    return Response(status_code=204)


def cancel(request: Request) -> Response:
    """Admins: end one job, at once or when the step that runs has ended; the document stays and can be tried again."""
    services_of(request).queue.cancel(request.path_params["version"], principal_of(request))
    return Response(status_code=204)


def retry(request: Request) -> Response:
    """Admins: try one job again that failed or was cancelled."""
    job = services_of(request).queue.retry(request.path_params["version"], principal_of(request))
    return Json({"version_id": job.version_id, "attempt": job.attempt}, 202)


def pause_all(request: Request) -> Response:
    """Admins: pause everything that is read in, until it is resumed."""
    services_of(request).queue.pause_all(principal_of(request))
    return Response(status_code=204)


def resume_all(request: Request) -> Response:
    """Admins: go on with everything that is paused."""
    services_of(request).queue.resume_all(principal_of(request))
    return Response(status_code=204)


def retry_failed(request: Request) -> Response:
    """Admins: try every job again that has failed."""
    return Json({"retried": services_of(request).queue.retry_failed(principal_of(request))}, 202)


def job_object(job: JobInfo) -> dict[str, Any]:
    moment = datetime.now(UTC)
    runs = job.status is Status.RUNNING
    shown = {name: getattr(job, name) for name in JobInfo.__dataclass_fields__ if name != "began"}
    return {**shown, "rate": job.rate(moment) if runs else None, "seconds_left": job.left(moment) if runs else None}


def summary_object(summary: Summary) -> dict[str, Any]:
    return {
        **{status.value: summary.counts[status] for status in Status},
        "deleting": summary.deleting,
        "paused_by": summary.held_by,
        "pages_a_second": summary.pages_a_second,
        "passages_a_second": summary.passages_a_second,
        "seconds_left": summary.seconds_left,
    }


def _status(request: Request) -> Status | None:
    word = request.query_params.get("status", "")
    try:
        return Status(word) if word else None
    except ValueError as error:
        raise InvalidInput(f"status: one of {', '.join(Status)}.") from error


ROUTES = [
    Route("/jobs", jobs, methods=["GET"]),
    Route("/jobs/pause", pause_all, methods=["POST"]),
    Route("/jobs/resume", resume_all, methods=["POST"]),
    Route("/jobs/retry", retry_failed, methods=["POST"]),
    Route("/jobs/{version}/pause", pause, methods=["POST"]),
    Route("/jobs/{version}/resume", resume, methods=["POST"]),
    Route("/jobs/{version}/cancel", cancel, methods=["POST"]),
    Route("/jobs/{version}/retry", retry, methods=["POST"]),
]
