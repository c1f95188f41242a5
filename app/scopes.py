"""A search's filters as words: in an address (?kind=pdf&since=2025-01-01), a request and a command, and back.

What is read here is checked for its form alone. Whether there is such a document, and for whom, `Documents.within`
decides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date

from ingest.parse import FORMATS
from storage.errors import InvalidInput
from storage.types import Scope

PARAMETERS = ("document", "kind", "group", "since", "until")
EARLIEST, LATEST = date(1900, 1, 1), date(2100, 12, 31)
_MOST = 100  # values of one parameter
_LONGEST = 64  # characters of an id


def from_parameters(values: Callable[[str], Sequence[str]]) -> Scope:
    """`values` gives all values of a parameter. Raises InvalidInput that names the parameter which can't be taken."""
    return Scope(
        documents=_ids("document", values("document")),
        kinds=kinds(values("kind")),
        groups=_ids("group", values("group")),
        since=_day("since", values("since")),
        until=_day("until", values("until")),
    )


def to_parameters(scope: Scope) -> dict[str, list[str]]:
    """The inverse: no key for a filter that is not set."""
    words: dict[str, list[str]] = {
        "document": sorted(scope.documents),
        "kind": sorted(scope.kinds),
        "group": sorted(scope.groups),
        "since": [scope.since.isoformat()] if scope.since else [],
        "until": [scope.until.isoformat()] if scope.until else [],
    }
    return {name: values for name, values in words.items() if values}


def kinds(words: Iterable[str]) -> frozenset[str]:
    found = frozenset(word.strip().lower() for word in words if word.strip())
    if unknown := found - FORMATS.keys():
        raise InvalidInput(f"kind: {', '.join(sorted(unknown))[:80]} is none of {', '.join(FORMATS)}.")
    return found


def day(name: str, word: str) -> date:
    """A day as 2025-03-01."""
    try:
        found = date.fromisoformat(word.strip())
    except ValueError as error:
        raise InvalidInput(f"{name}: a day such as 2025-03-01.") from error
    if not EARLIEST <= found <= LATEST:
        raise InvalidInput(f"{name}: a day from {EARLIEST} to {LATEST}.")
    return found


def _day(name: str, words: Sequence[str]) -> date | None:
    return day(name, words[-1]) if words and words[-1].strip() else None


def _ids(name: str, words: Sequence[str]) -> frozenset[str]:
    found = frozenset(word for word in words if word)
    if len(found) > _MOST or any(len(word) > _LONGEST for word in found):
        raise InvalidInput(f"{name}: at most {_MOST} ids of at most {_LONGEST} characters.")
    return found
