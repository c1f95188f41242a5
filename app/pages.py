"""Cited pages: a page of a PDF or a scan as a picture, and where on it the cited words stand.

Each page is drawn once and kept as two files beside the document's others: the picture, and one box for each character
of the page's text. Every call asks again whether the principal may read the document. Other formats have no pages to
draw; their text is shown instead.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

from ingest.parse import PAGED
from ingest.render import rectangles, render
from ingest.sandbox import Limits
from storage.boxes import Box
from storage.documents import Documents, Source
from storage.errors import NotFound
from storage.files import Files
from storage.types import Principal

_AT_ONCE = 2  # each drawing is a process of its own
_STRIPES = 64
_SECONDS = 30  # somebody waits


class Pages:
    def __init__(self, documents: Documents, files: Files, limits: Limits) -> None:
        self._documents, self._files = documents, files
        self._limits = replace(limits, cpu_seconds=_SECONDS, wall_seconds=_SECONDS)
        self._drawing = threading.BoundedSemaphore(_AT_ONCE)
        self._locks = [threading.Lock() for _ in range(_STRIPES)]  # two requests for one page draw it once

    def image(self, version_id: str, page: int, principal: Principal) -> bytes:
        """The page as JPEG. Raises NotFound, DocumentError when it can't be drawn."""
        return self._drawn(version_id, page, principal)[0]

    def marks(self, version_id: str, page: int, spans: Sequence[tuple[int, int]], principal: Principal) -> list[Box]:
        """Where text[start:end] of each span stands on the page, a box for each line."""
        boxes = [box and tuple(box) for box in json.loads(self._drawn(version_id, page, principal)[1])]
        return [box for start, end in spans for box in rectangles(boxes, start, end)]

    def _drawn(self, version_id: str, page: int, principal: Principal) -> tuple[bytes, bytes]:
        source = self._source(version_id, page, principal)
        picture = self._files.rendering(version_id, f"{page}.jpg")
        boxes = picture.with_suffix(".json")
        with self._locks[hash((version_id, page)) % _STRIPES]:
            with suppress(FileNotFoundError):
                return picture.read_bytes(), boxes.read_bytes()
            try:
                with self._drawing:
                    drawn = render(
                        self._files.original(version_id),
                        page,
                        kind=source.format,
                        text=source.section.text,
                        words=source.section.boxes,
                        limits=self._limits,
                    )
                placed = json.dumps(drawn.boxes, separators=(",", ":")).encode()
                self._source(version_id, page, principal)
                _write(boxes, placed)
                _write(picture, drawn.jpeg)  # last: where there is a picture there are boxes
                self._source(version_id, page, principal)  # it may be being deleted since, and be past its files
            except NotFound:
                _remove(picture, boxes)
                raise
            return drawn.jpeg, placed

    def _source(self, version_id: str, page: int, principal: Principal) -> Source:
        source = self._documents.source(version_id, page, principal)
        if source.format not in PAGED:
            raise NotFound("This document has no pages to draw. Its text is all there is to show.")
        return source


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(exist_ok=True)
    temporary = path.with_name(f".{uuid4().hex}")
    temporary.write_bytes(content)
    os.replace(temporary, path)


def _remove(*paths: Path) -> None:
    for path in paths:
        path.unlink(missing_ok=True)
    with suppress(OSError):  # not empty: another page is still there and goes its own way
        paths[0].parent.rmdir()
