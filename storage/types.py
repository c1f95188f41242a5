"""The frozen values that pass between the packages.

Offsets count Python characters (Unicode code points) of a stored section's text.
`page` is 1-based everywhere: a PDF's physical page, or the number of a section in formats without pages.
`place` is what readers call that section ("Slide 3", "Sheet Budget, rows 2-40"); "" where its number says enough.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:  # importing numpy would cost every parse child a tenth of a second
    import numpy as np
    from numpy.typing import NDArray

Vector: TypeAlias = "NDArray[np.float32]"


class Role(StrEnum):
    ADMIN = "admin"
    MEMBER = "member"


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
class Principal:
    """Who asks. Made by `app.auth` (or `storage.users`) from an account, never from a request's own words."""

    user_id: str
    name: str
    role: Role
    groups: frozenset[str] = frozenset()

    @property
    def is_admin(self) -> bool:
        return self.role is Role.ADMIN


@dataclass(frozen=True, slots=True)
class Readers:
    """Who may read a document: everyone with an account, or the members of the groups (ids)."""

    everyone: bool = False
    groups: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Scope:
    """Narrows a search to some documents, and never widens what may be read. An empty field narrows nothing.

    `kinds` are formats, `groups` reader groups (ids). `since` and `until`, both included, hold for a document's own
    date, or the day of its upload where it has none.
    """

    documents: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    since: date | None = None
    until: date | None = None

    def __bool__(self) -> bool:
        return bool(self.documents or self.kinds or self.groups or self.since or self.until)


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
    boxes: bytes = field(default=b"", repr=False)  # of the words of a recognised page: `storage.boxes`

    def heading_at(self, offset: int) -> str:
        path = ""
        for heading in self.headings:
            if heading.start > offset:
                break
            path = heading.path
        return path


@dataclass(frozen=True, slots=True)
class Chunk:
    """A passage to be searched: text == section.text[start:end], exactly."""

    id: str
    document_id: str
    version_id: str
    ordinal: int
    page: int
    start: int
    end: int
    heading: str
    text: str
    generation: int = 1


@dataclass(frozen=True, slots=True)
class SparseVector:
    indices: tuple[int, ...] = ()
    values: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Hit:
    """What the index found; what it says, the database tells. A score is None where that search did not return it."""

    chunk_id: str
    dense: float | None = None
    sparse: float | None = None


@dataclass(frozen=True, slots=True)
class PassageRow:
    """A row of a table in a passage. `start` and `end` are offsets into the section, `cells` the words, one line each.

    `group` is the label of the rows that it stands under ("Current assets:"), or "".
    """

    start: int
    end: int
    cells: tuple[str, ...]
    group: str = ""


@dataclass(frozen=True, slots=True)
class PassageTable:
    """What of a table lies in a passage: section offsets `start` to `end`, where its own header may stand, and rows.

    `header` names the columns, wherever it stands; it is empty where the table has none, else as long as the cells of
    every row. `caption` is the line above the table, or "".
    """

    start: int
    end: int
    header: tuple[str, ...]
    rows: tuple[PassageRow, ...]
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Parts:
    """text[a:b] of a passage for each (a, b) of `spans`, its sentences and rows; a unit vector (a row) for each."""

    spans: tuple[tuple[int, int], ...]
    vectors: Vector


@dataclass(frozen=True, slots=True)
class Passage:
    """A hit that passed the second permission check, with the text that SQL keeps."""

    chunk_id: str
    document_id: str
    version_id: str
    title: str
    name: str
    page: int
    start: int
    end: int
    heading: str
    text: str
    score: float = 0.0
    tables: tuple[PassageTable, ...] = ()
    about: About = About()
    parts: Parts | None = field(default=None, compare=False, repr=False)
    place: str = ""

    @property
    def label(self) -> str:
        return self.about.label(self.title or self.name)


@dataclass(frozen=True, slots=True)
class Citation:
    """Footnote `n` of a message: the words text[start:end] on a page of one version of a document."""

    n: int
    document_id: str
    version_id: str
    page: int
    start: int
    end: int
    title: str = ""
    name: str = ""
    heading: str = ""
    text: str = ""
    place: str = ""


class Length(StrEnum):
    SHORT = "short"
    USUAL = "usual"
    LONG = "long"


@dataclass(frozen=True, slots=True)
class Preference:
    """What an account has set for the answers that it gets.

    `language` is a code of `storage.preferences.LANGUAGES`, "" the question's own. `position` is what its owner does,
    in their own words: data for the prompt, never an order.
    """

    language: str = ""
    length: Length = Length.USUAL
    position: str = ""


NO_PREFERENCE = Preference()


class Support(StrEnum):
    """What the source of a sentence says to it."""

    FULL = "supported"
    PART = "in part"
    NONE = "not supported"


@dataclass(frozen=True, slots=True)
class Verdict:
    """On the sentence text[start:end] of an answer: what the sources of its `footnotes` say to it, and why, in words.

    `left_out` is what the model had written there, where that does not stand in the text any more.
    """

    start: int
    end: int
    support: Support
    reason: str = ""
    footnotes: tuple[int, ...] = ()
    left_out: str = ""


@dataclass(frozen=True, slots=True)
class Given:
    """A passage that was put before the model: characters `start` to `end` of a page."""

    document_id: str
    version_id: str
    page: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Record:
    """How an answer came about. `searched` is the question as it was searched for; `sources` are numbered from 1.

    `confidence` is how likely the passages were to answer it, from 0 to 1. `prompt_version` is "" where no model wrote.
    """

    prompt_version: str = ""
    searched: tuple[str, ...] = ()
    confidence: float | None = None
    sources: tuple[Given, ...] = ()


class Mode(StrEnum):
    """What kind of work a question asks for."""

    ANSWER = "answer"
    COMPARISON = "comparison"
    SUMMARY = "summary"
    FIELDS = "fields"
    DRAFT = "draft"


@dataclass(frozen=True, slots=True)
class GuardVerdict:
    """What the guard model said of a question or an answer. `failure`: why it said nothing that makes sense."""

    safe: bool
    categories: tuple[str, ...]
    model: str
    failure: str = ""


@dataclass(frozen=True, slots=True)
class HouseInstructions:
    """What the organisation wants of all answers of a language model. `version` 0: nothing was ever set."""

    version: int = 0
    text: str = ""
    who: str = ""
    at: datetime | None = None


NO_INSTRUCTIONS = HouseInstructions()


class MessageState(StrEnum):
    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"
    FAILED = "failed"
    BLOCKED = "blocked"  # the guard model objected to it or to its question; its text says so
    WITHDRAWN = "withdrawn"  # it drew on a document that was deleted, or that its reader may no longer read


@dataclass(frozen=True, slots=True)
class Message:
    id: str
    conversation_id: str
    role: str  # "user", "assistant", or "person": a reply to a question that was sent to one
    text: str
    state: MessageState
    created: datetime
    model: str = ""
    seconds: float | None = None
    first_evidence: float | None = None
    rating: int | None = None  # 1 helpful, 0 not helpful
    comment: str = ""
    citations: tuple[Citation, ...] = field(default_factory=tuple)
    verdicts: tuple[Verdict, ...] = ()  # in the order of the text
    by: str = ""  # who wrote it, of a person's


@dataclass(frozen=True, slots=True)
class Conversation:
    id: str
    title: str
    created: datetime
    changed: datetime
