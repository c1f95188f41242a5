"""Mails (.eml, .msg): headers, words, and what is attached, each attachment read by its own format.

The plain words are taken where a mail has them, else those of its HTML, else of its RTF. Pictures that only dress the
mail are passed over. Signatures are not checked, nothing is decrypted or fetched.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from email import message_from_bytes
from email.errors import MessageError
from email.header import decode_header
from email.message import Message
from email.utils import parsedate_to_datetime
from typing import Any

from ingest.formats import rtf, web
from ingest.formats.members import LARGEST, Budget, Members
from ingest.formats.packages import BROKEN, damaged
from ingest.formats.packed_rtf import unpack
from ingest.formats.sections import File, Reading, SectionWriter, contents, one_line
from ingest.formats.text import decode, write_plain
from storage.errors import DocumentError

_SHOWN = ("From", "To", "Cc", "Date", "Subject")
_WHAT = "mail"
_MAX_PARTS = 5_000
_PACKED_RTF = 0x1009
_SHORT_NAME = 0x3704  # Outlook's property of a name in eight letters and three
_EMBEDDED, _EMBEDDED_HEADER = "__substg1.0_3701000D", 24  # where a mail in a mail is kept, and how long its head is


@dataclass(slots=True)
class _Mail:
    """A mail of either kind. `words` are plain text; where there are none those of `html` are taken, else of `rtf`."""

    headers: dict[str, str]
    words: str = ""
    html: str = ""
    rtf: bytes = b""
    attachments: list[tuple[str, bytes | _Mail]] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)


def read_eml(file: File, *, budget: Budget) -> Reading:
    """Raises DocumentError where the file is no mail that can be read."""
    try:
        mail = _of_message(message_from_bytes(contents(file)))
    except (*BROKEN, MessageError) as error:
        raise damaged(_WHAT) from error
    return _written(mail, budget)


def read_msg(file: File, *, budget: Budget) -> Reading:
    """Outlook's own format. Raises DocumentError where the file is broken."""
    from oxmsg import Message as Outlook  # .eml does without

    codecs.register(_of_windows)
    try:
        mail = _of_outlook(Outlook.load(contents(file)))
    except BROKEN as error:
        raise damaged(_WHAT) from error
    finally:
        codecs.unregister(_of_windows)
    return _written(mail, budget)


def _of_windows(name: str) -> codecs.CodecInfo | None:
    """Outlook's names of encodings that Python calls otherwise: windows-950 is cp950."""
    number = name.removeprefix("windows_").removeprefix("windows-")
    return codecs.lookup(f"cp{number}") if number != name and number.isdigit() else None


def _written(mail: _Mail, budget: Budget) -> Reading:
    subject = one_line(mail.headers.get("Subject", "")) or "No subject"
    writer = SectionWriter(max_characters=budget.characters)
    writer.place("Message")
    writer.heading(1, subject)
    lines = [f"{name}: {one_line(mail.headers[name])}" for name in _SHOWN if mail.headers.get(name)]
    if mail.attachments:
        lines.append("Attachments: " + ", ".join(one_line(name) for name, _ in mail.attachments))
    writer.verbatim("\n".join(lines))
    if mail.words.strip():
        write_plain(re.sub(r"\r\n?|\x0c", "\n", mail.words), writer)
    elif mail.html:
        web.write(mail.html, writer)
    elif mail.rtf:
        rtf.write(mail.rtf, writer)
    members = Members(budget, writer.finish())
    budget.characters -= sum(len(section.text) for section in members.sections)
    for name, attached in mail.attachments:
        label = f"Attachment {one_line(name)}"
        if isinstance(attached, bytes):
            members.add_file(attached, label)
            continue
        try:
            with budget.inside():
                members.add(_written(attached, budget), label)
        except DocumentError as error:
            members.leave_out(label, str(error))
    for name in mail.broken:
        members.leave_out(f"Attachment {one_line(name)}", "it could not be decoded.")
    properties = {"date": date} if (date := _day(mail.headers.get("Date", ""))) else {}
    return Reading(members.sections, subject, subject, members.all_warnings(), properties, members.unread)


def _of_message(message: Message) -> _Mail:
    mail = _Mail({name: _header(message, name) for name in _SHOWN})
    for number, part in enumerate(_parts(message)):
        if number >= _MAX_PARTS:
            mail.broken.append("after the first 5,000 parts")
            break
        name, kind = part.get_filename() or "", part.get_content_type()
        name = _decoded(name)
        attached = bool(name) or part.get_content_disposition() == "attachment"
        if kind == "message/rfc822":
            inner = part.get_payload()
            if isinstance(inner, list) and inner and isinstance(inner[0], Message):
                nested = _of_message(inner[0])
                mail.attachments.append((name or nested.headers.get("Subject", "") or "message.eml", nested))
        elif not attached and kind in ("text/plain", "text/html"):
            text = _text(part)
            if kind == "text/plain":
                mail.words = f"{mail.words}\n\n{text}" if mail.words else text
            else:
                mail.html += text
        elif part.get_content_maintype() != "image" or (attached and not part.get("Content-ID")):
            _attach(mail, name or f"part {number + 1}", part)
    return mail


def _attach(mail: _Mail, name: str, part: Message) -> None:
    data = part.get_payload(decode=True)
    if isinstance(data, bytes):
        mail.attachments.append((name, data))
    elif part.get_content_maintype() != "multipart":
        mail.broken.append(name)


def _parts(message: Message) -> Iterator[Message]:
    """The leaves of a mail, and the mails in it as they are."""
    stack = [message]
    while stack:
        part = stack.pop()
        inner = part.get_payload()
        if part.get_content_type() != "message/rfc822" and isinstance(inner, list):
            stack += [one for one in reversed(inner) if isinstance(one, Message)]
        else:
            yield part


def _text(part: Message) -> str:
    data = part.get_payload(decode=True)
    if not isinstance(data, bytes):
        return ""
    try:
        return data.decode(part.get_content_charset() or "utf-8")
    except (LookupError, ValueError):
        return decode(data)


def _header(message: Message, name: str) -> str:
    return _decoded(str(message.get(name, "")))


def _decoded(value: str) -> str:
    """An encoded word is put in plain; what can't be stays as it is."""
    try:
        parts = decode_header(value)
    except (MessageError, ValueError, LookupError):
        return one_line(value)
    words = ""
    for part, charset in parts:
        if isinstance(part, str):
            words += part
            continue
        try:
            words += part.decode(charset if charset and charset != "unknown-8bit" else "utf-8")
        except (LookupError, ValueError):
            words += part.decode("latin-1")
    return one_line(words)[:2000]


def _day(date: str) -> str:
    try:
        return parsedate_to_datetime(date).date().isoformat()
    except (ValueError, TypeError, IndexError, OverflowError):
        return ""


def _of_outlook(message: Any) -> _Mail:
    sent, given = message.sent_date, message.message_headers
    headers = {name: _decoded(given.get(name, "")) for name in _SHOWN}
    headers["Subject"] = message.subject or headers["Subject"]
    headers["From"] = headers["From"] or message.sender or ""
    headers["To"] = headers["To"] or ", ".join(_addresses(message.recipients))
    headers["Date"] = headers["Date"] or (f"{sent:%a, %d %b %Y %H:%M:%S %z}" if sent else "")
    try:
        html = message.html_body or ""
    except (LookupError, ValueError):
        html = ""
    mail = _Mail(headers, message.body or "", html)
    if not mail.words.strip() and not html:
        mail.rtf = _rtf(message)
    for attachment in message.attachments:
        name = "file"
        try:
            name = attachment.file_name or attachment.properties.str_prop_value(_SHORT_NAME) or name
            attached = attachment.file_bytes or _embedded(attachment)
        except BROKEN:
            attached = None
        if attached:
            mail.attachments.append((name, attached))
        else:
            mail.broken.append(name)
    return mail


def _rtf(message: Any) -> bytes:
    """What a mail says whose program kept it as RTF alone; nothing where that is damaged."""
    try:
        return unpack(message.properties.binary_prop_value(_PACKED_RTF) or b"", most=LARGEST)
    except ValueError:
        return b""


def _embedded(attachment: Any) -> _Mail | None:
    """The mail that is attached to one."""
    from oxmsg import Message as Outlook
    from oxmsg.properties import Properties

    class Embedded(Outlook):
        @property
        def _properties(self) -> Properties:
            return Properties(self._storage, properties_header_offset=_EMBEDDED_HEADER)

    storage = next((one for one in attachment._storage.storages if one.name == _EMBEDDED), None)
    return _of_outlook(Embedded(storage)) if storage else None


def _addresses(recipients: Sequence[Any]) -> Iterator[str]:
    for recipient in recipients:
        name, address = recipient.name or "", recipient.email_address or ""
        yield f"{name} <{address}>" if name and address and name != address else name or address
