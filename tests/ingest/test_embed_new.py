"""What the embedding model is spared, counted in texts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pytest
import sqlalchemy as sa

from ingest.embed import Parts
from ingest.embed_new import keys_of
from ingest.language import passage_language
from ingest.pipeline import STEP, Pipeline
from ingest.sparse import passage_weights, rule
from storage.database import Database
from storage.embeddings import Embedded, Embedding
from storage.files import Files
from storage.index import Index
from storage.models import ChunkRow, EmbeddingRow
from storage.types import Section, SparseVector, Vector
from tests.conftest import ADA, Kept, Library
from tests.contracts.index_contract import DIMENSIONS, KEY, IndexProcess
from tests.ingest import worker_process

PAGES = 165


class Counting(worker_process.HashEmbedder):
    def __init__(self, name: str = "hash") -> None:
        super().__init__()
        self.name = name  # type: ignore[misc]
        self.texts: list[str] = []

    def embed_parts(self, texts: list[str], parts: Sequence[Parts]) -> tuple[Vector, list[Vector]]:
        self.texts += texts
        return super().embed_parts(texts, parts)


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IndexProcess]:
    with IndexProcess(tmp_path_factory.mktemp("index")) as process:
        yield process


@pytest.fixture
def index(process: IndexProcess) -> Iterator[Index]:
    index = Index(process.url, KEY)
    yield index
    index.close()


@pytest.fixture
def steps(database: Database, files: Files, index: Index) -> Pipeline:
    return worker_process.pipeline(database, files, index, patience=0.0)


@pytest.fixture
def model(steps: Pipeline, index: Index) -> Counting:

    return give(steps, Counting())


def give(steps: Pipeline, model: Counting) -> Counting:
    object.__setattr__(steps, "embedder", lambda *_: model)
    return model


def page(number: int, seed: str = "") -> Section:
    paragraphs = (" ".join(f"{seed}word{number}x{part}y{n}." for n in range(60)) for part in range(4))
    return Section(number, "\n\n".join(paragraphs))


def ingest(steps: Pipeline, kept: Kept, sections: Sequence[Section], *, language: str = "en") -> int:
    """Everything after the reading. Returns how many chunks it made."""
    version = kept.version_id
    steps.versions.store_sections(
        version, sections, title="Annual report", format="text", language=language, pages=len(sections), warnings=[]
    )
    total = steps.divide(version)
    for start in range(0, total, STEP):
        steps.embed(version, start, total)
    steps.publish(version, total)
    return total


def kept_rows(database: Database) -> int:
    with database.read() as session:
        return session.scalar(sa.select(sa.func.count()).select_from(EmbeddingRow)) or 0


def test_a_changed_page_of_a_long_report_costs_little(
    steps: Pipeline, model: Counting, library: Library, index: Index
) -> None:
    pages = [page(number) for number in range(1, PAGES + 1)]
    first = library.add("report.txt")
    total = ingest(steps, first, pages)
    assert len(model.texts) == total > 3 * PAGES
    model.texts.clear()
    changed = [*pages[:80], page(81, "new"), *pages[81:]]
    second = library.add("report 2.txt")
    ingest(steps, second, changed)
    assert 0 < len(model.texts) < 0.02 * total
    assert all("new" in text for text in model.texts)


def test_what_is_found_again_is_what_was_made(steps: Pipeline, model: Counting, library: Library, index: Index) -> None:
    first, second = library.add("a.txt"), library.add("b.txt")
    pages = [page(1), page(2)]
    ingest(steps, first, pages)
    made = model.embed_passages(model.texts[:1])[0]
    model.texts.clear()
    ingest(steps, second, pages)
    assert model.texts == []
    ours, theirs = (steps.versions.chunks(one.version_id, start=0, count=1)[0] for one in (first, second))
    rows = steps.versions.embeddings
    with rows._database.read() as session:
        keys = list(session.scalars(sa.select(EmbeddingRow.key).where(EmbeddingRow.chunk_id.in_([ours.id, theirs.id]))))
    assert len(keys) == 2
    assert keys[0] == keys[1]
    found = rows.find(keys, rule=rule("en"))[keys[0]]
    assert float(found.vector @ made) > 0.99999
    assert np.allclose(np.linalg.norm(found.vector), 1, atol=1e-6)


def weights(steps: Pipeline, kept: Kept, rule: str) -> list[SparseVector | None]:
    """What is kept of the words of a document's passages, in their order."""
    with steps.versions.embeddings._database.read() as session:
        query = sa.select(EmbeddingRow.key).join(ChunkRow, ChunkRow.id == EmbeddingRow.chunk_id)
        query = query.where(ChunkRow.version_id == kept.version_id).order_by(ChunkRow.ordinal)
        keys = list(session.scalars(query))
    found = steps.versions.embeddings.find(keys, rule=rule)
    return [found[key].words for key in keys]


def weighed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts whose words are weighed from now on."""
    texts: list[str] = []

    def spy(text: str, language: str) -> SparseVector:
        texts.append(text)
        return passage_weights(text, language)

    monkeypatch.setattr("ingest.batches.passage_weights", spy)
    return texts


def test_words_are_weighed_once_under_one_rule(
    steps: Pipeline, model: Counting, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = library.add("a.txt"), library.add("b.txt")
    texts = weighed(monkeypatch)
    total = ingest(steps, first, [page(1), page(2)])
    assert texts == model.texts
    assert len(texts) == total
    ingest(steps, second, [page(1), page(2)])
    assert len(texts) == total
    assert weights(steps, second, rule("en")) == weights(steps, first, rule("en"))
    for kept, text in zip(weights(steps, second, rule("en")), texts, strict=True):
        fresh = passage_weights(text, passage_language(text, "en"))
        assert kept is not None
        assert kept.indices == fresh.indices
        assert np.array_equal(np.float32(kept.values), np.float32(fresh.values))


def test_words_are_weighed_anew_in_another_language_and_by_other_rules(
    steps: Pipeline, model: Counting, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, third = (library.add(name) for name in ("a.txt", "b.txt", "c.txt"))
    total = ingest(steps, first, [page(1)])
    assert weights(steps, first, rule("de")) == [None] * total
    texts = weighed(monkeypatch)
    ingest(steps, second, [page(1)], language="de")
    assert len(texts) == total
    monkeypatch.setattr("ingest.sparse.RULES", 0)
    ingest(steps, third, [page(1)])
    assert len(texts) == 2 * total
    assert len(model.texts) == total
    monkeypatch.undo()
    for language in ("en", "de"):  # each is still found, beside the others under the same key
        assert None not in weights(steps, third, rule(language))


def test_repeated_text_goes_through_the_model_once(steps: Pipeline, model: Counting, library: Library) -> None:
    notice = "This page is left blank. " * 3
    total = ingest(steps, library.add("blank.txt"), [Section(number, notice) for number in range(1, 41)])
    assert total == 40
    assert len(model.texts) == 1


def test_another_model_or_other_parts_have_other_keys() -> None:
    ours, other = Counting(), Counting("other")
    (key,) = keys_of(ours, ["text one"], [[(0, 4)]])
    assert keys_of(ours, ["text one"], [[(0, 4)]]) == [key]
    assert keys_of(other, ["text one"], [[(0, 4)]]) != [key]
    assert keys_of(ours, ["text one"], [[(0, 4), (5, 8)]]) != [key]
    assert keys_of(ours, ["text One"], [[(0, 4)]]) != [key]
    assert keys_of(ours, ["text\ud800"], [[]]) != keys_of(ours, ["text"], [[]])


def test_no_vector_outlives_its_document(
    steps: Pipeline, model: Counting, library: Library, database: Database
) -> None:
    first, second = library.add("a.txt"), library.add("b.txt")
    total = ingest(steps, first, [page(1), page(2)])
    assert ingest(steps, second, [page(1)]) == total // 2
    assert kept_rows(database) == total + total // 2
    library.documents.begin_delete(first.id, ADA)
    steps.delete(first.id)
    assert kept_rows(database) == total // 2
    model.texts.clear()
    ingest(steps, library.add("c.txt"), [page(1), page(2)])
    assert len(model.texts) == total // 2  # what the deleted document alone had is not known any more
    for kept in (second,):
        library.documents.begin_delete(kept.id, ADA)
        steps.delete(kept.id)


def test_chunks_that_are_gone_are_left_out(steps: Pipeline, database: Database) -> None:
    steps.versions.embeddings.store(
        {"gone": Embedded(b"k" * 16, [], Embedding(np.ones(DIMENSIONS, np.float32), b""))}, rule="en1"
    )
    assert kept_rows(database) == 0
    assert steps.versions.embeddings.find([b"k" * 16], rule="en1") == {}
    assert steps.versions.embeddings.find([], rule="en1") == {}
