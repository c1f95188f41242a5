"""Workers: one on a data folder, many on PostgreSQL, and what tells that they live."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.database import Database, db_now
from storage.errors import Unavailable
from storage.models import Executor
from storage.sources import Kind, NewSource, Sources
from storage.status import TTL, a_worker_lives
from storage.types import Readers, State
from tests.conftest import ADA, Kept, Library
from tests.ingest.stage import Stage, stage_over, text
from tests.ingest.worker_process import WorkerProcess
from tests.patience import until

on_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
on_postgres = pytest.mark.parametrize("database", ["postgresql"], indirect=True)


@pytest.fixture
def stage(library: Library, data_dir: Path, database: Database) -> Iterator[Stage]:
    postgres = database.url.get_backend_name() == "postgresql"
    shared = database.url.render_as_string(hide_password=False)
    with stage_over(database, shared if postgres else f"sqlite:///{data_dir / 'jobs.db'}", library, data_dir) as stage:
        yield stage


def test_a_worker_lives_as_long_as_its_heartbeat_is_young(database: Database) -> None:
    assert not a_worker_lives(database)
    for age, alive in ((0.0, True), (TTL - 3, True), (TTL + 1, False)):
        with database.write() as session:
            session.merge(Executor(id="host:1", beat=db_now(session) - age))
        assert a_worker_lives(database) is alive


def test_without_a_database_nobody_can_tell(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'no' / 'folder.db'}")
    with pytest.raises(Unavailable):
        a_worker_lives(database)
    database.close()


@on_sqlite
def test_a_second_worker_on_the_same_folder_is_refused_and_harms_nothing(stage: Stage) -> None:
    kept = [stage.library.add(text("doc0", 70)), stage.library.add(text("doc1"))]
    with stage.worker(seconds_a_batch=0.5, sandbox=False) as first:
        stage.until_embedding(kept[0], first)
        with stage.worker() as second:
            assert second.wait() != 0
        assert "Conflict: Another worker" in second.log
        assert a_worker_lives(stage.database)
        stage.until_ended(first)
    stage.assert_whole(kept)


@on_sqlite
def test_a_worker_that_is_told_to_stop_goes_at_once_and_the_next_one_goes_on(stage: Stage) -> None:
    kept = stage.library.add(text("doc", 70))
    with stage.worker(seconds_a_batch=6.0, sandbox=False) as worker:
        stage.until_embedding(kept, worker)
        worker.process.terminate()
        assert worker.wait(5.5) == 0
    assert stage.states() == {State.EMBEDDING: 1}
    with stage.worker() as worker:
        stage.until_ended(worker)
    stage.assert_whole([kept])


@on_sqlite
def test_a_worker_without_work_asks_its_databases_seldom_and_still_sees_a_new_document(stage: Stage) -> None:
    with stage.worker(sandbox=False, ttl=30.0, counting=True) as worker:
        stage.library.add(text("doc"))
        stage.until_ended(worker)
        until(lambda: bool(counted(worker)), lambda: worker.log)  # from here on it has nothing to do
        before = len(counted(worker))
        until(lambda: len(counted(worker)) >= before + 4, lambda: worker.log)
        idle = counted(worker)[before + 1 :]
        assert sum(idle) / len(idle) < 45, worker.log  # a second: 5 are the worker's, all others the job engine's
        kept = stage.library.add(text("other"))
        until(lambda: stage.documents.get(kept.id, ADA).state is State.READY, lambda: worker.log)


def counted(worker: WorkerProcess) -> list[int]:
    """Statements in each second of the worker's life so far."""
    return [int(line.rpartition(" ")[2]) for line in worker.log.splitlines() if "statements:" in line]


@on_sqlite
def test_a_worker_whose_index_is_away_still_lives(stage: Stage) -> None:
    kept = stage.library.add(text("doc"))
    with stage.worker(ttl=0.6, sandbox=False) as worker:
        stage.until_ended(worker)
        stage.process.kill()
        stage.documents.set_readers(kept.id, stage.documents.get(kept.id, ADA).readers, ADA)
        until(lambda: "can't be reached" in worker.log)
        with stage.database.read() as session:
            before = db_now(session)

        def beaten() -> bool:
            with stage.database.read() as session:
                return any(
                    beat > before
                    for beat in session.scalars(Executor.__table__.select().with_only_columns(Executor.beat))
                )

        until(beaten, lambda: worker.log)
        stage.process.start()
        until(lambda: stage.versions.terms.stale() == [], lambda: worker.log)


@on_postgres
def test_another_worker_takes_over_from_one_that_was_killed(stage: Stage) -> None:
    kept = [stage.library.add(text(f"doc{n}", 150)) for n in range(2)]
    changes = {"concurrency": 1, "seconds_a_batch": 3.0, "ttl": 2.0, "sandbox": False}
    with stage.worker(**changes) as first, stage.worker(**changes) as second:
        for one in kept:  # each works on one
            stage.until_embedding(one, first)
        first.kill()
        until(lambda: "Took over 1 jobs" in second.log, lambda: second.log)
        stage.until_ended(second)
    stage.assert_whole(kept)


@on_postgres
def test_two_workers_share_the_documents_and_each_is_done_once(stage: Stage) -> None:
    kept = [stage.library.add(text(f"doc{n}")) for n in range(8)]
    with stage.worker() as first, stage.worker() as second:
        stage.until_ended(first)
    stage.assert_whole(kept)
    assert "Traceback" not in first.log + second.log


@pytest.mark.parametrize("database", ["sqlite", "postgresql"], indirect=True)
def test_a_scheduled_source_is_synchronised_and_survives_the_end_of_its_worker(stage: Stage, tmp_path: Path) -> None:
    root = tmp_path / "office"
    root.mkdir()
    for n in range(40):
        (root / f"{n}.txt").write_text(text(f"doc{n}", 1))
    sources = Sources(stage.database)
    everyone = Readers(everyone=True)
    sources.add(NewSource("office", Kind.FOLDER, str(root), everyone, {}, every=3600), ADA)
    with stage.worker(sandbox=False, ttl=1.5) as worker:
        until(lambda: len(stage.infos()) > 3, lambda: worker.log)
        worker.kill()
        worker.start()

        def ended() -> bool:
            run = sources.get("office", ADA).latest
            return run is not None and run.finished is not None

        until(ended, lambda: worker.log)
        run = sources.syncs("office", ADA)[0]
        assert (run.by, run.reason) == ("schedule", "")
        assert sum(run.counts.values()) == 40
        assert run.counts.keys() <= {"added", "unchanged"}
        assert len(sources.syncs("office", ADA)) == 1
        stage.until_ended(worker)
    stage.assert_whole([Kept(info.id, info.version_id) for info in stage.infos()])
    assert len(stage.infos()) == 40
