"""The header of a GGUF file, read with bounds: what a model file says of itself before any library loads it.

The file is foreign: every count, length and offset in it is checked against a limit and against the file's size, and
nothing is kept of what it holds but short values. Not covered: the weights themselves, hashes (`model_files`).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

from storage.errors import InvalidInput, NotFound

MOST_FIELDS = 4096
MOST_TENSORS = 65_536
MOST_ITEMS = 4 << 20  # of one array: vocabularies have a few hundred thousand
MOST_BYTES = 256 << 20  # of the whole header
LONGEST_KEY = 65_535
LONGEST_NAME = 127  # of a tensor; llama.cpp takes 63
LONGEST_TEXT = 16 << 20  # of one string: a chat template has some thousand
KEPT_ITEMS = 64  # of a short array

Value = int | float | bool | str | list[int | float | bool | str]

_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_TEXT, _ARRAY = 8, 9
# of each ggml type: weights in a block, and bytes of the block
_BLOCKS = {
    0: (1, 4),
    1: (1, 2),
    2: (32, 18),
    3: (32, 20),
    6: (32, 22),
    7: (32, 24),
    8: (32, 34),
    10: (256, 84),
    11: (256, 110),
    12: (256, 144),
    13: (256, 176),
    14: (256, 210),
    15: (256, 292),
    16: (256, 66),
    17: (256, 74),
    18: (256, 98),
    19: (256, 50),
    20: (32, 18),
    21: (256, 110),
    22: (256, 82),
    23: (256, 136),
    24: (1, 1),
    25: (1, 2),
    26: (1, 4),
    27: (1, 8),
    28: (1, 8),
    29: (256, 56),
    30: (1, 2),
    34: (256, 54),
    35: (256, 66),
    39: (32, 17),
}
_QUANTIZATIONS = {
    0: "F32",
    1: "F16",
    2: "Q4_0",
    3: "Q4_1",
    7: "Q8_0",
    8: "Q5_0",
    9: "Q5_1",
    10: "Q2_K",
    11: "Q3_K_S",
    12: "Q3_K_M",
    13: "Q3_K_L",
    14: "Q4_K_S",
    15: "Q4_K_M",
    16: "Q5_K_S",
    17: "Q5_K_M",
    18: "Q6_K",
    25: "IQ4_NL",
    30: "IQ4_XS",
    32: "BF16",
}


@dataclass(frozen=True, slots=True)
class Header:
    """What stands before the weights. `values` leaves out long arrays; `shapes` are the tensors', by name."""

    version: int
    values: dict[str, Value] = field(repr=False)
    shapes: dict[str, tuple[int, ...]] = field(repr=False)

    @property
    def parameters(self) -> int:
        total = 0
        for shape in self.shapes.values():
            weights = 1
            for size in shape:
                weights *= size
            total += weights
        return total

    @property
    def architecture(self) -> str:
        return self.text("general.architecture")

    @property
    def kind(self) -> str:
        """model, adapter and so on; files of older tools don't say, and are models."""
        return self.text("general.type") or "model"

    @property
    def context(self) -> int:
        """Tokens that the model was trained to read; 0 where it does not say."""
        value = self.values.get(f"{self.architecture}.context_length")
        return value if isinstance(value, int) else 0

    @property
    def quantization(self) -> str:
        value = self.values.get("general.file_type")
        return _QUANTIZATIONS.get(value, "") if isinstance(value, int) else ""

    @property
    def template(self) -> str:
        """The model's own chat template: foreign code, to be rendered by `chat_template` alone."""
        return self.text("tokenizer.chat_template")

    def text(self, key: str) -> str:
        value = self.values.get(key)
        return value if isinstance(value, str) else ""


def read_header(path: Path) -> Header:
    """Raises NotFound when there is no such file, InvalidInput when it is no GGUF file, damaged or cut off."""
    try:
        status = path.stat()
    except OSError as error:
        raise NotFound(f"There is no file {path} ({error.strerror}).") from error
    return _read(path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=64)
def _read(path: Path, size: int, _: int) -> Header:
    try:
        with path.open("rb") as file:
            return _Reader(path, file, size).header()
    except OSError as error:
        raise InvalidInput(f"{path} can't be read ({error.strerror}).") from error


class _Reader:
    def __init__(self, path: Path, file: BinaryIO, size: int) -> None:
        self._path, self._file, self._size, self._at = path, file, size, 0

    def header(self) -> Header:
        if self._bytes(4) != b"GGUF":
            raise InvalidInput(f"{self._path} is no GGUF file. Get the model's GGUF version.")
        version = self._number("I")
        if version not in (2, 3):
            raise self._damaged(f"its format version {version} is unknown")
        tensors, fields = self._count(MOST_TENSORS, "tensors"), self._count(MOST_FIELDS, "fields")
        values: dict[str, Value] = {}
        for _ in range(fields):
            key = self._text(LONGEST_KEY)
            value = self._value(self._number("I"))
            if value is not None:
                values[key] = value
        shapes: dict[str, tuple[int, ...]] = {}
        ends = [self._tensor(shapes) for _ in range(tensors)]
        alignment = values.get("general.alignment", 32)
        if isinstance(alignment, bool) or not isinstance(alignment, int) or not 1 <= alignment <= 1 << 20:
            raise self._damaged("its alignment makes no sense")
        start = -(-self._at // alignment) * alignment
        if ends and start + max(ends) > self._size:
            raise self._damaged("its weights end before they should: it is cut off")
        return Header(version, values, shapes)

    def _tensor(self, shapes: dict[str, tuple[int, ...]]) -> int:
        """Where the tensor's weights end, counted from the first one's beginning."""
        name = self._text(LONGEST_NAME)
        dimensions = self._number("I")
        if not 1 <= dimensions <= 4 or name in shapes:
            raise self._damaged("a tensor's description makes no sense")
        shape = tuple(self._number("Q") for _ in range(dimensions))
        weights = 1
        for size in shape:
            weights *= size
            if not 0 < weights < 1 << 48:
                raise self._damaged("a tensor has an impossible size")
        kind, offset = self._number("I"), self._number("Q")
        if offset > self._size:
            raise self._damaged("a tensor stands outside of the file, which is cut off")
        shapes[name] = shape
        per_block, block_bytes = _BLOCKS.get(kind, (1 << 48, 1))  # of an unknown type only the place is known
        return int(offset) + -(-weights // per_block) * block_bytes

    def _value(self, kind: int) -> Value | None:
        if kind in _SCALARS:
            return self._number(_SCALARS[kind])
        if kind == _TEXT:
            return self._text(LONGEST_TEXT)
        if kind != _ARRAY:
            raise self._damaged(f"a field has the unknown type {kind}")
        kind, count = self._number("I"), self._count(MOST_ITEMS, "items of an array")
        if kind in _SCALARS:
            if count > KEPT_ITEMS:
                self._skip(count * struct.calcsize(f"<{_SCALARS[kind]}"))
                return None
            return [self._number(_SCALARS[kind]) for _ in range(count)]
        if kind != _TEXT:
            raise self._damaged("arrays of arrays are no part of a model")
        if count > KEPT_ITEMS:
            for _ in range(count):
                self._skip(self._length(LONGEST_TEXT))
            return None
        return [self._text(LONGEST_TEXT) for _ in range(count)]

    def _text(self, longest: int) -> str:
        return self._bytes(self._length(longest)).decode("utf-8", "replace")

    def _length(self, longest: int) -> int:
        length = int(self._number("Q"))
        if length > longest:
            raise self._damaged(f"a text of {length} bytes is too long")
        return length

    def _count(self, most: int, what: str) -> int:
        count = int(self._number("Q"))
        if count > most:
            raise self._damaged(f"{count} {what} are too many")
        return count

    def _number(self, form: str) -> int:
        return struct.unpack(f"<{form}", self._bytes(struct.calcsize(f"<{form}")))[0]  # type: ignore[no-any-return]

    def _bytes(self, count: int) -> bytes:
        self._forward(count)
        data = self._file.read(count)
        if len(data) != count:
            raise self._damaged("it is cut off")
        return data

    def _skip(self, count: int) -> None:
        self._forward(count)
        self._file.seek(count, 1)

    def _forward(self, count: int) -> None:
        self._at += count
        if self._at > self._size:
            raise self._damaged("it is cut off")
        if self._at > MOST_BYTES:
            raise self._damaged("its header is too large")

    def _damaged(self, why: str) -> InvalidInput:
        return InvalidInput(f"{self._path} is no whole GGUF file: {why}. Get it again.")
