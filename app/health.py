"""Which parts of a running installation do not answer now, and what that means, in plain words.

Each check returns a reason, or None. What belongs to one part only it says of itself (`Index.ready`, `Guard.ready`,
`LanguageModel.ready`). Not covered: what to do about it (`doctor`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import httpx

from app import certificates
from app.settings import Settings
from storage.database import Database
from storage.errors import Unavailable
from storage.status import a_worker_lives

_CHECK_EVERY = 3.0


class Missing:
    """Asks every part how it is, at most once in three seconds and never twice at a time."""

    def __init__(self, checks: list[Callable[[], str | None]]) -> None:
        self._checks = checks
        self._lock = threading.Lock()
        self._known: tuple[float, list[str]] = (0.0, [])

    def parts(self) -> list[str]:
        asked, known = self._known
        if time.monotonic() - asked < _CHECK_EVERY or not self._lock.acquire(blocking=False):
            return known
        try:
            self._known = time.monotonic(), [reason for check in self._checks if (reason := check())]
            return self._known[1]
        finally:
            self._lock.release()


def models_away(settings: Settings) -> str | None:
    """Of our own models process: its embedding model, its reranker, its models for entailment and for speech."""
    effects = {
        "embeddings": (settings.own_embed_url, "Until it is ready, passages are found by their words only."),
        "reranker": (settings.own_rerank_url, "Passages stand as the search found them."),
        "entailment": (settings.own_nli_url, "Sentences of answers are checked without it."),
        "voice": (settings.own_voice_url, "Until then questions have to be typed."),
    }
    urls = (settings.embed_url, settings.rerank_url, settings.nli_url, settings.voice_url)
    ours = [url for url, (own, _) in zip(urls, effects.values(), strict=True) if own]
    if not ours:
        return None
    health = _models_health(ours[0])
    if health is None:
        return f"The models process is starting. {effects['embeddings'][1] if settings.own_embed_url else ''}".strip()
    told = [
        f"{health.get(name, {}).get('reason', '')} {effect}".strip()
        for name, (own, effect) in effects.items()
        if own and not health.get(name, {}).get("ready", False)
    ]
    return " ".join(told) or None


def _models_health(url: str) -> dict[str, Any] | None:
    address = url.removesuffix("/v1") + "/healthz"
    try:
        answer = httpx.get(address, timeout=2.0, trust_env=False, verify=certificates.known())
        health: dict[str, Any] = answer.json()
    except (httpx.HTTPError, ValueError):
        return None
    return health


def worker_away(database: Database) -> str | None:
    try:
        if a_worker_lives(database):
            return None
    except Unavailable as error:
        return str(error)
    return "The worker is not running: new documents wait until it is back."
