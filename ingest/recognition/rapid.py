"""rapidocr: recognition by models that its package carries, for machines without Tesseract."""

from __future__ import annotations

import importlib.util
import sys
from typing import Any

from ingest.recognition.lines import Line, Word, in_reading_order


class Rapid:
    """Not for two threads. It lives as long as its process."""

    def __init__(self) -> None:
        quick = importlib.util.find_spec("openvino") is not None
        sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # it would report to Google
        from rapidocr import EngineType

        from ingest.recognition.rapid_models import Frugal

        engine = EngineType.OPENVINO if quick else EngineType.ONNXRUNTIME
        self._recognise = Frugal(
            params={
                **{f"{model}.engine_type": engine for model in ("Det", "Cls", "Rec")},
                "Global.log_level": "critical",
                "Global.return_word_box": True,
                "Rec.rec_batch_num": 1,  # lines of all lengths padded to the longest cost memory
                "EngineConfig.openvino.inference_num_threads": 1,
                "EngineConfig.onnxruntime.intra_op_num_threads": 1,
                "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            }
        )

    def lines(self, pixels: bytes, width: int, height: int) -> list[Line]:
        """Lines in reading order of a grey picture."""
        import numpy as np

        picture = np.frombuffer(pixels, np.uint8).reshape(height, width)
        found = self._recognise(np.repeat(picture[:, :, None], 3, axis=2), return_word_box=True)
        if found.boxes is None:  # nothing was found, and the rest of the answer is of another shape then
            return []
        return in_reading_order([Line(words) for line in found.word_results or () if (words := _words(line))])


def _words(line: Any) -> list[Word]:
    words = []
    for text, _, corners in line or ():
        across, down = [int(x) for x, _ in corners], [int(y) for _, y in corners]
        if text.strip():
            words.append(Word(text, min(across), min(down), max(across), max(down)))
    return words
