"""Passages as the assistant sees them: each with the lines that stand above it in what is embedded and indexed."""

from __future__ import annotations

from dataclasses import dataclass

from ingest.split import contextualize, placed
from storage.reports import Reports
from storage.types import Chunk, Principal


@dataclass(frozen=True, slots=True)
class Preview:
    """Passage `ordinal` (from 0): text[start:end] of its page. `context` are the lines before `text`, as embedded."""

    ordinal: int
    page: int
    start: int
    end: int
    heading: str
    context: tuple[str, ...]
    text: str
    place: str  # what readers call the page, where that is not its number


def passages(
    reports: Reports, version_id: str, principal: Principal, *, start: int = 0, count: int, page: int | None = None
) -> tuple[int, list[Preview]]:
    """How many the version has, and at most `count` of them from `start` on, of one page or of all.

    Raises NotFound for who may not read it.
    """
    found = reports.passages(version_id, principal, start=start, count=count, page=page)

    def preview(chunk: Chunk) -> Preview:
        embedded = contextualize(found.label, chunk, found.sections[chunk.page])
        ((first, _),) = placed([(0, len(chunk.text))], chunk.text, embedded)
        context = tuple(embedded[:first].splitlines())
        called = found.sections[chunk.page].place
        place = (chunk.ordinal, chunk.page, chunk.start, chunk.end, chunk.heading)
        return Preview(*place, context, embedded[first:], called)

    return found.total, list(map(preview, found.chunks))
