"""A file becomes a title and sections: find out the format by content, read it in the sandbox, check what comes back.

What comes out of the sandbox is as hostile as the file: types, offsets and sizes are checked here, once.
Pages without text are read by text recognition (`ingest.recognition`), in a sandbox of its own.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from ingest import sandbox
from ingest.formats import reader
from ingest.formats.detection import FORMATS, PAGED, detect
from ingest.formats.members import Budget
from ingest.formats.sections import NO_TEXT, Reading
from ingest.recognition.engines import INSTALL
from ingest.recognition.recogniser import MISSING, NONE, OFF, Recogniser
from ingest.room import ROOM
from ingest.sandbox import Limits, Progress
from storage import boxes
from storage.errors import DocumentError
from storage.tables import check, from_json, to_json
from storage.types import BLANK, NOTHING, About, Gap, Heading, Section

__all__ = ["FORMATS", "PAGED", "Parsed", "detect", "parse", "remedy"]

MAX_PAGES = 20_000
MAX_CHARACTERS = 100_000_000
MAX_UNPACKED = 1024**3
MAX_HEADINGS = 500  # of one section
_WITH_TEXT = "Upload one with text in it."


@dataclass(frozen=True, slots=True)
class Parsed:
    """A document that was read. `pages` counts sections; `language` is an ISO 639-1 code, or "" where unsure."""

    title: str
    format: str
    sections: tuple[Section, ...]
    pages: int
    language: str = ""
    warnings: tuple[str, ...] = ()
    about: About = NOTHING
    gaps: tuple[Gap, ...] = ()


def parse(
    path: str | Path,
    name: str,
    limits: Limits | None = None,
    on_progress: Progress | None = None,
    recogniser: Recogniser | None = None,
) -> Parsed:
    """Read the file at `path` that its owner calls `name`. `recogniser` reads the pages that are pictures.

    `on_progress(pages read, pages in all)`: see `sandbox.run`. Raises DocumentError with a reason and a remedy where
    the file is empty, encrypted, broken, of no supported format, without text, or beyond the limits.
    """
    recogniser = recogniser or Recogniser(NONE)
    taken = Taken()
    run = partial(
        sandbox.run,
        readable=[path],
        limits=limits,
        on_progress=on_progress,
        answer=recogniser.answer,
        take=taken.take,
        room=ROOM,
    )
    try:
        run(read, str(path), name, recogniser.missing)
    except sandbox.Crashed:
        run(read, str(path), name, recogniser.missing, True)
    return taken.checked(name)


def read(path: str, name: str, no_ocr: str, careful: bool = False) -> Iterator[Any]:
    """Runs in the sandbox: the file as JSON, first what is known of the whole, then section by section.

    `careful`: after native code crashed on a PDF, so it is kept away.
    """
    budget = Budget(pages=MAX_PAGES, characters=MAX_CHARACTERS, unpacked=MAX_UNPACKED, careful=careful, no_ocr=no_ocr)
    return _as_json(*reader.read(path, name, budget))


def _as_json(kind: str, reading: Reading) -> Iterator[Any]:
    """`reading` loses its sections as they are sent: they are not to stand in memory twice."""
    yield {
        "format": kind,
        "title": reading.title,
        "headline": reading.headline,
        "properties": reading.properties,
        "warnings": reading.warnings,
        "unread": [[page, why] for page, why in reading.unread.items()],
    }
    reading.sections.reverse()
    while reading.sections:
        section = reading.sections.pop()
        yield [
            section.page,
            section.text,
            [[heading.start, heading.path] for heading in section.headings],
            [to_json(table) for table in section.tables],
            section.place,
            sandbox.to_text(section.boxes),
        ]


@dataclass(slots=True)
class Taken:
    """What has come out of the sandbox so far; the head comes first, also where the reading is begun again."""

    head: Any = None
    sections: list[Section] = field(default_factory=list)
    characters: int = 0

    def take(self, value: Any) -> None:
        """Raises DocumentError for what is no section, or one too many."""
        if isinstance(value, dict):
            self.head, self.sections, self.characters = value, [], 0
            return
        try:
            section = _section(len(self.sections) + 1, value)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise _nonsense() from error
        self.sections.append(section)
        self.characters += len(section.text)
        if self.characters > MAX_CHARACTERS:
            raise _nonsense()

    def checked(self, name: str) -> Parsed:
        """Raises DocumentError where the whole makes no document."""
        return _checked(self.head, tuple(self.sections), name)


def _checked(answer: Any, sections: tuple[Section, ...], name: str) -> Parsed:
    from ingest.describe import describe  # slow to import, and every child imports this module
    from ingest.language import language

    try:
        kind = str(answer["format"])
        warnings = tuple(_line(str(warning), 300) for warning in answer["warnings"][:20])
        properties = {str(key)[:40]: _line(str(value), 300) for key, value in list(answer["properties"].items())[:40]}
        unread = {int(page): _line(str(why), 100) for page, why in answer["unread"][:MAX_PAGES]}
        title, headline = _line(str(answer["title"]), 200), _line(str(answer["headline"]), 200)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise _nonsense() from error
    if kind not in FORMATS:
        raise _nonsense()
    if not any(section.text.strip() for section in sections):
        raise _no_text(kind, unread, warnings)
    sample = "\n".join(section.text[:1000] for section in sections[:20])
    described = describe(Reading(list(sections), title, headline, properties=properties), _line(name, 255), kind)
    gaps = _gaps(sections, unread, NO_TEXT if kind in PAGED else BLANK)
    spoken = language(sample)
    return Parsed(described.title, kind, sections, len(sections), spoken, warnings, described.about, gaps)


def _gaps(sections: Sequence[Section], unread: dict[int, str], else_: str) -> tuple[Gap, ...]:
    """Pages without text, neighbours with the same reason together."""
    gaps: list[Gap] = []
    for section in sections:
        if section.text.strip():
            continue
        page, why = section.page, unread.get(section.page) or else_
        if gaps and gaps[-1].last == page - 1 and gaps[-1].reason == why:
            gaps[-1] = Gap(gaps[-1].first, page, why)
        else:
            gaps.append(Gap(page, page, why))
    return tuple(gaps)


def _section(number: int, value: Any) -> Section:
    page, text, headings, tables, place, words = value
    headings = headings[:MAX_HEADINGS]
    text = re.sub("[\x00\ud800-\udfff]", "\ufffd", text)
    section = Section(
        int(page),
        text,
        tuple(Heading(int(start), _line(path, 500)) for start, path in headings),
        tuple(map(from_json, tables)),
        _line(place, 200),
        sandbox.to_bytes(words),
    )
    starts = [heading.start for heading in section.headings]
    if page != number or starts != sorted(starts) or any(not 0 <= start <= len(text) for start in starts):
        raise ValueError("a section or heading out of place")
    check(section.tables, len(text))
    boxes.check(section.boxes, text)
    return section


def _nonsense() -> DocumentError:
    return DocumentError("The reader answered with nonsense for this file.", "Save the file again and upload that.")


def _no_text(kind: str, unread: Mapping[int, str], warnings: Sequence[str]) -> DocumentError:
    reasons = [why for why in unread.values() if why != BLANK]
    if kind not in PAGED or not reasons:
        return DocumentError("No text was found in this file.", " ".join((_WITH_TEXT, *warnings[:3])))
    why, _ = Counter(reasons).most_common(1)[0]
    again = " Then try again." if why in {MISSING, OFF} else ""
    return DocumentError(f"No text was found in this file, its pages are pictures: {why}.", f"{remedy(why)}{again}")


def remedy(why: str) -> str:
    """What helps where pages gave no text for this reason."""
    if why == MISSING:
        return INSTALL
    if why == OFF:
        return "Switch it on: leave the setting OCR empty."
    return "Upload a clearer scan, or a file with text in it."


def _line(text: str, length: int) -> str:
    """Fit to be shown on one line: no control, format or direction characters, spaces collapsed, cut to `length`."""
    text = re.sub(r"([_=*~.-])\1{3,}", " ", str(text)[:2000])
    visible = "".join(" " if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"} else c for c in text)
    return " ".join(visible.split())[:length].strip()
