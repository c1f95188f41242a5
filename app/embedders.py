"""The embedding model of chunks, as the settings want it."""

from __future__ import annotations

from app.settings import Settings
from ingest.backend import local_embedder
from ingest.embed import Embedder
from ingest.http_embedder import HttpEmbedder


def chunk_embedder(settings: Settings, model: str) -> Embedder:
    """The model itself, unless EMBED_URL names somebody else's server."""
    if settings.embed_url and not settings.own_embed_url:
        return HttpEmbedder(settings.embed_url, settings.embed_api_key.get_secret_value(), model)
    return local_embedder(
        model,
        settings.converted_dir,
        device=settings.embed_device,
        backend=settings.embed_backend,
        precision=settings.embed_precision,
        threads=settings.embed_threads,
    )
