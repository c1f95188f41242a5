"""Folders wherever they are: of this machine, in memory, behind real web, WebDAV, SFTP and FTP servers."""

from __future__ import annotations

import functools
import getpass
import os
import re
import socket
import subprocess
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http.server import HTTPServer, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from wsgiref.simple_server import WSGIRequestHandler, make_server

import fsspec
import pytest
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.filesystems import AbstractedFS
from pyftpdlib.handlers import FTPHandler
from pyftpdlib.servers import FTPServer
from wsgidav.wsgidav_app import WsgiDAVApp

from ingest.folders import Folder, location_of
from ingest.patterns import Patterns
from ingest.sources import Entry, SourceError
from storage.errors import InvalidInput

PASSWORD = "a-reader's-secret"
SSHD = "/usr/sbin/sshd"


def write(root: Path, names: Iterable[str]) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"what {name} says")


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
def served(server: HTTPServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def web_server(root: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(root)))
    with served(server):
        yield f"http://127.0.0.1:{server.server_port}"


def test_a_folder_behind_a_web_server(tmp_path: Path) -> None:
    write(tmp_path, ("docs/leave policy.md", "docs/x/pay.md", "docs2/other.md", "docs/drafts/a.md"))
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
    with served(server):
        yield f"webdav://127.0.0.1:{server.server_port}"


class Silent(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


def test_a_folder_behind_a_webdav_server(tmp_path: Path) -> None:
    names = ("docs/leave.md", "docs/x y/pay ü #1?.md", "docs/100%25 or 50%.md", "docs2/other.md", "docs/drafts/a.md")
    write(tmp_path, names)
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


@contextmanager
def sftp_server(folder: Path) -> Iterator[tuple[str, str]]:
    """OpenSSH's own, for the user who runs this: the address, and the file of a key that opens it."""
    for name in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = [
        f"ListenAddress=127.0.0.1:{port}",
        f"HostKey={folder / 'host'}",
        f"AuthorizedKeysFile={folder / 'user.pub'}",
        *("StrictModes=no", "UsePAM=no", "PidFile=none", "PermitRootLogin=yes", "Subsystem=sftp internal-sftp"),
    ]
    command = [SSHD, "-D", "-e", "-f", os.devnull, *(word for option in options for word in ("-o", option))]
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        until = time.monotonic() + 20
        while "listening" not in (folder / "log").read_text():
            assert server.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < until
            time.sleep(0.05)
        yield f"sftp://{getpass.getuser()}@127.0.0.1:{port}", str(folder / "user")
    finally:
        server.terminate()
        server.wait(10)


@pytest.mark.skipif(not os.path.exists(SSHD), reason="no OpenSSH server is installed")
def test_a_folder_behind_an_sftp_server(tmp_path: Path) -> None:
    root, keys = tmp_path / "root", tmp_path / "keys"
    keys.mkdir()
    names = ("leave.md", "x y/pay ü #1?.md", "50%.md", "drafts/a.md")
    write(root, names)
    (root / "link.md").symlink_to(tmp_path / "keys/user")
    with sftp_server(keys) as (address, key):
        folder = Folder(f"{address}{root}", {"key_filename": key}, Patterns([], ["drafts/"]))
        found = listed(folder)
        assert found.keys() == {"leave.md", "x y/pay ü #1?.md", "50%.md"}
        assert all(content(folder, entry) == f"what {name} says".encode() for name, entry in found.items())
        (root / "leave.md").unlink()
        assert listed(folder).keys() == {"x y/pay ü #1?.md", "50%.md"}
        with pytest.raises(SourceError):
            listed(Folder(f"{address}{root}/nothing", {"key_filename": key}, Patterns()))
        with pytest.raises(SourceError) as caught:
            listed(Folder(f"{address}{root}", {"password": PASSWORD, "look_for_keys": False}, Patterns()))
        assert PASSWORD not in str(caught.value)
        for name, known in (("host", True), ("user", False)):
            options = {"key_filename": key, "host_key": (keys / f"{name}.pub").read_text()}
            if known:
                assert len(listed(Folder(f"{address}{root}", options, Patterns()))) == 3
            else:
                with pytest.raises(SourceError, match="another host key"):
                    listed(Folder(f"{address}{root}", options, Patterns()))


@contextmanager
def ftp_server(root: Path, *, mlsd: bool = True, **others: object) -> Iterator[str]:
    """Without `mlsd` it knows only LIST, as old servers do."""
    authorizer = DummyAuthorizer()
    authorizer.add_user("reader", PASSWORD, str(root))
    commands = {name: told for name, told in FTPHandler.proto_cmds.items() if mlsd or name not in {"MLSD", "MLST"}}
    quick = {"auth_failed_timeout": 0.1}  # seconds that a wrong password waits
    handler = type("Handler", (FTPHandler,), {"authorizer": authorizer, "proto_cmds": commands, **quick, **others})
    server = FTPServer(("127.0.0.1", 0), handler)
    ended = threading.Event()

    def serve() -> None:
        while not ended.is_set():
            server.serve_forever(timeout=0.05, blocking=False, handle_exit=False)
        server.close_all()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"ftp://127.0.0.1:{server.address[1]}"
    finally:
        ended.set()
        thread.join()


@pytest.mark.parametrize("mlsd", [True, False])
def test_a_folder_behind_an_ftp_server(tmp_path: Path, *, mlsd: bool) -> None:
    root = tmp_path / "root"
    names = ("docs/leave.md", "docs/x y/pay ü #1?.md", "docs/50%.md", "docs2/other.md", "docs/drafts/a.md")
    write(root, names)
    for name in names:
        os.utime(root / name, (10**9, 10**9))
    (tmp_path / "secret.md").write_text("the key")
    if not mlsd:  # with it a server says what a link is: this one, a file
        (root / "docs/link.md").symlink_to(tmp_path / "secret.md")
    with ftp_server(root, mlsd=mlsd) as address:
        options = {"username": "reader", "password": PASSWORD}
        folder = Folder(f"{address}/docs", options, Patterns([], ["drafts/"]))
        found = listed(folder)
        assert found.keys() == {"leave.md", "x y/pay ü #1?.md", "50%.md"}
        for key, entry in found.items():
            assert content(folder, entry) == f"what docs/{key} says".encode()
            assert entry.size == len(content(folder, entry))
            assert bool(entry.fingerprint) is mlsd
        assert listed(folder) == found
        os.utime(root / "docs/50%.md", (10**9 + 1, 10**9 + 1))
        assert (listed(folder)["50%.md"].fingerprint != found["50%.md"].fingerprint) is mlsd
        (root / "docs/leave.md").write_text("31 days")
        assert not listed(folder)["leave.md"].fingerprint, "it may change once more in the second that is told"
        assert listed(Folder(address, options, Patterns())).keys() == {*names}
        for given in ({}, {**options, "password": "wrong-secret"}):
            with pytest.raises(SourceError) as caught:
                listed(Folder(f"{address}/docs", given, Patterns()))
            assert "secret" not in str(caught.value)
        with pytest.raises(SourceError):
            listed(Folder(f"{address}/nothing", options, Patterns()))


class Nonsense(AbstractedFS):
    def format_mlsx(self, *given: object, **named: object) -> Iterator[bytes]:
        for line in super().format_mlsx(*given, **named):
            yield re.sub(rb"modify=\d+", b"modify=20269999999999", line)


def test_an_ftp_server_that_tells_a_day_that_there_is_not(tmp_path: Path) -> None:
    (tmp_path / "leave.md").write_text("30 days")
    with ftp_server(tmp_path, abstracted_fs=Nonsense) as address:
        folder = Folder(address, {"username": "reader", "password": PASSWORD}, Patterns())
        [entry] = listed(folder).values()
        assert (entry.fingerprint, content(folder, entry)) == ("", b"30 days")


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
