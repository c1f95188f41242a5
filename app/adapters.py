"""LoRA adapters: which file is for which documents, and whether it is made for a model.

An adapter belongs to the documents of a group of readers or of a source. An answer is written with it when more than
half of the passages that it is given are such documents'; otherwise by the model alone. Not covered: evaluating with it
(`llama`, `llm_engine`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from app.gguf_header import read_header
from storage.belonging import Belonging
from storage.errors import InvalidInput
from storage.types import Passage


@dataclass(frozen=True, slots=True)
class Adapter:
    """`of` is "group" or "source", `whose` its name."""

    of: str
    whose: str
    path: Path

    @property
    def name(self) -> str:
        return self.path.stem


def adapters_of(setting: str) -> tuple[Adapter, ...]:
    """What LLM_ADAPTERS says. Raises InvalidInput that names the part which can't be taken."""
    found = []
    for part in filter(None, (part.strip() for part in setting.split(","))):
        where, _, path = part.partition("=")
        of, _, whose = where.partition(":")
        if of.strip() not in ("group", "source") or not whose.strip() or not path.strip():
            raise InvalidInput(f"LLM_ADAPTERS: {part!r} is not like group:Legal=/models/legal.gguf.")
        found.append(Adapter(of.strip(), whose.strip(), Path(path.strip()).expanduser()))
    files = {(adapter.name, adapter.path) for adapter in found}
    if len({name for name, _ in files}) < len(files):
        raise InvalidInput("LLM_ADAPTERS: two files have the same name. Rename one of them.")
    return tuple(found)


class AdapterChoice:
    """Called with the passages of an answer, names the adapter that it is to be written with, or ""."""

    def __init__(self, adapters: Sequence[Adapter], belonging: Belonging) -> None:
        self._adapters, self._belonging = adapters, belonging

    def __call__(self, passages: Sequence[Passage]) -> str:
        if not passages or not self._adapters:
            return ""
        known = self._belonging.of({passage.document_id for passage in passages})
        counts: Counter[str] = Counter()
        for passage in passages:
            homes = known.get(passage.document_id, frozenset())
            counts.update({one.name for one in self._adapters if (one.of, one.whose) in homes})
        name, count = counts.most_common(1)[0] if counts else ("", 0)
        return name if 2 * count > len(passages) else ""


def check_adapter(path: Path, model: Path) -> None:
    """Raises InvalidInput when `path` is no LoRA adapter, or not one for the architecture and sizes of `model`."""
    adapter, base = read_header(path), read_header(model)
    if adapter.kind != "adapter" or adapter.text("adapter.type") != "lora":
        raise InvalidInput(f"{path} is no LoRA adapter in GGUF format.")
    if adapter.architecture != base.architecture:
        raise InvalidInput(f"The adapter {path} is for {adapter.architecture!r}, the model is {base.architecture!r}.")
    pairs = {name.removesuffix(".lora_a") for name in adapter.shapes if name.endswith(".lora_a")}
    if not pairs or len(adapter.shapes) != 2 * len(pairs):
        raise InvalidInput(f"The adapter {path} holds something else than pairs of matrices.")
    for name in pairs:
        shapes = (adapter.shapes[f"{name}.lora_a"], adapter.shapes.get(f"{name}.lora_b", ()), base.shapes.get(name, ()))
        if any(len(shape) != 2 for shape in shapes):
            raise InvalidInput(f"The adapter {path} is for another model: this one has no {name} to adapt.")
        (wide, rank), (same_rank, high), whole = shapes
        if rank != same_rank or whole != (wide, high):
            raise InvalidInput(f"The adapter {path} is for another model: the sizes of {name} differ.")
