"""Durable ingestion on DBOS Transact.

The SQL rows are the queue that people see: a version that waits, a document that is being deleted. Each worker takes
what it finds there into DBOS under an id that follows from the row, so taking it twice does nothing. DBOS checkpoints
every step; after a crash a workflow goes on behind its last checkpoint, on whichever worker lives.
"""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Callable
from functools import partial
from typing import Any

import sqlalchemy as sa
from dbos import DBOS, DBOSConfig, Queue, SetWorkflowID
from dbos._serialization import Serializer

from ingest.pipeline import STEP, Pipeline, patiently
from ingest.steps import Steps
from storage.database import sqlite_module
from storage.errors import Cancelled, DocumentError, FootnoteError, NotFound
from storage.types import State

log = logging.getLogger(__name__)

APP_VERSION = "1"  # raised only when the steps of a workflow change: work begun under another one would not go on
CRASHES = 8  # so many times a step is taken up again after its process went down
BROKEN_OFF = "The work on this file was broken off; the log has the details."
RECOVERIES = 1000  # and so many times a workflow, in whatever steps
AHEAD = 200  # versions that are looked at in one round, oldest first: far more than all workers work on at a time
TOGETHER = 250  # documents that are deleted at once
FINAL = ("SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED")


class JsonSerializer(Serializer):
    """DBOS pickles by default; what it keeps of ours is JSON, so that a database can't make us run code."""

    def serialize(self, data: Any) -> str:
        return json.dumps(data, default=repr)

    def deserialize(self, serialized_data: str) -> Any:
        return json.loads(serialized_data)

    def name(self) -> str:
        return "footnote_json"


class Jobs:
    """The workflows and their queue in this process; to be made once, before `launch`."""

    def __init__(self, pipeline: Pipeline, url: str, *, executor: str, concurrency: int) -> None:
        self._pipeline = pipeline
        self._concurrency = concurrency
        self._taken: set[str] = set()
        self._deletions: dict[str, list[str]] = {}  # documents that one workflow deletes, by its id
        self._again: dict[str, int] = {}  # document -> how often its deletion was begun again
        config = DBOSConfig(
            name="footnote",
            system_database_url=url,
            executor_id=executor,
            application_version=APP_VERSION,
            serializer=JsonSerializer(),
            log_level="WARNING",
            use_listen_notify=not url.startswith("sqlite"),
        )
        if url.startswith("sqlite"):
            config["system_database_engine"] = _sqlite_engine(url)
        DBOS(config=config)
        patience = pipeline.patience
        steps = Steps(pipeline, executor, _job_id, CRASHES)
        self._read = step("read", steps.read, patience)
        self._divide = step("divide", steps.divide, patience)
        self._embed = step("embed", steps.embed, patience)
        self._publish = step("publish", steps.publish, patience)
        self._delete = step("delete", lambda document_ids: len(pipeline.delete_all(document_ids)), patience)
        self._ingest = workflow("ingest", self._ingest_workflow)
        self._erase = workflow("delete", self._delete_workflow)
        self._queue: Polled | None = None

    def launch(self) -> None:
        DBOS.launch()
        self._queue = Polled("documents", concurrency=self._concurrency, busy=0.1, idle=0.2)

    def destroy(self, *, seconds: int) -> None:
        DBOS.destroy(workflow_completion_timeout_sec=seconds, destroy_registry=True)

    def take(self) -> int:
        """Enqueue what waits in SQL and is not enqueued yet; follow readers that changed. Returns how many are open."""
        versions = self._pipeline.versions
        unfinished = versions.unfinished(limit=AHEAD)
        unfinished.sort(key=lambda job: job.state != State.WAITING)  # what has made way goes behind them
        waiting = {job.id: (self._ingest, job.version_id) for job in unfinished}
        waiting |= {workflow_id: (self._erase, ",".join(ids)) for workflow_id, ids in self._deleting().items()}
        self._taken &= waiting.keys()
        for workflow_id, (workflow, subject) in waiting.items():
            self._enqueue(workflow_id, workflow, subject)
        if self._queue:
            self._queue.poll(busily=len(waiting) > self._concurrency)
        for version_id in versions.terms.stale():
            self._pipeline.follow_terms(version_id, patience=0.0)
        return len(waiting)

    def give_up(self) -> None:
        """Where a workflow has ended and its work has not: a version failed, and a deletion is begun again."""
        versions = self._pipeline.versions
        jobs = {job.id: job for job in versions.unfinished(limit=AHEAD)}
        for workflow_id, status in ended([*jobs, *self._deleting()]).items():
            if job := jobs.get(workflow_id):
                log.error("The work on version %s ended without a result (%s).", job.version_id, status)
                versions.fail(job.version_id, BROKEN_OFF, "Try again.", attempt=job.attempt)
            elif document_ids := self._deleting().get(workflow_id):  # there still, and not deleted meanwhile
                log.error("Documents %s could not be deleted; each is tried again.", ", ".join(document_ids))
                self._again |= {one: self._again.get(one, 0) + 1 for one in document_ids}
                del self._deletions[workflow_id]

    def tidy(self) -> None:
        """Take out of the index what is left there of versions that failed or were cancelled."""
        steps = self._pipeline.versions.steps
        for version_id in steps.leftovers():
            if steps.is_left_over(version_id):  # it may have been tried again meanwhile
                self._pipeline.index.delete_version(version_id)
                steps.tidied(version_id)

    def recover(self, alive: set[str]) -> int:
        """Take over the workflows of executors that no longer live. Returns how many."""
        pending = DBOS.list_workflows(status="PENDING", load_input=False, load_output=False)
        dead = {workflow.executor_id for workflow in pending if workflow.executor_id} - alive
        return len(DBOS._recover_pending_workflows(sorted(dead))) if dead else 0

    def _enqueue(self, workflow_id: str, workflow: Callable[..., Any], *arguments: str) -> None:
        if workflow_id in self._taken or self._queue is None:
            return
        self._queue.enqueue(workflow_id, workflow, *arguments)
        self._taken.add(workflow_id)

    def _deleting(self) -> dict[str, list[str]]:
        """Workflows by id, with the documents that each deletes: many at once, as the index writes to the disk for
        each call; what failed once is deleted alone."""
        left = dict.fromkeys(self._pipeline.versions.deleting())
        for workflow_id, document_ids in list(self._deletions.items()):
            if not left.keys() & document_ids:
                del self._deletions[workflow_id]
            for document_id in document_ids:
                left.pop(document_id, None)
        alone = [[one] for one in left if one in self._again]
        together = [one for one in left if one not in self._again]
        for group in [*alone, *(together[n : n + TOGETHER] for n in range(0, len(together), TOGETHER))]:
            self._deletions[f"delete:{group[0]}:{self._again.get(group[0], 0)}"] = group
        return dict(self._deletions)

    def _ingest_workflow(self, version_id: str) -> str:
        try:
            self._read(version_id)
            total = self._divide(version_id)
            for start in range(0, total, STEP):
                self._embed(version_id, start, total)
            self._publish(version_id, total)
        except Failed as failed:
            attempt = int(_job_id().split(":")[2])
            fail = partial(self._pipeline.versions.fail, version_id, failed.reason, failed.remedy, attempt=attempt)
            patiently(fail, patience=self._pipeline.patience)
            return "failed"
        except Gone:
            return "deleted"
        except Stopped:
            return "stopped"
        return "ready"

    def _delete_workflow(self, document_ids: str) -> str:
        self._delete(document_ids.split(","))
        return "deleted"


class Polled:
    """A queue of DBOS, which asks its database for work all the time: a dozen statements each time, so seldom where
    no work waits, and often where it does, as at most `concurrency` pieces are had each time."""

    def __init__(self, name: str, *, concurrency: int, busy: float, idle: float) -> None:
        """`busy` and `idle` are seconds from one time to the next."""
        self._busy, self._idle, self._every = busy, idle, idle
        self._queue: Queue = DBOS.register_queue(
            name, worker_concurrency=concurrency, polling_interval_sec=idle, on_conflict="always_update"
        )

    def poll(self, *, busily: bool) -> None:
        every = self._busy if busily else self._idle
        if every != self._every:
            self._queue.set_polling_interval_sec(every)
            self._every = every

    def enqueue(self, workflow_id: str, workflow: Callable[..., Any], *arguments: str) -> None:
        with SetWorkflowID(workflow_id):
            self._queue.enqueue(workflow, *arguments)


class Failed(Exception):
    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.reason, self.remedy = reason, remedy


class Gone(Exception):
    pass


class Stopped(Exception):
    """Paused or cancelled; the row says which."""


def step(name: str, function: Callable[..., Any], patience: float) -> Callable[..., Any]:
    """A checkpointed step. Expected ends are kept as values, so that a replay meets the same end.

    While the index, the models or the database are away the step is tried again: its document is not to blame.
    """

    def run(*arguments: Any) -> dict[str, Any]:
        try:
            return {"value": patiently(partial(function, *arguments), patience=patience)}
        except DocumentError as error:
            return {"failed": [error.reason, error.remedy]}
        except NotFound:
            return {"gone": True}
        except Cancelled:
            return {"stopped": True}
        except FootnoteError as error:
            return {"failed": [str(error), "Try again."]}
        except Exception:  # the worker loop: whatever happens to one document must not reach the next
            log.exception("Step %s failed for %s", name, arguments)
            return {"failed": ["Something went wrong in our own code; the log has the details.", "Try again."]}

    step = DBOS.step(name=name)(run)

    def call(*arguments: Any) -> Any:
        outcome = step(*arguments)
        if "failed" in outcome:
            raise Failed(*outcome["failed"])
        if "gone" in outcome:
            raise Gone
        if "stopped" in outcome:
            raise Stopped
        return outcome["value"]

    return call


def workflow(name: str, method: Callable[[str], str], *, recoveries: int = RECOVERIES) -> Callable[[str], str]:
    def run(subject: str) -> str:  # DBOS marks functions, and a bound method can't be marked
        return method(subject)

    return DBOS.workflow(name=name, max_recovery_attempts=recoveries)(run)


def _job_id() -> str:
    """Of the workflow that runs in this thread: `storage.versions.Job.id`."""
    return DBOS.workflow_id or ""


def ended(workflow_ids: list[str]) -> dict[str, str]:
    """Of these workflows, those that will do nothing more, and how they ended."""
    if not workflow_ids:
        return {}
    found = DBOS.list_workflows(workflow_ids=workflow_ids, status=list(FINAL), load_input=False, load_output=False)
    return {workflow.workflow_id: workflow.status for workflow in found}


def _sqlite_engine(url: str) -> sa.Engine:
    engine = sa.create_engine(url, module=sqlite_module(), pool_size=20, max_overflow=0, connect_args={"timeout": 30})

    @sa.event.listens_for(engine, "connect")
    def _configure(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = "IMMEDIATE"
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "busy_timeout=30000", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    return engine
