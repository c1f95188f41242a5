"""What `storage.index.Index` promises on every backend, and a real index process to try it on."""

from __future__ import annotations

import math
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import pytest

from storage.access import ADMIN, EVERYONE, group_term
from storage.errors import InvalidInput
from storage.index import Index
from storage.points import Point
from storage.types import Chunk, Hit, Principal, Role, SparseVector, Vector
from tests.patience import PATIENCE

DIMENSIONS = 16
KEY = "k" * 32
ADA = Principal("ada", "Ada", Role.ADMIN)
MIA = Principal("mia", "Mia", Role.MEMBER, frozenset({"finance"}))
TOM = Principal("tom", "Tom", Role.MEMBER)


class IndexProcess:
    """The embedded index in a child process of its own, which can be killed and started again.

    As a context it is started, and stopped at the end if it still runs.
    """

    def __init__(self, path: Path, key: str = KEY) -> None:
        self.path = path
        self.key = key
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> IndexProcess:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(10)

    def start(self) -> None:
        self.launch()
        self.await_health()

    def launch(self) -> None:
        code = (
            "import sys; from pathlib import Path; from storage.index_server import run; "
            "run(Path(sys.argv[1]), '127.0.0.1', int(sys.argv[2]), sys.argv[3])"
        )
        root = Path(__file__).parents[2]
        arguments = [sys.executable, "-c", code, str(self.path), str(self.port), self.key]
        self.process = subprocess.Popen(arguments, cwd=root)

    def await_health(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                httpx.get(f"{self.url}/healthz", trust_env=False).raise_for_status()
            except httpx.TransportError:
                assert self.process.poll() is None, "the index process ended at once"
                assert time.monotonic() < deadline, "the index process does not answer"
                time.sleep(0.02)
            else:
                return

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, headers={"api-key": self.key}, trust_env=False, timeout=20)


def direction(*components: float) -> Vector:
    vector = np.zeros(DIMENSIONS, dtype=np.float32)
    vector[: len(components)] = components
    return vector


def words(**weights: float) -> SparseVector:
    """`w7=1.5` gives word number 7 the weight 1.5."""
    return SparseVector(tuple(int(name[1:]) for name in weights), tuple(weights.values()))


_documents: dict[str, str] = {}  # by chunk id, of all points that were made


def documents_of(hits: Sequence[Hit]) -> set[str]:
    return {_documents[hit.chunk_id] for hit in hits}


def point(
    dense: Vector,
    sparse: SparseVector | None = None,
    *,
    document: str = "handbook",
    version: str = "handbook-1",
    ordinal: int = 0,
) -> Point:
    id_ = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{document}/{version}/{ordinal}"))
    _documents[id_] = document
    chunk = Chunk(id_, document, version, ordinal, ordinal + 1, 10, 20, "Leave", "ten letter")
    return Point(chunk, dense, sparse or SparseVector())


def found(index: Index, principal: Principal) -> set[str]:
    """The documents that a search wide enough to return everything returns, by either vector."""
    both = index.search(direction(1, 1), words(w1=1.0), principal, limit=1000)
    dense = index.search(direction(1, 1), None, principal, limit=1000)
    sparse = index.search(None, words(w1=1.0), principal, limit=1000)
    documents = [documents_of(hits) for hits in (both, dense, sparse)]
    assert documents[0] == documents[1] == documents[2]
    return documents[0]


def random_points(count: int, rng: np.random.Generator, *, per_version: int = 10) -> list[Point]:
    vectors = rng.normal(size=(count, DIMENSIONS)).astype(np.float32)
    return [
        point(v, document=f"d{i // per_version}", version=f"v{i // per_version}", ordinal=i % per_version)
        for i, v in enumerate(vectors)
    ]


def cosines(points: Sequence[Point], query: Vector) -> dict[str, float]:
    matrix = np.stack([p.dense for p in points]).astype(np.float64)
    scores = matrix @ query / np.linalg.norm(matrix, axis=1) / np.linalg.norm(query)
    return {p.chunk.id: float(score) for p, score in zip(points, scores, strict=True)}


class IndexContract:
    """Inherit it, and give the fixture `index`: a fresh one, prepared with DIMENSIONS."""

    def test_a_fresh_index_is_ready_and_empty(self, index: Index) -> None:
        assert index.ready() is None
        assert index.total() == 0
        assert index.search(direction(1), words(w1=1.0), ADA, limit=5) == []

    def test_preparing_again_changes_nothing(self, index: Index) -> None:
        index.upsert([point(direction(1))], [EVERYONE])
        index.prepare("first", DIMENSIONS)
        assert index.total() == 1
        assert index.generation() == "first"

    def test_a_model_of_other_dimensions_is_refused_with_the_setting_to_change(self, index: Index) -> None:
        for generation in ("first", "second"):
            with pytest.raises(InvalidInput, match="EMBED_MODEL"):
                index.prepare(generation, DIMENSIONS * 2)
        assert index.generation() == "first"

    def test_another_model_of_the_same_size_is_refused_and_what_is_live_stays(self, index: Index) -> None:
        with pytest.raises(InvalidInput, match="EMBED_MODEL"):
            index.prepare("second", DIMENSIONS)
        assert index.generation() == "first"

    def test_dense_scores_are_the_exact_cosines(self, index: Index) -> None:
        rng = np.random.default_rng(1)
        points = random_points(300, rng)
        index.upsert(points, [EVERYONE])
        query = rng.normal(size=DIMENSIONS).astype(np.float32)
        expected = cosines(points, query)
        hits = index.search(query, None, TOM, limit=20)
        assert [hit.chunk_id for hit in hits] == sorted(expected, key=lambda id_: -expected[id_])[:20]
        for hit in hits:
            assert hit.dense == pytest.approx(expected[hit.chunk_id], abs=1e-5)
            assert hit.sparse is None

    def test_sparse_scores_weigh_each_word_by_its_rarity(self, index: Index) -> None:
        weights = [words(w1=1.5, w2=0.5), words(w1=1.0), words(w1=1.0, w3=2.0), words(w1=0.5)]
        points = [point(direction(1), sparse, ordinal=i) for i, sparse in enumerate(weights)]
        index.upsert(points, [EVERYONE])

        def rarity(holders: int) -> float:
            return math.log(1 + (len(points) - holders + 0.5) / (holders + 0.5))

        hits = index.search(None, words(w1=1.0, w3=1.0), TOM, limit=10)
        scores = {hit.chunk_id: hit.sparse for hit in hits}
        assert hits[0].chunk_id == points[2].chunk.id
        assert all(hit.dense is None for hit in hits)
        assert scores[points[2].chunk.id] == pytest.approx(rarity(4) * 1.0 + rarity(1) * 2.0, rel=1e-3)
        assert scores[points[0].chunk.id] == pytest.approx(rarity(4) * 1.5, rel=1e-3)

    def test_a_hit_found_both_ways_holds_both_scores(self, index: Index) -> None:
        near = point(direction(1), words(w1=1.0), ordinal=0)
        far = point(direction(0, 1), words(w2=1.0), ordinal=1)
        index.upsert([near, far], [EVERYONE])
        hits = index.search(direction(1, 0.1), words(w1=1.0), TOM, limit=5)
        assert [hit.chunk_id for hit in hits] == [near.chunk.id, far.chunk.id]
        first, second = hits
        assert first.dense == pytest.approx(1 / math.hypot(1, 0.1), abs=1e-5)
        assert first.sparse is not None
        assert second.sparse is None

    def test_a_question_of_stop_words_searches_by_meaning_only(self, index: Index) -> None:
        index.upsert([point(direction(1), words(w1=1.0))], [EVERYONE])
        assert len(index.search(direction(1), SparseVector(), TOM, limit=5)) == 1
        assert index.search(None, SparseVector(), TOM, limit=5) == []
        assert index.search(None, None, TOM, limit=5) == []

    def test_upserting_again_replaces(self, index: Index) -> None:
        index.upsert([point(direction(1), words(w1=1.0))], [EVERYONE])
        index.upsert([point(direction(0, 1))], [group_term("finance")])
        assert index.total() == 1
        assert index.search(direction(1), None, TOM, limit=5) == []
        (hit,) = index.search(direction(0, 1), words(w1=1.0), MIA, limit=5)
        assert hit.dense == pytest.approx(1)
        assert hit.sparse is None

    def test_upserting_nothing_is_no_error(self, index: Index) -> None:
        index.upsert([], [EVERYONE])
        assert index.total() == 0

    def test_batches_of_any_size_arrive_whole(self, index: Index) -> None:
        index.upsert(random_points(1100, np.random.default_rng(2)), [EVERYONE])
        assert index.total() == 1100

    def test_counts_are_exact_by_document_and_version(self, index: Index) -> None:
        index.upsert([point(direction(1), version="handbook-1", ordinal=i) for i in range(3)], [EVERYONE])
        index.upsert([point(direction(1), version="handbook-2", ordinal=i) for i in range(4)], [])
        index.upsert([point(direction(1), document="prices", version="prices-1")], [EVERYONE])
        assert index.count(document_id="handbook") == 7
        assert index.count(version_id="handbook-2") == 4
        assert index.count(document_id="prices", version_id="handbook-2") == 0
        assert index.total() == 8
        with pytest.raises(InvalidInput):
            index.count()

    def test_deleting_takes_a_version_or_a_document_and_nothing_else(self, index: Index) -> None:
        for version in ("handbook-1", "handbook-2"):
            index.upsert([point(direction(1), version=version, ordinal=i) for i in range(3)], [EVERYONE])
        index.upsert([point(direction(1), document="prices", version="prices-1")], [EVERYONE])
        index.delete_version("handbook-1")
        assert (index.count(version_id="handbook-1"), index.total()) == (0, 4)
        index.delete_documents(["handbook"])
        assert (index.count(document_id="handbook"), index.total()) == (0, 1)
        index.delete_documents(["handbook"])
        index.delete_version("")
        assert index.total() == 1

    @pytest.mark.parametrize(
        ("terms", "readers"),
        [
            ([ADMIN, EVERYONE], {"ada", "mia", "tom"}),
            ([ADMIN, group_term("finance")], {"ada", "mia"}),
            ([ADMIN, group_term("board")], {"ada"}),
            ([ADMIN], {"ada"}),
            ([group_term("finance")], {"mia"}),
            ([], set()),
        ],
        ids=["everyone", "finance", "board", "admins", "finance alone", "nobody"],
    )
    def test_only_holders_of_a_term_find_a_document(self, index: Index, terms: list[str], readers: set[str]) -> None:
        index.upsert([point(direction(1, 1), words(w1=1.0))], terms)
        assert {p.user_id for p in (ADA, MIA, TOM) if found(index, p)} == readers

    def test_a_group_named_like_a_role_or_like_everyone_opens_nothing(self, index: Index) -> None:
        index.upsert([point(direction(1, 1), words(w1=1.0))], [ADMIN, group_term("finance")])
        sly = Principal("eve", "Eve", Role.MEMBER, frozenset({"admin", ADMIN, EVERYONE, "group:finance", "*", ""}))
        assert found(index, sly) == set()

    def test_a_change_of_readers_holds_for_the_next_search(self, index: Index) -> None:
        index.upsert([point(direction(1, 1), words(w1=1.0), ordinal=i) for i in range(5)], [])
        other = point(direction(1, 1), words(w1=1.0), document="prices", version="prices-1")
        index.upsert([other], [ADMIN])
        assert found(index, MIA) == set()
        index.set_terms("handbook-1", [ADMIN, group_term("finance")])
        assert (found(index, MIA), found(index, TOM)) == ({"handbook"}, set())
        index.set_terms("handbook-1", [ADMIN, EVERYONE])
        assert found(index, TOM) == {"handbook"}
        index.set_terms("handbook-1", [])
        assert (found(index, TOM), found(index, MIA)) == (set(), set())
        assert found(index, ADA) == {"prices"}
        assert index.count(document_id="handbook", version_id="handbook-1") == 5

    def test_nobody_finds_what_is_not_published_while_others_write_and_search(self, index: Index) -> None:
        index.upsert([point(direction(1, 1), words(w1=1.0), document="open", version="open")], [EVERYONE])
        leaks: set[str] = set()
        done = threading.Event()

        def search() -> int:
            searches = 0
            while not done.is_set():
                hits = index.search(direction(1, 1), words(w1=1.0), TOM, limit=50)
                leaks.update(documents_of(hits) - {"open"})
                assert "open" in documents_of(hits)
                searches += 1
            return searches

        with ThreadPoolExecutor(3) as readers:
            running = [readers.submit(search) for _ in range(3)]
            try:
                for number in range(10):
                    version = f"secret-{number}"
                    secret = [
                        point(direction(1, 1), words(w1=1.0), document="secret", version=version, ordinal=i)
                        for i in range(20)
                    ]
                    index.upsert(secret, [])
                    index.set_terms(version, [ADMIN, group_term("finance")])
                    assert len(index.search(direction(1, 1), None, MIA, limit=50)) == 21
                    index.delete_version(version)
            finally:
                done.set()
            searches = sum(future.result() for future in running)
        assert searches > 0
        assert leaks == set()

    def test_setting_terms_of_an_unknown_version_is_no_error(self, index: Index) -> None:
        index.set_terms("never-seen", [EVERYONE])
        assert index.total() == 0

    def test_named_documents_narrow_a_search_and_never_widen_it(self, index: Index) -> None:
        for name, terms in (("handbook", [EVERYONE]), ("prices", [EVERYONE]), ("salaries", [group_term("finance")])):
            index.upsert([point(direction(1), document=name, version=name)], terms)

        def among(principal: Principal, documents: list[str]) -> set[str]:
            hits = index.search(direction(1), None, principal, limit=10, documents=documents)
            return documents_of(hits)

        assert among(TOM, ["prices", "salaries"]) == {"prices"}
        assert among(MIA, ["salaries"]) == {"salaries"}
        assert among(TOM, ["salaries"]) == set()
        assert among(TOM, []) == set()

    @pytest.mark.parametrize("share", [0.1, 0.2, 0.5])
    def test_nothing_is_lost_under_a_broad_access_filter(self, index: Index, share: float) -> None:
        rng = np.random.default_rng(3)
        points = random_points(3000, rng, per_version=3000)
        passing = int(3000 * share)
        readable = [points[i] for i in rng.permutation(3000)[:passing]]
        chosen = {p.chunk.id for p in readable}
        index.upsert([p for p in points if p.chunk.id not in chosen], [group_term("board")])
        index.upsert(readable, [group_term("finance")])
        for _ in range(10):
            query = rng.normal(size=DIMENSIONS).astype(np.float32)
            expected = cosines(readable, query)
            best = sorted(expected, key=lambda id_: -expected[id_])[:10]
            assert {hit.chunk_id for hit in index.search(query, None, MIA, limit=10)} == set(best)

    @pytest.mark.parametrize("limit", [0, -1, 1001])
    def test_a_limit_out_of_bounds_is_refused(self, index: Index, limit: int) -> None:
        with pytest.raises(InvalidInput, match="1 to 1000"):
            index.search(direction(1), None, TOM, limit=limit)

    @pytest.mark.parametrize("bad", [math.nan, math.inf])
    def test_vectors_that_are_not_finite_are_refused(self, index: Index, bad: float) -> None:
        with pytest.raises(InvalidInput, match="finite"):
            index.upsert([point(direction(1, bad))], [EVERYONE])
        with pytest.raises(InvalidInput, match="finite"):
            index.search(direction(1, bad), None, TOM, limit=5)
        assert index.total() == 0

    def test_vectors_of_other_dimensions_are_refused(self, index: Index) -> None:
        with pytest.raises(InvalidInput, match="dimension"):
            index.upsert([point(np.ones(3, dtype=np.float32))], [EVERYONE])
        with pytest.raises(InvalidInput, match="dimension"):
            index.search(np.ones(3, dtype=np.float32), None, TOM, limit=5)
        assert index.total() == 0
