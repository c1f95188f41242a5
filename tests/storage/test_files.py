"""Original files and cached renderings in a real folder."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from storage.errors import InvalidInput, NotFound
from storage.files import Files

VERSION = "0123456789abcdef" * 2


def names_under(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def keep(files: Files, content: bytes, version_id: str = VERSION) -> None:
    with files.receive(1000) as receiver:
        receiver.write(content)
        files.keep(receiver.finish(), version_id)


def test_what_is_kept_is_the_same_bytes_with_their_size_and_hash(files: Files, data_dir: Path) -> None:
    with files.receive(1000) as receiver:
        receiver.write(b"one ")
        receiver.write(b"two")
        incoming = receiver.finish()
        assert (incoming.size, incoming.sha256) == (7, hashlib.sha256(b"one two").hexdigest())
        files.keep(incoming, VERSION)
    assert files.original(VERSION).read_bytes() == b"one two"
    assert names_under(data_dir) == [f"files/01/{VERSION}"]


def test_a_file_that_is_too_large_is_refused_and_leaves_nothing_behind(files: Files, data_dir: Path) -> None:
    with pytest.raises(InvalidInput, match="UPLOAD_MAX_MB"), files.receive(10) as receiver:
        receiver.write(b"12345678")
        receiver.write(b"901")
    assert names_under(data_dir) == []


def test_a_file_of_exactly_the_largest_size_is_taken(files: Files) -> None:
    with files.receive(10) as receiver:
        receiver.write(b"1234567890")
        files.keep(receiver.finish(), VERSION)
    assert files.original(VERSION).stat().st_size == 10


def test_an_upload_that_breaks_off_leaves_nothing_behind(files: Files, data_dir: Path) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"half of"
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError), files.receive(1000) as receiver:
        asyncio.run(receiver.take(broken()))
    assert names_under(data_dir) == []


def test_what_was_received_and_not_kept_is_removed(files: Files, data_dir: Path) -> None:
    with files.receive(1000) as receiver:
        receiver.write(b"known already")
        receiver.finish()
    assert names_under(data_dir) == []


def test_a_stream_and_a_copy_arrive_whole(files: Files, tmp_path: Path) -> None:
    async def stream() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"abc"

    with files.receive(1000) as receiver:
        assert asyncio.run(receiver.take(stream())).size == 9
    source = tmp_path / "source"
    source.write_bytes(b"x" * 3_000_000)
    with files.receive(3_000_000) as receiver:
        incoming = receiver.copy(source)
        assert incoming.sha256 == hashlib.sha256(source.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    "version_id",
    ["", ".", "..", "../../etc/passwd", "/etc/passwd", VERSION + "/..", VERSION.upper(), VERSION[:-1], VERSION + "0"]
    + ["0" * 31 + "\n", VERSION + "\n", "\x00" * 32, "٠" * 32],
)
def test_an_id_that_is_none_of_ours_never_becomes_a_path(files: Files, data_dir: Path, version_id: str) -> None:
    with files.receive(1000) as receiver:
        receiver.write(b"x")
        incoming = receiver.finish()
        actions = [
            lambda: files.keep(incoming, version_id),
            lambda: files.original(version_id),
            lambda: files.rendering(version_id, "1.jpg"),
            lambda: files.delete(version_id),
            lambda: files.count(version_id),
        ]
        for action in actions:
            with pytest.raises(NotFound):
                action()
    assert names_under(data_dir) == []


@pytest.mark.parametrize("name", ["../x.jpg", "a/b.jpg", "/tmp/x.jpg", "..", ""])
def test_the_name_of_a_rendering_never_leaves_its_folder(files: Files, name: str) -> None:
    with pytest.raises(NotFound):
        files.rendering(VERSION, name)


def test_deleting_removes_the_original_and_every_rendering_and_counts_them(files: Files, data_dir: Path) -> None:
    other = "f" * 32
    keep(files, b"mine")
    keep(files, b"mine", other)
    for page in range(3):
        files.rendering(VERSION, f"{page}.jpg").write_bytes(b"drawn")
    files.rendering(other, "1.jpg").write_bytes(b"drawn")
    assert files.count(VERSION) == 4
    assert files.delete(VERSION) == 4
    assert files.delete(VERSION) == 0
    assert files.count(VERSION) == 0
    with pytest.raises(NotFound, match="Upload"):
        files.original(VERSION)
    assert names_under(data_dir) == [f"files/ff/{other}", f"renderings/{other}/1.jpg"]
