"""Vectors of the parts of a passage as SQL keeps them: their directions, one signed byte a dimension.

Rounding to 1/127 of a row's largest number moves a direction by less than half a degree at some hundred dimensions, and
takes a quarter of the room.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from storage.types import Parts, Vector


def packed(vectors: Vector) -> bytes:
    """The rows, one after the other."""
    rows = np.asarray(vectors, np.float32)
    if not rows.size:
        return b""
    largest = np.maximum(np.abs(rows).max(axis=1, keepdims=True), 1e-12)
    return bytes(np.rint(rows / largest * 127).astype(np.int8).tobytes())


def unpacked(spans: Sequence[Sequence[Any]], packed_rows: bytes) -> Parts | None:
    """The inverse of `packed`, rows of unit length; None where nothing was kept or the two do not belong together."""
    return unpacked_all([(spans, packed_rows)])[0]


def unpacked_all(kept: Sequence[tuple[Sequence[Sequence[Any]], bytes]]) -> list[Parts | None]:
    """`unpacked` of each pair. All of one size at once: a search reads a hundred."""
    by_size: dict[int, list[int]] = {}
    for place, (spans, packed_rows) in enumerate(kept):
        if spans and packed_rows and not len(packed_rows) % len(spans):
            by_size.setdefault(len(packed_rows) // len(spans), []).append(place)
    found: list[Parts | None] = [None] * len(kept)
    for size, places in by_size.items():
        rows = np.frombuffer(b"".join(kept[place][1] for place in places), np.int8).reshape(-1, size).astype(np.float32)
        rows /= np.maximum(np.sqrt(np.einsum("ij,ij->i", rows, rows)), 1e-12)[:, None]
        start = 0
        for place in places:
            own = tuple((a, b) for a, b in kept[place][0])
            found[place] = Parts(own, rows[start : start + len(own)])
            start += len(own)
    return found
