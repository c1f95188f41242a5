"""The source interface: a place that documents come from lists its entries and hands out their bytes.

    class Source:
        def entries(self) -> Iterator[Entry | Unread]: ...
        def fetch(self, entry: Entry, write: Callable[[bytes], None]) -> None: ...

`ingest.sync` does everything else: it compares what is listed with what was, and adds, replaces, renames and deletes
documents. A source knows nothing of documents. docs/sources.md shows how to write one.

Whatever goes wrong in a backend is raised as SourceError with words fit to be shown and without credentials.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from storage.errors import FootnoteError, Unavailable

log = logging.getLogger(__name__)

MAX_WORDS = 300


@dataclass(frozen=True, slots=True)
class Entry:
    """A file. `key` names it for good within the source, as its path does; it is no secret and never opened as a path
    of this machine. `name` is the document's file name.

    While `fingerprint` stays the same the bytes count as the same and are not fetched; "" says that it can't be told.
    """

    key: str
    name: str
    fingerprint: str = ""
    size: int | None = None
    handle: Any = None  # what the source itself needs to fetch it


@dataclass(frozen=True, slots=True)
class Unread:
    """Entries with this beginning of their key could not be listed: what they hold is unknown, and nothing is gone."""

    prefix: str
    reason: str


class SourceError(Unavailable):
    """A source, or one entry of it, could not be read now."""

    def __init__(self, message: str) -> None:
        super().__init__("source", message)

    def __reduce__(self) -> tuple[type[SourceError], tuple[str]]:
        return type(self), (str(self),)


class Source(Protocol):
    def entries(self) -> Iterator[Entry | Unread]:
        """Every entry that is there now, in any order. Raises SourceError where the root itself can't be read: an
        empty listing says that everything is gone."""
        ...

    def fetch(self, entry: Entry, write: Callable[[bytes], None]) -> None:
        """Hand the bytes of an entry to `write`, in pieces. Raises SourceError."""
        ...


@contextmanager
def guarded(options: Mapping[str, Any], what: str) -> Iterator[None]:
    """Turn what a foreign backend raises into SourceError, with the values of `options` blotted out."""
    try:
        yield
    except FootnoteError:
        raise
    except Exception as error:  # noqa: BLE001 - backends raise what they like; it is recorded with the run
        told = error.strerror if isinstance(error, OSError) and error.strerror else f"{type(error).__name__}: {error}"
        words = " ".join(told.split())
        for secret in sorted(_leaves(options), key=len, reverse=True):
            words = words.replace(secret, "***")
        log.info("%s: %s", what, words)
        raise SourceError(f"{what}: {words[:MAX_WORDS]}") from None


def _leaves(value: Any) -> set[str]:
    if isinstance(value, Mapping):
        return {leaf for inner in value.values() for leaf in _leaves(inner)}
    if isinstance(value, list | tuple):
        return {leaf for inner in value for leaf in _leaves(inner)}
    return {str(value)} if len(str(value)) >= 4 else set()
