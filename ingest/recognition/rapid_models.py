"""rapidocr with its networks asked so that a page takes a third of the memory, and is read as well.

Detection is compiled for the size of the page: OpenVINO then shares memory between layers, which it does not where
sizes are open, and sees a large page smaller than it is read: it holds up to 140 bytes for each pixel. Lines are read
in groups of one width: for each width that it meets OpenVINO keeps ten megabytes, and a page has nearly as many widths
as lines. What one network holds goes before the other begins.

This leans on how rapidocr 3 is made inside: its attributes, and the methods that are replaced here.
"""

from __future__ import annotations

import ctypes
import sys
from collections import defaultdict
from dataclasses import replace
from typing import Any

import numpy as np
from rapidocr import RapidOCR

_SIDE = 1600  # pixels of the longer side, as detection sees it: as many words of real pages as with 2,000
_WIDTH = 640  # pixels by which groups of lines differ in width; lines are 48 high


class Frugal(RapidOCR):  # type: ignore[misc]  # rapidocr has no types
    def detect_and_crop(self, img: Any, op_record: Any) -> Any:
        self.text_rec = None  # it is loaded again in a third of a second; a page takes five
        detector = self._load_det_model()
        detector.limit_type, detector.limit_side_len = self._limits(*img.shape[:2])
        if hasattr(detector.session, "model"):  # OpenVINO's; ONNX Runtime takes each size as it comes
            detector.session = _OfOneSize(detector.session)
            detector.mean, detector.std = np.float32(detector.mean), np.float32(detector.std)
        found = super().detect_and_crop(img, op_record)
        _trim()
        return found

    def _limits(self, height: int, width: int) -> tuple[str, int]:
        """Small pictures are enlarged as rapidocr has it, which makes a narrow one huge: none beyond _SIDE."""
        kind, least = self.cfg.Det.limit_type, self.cfg.Det.limit_side_len
        longest = max(height, width) * max(1.0, least / min(height, width))
        return (kind, least) if longest <= _SIDE else ("max", _SIDE)

    def recognize_txt(self, img: list[Any]) -> Any:
        reader, groups = self._load_rec_model(), defaultdict(list)
        depth, height, _ = reader.rec_image_shape
        for place, line in enumerate(img):
            groups[-(-height * line.shape[1] // (line.shape[0] * _WIDTH)) * _WIDTH].append(place)
        read: list[Any] = [None] * len(img)
        for width, places in sorted(groups.items()):
            reader.rec_image_shape = [depth, height, width]
            found = super().recognize_txt([img[place] for place in places])
            each = zip(found.txts, found.scores, found.word_results, strict=True)
            for place, one in zip(places, each, strict=True):
                read[place] = one
            if hasattr(reader.session, "model"):
                reader.session.session.get_compiled_model().release_memory()
            _trim()
        texts, scores, words = zip(*read, strict=True)
        return replace(found, imgs=img, txts=texts, scores=scores, word_results=words)


class _OfOneSize:
    """The network of one of OpenVINO's sessions, compiled for the size of the picture, and anew where that changes."""

    def __init__(self, session: Any) -> None:
        self._model = session.model
        self._shape: tuple[int, ...] = ()
        self._request: Any = None

    def __call__(self, picture: Any) -> Any:
        from openvino import Core

        if self._shape != picture.shape:
            self._request = None
            self._model.reshape(list(picture.shape))
            compiled = Core().compile_model(self._model, "CPU", {"INFERENCE_NUM_THREADS": 1})
            self._request, self._shape = compiled.create_infer_request(), picture.shape
        self._request.infer([np.ascontiguousarray(picture)], share_inputs=True)
        seen = self._request.get_output_tensor().data.copy()
        self._request.get_compiled_model().release_memory()
        return seen


def _trim() -> None:
    """Give the system back what was freed."""
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "malloc_trim"):
        libc.malloc_trim(0)
