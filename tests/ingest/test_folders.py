"""Folders wherever they are: of this machine, in memory, behind a real web server, behind a real WebDAV server."""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from wsgiref.simple_server import WSGIRequestHandler, make_server

import fsspec
import pytest
from wsgidav.wsgidav_app import WsgiDAVApp

from ingest.folders import Folder, location_of
from ingest.patterns import Patterns
from ingest.sources import Entry, SourceError
from storage.errors import InvalidInput

PASSWORD = "a-reader's-secret"


def listed(folder: Folder) -> dict[str, Entry]:
    entries = {}
    for entry in folder.entries():
        assert isinstance(entry, Entry), entry
        entries[entry.key] = entry
    return entries


def content(folder: Folder, entry: Entry) -> bytes:
    pieces: list[bytes] = []
    folder.fetch(entry, pieces.append)
    return b"".join(pieces)


@pytest.mark.parametrize(
    "location",
    [
        *("handbooks", "../x", "", "gopher://x/y", "s3://key:secret@bucket/x", "https://h/x?token=1"),
        *("zip://a.zip::file:///etc", "simplecache::s3://x", "sftp://u:p@h/x", "https://h/docs/../x"),
    ],
)
def test_a_location_is_one_folder_without_credentials(location: str) -> None:
    with pytest.raises(InvalidInput):
        location_of(location)


def test_a_location_has_one_form() -> None:
    assert location_of(" /srv//x/../y/ ") == location_of("file:///srv/y") == "/srv/y"
    assert location_of("s3://bucket/docs") == "s3://bucket/docs"


def test_a_folder_in_memory_is_read_anew_each_time() -> None:
    memory = fsspec.filesystem("memory")
    memory.pipe({"/hr/leave.md": b"30 days", "/hr/x/pay.md": b"pay", "/hr2/other.md": b"other"})
    try:
        first = listed(Folder("memory://hr", {}, Patterns()))
        assert first.keys() == {"leave.md", "x/pay.md"}
        assert all(entry.fingerprint for entry in first.values())
        memory.pipe({"/hr/leave.md": b"31 days", "/hr/new.md": b"new"})
        folder = Folder("memory://hr", {}, Patterns())
        second = listed(folder)
        assert second.keys() == {"leave.md", "x/pay.md", "new.md"}
        assert second["leave.md"].fingerprint != first["leave.md"].fingerprint
        assert second["x/pay.md"].fingerprint == first["x/pay.md"].fingerprint
        assert content(folder, second["leave.md"]) == b"31 days"
    finally:
        memory.rm("/hr", recursive=True)
        memory.rm("/hr2", recursive=True)
    with pytest.raises(SourceError):
        listed(Folder("memory://hr", {}, Patterns()))


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def web_server(root: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(root)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_folder_behind_a_web_server(tmp_path: Path) -> None:
    for name in ("docs/leave policy.md", "docs/x/pay.md", "docs2/other.md", "docs/drafts/a.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"what {name} says")
    with web_server(tmp_path) as address:
        folder = Folder(f"{address}/docs", {}, Patterns([], ["drafts/"]))
        found = listed(folder)
        assert found.keys() == {"leave policy.md", "x/pay.md"}
        assert all(entry.size and entry.fingerprint for entry in found.values()), found
        assert content(folder, found["leave policy.md"]) == b"what docs/leave policy.md says"
        with pytest.raises(SourceError):
            listed(Folder(f"{address}/nothing", {}, Patterns()))
    with pytest.raises(SourceError):
        listed(folder)


@contextmanager
def webdav_server(root: Path) -> Iterator[str]:
    application = WsgiDAVApp(
        {
            "provider_mapping": {"/": str(root)},
            "simple_dc": {"user_mapping": {"*": {"reader": {"password": PASSWORD}}}},
            "http_authenticator": {"accept_basic": True, "accept_digest": False, "default_to_digest": False},
            "verbose": 0,
        }
    )
    server = make_server("127.0.0.1", 0, application, handler_class=Silent)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"webdav://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Silent(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


def test_a_folder_behind_a_webdav_server(tmp_path: Path) -> None:
    names = ("docs/leave.md", "docs/x y/pay ü #1?.md", "docs/100%25 or 50%.md", "docs2/other.md", "docs/drafts/a.md")
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"what {name} says")
    with webdav_server(tmp_path) as address:
        options = {"auth": ["reader", PASSWORD]}
        folder = Folder(f"{address}/docs", options, Patterns([], ["drafts/"]))
        found = listed(folder)
        assert found.keys() == {"leave.md", "x y/pay ü #1?.md", "100%25 or 50%.md"}
        for key, entry in found.items():
            assert content(folder, entry) == f"what docs/{key} says".encode()
            assert entry.size == len(content(folder, entry))
            assert entry.fingerprint
        assert listed(folder) == found
        (tmp_path / "docs/leave.md").write_text("31 days")
        assert listed(folder)["leave.md"].fingerprint != found["leave.md"].fingerprint
        assert listed(Folder(f"{address}/docs/x%20y/", options, Patterns())).keys() == {"pay ü #1?.md"}
        assert listed(Folder(address, options, Patterns())).keys() == set(names)
        for given in ({}, {"auth": ["reader", "wrong-secret"]}):
            with pytest.raises(SourceError) as caught:
                listed(Folder(f"{address}/docs", given, Patterns()))
            assert "secret" not in str(caught.value)
        with pytest.raises(SourceError):
            listed(Folder(f"{address}/nothing", options, Patterns()))
    with pytest.raises(SourceError):
        listed(folder)


def test_a_backend_that_is_not_installed_says_what_to_install_and_no_secret() -> None:
    pytest.importorskip("fsspec")
    with pytest.raises((InvalidInput, SourceError)) as caught:
        listed(Folder("smb://127.0.0.1:9/share", {"password": "hunter2hunter2"}, Patterns()))
    assert "hunter2" not in str(caught.value)


def test_a_link_that_took_a_files_place_is_not_read(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "x").mkdir(parents=True)
    (root / "x/leave.md").write_text("30 days")
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret/leave.md").write_text("the key")
    folder = Folder(str(root), {}, Patterns())
    entry = listed(folder)["x/leave.md"]
    assert content(folder, entry) == b"30 days"
    (root / "x").rename(root / "y")
    (root / "x").symlink_to(tmp_path / "secret")
    with pytest.raises(SourceError, match="not a file of this folder"):
        content(folder, entry)
    (root / "x").unlink()
    (root / "y").rename(root / "x")
    (root / "x/leave.md").unlink()
    (root / "x/leave.md").symlink_to(tmp_path / "secret/leave.md")
    with pytest.raises(SourceError):
        content(folder, entry)
