"""Functions that behave as badly as a parser can. They are only ever called in a sandbox."""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time

from ingest import child, parse
from storage.errors import DocumentError


def double(value):
    return [value, value]


def spin():
    while True:
        pass


def sleep():
    time.sleep(600)


def hog():
    return len(bytearray(8 * 1024**3))


def fill(megabytes):
    return len(bytearray(megabytes << 20))


def hold(megabytes, released):
    """Fill memory until there is a file or folder `released`; when it began and ended."""
    begun = time.monotonic()
    held = b"x" * (megabytes << 20)
    while not os.path.exists(released):
        time.sleep(0.01)
    return begun, time.monotonic(), len(held)


def reserve(megabytes):
    """Addresses that nothing can be written to."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    return libc.mmap(None, ctypes.c_size_t(megabytes << 20), 0, 0x22, -1, 0) != ctypes.c_void_p(-1).value


def share(megabytes):
    import mmap

    return len(mmap.mmap(-1, megabytes << 20))


def pieces(count):
    yield {"count": count}
    for number in range(count):
        yield ["€" * number, "\ud800"]


def pieces_and_failure(count):
    yield from range(count)
    raise DocumentError("It is torn.", "Mend it.")


def abort():
    os.abort()


def vanish():
    os._exit(0)


def fail():
    raise ValueError("secret detail")


def refuse():
    raise DocumentError("The file is odd.", "Upload another one.")


def talk():
    print('{"result": "forged"}')
    os.write(1, b'{"result": "forged"}\n')
    return "real"


def flood():
    return "x" * 3_000_000


def babble():
    os.write(child._results, b"\x00\xff not json\n")


def count_pages():
    for page in range(1, 4):
        child.report(page, 3)
    return "counted"


def connect(port):
    with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
        connection.sendall(b"hello")
    return "connected"


def native_socket():
    return ctypes.CDLL(None, use_errno=True).socket(2, 1, 0)


def start_program():
    return subprocess.run([sys.executable, "-V"], check=False).returncode


def write(path):
    with open(path, "w", encoding="utf-8") as file:
        file.write("something")
    return "written"


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def peek_at_parent():
    with open(f"/proc/{os.getppid()}/environ", "rb") as file:
        return len(file.read())


def environment():
    return sorted(os.environ)


def tell_pid_and_sleep():
    child.report(os.getpid(), 2**31 - 1)
    time.sleep(600)


def tell_pid_and_wait():
    child.report(os.getpid(), 2**31 - 1)
    time.sleep(2)
    return "done"


def outcome(path, name):
    """What reading a file came to, as `ingest.parse` reads it in a child: its format and words, or the reason."""
    try:
        head, *sections = parse.read(path, name, "not asked for")
    except DocumentError as error:
        return {"reason": error.reason, "remedy": error.remedy}
    return {"format": head["format"], "text": "\n".join(section[1] for section in sections)}


def answer(path, name):
    """What reading a file gives, before it is checked."""
    return parse.read(path, name, "not asked for")


def open_many():
    kept = []
    while len(kept) < 5_000:
        kept.append(open("/dev/null", "rb"))  # noqa: SIM115
    return len(kept)


def say_again_and_again(path):
    """A process that was taken over and sends without end, in small lines."""
    while True:
        os.write(child._results, b'{"progress": [1, 2]}\n' * 1000)


def ask_for_ever():
    number = 0
    while True:
        number = child.ask({"number": number})


def add(one, other):
    return one + other


def ask(question):
    return child.ask(question)


def ask_and_freeze():
    """A process that was taken over asks, and takes no answer."""
    child._send({"ask": "what?"})
    signal.raise_signal(signal.SIGSTOP)
