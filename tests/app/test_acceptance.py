"""Whether a new generation may be live, decided by real searches of two real generations."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from app.acceptance import SET, Acceptance, refusal
from ingest.sparse import passage_weights
from storage.access import EVERYONE
from storage.database import Database
from storage.documents import Documents
from storage.errors import Cancelled, NotFound
from storage.evaluations import Evaluations
from storage.filling import Filling
from storage.generations import Generation, Generations
from storage.points import Point
from storage.types import Chunk, SparseVector
from storage.versions import Versions
from tests.conftest import ADA, Library
from tests.contracts.index_contract import IndexProcess
from tests.shelf import DIMENSIONS, HashEmbedder, Shelf, open_shelf

SUBJECTS = ("leave", "travel", "salary", "security", "training", "pension", "parking", "insurance")


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IndexProcess]:
    with IndexProcess(tmp_path_factory.mktemp("index")) as process:
        yield process


@pytest.fixture
def shelf(process: IndexProcess, library: Library, documents: Documents, versions: Versions) -> Iterator[Shelf]:
    with open_shelf(process, library, documents, versions) as shelf:
        for subject in SUBJECTS:
            pages = [f"The rules of {subject} number {n} say {subject}{n} twice." for n in range(3)]
            shelf.add(f"{subject} handbook", pages, heading=f"Rules > About {subject}")
        yield shelf


@pytest.fixture
def live(database: Database, shelf: Shelf) -> Generation:
    return Generations(database).first("first", "hash", DIMENSIONS)


def another(database: Database, shelf: Shelf, *, lost: bool, gate: dict[str, str] | None = None) -> Generation:
    """A generation with the same passages; `lost`: with vectors that say nothing."""
    kept = Generations(database)
    new = kept.start("hash", ADA, gate=gate)
    shelf.index.add(new.name, DIMENSIONS)
    rng = np.random.default_rng(1)
    for info in shelf.documents.find(ADA, limit=100):
        chunks = [
            Chunk(str(uuid.uuid4()), c.document_id, c.version_id, c.ordinal, c.page, c.start, c.end, c.heading, c.text)
            for c in shelf.versions.chunks(info.version_id, start=0, count=1000)
        ]
        shelf.versions.store_chunks(
            info.version_id, [replace(chunk, generation=new.id) for chunk in chunks], beside=new.id
        )
        texts = [f"{info.title}\n{chunk.heading}\n{chunk.text}" for chunk in chunks]
        dense = rng.normal(size=(len(texts), DIMENSIONS)).astype(np.float32)
        dense = dense if lost else shelf.embedder.embed_passages(texts)
        words = [SparseVector() if lost else passage_weights(text, "en") for text in texts]
        points = [Point(chunk, vector, word) for chunk, vector, word in zip(chunks, dense, words, strict=True)]
        shelf.index.upsert(points, [EVERYONE], generation=new.name)
    return new


def acceptance(database: Database, shelf: Shelf, **settings: float) -> Acceptance:
    return Acceptance(
        shelf.index,
        lambda _model: HashEmbedder(),
        shelf.documents,
        Evaluations(database),
        Filling(database),
        **settings,  # type: ignore[arg-type]
    )


def test_without_questions_headings_are_asked_and_a_good_generation_may_be_live(
    database: Database, shelf: Shelf, live: Generation
) -> None:
    new = another(database, shelf, lost=False)
    verdict = acceptance(database, shelf, slower=0)(live, new, lambda: False)
    assert verdict.refusal == ""
    assert (verdict.comparison["kind"], verdict.comparison["questions"]) == ("headings", 24)
    assert verdict.comparison["new"]["recall@10"] == verdict.comparison["live"]["recall@10"] > 0.5


def test_a_generation_that_finds_less_is_refused_with_its_figures(
    database: Database, shelf: Shelf, live: Generation
) -> None:
    evaluations = Evaluations(database)
    kept = evaluations.create_set("Rules", ADA)
    rows = [
        {"question": f"What do the rules of {one} say?", "doc": [f"{one} handbook.txt"]}
        | {"pages": [[f"{one} handbook.txt", 1]]}
        for one in SUBJECTS
    ]
    evaluations.add(kept.id, rows, ADA)
    new = another(database, shelf, lost=True, gate={SET: kept.id})
    verdict = acceptance(database, shelf)(live, new, lambda: False)
    assert "nDCG@10 falls from" in verdict.refusal  # each of so few passages is looked at, so that recall may stay
    assert (verdict.comparison["set"], verdict.comparison["questions"]) == ("Rules", 8)
    assert acceptance(database, shelf, worse=1.0, slower=0)(live, new, lambda: False).refusal == ""
    with pytest.raises(Cancelled):
        acceptance(database, shelf)(live, new, lambda: True)
    evaluations.delete_set(kept.id, ADA)
    with pytest.raises(NotFound, match="question set"):
        acceptance(database, shelf)(live, new, lambda: False)


def test_a_question_set_of_other_documents_is_passed_over(database: Database, shelf: Shelf, live: Generation) -> None:
    evaluations = Evaluations(database)
    kept = evaluations.create_set("Elsewhere", ADA)
    evaluations.add(kept.id, [{"question": "What?", "doc": ["elsewhere.pdf"], "pages": [["elsewhere.pdf", 1]]}], ADA)
    new = another(database, shelf, lost=False)
    assert acceptance(database, shelf)(live, new, lambda: False).comparison["kind"] == "headings"


def test_what_is_too_much_is_told_in_words() -> None:
    live = {"recall@10": 0.9, "ndcg@10": 0.8, "seconds": 0.1, "failed": 0}
    assert refusal(live, live, 0.02, 2.0) == ""
    assert refusal(live, {**live, "ndcg@10": 0.785}, 0.02, 2.0) == ""
    assert "nDCG@10 falls from 0.800 to 0.770" in refusal(live, {**live, "ndcg@10": 0.77}, 0.02, 2.0)
    assert "300 ms instead of 100" in refusal(live, {**live, "seconds": 0.3}, 0.02, 2.0)
    assert refusal(live, {**live, "seconds": 0.3}, 0.02, 0) == ""
    assert refusal({**live, "seconds": 0.01}, {**live, "seconds": 0.04}, 0.02, 2.0) == ""
    assert "3 more questions" in refusal(live, {**live, "failed": 3}, 0.02, 2.0)


def test_nothing_to_ask_refuses_nothing(
    database: Database, process: IndexProcess, library: Library, documents: Documents, versions: Versions
) -> None:
    with open_shelf(process, library, documents, versions) as empty:
        live = Generations(database).first("first", "hash", DIMENSIONS)
        verdict = acceptance(database, empty)(live, Generations(database).start("hash", ADA), lambda: False)
    assert (verdict.refusal, verdict.comparison["kind"]) == ("", "nothing")
