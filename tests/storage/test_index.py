"""`Index` on each backend, and what it says when the index is not there."""

from __future__ import annotations

import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from qdrant_client import QdrantClient

from storage.access import EVERYONE
from storage.errors import InvalidInput, Unavailable
from storage.index import Index
from tests.contracts.index_contract import (
    DIMENSIONS,
    KEY,
    TOM,
    IndexContract,
    IndexProcess,
    direction,
    point,
)


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IndexProcess]:
    with IndexProcess(tmp_path_factory.mktemp("index")) as process:
        yield process


def prepared(url: str, key: str, prefix: str) -> Iterator[Index]:
    index = Index(url, key, prefix=prefix)
    index.prepare("first", DIMENSIONS)
    yield index
    index.close()


class TestEmbeddedIndex(IndexContract):
    @pytest.fixture
    def index(self, process: IndexProcess) -> Iterator[Index]:
        yield from prepared(process.url, process.key, f"test_{uuid.uuid4().hex}")


@pytest.mark.skipif("QDRANT_URL" not in os.environ, reason="QDRANT_URL names no Qdrant server to test against")
class TestQdrantServer(IndexContract):
    @pytest.fixture
    def index(self) -> Iterator[Index]:
        url, key = os.environ["QDRANT_URL"], os.environ.get("QDRANT_API_KEY", "")
        prefix = f"test_{uuid.uuid4().hex}"  # whatever else the server holds stays as it is
        yield from prepared(url, key, prefix)
        headers = {"api-key": key} if key else None
        client = QdrantClient(url=url, headers=headers, check_compatibility=False)
        for generation in ("first", "second"):
            client.delete_collection(f"{prefix}_{generation}")
        client.close()


def unused_url() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


@pytest.fixture
def deaf() -> Iterator[str]:
    """The address of a server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture
def stranger() -> Iterator[str]:
    """The address of a server that answers every request with a page."""
    page = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello"

    def serve(listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.recv(65536)
                connection.sendall(page)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_without_an_index_reads_say_so_at_once() -> None:
    index = Index(unused_url(), KEY, patience=30)
    start = time.monotonic()
    with pytest.raises(Unavailable, match="can't be reached") as caught:
        index.search(direction(1), None, TOM, limit=5)
    assert caught.value.part == "index"
    assert "can't be reached" in (index.ready() or "")
    assert time.monotonic() - start < 25  # not the patience, which is for writing
    index.close()


def test_writes_give_up_when_their_patience_ends() -> None:
    index = Index(unused_url(), KEY, patience=0.3)
    start = time.monotonic()
    with pytest.raises(Unavailable, match="can't be reached"):
        index.set_terms("v", [EVERYONE])
    assert time.monotonic() - start >= 0.3
    index.close()


def test_writes_wait_for_an_index_that_is_restarting(tmp_path: Path) -> None:
    with IndexProcess(tmp_path) as process:
        index = Index(process.url, KEY, patience=30)
        index.prepare("first", DIMENSIONS)
        process.kill()
        writing = threading.Thread(target=index.upsert, args=([point(direction(1))], [EVERYONE]))
        writing.start()
        process.start()
        writing.join(30)
        assert not writing.is_alive()
        assert index.total() == 1
        index.close()


def test_an_index_that_does_not_answer_in_time_is_unavailable(deaf: str) -> None:
    index = Index(deaf, KEY, timeout=1, patience=30)
    with pytest.raises(Unavailable, match="within 1 seconds"):
        index.total()
    index.close()


def test_an_address_where_something_else_answers_is_named(stranger: str) -> None:
    index = Index(stranger, KEY)
    assert "QDRANT_URL" in (index.ready() or "")
    index.close()


def test_an_index_that_was_never_prepared_is_not_ready(process: IndexProcess) -> None:
    index = Index(process.url, process.key, prefix="unprepared")
    assert "not prepared" in (index.ready() or "")
    assert index.generation() is None
    assert index.search(direction(1), None, TOM, limit=5) == []  # nothing was read yet
    with pytest.raises(Unavailable, match="not prepared"):
        index.search(direction(1), None, TOM, limit=5, generation="lost")
    index.close()


@pytest.mark.parametrize("key", ["", "wrong"])
def test_a_wrong_key_is_named_as_the_reason(process: IndexProcess, key: str) -> None:
    index = Index(process.url, key)
    assert "QDRANT_API_KEY" in (index.ready() or "")
    index.close()


@pytest.mark.parametrize("url", ["ftp://127.0.0.1", "http://127.0.0.1:port"])
def test_an_address_that_is_no_url_is_refused_with_the_setting(url: str) -> None:
    with pytest.raises(InvalidInput, match="QDRANT_URL"):
        Index(url, KEY)


def test_a_proxy_does_not_come_between_the_parts_on_one_machine(
    process: IndexProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", unused_url())
    monkeypatch.setenv("http_proxy", unused_url())
    index = Index(process.url, process.key, prefix="proxied")
    index.prepare("first", DIMENSIONS)
    assert index.ready() is None
    index.close()
