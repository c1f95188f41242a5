"""Answers a reader in the sandbox that asks for the words on a picture. Recognition runs in a sandbox of its own.

That process serves all pages of a document. A page on which it crashes, hangs or swells costs this page and the
process; the next page gets a new one. What was recognised is kept in a folder until the document is read, with the
time that it took, so that work that was interrupted goes on where it was and within the same limit. The folder is there
as long as the document: see `storage.files`.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from ingest import sandbox
from ingest.recognition.engines import Engine
from ingest.recognition.lines import from_json, to_json
from ingest.sandbox import Child, Killed, Limits
from storage.errors import DocumentError

log = logging.getLogger(__name__)

MAX_PIXELS = 12_000_000
_START = 120.0  # seconds for loading models, once a process
_CORES = ["/sys/devices/system", "/proc/cpuinfo"]  # where OpenVINO looks for them, and hangs if it can't
_MEMORY = {"tesseract": 512 * 1024**2, "rapidocr": 4 * 1024**3}  # OpenVINO fills a third of what it may write to

MISSING = "no text recognition (OCR) is installed"
OFF = "text recognition (OCR) is switched off"


@dataclass(frozen=True, slots=True)
class Recognition:
    """How pages without text are read. Without an engine they are not, and `missing` says why."""

    engine: Engine | None = None
    missing: str = MISSING
    page_seconds: float = 60.0
    document_seconds: float = 14_400.0


NONE = Recognition()


class Recogniser:
    """Recognises the pictures of one document. A context manager: at its end the process ends."""

    def __init__(
        self,
        recognition: Recognition,
        kept: Path | None = None,
        between_pages: Callable[[float], None] = lambda _: None,
    ) -> None:
        """`between_pages` gets the seconds that this one has taken for pages, before each that is not kept yet. What it
        raises goes on to the caller."""
        self._how, self._kept, self._between_pages = recognition, kept, between_pages
        self._child: Child | None = None
        self._spent = 0.0
        self._taken: dict[str, float] = {}  # seconds of each picture, of kept ones too
        self._hung: list[Path] = []  # kept without words

    @property
    def missing(self) -> str:
        """Why nothing can be recognised, or ""."""
        return "" if self._how.engine else self._how.missing

    def __enter__(self) -> Recogniser:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()
        if isinstance(error, DocumentError):  # it is not read, so it may be tried again
            for place in self._hung:
                place.unlink(missing_ok=True)

    def answer(self, question: Any, beat: Callable[[], None]) -> dict[str, Any]:
        """{"lines": ...} or {"unread": why} for a picture {"width", "height", "dpi", "pixels"}, as `pack` made it.

        `beat` is called about twice a second; what it raises goes on to the caller.
        """
        try:
            width, height, dpi = (int(question[name]) for name in ("width", "height", "dpi"))
            pixels = question["pixels"].encode("ascii")
        except (KeyError, TypeError, ValueError, AttributeError):
            return {"unread": "its picture could not be taken"}
        if not (0 < width * height <= MAX_PIXELS and 0 < dpi < 10_000) or self._how.engine is None:
            return {"unread": self.missing or "its picture is too large"}
        name = f"{hashlib.sha256(pixels).hexdigest()}-{width}"
        place = self._kept and self._kept / f"{name}.json"
        if place and (known := _load(place)):
            self._taken.setdefault(name, known.pop("seconds"))
            self._hung += [] if "lines" in known else [place]
            return known
        self._between_pages(self._spent)
        begun = time.monotonic()
        answer = self._answer(pixels.decode(), width, height, dpi, beat)
        seconds = time.monotonic() - begun
        self._spent += seconds
        self._taken[name] = self._taken.get(name, 0.0) + seconds
        hung = "lines" not in answer and seconds > self._how.page_seconds
        if place and ("lines" in answer or hung):  # what hangs would do so in each turn
            _store(place, {**answer, "seconds": seconds})
            self._hung += [place] if hung else []
        return answer

    def _answer(
        self, pixels: str, width: int, height: int, dpi: int, beat: Callable[[], None], *, again: bool = True
    ) -> dict[str, Any]:
        if sum(self._taken.values()) > self._how.document_seconds:
            return {"unread": "the time for recognising this document was over"}
        seconds = self._how.page_seconds
        allowed = seconds * 1.2 + 2  # the engine ends by itself, if it can
        try:
            if self._child is None:
                self._child = self._start(beat)
            found = self._child.call(
                recognise,
                *(pixels, width, height, dpi, seconds),
                wall_seconds=allowed,
                cpu_seconds=int(allowed) + 1,
                on_progress=lambda done, total: beat(),
            )
            return {"lines": to_json(from_json(found, width, height))}
        except Killed as error:
            self._end()
            if again:
                return self._answer(pixels, width, height, dpi, beat, again=False)
            log.warning("A page was not recognised: %s", error.reason)
            return {"unread": "the system ended its recognition"}
        except DocumentError as error:
            self._end()
            log.warning("A page was not recognised: %s", error.reason)
            return {"unread": _why(error, seconds)}
        except (TypeError, ValueError):
            self._end()
            return {"unread": "recognition crashed on it"}
        except BaseException:
            self._end()
            raise

    def _start(self, beat: Callable[[], None]) -> Child:
        engine = self._how.engine
        if engine is None:
            raise ValueError("there is no engine to start")
        limits = Limits(memory=_MEMORY[engine.name], cpu_seconds=int(_START))
        child = Child(__name__, readable=[engine.folder] if engine.folder else _CORES, limits=limits)
        try:
            names = engine.name, list(engine.languages), engine.folder
            child.call(load, *names, wall_seconds=_START, on_progress=lambda done, total: beat())
        except BaseException:
            child.close()
            raise
        return child

    def _end(self) -> None:
        if self._child is not None:
            self._child.close()
            self._child = None


def pack(pixels: bytes) -> str:
    """Grey pixels, a byte each, as they travel."""
    return sandbox.to_text(zlib.compress(pixels, 1))


def _load(place: Path) -> dict[str, Any] | None:
    with suppress(OSError, ValueError):
        known = json.loads(place.read_text("utf-8"))
        return known if isinstance(known, dict) and isinstance(known.get("seconds"), float) else None
    return None


def _store(place: Path, answer: dict[str, Any]) -> None:
    with suppress(FileNotFoundError):  # the document was deleted, and the folder with it
        part = place.with_suffix(".part")
        part.write_text(json.dumps(answer), "utf-8")
        part.replace(place)


def _why(error: DocumentError, seconds: float) -> str:
    if "too long" in error.reason or "longer than" in error.reason:
        return f"recognising it took longer than {seconds:g} s"
    if "memory" in error.reason:
        return "recognising it needed too much memory"
    return "recognition crashed on it"


# What follows runs in the recognising child.

_engine: Any = None


def load(name: str, languages: list[str], folder: str) -> None:
    global _engine
    if name == "tesseract":
        from ingest.recognition.tesseract import Tesseract

        _engine = Tesseract(tuple(languages), folder)
    else:
        from ingest.recognition.rapid import Rapid

        _engine = Rapid()


def recognise(packed: str, width: int, height: int, dpi: int, seconds: float) -> list[Any]:
    """The lines of a grey picture. Raises DocumentError after `seconds`, where the engine can be stopped."""
    pixels = zlib.decompressobj().decompress(sandbox.to_bytes(packed), width * height)
    if len(pixels) != width * height:
        raise DocumentError("The picture is not whole.", "")
    if hasattr(_engine, "deadline"):
        return to_json(_engine.lines(pixels, width, height, dpi, seconds))
    return to_json(_engine.lines(pixels, width, height))
