"""Which library embeds on this machine: torch on a GPU and for what OpenVINO can't take, else the faster one."""

from __future__ import annotations

import importlib.util
import logging
import platform
from pathlib import Path
from typing import Literal

from ingest.embed import Embedder, SentenceTransformerEmbedder
from storage.errors import InvalidInput

log = logging.getLogger(__name__)

Backend = Literal["", "openvino", "torch"]
Precision = Literal["", "bf16", "f32", "int8"]


def local_embedder(
    model: str,
    kept: Path,
    *,
    device: str = "",
    backend: Backend = "",
    precision: Precision = "",
    threads: int = 0,
) -> Embedder:
    """The model in this process. `kept` is the folder of converted models; nothing is chosen twice.

    Without a wish it is torch where there is a GPU and for what OpenVINO can't take, else what was faster when this
    machine first had the model. Raises InvalidInput for a model that can't be loaded, or a wish that can't be met.
    """
    gpu = device not in {"", "cpu"} or (not device and has_gpu())
    if backend == "torch" or (gpu and not backend):
        return SentenceTransformerEmbedder(model, device=device or None, threads=threads or None)
    if importlib.util.find_spec("openvino") is None:
        reason = "the package openvino is not installed"
    else:
        from ingest import openvino_model

        try:
            made = openvino_model.load(model, kept, precision=precision, threads=threads or None)
            if backend == "openvino" or precision == "int8" or not _torch_is_faster(made.speeds):
                return made
            log.info("torch embeds faster than OpenVINO on this machine, so it does.")
            return SentenceTransformerEmbedder(model, device=device or None, threads=threads or None)
        except openvino_model.Unconvertible as error:
            reason = str(error)
    if backend == "openvino":
        raise InvalidInput(f"EMBED_BACKEND: OpenVINO can't run {model}: {reason}. Leave the setting empty.")
    log.warning("OpenVINO can't run the embedding model %s: %s. torch does, more slowly.", model, reason)
    return SentenceTransformerEmbedder(model, device=device or None, threads=threads or None)


def _torch_is_faster(speeds: dict[str, float]) -> bool:
    """By a tenth at least; half of that is chance."""
    by_torch = speeds.get("torch", 0.0)
    return by_torch > 1.1 * max((speed for name, speed in speeds.items() if name != "torch"), default=by_torch)


def has_gpu() -> bool:
    """Whether torch may find one here; asked without importing it."""
    if platform.system() == "Darwin":
        return platform.machine() == "arm64"
    devices = Path("/dev")
    return any(devices.glob("nvidia[0-9]*")) or (devices / "kfd").exists() or (devices / "dxg").exists()
