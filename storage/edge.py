"""Qdrant's engine as a library, made safe to serve: collections in a folder, aliases, a lock, durable writes.

Each collection is one shard of the engine in `<path>/collections/<name>`; it exists once its `collection.json` does.
`<path>/aliases.json` is replaced as a whole. The engine keeps a rejected operation in its log and applies it after a
crash, so everything that it could reject is checked before. No graph is ever built: searches compare with every
vector and are exact, which is quick enough to some hundred thousand passages; beyond that, run a Qdrant server.

Not here: HTTP (`storage.index_server`), the shape of requests (`storage.index_requests`).
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import threading
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import qdrant_edge
from filelock import FileLock, Timeout

from storage import index_requests as requests
from storage.errors import AlreadyExists, Conflict, InvalidInput, NotFound

log = logging.getLogger(__name__)

# points per call of the engine, which holds Python's lock all through it
_SLICE = 250
# searches compare four bits a number, then the best so many, and twice what was asked for, by the whole vectors
_COMPARED_WHOLE = 100


class Collection:
    """One shard. Reads run side by side; writes wait for one another."""

    def __init__(self, name: str, config: requests.CreateCollection, shard: Any) -> None:
        self.name = name
        self.config = config
        self._shard = shard
        self._writing = threading.Lock()
        self._unflushed = False
        self._indexed = frozenset(shard.info().payload_schema)

    @contextmanager
    def _write(self, durable: bool) -> Iterator[Any]:
        with self._writing:
            self._unflushed = True
            yield self._shard
            if durable:
                self._flush()

    def _flush(self) -> None:
        self._shard.flush()
        self._unflushed = False

    def flush(self) -> None:
        with self._writing:
            if self._unflushed:
                self._flush()

    def close(self) -> None:
        with self._writing:
            self._shard.close()

    def _filter(self, given: requests.Filter | None) -> Any:
        if given is None:
            return None
        if unindexed := sorted(given.fields() - self._indexed):
            raise InvalidInput(
                f"The filter looks at {', '.join(unindexed)}, which collection {self.name} has no payload index for. "
                "Create the index first."
            )
        return given.engine()

    def _check_vector(self, name: str, vector: list[float] | requests.Sparse) -> None:
        if isinstance(vector, requests.Sparse):
            if name not in self.config.sparse_vectors:
                raise InvalidInput(f"Collection {self.name} has no sparse vector named {name}.")
        elif name not in self.config.vectors:
            raise InvalidInput(f"Collection {self.name} has no dense vector named {name}.")
        elif len(vector) != (size := self.config.vectors[name].size):
            raise InvalidInput(f"Vector {name} of collection {self.name} has {size} dimensions, not {len(vector)}.")

    def create_index(self, request: requests.CreateIndex, *, durable: bool) -> None:
        """Index a payload field by its exact words. Idempotent."""
        with self._write(durable) as shard:
            if request.field_name not in self._indexed:
                keyword = qdrant_edge.PayloadSchemaType.Keyword
                shard.update(qdrant_edge.UpdateOperation.create_field_index(request.field_name, keyword))
                self._indexed = self._indexed | {request.field_name}

    def upsert(self, request: requests.Upsert, *, durable: bool) -> None:
        """All points or, after InvalidInput, none; a crash in between may leave some of them."""
        for point in request.points:
            for name, vector in point.vector.items():
                self._check_vector(name, vector)
        for start in range(0, len(request.points), _SLICE):
            points = request.points[start : start + _SLICE]
            with self._write(durable and start + _SLICE >= len(request.points)) as shard:
                shard.update(qdrant_edge.UpdateOperation.upsert_points([point.engine() for point in points]))

    def delete(self, request: requests.Selection, *, durable: bool) -> None:
        operation = qdrant_edge.UpdateOperation
        if request.points is not None:
            change = operation.delete_points([requests.engine_id(id_) for id_ in request.points])
        else:
            change = operation.delete_points_by_filter(self._filter(request.filter))
        with self._write(durable) as shard:
            shard.update(change)

    def set_payload(self, request: requests.SetPayload, *, durable: bool) -> None:
        operation = qdrant_edge.UpdateOperation
        if request.points is not None:
            # the engine rejects ids that it does not know, and keeps the rejected change in its log
            ids = [requests.engine_id(id_) for id_ in request.points]
            with self._write(durable) as shard:
                if known := [record.id for record in shard.retrieve(ids, False, False)]:
                    shard.update(operation.set_payload(known, request.payload))
            return
        change = operation.set_payload_by_filter(self._filter(request.filter), request.payload)
        with self._write(durable) as shard:
            shard.update(change)

    def query(self, request: requests.Query) -> list[dict[str, Any]]:
        self._check_vector(request.using, request.vector)
        vector = requests.engine_vector(request.vector)
        found = self._shard.query(
            qdrant_edge.QueryRequest(
                query=qdrant_edge.Query.Nearest(vector, using=request.using),
                filter=self._filter(request.filter),
                limit=request.limit,
                params=_search_params(request.limit),
                with_payload=request.with_payload,
                with_vector=request.with_vector,
            )
        )
        return [{**_record(point), "version": point.version, "score": point.score} for point in found]

    def scroll(self, request: requests.Scroll) -> dict[str, Any]:
        found, following = self._shard.scroll(
            qdrant_edge.ScrollRequest(
                filter=self._filter(request.filter),
                limit=request.limit,
                offset=None if request.offset is None else requests.engine_id(request.offset),
                with_payload=request.with_payload,
                with_vector=request.with_vector,
            )
        )
        return {"points": [_record(point) for point in found], "next_page_offset": _plain_id(following)}

    def retrieve(self, request: requests.Retrieve) -> list[dict[str, Any]]:
        ids = [requests.engine_id(id_) for id_ in request.ids]
        return [_record(point) for point in self._shard.retrieve(ids, request.with_payload, request.with_vector)]

    def count(self, request: requests.Count) -> int:
        counted: int = self._shard.count(qdrant_edge.CountRequest(filter=self._filter(request.filter), exact=True))
        return counted

    def size(self) -> int:
        held: int = self._shard.info().points_count
        return held

    def info(self) -> dict[str, Any]:
        info = self._shard.info()
        params = self.config.model_dump(include={"vectors", "sparse_vectors"}, exclude_none=True)
        return {
            "status": "green",
            "optimizer_status": "ok",
            "points_count": info.points_count,
            "indexed_vectors_count": 0,
            "segments_count": info.segments_count,
            "config": {
                "params": params,
                "hnsw_config": {"m": 0, "ef_construct": 100, "full_scan_threshold": 0},
                "optimizer_config": {"default_segment_number": 0, "flush_interval_sec": 1},
            },
            "payload_schema": {
                field: {"data_type": "keyword", "points": index.points} for field, index in info.payload_schema.items()
            },
        }


class Edge:
    """The collections and aliases in one folder, which one process at a time may open.

    Opening raises Conflict when another process has the folder. It also gives the space of deleted and replaced
    points back, where they are more than a fifth.
    """

    def __init__(self, path: Path) -> None:
        self._folder = path / "collections"
        self._aliases_file = path / "aliases.json"
        self._changing = threading.RLock()
        self._collections: dict[str, Collection] = {}
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = FileLock(path / "index.lock", thread_local=False)
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise _in_use(path) from None
        try:
            self._aliases: dict[str, str] = _read(self._aliases_file) if self._aliases_file.exists() else {}
            for folder in sorted(self._folder.iterdir()):
                self._open(folder)
        except BaseException:
            self.close()
            raise

    def _open(self, folder: Path) -> None:
        if folder.name.startswith("."):
            shutil.rmtree(folder, ignore_errors=True)  # deleted; the process died before the files went
            return
        description = folder / "collection.json"
        if not description.exists():
            log.warning("removing collection %s, whose creation was cut short", folder.name)
            shutil.rmtree(folder)
            return
        config = requests.CreateCollection.model_validate(_read(description))
        try:
            shard = qdrant_edge.EdgeShard.load(str(folder / "shard"))
        except Exception as error:  # the engine raises nothing narrower
            if "WouldBlock" in str(error):
                raise _in_use(self._folder.parent) from error
            raise
        shard.optimize()
        self._collections[folder.name] = Collection(folder.name, config, shard)

    def close(self) -> None:
        """Flush and close everything, and let the folder go. Idempotent."""
        with self._changing:
            try:
                for name in list(self._collections):
                    collection = self._collections.pop(name)
                    collection.flush()
                    collection.close()
            finally:
                self._lock.release()

    def flush(self) -> None:
        for collection in list(self._collections.values()):
            collection.flush()

    def names(self) -> list[str]:
        return sorted(self._collections)

    def largest(self) -> int:
        """How many points the fullest collection holds."""
        return max((collection.size() for collection in self._collections.values()), default=0)

    def aliases(self) -> dict[str, str]:
        return dict(self._aliases)

    def exists(self, name: str) -> bool:
        return self._aliases.get(name, name) in self._collections

    def collection(self, name: str) -> Collection:
        """The collection with this name or alias; NotFound."""
        found = self._collections.get(self._aliases.get(name, name))
        if found is None:
            raise NotFound(f"There is no collection or alias {name}.")
        return found

    def create(self, name: str, config: requests.CreateCollection) -> None:
        """Durable when it returns. A name that is taken raises AlreadyExists."""
        with self._changing:
            folder = self._folder / name
            if name in self._aliases or name in self._collections or folder.exists():
                raise AlreadyExists(f"Collection {name} already exists.")
            sparse = {
                key: qdrant_edge.EdgeSparseVectorParams(modifier=qdrant_edge.Modifier.Idf if p.modifier else None)
                for key, p in config.sparse_vectors.items()
            }
            shard = qdrant_edge.EdgeShard.create(
                str(folder / "shard"),
                qdrant_edge.EdgeConfig(
                    vectors={
                        key: qdrant_edge.EdgeVectorParams(
                            size=p.size,
                            distance=qdrant_edge.Distance.Cosine,
                            quantization_config=qdrant_edge.TurboQuantQuantizationConfig(
                                bits=qdrant_edge.TurboQuantBitSize.Bits4
                            ),
                        )
                        for key, p in config.vectors.items()
                    },
                    sparse_vectors=sparse or None,
                    # m=0 and a threshold never reached: no graph, and optimize() only clears out deleted points
                    hnsw_config=qdrant_edge.HnswIndexConfig(m=0, ef_construct=100, full_scan_threshold=0),
                    optimizers=qdrant_edge.EdgeOptimizersConfig(indexing_threshold=10**12),
                ),
            )
            shard.flush()
            _replace(folder / "collection.json", config.model_dump(exclude_none=True))
            self._collections[name] = Collection(name, config, shard)

    def drop(self, name: str) -> bool:
        """Remove a collection and the aliases that lead to it. False where there is none."""
        with self._changing:
            collection = self._collections.get(name)
            if collection is None:
                return False
            self._save_aliases({alias: target for alias, target in self._aliases.items() if target != name})
            del self._collections[name]
            collection.close()
            trash = self._folder / f".{uuid.uuid4().hex}"
            (self._folder / name).rename(trash)
            shutil.rmtree(trash, ignore_errors=True)
            return True

    def change_aliases(self, actions: Iterable[requests.CreateAlias | requests.DeleteAlias]) -> None:
        """All of the changes or none; readers see the state before or after, nothing between."""
        with self._changing:
            aliases = dict(self._aliases)
            for action in actions:
                if isinstance(action, requests.DeleteAlias):
                    if aliases.pop(action.delete_alias.alias_name, None) is None:
                        raise NotFound(f"There is no alias {action.delete_alias.alias_name}.")
                    continue
                new = action.create_alias
                if new.collection_name not in self._collections:
                    raise NotFound(f"There is no collection {new.collection_name}.")
                if new.alias_name in self._collections:
                    raise AlreadyExists(f"{new.alias_name} is the name of a collection.")
                aliases[new.alias_name] = new.collection_name
            self._save_aliases(aliases)

    def _save_aliases(self, aliases: dict[str, str]) -> None:
        if aliases != self._aliases:
            _replace(self._aliases_file, aliases)
            self._aliases = aliases


def _search_params(limit: int) -> Any:
    oversampling = max(2.0, _COMPARED_WHOLE / limit)
    quantization = qdrant_edge.QuantizationSearchParams(rescore=True, oversampling=oversampling)
    return qdrant_edge.SearchParams(quantization=quantization)


def _in_use(path: Path) -> Conflict:
    return Conflict(
        f"Another process has the index in {path} open. Stop the other `footnote serve`, or choose another data folder."
    )


def _plain_id(id_: Any) -> int | str | None:
    return str(id_) if isinstance(id_, uuid.UUID) else id_


def _record(point: Any) -> dict[str, Any]:
    record = {"id": _plain_id(point.id), "payload": point.payload}
    if point.vector is not None:
        record["vector"] = {
            name: {"indices": list(v.indices), "values": list(v.values)}
            if isinstance(v, qdrant_edge.SparseVector)
            else list(v)
            for name, v in point.vector.items()
        }
    return record


def _read(file: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return content


def _replace(file: Path, content: dict[str, Any]) -> None:
    """Durable and atomic: after a power cut the file holds the old content or the new."""
    new = file.with_suffix(".new")
    with new.open("w", encoding="utf-8") as stream:
        json.dump(content, stream)
        stream.flush()
        os.fsync(stream.fileno())
    new.replace(file)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
