"""Folders as sources: of this machine, or anywhere that fsspec reaches (S3, GCS, SFTP, FTP, WebDAV, HTTP, SMB).

Links are not followed: they lead out of the folder, or round in circles. Credentials come from the environment or the
source's options, never from the URL, which is shown.
"""

from __future__ import annotations

import os
import posixpath
import re
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import fsspec

from ingest.patterns import Patterns
from ingest.sources import Entry, SourceError, Unread, guarded
from storage.errors import InvalidInput

# fsspec's name: what has to be installed for it
PROTOCOLS = {
    "file": "",
    "memory": "",
    "http": "aiohttp",
    "https": "aiohttp",
    "ftp": "",
    "s3": "s3fs",
    "gs": "gcsfs",
    "gcs": "gcsfs",
    "abfs": "adlfs",
    "sftp": "paramiko",
    "webdav": "webdav4",
    "webdavs": "webdav4",
    "smb": "smbprotocol",
}
MAX_DEPTH = 64
PIECE = 1 << 20
RACY = 2.0  # seconds in which a file can change again without a clock's noticing
_MODIFY = re.compile(r"(\d{14})(?:\.\d+)?")
_WEBDAV = {"webdav": "http", "webdavs": "https"}
_MARKS = (
    *("ETag", "etag", "md5Hash", "Content-MD5", "Last-Modified", "LastModified", "last_modified", "mtime", "modified"),
    *("updated", "last_write_time"),
)


def location_of(given: str) -> str:
    """The path or URL of a folder in the one form that is kept. Raises InvalidInput with what to write instead."""
    text = given.strip()
    if "::" in text:
        raise InvalidInput("A source is one folder: addresses chained by :: can't be taken.")
    if "://" not in text:
        if not os.path.isabs(text):
            raise InvalidInput("Give a folder's whole path, as in /srv/handbooks, or a URL, as in s3://bucket/folder.")
        return os.path.normpath(text)
    parts = urlsplit(text)
    if parts.scheme not in PROTOCOLS:
        raise InvalidInput(f"{parts.scheme}:// is none of {', '.join(PROTOCOLS)}.")
    if parts.scheme == "file":
        return location_of(unquote(parts.path))
    if {".", ".."} & set(parts.path.split("/")):
        raise InvalidInput("Give the folder's address without . and .. in it.")
    if parts.password or parts.query or parts.fragment:
        raise InvalidInput("The address is shown to admins: put passwords and keys into the options.")
    return text


class Folder:
    """`options` are fsspec's storage_options. Raises InvalidInput where the protocol's package is not installed."""

    def __init__(self, location: str, options: Mapping[str, Any], patterns: Patterns) -> None:
        self._location, self._options, self._patterns = location_of(location), dict(options), patterns
        protocol = urlsplit(self._location).scheme if "://" in self._location else "file"
        self._local, self._web = protocol == "file", protocol in {"http", "https"}
        self._webdav = protocol in _WEBDAV
        try:
            with guarded(self._options, self._location):
                self._fs, root = _opened(protocol, self._location, self._options)
        except SourceError as error:
            if isinstance(error.__context__, ImportError):
                package = PROTOCOLS[protocol]
                raise InvalidInput(f"{protocol}:// needs a package: pip install {package}.") from error
            raise
        self._root = root if root == "/" else root.rstrip("/")

    def entries(self) -> Iterator[Entry | Unread]:
        if self._local and not os.path.isdir(self._root):
            raise SourceError(f"There is no folder {self._root}, or it can't be read now.")
        self._fs.invalidate_cache()  # some keep what they listed before
        seen: set[str] = set()
        waiting = [("", self._root + "/" if self._web else self._root)]
        while waiting:
            key, path = waiting.pop()
            try:
                with guarded(self._options, f"{key or self._location} could not be listed"):
                    listed = self._fs.ls(quote(path) if self._webdav else path, detail=True)
            except SourceError as error:
                if not key:
                    raise
                yield Unread(f"{key}/", str(error))
                continue
            for info in sorted(listed, key=lambda info: str(info["name"])):
                child = self._key(str(info["name"]))
                if not child or child in seen:
                    continue
                seen.add(child)
                if info["type"] == "directory":
                    if child.count("/") >= MAX_DEPTH:
                        yield Unread(f"{child}/", f"{child}: folders are nested deeper than {MAX_DEPTH}.")
                    elif not _is_link(info) and not self._patterns.prune(child):
                        waiting.append((child, str(info["name"])))
                elif info["type"] == "file" and not _is_link(info) and self._patterns.take(child):
                    yield self._entry(child, info)

    def fetch(self, entry: Entry, write: Callable[[bytes], None]) -> None:
        with guarded(self._options, "It could not be fetched"):
            for piece in self._pieces(entry.handle):
                write(piece)

    def _entry(self, key: str, info: Mapping[str, Any]) -> Entry:
        if self._web:
            try:
                with guarded(self._options, key):
                    info = {**info, **self._fs.info(info["name"])}
            except SourceError:  # a server may refuse to tell: the file itself then says
                pass
        size = info.get("size")
        name = key.rsplit("/", 1)[-1]
        return Entry(key, name, _fingerprint(info), int(size) if size is not None else None, info["name"])

    def _key(self, path: str) -> str:
        """From the root, with slashes; empty for the root itself and what is not below it."""
        root = self._root.rstrip("/") + "/" if self._root else ""
        below = path.removeprefix(root).strip("/") if path.startswith(root) else ""
        if self._web:
            if any(mark in below for mark in "?#"):  # the columns of a server's listing
                return ""
            below = unquote(below)
        if any(part in {"", ".", ".."} for part in below.split("/")) or posixpath.isabs(below):
            return ""
        # names that are not text keep a form that is
        return below.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")

    def _pieces(self, path: str) -> Iterator[bytes]:
        if self._webdav:  # opened as a file, names with # or ? or % would be taken for addresses
            client = self._fs.client
            with client.http.stream("GET", f"{str(client.base_url).rstrip('/')}/{quote(path)}") as response:
                response.raise_for_status()
                yield from response.iter_bytes(PIECE)
            return
        with self._open(path) as file:
            while piece := file.read(PIECE):
                yield piece

    def _open(self, path: str) -> Any:
        if not self._local:
            return self._fs.open(path, "rb")
        # between the listing and now the file may have become a link, or a pipe that never ends
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        file = os.fdopen(descriptor, "rb")
        inside = os.path.realpath(path).startswith(os.path.join(os.path.realpath(self._root), ""))
        if not inside or not stat.S_ISREG(os.fstat(descriptor).st_mode):
            file.close()
            raise SourceError("It is not a file of this folder any more.")
        return file


def _opened(protocol: str, location: str, options: Mapping[str, Any]) -> tuple[Any, str]:
    """The file system, one of its own as fsspec would hand out an earlier run's, and the folder's path in it."""
    given = dict(options)
    if protocol == "sftp" and "host_key" in given:
        given["host_key_policy"] = _only(str(given.pop("host_key")))
    if protocol in _WEBDAV:
        parts = urlsplit(location)
        if isinstance(given.get("auth"), list):  # JSON knows no tuples, and httpx takes no lists
            given["auth"] = tuple(given["auth"])
        given["base_url"] = f"{_WEBDAV[protocol]}://{parts.netloc}"
        return fsspec.filesystem("webdav", **given, skip_instance_cache=True), unquote(parts.path).strip("/")
    file_system, root = fsspec.url_to_fs(location, **{**given, "skip_instance_cache": True})
    return file_system, root


def _only(host_key: str) -> Any:
    """Lets paramiko talk only to the server with this public key, as its .pub file has it. By default it believes
    whoever answers."""
    import paramiko

    class Only(paramiko.MissingHostKeyPolicy):  # type: ignore[misc]  # paramiko comes without types
        def missing_host_key(self, client: Any, hostname: str, key: Any) -> None:
            if host_key.split()[:2] != [key.get_name(), key.get_base64()]:
                raise paramiko.SSHException(f"the server has another host key, {key.get_name()} {key.fingerprint}")

    return Only()


def _fingerprint(info: Mapping[str, Any]) -> str:
    changed = _changed(info)
    if changed is not None and changed > time.time() - RACY:
        return ""
    marks = [f"{name}={info[name]}" for name in _MARKS if info.get(name) not in (None, "")]
    if changed is not None and "modify" in info:
        marks.append(f"modify={info['modify']}")
    if not marks and info.get("created"):  # of files that are made anew with each change
        marks = [f"created={info['created']}"]
    return f"{info.get('size')} {' '.join(marks)}" if marks else ""


def _changed(info: Mapping[str, Any]) -> float | None:
    """Seconds since 1970 by the clock of a disk, an SFTP or an FTP server; None where no such moment is told.

    FTP servers without MLSD (RFC 3659) tell the minute or the day, which says too little.
    """
    told = info.get("mtime")
    if isinstance(told, datetime):
        return told.timestamp()
    if isinstance(told, float):
        return told
    found = _MODIFY.fullmatch(str(info.get("modify")))
    try:
        return datetime.strptime(found[1], "%Y%m%d%H%M%S").replace(tzinfo=UTC).timestamp() if found else None
    except ValueError:  # a day that there is not
        return None


def _is_link(info: Mapping[str, Any]) -> bool:
    """FTP servers without MLSD tell it by the first letter of a file's mode."""
    return bool(info.get("islink")) or str(info.get("unix.mode")).startswith("l")
