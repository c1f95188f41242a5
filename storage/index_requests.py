"""What the embedded index accepts: the part of Qdrant's REST requests that Footnote needs, as strict models.

Everything here is refused unless it is spelled out: an unknown key, filter or query kind is an error, because a
condition that is dropped in silence would show documents to people who may not read them. For the same reason a
list of conditions can't be empty. Vectors are checked for finiteness here; names and dimensions in `storage.edge`,
which knows the collection. Not here: prefetch and fusion, ranges, geo, text matching, recommendations.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal
from uuid import UUID

import qdrant_edge
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

MAX_LIMIT = 1000
MAX_POINTS = 2000
MAX_VALUES = 20_000
MAX_DIMENSIONS = 16_384
# longer vectors overflow the engine's 32-bit sums and turn into NaN or zero
MAX_LENGTH = 1e18


def _uuid_or_number(value: int | str) -> int | str:
    if isinstance(value, int):
        if not 0 <= value < 2**64:
            raise ValueError("a point id is a UUID or a number from 0 to 2^64-1")
        return value
    try:
        return str(UUID(value))
    except ValueError:
        raise ValueError("a point id is a UUID or a number from 0 to 2^64-1") from None


def _bounded(values: list[float]) -> list[float]:
    length = math.hypot(*values)
    if not length <= MAX_LENGTH:
        raise ValueError("a vector's values must be finite, and its length at most 1e18")
    return values


Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,199}$")]
Key = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$")]
PointId = Annotated[int | str, AfterValidator(_uuid_or_number)]
Dense = Annotated[list[float], Field(min_length=1, max_length=MAX_DIMENSIONS), AfterValidator(_bounded)]
Scalar = str | bool | Annotated[int, Field(ge=-(2**63), lt=2**63)] | None
Payload = dict[Key, Scalar | list[str]]
Limit = Annotated[int, Field(ge=1, le=MAX_LIMIT)]


class Request(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, populate_by_name=True)


class Sparse(Request):
    indices: list[Annotated[int, Field(ge=0, lt=2**32)]]
    values: Annotated[list[float], AfterValidator(_bounded)]

    @model_validator(mode="after")
    def _pairs(self) -> Sparse:
        if len(self.indices) != len(self.values) or len(set(self.indices)) != len(self.indices):
            raise ValueError("a sparse vector has one value for each index, and no index twice")
        return self


# --- filters


class MatchValue(Request):
    value: str

    def engine(self) -> Any:
        return qdrant_edge.MatchValue(self.value)


class MatchAny(Request):
    any: Annotated[list[str], Field(max_length=MAX_VALUES)]

    def engine(self) -> Any:
        return qdrant_edge.MatchAny(self.any)


class MatchExcept(Request):
    except_: Annotated[list[str], Field(alias="except", min_length=1, max_length=MAX_VALUES)]

    def engine(self) -> Any:
        return qdrant_edge.MatchExcept(self.except_)


class FieldCondition(Request):
    key: Key
    match: MatchValue | MatchAny | MatchExcept

    def engine(self) -> Any:
        return qdrant_edge.FieldCondition(key=self.key, match=self.match.engine())

    def fields(self) -> set[str]:
        return {self.key}


class HasId(Request):
    has_id: Annotated[list[PointId], Field(max_length=MAX_VALUES)]

    def engine(self) -> Any:
        return qdrant_edge.HasIdCondition({engine_id(id_) for id_ in self.has_id})

    def fields(self) -> set[str]:
        return set()


class Filter(Request):
    must: Conditions | None = None
    should: Conditions | None = None
    must_not: Conditions | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Filter:
        if not (self.must or self.should or self.must_not):
            raise ValueError("an empty filter matches every point; leave the filter out if that is meant")
        return self

    def engine(self) -> Any:
        must, should, must_not = ([c.engine() for c in conditions or ()] or None for conditions in self._lists())
        return qdrant_edge.Filter(must=must, should=should, must_not=must_not)

    def fields(self) -> set[str]:
        """The payload fields that the filter looks at."""
        return {key for conditions in self._lists() for c in conditions or () for key in c.fields()}

    def _lists(self) -> tuple[list[FieldCondition | HasId | Filter] | None, ...]:
        return self.must, self.should, self.must_not


Conditions = Annotated[list[FieldCondition | HasId | Filter], Field(min_length=1, max_length=256)]
Filter.model_rebuild()


# --- collections and aliases


class Hnsw(Request):
    """Advice for a server's graph. The embedded index compares with every vector and is exact without one."""

    m: int | None = None
    ef_construct: int | None = None
    full_scan_threshold: int | None = None


class VectorParams(Request):
    size: Annotated[int, Field(ge=1, le=MAX_DIMENSIONS)]
    distance: Literal["Cosine"]


class SparseParams(Request):
    modifier: Literal["idf"] | None = None


class StrictMode(Request):
    """The embedded index is always strict: filters look at indexed fields only, and limits are bounded."""

    enabled: Literal[True]
    max_query_limit: Annotated[int, Field(ge=1)] | None = None
    unindexed_filtering_retrieve: Literal[False] = False
    unindexed_filtering_update: Literal[False] = False


class CreateCollection(Request):
    vectors: Annotated[dict[Name, VectorParams], Field(min_length=1, max_length=8)]
    sparse_vectors: Annotated[dict[Name, SparseParams], Field(max_length=8)] = Field(default_factory=dict)
    hnsw_config: Hnsw | None = None
    strict_mode_config: StrictMode | None = None


class KeywordIndex(Request):
    type: Literal["keyword"]


class CreateIndex(Request):
    field_name: Key
    field_schema: Literal["keyword"] | KeywordIndex


class NewAlias(Request):
    alias_name: Name
    collection_name: Name


class OldAlias(Request):
    alias_name: Name


class CreateAlias(Request):
    create_alias: NewAlias


class DeleteAlias(Request):
    delete_alias: OldAlias


class ChangeAliases(Request):
    actions: Annotated[list[CreateAlias | DeleteAlias], Field(min_length=1, max_length=64)]


# --- points


class Point(Request):
    id: PointId
    vector: dict[Name, Dense | Sparse]
    payload: Payload | None = None

    def engine(self) -> Any:
        vectors = {name: engine_vector(vector) for name, vector in self.vector.items()}
        return qdrant_edge.Point(id=engine_id(self.id), vector=vectors, payload=self.payload)


class Upsert(Request):
    points: Annotated[list[Point], Field(min_length=1, max_length=MAX_POINTS)]


class Selection(Request):
    """Points by id or by filter: one of the two."""

    points: Annotated[list[PointId], Field(min_length=1, max_length=MAX_VALUES)] | None = None
    filter: Filter | None = None

    @model_validator(mode="after")
    def _one(self) -> Selection:
        if (self.points is None) == (self.filter is None):
            raise ValueError("name the points by ids or by a filter, one of the two")
        return self


class SetPayload(Selection):
    payload: Annotated[Payload, Field(min_length=1)]


class Retrieve(Request):
    ids: Annotated[list[PointId], Field(max_length=MAX_LIMIT)]
    with_payload: bool = True
    with_vector: bool = False


class Acorn(Request):
    enable: bool = False
    max_selectivity: float | None = None


class SearchParams(Request):
    """Advice for a server's graph; the embedded index is exact whatever it says."""

    hnsw_ef: int | None = None
    exact: bool = False
    acorn: Acorn | None = None


class Nearest(Request):
    nearest: Dense | Sparse


class Query(Request):
    query: Nearest | Dense | Sparse
    using: Name
    filter: Filter | None = None
    params: SearchParams | None = None
    limit: Limit = 10
    with_payload: bool = False
    with_vector: bool = False

    @property
    def vector(self) -> list[float] | Sparse:
        return self.query.nearest if isinstance(self.query, Nearest) else self.query


class QueryBatch(Request):
    searches: Annotated[list[Query], Field(min_length=1, max_length=16)]


class Scroll(Request):
    filter: Filter | None = None
    limit: Limit = 10
    offset: PointId | None = None
    with_payload: bool = True
    with_vector: bool = False


class Count(Request):
    filter: Filter | None = None
    exact: bool = True


def engine_id(value: int | str) -> int | UUID:
    return UUID(value) if isinstance(value, str) else value


def engine_vector(vector: list[float] | Sparse) -> Any:
    if isinstance(vector, Sparse):
        return qdrant_edge.SparseVector(indices=vector.indices, values=vector.values)
    return vector
