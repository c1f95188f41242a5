"""Questions for people by mail: plain text over SMTP, with TLS unless the settings say otherwise."""

from __future__ import annotations

import smtplib
import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate
from pathlib import Path

from app.letters import Share, subject, words
from storage.deliveries import Letter
from storage.errors import Unavailable

TLS, STARTTLS, NONE = "tls", "starttls", "none"
_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Mail:
    """A channel to one address. `password_file` is read for each mail; `context` is for servers of one's own."""

    to: str
    sender: str
    host: str
    port: int
    security: str
    share: Share
    address: str = ""
    user: str = ""
    password_file: Path | None = None
    context: ssl.SSLContext | None = None
    name: str = "mail"

    def send(self, letter: Letter) -> None:
        """Raises Unavailable: the server is away, refuses, or offers no TLS where it is wanted."""
        try:
            with self._connected() as server:
                if self.user:
                    server.login(self.user, self._password())
                refused = server.send_message(self._message(letter))
        except (smtplib.SMTPException, OSError, ValueError) as error:
            raise Unavailable("mail", f"The mail server {self.host} did not take it: {_reason(error)}.") from error
        if refused:
            raise Unavailable("mail", f"The mail server {self.host} refuses the address.")

    def _connected(self) -> smtplib.SMTP:
        context = self.context or ssl.create_default_context()
        if self.security == TLS:
            return smtplib.SMTP_SSL(self.host, self.port, timeout=_SECONDS, context=context)
        server = smtplib.SMTP(self.host, self.port, timeout=_SECONDS)
        try:
            if self.security == STARTTLS:
                server.starttls(context=context)  # raises where the server does not offer it: never without
        except BaseException:
            server.close()
            raise
        return server

    def _password(self) -> str:
        return self.password_file.read_text(encoding="utf-8").strip() if self.password_file else ""

    def _message(self, letter: Letter) -> EmailMessage:
        message = EmailMessage()
        message["Subject"] = _header(subject(letter, self.share))
        message["From"], message["To"] = self.sender, self.to
        message["Date"] = formatdate(localtime=False)
        message["Message-ID"] = f"<{letter.id}@footnote.invalid>"  # the same when it is sent again
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(words(letter, self.share, self.address).encode("utf-8", "replace").decode())
        return message


def _header(text: str) -> str:
    return "".join(char for char in text if char.isprintable()).encode("utf-8", "replace").decode()


def _reason(error: Exception) -> str:
    """What the server said, on one line; never what was sent to it."""
    if isinstance(error, smtplib.SMTPResponseException):
        said = error.smtp_error.decode("utf-8", "replace") if isinstance(error.smtp_error, bytes) else error.smtp_error
        return " ".join(f"{error.smtp_code} {said}".split())[:200]
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return "it refuses the address"
    if isinstance(error, FileNotFoundError):
        return "the file with its password is not there"
    return " ".join(str(error).split())[:200] or type(error).__name__
