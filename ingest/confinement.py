"""What the sandbox's child takes upon itself before it touches a hostile file. Nothing of it can be undone.

On Linux the kernel enforces it, for native code as well: resource limits, a Landlock ruleset for files (5.13 and newer;
it also keeps the child away from other processes' memory) and a seccomp filter for sockets and programs. Elsewhere
there are the resource limits that the system has, and Python's own sockets are replaced.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import platform
import socket
import struct
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any, NoReturn

_REFUSED = {  # system calls that open the network, start programs or reach into other processes
    "x86_64": (0xC000003E, (41, 59, 62, 101, 310, 311, 322, 425)),
    "aarch64": (0xC00000B7, (198, 221, 129, 117, 270, 271, 281, 425)),
}
_SYSTEM = (  # libraries, and the fonts that pdfium draws with where a file brings none
    "/lib /lib64 /usr/lib /usr/lib64 /usr/local/lib /nix/store /etc/ld.so.cache /usr/share/fonts /usr/local/share/fonts"
    " /usr/share/zoneinfo /dev/null /dev/urandom"
)
_BESIDE = 1024**3  # bytes of addresses
_READ_FILE, _READ_FOLDER = 1 << 2, 1 << 3


def limit(memory: int, cpu_seconds: int, open_files: int) -> list[str]:
    """Set the limits; return the names of those that the system keeps.

    `memory` is what the process may have to write to and share with none (Linux 4.7 and newer): what it can fill, to
    the page. Addresses are limited to `_BESIDE` more: libraries, which are shared, and what is reserved and not used.
    """
    import resource  # POSIX only, and needed in the child only

    wanted = {
        "memory": (resource.RLIMIT_DATA, memory),
        "addresses": (resource.RLIMIT_AS, memory + _BESIDE),
        "processor time": (resource.RLIMIT_CPU, cpu_seconds),
        "open files": (resource.RLIMIT_NOFILE, open_files),
        "file writing": (resource.RLIMIT_FSIZE, 0),
        "core dumps": (resource.RLIMIT_CORE, 0),
    }
    held = []
    for name, (kind, value) in wanted.items():
        hard = resource.getrlimit(kind)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        try:
            # the hard limit of processor time stays: at the soft one SIGXCPU tells the parent why, SIGKILL would not
            resource.setrlimit(kind, (value, hard if kind == resource.RLIMIT_CPU else value))
        except (ValueError, OSError):
            continue
        if not (
            kind in {resource.RLIMIT_AS, resource.RLIMIT_DATA} and sys.platform == "darwin"
        ):  # macOS accepts it and ignores it
            held.append(name)
    return held


def limit_time(seconds: int, *, more: bool = False) -> None:
    """Allow so many seconds of processor time from now on, or so many more than before."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_CPU)
    if more and soft == resource.RLIM_INFINITY:
        return
    wanted = soft + seconds if more else int(time.process_time()) + 1 + seconds
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CPU, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))


def restrict_files(readable: Iterable[str]) -> str:
    """Let this process read `readable` (files, and folders with all they hold) and write nothing; say if it worked."""
    if sys.platform != "linux":
        return "all of this account"
    libc = ctypes.CDLL(None, use_errno=True)
    version = libc.syscall(444, None, 0, 1)
    if version < 1:
        return "all of this account (the kernel has no Landlock)"
    rights = (1 << 13) - 1 | (1 << 13 if version >= 2 else 0) | (1 << 14 if version >= 3 else 0)
    attributes = struct.pack("QQQ", rights, 3, 3) if version >= 6 else struct.pack("Q", rights)
    ruleset = libc.syscall(444, attributes, len(attributes), 0)
    if ruleset < 0:
        return "all of this account (Landlock is switched off)"
    for path in readable:
        try:
            place = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except OSError:
            continue  # not on this machine
        allowed = _READ_FILE | (_READ_FOLDER if os.path.isdir(path) else 0)
        libc.syscall(445, ruleset, 1, struct.pack("=Qi", allowed, place), 0)
        os.close(place)
    libc.prctl(38, 1, 0, 0, 0)
    done = libc.syscall(446, ruleset, 0) == 0
    os.close(ruleset)
    return "its own only (refused by the kernel)" if done else "all of this account (Landlock failed)"


def code_folders(module: str) -> Iterator[str]:
    """Where Python and its libraries lie. Of a folder with a project in it only the packages: data may lie beside."""
    yield from _SYSTEM.split()
    prefixes = {os.path.join(prefix, "lib") for prefix in (sys.prefix, sys.base_prefix, sys.exec_prefix)}
    yield from prefixes
    for package in {module.partition(".")[0], "ingest", "storage"}:  # an editable install is on no path of sys.path
        spec = importlib.util.find_spec(package)
        yield from (spec.submodule_search_locations or []) if spec else []
    for entry in sys.path:
        if os.path.basename(entry) in {"site-packages", "dist-packages"} or entry.startswith(tuple(prefixes)):
            yield entry
        elif os.path.isdir(entry):
            yield os.path.join(entry, module.partition(".")[0])
            for name in os.listdir(entry):
                if os.path.exists(os.path.join(entry, name, "__init__.py")) or name.endswith((".py", ".so")):
                    yield os.path.join(entry, name)


def cut_network() -> str:
    """Refuse sockets and new programs; return in words how far that goes."""
    machine = platform.machine()
    if sys.platform == "linux" and machine in _REFUSED and _filter_calls(*_REFUSED[machine]):
        return "off (refused by the kernel)"
    socket.socket.connect = socket.socket.connect_ex = _no_network  # type: ignore[method-assign]
    socket.create_connection = _no_network
    return "off for Python code only"


def _no_network(*args: Any, **kwargs: Any) -> NoReturn:
    raise PermissionError("no network in the sandbox")


def _filter_calls(architecture: int, numbers: tuple[int, ...]) -> bool:
    """Install a seccomp filter under which the calls `numbers` fail with EPERM; False where the kernel has none."""
    load, equal, at_least, answer = 0x20, 0x15, 0x35, 0x06
    count = len(numbers)
    program = [
        (load, 0, 0, 4),  # which architecture's call table
        (equal, 0, count + 3, architecture),
        (load, 0, 0, 0),  # which call
        (at_least, count + 1, 0, 0x40000000),  # the x32 table, a way around the numbers
        *((equal, count - i, 0, number) for i, number in enumerate(numbers)),
        (answer, 0, 0, 0x7FFF0000),  # allow
        (answer, 0, 0, 0x00050001),  # fail with EPERM
    ]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in program))
    filter_ = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", len(program), ctypes.addressof(code)))
    libc = ctypes.CDLL(None, use_errno=True)
    return bool(libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, filter_, 0, 0) == 0)
