"""A model for natural language inference in this process: a cross-encoder of sentence-transformers with three labels.

Only the models process makes one. torch is imported when it is made, and nothing is ever downloaded.
"""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.cross_encoder import LONGEST, folder_of
from app.entailment import LABELS
from app.loading import Loading
from app.openai_requests import Predict, body_of
from storage.errors import Busy, InvalidInput
from storage.types import Vector

_WAITING = 8  # requests on their way at a time: a sentence can be judged without


class CrossEncoderEntailment:
    """Calls take turns."""

    def __init__(self, model: str, *, device: str | None = None) -> None:
        """`model`: see `cross_encoder.folder_of`. Raises InvalidInput for what does not tell the three labels apart."""
        folder = folder_of(model, "NLI_MODEL")
        import torch  # seconds to import: only who judges pays
        from sentence_transformers import CrossEncoder
        from transformers.utils import logging as transformers_logging

        transformers_logging.disable_progress_bar()
        try:
            self._model = CrossEncoder(str(folder), device=device, local_files_only=True, max_length=LONGEST)
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            raise InvalidInput(
                f"NLI_MODEL: the cross-encoder in {folder} can't be loaded ({str(error).splitlines()[0][:200]}). "
                "Give a folder that sentence-transformers' CrossEncoder has saved or can open."
            ) from error
        names = {int(place): str(name).casefold() for place, name in (self._model.config.id2label or {}).items()}
        if sorted(names.values()) != sorted(LABELS):
            raise InvalidInput(
                f"NLI_MODEL: the model in {folder} tells {', '.join(names.values()) or 'nothing'} apart. One for "
                f"entailment has the labels {', '.join(LABELS)}; choose another model."
            )
        places = {name: place for place, name in names.items()}
        self._columns = [places[label] for label in LABELS]
        self._softmax = torch.nn.Softmax(dim=-1)
        self._lock = threading.Lock()
        self.name = model

    def judge(self, pairs: list[tuple[str, str]]) -> Vector:
        """As `entailment.HttpEntailment.judge`."""
        if not pairs:
            return np.zeros((0, len(LABELS)), np.float32)
        with self._lock:
            rows = self._model.predict(pairs, activation_fn=self._softmax, show_progress_bar=False)
        return np.asarray(rows, np.float32)[:, self._columns]


class Predictions:
    """The route of a model that may still be loading."""

    def __init__(self, model: Loading[CrossEncoderEntailment]) -> None:
        self._model = model
        self._judging = ThreadPoolExecutor(1, "entailment")
        self._waiting = 0

    async def answer(self, request: Request) -> Response:
        body = await body_of(request, Predict)
        model = self._model.get()
        if self._waiting >= _WAITING:
            raise Busy("models", "The model for entailment has too much to do. Try again in a moment.")
        self._waiting += 1
        try:
            rows = await asyncio.get_running_loop().run_in_executor(self._judging, model.judge, body.inputs)
        finally:
            self._waiting -= 1
        return JSONResponse(
            [
                [{"label": label, "score": float(score)} for label, score in zip(LABELS, row, strict=True)]
                for row in rows
            ]
        )
