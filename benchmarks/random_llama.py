"""Language models of random weights in the shape of Llama 3 8B: as slow as the real one, and as large.

Written as quantised blocks, without ever holding float weights. The vocabulary is the real one, which comes with
llama-cpp-python's source package; it is fetched from PyPI once. Models are kept in ~/.cache/footnote-benchmarks.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import tempfile
from importlib.metadata import version
from pathlib import Path

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Kind
from numpy.typing import NDArray

from app.chat_template import LLAMA_3

CACHE = Path.home() / ".cache" / "footnote-benchmarks"
LAYERS = 32
WIDTH, FEED, HEADS, KEY_HEADS, CONTEXT = 4096, 14336, 32, 8, 8192
VOCABULARY = "ggml-vocab-llama-bpe.gguf"
_POOL = 200_000  # blocks of random weights that are repeated: the processor can't tell
_LIKELY = 16  # bytes of a Q6_K block's scales

Blocks = NDArray[np.uint8]


def model(layers: int = LAYERS) -> Path:
    """A Q4_K_M file with so many of the 32 layers: 4.9 GB for all, 1.8 GB for eight. Made once, in half a minute."""
    path = CACHE / f"random-llama-3-8b-{layers}-layers.gguf"
    if not path.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        half = path.with_suffix(f".{os.getpid()}")
        _write(half, layers)
        half.rename(path)
    return path


def vocabulary() -> Path:
    """Raises CalledProcessError where PyPI can't be reached."""
    path = CACHE / VOCABULARY
    if not path.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        package = f"llama-cpp-python=={version('llama-cpp-python')}"
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", "llama-cpp-python"]
            subprocess.run([*command, package], cwd=folder, check=True)
            with tarfile.open(next(Path(folder).glob("llama*.tar.gz"))) as archive:
                member = next(name for name in archive.getnames() if name.endswith(f"/models/{VOCABULARY}"))
                content = archive.extractfile(member)
                assert content is not None
                path.write_bytes(content.read())
    return path


def _write(path: Path, layers: int) -> None:
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name(path.stem)
    _shape(writer, layers)
    _words(writer)
    weights = _Weights(writer)
    weights.add("token_embd", len(gguf.GGUFReader(vocabulary()).fields["tokenizer.ggml.tokens"].data), WIDTH, Kind.Q4_K)
    weights.add("output", weights.rows, WIDTH, Kind.Q6_K)
    weights.ones("output_norm")
    for number in range(layers):
        _layer(weights, f"blk.{number}.", Kind.Q6_K if _precise(number, layers) else Kind.Q4_K)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _precise(number: int, layers: int) -> bool:
    """Whether Q4_K_M keeps this layer's values and its way down in Q6_K."""
    eighth = layers // 8
    return number < eighth or number >= 7 * eighth or (number - eighth) % 3 == 2


def _layer(weights: _Weights, name: str, more: Kind) -> None:
    weights.ones(f"{name}attn_norm")
    weights.ones(f"{name}ffn_norm")
    keys = WIDTH // HEADS * KEY_HEADS
    weights.add(f"{name}attn_q", WIDTH, WIDTH, Kind.Q4_K)
    weights.add(f"{name}attn_k", keys, WIDTH, Kind.Q4_K)
    weights.add(f"{name}attn_v", keys, WIDTH, more)
    weights.add(f"{name}attn_output", WIDTH, WIDTH, Kind.Q4_K)
    weights.add(f"{name}ffn_gate", FEED, WIDTH, Kind.Q4_K)
    weights.add(f"{name}ffn_up", FEED, WIDTH, Kind.Q4_K)
    weights.add(f"{name}ffn_down", WIDTH, FEED, more)


def _shape(writer: gguf.GGUFWriter, layers: int) -> None:
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(layers)
    writer.add_feed_forward_length(FEED)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KEY_HEADS)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_rope_freq_base(500_000.0)
    writer.add_layer_norm_rms_eps(1e-5)


def _words(writer: gguf.GGUFWriter) -> None:
    fields = gguf.GGUFReader(vocabulary()).fields
    tokens = fields["tokenizer.ggml.tokens"].contents()
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("llama-bpe")
    writer.add_token_list(tokens)
    writer.add_token_types(fields["tokenizer.ggml.token_type"].contents())
    writer.add_token_merges(fields["tokenizer.ggml.merges"].contents())
    writer.add_bos_token_id(tokens.index("<|begin_of_text|>"))
    writer.add_eos_token_id(tokens.index("<|eot_id|>"))
    writer.add_chat_template(LLAMA_3)


class _Weights:
    """Random blocks with scales that keep what flows through the model small."""

    def __init__(self, writer: gguf.GGUFWriter) -> None:
        self._writer = writer
        self._chance = np.random.default_rng(1)
        self._pools = {kind: self._pool(kind) for kind in (Kind.Q4_K, Kind.Q6_K)}
        self._tensors: dict[tuple[Kind, int], Blocks] = {}
        self.rows = 0  # of the first tensor, which has one a token

    def add(self, name: str, rows: int, columns: int, kind: Kind) -> None:
        elements, size = gguf.GGML_QUANT_SIZES[kind]
        count = rows * columns // elements * size
        if (kind, count) not in self._tensors:
            self._tensors[kind, count] = np.resize(self._pools[kind], count)
        self.rows = self.rows or rows
        values = self._tensors[kind, count].reshape(rows, columns // elements * size)
        self._writer.add_tensor(f"{name}.weight", values, raw_dtype=kind)

    def ones(self, name: str) -> None:
        self._writer.add_tensor(f"{name}.weight", np.ones(WIDTH, np.float32))

    def _pool(self, kind: Kind) -> Blocks:
        size = gguf.GGML_QUANT_SIZES[kind][1]
        blocks = self._chance.integers(0, 256, (_POOL, size), dtype=np.uint8)
        if kind is Kind.Q4_K:  # scale and least value first, then the weights
            blocks[:, 0:2], blocks[:, 2:4] = _half(1.2e-4), _half(9e-4)
        else:  # the weights first, then a scale for each sixteen of them and one for all
            scales = self._chance.integers(-16, 16, (_POOL, _LIKELY), dtype=np.int8)
            blocks[:, 192:208], blocks[:, 208:210] = scales.view(np.uint8), _half(1.2e-4)
        return blocks.reshape(-1)


def _half(value: float) -> Blocks:
    return np.frombuffer(np.float16(value).tobytes(), np.uint8)
