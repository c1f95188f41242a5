"""The original bytes of each version, and the pages drawn from them.

Each version owns its file, so deleting one document can never take another's bytes. Names of files on disk are
ids of ours; the uploaded name is data and never becomes a path.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from storage.errors import InvalidInput, NotFound

MAX_NAME = 255
_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Incoming:
    """Bytes that have arrived but belong to no version yet."""

    path: Path
    size: int
    sha256: str


class Files:
    def __init__(self, folder: Path) -> None:
        self.originals = folder / "files"
        self.renderings = folder / "renderings"
        self.incoming = folder / "incoming"

    @contextmanager
    def receive(self, max_bytes: int) -> Iterator[_Receiver]:
        """Take bytes in; what has not been kept by the end of the block is removed.

        Raises InvalidInput once more than `max_bytes` have come.
        """
        self.incoming.mkdir(parents=True, exist_ok=True)
        path = self.incoming / uuid4().hex
        try:
            with path.open("wb") as file:
                yield _Receiver(path, file, max_bytes)
        finally:
            path.unlink(missing_ok=True)

    def keep(self, incoming: Incoming, version_id: str) -> None:
        """Make received bytes the original of a version. Atomic."""
        target = self._original(version_id)
        target.parent.mkdir(parents=True, exist_ok=True)
        incoming.path.replace(target)

    def share(self, version_id: str, other: str) -> None:
        """Make the original of a version that of `other` too: each has a file, and deleting one leaves the other's.

        Raises NotFound when it is gone.
        """
        source, target = self.original(version_id), self._original(other)
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(source, target)
        except OSError:  # not every file system has links
            with self.receive(source.stat().st_size) as receiver:
                self.keep(receiver.copy(source), other)

    def original(self, version_id: str) -> Path:
        """Raises NotFound when the version's file is gone."""
        path = self._original(version_id)
        if not path.is_file():
            raise NotFound("The original file is no longer there. Upload the document again.")
        return path

    def rendering(self, version_id: str, name: str) -> Path:
        """Where the drawn page `name` of a version is cached; its folder exists, the file may not."""
        folder = self.renderings / _checked(version_id)
        if name in {"", ".", ".."} or Path(name).name != name:
            raise NotFound("There is no such rendering.")
        folder.mkdir(parents=True, exist_ok=True)
        return folder / name

    def delete(self, version_id: str) -> int:
        """Remove the original and every rendering of a version. Idempotent. Returns how many files went."""
        original, folder = self._original(version_id), self.renderings / _checked(version_id)
        removed = self.count(version_id)
        original.unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
        return removed

    def count(self, version_id: str) -> int:
        folder = self.renderings / _checked(version_id)
        cached = sum(1 for _ in folder.iterdir()) if folder.is_dir() else 0
        return cached + int(self._original(version_id).is_file())

    def _original(self, version_id: str) -> Path:
        return self.originals / _checked(version_id)[:2] / version_id


class _Receiver:
    def __init__(self, path: Path, file: BinaryIO, max_bytes: int) -> None:
        self._path, self._file, self._max = path, file, max_bytes
        self._hash, self._size = hashlib.sha256(), 0

    def write(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > self._max:
            raise InvalidInput(f"The file is larger than {self._max // 10**6:,} MB. Split it, or raise UPLOAD_MAX_MB.")
        self._hash.update(piece)
        self._file.write(piece)

    def finish(self) -> Incoming:
        self._file.flush()
        return Incoming(self._path, self._size, self._hash.hexdigest())

    async def take(self, stream: AsyncIterator[bytes]) -> Incoming:
        async for piece in stream:
            self.write(piece)
        return self.finish()

    def copy(self, path: Path) -> Incoming:
        with path.open("rb") as source:
            while piece := source.read(1 << 20):
                self.write(piece)
        return self.finish()


def _checked(version_id: str) -> str:
    if not _ID.fullmatch(version_id):
        raise NotFound("There is no such version.")
    return version_id


def file_name(name: str) -> str:
    """The uploaded name on one line; its folders, if a browser sent some, left out."""
    base = name.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1]
    shown = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in base).strip()
    shown = shown or "document"
    return shown if len(shown) <= MAX_NAME else shown[: MAX_NAME - 12] + shown[-12:]  # the ending may say what it is
