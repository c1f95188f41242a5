"""A server that embeds: our own models process, TEI, vLLM, Ollama, or whoever else speaks OpenAI's /v1/embeddings."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Literal

import httpx
import numpy as np
from numpy.typing import NDArray

from ingest.embed import (
    DEFAULT_MODEL,
    Parts,
    embed_alone,
    guessed_spans,
    max_tokens_of,
    tokenizer_spans,
    unit,
)
from ingest.meaning import Meaning
from storage.errors import Busy, Unavailable
from storage.types import Vector


class HttpEmbedder:
    """A server that speaks OpenAI's /v1/embeddings: our own models process, TEI, vLLM, Ollama.

    `tokenizer` is a folder with a tokenizer.json, or DEFAULT_MODEL; without it, tokens are guessed, cautiously, and
    passages made for a model that sees 254.
    Every call raises Unavailable (Busy) where the server does not answer (is overloaded).
    """

    def __init__(
        self,
        url: str,
        key: str = "",
        model: str = DEFAULT_MODEL,
        *,
        tokenizer: str | None = None,
        max_tokens: int | None = None,
        timeout: float = 120.0,
        batch: int = 32,
    ) -> None:
        base = url.rstrip("/").removesuffix("/embeddings").removesuffix("/v1")
        self.name = model
        self.max_tokens = max_tokens or max_tokens_of(tokenizer or model) or 254
        self.token_spans = tokenizer_spans(tokenizer or model) or guessed_spans
        self._batch = batch
        self._dimensions = 0
        self._plain = False
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._client = httpx.Client(base_url=f"{base}/v1/", headers=headers, timeout=timeout, trust_env=False)

    @property
    def dimensions(self) -> int:
        """Known from the first answer; asks for one where there was none yet."""
        if not self._dimensions:
            self.embed_queries(["size"])
        return self._dimensions

    def embed_queries(self, texts: list[str]) -> Vector:
        return self._embed(texts, "query")

    def embed_question(self, text: str) -> Meaning:
        """Our own models process tells of the tokens; others leave out what they don't know."""
        answer = self._ask([text], "query", tokens=True)
        vector = self._vectors(answer, 1)[0]
        return Meaning(vector, *_tokens(answer, len(vector)))

    def embed_passages(self, texts: list[str]) -> Vector:
        return self._embed(texts, "passage")

    def embed_parts(self, texts: list[str], parts: Sequence[Parts]) -> tuple[Vector, list[Vector]]:
        return self.embed_passages(texts), embed_alone(self, texts, parts)

    def close(self) -> None:
        self._client.close()

    def _embed(self, texts: list[str], kind: Literal["query", "passage"]) -> Vector:
        if not texts:
            return np.zeros((0, self._dimensions), np.float32)
        groups = [texts[start : start + self._batch] for start in range(0, len(texts), self._batch)]
        return np.concatenate([self._vectors(self._ask(group, kind), len(group)) for group in groups])

    def _ask(self, texts: list[str], kind: str, **more: object) -> httpx.Response:
        plain = {"model": self.name, "input": texts}
        full = {**plain, "input_type": kind, "encoding_format": "base64", **more}
        answer = self._post(plain if self._plain else full)
        if answer.status_code in {400, 422} and not self._plain:  # a server that takes no field it does not know
            answer = self._post(plain)
            self._plain = answer.status_code == 200
        if answer.status_code in {429, 503}:
            raise Busy("models", "The embedding server has too much to do. Try again in a moment.")
        if answer.status_code != 200:
            raise Unavailable(
                "models", f"The embedding server answered {answer.status_code}. Check its address, key and model name."
            )
        return answer

    def _post(self, request: Mapping[str, object]) -> httpx.Response:
        try:
            return self._client.post("embeddings", json=request)
        except httpx.HTTPError as error:
            raise Unavailable(
                "models", f"The embedding server does not answer ({type(error).__name__}). Check that it runs."
            ) from error

    def _vectors(self, answer: httpx.Response, count: int) -> Vector:
        try:
            rows = sorted(json.loads(answer.content)["data"], key=lambda row: row["index"])
            vectors = np.array([_numbers(row["embedding"]) for row in rows], np.float32)
        except (ValueError, KeyError, TypeError) as error:
            raise Unavailable("models", "The embedding server gave an answer that is no list of vectors.") from error
        if vectors.ndim != 2 or len(vectors) != count or not np.isfinite(vectors).all():
            raise Unavailable("models", "The embedding server gave vectors of a wrong number or size.")
        if self._dimensions not in {0, vectors.shape[1]}:
            raise Unavailable("models", "The embedding server changed the size of its vectors. Check its model.")
        self._dimensions = vectors.shape[1]
        return unit(vectors)


def _tokens(answer: httpx.Response, dimensions: int) -> tuple[Vector, NDArray[np.int64]] | tuple[None, None]:
    """The states and spans of the tokens of the only text. Raises Unavailable where they are damaged."""
    told = json.loads(answer.content)["data"][0].get("tokens")
    if told is None:
        return None, None
    try:
        spans = np.array(told["spans"], np.int64).reshape(-1, 2)
        states = np.asarray(_numbers(told["states"]), np.float32).reshape(len(spans), dimensions)
        if not np.isfinite(states).all():
            raise ValueError("a state is not finite")
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise Unavailable("models", "The embedding server told of a question's tokens what can't be read.") from error
    return states, spans


def _numbers(embedding: str | list[float]) -> Vector:
    """OpenAI's base64 holds single precision, lowest byte first. Raises ValueError, TypeError for anything else."""
    if isinstance(embedding, str):
        return np.frombuffer(base64.b64decode(embedding, validate=True), "<f4")
    return np.array(embedding, np.float32)
