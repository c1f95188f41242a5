"""Whether a text says what a sentence claims, asked of a model for natural language inference.

Optional. The model is somebody else's server, or a cross-encoder in our models process (`app.entailment_model`); both
are reached over HTTP by the route /predict of Hugging Face's text-embeddings-inference (TEI), so that who asks never
loads it.
"""

from __future__ import annotations

from typing import Any

import httpx
import numpy as np

from storage.errors import Unavailable
from storage.types import Vector

LABELS = ("contradiction", "neutral", "entailment")  # the columns of what a judge gives


class HttpEntailment:
    """`url` goes up to and without /predict."""

    def __init__(self, url: str, key: str = "", *, timeout: float = 10.0) -> None:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        base = url.rstrip("/").removesuffix("/predict")
        limits = httpx.Timeout(timeout, connect=min(timeout, 2.0))
        self._client = httpx.Client(base_url=f"{base}/", headers=headers, timeout=limits, trust_env=False)

    def judge(self, pairs: list[tuple[str, str]]) -> Vector:
        """A row for each (text, claim): how likely they contradict, have nothing to do with, or follow from each other.

        Raises Unavailable where the model does not answer, or with something else than that.
        """
        if not pairs:
            return np.zeros((0, len(LABELS)), np.float32)
        try:
            answer = self._client.post("predict", json={"inputs": [list(pair) for pair in pairs], "truncate": True})
        except httpx.HTTPError as error:
            raise Unavailable(
                "models", f"The model for entailment does not answer ({type(error).__name__})."
            ) from error
        if answer.status_code != 200:
            raise Unavailable(
                "models",
                f"The model for entailment answered {answer.status_code}. Check NLI_URL, NLI_API_KEY, NLI_MODEL.",
            )
        return _rows(answer, len(pairs))

    def close(self) -> None:
        self._client.close()


def _rows(answer: httpx.Response, count: int) -> Vector:
    try:
        told: list[list[dict[str, Any]]] = answer.json()
        scores = [{str(one["label"]).casefold(): float(one["score"]) for one in row} for row in told]
        rows = np.array([[row[label] for label in LABELS] for row in scores], np.float32)
    except (ValueError, KeyError, TypeError) as error:
        raise Unavailable("models", "The model for entailment gave no score for each of its three labels.") from error
    if rows.shape != (count, len(LABELS)) or not np.isfinite(rows).all():
        raise Unavailable("models", "The model for entailment gave scores of a wrong number or size.")
    return rows
