"""Durable re-indexing: each document that a generation lacks is a workflow, on whichever worker is free.

What is missing in SQL is the queue; ids follow from generation, version and attempt, so that taking the same twice does
nothing. Cancelling ends a workflow at its next step.
"""

from __future__ import annotations

import time
from functools import partial

from ingest.jobs import BROKEN_OFF, CRASHES, Failed, Gone, Polled, ended, step, workflow
from ingest.reindex import Reindex, batches
from storage.generations import Generation, GenerationState

AHEAD = 50  # documents that are looked at in one round
EVERY = 1.0  # seconds between two looks at what is missing


class Fills:
    """The workflows and their queue in this process; to be made after `Jobs` and before its `launch`."""

    def __init__(self, reindex: Reindex) -> None:
        self._reindex = reindex
        self._filling = reindex.filling
        self._taken: set[str] = set()
        self._next = 0.0
        patience = reindex.pipeline.patience
        self._prepare = step("prepare generation", reindex.prepare, patience)
        self._divide = step("divide anew", reindex.divide, patience)
        self._embed = step("embed anew", reindex.embed, patience)
        self._fill = step("fill", reindex.fill, patience)
        self._compare = step("compare", reindex.compare, patience)
        self._workflows = {
            "prepare": workflow("prepare generation", self._prepare_workflow, recoveries=CRASHES),
            "fill": workflow("fill", self._fill_workflow, recoveries=CRASHES),
            "compare": workflow("compare generations", self._compare_workflow, recoveries=CRASHES),
        }
        self._queue: Polled | None = None

    def launch(self) -> None:
        self._queue = Polled("fills", concurrency=1, busy=0.1, idle=1.0)

    def take(self) -> None:
        """Enqueue what the generation under way lacks, and bring it on. At most once a second."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + EVERY
        wanted = self._wanted(self._reindex.advance())
        self._taken &= wanted.keys()
        if self._queue is None:
            return
        self._queue.poll(busily=bool(wanted))
        for workflow_id in wanted.keys() - self._taken:
            self._queue.enqueue(workflow_id, self._workflows[workflow_id.split(":")[0]], workflow_id)
            self._taken.add(workflow_id)

    def give_up(self) -> None:
        """Where a workflow has ended and its work has not; and what nobody needs any more is removed."""
        wanted = self._wanted(self._filling.followed())
        for workflow_id in ended(list(wanted)):
            if version_id := wanted[workflow_id]:
                self._filling.fail_version(_generation(workflow_id), version_id, BROKEN_OFF)
            else:
                self._filling.give_up(_generation(workflow_id), BROKEN_OFF)
        self._reindex.clean()
        self._reindex.follow()

    def _wanted(self, generation: Generation | None) -> dict[str, str]:
        """Workflows by id, with the version that each is about, or ""."""
        if generation is None:
            return {}
        # the moment too: a database that was put back from a backup may give a number again
        place = f"{generation.id}-{int(1000 * generation.created.timestamp())}:{generation.attempt}"
        if not generation.dimensions:
            return {f"prepare:{place}": ""}
        missing = self._filling.missing(generation.id, limit=AHEAD)
        wanted = {f"fill:{place}:{version_id}": version_id for version_id in missing}
        if generation.state is GenerationState.COMPARING and not missing:
            wanted[f"compare:{place}"] = ""
        return wanted

    def _prepare_workflow(self, subject: str) -> str:
        try:
            self._prepare(_generation(subject))
        except Failed as failed:
            self._filling.give_up(_generation(subject), failed.reason)
            return "failed"
        except Gone:
            return "given up"
        return "ready"

    def _fill_workflow(self, subject: str) -> str:
        generation_id, version_id = _generation(subject), subject.split(":")[3]
        try:
            total = self._divide(generation_id, version_id)
            for start in batches(total):
                self._embed(generation_id, version_id, start)
            self._fill(generation_id, version_id)
        except Failed as failed:
            self._filling.fail_version(generation_id, version_id, failed.reason)
            return "failed"
        except Gone:
            return "gone"
        return "filled"

    def _compare_workflow(self, subject: str) -> str:
        try:
            self._compare(_generation(subject))
        except Failed as failed:
            refuse = partial(self._filling.compared, _generation(subject), {})
            refuse(refusal=f"It could not be compared with the live one: {failed.reason}")
            return "failed"
        except Gone:
            return "given up"
        return "compared"


def _generation(subject: str) -> int:
    return int(subject.split(":")[1].split("-")[0])
