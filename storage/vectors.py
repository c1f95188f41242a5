"""Vectors of the parts of a passage as SQL keeps them: their directions, one signed byte a dimension.

Rounding to 1/127 of a row's largest number moves a direction by less than half a degree at some hundred dimensions, and
takes a quarter of the room.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from storage.types import Parts


def packed(parts: Parts) -> bytes:
    """The rows of `parts.vectors`, one after the other."""
    rows = np.asarray(parts.vectors, np.float32)
    if not rows.size:
        return b""
    largest = np.maximum(np.abs(rows).max(axis=1, keepdims=True), 1e-12)
    return bytes(np.rint(rows / largest * 127).astype(np.int8).tobytes())


def unpacked(spans: Sequence[Sequence[Any]], packed_rows: bytes) -> Parts | None:
    """The inverse of `packed`, rows of unit length; None where nothing was kept or the two do not belong together."""
    if not spans or not packed_rows or len(packed_rows) % len(spans):
        return None
    rows = np.frombuffer(packed_rows, np.int8).reshape(len(spans), -1).astype(np.float32)
    rows /= np.maximum(np.sqrt(np.einsum("ij,ij->i", rows, rows)), 1e-12)[:, None]
    return Parts(tuple((start, end) for start, end in spans), rows)
