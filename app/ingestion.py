"""The worker's parts, made of the settings; torch is not imported unless a local embedding model needs it."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable
from contextlib import closing
from functools import cache

from app.embedders import chunk_embedder
from app.postman import Postman, channels_of
from app.settings import Settings
from ingest.embed import Embedder
from ingest.http_embedder import HttpEmbedder
from ingest.pipeline import Pipeline
from ingest.recognition import engines
from ingest.recognition.recogniser import MISSING, OFF, Recognition
from ingest.reindex import Reindex, Verdict
from ingest.sandbox import Limits
from storage.database import Database
from storage.deliveries import Deliveries
from storage.documents import Documents
from storage.evaluations import Evaluations
from storage.files import Files
from storage.filling import Filling
from storage.generations import Generation, Generations
from storage.index import Index
from storage.versions import Versions

COLLECT_EVERY = 10_000  # new objects; a batch of passages makes many, and hardly any are in circles


def build_pipeline(settings: Settings) -> tuple[Database, Pipeline]:
    database = Database(settings.sql_url)
    database.migrate()
    index = Index(settings.qdrant_url, settings.qdrant_api_key.get_secret_value(), timeout=60.0, patience=5.0)

    pipeline = Pipeline(
        versions=Versions(database),
        files=Files(settings.data_dir),
        index=index,
        generations=Generations(database),
        embedder=_loading(settings),
        limits=parse_limits(settings),
        model=settings.embed_model,
        recognition=recognition_of(settings),
    )
    return database, pipeline


def build_reindex(settings: Settings, database: Database, pipeline: Pipeline) -> Reindex:
    """How a new generation is compared, and what must be ready before it is live."""
    filling = Filling(database)

    def compare(live: Generation, new: Generation, cancelled: Callable[[], bool]) -> Verdict:
        from app.acceptance import Acceptance  # seldom wanted, and all that answers questions comes with it

        accepted = Acceptance(
            pipeline.index,
            pipeline.embedder,
            Documents(database, pipeline.files),
            Evaluations(database),
            filling,
            worse=settings.reindex_worse,
            slower=settings.reindex_slower,
        )
        return accepted(live, new, cancelled)

    def warm(model: str) -> None:
        key = settings.embed_api_key.get_secret_value()
        with closing(HttpEmbedder(settings.embed_url, key, model, timeout=5.0)) as embedder:
            embedder.embed_queries(["ready?"])

    warms = warm if settings.embed_url else None
    return Reindex(pipeline, filling, compare=compare, warm=warms, keep_days=settings.reindex_keep_days)


def build_postman(settings: Settings, database: Database) -> Postman | None:
    """None where nothing goes out."""
    channels = channels_of(settings)
    return Postman(Deliveries(database), channels) if channels else None


def _loading(settings: Settings) -> Callable[[str], Embedder]:
    """Loads each model once; two documents may need one first at the same time.

    What is loaded then stays, so later collections of garbage need not look at it: a full one took a tenth of a second.
    """
    lock = threading.Lock()

    @cache
    def load(model: str) -> Embedder:
        loaded = chunk_embedder(settings, model)
        gc.collect()
        gc.freeze()
        gc.set_threshold(COLLECT_EVERY)
        return loaded

    def embedder(model: str) -> Embedder:
        with lock:
            return load(model)

    return embedder


def parse_limits(settings: Settings) -> Limits:
    return Limits(
        memory=settings.parse_memory_mb * 10**6,
        cpu_seconds=settings.parse_seconds,
        wall_seconds=settings.parse_seconds,
    )


def recognition_of(settings: Settings) -> Recognition:
    """Raises InvalidInput where the settings ask for what is not installed."""
    return Recognition(
        engine=engines.find(settings.ocr, settings.ocr_languages, settings.tessdata_prefix),
        missing=OFF if settings.ocr == "off" else MISSING,
        page_seconds=settings.ocr_page_seconds,
        document_seconds=settings.ocr_document_minutes * 60,
    )
