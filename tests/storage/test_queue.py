"""The queue as admins see and steer it, on SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from storage import status
from storage.database import Database, db_now
from storage.documents import Documents
from storage.errors import Cancelled, Conflict, Forbidden, NotFound
from storage.generations import Generations
from storage.models import Executor, Version, new_id, now
from storage.queue import Queue
from storage.types import Chunk, Principal, Section, State, Status
from storage.versions import Versions
from tests.conftest import ADA, TOM, Kept, Library

DETAILS: dict[str, Any] = {"title": "Leave", "format": "text", "language": "en", "pages": 1, "warnings": []}


@pytest.fixture
def queue(database: Database) -> Queue:
    return Queue(database)


def alive(database: Database, *workers: str, age: float = 0.0) -> None:
    with database.write() as session:
        for worker in workers:
            session.merge(Executor(id=worker, beat=db_now(session) - age))


def job_id(versions: Versions, kept: Kept) -> str:
    return versions.job(kept.version_id).id


def begin(versions: Versions, kept: Kept, worker: str = "w", *, step: str = "read") -> None:
    versions.steps.enter(kept.version_id, job_id(versions, kept), step, executor=worker)


def statuses(queue: Queue) -> dict[str, Status]:
    every = [job for status in Status for job in queue.jobs(ADA, status=status)]
    return {job.version_id: job.status for job in every}


def newer_version(database: Database, kept: Kept) -> Kept:
    """A new version of the document, waiting."""
    made = Version(id=new_id(), document_id=kept.id, sha256=new_id(), name="leave.txt", size=9, state=State.WAITING)
    made.created = now() + timedelta(seconds=1)
    with database.write() as session:
        session.add(made)
    return Kept(kept.id, made.id)


def test_only_admins_see_and_steer_the_queue(queue: Queue, library: Library) -> None:
    version = library.add("a").version_id
    attempts: list[Any] = [queue.summary, queue.jobs, queue.pause_all, queue.resume_all, queue.retry_failed]
    attempts += [
        lambda who, act=act: act(version, who) for act in (queue.pause, queue.resume, queue.cancel, queue.retry)
    ]
    for attempt in attempts:
        with pytest.raises(Forbidden):
            attempt(TOM)
    assert queue.summary(ADA).counts[Status.WAITING] == 1
    assert queue.summary(ADA).held_by == ""


def test_a_job_runs_only_while_its_worker_gives_signs_of_life(
    queue: Queue, library: Library, versions: Versions, database: Database
) -> None:
    kept = library.add("a")
    alive(database, "w")
    begin(versions, kept)
    (job,) = queue.jobs(ADA)
    assert (job.status, job.state, job.abandoned) == (Status.RUNNING, State.PARSING, False)
    alive(database, "w", age=status.TTL + 1)
    (job,) = queue.jobs(ADA)
    assert (job.status, job.state, job.abandoned) == (Status.WAITING, State.PARSING, True)
    assert queue.jobs(ADA, status=Status.RUNNING) == []
    assert queue.summary(ADA).counts[Status.RUNNING] == 0
    assert library.documents.get(kept.id, ADA).status is Status.WAITING
    alive(database, "x")
    begin(versions, kept, "x")
    assert queue.jobs(ADA)[0].status is Status.RUNNING


def test_what_is_counted_is_what_is_listed(
    queue: Queue, library: Library, versions: Versions, database: Database
) -> None:
    kept = [library.add(f"text {n}", name=f"{n}.txt") for n in range(8)]
    alive(database, "w")
    begin(versions, kept[0])
    begin(versions, kept[1], "gone")
    queue.pause(kept[2].version_id, ADA)
    queue.cancel(kept[3].version_id, ADA)
    versions.fail(kept[4].version_id, "Broken.", "Mend it.")
    library.fill(kept[5], "text", title="t")
    library.documents.begin_delete(kept[6].id, ADA)
    for held in (False, True):
        if held:
            queue.pause_all(ADA)
        summary = queue.summary(ADA)
        listed = {status: len(queue.jobs(ADA, status=status)) for status in Status}
        assert listed == summary.counts
        assert sum(listed.values()) == 7
        assert summary.open == len(queue.jobs(ADA))
        assert summary.deleting == 1
    assert listed[Status.RUNNING] == 1
    assert listed[Status.PAUSED] == 3
    assert listed[Status.WAITING] == 0
    assert summary.held_by == "ada"


def test_a_running_job_is_paused_and_goes_on_where_it_was(
    queue: Queue, library: Library, versions: Versions, database: Database
) -> None:
    kept = library.add("a")
    alive(database, "w")
    first = job_id(versions, kept)
    begin(versions, kept)
    versions.steps.leave(kept.version_id, first, "read", 1.5)
    versions.progress(kept.version_id, State.EMBEDDING, done=64, total=200)
    queue.pause(kept.version_id, ADA)
    assert queue.jobs(ADA)[0].status is Status.RUNNING  # until its step has ended
    with pytest.raises(Cancelled):
        begin(versions, kept, step="embed")
    assert queue.jobs(ADA)[0].status is Status.PAUSED
    assert versions.unfinished() == []
    queue.resume(kept.version_id, ADA)
    (job,) = versions.unfinished()
    assert job.id != first  # so that workers take it up anew
    standing = versions.steps.enter(kept.version_id, job.id, "embed", executor="w")
    assert (standing.ended, standing.done, standing.total) == (frozenset({"read"}), 64, 200)
    with pytest.raises(Cancelled):
        versions.steps.enter(kept.version_id, first, "embed", executor="w")  # what is left of the first turn


def test_a_pause_that_is_taken_back_in_time_changes_nothing(queue: Queue, library: Library, versions: Versions) -> None:
    kept = library.add("a")
    first = job_id(versions, kept)
    begin(versions, kept)
    queue.pause(kept.version_id, ADA)
    queue.resume(kept.version_id, ADA)
    begin(versions, kept, step="divide")
    assert job_id(versions, kept) == first


def grow_older(database: Database, kept: Kept) -> Kept:
    """As if the version had come a minute ago."""
    with database.write() as session:
        session.get_one(Version, kept.version_id).created -= timedelta(minutes=1)
    return kept


def begun_before_another(library: Library, versions: Versions, database: Database) -> Kept:
    kept = library.add("a")
    alive(database, "w")
    begin(versions, kept)
    grow_older(database, library.add("b"))
    return kept


def make_way(versions: Versions, kept: Kept, *, crowded: bool = False) -> bool:
    try:
        versions.steps.make_way(kept.version_id, job_id(versions, kept), crowded=crowded)
    except Cancelled:
        return True
    return False


def test_long_work_makes_way_for_what_nobody_has_begun_and_goes_on_where_it_was(
    queue: Queue, library: Library, versions: Versions, database: Database
) -> None:
    long, early = library.add("a"), library.add("b")
    alive(database, "w")
    begin(versions, early, "w")
    begin(versions, long)
    versions.progress(long.version_id, State.EMBEDDING, done=64, total=200)
    first = job_id(versions, long)
    assert not make_way(versions, long)
    new = library.add("c")
    assert not make_way(versions, long)  # a worker may have a place for it
    grow_older(database, new)
    queue.pause(new.version_id, ADA)
    assert not make_way(versions, long)
    assert queue.jobs(ADA, status=Status.WAITING) == []
    queue.resume(new.version_id, ADA)
    assert make_way(versions, long)
    (job,) = [job for job in queue.jobs(ADA, status=Status.WAITING) if job.version_id == long.version_id]
    assert (job.state, job.done, job.total, job.abandoned) == (State.EMBEDDING, 64, 200, False)
    assert {one.version_id for one in versions.unfinished()} == {long.version_id, early.version_id, new.version_id}
    assert job_id(versions, long) != first
    with pytest.raises(Cancelled):
        versions.steps.enter(long.version_id, first, "embed", executor="w")
    begin(versions, long)
    begin(versions, new)
    assert not make_way(versions, long)


def test_long_work_makes_way_for_a_deletion(library: Library, versions: Versions, documents: Documents) -> None:
    long, gone = library.add("a"), library.add("b")
    begin(versions, long)
    begin(versions, gone)
    assert not make_way(versions, long)
    documents.begin_delete(gone.id, ADA)
    assert make_way(versions, long)


def test_work_that_crowds_others_out_makes_way_for_their_first_turn_only(library: Library, versions: Versions) -> None:
    long, crowded = library.add("a"), library.add("b")
    begin(versions, long)
    begin(versions, crowded)
    assert not make_way(versions, long)
    assert make_way(versions, long, crowded=True)
    begin(versions, long)
    assert not make_way(versions, crowded, crowded=True)
    versions.progress(crowded.version_id, State.PARSING, done=3, total=9)
    assert not make_way(versions, long, crowded=True)


def test_what_is_to_be_cancelled_is_cancelled_where_it_would_make_way(
    queue: Queue, library: Library, versions: Versions, database: Database
) -> None:
    long = begun_before_another(library, versions, database)
    queue.cancel(long.version_id, ADA)
    assert make_way(versions, long)
    assert statuses(queue)[long.version_id] is Status.CANCELLED


def test_while_everything_is_paused_nothing_is_taken_up(queue: Queue, library: Library, versions: Versions) -> None:
    kept, other = library.add("a"), library.add("b")
    queue.pause(other.version_id, ADA)
    queue.pause_all(ADA)
    queue.pause_all(ADA)
    assert versions.unfinished() == []
    with pytest.raises(Cancelled):
        begin(versions, kept)
    queue.resume(other.version_id, ADA)
    assert versions.unfinished() == []
    queue.pause(other.version_id, ADA)
    queue.resume_all(ADA)
    assert {job.version_id for job in versions.unfinished()} == {kept.version_id, other.version_id}
    assert set(statuses(queue).values()) == {Status.WAITING}


def test_a_waiting_job_is_cancelled_at_once_and_a_running_one_at_the_next_border(
    queue: Queue, library: Library, versions: Versions, database: Database
) -> None:
    waiting, running = library.add("a"), library.add("b")
    alive(database, "w")
    begin(versions, running)
    for kept in (waiting, running):
        queue.cancel(kept.version_id, ADA)
    assert statuses(queue) == {waiting.version_id: Status.CANCELLED, running.version_id: Status.RUNNING}
    with pytest.raises(Cancelled):  # reading a long file hears of it before it has ended
        versions.progress(running.version_id, State.PARSING, done=3, total=100)
    with pytest.raises(Cancelled):
        begin(versions, running, step="divide")
    assert statuses(queue)[running.version_id] is Status.CANCELLED
    for kept in (waiting, running):  # nothing is lost: both are listed, and can be tried again
        assert library.documents.get(kept.id, ADA).state is State.CANCELLED
        job = queue.retry(kept.version_id, ADA)
        assert (job.attempt, job.state) == (2, State.WAITING)
    assert {job.version_id for job in versions.unfinished()} == {waiting.version_id, running.version_id}


def test_cancelling_a_new_version_leaves_the_old_one_answerable(
    queue: Queue, library: Library, versions: Versions, database: Database
) -> None:
    old = library.ready("thirty days")
    new = newer_version(database, old)
    begin(versions, new)
    queue.cancel(new.version_id, ADA)  # its worker is gone
    info = library.documents.get(old.id, TOM)
    assert (info.version_id, info.state, info.answers) == (new.version_id, State.CANCELLED, True)
    assert library.documents.source(old.version_id, 1, TOM).live
    assert versions.terms.present(old.version_id) == ["everyone", "role:admin"]
    assert versions.terms.present(new.version_id) == []
    with pytest.raises(Conflict, match="newer version"):
        queue.retry(old.version_id, ADA)
    with pytest.raises(Cancelled):  # a worker that was thought dead can't make it live any more
        versions.make_live(new.version_id, 1, passages=1)
    assert library.documents.source(old.version_id, 1, TOM).live


def test_what_is_live_already_is_not_cancelled_or_paused_half_way(
    queue: Queue, library: Library, versions: Versions, database: Database
) -> None:
    kept = library.add("a")
    begin(versions, kept)
    generation = Generations(database).first("hash_v1", "hash", 8).id
    assert versions.make_live(kept.version_id, generation, passages=1)
    for act in (queue.cancel, queue.pause):
        with pytest.raises(Conflict, match="published"):
            act(kept.version_id, ADA)
    queue.pause_all(ADA)
    begin(versions, kept, step="publish")
    versions.publish(kept.version_id, passages=1)
    with pytest.raises(Conflict, match="ended"):
        queue.cancel(kept.version_id, ADA)


def test_all_that_failed_is_tried_again_at_once(
    queue: Queue, library: Library, versions: Versions, database: Database
) -> None:
    failed = [library.add(f"text {n}") for n in range(3)]
    gone, cancelled, old = library.add("gone"), library.add("cancelled"), library.add("old")
    newer_version(database, old)
    for kept in (*failed, gone, old):
        versions.fail(kept.version_id, "Broken.", "Mend it.")
    library.documents.begin_delete(gone.id, ADA)
    queue.cancel(cancelled.version_id, ADA)
    bea = Principal("bea", "bea", ADA.role)
    assert queue.retry_failed(bea) == 3
    assert queue.retry_failed(bea) == 0
    seen = {job.version_id: job for job in queue.jobs(ADA)}
    for kept in failed:
        job = seen[kept.version_id]
        assert (job.status, job.attempt, job.started_by, job.reason) == (Status.WAITING, 2, "bea", "")
    assert [job.version_id for job in queue.jobs(ADA, status=Status.FAILED)] == [old.version_id]


def test_rates_and_what_is_left_come_from_what_was_done(
    queue: Queue, library: Library, versions: Versions, database: Database
) -> None:
    done, runs = library.ready("x" * 100), library.add("y" * 300)
    alive(database, "w")
    begin(versions, runs)
    versions.progress(runs.version_id, State.EMBEDDING, done=128, total=640)
    versions.steps.leave(runs.version_id, job_id(versions, runs), "embed", 4.0)
    with database.write() as session:
        row = session.get_one(Version, done.version_id)
        row.started, row.pages, row.passages = now() - timedelta(seconds=10), 20, 50
    (job,) = queue.jobs(ADA)
    assert job.rate(now()) == 32
    assert job.left(now()) == 16
    summary = queue.summary(ADA)
    assert summary.pages_a_second == pytest.approx(2, rel=0.3)
    assert summary.passages_a_second == pytest.approx(5, rel=0.3)
    assert summary.seconds_left == pytest.approx(16, rel=0.3)
    library.add("z" * 300)
    assert queue.summary(ADA).seconds_left == pytest.approx(16 + 30, rel=0.3)
    library.add("z" * 30_000)
    assert queue.summary(ADA).seconds_left is None  # 100 bytes tell nothing of so many


def test_the_rate_counts_the_turns_before(
    queue: Queue, library: Library, versions: Versions, database: Database
) -> None:
    long = begun_before_another(library, versions, database)
    with pytest.raises(Cancelled):
        versions.steps.make_way(long.version_id, job_id(versions, long), reading=40)
    begin(versions, long)
    versions.progress(long.version_id, State.PARSING, done=100, total=300)
    (job,) = queue.jobs(ADA, status=Status.RUNNING)
    assert job.rate(job.began + timedelta(seconds=10)) == 2
    assert job.left(job.began + timedelta(seconds=10)) == 100


def test_what_failed_half_way_is_named_until_the_index_is_tidied(
    queue: Queue, library: Library, versions: Versions
) -> None:
    kept, other = library.add("a"), library.add("b")
    for each in (kept, other):
        versions.progress(each.version_id, State.EMBEDDING, done=64, total=100)
        versions.fail(each.version_id, "Broken.", "Mend it.")
    queue.retry(other.version_id, ADA)
    assert versions.steps.leftovers() == [kept.version_id]
    assert not versions.steps.is_left_over(other.version_id)
    versions.steps.tidied(kept.version_id)
    assert versions.steps.leftovers() == []


def test_unknown_and_deleted_jobs_are_not_found(queue: Queue, library: Library, documents: Documents) -> None:
    kept = library.add("a")
    documents.begin_delete(kept.id, ADA)
    for version_id in (kept.version_id, "0" * 32):
        for act in (queue.pause, queue.resume, queue.cancel, queue.retry):
            with pytest.raises(NotFound):
                act(version_id, ADA)


def test_lists_come_in_pages(queue: Queue, library: Library, versions: Versions, database: Database) -> None:
    kept = [library.add(f"text {n}") for n in range(5)]
    alive(database, "w")
    begin(versions, kept[3])
    wanted = [kept[n].version_id for n in (3, 0, 1, 2, 4)]
    first, second = queue.jobs(ADA, limit=3), queue.jobs(ADA, limit=3, offset=3)
    assert [job.version_id for job in (*first, *second)] == wanted


def test_a_section_and_its_chunks_are_kept_while_a_job_is_paused(
    queue: Queue, library: Library, versions: Versions
) -> None:
    kept = library.add("a")
    versions.store_sections(kept.version_id, [Section(1, "thirty days")], **DETAILS)
    versions.store_chunks(kept.version_id, [Chunk("c", kept.id, kept.version_id, 0, 1, 0, 6, "", "")])
    queue.pause(kept.version_id, ADA)
    queue.resume(kept.version_id, ADA)
    assert len(versions.chunks(kept.version_id, start=0, count=9)) == 1
