"""A second look at the passages that were found: a model reads each together with the question.

Optional. The model is somebody else's server, or a cross-encoder in our models process (`app.cross_encoder`); both are
reached over HTTP, so that who asks never loads it.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Protocol

import httpx
import numpy as np

from storage.errors import Busy, Unavailable
from storage.types import Passage, Vector

WITHOUT = "The passages stand as the search found them, because the reranker does not answer: {reason}"

WEIGHT = 0.75  # of the reranker's score against the search's; 1 lets the reranker decide alone
_REST = 30.0  # seconds that a server which took too long is left alone
_TITLE = 100  # characters of a title that tell a document from others


class Reranker(Protocol):
    """Says how well each text answers a question: one float32 score from 0 to 1 for each text, in order."""

    @property
    def name(self) -> str: ...

    def rerank(self, question: str, texts: list[str]) -> Vector:
        """Raises Unavailable (Busy) where the model does not answer (has too much to do)."""
        ...


class HttpReranker:
    """A server with the rerank route of Jina and Cohere, or that of TEI: ours, TEI, Infinity, vLLM, llama-server.

    `url` goes up to and without /rerank. A server that took longer than `timeout` seconds is not asked again for half a
    minute, so that not every question waits for it.
    """

    def __init__(self, url: str, key: str = "", model: str = "", *, timeout: float = 15.0) -> None:
        self.name = model
        self._silent_until = 0.0
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        base = url.rstrip("/").removesuffix("/rerank")
        limits = httpx.Timeout(timeout, connect=min(timeout, 2.0))
        self._client = httpx.Client(base_url=f"{base}/", headers=headers, timeout=limits, trust_env=False)

    def rerank(self, question: str, texts: list[str]) -> Vector:
        if not texts:
            return np.zeros(0, np.float32)
        if time.monotonic() < self._silent_until:
            raise Unavailable("models", "The reranker took too long a moment ago. It is asked again in half a minute.")
        # TEI calls the documents texts and cuts nothing unless it is told to; the others skip what they don't know
        request = {"query": question, "documents": texts, "texts": texts, "truncate": True}
        answer = self._post(request | ({"model": self.name} if self.name else {}))
        if answer.status_code in {429, 503}:
            raise Busy("models", _said(answer) or "The reranker has too much to do. Try again in a moment.")
        if answer.status_code != 200:
            raise Unavailable(
                "models", f"The reranker answered {answer.status_code}. Check RERANK_URL, RERANK_API_KEY, RERANK_MODEL."
            )
        return _scores(answer, len(texts))

    def close(self) -> None:
        self._client.close()

    def _post(self, request: dict[str, Any]) -> httpx.Response:
        try:
            return self._client.post("rerank", json=request)
        except httpx.HTTPError as error:
            if isinstance(error, httpx.TimeoutException):
                self._silent_until = time.monotonic() + _REST
            raise Unavailable(
                "models", f"The reranker does not answer ({type(error).__name__}). Check that it runs."
            ) from error


def rerank(
    question: str, passages: Sequence[Passage], reranker: Reranker, *, count: int, weight: float = WEIGHT
) -> list[Passage]:
    """The best `count` passages in the order of the blended score, then the others as they were.

    `passages` come best first with scores of about 0 to 3; each leaves with the blend, and scores still fall along the
    list. Where blends are equal the order stays. Raises Unavailable where the reranker does not answer.
    """
    first, others = passages[:count], passages[count:]
    if not first:
        return []
    scores = reranker.rerank(question, [in_context(passage) for passage in first])
    blended = [
        replace(passage, score=(1 - weight) * passage.score + weight * float(score))
        for passage, score in zip(first, scores, strict=True)
    ]
    blended.sort(key=lambda passage: -passage.score)
    lowest = blended[-1].score
    return blended + [replace(passage, score=min(passage.score, lowest)) for passage in others]


def in_context(passage: Passage) -> str:
    """What a reranker reads of a passage: its document, about whom and when, under which headings; then its text."""
    title = passage.title[:_TITLE]
    told = [title, *(part for part in (passage.about.subject, passage.about.period) if part not in title)]
    lines = (", ".join(filter(None, told)), passage.heading, passage.text)
    return "\n".join(filter(None, lines))


def _scores(answer: httpx.Response, count: int) -> Vector:
    """Servers that give the model's raw outputs, as llama-server does, are recognised by scores beyond 0 and 1."""
    try:
        body = answer.json()
        rows = body["results"] if isinstance(body, dict) else body
        found = {int(row["index"]): float(row.get("relevance_score", row.get("score"))) for row in rows}
        values = [found[index] for index in range(count)]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Unavailable("models", "The reranker gave an answer that is no score for each passage.") from error
    if not all(map(math.isfinite, values)):
        raise Unavailable("models", "The reranker gave scores that are no numbers. Check its model.")
    scores = np.array(values, np.float64)
    if scores.min() < 0 or scores.max() > 1:
        scores = 1 / (1 + np.exp(-np.clip(scores, -60, 60)))
    return scores.astype(np.float32)


def _said(answer: httpx.Response) -> str:
    """What our own models process says is missing."""
    try:
        return str(answer.json()["error"]["message"])
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError):
        return ""
