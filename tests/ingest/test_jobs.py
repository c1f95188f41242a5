"""Durable ingestion: what is begun comes to its end, whatever is killed meanwhile. Real processes, killed for real."""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ingest.batches import BATCH
from ingest.jobs import JsonSerializer
from ingest.pipeline import STEP
from storage import audit, status
from storage.documents import Documents
from storage.errors import NotFound
from storage.queue import JobInfo, Queue
from storage.types import Readers, State, Status
from tests.conftest import ADA, TOM, Kept, Library
from tests.contracts.index_contract import direction
from tests.ingest import scans
from tests.ingest.stage import Stage, stage_over, text
from tests.ingest.test_recognition import needs_tesseract
from tests.patience import until

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def stage(library: Library, data_dir: Path) -> Iterator[Stage]:
    with stage_over(library.versions._database, f"sqlite:///{data_dir / 'jobs.db'}", library, data_dir) as stage:
        yield stage


def workflows(stage: Stage) -> list[tuple[str, str]]:
    """Id and status of every workflow that DBOS knows."""
    with closing(sqlite3.connect(Path(stage.setup.folder) / "jobs.db")) as connection:
        return sorted(connection.execute("SELECT workflow_uuid, status FROM workflow_status").fetchall())


def test_twenty_documents_survive_four_kills_of_the_worker(stage: Stage) -> None:
    kept = [stage.library.add(text(f"doc{n}", 70 if n % 10 == 0 else 3), name=f"{n}.txt") for n in range(20)]
    chance = random.Random(20)
    kills = 0
    with stage.worker(seconds_a_batch=0.1, sandbox=False) as worker:
        while kills < 4:
            assert worker.ready.wait(30), worker.log
            time.sleep(chance.uniform(0.1, 0.8))
            worker.kill()
            kills += 1
            assert State.FAILED not in stage.states()
            worker.start()
        stage.until_ended(worker)
        wanted = sorted((f"ingest:{one.version_id}:1", "SUCCESS") for one in kept)
        until(lambda: workflows(stage) == wanted, lambda: worker.log)
    stage.assert_whole(kept)
    with closing(sqlite3.connect(Path(stage.setup.folder) / "jobs.db")) as connection:  # no pickle, which can run code
        rows = connection.execute("SELECT DISTINCT serialization FROM workflow_status").fetchall()
    assert rows == [(JsonSerializer().name(),)]


def test_documents_survive_kills_of_the_index(stage: Stage) -> None:
    kept = [stage.library.add(text(f"doc{n}", 70 if n == 0 else 3), name=f"{n}.txt") for n in range(6)]
    with stage.worker(seconds_a_batch=0.2, sandbox=False) as worker:
        for ready in (1, 3):
            until(lambda ready=ready: stage.states()[State.READY] >= ready, lambda: f"{stage.infos()} {worker.log}")  # type: ignore[misc]
            stage.process.kill()
            stage.process.start()
        stage.until_ended(worker)
    stage.assert_whole(kept)


def test_a_document_deleted_while_it_is_embedded_leaves_nothing(stage: Stage) -> None:
    kept, other = stage.library.add(text("gone", 150)), stage.library.add(text("stays"))
    with stage.worker(
        seconds_a_batch=0.5, concurrency=1, sandbox=False
    ) as worker:  # the deletion has to wait for the step to end
        stage.until_embedding(kept, worker)
        stage.documents.begin_delete(kept.id, ADA)
        until(lambda: stage.versions.of_document(kept.id) == [], lambda: worker.log)
        stage.until_ended(worker)
        until(lambda: all(status == "SUCCESS" for _, status in workflows(stage)), lambda: worker.log)
    assert stage.index.count(document_id=kept.id) == 0
    assert stage.files.count(kept.version_id) == 0
    stage.assert_whole([other])


def test_a_document_that_kills_its_worker_fails_in_the_end_and_the_others_go_on(stage: Stage) -> None:
    poison = stage.library.add(text("poison"), name="poison.txt")
    others = [stage.library.add(text(f"doc{n}"), name=f"{n}.txt") for n in range(3)]
    deaths = 0
    with stage.worker(crashes=1, concurrency=1, ttl=1.5, sandbox=False) as worker:
        while True:
            until(
                lambda: worker.ended or State.WAITING not in stage.states(),
                lambda: worker.log,
            )
            if not worker.ended:
                break
            assert worker.wait() == 9
            deaths += 1
            assert deaths <= 2, worker.log
            worker.start()
        stage.until_ended(worker)
    failed = stage.documents.get(poison.id, ADA)
    assert failed.state is State.FAILED
    assert "again and again" in failed.reason
    assert {stage.documents.get(one.id, ADA).state for one in others} == {State.READY}
    assert deaths == 2


def test_a_document_that_failed_says_why_and_a_retry_is_a_new_attempt(stage: Stage) -> None:
    kept, lost = stage.library.add(text("doc")), stage.library.add("a file that is lost")
    stage.files.delete(lost.version_id)
    original = stage.files.original(kept.version_id)
    content = original.read_bytes()
    original.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)))
    with stage.worker() as worker:
        stage.until_ended(worker)
        failed = stage.documents.get(kept.id, ADA)
        assert failed.state is State.FAILED
        assert failed.reason
        assert failed.remedy
        assert "original file" in stage.documents.get(lost.id, ADA).reason
        stage.documents.begin_delete(lost.id, ADA)
        original.write_bytes(content)
        stage.versions.retry(kept.id, ADA)
        until(lambda: stage.states() == {State.READY: 1}, lambda: worker.log)
        until(lambda: stage.versions.of_document(lost.id) == [], lambda: worker.log)
    stage.assert_whole([kept])
    attempts = [workflow for workflow, _ in workflows(stage) if kept.version_id in workflow]
    assert attempts == [f"ingest:{kept.version_id}:{n}" for n in (1, 2)]


def test_deletions_that_could_not_be_done_together_are_begun_again_each_alone(stage: Stage) -> None:
    kept = [stage.library.add(text(f"doc{n}")) for n in range(3)]
    with stage.worker(patience=0.0, ttl=0.9, sandbox=False) as worker:
        stage.until_ended(worker)
        stage.process.kill()
        for one in kept[:2]:
            stage.documents.begin_delete(one.id, ADA)
        until(lambda: len(ended_badly(stage)) > 2, lambda: worker.log)
        assert set(stage.versions.deleting()) == {one.id for one in kept[:2]}
        stage.process.start()
        until(lambda: stage.versions.deleting() == [], lambda: worker.log)
    stage.assert_whole(kept[2:])
    assert stage.index.count_documents([one.id for one in kept[:2]]).total() == 0
    proofs = [event.subject for event in audit.newest(stage.database) if event.action == "deletion proved"]
    assert sorted(proofs) == sorted(one.id for one in kept[:2])


def ended_badly(stage: Stage) -> list[str]:
    return [workflow for workflow, status in workflows(stage) if workflow.startswith("delete:") and status == "ERROR"]


def test_readers_that_change_are_followed_while_the_worker_runs(stage: Stage, documents: Documents) -> None:
    kept = stage.library.add(text("doc"))

    def found_by_tom() -> bool:
        return bool(stage.index.search(direction(1, 1), None, TOM, limit=10))

    with stage.worker() as worker:
        stage.until_ended(worker)
        until(found_by_tom)
        documents.set_readers(kept.id, Readers(), ADA)
        with pytest.raises(NotFound):
            documents.get(kept.id, TOM)
        until(lambda: not found_by_tom(), lambda: worker.log)
        until(lambda: stage.versions.terms.stale() == [], lambda: worker.log)


def queue_of(stage: Stage) -> Queue:
    return Queue(stage.database)


def test_a_paused_job_stops_at_a_border_and_goes_on_without_reading_again(stage: Stage) -> None:
    kept = stage.library.add(text("doc", 300))
    queue = queue_of(stage)
    with stage.worker(seconds_a_batch=0.3, concurrency=1, sandbox=False) as worker:
        stage.until_embedding(kept, worker)
        queue.pause(kept.version_id, ADA)
        until(lambda: queue.jobs(ADA)[0].status is Status.PAUSED, lambda: worker.log)
        (paused,) = queue.jobs(ADA)
        assert 0 < paused.done < paused.total
        worker.kill()  # a pause outlives its worker
        worker.start()
        other = stage.library.add(text("other"))
        until(lambda: stage.documents.get(other.id, ADA).state is State.READY, lambda: worker.log)
        (still,) = queue.jobs(ADA)
        assert (still.status, still.done) == (Status.PAUSED, paused.done)
        queue.resume(kept.version_id, ADA)
        stage.until_ended(worker)
        done = until_timed(stage, kept)
    stage.assert_whole([kept, other])
    assert sorted(workflow for workflow, _ in workflows(stage) if kept.version_id in workflow) == [
        f"ingest:{kept.version_id}:1",
        f"ingest:{kept.version_id}:1:1",
    ]
    assert done.seconds["embed"] >= 0.3 * (done.total // BATCH)


def test_pausing_everything_stops_every_worker_and_resuming_ends_it(stage: Stage) -> None:
    kept = [stage.library.add(text(f"doc{n}", 60), name=f"{n}.txt") for n in range(6)]
    queue = queue_of(stage)
    with stage.worker(seconds_a_batch=0.2, sandbox=False) as worker:
        until(lambda: queue.summary(ADA).counts[Status.RUNNING] > 0, lambda: worker.log)
        queue.pause_all(ADA)
        until(lambda: queue.summary(ADA).counts[Status.RUNNING] == 0, lambda: worker.log)
        before = [(job.version_id, job.state, job.done) for job in queue.jobs(ADA)]
        time.sleep(1.5)
        assert [(job.version_id, job.state, job.done) for job in queue.jobs(ADA)] == before
        queue.resume_all(ADA)
        stage.until_ended(worker)
    stage.assert_whole(kept)


def test_a_cancelled_job_leaves_no_points_and_is_whole_after_a_retry(stage: Stage) -> None:
    kept, other = stage.library.add(text("doc", 300)), stage.library.add(text("other"))
    queue = queue_of(stage)
    with stage.worker(seconds_a_batch=0.3, concurrency=1, ttl=0.9, sandbox=False) as worker:
        stage.until_embedding(kept, worker)
        queue.cancel(kept.version_id, ADA)
        stage.until_ended(worker)
        assert stage.states() == {State.CANCELLED: 1, State.READY: 1}
        until(lambda: stage.index.count(version_id=kept.version_id) == 0, lambda: worker.log)
        queue.retry(kept.version_id, ADA)
        stage.until_ended(worker)
    stage.assert_whole([kept, other])


def test_a_job_whose_worker_was_killed_waits_for_another_one(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status, "TTL", 2.0)
    kept = stage.library.add(text("doc", 300))
    queue = queue_of(stage)
    with stage.worker(seconds_a_batch=0.5, ttl=1.5, sandbox=False) as worker:
        stage.until_embedding(kept, worker)
        assert queue.jobs(ADA)[0].status is Status.RUNNING
        worker.kill()
        until(lambda: queue.jobs(ADA)[0].status is Status.WAITING)
        (job,) = queue.jobs(ADA)
        assert (job.abandoned, job.state) == (True, State.EMBEDDING)
        assert stage.documents.get(kept.id, ADA).status is Status.WAITING
        worker.start()
        until(lambda: queue.jobs(ADA)[0].status is Status.RUNNING, lambda: worker.log)
        worker.kill()
        until(lambda: queue.jobs(ADA)[0].status is Status.WAITING)
        queue.cancel(kept.version_id, ADA)  # nobody has it: at once
        assert stage.states() == {State.CANCELLED: 1}
        worker.start()
        until(lambda: stage.index.count(version_id=kept.version_id) == 0, lambda: worker.log)
        until(lambda: {state for _, state in workflows(stage)} == {"SUCCESS"}, lambda: worker.log)
        assert stage.states() == {State.CANCELLED: 1}


def steps_recorded(stage: Stage) -> list[str]:
    """The steps that DBOS will not do again."""
    with closing(sqlite3.connect(Path(stage.setup.folder) / "jobs.db")) as connection:
        return [name for (name,) in connection.execute("SELECT function_name FROM operation_outputs ORDER BY 1")]


def test_a_step_that_was_killed_in_its_middle_goes_on_behind_the_last_batch_that_was_kept(stage: Stage) -> None:
    kept = stage.library.add(text("doc", 400))
    with stage.worker(seconds_a_batch=0.4, sandbox=False) as worker:
        stage.until_embedding(kept, worker)
        worker.kill()
        assert steps_recorded(stage) == ["divide", "read"]
        killed = stage.documents.get(kept.id, ADA)
        assert killed.done % BATCH == 0
        assert BATCH <= killed.done < killed.total - BATCH
        assert stage.index.count(version_id=kept.version_id) >= killed.done
        worker.start()
        until(lambda: stage.documents.get(kept.id, ADA).done > killed.done, lambda: worker.log)
        assert steps_recorded(stage) == ["divide", "read"]
        stage.until_ended(worker)
        whole = ["divide", "embed", "publish", "read"]
        until(lambda: steps_recorded(stage) == whole, lambda: steps_recorded(stage))  # the row is ready before
    stage.assert_whole([kept])


def test_what_goes_wrong_while_a_batch_is_kept_is_the_jobs_result(stage: Stage) -> None:
    lost, other = stage.library.add(text("doc", 300), name="unkept.txt"), stage.library.add(text("other"))
    with stage.worker(seconds_a_batch=0.1, concurrency=1, ttl=0.9, sandbox=False) as worker:
        stage.until_ended(worker)
        assert "OSError: the disk is full" in worker.log
        failed = stage.documents.get(lost.id, ADA)
        assert failed.state is State.FAILED
        assert "the log has the details" in failed.reason
        assert stage.documents.get(other.id, ADA).state is State.READY
        until(lambda: stage.index.count(version_id=lost.version_id) == 0, lambda: worker.log)


def test_a_long_embedding_makes_way_for_a_short_document(stage: Stage) -> None:
    long = stage.library.add(text("l", STEP + 100))
    with stage.worker(seconds_a_batch=0.2, concurrency=1, sandbox=False) as worker:
        stage.until_embedding(long, worker)
        short = stage.library.add(text("short"))
        until(lambda: stage.documents.get(short.id, ADA).state is State.READY, lambda: worker.log)
        waiting = stage.documents.get(long.id, ADA)
        assert (waiting.state, waiting.total > waiting.done >= STEP) == (State.EMBEDDING, True)
        stage.until_ended(worker)
    stage.assert_whole([long, short])
    assert turns_of(stage, long) == ["1", "1:1"]


@needs_tesseract
def test_a_long_scan_makes_way_for_a_short_document_and_keeps_the_pages_that_were_recognised(stage: Stage) -> None:
    pages = 20
    scan = stage.library.add(scans.pdf([scans.letter(f"Page {n}") for n in range(pages)]), name="scan.pdf")
    with stage.worker(turn=1.0, concurrency=1) as worker:
        until(lambda: stage.documents.get(scan.id, ADA).done > 1, lambda: worker.log)
        short = stage.library.add(text("short"))
        until(lambda: stage.documents.get(short.id, ADA).state is State.READY, lambda: worker.log)
        waiting = stage.documents.get(scan.id, ADA)
        assert waiting.state is State.PARSING
        (job,) = queue_of(stage).jobs(ADA)
        assert job.seconds.keys() == {"read so far"}
        recognised = list(stage.files.rendering(scan.version_id, "recognised").iterdir())
        assert 1 < len(recognised) < pages
        stage.until_ended(worker)
        done = until_timed(stage, scan)
    stage.assert_whole([scan, short])
    assert done.seconds["read"] > job.seconds["read so far"] > 1
    assert turns_of(stage, scan) == ["1", "1:1"]
    assert [section.text.split()[1] for section in stage.versions.sections(scan.version_id)] == list(
        map(str, range(pages))
    )


def until_timed(stage: Stage, kept: Kept) -> JobInfo:
    """The job that is done, once it tells what each of its steps took: the row is ready before."""

    def done() -> JobInfo:
        (job,) = [one for one in queue_of(stage).jobs(ADA, status=Status.DONE) if one.version_id == kept.version_id]
        return job

    until(lambda: done().seconds.keys() == {"read", "divide", "embed", "publish"}, lambda: done().seconds)
    return done()


def turns_of(stage: Stage, kept: Kept) -> list[str]:
    """The attempts and turns in which a version was worked on."""
    begins = f"ingest:{kept.version_id}:"
    return [workflow.removeprefix(begins) for workflow, _ in workflows(stage) if workflow.startswith(begins)]
