"""What is read of a document, and what a version of it is at."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # importing numpy would cost every parse child a tenth of a second
    pass


class State(StrEnum):
    """What a version of a document is at. READY, FAILED and CANCELLED are final for an attempt."""

    WAITING = "waiting"
    PARSING = "parsing"
    EMBEDDING = "embedding"
    READY = "ready"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Status(StrEnum):
    """What people see of the work on a version: its state, and whether a worker that lives is at it."""

    RUNNING = "running"
    WAITING = "waiting"
    PAUSED = "paused"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


BLANK = "blank"


@dataclass(frozen=True, slots=True)
class Gap:
    """Pages `first` to `last` that gave no text, and why: a phrase that stands after "Pages 3-9: "."""

    first: int
    last: int
    reason: str

    @property
    def loses(self) -> bool:
        """Whether there is something on these pages that can't be found."""
        return self.reason != BLANK


@dataclass(frozen=True, slots=True)
class About:
    """What a document says of itself, in its own words; empty where it does not.

    `subject` is whom or what it is about (a company, a product, a department), `period` the time that it covers or is
    valid from, and `dated` that time's last day, or the day of issue.
    """

    subject: str = ""
    period: str = ""
    dated: date | None = None

    def label(self, title: str) -> str:
        """The document's title with what it does not say itself: "Annual report, Acme Corp., fiscal year 2022"."""
        said = title.casefold()
        return ", ".join(
            [title, *(part for part in (self.subject, self.period) if part and part.casefold() not in said)]
        )


NOTHING = About()


@dataclass(frozen=True, slots=True)
class Heading:
    """From `start` on, up to the next heading, the text stands under `path` ("4 Leave > 4.2 Annual leave")."""

    start: int
    path: str


@dataclass(frozen=True, slots=True)
class Row:
    """text[start:end] is a row of a table, and text[a:b] its cell for each (a, b) of `cells`; an empty cell is (a, a).

    Every row of a table has as many cells. In a header the name of several columns stands in each of them.
    """

    start: int
    end: int
    cells: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Table:
    """text[start:end] is a table. Its rows are in text order, and the first `header` of them name the columns.

    What stands between cells is not text of the table: " | " in formats without pages, white space and leaders in PDFs.
    """

    start: int
    end: int
    rows: tuple[Row, ...] = ()
    header: int = 0


@dataclass(frozen=True, slots=True)
class Section:
    """One page of a PDF, or the text under one heading elsewhere: the unit that citations count in."""

    page: int
    text: str
    headings: tuple[Heading, ...] = ()
    tables: tuple[Table, ...] = ()
    place: str = ""
    boxes: bytes = field(
        default=b"", repr=False
    )  # of the words of a page that was recognised or put in order: `storage.boxes`

    def heading_at(self, offset: int) -> str:
        path = ""
        for heading in self.headings:
            if heading.start > offset:
                break
            path = heading.path
        return path
