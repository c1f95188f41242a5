"""What is searched and found."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, TypeAlias

from storage.types.documents import NOTHING, About

if TYPE_CHECKING:  # importing numpy would cost every parse child a tenth of a second
    import numpy as np
    from numpy.typing import NDArray

Vector: TypeAlias = "NDArray[np.float32]"


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
    about: About = NOTHING
    parts: Parts | None = field(default=None, compare=False, repr=False)
    place: str = ""

    @property
    def label(self) -> str:
        return self.about.label(self.title or self.name)
