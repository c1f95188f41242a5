"""A reranker in this process: any cross-encoder of sentence-transformers that lies on this machine.

Only the models process makes one. torch is imported when it is made, and nothing is ever downloaded.
"""

from __future__ import annotations

import importlib.util
import threading
from pathlib import Path

import numpy as np

from ingest.embed import BATCH_TOKENS, GPU_BATCH_TOKENS, batches
from storage.errors import InvalidInput
from storage.types import Vector

LONGEST = 512  # tokens of question and passage together: no passage of ours is longer, and time grows with them


class CrossEncoderReranker:
    """Calls take turns. A question gets half of what the model reads at most; its passage is cut where that ends."""

    def __init__(self, model: str, *, device: str | None = None) -> None:
        """`model`: see `folder_of`. Raises InvalidInput for what is no cross-encoder with one score."""
        folder = folder_of(model)
        import torch  # seconds to import: only who reranks pays
        from sentence_transformers import CrossEncoder
        from transformers.utils import logging as transformers_logging

        transformers_logging.disable_progress_bar()  # a bar for loading weights has no place in a log
        try:
            self._model = CrossEncoder(str(folder), device=device, local_files_only=True)
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            raise InvalidInput(
                f"RERANK_MODEL: the cross-encoder in {folder} can't be loaded ({str(error).splitlines()[0][:200]}). "
                "Give a folder that sentence-transformers' CrossEncoder has saved or can open."
            ) from error
        if self._model.num_labels != 1:
            raise InvalidInput(
                f"RERANK_MODEL: the model in {folder} gives {self._model.num_labels} scores for a pair of texts. "
                "A reranker gives one; choose another model."
            )
        self.name = model
        self._sigmoid = torch.nn.Sigmoid()  # whatever the model's files ask for: scores go from 0 to 1
        self._budget = BATCH_TOKENS if self._model.device.type == "cpu" else GPU_BATCH_TOKENS
        self._lock = threading.Lock()
        longest = getattr(self._model, "max_seq_length", None) or LONGEST
        self._longest = min(int(longest), LONGEST) - self._model.tokenizer.num_special_tokens_to_add(True)

    def rerank(self, question: str, texts: list[str]) -> Vector:
        scores = np.zeros(len(texts), np.float32)
        with self._lock:
            question, used = self._cut(question, self._longest // 2)
            cut = [self._cut(text, self._longest - used) for text in texts]
            for rows in batches([used + length for _, length in cut], self._budget):
                pairs = [(question, cut[row][0]) for row in rows]
                scores[rows] = self._model.predict(
                    pairs, batch_size=len(rows), show_progress_bar=False, activation_fn=self._sigmoid
                )
        return scores

    def _cut(self, text: str, longest: int) -> tuple[str, int]:
        """As much of `text` as `longest` tokens hold, and how many they are."""
        spans = self._model.tokenizer(
            text, add_special_tokens=False, return_offsets_mapping=True, truncation=False, verbose=False
        )["offset_mapping"]
        return (text, len(spans)) if len(spans) <= longest else (text[: spans[longest - 1][1]], longest)


def folder_of(model: str, setting: str = "RERANK_MODEL") -> Path:
    """The model's files: a folder, or one inside an installed Python package ("package" or "package/folder/in/it").

    Found without importing anything. Raises InvalidInput, which names the setting, where neither is there.
    """
    folder = Path(model).expanduser()
    if folder.is_dir():
        return folder.absolute()
    package, _, inside = model.partition("/")
    if package.isidentifier():
        spec = importlib.util.find_spec(package)
        for place in (spec and spec.submodule_search_locations) or ():
            found = Path(place) / inside
            if found.is_dir():
                return found
    raise InvalidInput(
        f"{setting}: there is no folder and no installed package {model!r}. Give a folder with a cross-encoder; "
        "nothing is downloaded."
    )
