"""A Whisper model of half a megabyte with weights by chance, in whisper.cpp's format: it hears, and says nonsense."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

STATE, HEADS, LAYERS, AUDIO, TEXT, MELS = 64, 1, 1, 1500, 448, 80
VOCABULARY = 51864  # the English models' size: whisper.cpp finds the special tokens by it


def build(path: Path) -> Path:
    chance = np.random.default_rng(3)
    out = bytearray(struct.pack("<I", 0x67676D6C))
    out += struct.pack("<11i", VOCABULARY, AUDIO, STATE, HEADS, LAYERS, TEXT, STATE, HEADS, LAYERS, MELS, 1)
    filters = np.abs(chance.normal(0, 0.01, (MELS, 201))).astype("<f4")
    out += struct.pack("<2i", MELS, 201) + filters.tobytes()
    words = [b" ", *(f" w{number}".encode() for number in range(1, 50256))]
    out += struct.pack("<i", len(words)) + b"".join(struct.pack("<I", len(word)) + word for word in words)
    for name, shape, half in _tensors():
        values = np.ones(shape) if name.endswith("ln.weight") else chance.normal(0, 0.05, shape)
        out += struct.pack("<3i", len(shape), len(name), int(half))
        out += struct.pack(f"<{len(shape)}i", *reversed(shape)) + name.encode()
        out += values.astype("<f2" if half else "<f4").tobytes()
    path.write_bytes(bytes(out))
    return path


def _tensors() -> list[tuple[str, tuple[int, ...], bool]]:
    tensors: list[tuple[str, tuple[int, ...], bool]] = [
        ("encoder.positional_embedding", (AUDIO, STATE), False),
        ("encoder.conv1.weight", (STATE, MELS, 3), True),
        ("encoder.conv1.bias", (STATE, 1), False),
        ("encoder.conv2.weight", (STATE, STATE, 3), True),
        ("encoder.conv2.bias", (STATE, 1), False),
        ("encoder.ln_post.weight", (STATE,), False),
        ("encoder.ln_post.bias", (STATE,), False),
        ("decoder.positional_embedding", (TEXT, STATE), False),
        ("decoder.token_embedding.weight", (VOCABULARY, STATE), True),
        ("decoder.ln.weight", (STATE,), False),
        ("decoder.ln.bias", (STATE,), False),
    ]
    for part in ("encoder", "decoder"):
        block = f"{part}.blocks.0"
        for attention in ("attn", "cross_attn") if part == "decoder" else ("attn",):
            tensors += [(f"{block}.{attention}_ln.{kind}", (STATE,), False) for kind in ("weight", "bias")]
            for piece in ("query", "key", "value", "out"):
                tensors.append((f"{block}.{attention}.{piece}.weight", (STATE, STATE), True))
                if piece != "key":
                    tensors.append((f"{block}.{attention}.{piece}.bias", (STATE,), False))
        tensors += [(f"{block}.mlp_ln.{kind}", (STATE,), False) for kind in ("weight", "bias")]
        tensors += [(f"{block}.mlp.0.weight", (4 * STATE, STATE), True), (f"{block}.mlp.0.bias", (4 * STATE,), False)]
        tensors += [(f"{block}.mlp.2.weight", (STATE, 4 * STATE), True), (f"{block}.mlp.2.bias", (STATE,), False)]
    return tensors
