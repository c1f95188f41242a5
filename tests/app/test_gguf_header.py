"""Headers of model files: read with bounds, whatever the file says."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import gguf
import pytest

from app import gguf_header
from app.gguf_header import read_header
from storage.errors import InvalidInput, NotFound
from tests import parrot


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return parrot.build(tmp_path_factory.mktemp("model") / "parrot.gguf")


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value)) + value.encode()


def written(folder: Path, *, tensors: int = 0, fields: int = 0, rest: bytes = b"", version: int = 3) -> Path:
    path = folder / "made.gguf"
    path.write_bytes(b"GGUF" + struct.pack("<IQQ", version, tensors, fields) + rest)
    return path


def test_a_header_tells_what_the_model_is(path: Path) -> None:
    header = read_header(path)
    reader = gguf.GGUFReader(path)
    assert (header.architecture, header.kind, header.context) == ("llama", "model", 8192)
    assert header.quantization == "F16"
    assert header.template == parrot.TEMPLATE
    assert header.parameters == sum(int(tensor.n_elements) for tensor in reader.tensors)
    assert {name: list(shape) for name, shape in header.shapes.items()} == {
        tensor.name: [int(size) for size in tensor.shape] for tensor in reader.tensors
    }
    assert "tokenizer.ggml.tokens" not in header.values


def test_blocks_are_as_large_as_ggml_s() -> None:
    theirs = {int(kind): sizes for kind, sizes in gguf.GGML_QUANT_SIZES.items()}
    assert {kind: theirs[kind] for kind in gguf_header._BLOCKS} == gguf_header._BLOCKS


def test_a_file_cut_anywhere_is_refused(path: Path, tmp_path: Path) -> None:
    whole = path.read_bytes()
    for size in (0, 3, 10, 24, 200, 5000, len(whole) // 2, len(whole) - 64):
        cut = tmp_path / f"{size}.gguf"
        cut.write_bytes(whole[:size])
        with pytest.raises(InvalidInput, match=r"cut off|no GGUF"):
            read_header(cut)


@pytest.mark.parametrize(
    ("made", "why"),
    [
        ({"tensors": 2**60}, "too many"),
        ({"fields": 2**60}, "too many"),
        ({"version": 77}, "unknown"),
        ({"fields": 1, "rest": struct.pack("<Q", 2**63)}, "too long"),
        ({"fields": 1, "rest": text("a") + struct.pack("<I", 99)}, "unknown type"),
        ({"fields": 1, "rest": text("a") + struct.pack("<IIQ", 9, 4, 2**40)}, "too many"),
        ({"fields": 1, "rest": text("a") + struct.pack("<IIQ", 9, 4, 2**20)}, "cut off"),
        ({"fields": 1, "rest": text("a") + struct.pack("<IIQ", 9, 9, 1)}, "arrays of arrays"),
        ({"tensors": 1, "rest": text("t") + struct.pack("<I", 9)}, "makes no sense"),
        ({"tensors": 1, "rest": text("t") + struct.pack("<IQQIQ", 2, 2**40, 2**40, 0, 0)}, "impossible size"),
        ({"tensors": 1, "rest": text("t") + struct.pack("<IQIQ", 1, 64, 0, 2**50)}, "outside"),
        ({"tensors": 1, "rest": text("t") + struct.pack("<IQIQ", 1, 2**20, 0, 0)}, "cut off"),
        (
            {"fields": 1, "rest": text("general.alignment") + struct.pack("<II", 4, 0)},
            "alignment",
        ),
    ],
)
def test_what_can_not_be_is_refused(tmp_path: Path, made: dict, why: str) -> None:
    with pytest.raises(InvalidInput, match=why):
        read_header(written(tmp_path, **made))


def test_bytes_changed_by_chance_never_do_more_than_raise(path: Path, tmp_path: Path) -> None:
    whole, chance = path.read_bytes(), random.Random(5)
    damaged = tmp_path / "damaged.gguf"
    refused = 0
    for number in range(150):
        data = bytearray(whole)
        for _ in range(3):
            data[chance.randrange(4, 3000)] = chance.randrange(256)
        damaged.write_bytes(bytes(data) + bytes(number))  # another size, so that it is read anew
        try:
            read_header(damaged)
        except InvalidInput:
            refused += 1
    assert refused > 20


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"nothing\.gguf"):
        read_header(tmp_path / "nothing.gguf")
