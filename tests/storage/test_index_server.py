"""The embedded index process: its key, what it refuses, what survives a crash, and that it agrees with Qdrant."""

from __future__ import annotations

import asyncio
import json
import math
import random
import signal
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import qdrant_edge
from qdrant_client import QdrantClient, models

from storage.edge import Collection, Edge
from storage.errors import Conflict, InvalidInput, NotFound, Unavailable
from storage.index import Index
from storage.index_requests import (
    ChangeAliases,
    Count,
    CreateCollection,
    CreateIndex,
    Query,
    Selection,
    SetPayload,
    Upsert,
)
from storage.index_server import build
from storage.points import Point
from tests.contracts.index_contract import DIMENSIONS, KEY, TOM, IndexProcess, direction, point

ID = str(uuid.UUID(int=7))
COLLECTION = {
    "vectors": {"dense": {"size": 4, "distance": "Cosine"}},
    "sparse_vectors": {"words": {"modifier": "idf"}},
}
READABLE = {"must": [{"key": "acl", "match": {"any": ["everyone"]}}]}


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IndexProcess]:
    with IndexProcess(tmp_path_factory.mktemp("index")) as process:
        yield process


@pytest.fixture(scope="module")
def client(process: IndexProcess) -> Iterator[httpx.Client]:
    """A client of a collection `c` with one point and an index on `acl`, which no refusal may change."""
    with process.client() as client:
        fill(client)
        yield client


def fill(client: httpx.Client) -> None:
    assert client.put("/collections/c", json=COLLECTION).status_code == 200
    index = {"field_name": "acl", "field_schema": "keyword"}
    assert client.put("/collections/c/index?wait=true", json=index).status_code == 200
    points = {"points": [valid_point()]}
    assert client.put("/collections/c/points?wait=true", json=points).status_code == 200


def valid_point(**changes: Any) -> dict[str, Any]:
    dense = {"dense": [1, 0, 0, 0], "words": {"indices": [1], "values": [1]}}
    return {"id": ID, "vector": dense, "payload": {"acl": ["everyone"]}, **changes}


def count(client: httpx.Client, **body: Any) -> int:
    answer = client.post("/collections/c/points/count", json=body)
    answer.raise_for_status()
    counted: int = answer.json()["result"]["count"]
    return counted


def refusal(answer: httpx.Response, status: int = 400) -> str:
    assert answer.status_code == status, answer.text
    message: str = answer.json()["status"]["error"]
    return message


# --- the key


@pytest.mark.parametrize("headers", [{}, {"api-key": ""}, {"api-key": KEY + "x"}, {"authorization": f"Bearer {KEY}"}])
@pytest.mark.parametrize("path", ["/", "/collections", "/collections/c/points/scroll", "/nowhere", "//healthz"])
def test_nothing_is_answered_without_the_key(process: IndexProcess, headers: dict[str, str], path: str) -> None:
    answer = httpx.request("POST", process.url + path, headers=headers, json={}, trust_env=False)
    assert "api-key" in refusal(answer, 401)


def test_health_is_answered_without_the_key(process: IndexProcess) -> None:
    assert httpx.get(f"{process.url}/healthz", trust_env=False).status_code == 200


def test_an_empty_key_is_refused_because_it_would_let_everybody_in(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="key"):
        build(tmp_path, "")


# --- what is refused


@pytest.mark.parametrize(
    "condition",
    [
        {"key": "acl", "match": {"text": "every"}},
        {"key": "acl", "match": {"any": ["everyone"], "value": "x"}},
        {"key": "acl", "match": {"any": "everyone"}},
        {"key": "acl", "match": {"any": [1]}},
        {"key": "acl", "range": {"gte": 1}},
        {"key": "acl", "match": {"any": ["everyone"]}, "range": {"gte": 1}},
        {"key": "acl"},
        {"is_empty": {"key": "acl"}},
        {"nested": {"key": "acl", "filter": READABLE}},
        {"must": []},
        {},
        {"has_id": ["not-an-id"]},
    ],
    ids=json.dumps,
)
def test_a_condition_that_it_does_not_know_is_refused_and_never_dropped(
    client: httpx.Client, condition: dict[str, Any]
) -> None:
    for where in ({"must": [condition]}, {"should": [condition]}, {"must": [{"must_not": [condition]}]}):
        search = {"query": [1, 0, 0, 0], "using": "dense", "filter": where}
        assert refusal(client.post("/collections/c/points/query", json=search))
        assert refusal(client.post("/collections/c/points/query/batch", json={"searches": [search]}))
        assert refusal(client.post("/collections/c/points/count", json={"filter": where}))
        assert refusal(client.post("/collections/c/points/scroll", json={"filter": where}))
        assert refusal(client.post("/collections/c/points/delete", json={"filter": where}))
        assert refusal(client.post("/collections/c/points/payload", json={"filter": where, "payload": {"acl": []}}))
    assert count(client, filter=READABLE) == 1


@pytest.mark.parametrize(
    "filter_", [{}, {"must": []}, {"must": None}, {"min_should": {"conditions": [], "min_count": 0}}, [], "all"]
)
def test_a_filter_without_conditions_deletes_nothing(client: httpx.Client, filter_: Any) -> None:
    refusal(client.post("/collections/c/points/delete?wait=true", json={"filter": filter_}))
    refusal(client.post("/collections/c/points/payload?wait=true", json={"filter": filter_, "payload": {"acl": []}}))
    for body in ({}, {"points": []}, {"points": [ID], "filter": READABLE}):
        refusal(client.post("/collections/c/points/delete?wait=true", json=body))
    assert count(client, filter=READABLE) == 1


def test_a_filter_on_a_field_without_an_index_is_refused_by_name(client: httpx.Client) -> None:
    misspelt = {"must_not": [{"key": "alc", "match": {"any": ["everyone"]}}]}
    assert "alc" in refusal(client.post("/collections/c/points/count", json={"filter": misspelt}))


@pytest.mark.parametrize(
    "search",
    [
        {"query": {"fusion": "rrf"}, "prefetch": [{"query": [1, 0, 0, 0], "using": "dense"}]},
        {"query": [1, 0, 0, 0], "using": "dense", "prefetch": [{"query": [1, 0, 0, 0], "using": "dense"}]},
        {"query": {"recommend": {"positive": [ID]}}, "using": "dense"},
        {"query": ID, "using": "dense"},
        {"using": "dense"},
        {"query": [1, 0, 0, 0]},
        {"query": [1, 0, 0, 0], "using": "words"},
        {"query": {"indices": [1], "values": [1]}, "using": "dense"},
        {"query": [1, 0, 0], "using": "dense"},
        {"query": [1, 0, 0, 0], "using": "dense", "limit": 0},
        {"query": [1, 0, 0, 0], "using": "dense", "limit": 100_000},
        {"query": [1, 0, 0, 0], "using": "dense", "filters": READABLE},
        {"query": [1, 0, 0, 0], "using": "dense", "score_threshold": 0.5},
    ],
    ids=json.dumps,
)
def test_a_query_that_it_does_not_know_is_refused(client: httpx.Client, search: dict[str, Any]) -> None:
    assert refusal(client.post("/collections/c/points/query", json=search))
    assert refusal(client.post("/collections/c/points/query/batch", json={"searches": [search]}))


def bad_points() -> list[dict[str, Any]]:
    sparse = [
        {"indices": [1, 1], "values": [1, 2]},
        {"indices": [1], "values": [1, 2]},
        {"indices": [-1], "values": [1]},
        {"indices": [2**32], "values": [1]},
        {"indices": [1.5], "values": [1]},
        {"indices": [1], "values": [float("nan")]},
    ]
    return [
        *(valid_point(vector={"dense": [number, 0, 0, 0]}) for number in (float("nan"), float("inf"), 1e39, "1", None)),
        valid_point(vector={"dense": [1, 0, 0]}),
        valid_point(vector={"dense": []}),
        valid_point(vector={"other": [1, 0, 0, 0]}),
        valid_point(vector={"words": [1, 0, 0, 0]}),
        valid_point(vector={"dense": {"indices": [1], "values": [1]}}),
        valid_point(vector=[1, 0, 0, 0]),
        *(valid_point(vector={"words": vector}) for vector in sparse),
        *(valid_point(id=id_) for id_ in ("", "x", -1, 2**64, 1.5, True, None)),
        valid_point(payload={"acl": float("nan")}),
        valid_point(payload={"acl": {"nested": 1}}),
        valid_point(payload={"a.b": 1}),
        valid_point(payload={"n": 2**70}),
        valid_point(extra=1),
    ]


@pytest.mark.parametrize("wait", ["true", "false"])
def test_a_refused_point_is_not_there_and_does_not_come_back_after_a_crash(tmp_path: Path, wait: str) -> None:
    unknown = {"points": [str(uuid.UUID(int=99))], "payload": {"acl": ["ghost"]}}
    with IndexProcess(tmp_path) as process:
        with process.client() as client:
            fill(client)
            for bad in bad_points():
                body = json.dumps({"points": [valid_point(id=str(uuid.UUID(int=8))), bad]})
                refusal(client.put(f"/collections/c/points?wait={wait}", content=body))
            assert client.post(f"/collections/c/points/payload?wait={wait}", json=unknown).status_code == 200
            assert count(client) == 1
        process.kill()
        process.start()
        with process.client() as client:
            assert count(client) == 1
            assert count(client, filter=READABLE) == 1
            points = client.post("/collections/c/points/scroll", json={"with_vector": True}).json()["result"]["points"]
            assert [p["id"] for p in points] == [ID]
            assert points[0]["vector"]["dense"] == [1, 0, 0, 0]


@pytest.mark.parametrize("body", ["", "[]", "{", '{"points": [NaN]}', "[" * 5000, "\xff"])
def test_a_body_that_is_no_such_request_is_a_plain_refusal(client: httpx.Client, body: str) -> None:
    refusal(client.put("/collections/c/points", content=body.encode("latin-1")))


@pytest.mark.parametrize("name", ["..", ".c", "a%2Fb", "a%00b", "a" * 201, "%20", "-c"])
def test_a_collection_name_can_not_leave_the_folder(client: httpx.Client, name: str) -> None:
    answer = client.put(f"/collections/{name}", json=COLLECTION)
    assert answer.status_code in (400, 404, 405)
    assert [c["name"] for c in client.get("/collections").json()["result"]["collections"]] == ["c"]


@pytest.mark.parametrize(
    "change",
    [
        {"vectors": {"dense": {"size": 4, "distance": "Dot"}}},
        {"vectors": {"dense": {"size": 0, "distance": "Cosine"}}},
        {"vectors": {"size": 4, "distance": "Cosine"}},
        {"vectors": {}},
        {"quantization_config": {"binary": {}}},
        {"strict_mode_config": {"enabled": False}},
        {"strict_mode_config": {"enabled": True, "unindexed_filtering_retrieve": True}},
    ],
    ids=json.dumps,
)
def test_a_collection_that_it_can_not_keep_as_asked_is_refused(client: httpx.Client, change: dict[str, Any]) -> None:
    assert refusal(client.put("/collections/new", json={**COLLECTION, **change}))
    assert client.get("/collections/new/exists").json()["result"] == {"exists": False}


def test_what_is_not_there_and_what_is_taken_have_their_own_answers(client: httpx.Client) -> None:
    assert "no collection" in refusal(client.get("/collections/none"), 404)
    assert "no collection" in refusal(client.post("/collections/none/points/count", json={}), 404)
    assert "exists" in refusal(client.put("/collections/c", json=COLLECTION), 409)
    assert "GET /collections/c/points/facet" in refusal(client.get("/collections/c/points/facet"), 404)
    assert "PUT /collections/c/points/vectors" in refusal(client.put("/collections/c/points/vectors", json={}), 404)
    assert client.delete("/collections/none").json()["result"] is False


def test_a_body_over_the_bound_is_refused(tmp_path: Path) -> None:
    async def send() -> httpx.Response:
        app = build(tmp_path, KEY, max_body=1000)
        transport = httpx.ASGITransport(app=app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://index", headers={"api-key": KEY}) as client,
        ):
            return await client.put("/collections/c", content=b"x" * 1001)

    assert "1000 bytes" in refusal(asyncio.run(send()), 413)


# --- what is kept


def test_acknowledged_points_survive_kill_9_in_the_middle_of_an_upsert(tmp_path: Path) -> None:
    acknowledged: list[Point] = []
    enough = threading.Event()

    def write(index: Index) -> None:
        rng = np.random.default_rng(0)
        for version in range(10_000):
            vectors = rng.normal(size=(40, DIMENSIONS)).astype(np.float32)
            points = [point(v, version=str(version), ordinal=i) for i, v in enumerate(vectors)]
            try:
                index.upsert(points, ["everyone"])
            except Unavailable:
                return
            acknowledged.extend(points)
            if len(acknowledged) >= 800:
                enough.set()

    with IndexProcess(tmp_path) as process:
        index = Index(process.url, KEY)
        index.prepare("first", DIMENSIONS)
        writing = threading.Thread(target=write, args=(index,))
        writing.start()
        assert enough.wait(60)
        process.kill()
        writing.join(30)
        process.start()
        stored: dict[str, list[float]] = {}
        with process.client() as client:
            for start in range(0, len(acknowledged), 1000):
                ids = [p.chunk.id for p in acknowledged[start : start + 1000]]
                answer = client.post("/collections/kb_live/points", json={"ids": ids, "with_vector": True})
                stored.update({record["id"]: record["vector"]["dense"] for record in answer.json()["result"]})
        for p in acknowledged:
            assert np.allclose(stored[p.chunk.id], p.dense / np.linalg.norm(p.dense), atol=1e-5)
        assert 0 <= index.total() - len(acknowledged) <= 40
        index.close()


def test_sigterm_ends_it_soon_and_loses_nothing_that_was_not_waited_for(tmp_path: Path) -> None:
    with IndexProcess(tmp_path) as process:
        with process.client() as client:
            fill(client)
            points = {"points": [valid_point(id=number) for number in range(100)]}
            assert client.put("/collections/c/points", json=points).json()["result"]["status"] == "acknowledged"
        process.process.send_signal(signal.SIGTERM)
        process.process.wait(10)
        process.start()
        with process.client() as client:
            assert count(client) == 101


def test_a_second_process_on_the_same_folder_is_told_who_is_in_the_way(tmp_path: Path) -> None:
    first = build(tmp_path, KEY)
    second = IndexProcess(tmp_path)
    second.launch()
    try:
        assert second.process.wait(30) != 0
    finally:
        second.process.kill()
    with pytest.raises(Conflict, match="Another process has the index"):
        Edge(tmp_path)

    async def close() -> None:
        async with first.router.lifespan_context(first):
            pass

    asyncio.run(close())
    Edge(tmp_path).close()


class FlushCounter:
    """A shard of the engine that says how often it was flushed."""

    def __init__(self, path: Path) -> None:
        vectors = {"dense": qdrant_edge.EdgeVectorParams(size=4, distance=qdrant_edge.Distance.Cosine)}
        self.shard = qdrant_edge.EdgeShard.create(str(path), qdrant_edge.EdgeConfig(vectors=vectors))
        self.flushed = 0

    def flush(self) -> None:
        self.shard.flush()
        self.flushed += 1

    def __getattr__(self, name: str) -> Any:
        return getattr(self.shard, name)


def test_a_write_that_waits_is_flushed_once_and_another_with_the_next_round(tmp_path: Path) -> None:
    shard = FlushCounter(tmp_path / "shard")
    config = CreateCollection.model_validate({"vectors": {"dense": {"size": 4, "distance": "Cosine"}}})
    collection = Collection("c", config, shard)
    points = [valid_point(id=number, vector={"dense": [1, 0, 0, 0]}) for number in range(600)]
    upserts = Upsert.model_validate({"points": points})
    ids = {"points": [1]}
    collection.create_index(CreateIndex.model_validate({"field_name": "acl", "field_schema": "keyword"}), durable=True)
    assert shard.flushed == 1
    collection.upsert(upserts, durable=True)
    assert shard.flushed == 2
    collection.set_payload(SetPayload.model_validate({**ids, "payload": {"acl": []}}), durable=True)
    assert shard.flushed == 3
    collection.delete(Selection.model_validate(ids), durable=True)
    assert shard.flushed == 4
    collection.flush()
    assert shard.flushed == 4
    collection.upsert(upserts, durable=False)
    assert shard.flushed == 4
    collection.flush()
    assert shard.flushed == 5
    collection.close()


def make_collection(edge: Edge, name: str) -> None:
    edge.create(name, CreateCollection.model_validate(COLLECTION))


def upsert(edge: Edge, name: str, numbers: range) -> None:
    points = [valid_point(id=number) for number in numbers]
    edge.collection(name).upsert(Upsert.model_validate({"points": points}), durable=True)


def alias(name: str, target: str) -> dict[str, Any]:
    return {"create_alias": {"alias_name": name, "collection_name": target}}


def test_aliases_change_all_together_or_not_at_all(tmp_path: Path) -> None:
    edge = Edge(tmp_path)
    for name in ("old", "new"):
        make_collection(edge, name)
    edge.change_aliases(ChangeAliases.model_validate({"actions": [alias("live", "old")]}).actions)
    swap = [{"delete_alias": {"alias_name": "live"}}, alias("live", "new")]
    with pytest.raises(NotFound):
        edge.change_aliases(ChangeAliases.model_validate({"actions": [*swap, alias("other", "none")]}).actions)
    assert edge.aliases() == {"live": "old"}
    edge.change_aliases(ChangeAliases.model_validate({"actions": swap}).actions)
    edge.close()
    edge = Edge(tmp_path)
    assert edge.aliases() == {"live": "new"}
    assert edge.collection("live").name == "new"
    assert edge.drop("new") is True
    assert edge.aliases() == {}
    edge.close()


def test_a_dropped_collection_leaves_no_files_and_its_name_is_free(tmp_path: Path) -> None:
    edge = Edge(tmp_path)
    make_collection(edge, "c")
    upsert(edge, "c", range(10))
    edge.drop("c")
    assert list((tmp_path / "collections").iterdir()) == []
    make_collection(edge, "c")
    assert edge.collection("c").count(Count()) == 0
    edge.close()


def test_a_collection_whose_creation_was_cut_short_is_cleared_away(tmp_path: Path) -> None:
    edge = Edge(tmp_path)
    make_collection(edge, "whole")
    make_collection(edge, "half")
    edge.close()
    (tmp_path / "collections" / "half" / "collection.json").unlink()
    edge = Edge(tmp_path)
    assert edge.names() == ["whole"]
    make_collection(edge, "half")
    edge.close()


def test_words_of_deleted_points_do_not_count_in_their_rarity_after_a_restart(tmp_path: Path) -> None:
    edge = Edge(tmp_path)
    make_collection(edge, "c")
    words = [{"words": {"indices": [1 + number % 2], "values": [1]}} for number in range(300)]
    points = [valid_point(id=number, vector=vector) for number, vector in enumerate(words)]
    edge.collection("c").upsert(Upsert.model_validate({"points": points}), durable=True)
    deleted = Selection.model_validate({"points": list(range(0, 200, 2))})
    edge.collection("c").delete(deleted, durable=True)
    edge.close()
    edge = Edge(tmp_path)
    query = Query.model_validate({"query": {"indices": [1], "values": [1]}, "using": "words"})
    (best, *_) = edge.collection("c").query(query)
    assert best["score"] == pytest.approx(math.log(1 + 150.5 / 50.5), rel=1e-3)
    edge.close()


def test_the_space_of_replaced_points_is_given_back_at_the_next_start(tmp_path: Path) -> None:
    def size() -> int:
        return sum(file.stat().st_blocks for file in (tmp_path / "collections" / "c" / "shard" / "segments").rglob("*"))

    edge = Edge(tmp_path)
    edge.create("c", CreateCollection.model_validate({"vectors": {"dense": {"size": 256, "distance": "Cosine"}}}))
    points = [valid_point(id=number, vector={"dense": [1.0] * 256}) for number in range(1000)]
    upserts = Upsert.model_validate({"points": points})
    everything = Selection.model_validate({"points": list(range(1000))})
    for _ in range(8):
        edge.collection("c").delete(everything, durable=False)
        edge.collection("c").upsert(upserts, durable=True)
    edge.close()
    before = size()
    Edge(tmp_path).close()
    assert size() < before * 0.6
    edge = Edge(tmp_path)
    assert edge.collection("c").count(Count()) == 1000
    edge.close()


def test_health_is_answered_while_documents_are_written(process: IndexProcess) -> None:
    index = Index(process.url, KEY, prefix="busy")
    index.prepare("first", DIMENSIONS)
    vectors = np.random.default_rng(0).normal(size=(1000, DIMENSIONS)).astype(np.float32)
    points = [point(v, ordinal=i) for i, v in enumerate(vectors)]
    done = threading.Event()

    def write() -> None:
        for _ in range(3):
            index.upsert(points, ["everyone"])
        done.set()

    writing = threading.Thread(target=write)
    writing.start()
    waits = []
    while not done.is_set():
        start = time.monotonic()
        assert httpx.get(f"{process.url}/healthz", trust_env=False).status_code == 200
        waits.append(time.monotonic() - start)
    writing.join()
    assert max(waits) < 2
    assert len(index.search(direction(1), None, TOM, limit=10)) == 10
    index.close()


# --- agreement with Qdrant's own client-side implementation


class Pair:
    """The same random operations on the index process and on qdrant_client's local mode."""

    def __init__(self, served: QdrantClient, seed: int) -> None:
        self.random = random.Random(seed)
        self.numbers = np.random.default_rng(seed)
        self.local = QdrantClient(":memory:")
        self.served = served
        self.name = f"parity{seed}"
        for client in (self.local, served):
            client.create_collection(
                self.name,
                vectors_config={"dense": models.VectorParams(size=8, distance=models.Distance.COSINE)},
                sparse_vectors_config={"words": models.SparseVectorParams(modifier=models.Modifier.IDF)},
            )
        for field in ("acl", "document"):
            served.create_payload_index(self.name, field, models.PayloadSchemaType.KEYWORD)

    def some(self, letter: str, of: int, least: int, most: int) -> list[str]:
        return [f"{letter}{n}" for n in self.random.sample(range(of), self.random.randint(least, most))]

    def id(self) -> str:
        return str(uuid.UUID(int=self.random.randint(0, 200)))

    def dense(self) -> list[float]:
        vector: list[float] = self.numbers.normal(size=8).tolist()
        return vector

    def condition(self, depth: int = 0) -> models.Condition:
        kind = self.random.randint(0, 4 if depth < 2 else 3)
        if kind == 0:
            return models.FieldCondition(key="acl", match=models.MatchAny(any=self.some("g", 8, 0, 3)))
        if kind == 1:
            return models.FieldCondition(key="document", match=models.MatchValue(value=self.some("d", 20, 1, 1)[0]))
        if kind == 2:
            return models.FieldCondition(key="acl", match=models.MatchExcept(**{"except": self.some("g", 8, 1, 2)}))
        if kind == 3:
            return models.HasIdCondition(has_id=[self.id() for _ in range(20)])
        return models.Filter(should=[self.condition(depth + 1), self.condition(depth + 1)])

    def filter(self) -> models.Filter | None:
        if self.random.random() < 0.2:
            return None
        return models.Filter(
            must=[self.condition()],
            must_not=[self.condition()] if self.random.random() < 0.4 else None,
            should=[self.condition(), self.condition()] if self.random.random() < 0.2 else None,
        )

    def point(self, id_: str) -> models.PointStruct:
        vector: dict[str, Any] = {"dense": self.dense()}
        if self.random.random() < 0.9:
            indices = self.random.sample(range(40), self.random.randint(1, 6))
            vector["words"] = models.SparseVector(indices=indices, values=[1.5 for _ in indices])
        payload = {"acl": self.some("g", 8, 0, 3), "document": self.some("d", 20, 1, 1)[0]}
        return models.PointStruct(id=id_, vector=vector, payload=payload)

    def change(self) -> None:
        kind = self.random.randint(0, 5)
        document = models.FieldCondition(key="document", match=models.MatchAny(any=self.some("d", 20, 1, 2)))
        chosen = models.Filter(must=[document])
        points = [self.point(id_) for id_ in {self.id() for _ in range(15)}]
        ids = [self.id() for _ in range(5)]
        groups = {"acl": self.some("g", 8, 0, 2)}
        for client in (self.local, self.served):
            if kind <= 2:
                client.upsert(self.name, points)
            elif kind == 3:
                client.delete(self.name, models.PointIdsList(points=ids))
            elif kind == 4:
                client.delete(self.name, models.FilterSelector(filter=chosen))
            else:
                client.set_payload(self.name, groups, points=chosen)

    def compare(self) -> None:
        where, query = self.filter(), self.dense()
        counts, scores, pages = [], [], []
        for client in (self.local, self.served):
            counts.append(client.count(self.name, count_filter=where).count)
            found = client.query_points(self.name, query=query, using="dense", query_filter=where, limit=10)
            scores.append([hit.score for hit in found.points])
            records, _ = client.scroll(self.name, scroll_filter=where, limit=10)
            pages.append([(record.id, record.payload) for record in records])
        assert counts[0] == counts[1], where
        assert scores[0] == pytest.approx(scores[1], abs=1e-5), where
        assert pages[0] == pages[1], where


@pytest.mark.parametrize("seed", [1, 2])
def test_it_answers_as_qdrant_does_after_any_operations(process: IndexProcess, seed: int) -> None:
    served = QdrantClient(
        url=process.url, headers={"api-key": KEY}, check_compatibility=False, trust_env=False, timeout=20
    )
    pair = Pair(served, seed)
    for _ in range(40):
        pair.change()
        pair.compare()
        pair.compare()
    served.close()
    pair.local.close()
