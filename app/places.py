"""What somebody says of a new source, checked: where it may be, what it is, and how often it runs.

Who signs in as an admin manages documents, and is not thereby allowed to read the files of the server or to make it
call other machines. So in the browser and the API sources are limited to the places of a setting; the command line is
for who runs the machine, and takes any.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ingest.folders import location_of
from ingest.patterns import Patterns
from storage.errors import Forbidden, InvalidInput
from storage.sources import Kind, NewSource
from storage.types import Readers

_CLASS = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+\Z")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def new_source(
    name: str,
    location: str,
    readers: Readers,
    *,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    options: Mapping[str, Any] | None = None,
    keep_deleted: bool = False,
    every: str = "",
) -> NewSource:
    """Raises InvalidInput that says what to write instead."""
    Patterns(include, exclude)
    kind = Kind.READER if _CLASS.match(location.strip()) else Kind.FOLDER
    place = location.strip() if kind is Kind.READER else location_of(location)
    seconds = seconds_of(every)
    return NewSource(name, kind, place, readers, options or {}, include, exclude, keep_deleted, seconds)


def check_place(new: NewSource, places: str) -> None:
    """Raises Forbidden for a source that is in none of `places`, as SOURCE_PLACES has them."""
    for place in filter(None, (part.strip() for part in places.split(","))):
        if new.kind is Kind.READER:
            allowed = new.location == place or (place.endswith(".") and new.location.startswith(place))
        elif "://" in new.location:
            whole = place if place.endswith("/") else f"{place}/"
            allowed = "://" in place and f"{new.location.rstrip('/')}/".startswith(whole)
        else:
            root = os.path.realpath(place)
            allowed = place.startswith("/") and os.path.commonpath([root, os.path.realpath(new.location)]) == root
        if allowed:
            return
    raise Forbidden(
        f"{new.location} is in none of the places that SOURCE_PLACES names. Add it there, or use footnote sync add on "
        "the server."
    )


def seconds_of(every: str) -> int:
    """1h, 30m, 2d as seconds; 0 for nothing."""
    text = every.strip().lower()
    if text in {"", "0", "never"}:
        return 0
    found = re.fullmatch(r"(\d{1,6})\s*([smhd])", text)
    if not found:
        raise InvalidInput("Say how often it runs as in 30m, 1h or 1d.")
    return int(found[1]) * _UNITS[found[2]]


def in_words(every: int) -> str:
    """The largest unit that takes it whole: 3600 is 1h."""
    unit = next((unit for unit in "dhm" if every and every % _UNITS[unit] == 0), "s")
    return f"{every // _UNITS[unit]}{unit}" if every else ""
