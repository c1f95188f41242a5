"""The certificates that other servers are known by, loaded once in a process.

A client that is made for one request would else load them for it, also where the address is plain http: a tenth of a
second of the processor's time, and more while it is busy.
"""

from __future__ import annotations

import ssl
from functools import cache

import httpx


@cache
def known(*, trust_env: bool = False) -> ssl.SSLContext:
    """What `httpx` verifies servers with. `trust_env`: or what SSL_CERT_FILE and SSL_CERT_DIR name."""
    return httpx.create_ssl_context(trust_env=trust_env)
