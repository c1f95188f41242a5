"""Which model a question is embedded with, and which generation of the index it then searches.

Both come from one row of the database, read anew for each question: a question embedded by one model never meets
vectors of another, not even while another generation becomes live.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from ingest.embed import Embedder
from storage.generations import Generations

Space = tuple[Embedder, str | None]  # None: what the index itself calls live, before a worker has recorded any


class Live:
    """Embedders are made at the first need and kept, one for each model."""

    def __init__(self, generations: Generations, embedder_of: Callable[[str], Embedder], *, model: str) -> None:
        """`model` is that of questions asked before there is a generation."""
        self._generations = generations
        self._embedder_of = embedder_of
        self._model = model
        self._lock = threading.Lock()
        self._made: dict[str, Embedder] = {}

    def __call__(self) -> Space:
        """The embedder and the generation that belong together, now."""
        known = self._generations.live()
        return (self.of_model(known.model), known.name) if known else (self.of_model(self._model), None)

    def embedder(self) -> Embedder:
        return self()[0]

    def name(self) -> str:
        """The live generation's, or ""."""
        return self()[1] or ""

    def of_model(self, model: str) -> Embedder:
        with self._lock:
            if model not in self._made:
                self._made[model] = self._embedder_of(model)
            return self._made[model]
