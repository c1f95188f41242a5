"""Embedding by OpenVINO: two to four times as fast as torch on a CPU with bf16, and a question in some milliseconds.

A model is converted and measured once (`ingest.conversion`, in a process of its own) and kept under a hash of its files
and the machine; from then on only openvino and tokenizers are needed. Other models stay with torch: `Unconvertible`
says why.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import queue
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

import filelock
import numpy as np
from numpy.typing import NDArray

from ingest.embed import Parts, batches, embed_alone, means, model_folder, prompts_of, spans_of, unit
from ingest.machine import identity, usable_cores
from ingest.meaning import Meaning
from ingest.quantization import GROUP, eight_bits
from storage.errors import InvalidInput
from storage.types import Vector

log = logging.getLogger(__name__)

Precision = Literal["", "bf16", "f32", "int8"]
_PRECISIONS: tuple[Precision, ...] = ("f32", "bf16", "int8")  # the nearest to torch first
_FORMAT = "2"  # of the kept files: another one makes them anew
BATCH_TOKENS = 768  # padded tokens at once: what they make stays in the processor's cache
_STREAMS = 16  # most runs of the model at once: each keeps what it makes of a batch
_SECONDS = 1800  # longest conversion
_USUAL = range(4, 40)  # tokens of a question: each length costs some milliseconds once, and is prepared
_STEP = 16  # longer texts are padded to a multiple of it


class Unconvertible(Exception):
    """OpenVINO can't run this model; the text says why."""


def openvino() -> Any:
    """The library, without its telemetry: the package reports each import to Google Analytics unless it is missing."""
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # None: not to be imported
    import openvino

    return openvino


class OpenVinoEmbedder:
    """A converted model in this process, on the CPU.

    Each batch runs on one core, as many batches at once as there are cores, of one call or of several: cores that share
    a batch wait for each other in every layer.
    """

    def __init__(self, name: str, folder: Path, *, precision: Precision = "", threads: int | None = None) -> None:
        """`folder`: what `converted` returned. Raises OSError, ValueError or RuntimeError for damaged files."""
        from tokenizers import Tokenizer

        definition = json.loads((folder / "definition.json").read_text("utf-8"))
        tokenizer_json = (folder / "tokenizer.json").read_text("utf-8")
        self.name = name
        self.dimensions = int(definition["dimensions"])
        self._inputs: list[str] = definition["inputs"]
        self._padding, self._pooling = int(definition["padding"]), str(definition["pooling"])
        self._prompts = prompts_of(definition["prompts"])
        self.token_spans = spans_of(tokenizer_json)
        self._tokenizer = Tokenizer.from_str(tokenizer_json)
        self._tokenizer.no_padding()
        self._longest = int(definition["longest"])
        self._tokenizer.enable_truncation(self._longest)
        special = self._tokenizer.num_special_tokens_to_add(False)
        self.max_tokens = self._longest - special - len(self.token_spans(self._prompts["passage"]))
        self.speeds = speeds_of(folder)
        precision = precision or best(self.speeds) or precisions()[0]
        requests = _compile(folder / "model.xml", precision, threads or usable_cores())
        self._free: queue.SimpleQueue[Any] = queue.SimpleQueue()
        for request in requests:
            self._free.put(request)
        self._threads = ThreadPoolExecutor(len(requests), thread_name_prefix="embed")
        self.backend = f"OpenVINO {precision}"
        for length in _USUAL:
            with self._states([np.full(length, self._padding, np.int64)]):
                pass

    def embed_queries(self, texts: list[str]) -> Vector:
        return self._embed([self._prompts["query"] + text for text in texts])

    def embed_question(self, text: str) -> Meaning:
        if self._pooling != "mean":
            return Meaning(self.embed_queries([text])[0])
        prompt = self._prompts["query"]
        encoding = self._tokenizer.encode(prompt + text)
        with self._states([np.array(encoding.ids, np.int64)]) as made:
            states = made[0, : len(encoding.ids)].copy()
        return Meaning(unit(states.mean(axis=0)[None])[0], states, _spans(encoding, len(prompt)))

    def embed_passages(self, texts: list[str]) -> Vector:
        return self._embed([self._prompts["passage"] + text for text in texts])

    def embed_raw(self, texts: list[str]) -> Vector:
        """Without a prefix: what the model makes of just these characters."""
        return self._embed(texts)

    def embed_parts(self, texts: list[str], parts: Sequence[Parts]) -> tuple[Vector, list[Vector]]:
        if self._pooling != "mean":
            return self.embed_passages(texts), embed_alone(self, texts, parts)
        prompt = self._prompts["passage"]
        encodings = self._tokenizer.encode_batch([prompt + text for text in texts])
        ids = [np.array(encoding.ids, np.int64) for encoding in encodings]
        vectors = np.zeros((len(texts), self.dimensions), np.float32)
        of_parts = [np.zeros((0, self.dimensions), np.float32)] * len(texts)

        def keep(row: int, tokens: Vector) -> None:
            vectors[row] = tokens.mean(axis=0)
            of_parts[row] = means(tokens, _spans(encodings[row], len(prompt)), parts[row], vectors[row])

        self._run(ids, keep)
        return unit(vectors), of_parts

    def _embed(self, texts: list[str]) -> Vector:
        ids = [np.array(encoding.ids, np.int64) for encoding in self._tokenizer.encode_batch(texts)]
        vectors = np.zeros((len(texts), self.dimensions), np.float32)

        def keep(row: int, tokens: Vector) -> None:
            vectors[row] = tokens.mean(axis=0) if self._pooling == "mean" else tokens[0]

        self._run(ids, keep)
        return unit(vectors)

    def _run(self, ids: Sequence[NDArray[np.int64]], keep: Callable[[int, Vector], None]) -> None:
        """Calls `keep(row, states)` for each row of `ids`, from several threads; the states are valid meanwhile."""

        def run(rows: list[int]) -> None:
            with self._states([ids[row] for row in rows]) as states:
                for row, tokens in zip(rows, states, strict=True):
                    keep(row, tokens[: len(ids[row])])

        groups = list(batches([self._padded(len(row)) for row in ids], BATCH_TOKENS))
        if len(groups) == 1:
            run(groups[0])
        else:
            list(self._threads.map(run, groups))

    @contextmanager
    def _states(self, ids: list[NDArray[np.int64]]) -> Iterator[Vector]:
        """The model's last states, (texts, tokens and padding, dimensions), as long as the block lasts."""
        given = self._given(ids)
        request = self._free.get()
        try:
            request.infer(given, share_inputs=True)
            yield np.asarray(request.get_output_tensor(0).data)
        finally:
            self._free.put(request)

    def _padded(self, length: int) -> int:
        """How many tokens the model is given for a text of `length`.

        The library prepares itself for each shape and keeps what it made, and it is slower where vectors of its
        instructions stay half empty: 200 tokens take longer than 208, many lengths longer, and more memory, than few.
        """
        return length if length in _USUAL else min(-(-length // _STEP) * _STEP, self._longest)

    def _given(self, ids: list[NDArray[np.int64]]) -> dict[str, NDArray[np.int64]]:
        shape = (len(ids), self._padded(max(len(row) for row in ids)))
        padded, mask = np.full(shape, self._padding, np.int64), np.zeros(shape, np.int64)
        for place, row in enumerate(ids):
            padded[place, : len(row)] = row
            mask[place, : len(row)] = 1
        given = {"input_ids": padded, "attention_mask": mask}
        for name in self._inputs:
            given.setdefault(name, np.zeros(shape, np.int64))  # token_type_ids: one text, so all of the first kind
        return given


def _spans(encoding: Any, prompt: int) -> NDArray[np.int64]:
    """Where each token stands after the prompt; nowhere, (-1, -1), for special ones."""
    spans = np.array(encoding.offsets, np.int64).reshape(-1, 2) - prompt
    spans[np.array(encoding.special_tokens_mask, bool)] = -1
    return spans


def precisions() -> list[Precision]:
    """What the processor can compute in, the likely fastest first; beside these, int8 runs everywhere."""
    known = openvino().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return ["bf16", "f32"] if "BF16" in known else ["f32"]


def speeds_of(folder: Path) -> dict[str, float]:
    """Texts for each second of processor time, by torch and by each precision near enough to it, as measured once on
    this machine; empty where they were not."""
    try:
        told = json.loads((folder / "measured.json").read_text("utf-8"))
        return dict(told["speeds"])
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def best(speeds: dict[str, float]) -> Precision | None:
    """The fastest precision; fewer bits only where they gain a tenth."""
    chosen: Precision | None = None
    for precision in _PRECISIONS:
        if precision in speeds and (chosen is None or speeds[precision] > 1.1 * speeds[chosen]):
            chosen = precision
    return chosen


def _compile(path: Path, precision: Precision, threads: int) -> list[Any]:
    """A request for each run at once. A question on one core takes what it takes on two."""
    core = openvino().Core()
    streams = min(threads, _STREAMS)
    wanted = {"INFERENCE_PRECISION_HINT": precision, "INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": streams}
    model = core.read_model(path)
    if precision == "int8":
        wanted["INFERENCE_PRECISION_HINT"] = precisions()[0]  # of what is not in eight bits
        wanted["DYNAMIC_QUANTIZATION_GROUP_SIZE"] = GROUP
        model = eight_bits(model)
    compiled = core.compile_model(model, "CPU", wanted)
    return [compiled.create_infer_request() for _ in range(streams)]


def load(model: str, kept: Path, *, precision: Precision = "", threads: int | None = None) -> OpenVinoEmbedder:
    """The model by OpenVINO, converted first where `kept` does not hold it yet. Raises Unconvertible, InvalidInput."""
    for again in (False, True):
        folder = converted(model, kept, afresh=again)
        try:
            return OpenVinoEmbedder(model, folder, precision=precision, threads=threads)
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            if again:
                raise Unconvertible(f"its converted files can't be loaded: {str(error)[:300]}") from error
            log.warning("The converted files of %s are damaged; they are made again. %s", model, error)
    raise AssertionError


def converted(model: str, kept: Path, *, afresh: bool = False) -> Path:
    """The folder of the converted model, complete or not there at all: it is renamed into place as a whole.

    Two processes that need it wait for each other. Raises Unconvertible, InvalidInput where there is no such model.
    """
    source = _source(model)
    kept.mkdir(parents=True, exist_ok=True)
    target = kept / f"{fingerprint(source)}-{hashlib.sha256(identity().encode()).hexdigest()[:8]}"
    with filelock.FileLock(f"{target}.lock"):
        if afresh:
            shutil.rmtree(target, ignore_errors=True)
        if not target.is_dir():
            _make(source, target)
    refusal = target / "refused.json"
    if refusal.is_file():
        raise Unconvertible(json.loads(refusal.read_text("utf-8"))["refused"])
    return target


def _make(source: Path, target: Path) -> None:
    """A refusal is kept too: it would not be another one at the next start. Whatever else goes wrong is tried again."""
    log.info("Converting the embedding model for OpenVINO, once.")
    for left in target.parent.glob(f"{target.name}.*/"):  # by a process that was killed
        shutil.rmtree(left, ignore_errors=True)
    unfinished = target.with_name(f"{target.name}.{uuid4().hex}")
    unfinished.mkdir()
    reading, writing = os.pipe()  # it ends with this process, and the conversion when it does
    try:
        command = [sys.executable, "-m", "ingest.conversion", str(source), str(unfinished)]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, stdin=reading)
        if ended.returncode != 0:
            raise Unconvertible(f"the conversion failed: {(ended.stderr.strip().splitlines() or ['?'])[-1][:300]}")
        if answer := ended.stdout.strip():
            (unfinished / "refused.json").write_text(answer.splitlines()[-1], "utf-8")
        unfinished.rename(target)
    except subprocess.TimeoutExpired as error:
        raise Unconvertible(f"the conversion took more than {_SECONDS} s") from error
    finally:
        os.close(reading)
        os.close(writing)
        shutil.rmtree(unfinished, ignore_errors=True)


def _source(model: str) -> Path:
    folder = model_folder(model)
    if folder is not None:
        return folder
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    others = ["*.onnx*", "*.h5", "*.msgpack", "*.ot", "onnx/*", "openvino/*", "coreml/*", "*.gguf"]
    try:
        return Path(snapshot_download(model, ignore_patterns=others))
    except (OSError, HfHubHTTPError, HFValidationError, LocalEntryNotFoundError) as error:
        raise InvalidInput(f"The embedding model {model} can't be loaded. Give a folder or a model's name.") from error


def fingerprint(folder: Path) -> str:
    """A hash of everything that makes the model: its weights, its tokenizer and their settings."""
    digest = hashlib.sha256(_FORMAT.encode())
    weights = list(folder.glob("*.safetensors")) or list(folder.glob("*.bin"))
    for file in sorted({*folder.rglob("*.json"), *folder.rglob("*.txt"), *weights}):
        if file.is_relative_to(folder / "onnx") or file.is_relative_to(folder / "openvino"):
            continue
        with file.open("rb") as opened:
            digest.update(f"{file.relative_to(folder)}\0{file.stat().st_size}\0".encode())
            digest.update(hashlib.file_digest(opened, "sha256").digest())
    return digest.hexdigest()[:32]
