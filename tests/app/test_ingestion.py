"""The worker's parts as the settings make them."""

from __future__ import annotations

import gc
from pathlib import Path

from app.ingestion import COLLECT_EVERY, build_pipeline
from app.settings import Settings


def test_a_model_is_loaded_once_and_later_collections_need_not_look_at_it(data_dir: Path) -> None:
    database, pipeline = build_pipeline(Settings(data_dir=data_dir, qdrant_url="http://127.0.0.1:9"))
    gc.unfreeze()
    before = gc.get_threshold()
    try:
        embedder = pipeline.embedder(pipeline.model)
        assert gc.get_freeze_count() > 10_000
        assert gc.get_threshold()[0] == COLLECT_EVERY
        assert len(gc.get_objects()) < 0.5 * gc.get_freeze_count()
        assert pipeline.embedder(pipeline.model) is embedder
        assert embedder.embed_passages(["A pump."]).shape == (1, embedder.dimensions)
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
        pipeline.index.close()
        database.close()
