"""The steps of ingestion on a real index, a real parser and a real database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from ingest.batches import BATCH
from ingest.pipeline import STEP, Pipeline, patiently
from storage import audit
from storage.database import Database
from storage.documents import Documents
from storage.errors import DocumentError, NotFound, Unavailable
from storage.files import Files
from storage.filling import Filling
from storage.index import Index
from storage.models import EmbeddingRow
from storage.types import Principal, Readers, Section, State
from storage.versions import Versions
from tests.conftest import ADA, TOM, Kept, Library
from tests.contracts.index_contract import DIMENSIONS, KEY, IndexProcess, direction
from tests.ingest.stage import found
from tests.ingest.worker_process import pipeline as build_pipeline

# what differs between databases is tested in tests/storage; each of these costs a parser's process
pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

HR = Readers(groups=frozenset({"hr"}))


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IndexProcess]:
    with IndexProcess(tmp_path_factory.mktemp("index")) as process:
        yield process


@pytest.fixture
def index(process: IndexProcess) -> Iterator[Index]:
    index = Index(process.url, KEY)
    index.prepare("hash_v2", DIMENSIONS)
    yield index
    index.close()


@pytest.fixture
def steps(database: Database, files: Files, index: Index) -> Pipeline:
    return build_pipeline(database, files, index, patience=0.0)


def long_text(chunks: int) -> str:
    return "\n\n".join(f"Rule {n}. " + " ".join(f"word{n}x{k}" for k in range(70)) for n in range(chunks))


def ingest(steps: Pipeline, kept: Kept) -> int:
    steps.read(kept.version_id)
    total = steps.divide(kept.version_id)
    for start in range(0, total, STEP):
        steps.embed(kept.version_id, start, total)
    steps.publish(kept.version_id, total)
    return total


def test_every_step_may_run_twice_and_the_document_can_then_be_read(
    steps: Pipeline, library: Library, documents: Documents, versions: Versions, index: Index, database: Database
) -> None:
    kept = library.add(long_text(80), HR, name="rules.txt")
    member = Principal("mia", "mia", TOM.role, frozenset({"hr"}))
    for _ in range(2):
        steps.read(kept.version_id)
        total = steps.divide(kept.version_id)
        assert total > BATCH
        for start in [0, *range(0, total, STEP)]:
            steps.embed(kept.version_id, start, total)
        assert kept.version_id not in found(database, index, ADA)  # nobody reads it before it is published
    for _ in range(2):
        steps.publish(kept.version_id, total)
    info = documents.get(kept.id, member)
    assert (info.state, info.passages, info.format) == (State.READY, total, "text")
    assert index.count(version_id=kept.version_id) == total
    assert kept.version_id in found(database, index, member)
    assert kept.version_id not in found(database, index, TOM)
    own = {chunk.id for chunk in versions.chunks(kept.version_id, start=0, count=total)}
    hits = [hit for hit in index.search(direction(1, 1), None, member, limit=1000) if hit.chunk_id in own]
    assert len(documents.passages(hits, member)) == len(hits) == total
    assert versions.terms.stale() == []


def test_a_document_without_text_and_one_without_a_file_say_so(steps: Pipeline, library: Library, files: Files) -> None:
    lost = library.add("text")
    files.delete(lost.version_id)
    with pytest.raises(DocumentError, match="original file") as caught:
        steps.read(lost.version_id)
    assert "Upload" in caught.value.remedy
    empty = library.add("other")
    steps.versions.store_sections(
        empty.version_id, [Section(1, " \n ")], title="x", format="text", language="", pages=1, warnings=[]
    )
    with pytest.raises(DocumentError, match="No text"):
        steps.divide(empty.version_id)


def test_points_that_are_missing_keep_a_version_from_being_published(
    steps: Pipeline, library: Library, documents: Documents, index: Index
) -> None:
    kept = library.add("thirty days of leave")
    steps.read(kept.version_id)
    total = steps.divide(kept.version_id)
    with pytest.raises(DocumentError, match=f"0 of {total}"):
        steps.publish(kept.version_id, total)
    assert documents.get(kept.id, ADA).state is State.EMBEDDING


def test_a_new_attempt_starts_without_the_points_of_the_one_before(
    steps: Pipeline, library: Library, versions: Versions, documents: Documents, index: Index
) -> None:
    kept = library.add("thirty days of leave")
    details: dict[str, Any] = {"title": "x", "format": "text", "language": "", "pages": 1, "warnings": []}
    versions.store_sections(kept.version_id, [Section(1, long_text(10))], **details)  # as an older parser saw it
    total = steps.divide(kept.version_id)
    steps.embed(kept.version_id, 0, total)
    versions.fail(kept.version_id, "It broke.", "")
    versions.retry(kept.id, ADA)
    assert ingest(steps, kept) < total
    assert index.count(version_id=kept.version_id) == documents.get(kept.id, ADA).passages


def test_readers_that_change_reach_the_points(
    steps: Pipeline, library: Library, documents: Documents, versions: Versions, index: Index, database: Database
) -> None:
    kept = library.add("thirty days of leave")
    ingest(steps, kept)
    assert kept.version_id in found(database, index, TOM)
    documents.set_readers(kept.id, HR, ADA)
    steps.follow_terms(kept.version_id)
    assert kept.version_id not in found(database, index, TOM)
    assert versions.terms.stale() == []


def replaced(documents: Documents, files: Files, kept: Kept, content: str, *, name: str = "leave.txt") -> Kept:
    with files.receive(10**6) as receiver:
        receiver.write(content.encode())
        added = documents.replace(kept.id, name, receiver.finish(), ADA)
    return Kept(added.document_id, added.version_id)


def test_the_old_version_answers_until_the_new_one_does_and_leaves_the_index_then(
    steps: Pipeline, library: Library, documents: Documents, database: Database, index: Index, files: Files
) -> None:
    old = library.add("the old text")
    ingest(steps, old)
    assert steps.versions.superseded(old.version_id) == []
    new = replaced(documents, files, old, "the new text")
    steps.read(new.version_id)
    total = steps.divide(new.version_id)
    steps.embed(new.version_id, 0, total)
    assert {old.version_id, new.version_id} & found(database, index, TOM) == {old.version_id}
    assert documents.get(old.id, TOM).answers
    for _ in range(2):
        steps.publish(new.version_id, total)
        assert {old.version_id, new.version_id} & found(database, index, TOM) == {new.version_id}
        assert index.count(version_id=old.version_id) == 0
        assert index.count(document_id=old.id) == total
    assert steps.versions.chunks(old.version_id, start=0, count=10) == []
    cited = documents.source(old.version_id, 1, TOM)
    assert (cited.section.text, cited.live) == ("the old text", False)
    documents.begin_delete(old.id, ADA)
    receipt = steps.delete(old.id)
    assert receipt is not None
    assert (receipt.versions, receipt.files, receipt.points) == (2, 2, total)


def test_a_document_that_is_read_again_answers_meanwhile_and_keeps_what_old_chats_cited(
    steps: Pipeline, library: Library, documents: Documents, database: Database, index: Index
) -> None:
    old = library.add("the text")
    ingest(steps, old)
    new = Kept(old.id, documents.read_again(old.id, ADA).version_id)
    assert {old.version_id, new.version_id} & found(database, index, TOM) == {old.version_id}
    ingest(steps, new)
    assert {old.version_id, new.version_id} & found(database, index, TOM) == {new.version_id}
    assert documents.source(old.version_id, 1, TOM).section.text == "the text"
    documents.begin_delete(old.id, ADA)
    receipt = steps.delete(old.id)
    assert receipt is not None
    assert (receipt.versions, receipt.files, receipt.points) == (2, 2, 1)


class Switching:
    """An index that notes which of two versions can be read, by SQL and itself, before and after it is written to."""

    def __init__(self, index: Index, documents: Documents) -> None:
        self._index, self._documents = index, documents
        self.readable: list[set[str]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._index, name)

    def _look(self) -> None:
        hits = self._index.search(direction(1, 1), None, TOM, limit=1000)
        self.readable.append({passage.version_id for passage in self._documents.passages(hits, TOM)})

    def set_terms(self, version_id: str, terms: list[str]) -> None:
        self._look()
        self._index.set_terms(version_id, terms)
        self._look()

    def delete_version(self, version_id: str) -> None:
        self._look()
        self._index.delete_version(version_id)
        self._look()


def test_at_every_moment_of_the_switch_exactly_one_version_can_be_read(
    library: Library, documents: Documents, index: Index, database: Database, files: Files
) -> None:
    watched = Switching(index, documents)
    steps = build_pipeline(database, files, watched, patience=0.0)  # type: ignore[arg-type]
    old = library.add("the old text of the switch")
    ingest(steps, old)
    new = replaced(documents, files, old, "the new text of the switch")
    watched.readable.clear()
    ingest(steps, new)
    either = [versions & {old.version_id, new.version_id} for versions in watched.readable]
    assert either == [{old.version_id}] * 2 + [{new.version_id}] * 4


def test_a_new_version_that_fails_leaves_the_old_one_in_use(
    steps: Pipeline, library: Library, documents: Documents, database: Database, index: Index, files: Files
) -> None:
    old = library.add("# The old handbook\n\nthirty days of leave", name="handbook.md")
    ingest(steps, old)
    title = documents.get(old.id, TOM).title
    new = replaced(documents, files, old, "# Another title\n\n forty days", name="handbook-2.md")
    steps.read(new.version_id)
    steps.versions.fail(new.version_id, "It broke.", "Try again.")
    info = documents.get(old.id, TOM)
    assert (info.state, info.reason, info.answers, info.title) == (State.FAILED, "It broke.", True, title)
    assert found(database, index, TOM) >= {old.version_id}
    steps.versions.retry(old.id, ADA)
    ingest(steps, new)
    info = documents.get(old.id, TOM)
    assert (info.state, info.answers, info.title) == (State.READY, False, "Another title")


def test_a_version_that_is_overtaken_ends_and_never_becomes_the_live_one(
    steps: Pipeline, library: Library, documents: Documents, index: Index, database: Database, files: Files
) -> None:
    first = library.add("the first text")
    ingest(steps, first)
    second = replaced(documents, files, first, "the second text")
    steps.read(second.version_id)
    total = steps.divide(second.version_id)
    third = replaced(documents, files, first, "the third text")
    assert [job.version_id for job in steps.versions.unfinished()] == [third.version_id]
    with pytest.raises(NotFound):
        steps.embed(second.version_id, 0, total)
    with pytest.raises(NotFound):
        steps.publish(second.version_id, total)
    ingest(steps, third)
    assert found(database, index, TOM) & {first.version_id, second.version_id, third.version_id} == {third.version_id}
    assert index.count(document_id=first.id) == 1


def test_a_generation_that_becomes_live_in_the_middle_of_a_step_gets_the_document(
    steps: Pipeline, library: Library, index: Index, database: Database
) -> None:
    kept, filling = library.add(long_text(200)), Filling(database)
    steps.read(kept.version_id)
    total = steps.divide(kept.version_id)
    second = steps.generations.start("hash-24", ADA)
    index.add(second.name, 24)
    filling.sized(second.id, 24)
    told: list[int] = []

    def switch(done: int) -> None:
        told.append(done)
        filling.settle(second.id)
        filling.compared(second.id, {}, refusal="")
        assert filling.switch(second.id)

    steps.embed(kept.version_id, 0, total, switch)
    assert told == [BATCH]
    steps.publish(kept.version_id, total)
    chunks = steps.versions.count_chunks(kept.version_id, second.id)
    assert index.count(version_id=kept.version_id, generation=second.name) == chunks == total
    assert steps.versions.divided_for(kept.version_id) == {1, second.id}
    index.drop(second.name)


def test_deleting_leaves_no_point_file_or_row_and_proves_it(
    steps: Pipeline, library: Library, documents: Documents, index: Index, files: Files, database: Database
) -> None:
    kept, other = library.add(long_text(5)), library.add("stays")
    total = ingest(steps, kept)
    ingest(steps, other)
    files.rendering(kept.version_id, "1.jpg").write_bytes(b"drawn")
    documents.begin_delete(kept.id, ADA)
    receipt = steps.delete(kept.id)
    assert receipt is not None
    assert (receipt.points, receipt.files, receipt.chunks, receipt.versions) == (total, 2, total, 1)
    assert index.count(document_id=kept.id) == files.count(kept.version_id) == 0
    assert steps.delete(kept.id) is None
    assert index.count(document_id=other.id) == 1
    assert [event.action for event in audit.newest(database, limit=1)] == ["deletion proved"]


def test_deleting_many_reaches_every_generation_and_gives_each_its_receipt(
    steps: Pipeline, library: Library, documents: Documents, index: Index, database: Database
) -> None:
    kept = [library.add(long_text(size)) for size in (5, 3)]
    totals = [ingest(steps, one) for one in kept]
    stays = library.add("stays")
    ingest(steps, stays)
    second = steps.generations.start("hash", ADA)
    index.add(second.name, DIMENSIONS)
    for one in kept:
        steps.put_into(second, one.version_id)
        documents.begin_delete(one.id, ADA)
    receipts = steps.delete_all([*(one.id for one in kept), "0" * 32])
    assert [(r.document_id, r.points, r.chunks, r.embeddings, r.versions) for r in receipts] == [
        (one.id, 2 * total, 2 * total, 2 * total, 1) for one, total in zip(kept, totals, strict=True)
    ]
    assert {receipt.generations for receipt in receipts} == {2}
    assert index.count_documents([one.id for one in kept]).total() == 0
    assert index.total(second.name) == 0
    with database.read() as session:
        left = session.scalars(sa.select(EmbeddingRow.chunk_id)).all()
    assert len(left) == index.count(document_id=stays.id) == 1
    assert steps.delete_all([kept[0].id]) == []


def test_a_batch_that_comes_after_the_deletion_leaves_no_point(
    steps: Pipeline, library: Library, documents: Documents, index: Index
) -> None:
    kept = library.add(long_text(80))
    steps.read(kept.version_id)
    total = steps.divide(kept.version_id)
    steps.embed(kept.version_id, 0, total)
    documents.begin_delete(kept.id, ADA)
    steps.delete(kept.id)
    with pytest.raises(NotFound):
        steps.embed(kept.version_id, BATCH, total)
    assert index.count(document_id=kept.id) == 0


class DeletedWhileEmbedding:
    """An index during whose first upsert the document is deleted from start to end."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self.delete = lambda: None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._index, name)

    def upsert(self, points: Any, terms: list[str], **others: Any) -> None:
        self.delete()
        self._index.upsert(points, terms, **others)


def test_points_that_arrive_after_they_were_counted_go_again(
    library: Library, documents: Documents, index: Index, database: Database, files: Files
) -> None:
    late = DeletedWhileEmbedding(index)
    steps = build_pipeline(database, files, late, patience=0.0)  # type: ignore[arg-type]
    kept = library.add("thirty days of leave")
    steps.read(kept.version_id)
    total = steps.divide(kept.version_id)

    def delete() -> None:
        documents.begin_delete(kept.id, ADA)
        assert steps.delete(kept.id) is not None

    late.delete = delete
    with pytest.raises(NotFound):
        steps.embed(kept.version_id, 0, total)
    assert index.count(document_id=kept.id) == 0


def test_an_index_that_is_away_keeps_the_document_until_it_is_back(
    library: Library, documents: Documents, versions: Versions, database: Database, files: Files, tmp_path: Path
) -> None:
    away = Index("http://127.0.0.1:9", KEY)
    steps = build_pipeline(database, files, away, patience=0.0)
    kept = library.ready("text")
    documents.begin_delete(kept.id, ADA)
    with pytest.raises(Unavailable):
        steps.delete(kept.id)
    assert versions.deleting() == [kept.id]
    assert files.original(kept.version_id).is_file()
    away.close()


def test_patience_is_kept_until_the_part_answers_or_the_time_is_over(database: Database) -> None:
    calls = 0

    def third_time() -> int:
        nonlocal calls
        calls += 1
        if calls < 3:
            raise Unavailable("index", "It is starting.")
        return calls

    assert patiently(third_time, patience=10.0) == 3
    calls = -100
    with pytest.raises(Unavailable, match="starting"):
        patiently(third_time, patience=0.0)


class Watched:
    """An index that notes what SQL calls the version whenever its terms are set."""

    def __init__(self, index: Index, documents: Documents) -> None:
        self._index, self._documents = index, documents
        self.states: list[State] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._index, name)

    def set_terms(self, version_id: str, terms: list[str]) -> None:
        self.states += [info.state for info in self._documents.find(ADA)]
        self._index.set_terms(version_id, terms)


def test_a_version_is_called_ready_only_when_it_can_be_found(
    library: Library, documents: Documents, index: Index, database: Database, files: Files
) -> None:
    watched = Watched(index, documents)
    steps = build_pipeline(database, files, watched, patience=0.0)  # type: ignore[arg-type]
    kept = library.add("thirty days of leave")
    ingest(steps, kept)
    assert set(watched.states) == {State.EMBEDDING}
    assert documents.get(kept.id, ADA).state is State.READY
