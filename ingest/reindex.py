"""Re-indexing beside the live index: fill a new generation, catch up, compare, switch, and remove what is left over.

What is missing follows from SQL at any time, so that a document added, replaced or deleted meanwhile is caught up like
all others, and work goes on after a crash where its points end. Every function here may run again and does no harm.
`ingest.fills` makes them durable.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ingest.pipeline import STEP, Pipeline, patiently
from storage.errors import Cancelled, DocumentError, InvalidInput, NotFound, Unavailable
from storage.filling import Filling
from storage.generations import Generation, GenerationState
from storage.models import now

log = logging.getLogger(__name__)

KEEP_DAYS = 7.0
GRACE = 30.0  # seconds that a question may take which still searches what was live
WARMING = 120.0  # seconds that a switch waits for the model that questions are embedded with
_PROBE = "How many days of annual leave are there?"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a comparison says of a new generation; `refusal` is why it should not be live, or ""."""

    comparison: Mapping[str, Any]
    refusal: str = ""


Compare = Callable[[Generation, Generation, Callable[[], bool]], Verdict]
Warm = Callable[[str], None]


class Reindex:
    def __init__(
        self,
        pipeline: Pipeline,
        filling: Filling,
        *,
        compare: Compare | None = None,
        warm: Warm | None = None,
        keep_days: float = KEEP_DAYS,
        grace: float = GRACE,
    ) -> None:
        """`compare(live, new, cancelled)` says whether the new one may be live; without it, any may.

        `warm(model)` raises Unavailable while questions can't be embedded with a model.
        """
        self.pipeline = pipeline
        self.filling = filling
        self._compare = compare
        self._warm = warm
        self._keep_days = keep_days
        self._grace = grace

    # steps of workflows

    def prepare(self, generation_id: int) -> None:
        """Load the model and make the collection. Raises InvalidInput where the model can't be taken."""
        generation, pipeline = self._open(generation_id), self.pipeline
        embedder = pipeline.embedder(generation.model)
        live = pipeline.generation()
        if live.model != generation.model and live.dimensions == embedder.dimensions:
            first, second = (pipeline.embedder(one).embed_passages([_PROBE]) for one in (live.model, generation.model))
            if np.allclose(first, second, atol=1e-6):
                raise InvalidInput(f"{live.model} and {generation.model} make the same vectors: the server knows one.")
        pipeline.index.add(generation.name, embedder.dimensions)
        self.filling.sized(generation_id, embedder.dimensions)

    def divide(self, generation_id: int, version_id: str) -> int:
        """Split a version as suits the generation. Returns how many chunks. Raises NotFound where either is gone."""
        generation, pipeline = self._open(generation_id), self.pipeline
        if generation.attempt > 1:  # points of an earlier attempt may be more than those of this one
            pipeline.index.delete_version(version_id, generation=generation.name)
        chunks = pipeline.chunks(version_id, generation)
        if not chunks:
            raise DocumentError("No passage was made of it.", "Choose other passages.")
        return pipeline.versions.store_chunks(version_id, chunks, beside=generation_id)

    def embed(self, generation_id: int, version_id: str, start: int) -> None:
        """Embed one step of chunks and put them into the generation, readable by nobody yet."""
        generation, pipeline = self._open(generation_id), self.pipeline
        try:
            end = min(start + STEP, pipeline.versions.count_chunks(version_id, generation_id))
            pipeline.put(version_id, range(start, end), generation, lambda _: pipeline.versions.job(version_id))
        except NotFound:  # deleted meanwhile, perhaps after its points were counted: leave none behind
            patiently(lambda: pipeline.index.delete_version(version_id), patience=pipeline.patience)
            raise

    def fill(self, generation_id: int, version_id: str) -> None:
        """Count, let the points be found by the document's readers, and say that the generation holds the version."""
        generation, pipeline = self._open(generation_id), self.pipeline
        pipeline.versions.job(version_id)
        pipeline.put_into(generation, version_id)  # it is in already, but where an earlier release began the work
        passages = pipeline.verified(version_id, generation)
        while True:  # readers may change between the look and the writing; their own change then comes before or after
            terms = pipeline.versions.terms.present(version_id)
            pipeline.index.set_terms(version_id, terms)
            if pipeline.versions.terms.present(version_id) == terms:
                break
        self.filling.fill(generation_id, version_id, passages)

    def compare(self, generation_id: int) -> None:
        """Measure the full generation against the live one, and accept or refuse it."""
        new, live = self.pipeline.generations.get(generation_id), self.pipeline.generation()
        if new.state is not GenerationState.COMPARING:
            return
        try:
            verdict = self._compare(live, new, lambda: self._given_up(generation_id)) if self._compare else Verdict({})
        except Cancelled:
            return
        self.filling.compared(generation_id, verdict.comparison, refusal=verdict.refusal)

    # rounds of the worker

    def advance(self) -> Generation | None:
        """Bring what is under way on: to its comparison, or live. Returns it while it is followed."""
        generation = self.filling.followed()
        if generation is None:
            return None
        state = self.filling.settle(generation.id)
        ready = state is GenerationState.ACCEPTED and self._is_warm(generation) and self._agrees(generation)
        if ready and self.filling.switch(generation.id):
            log.info("The index is now %s.", generation.name)
            self.follow()
        return self.filling.followed()

    def follow(self) -> None:
        """Let the index's alias lead to what is live."""
        if live := self.pipeline.generations.live():
            self.pipeline.index.point_to(live.name)

    def clean(self) -> None:
        """Remove what was cancelled, given up or kept for long enough."""
        self.filling.expire(self._keep_days)
        for generation in self.filling.removing(grace=self._grace):
            self.pipeline.index.drop(generation.name)
            chunks = self.filling.remove(generation.id)
            log.info("Removed generation %s and its %d chunks.", generation.name, chunks)

    def _agrees(self, generation: Generation) -> bool:
        """Whether the index holds exactly what SQL says. What does not agree is put into it anew."""
        held = self.filling.held(generation.id)
        if self.pipeline.index.total(generation.name) == sum(held.values()):
            return True
        count = self.pipeline.index.count
        wrong = [one for one, passages in held.items() if count(version_id=one, generation=generation.name) != passages]
        if wrong:
            log.warning("%d documents of %s are not whole; they are embedded again.", len(wrong), generation.name)
            self.filling.empty(generation.id, wrong)
        return not wrong  # points beyond that are of versions that failed or were replaced, and carry no terms

    def _is_warm(self, generation: Generation) -> bool:
        if self._warm is None or (now() - generation.changed).total_seconds() > WARMING:
            return True
        try:
            self._warm(generation.model)
        except Unavailable as error:
            log.info("The switch to %s waits: %s", generation.name, error)
            return False
        return True

    def _open(self, generation_id: int) -> Generation:
        return self.pipeline.generations.require_open(generation_id)

    def _given_up(self, generation_id: int) -> bool:
        return self.pipeline.generations.get(generation_id).state is not GenerationState.COMPARING


def batches(total: int) -> range:
    return range(0, total, STEP)
