"""How near texts are in meaning, by the embedder for questions. A text is embedded once while it is remembered."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from storage.errors import Unavailable
from storage.types import Vector

_REMEMBERED = 2000  # texts: 3 MB of vectors with 384 numbers each


class Embeds(Protocol):
    """What embeds short texts for comparison."""

    def embed_queries(self, texts: list[str]) -> Vector: ...


class Nearness:
    """One instance serves all threads. What another embedder made is forgotten once the embedder changes."""

    def __init__(self, embedder: Callable[[], Embeds]) -> None:
        self._embedder = embedder
        self._lock = threading.Lock()
        self._made_by: Embeds | None = None
        self._vectors: OrderedDict[str, Vector] = OrderedDict()

    def of(self, text: str, others: Sequence[str]) -> float | None:
        """The cosine of `text` and the nearest of `others`; None where there are none, or no embedder answers."""
        if not others:
            return None
        try:
            vectors = self._embedded(list(dict.fromkeys((text, *others))))
        except Unavailable:
            return None
        return max(float(vectors[text] @ vectors[other]) for other in others)

    def _embedded(self, texts: list[str]) -> dict[str, Vector]:
        """Raises Unavailable."""
        embedder = self._embedder()
        with self._lock:
            if embedder is not self._made_by:
                self._made_by = embedder
                self._vectors.clear()
            found = {text: self._vectors[text] for text in texts if text in self._vectors}
            for text in found:
                self._vectors.move_to_end(text)
        if new := [text for text in texts if text not in found]:
            made = dict(zip(new, np.asarray(embedder.embed_queries(new)), strict=True))
            found |= made
            with self._lock:
                if embedder is self._made_by:
                    self._vectors |= made
                while len(self._vectors) > _REMEMBERED:
                    self._vectors.popitem(last=False)
        return found
