"""LoRA adapter files: what their headers say, and which model each is made for.

Not covered: where they lie (`model_shelf`), which answers they are for (`adapter_choice`), evaluating with them
(`llama`, `loras`).
"""

from __future__ import annotations

from pathlib import Path

from app.gguf_header import Header, read_header
from storage.errors import InvalidInput


def read_adapter(path: Path) -> Header:
    """Raises InvalidInput when it is no LoRA adapter in GGUF format, NotFound when there is no such file."""
    header = read_header(path)
    if header.kind != "adapter" or header.text("adapter.type") != "lora":
        raise InvalidInput(f"{path.name} is no LoRA adapter in GGUF format.")
    pairs = _pairs(header)
    if not pairs or len(header.shapes) != 2 * len(pairs):
        raise InvalidInput(f"The adapter {path.name} holds something else than pairs of matrices.")
    return header


def check_adapter(path: Path, model: Path) -> None:
    """Raises InvalidInput when `path` is no LoRA adapter, or not one for the architecture and sizes of `model`."""
    adapter, base = read_adapter(path), read_header(model)
    if adapter.architecture != base.architecture:
        raise InvalidInput(
            f"The adapter {path.name} is for {adapter.architecture!r}, the model is {base.architecture!r}."
        )
    for name in _pairs(adapter):
        shapes = (adapter.shapes[f"{name}.lora_a"], adapter.shapes.get(f"{name}.lora_b", ()), base.shapes.get(name, ()))
        if any(len(shape) != 2 for shape in shapes):
            raise InvalidInput(f"The adapter {path.name} is for another model: this one has no {name} to adapt.")
        (wide, rank), (same_rank, high), whole = shapes
        if rank != same_rank or whole != (wide, high):
            raise InvalidInput(f"The adapter {path.name} is for another model: the sizes of {name} differ.")


def rank_of(header: Header) -> int:
    """The largest rank of its matrices."""
    return max(
        (shape[1] for name, shape in header.shapes.items() if name.endswith(".lora_a") and len(shape) == 2), default=0
    )


def base_of(header: Header) -> str:
    """The name of the model that it was trained on, where its file tells; else ""."""
    return header.text("general.base_model.0.name")


def _pairs(header: Header) -> set[str]:
    return {name.removesuffix(".lora_a") for name in header.shapes if name.endswith(".lora_a")}
