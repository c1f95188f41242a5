"""A sentence-transformers model becomes files that OpenVINO and tokenizers read without torch.

Run as a process of its own (`python -m ingest.conversion MODEL TARGET`), so that torch's memory ends with it. What a
model is (prefixes, pooling, longest input) is what sentence-transformers makes of its files, and the result is compared
with torch's vectors before it counts. Models with other parts than an encoder and a plain pooling are refused. While
torch is here, it and all precisions are timed on this machine, and the figures kept: library and precision are chosen
by them.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ingest.embed import unit
from ingest.machine import identity, usable_cores
from storage.types import Vector

ROUNDS, SECONDS = 3, 0.3  # of each timing, in turns: the best counts
ALIKE = 0.999  # cosine to torch's vectors, below which a conversion is thrown away
_POOLINGS = ("mean", "cls")
_TEXTS = [
    "",
    "leave",
    "Unused vacation days can be carried over until 31 March of the following year.",
    "The pump P-200 delivers 12.5 l/min at 3 bar; its seal has to be changed every 4,000 hours. " * 3,
    "Überstunden werden mit 25 % vergütet. 残った有給休暇を繰り越す。 " * 6,
]


class Refused(Exception):
    """This model can't be converted, and trying again will not help."""


def convert(model: str, target: Path) -> None:
    """Write the model, its definition and how fast it is here into the folder `target`. Raises Refused."""
    import torch
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
    torch.manual_seed(0)
    source = SentenceTransformer(model, device="cpu", local_files_only=True)
    definition = _definition(source)
    (target / "tokenizer.json").write_text(source.tokenizer.backend_tokenizer.to_str(), "utf-8")
    _write_encoder(source, definition["inputs"], target / "model.xml")
    (target / "definition.json").write_text(json.dumps(definition, indent=1), "utf-8")
    wanted = unit(np.asarray(source.encode(_TEXTS, prompt="", show_progress_bar=False), np.float32))
    likeness = _likeness(wanted, _embedder(target, "f32"))
    if not likeness.min() >= ALIKE:
        raise Refused(f"its vectors differ from torch's after the conversion (cosine {likeness.min():.4f})")
    told = {"machine": identity(), "speeds": _speeds(source, target, wanted)}
    (target / "measured.json").write_text(json.dumps(told, indent=1), "utf-8")


def _speeds(source: Any, folder: Path, wanted: Vector) -> dict[str, float]:
    """Texts for each second of processor time, by library and by each precision whose vectors are near enough to
    torch's. On the clock the others that use the processor would decide."""
    import torch

    from ingest.openvino_model import precisions

    torch.set_num_threads(usable_cores())
    candidates: dict[str, Callable[[list[str]], object]] = {
        "torch": lambda texts: source.encode(texts, prompt="", show_progress_bar=False)
    }
    for precision in (*precisions(), "int8"):
        embedder = _embedder(folder, precision)
        if _likeness(wanted, embedder).mean() >= ALIKE:
            candidates[precision] = embedder.embed_raw
    texts = [_TEXTS[3] * 2] * 8
    speeds = dict.fromkeys(candidates, 0.0)
    for _ in range(ROUNDS):
        for name, embed in candidates.items():
            speeds[name] = max(speeds[name], _speed(embed, texts))
    return speeds


def _speed(embed: Callable[[list[str]], object], texts: list[str]) -> float:
    embed(texts)
    began, used, done = time.perf_counter(), time.process_time(), 0
    while time.perf_counter() - began < SECONDS:
        embed(texts)
        done += len(texts)
    return done / (time.process_time() - used)


def _definition(source: Any) -> dict[str, Any]:
    """What is needed beside the weights. Raises Refused for parts that only sentence-transformers can run."""
    modules = list(source)
    kinds = [type(module).__name__ for module in modules]
    if kinds[:2] != ["Transformer", "Pooling"] or kinds[2:] not in ([], ["Normalize"]):
        raise Refused(f"it is made of {', '.join(kinds)}")
    pooling = modules[1].get_config_dict()
    mode = pooling.get("pooling_mode")
    if mode not in _POOLINGS:
        raise Refused(f"its pooling is {mode}")
    tokenizer = source.tokenizer
    if not getattr(tokenizer, "is_fast", False) or tokenizer.padding_side != "right" or tokenizer.pad_token_id is None:
        raise Refused("its tokenizer works another way")
    prompts = {name: str(text or "") for name, text in source.prompts.items()}
    if any(prompts.values()) and not pooling.get("include_prompt", True):
        raise Refused("its pooling leaves the prefix out")
    return {
        "inputs": [name for name in tokenizer.model_input_names if name in _inputs_of(modules[0].auto_model)],
        "dimensions": int(source.get_embedding_dimension() or 0),
        "longest": int(source.get_max_seq_length() or 512),
        "pooling": mode,
        "prompts": prompts,
        "padding": int(tokenizer.pad_token_id),
    }


def _inputs_of(encoder: Any) -> set[str]:
    import inspect

    return set(inspect.signature(encoder.forward).parameters)


def _write_encoder(source: Any, inputs: list[str], path: Path) -> None:
    import torch

    from ingest.openvino_model import openvino

    class Encoder(torch.nn.Module):  # type: ignore[misc]  # one output, named inputs in a known order
        def __init__(self, encoder: Any) -> None:
            super().__init__()
            self.encoder = encoder

        def forward(self, *values: Any) -> Any:
            return self.encoder(**dict(zip(inputs, values, strict=True))).last_hidden_state

    features = source.tokenizer(_TEXTS[1:4], padding=True, truncation=True, max_length=64, return_tensors="pt")
    ov = openvino()
    with torch.no_grad():  # rows of different length: a mask without padding would be left out of the graph
        model = ov.convert_model(
            Encoder(source[0].auto_model.eval()), example_input=[features[name] for name in inputs]
        )
    for port, name in zip(model.inputs, inputs, strict=True):
        port.get_tensor().set_names({name})
        port.get_node().set_partial_shape(ov.PartialShape([-1, -1]))
    model.validate_nodes_and_infer_types()
    ov.save_model(model, path, compress_to_fp16=False)


def _embedder(folder: Path, precision: Any) -> Any:
    from ingest.openvino_model import OpenVinoEmbedder

    return OpenVinoEmbedder("converted", folder, precision=precision)


def _likeness(wanted: Vector, embedder: Any) -> Vector:
    """The cosine of each of the texts, (texts,)."""
    alike: Vector = (wanted * embedder.embed_raw(_TEXTS)).sum(axis=1)
    return alike


def _end_with_input() -> None:
    """What started it holds the other end, and may be killed: nobody would take the result then."""
    os.read(sys.stdin.fileno(), 1)  # not the stream: Python waits for its lock when it ends
    os._exit(1)


def main() -> None:
    """The reason of a refusal goes to standard output; whatever else fails ends with a traceback.

    It ends when its standard input does.
    """
    model, target = sys.argv[1:]
    threading.Thread(target=_end_with_input, daemon=True).start()
    try:
        convert(model, Path(target))
    except Refused as refusal:
        sys.stdout.write(json.dumps({"refused": str(refusal)}) + "\n")


if __name__ == "__main__":
    main()
