"""Questions for people by webhook: a signed JSON object, posted once to one address. No redirect is followed.

The header X-Footnote-Signature is `t=<seconds since 1970>,v1=<hex>`, where the hex is the HMAC-SHA-256 of
`<seconds>.<body>` with the key of the settings. X-Footnote-Delivery is the same when a letter is posted again.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import json
import ssl
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from app.letters import Share, payload
from storage.deliveries import Letter
from storage.errors import InvalidInput, Unavailable

SIGNATURE, DELIVERY = "X-Footnote-Signature", "X-Footnote-Delivery"
_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Webhook:
    """A channel to one URL. `key_file` is read for each letter; `context` is for servers of one's own."""

    url: str
    key_file: Path
    share: Share
    address: str = ""
    context: ssl.SSLContext | None = None
    name: str = "webhook"

    def send(self, letter: Letter) -> None:
        """Raises Unavailable unless it is answered with 2xx in time."""
        body = json.dumps(payload(letter, self.share, self.address), ensure_ascii=True).encode()
        try:
            key = self.key_file.read_bytes().strip()
        except OSError as error:
            raise Unavailable("webhook", "The file with the key of the webhook can't be read.") from error
        if not key:
            raise Unavailable("webhook", "The file with the key of the webhook is empty.")
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Footnote",
            SIGNATURE: signature(key, body, int(time.time())),
            DELIVERY: letter.id,
        }
        verify = self.context or True
        try:
            with (
                httpx.Client(timeout=_SECONDS, follow_redirects=False, verify=verify, trust_env=False) as client,
                client.stream("POST", self.url, content=body, headers=headers) as answer,
            ):
                status = answer.status_code  # its body is not read: it could be without end
        except httpx.HTTPError as error:
            reason = " ".join(str(error).split())[:200] or type(error).__name__
            raise Unavailable("webhook", f"The webhook does not answer: {reason}.") from error
        if not 200 <= status < 300:
            kind = "a redirect, which is not followed" if 300 <= status < 400 else "an error"
            raise Unavailable("webhook", f"The webhook answered with {status}, {kind}.")


def signature(key: bytes, body: bytes, moment: int) -> str:
    digest = hmac.new(key, f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={moment},v1={digest}"


def check_url(url: str) -> None:
    """Raises InvalidInput unless it is https, or http to this machine itself."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise InvalidInput("PERSON_WEBHOOK_URL is no URL.") from error
    if not host or parts.username or parts.password or parts.fragment:
        raise InvalidInput("PERSON_WEBHOOK_URL: a URL with a host, and without user, password or fragment.")
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_this_machine(host)):
        raise InvalidInput("PERSON_WEBHOOK_URL: https, or http to this machine itself.")


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
