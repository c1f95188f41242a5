"""The passage index: what is searched, always as somebody.

Chunks become points of a generation's collection: a dense vector, BM25 weights, and a payload that says which passage
of which version it is and which access terms it carries. The alias `kb_live` follows the generation that is live.
Changes of readers and deletions reach every generation. The same code talks to a Qdrant server
and to the embedded one (`storage.index_server`). The text stays in the database, where `storage.documents` checks
every hit again. Not here: making vectors (`ingest.embed`), fusing the two lists (`app.retrieve`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, cast

import numpy as np
from qdrant_client import models

from storage.access import principal_terms
from storage.errors import AlreadyExists, InvalidInput, Unavailable
from storage.points import DENSE, WORDS, Point, of_documents, readable, request, struct, where
from storage.qdrant import Absent, Qdrant
from storage.types import Hit, Principal, SparseVector, Vector

MAX_LIMIT = 1000
_FIELDS = ("acl", "document", "version")
# below this many kilobytes a server compares with every vector that passes the filter. Its graph, made for searches
# without filters, loses most results under an access filter that lets 10 to 50 % of the passages through
_FULL_SCAN_KB = 200_000
_SEARCH = models.SearchParams(hnsw_ef=256, acorn=models.AcornSearchParams(enable=True, max_selectivity=1.0))
_BATCH_POINTS = 512
_BATCH_NUMBERS = 400_000


class Index:
    """A client of the index; connects when it is used, and may be shared by threads.

    Every method raises Unavailable("index", ...) when the index does not answer. `patience` is how many seconds writes
    keep trying while it can't be reached, because it may be restarting: all writes here are idempotent. Reads do not
    wait. `prefix` keeps deployments that share one server apart.
    """

    def __init__(
        self, url: str, api_key: str, *, timeout: float = 10.0, patience: float = 0.0, prefix: str = "kb"
    ) -> None:
        self._prefix = prefix
        self._alias = f"{prefix}_live"
        self._qdrant = Qdrant(url, api_key, timeout=timeout, patience=patience)
        self._client = self._qdrant.client

    # --- generations

    def prepare(self, generation: str, dimensions: int) -> None:
        """Make sure that a collection for `generation` exists and is live. Idempotent.

        Raises InvalidInput when another generation is live, or this one has vectors of other dimensions: vectors of
        two models can't be compared, whatever their size.
        """
        name = self._name(generation)
        aliases = self._qdrant.ask(self._client.get_aliases).aliases
        live = next((a.collection_name for a in aliases if a.alias_name == self._alias), None)
        if live is not None and live != name:
            raise InvalidInput(
                f"The index was made with another embedding model ({live.removeprefix(self._prefix + '_')}). "
                "Set EMBED_MODEL back to it, or start with an empty data folder."
            )
        self.add(generation, dimensions)
        if live is None:
            self.point_to(generation)

    def add(self, generation: str, dimensions: int) -> None:
        """Make sure that a collection for `generation` exists, live or not. Idempotent.

        Raises InvalidInput where it has vectors of other dimensions.
        """
        name = self._name(generation)
        if not self._qdrant.ask(lambda: self._client.collection_exists(name)):
            self._create(name, dimensions)
        known = self._check_dimensions(name, dimensions).payload_schema
        for field in _FIELDS:
            if field not in known:
                self._qdrant.write(
                    partial(self._client.create_payload_index, name, field, models.PayloadSchemaType.KEYWORD)
                )

    def point_to(self, generation: str) -> None:
        """Let the alias, which tells others what is live, lead to `generation`. Atomic and idempotent.

        `storage.generations` decides what is live; this follows.
        """
        if self.generation() == generation:
            return
        create = models.CreateAlias(collection_name=self._name(generation), alias_name=self._alias)
        change: list[models.AliasOperations] = [models.CreateAliasOperation(create_alias=create)]
        if self.generation() is not None:
            delete = models.DeleteAlias(alias_name=self._alias)
            change.insert(0, models.DeleteAliasOperation(delete_alias=delete))
        self._qdrant.patiently(partial(self._client.update_collection_aliases, change))

    def generations(self) -> list[str]:
        """Every generation that the index holds points of, live or not."""
        return [name.removeprefix(self._name("")) for name in self._collections()]

    def drop(self, generation: str) -> None:
        """Remove a generation with all its points, if it is there. Never the one that the alias leads to."""
        if generation == self.generation():
            raise InvalidInput(f"The generation {generation} is live.")
        self._qdrant.patiently(lambda: self._client.delete_collection(self._name(generation)))

    def _name(self, generation: str) -> str:
        return f"{self._prefix}_{generation}"

    def _target(self, generation: str | None) -> str:
        return self._alias if generation is None else self._name(generation)

    def _collections(self, *, patiently: bool = False) -> list[str]:
        ask = self._qdrant.patiently if patiently else self._qdrant.ask
        found = ask(self._client.get_collections).collections
        return sorted(one.name for one in found if one.name.startswith(self._name("")))

    def _create(self, name: str, dimensions: int) -> None:
        create = partial(
            self._client.create_collection,
            name,
            vectors_config={DENSE: models.VectorParams(size=dimensions, distance=models.Distance.COSINE)},
            sparse_vectors_config={WORDS: models.SparseVectorParams(modifier=models.Modifier.IDF)},
            hnsw_config=models.HnswConfigDiff(m=16, ef_construct=128, full_scan_threshold=_FULL_SCAN_KB),
            strict_mode_config=models.StrictModeConfig(
                enabled=True,
                max_query_limit=MAX_LIMIT,
                unindexed_filtering_retrieve=False,
                unindexed_filtering_update=False,
            ),
        )
        with suppress(AlreadyExists):  # another process was quicker
            self._qdrant.patiently(create)

    def _check_dimensions(self, name: str, dimensions: int) -> models.CollectionInfo:
        info = self._qdrant.ask(lambda: self._client.get_collection(name))
        found = _dimensions(info)
        if found != dimensions:
            raise InvalidInput(
                f"The index was filled with vectors of {found} dimensions, and the embedding model makes {dimensions}: "
                "the model was changed. Set EMBED_MODEL back, or start with an empty data folder."
            )
        return info

    def generation(self) -> str | None:
        """The generation that is live; None before `prepare`."""
        aliases = self._qdrant.ask(self._client.get_aliases).aliases
        live = next((a.collection_name for a in aliases if a.alias_name == self._alias), None)
        return None if live is None else live.removeprefix(f"{self._prefix}_")

    # --- writing

    def upsert(self, points: Sequence[Point], terms: list[str], *, generation: str | None = None) -> None:
        """Add or replace the points of these chunks, each carrying `terms`; on the disk when it returns.

        They go into the generation that the alias leads to, unless another is named.

        Not atomic: after an error some batches may be in. Repeating it is safe, since a chunk's id is its point's id.
        """
        for point in points:
            if not np.isfinite(point.dense).all():
                raise InvalidInput(f"The embedding of chunk {point.chunk.id} is not finite. Check EMBED_MODEL.")
        size = min(_BATCH_POINTS, max(1, _BATCH_NUMBERS // len(points[0].dense))) if points else 1
        for start in range(0, len(points), size):
            batch = [struct(point, terms) for point in points[start : start + size]]
            self._qdrant.write(partial(self._client.upsert, self._target(generation), batch, wait=True))

    def set_terms(self, version_id: str, terms: list[str]) -> None:
        """Let the holders of `terms` find this version from now on, and nobody else; no terms, nobody.

        It holds for the points that are there now, in every generation. Ask for the live version only: one that was
        replaced stays with no terms.
        """
        chosen, change = where(version=version_id), {"acl": terms}
        for name in self._collections(patiently=True):
            with suppress(Absent):  # removed meanwhile
                self._qdrant.write(partial(self._client.set_payload, name, change, points=chosen, wait=True))

    def delete_version(self, version_id: str, *, generation: str | None = None) -> None:
        """Remove all points of a version, if any, from every generation or the one that is named; gone from the
        disk's log when it returns."""
        self._delete(where(version=version_id), generation)

    def delete_documents(self, document_ids: Sequence[str]) -> None:
        """Remove all points of all versions of these documents, if any, from every generation."""
        if document_ids:
            self._delete(of_documents(document_ids), None)

    def _delete(self, chosen: models.Filter, generation: str | None) -> None:
        selector = models.FilterSelector(filter=chosen)
        for name in [self._name(generation)] if generation else self._collections(patiently=True):
            with suppress(Absent):
                self._qdrant.write(partial(self._client.delete, name, selector, wait=True))

    # --- reading

    def search(
        self,
        dense: Vector | None,
        sparse: SparseVector | None,
        principal: Principal,
        *,
        limit: int,
        documents: Collection[str] | None = None,
        generation: str | None = None,
    ) -> list[Hit]:
        """The best `limit` chunks by each of the two vectors, among those that the principal may read. One round trip.

        Of the generation that is named, whose model has made `dense`: raises Unavailable where it is lost. Else of the
        one that the alias leads to, and nothing before any was made. Hits found by meaning come first, best first, then
        those found by words alone. `dense` is the cosine, `sparse` the BM25 score. `documents` narrows further; where
        it is empty nothing is found.
        """
        if not 1 <= limit <= MAX_LIMIT:
            raise InvalidInput(f"A search returns 1 to {MAX_LIMIT} passages, not {limit}.")
        terms = principal_terms(principal)
        if not terms or (documents is not None and not documents):
            return []
        requests = _requests(dense, sparse, readable(terms, documents), limit)
        if not requests:
            return []
        name, batch = self._target(generation), models.QueryRequestBatch(searches=list(requests.values()))
        # by the client's lower layer: the upper one copies every number of both vectors first
        search = partial(self._client.http.search_api.query_batch_points, name, query_request_batch=batch)
        try:
            answers = self._qdrant.ask(search).result or []
        except Absent:
            if generation:
                raise
            return []
        scores = {
            using: {str(found.id): found.score for found in answer.points}
            for using, answer in zip(requests, answers, strict=True)
        }
        meant, said = scores.get(DENSE, {}), scores.get(WORDS, {})
        return [Hit(id_, meant.get(id_), said.get(id_)) for id_ in {**meant, **said}]

    def count(
        self, *, document_id: str | None = None, version_id: str | None = None, generation: str | None = None
    ) -> int:
        """Exactly how many points a document, a version, or both have, readable or not, in all generations or one."""
        if document_id is None and version_id is None:
            raise InvalidInput("Say which document or version to count; total() counts everything.")
        chosen = where(document=document_id, version=version_id)
        counted = 0
        for name in [self._name(generation)] if generation else self._collections():
            with suppress(Absent):
                counted += self._qdrant.ask(partial(self._client.count, name, count_filter=chosen, exact=True)).count
        return counted

    def count_documents(self, document_ids: Sequence[str]) -> Counter[str]:
        """Exactly how many points each of these documents has in all generations. None has to be there."""
        if len(document_ids) == 1:
            return Counter({one: self.count(document_id=one) for one in document_ids})
        counted: Counter[str] = Counter()
        for name in self._collections() if document_ids else []:
            with suppress(Absent):
                counted += self._count_documents(name, of_documents(document_ids))
        return counted

    def _count_documents(self, name: str, chosen: models.Filter) -> Counter[str]:
        counted: Counter[str] = Counter()
        following: Any = None
        while True:
            scroll = partial(self._client.scroll, name, chosen, limit=MAX_LIMIT, offset=following)
            found, following = self._qdrant.ask(scroll)
            counted.update(str((point.payload or {}).get("document")) for point in found)
            if following is None:
                return counted

    def total(self, generation: str | None = None) -> int:
        """Exactly how many points are live, or in the generation that is named."""
        name = self._target(generation)
        return self._qdrant.ask(lambda: self._client.count(name, exact=True)).count

    def ready(self) -> str | None:
        """None when searches can be answered; otherwise why not, in words to show."""
        try:
            info = self._qdrant.ask(lambda: self._client.get_collection(self._alias))
        except Unavailable as error:
            return str(error)
        if info.status is models.CollectionStatus.RED:
            return "The index reports that a collection is damaged. Read the log of the Qdrant server."
        return None

    # --- moving

    def dimensions(self, generation: str) -> int:
        """Of a generation's vectors."""
        return _dimensions(self._qdrant.ask(lambda: self._client.get_collection(self._name(generation)))) or 0

    def records(self, generation: str) -> Iterator[list[models.PointStruct]]:
        """All points of a generation as they lie there, in batches."""
        following: Any = None
        while True:
            scroll = partial(
                self._client.scroll,
                self._name(generation),
                limit=_BATCH_POINTS,
                offset=following,
                with_payload=True,
                with_vectors=True,
            )
            found, following = self._qdrant.ask(scroll)
            yield [models.PointStruct(id=one.id, vector=_vectors(one), payload=one.payload) for one in found]
            if following is None:
                return

    def restore(self, generation: str, batch: list[models.PointStruct]) -> None:
        """Put points into a generation as `records` gave them."""
        if batch:
            self._qdrant.write(partial(self._client.upsert, self._name(generation), batch, wait=True))

    def close(self) -> None:
        self._qdrant.close()


def _requests(
    dense: Vector | None, sparse: SparseVector | None, allowed: models.Filter, limit: int
) -> dict[str, models.QueryRequest]:
    """One for each vector that says something, by the name of what it is compared with."""
    requests: dict[str, models.QueryRequest] = {}
    if dense is not None:
        if not np.isfinite(dense).all():
            raise InvalidInput("The question's embedding is not finite. Check EMBED_MODEL.")
        requests[DENSE] = request(dense.tolist(), DENSE, allowed, limit, _SEARCH)
    if sparse is not None and sparse.indices:
        words = models.SparseVector(indices=list(sparse.indices), values=list(sparse.values))
        requests[WORDS] = request(words, WORDS, allowed, limit, None)
    return requests


def _dimensions(info: models.CollectionInfo) -> int | None:
    vectors = info.config.params.vectors
    return vectors[DENSE].size if isinstance(vectors, dict) and DENSE in vectors else None


def _vectors(record: models.Record) -> models.VectorStruct:
    # the client names the same dictionary differently where it comes and where it goes
    return cast(models.VectorStruct, record.vector or {})
