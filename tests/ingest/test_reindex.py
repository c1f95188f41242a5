"""Re-indexing with real worker processes, a real index and real databases, while documents come, change and go."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from storage.database import Database
from storage.errors import Conflict, FootnoteError, Forbidden
from storage.generations import Generation, Generations, GenerationState
from storage.models import ChunkRow, FilledRow
from storage.types import Readers
from tests.conftest import ADA, TOM, Library
from tests.ingest.stage import Stage, stage_over, text
from tests.ingest.worker_process import HashEmbedder, WorkerProcess
from tests.patience import until

SLOW = {"seconds_a_batch": 0.4, "sandbox": False}


@pytest.fixture
def stage(library: Library, data_dir: Path, database: Database) -> Iterator[Stage]:
    postgres = database.url.get_backend_name() == "postgresql"
    shared = database.url.render_as_string(hide_password=False)
    with stage_over(database, shared if postgres else f"sqlite:///{data_dir / 'jobs.db'}", library, data_dir) as stage:
        yield stage


@pytest.fixture
def kept(database: Database) -> Generations:
    return Generations(database)


def until_live(stage: Stage, generation: Generation, worker: WorkerProcess) -> None:
    kept = Generations(stage.database)

    def is_live() -> bool:
        live = kept.live()
        return live is not None and live.id == generation.id

    until(is_live, lambda: f"{kept.all(ADA)}\n{kept.progress(generation.id)}\n{worker.log}")


def in_sql(stage: Stage, generation: int) -> tuple[int, int]:
    """Chunks of a generation, and passages that it is said to hold."""
    with stage.database.read() as session:
        chunks = session.scalar(sa.select(sa.func.count()).where(ChunkRow.generation == generation))
        held = session.scalar(sa.select(sa.func.sum(FilledRow.passages)).where(FilledRow.generation == generation))
        return chunks or 0, held or 0


def generations_of(stage: Stage, chunk_ids: list[str]) -> set[int]:
    with stage.database.read() as session:
        return set(session.scalars(sa.select(ChunkRow.generation).where(ChunkRow.id.in_(chunk_ids))))


def assert_agrees(stage: Stage, generation: Generation) -> None:
    """SQL and the index count alike, and every document of the live generation is whole and can be found."""
    points = stage.index.total(generation.name)
    assert in_sql(stage, generation.id) == (points, points)
    if generation.state is GenerationState.LIVE:
        assert stage.index.generation() == generation.name
        ready = stage.infos()
        assert sum(info.passages for info in ready) == points
        query = HashEmbedder(name=generation.model).embed_queries(["x"])[0]
        hits = stage.index.search(query, None, TOM, limit=1000, generation=generation.name)
        readable = {info.id for info in ready if info.readers.everyone}
        passages = stage.documents.passages(hits, TOM)
        assert {passage.document_id for passage in passages} == readable
        assert len(passages) == len(hits)


def test_a_new_generation_is_filled_and_takes_the_place_of_the_old_one(stage: Stage, kept: Generations) -> None:
    for n in range(3):
        stage.library.add(text(f"doc{n}", 3 + n))
    with stage.worker(sandbox=False) as worker:
        stage.until_ended(worker)
        before = kept.live()
        assert before is not None
        new = kept.start("hash-24", ADA, passage_tokens=32)
        until_live(stage, new, worker)
        until(lambda: stage.index.generation() == new.name, lambda: worker.log)
    live = kept.live()
    assert live is not None
    assert (live.dimensions, live.passage_tokens) == (24, 32)
    assert_agrees(stage, live)
    assert_agrees(stage, kept.get(before.id))
    assert kept.get(before.id).state is GenerationState.KEPT
    assert in_sql(stage, live.id) > in_sql(stage, before.id)  # shorter passages are more
    assert "Traceback" not in worker.log


def test_what_changes_meanwhile_is_caught_up_and_a_killed_worker_goes_on(stage: Stage, kept: Generations) -> None:
    documents = [stage.library.add(text(f"doc{n}", 150)) for n in range(3)]
    with stage.worker(sandbox=False) as worker:
        stage.until_ended(worker)
    new = kept.start("hash-24", ADA)
    with stage.worker(**SLOW) as worker:
        until(lambda: in_sql(stage, new.id)[0] > 0, lambda: worker.log)
        until(lambda: stage.index.total(new.name) > 0, lambda: worker.log)
        worker.kill()
    assert in_sql(stage, new.id)[0] > stage.index.total(new.name) > 0  # in the middle of a document
    stage.documents.set_readers(documents[0].id, Readers(), ADA)
    stage.documents.begin_delete(documents[1].id, ADA)
    added = stage.library.add(text("late", 5))
    with stage.worker(sandbox=False) as worker:
        until_live(stage, new, worker)
        stage.until_ended(worker)
        until(lambda: stage.versions.deleting() == [] and stage.versions.terms.stale() == [], lambda: worker.log)
        until(lambda: stage.index.generation() == new.name, lambda: worker.log)
    live = kept.live()
    assert live is not None
    assert_agrees(stage, live)
    assert {info.id for info in stage.infos()} == {documents[0].id, documents[2].id, added.id}
    assert stage.index.count(document_id=documents[1].id) == 0  # in every generation
    old = kept.all(ADA)[-1]
    assert in_sql(stage, old.id)[0] == stage.index.total(old.name)


def test_going_back_is_one_command_and_brings_what_was_added_since(stage: Stage, kept: Generations) -> None:
    first = stage.library.add(text("doc", 3))
    with stage.worker(sandbox=False) as worker:
        stage.until_ended(worker)
        before = kept.live()
        assert before is not None
        new = kept.start("hash-24", ADA)
        until_live(stage, new, worker)
        late = stage.library.add(text("late", 4))
        stage.until_ended(worker)
        stage.documents.begin_delete(first.id, ADA)
        until(lambda: stage.versions.of_document(first.id) == [], lambda: worker.log)
        assert stage.index.count(document_id=first.id) == 0
        assert kept.roll_back(ADA).id == before.id
        until_live(stage, before, worker)
        until(lambda: stage.index.generation() == before.name, lambda: worker.log)
        live = kept.live()
        assert live is not None
        assert_agrees(stage, live)
        assert {info.id for info in stage.infos()} == {late.id}
        assert kept.roll_back(ADA).id == new.id
        until_live(stage, new, worker)


def test_a_cancelled_generation_leaves_nothing_behind(stage: Stage, kept: Generations) -> None:
    stage.library.add(text("doc", 150))
    with stage.worker(sandbox=False) as worker:
        stage.until_ended(worker)
    live = kept.live()
    new = kept.start("hash-24", ADA)
    with stage.worker(**SLOW, ttl=0.9) as worker:
        until(lambda: new.name in stage.index.generations() and stage.index.total(new.name) > 0)
        assert kept.cancel(ADA).state is GenerationState.REMOVING
        until(lambda: kept.get(new.id).state is GenerationState.REMOVED, lambda: worker.log)
        assert stage.index.generations() == [live.name] if live else []
        assert in_sql(stage, new.id) == (0, 0)
        until(lambda: not stage.index.generations()[1:])
        assert kept.live() == live
        again = kept.start("hash-24", ADA)
        assert again.name != new.name
        until_live(stage, again, worker)


def test_a_model_that_can_not_be_loaded_is_named_and_changes_nothing(stage: Stage, kept: Generations) -> None:
    stage.library.add(text("doc"))
    with stage.worker(sandbox=False) as worker:
        stage.until_ended(worker)
        live = kept.live()
        new = kept.start("no-such-model", ADA)
        until(lambda: kept.get(new.id).state is GenerationState.FAILED, lambda: worker.log)
        assert "no-such-model" in kept.get(new.id).reason
        assert kept.live() == live
        with pytest.raises(Conflict, match="no-such-model"):
            kept.accept(ADA, force=True)
        kept.cancel(ADA)
        assert kept.under_way(ADA) is None


def test_questions_asked_while_the_index_is_made_anew_three_times_never_mix_models(
    stage: Stage, kept: Generations
) -> None:
    added = [stage.library.add(text(f"doc{n}", 4)) for n in range(4)]
    stop, wrong, reads, seen = threading.Event(), [], [0], set[str]()

    def read() -> None:
        while not stop.is_set():
            live = kept.live()
            assert live is not None
            query = HashEmbedder(name=live.model).embed_queries(["doc1"])[0]
            try:
                hits = stage.index.search(query, None, TOM, limit=100, generation=live.name)
                passages = stage.documents.passages(hits, TOM)
            except FootnoteError as error:
                wrong.append(repr(error))
                return
            if {passage.document_id for passage in passages} != {one.id for one in added} or len(passages) != len(hits):
                wrong.append(f"{live.name}: {len(hits)} hits, {len(passages)} passages")
            if generations_of(stage, [hit.chunk_id for hit in hits]) != {live.id}:
                wrong.append(f"{live.name}: another generation's passages")
            reads[0] += 1
            seen.add(live.name)

    with stage.worker(sandbox=False) as worker:
        stage.until_ended(worker)
        readers = [threading.Thread(target=read) for _ in range(4)]
        for reader in readers:
            reader.start()
        try:
            for model in ("hash-24", "hash", "hash-20"):
                until_live(stage, kept.start(model, ADA), worker)
        finally:
            stop.set()
            for reader in readers:
                reader.join()
    assert not wrong
    assert reads[0] > 20
    assert len(seen) >= 3


def test_only_admins_see_and_change_generations(kept: Generations) -> None:
    for act in (kept.all, kept.under_way, kept.roll_back, kept.cancel, kept.retry, kept.clean):
        with pytest.raises(Forbidden):
            act(TOM)
    with pytest.raises(Forbidden):
        kept.start("hash", TOM)
    with pytest.raises(Forbidden):
        kept.accept(TOM, force=True)
