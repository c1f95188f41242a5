"""Questions for people on their way out: real mail over a real SMTP server, real HTTP, and what is said in them."""

from __future__ import annotations

import email
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from app.letters import Share
from app.mail import NONE, STARTTLS, Mail
from app.postman import Postman, channels_of
from app.settings import Settings
from app.supervisor import free_port
from app.webhook import DELIVERY, SIGNATURE, Webhook, check_url
from storage.deliveries import Deliveries
from storage.errors import InvalidInput
from storage.escalations import Escalations
from storage.types import Citation, MessageState, Readers
from tests.office import Office
from tests.patience import until

QUESTION = "How many days?\r\nBcc: everybody@example.com"
NOTE = "For my plan <b>now</b> \N{GRINNING FACE}"


@dataclass
class Inbox:
    """What the mail server took. `refusing`: the answer that it gives instead."""

    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    refusing: str = ""

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        if self.refusing:
            return self.refusing
        message = email.message_from_bytes(envelope.content, policy=default)
        assert isinstance(message, EmailMessage)
        self.mails.append(message)
        self.recipients.append(envelope.rcpt_tos)
        return "250 taken"


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def smtp(inbox: Inbox) -> Iterator[Controller]:
    controller = Controller(inbox, hostname="127.0.0.1", port=free_port())
    controller.start()
    yield controller
    controller.stop()


@dataclass
class Hook:
    """A web server that keeps what is posted to it and answers with `status`."""

    status: int = 204
    seen: list[tuple[dict[str, str], bytes, str]] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def hook() -> Iterator[Hook]:
    kept = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"] or 0))
            kept.seen.append((dict(self.headers), body, self.path))
            self.send_response(kept.status)
            if 300 <= kept.status < 400:
                self.send_header("Location", f"{kept.url}/private")
            self.end_headers()

        def do_GET(self) -> None:
            self.do_POST()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    kept.url = f"http://127.0.0.1:{server.server_port}"
    yield kept
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    office = Office(tmp_path)
    yield office
    office.close()


def ask(office: Office, channel: str) -> str:
    """mia sends a question to a person. Returns its id."""
    mia = office.principal("mia")
    document, version = office.add("pay.txt", Readers(groups=frozenset({office.people})), b"pay")
    message = office.conversations.ask(office.conversations.create("Pay", mia).id, QUESTION, mia)
    office.conversations.record_sources(message.id, [document])
    cited = [Citation(1, document, version, 1, 0, 4)]
    office.conversations.finish(
        message.id, "30 \\*days [1]", MessageState.DONE, cited, model="m", seconds=1, first_evidence=0
    )
    return Escalations(office.database, channels=[channel]).escalate(message.id, NOTE, mia).id


def mail_to(smtp: Controller, share: Share = Share.CONVERSATION, **options: Any) -> Mail:
    given = {"security": NONE, "address": "https://footnote.example", **options}
    return Mail("help@example.com", "footnote@example.com", "127.0.0.1", smtp.port, share=share, **given)


def state(office: Office) -> tuple[str, str]:
    (one,) = Escalations(office.database).find(office.principal("anna"))[0].deliveries
    return one.state, one.reason


# mail


def test_a_mail_holds_the_question_the_note_and_what_was_said_with_titles_and_nothing_else(
    office: Office, smtp: Controller, inbox: Inbox
) -> None:
    escalation = ask(office, "mail")
    postman = Postman(Deliveries(office.database), [mail_to(smtp)])
    assert postman.deliver()
    assert not postman.deliver()
    (mail,) = inbox.mails
    assert mail["Subject"] == "A question for a person: How many days? Bcc: everybody@example.com"
    assert (mail["To"], mail["Bcc"], inbox.recipients) == ("help@example.com", None, [["help@example.com"]])
    assert mail.get_content_type() == "text/plain"
    words = mail.get_content()
    for part in ("How many days?", NOTE, "30 *days [1]", "(cites: pay.txt)", f"?question={escalation}"):
        assert part in words
    assert "mia" not in words
    assert "What pay.txt says" not in words  # the passage
    assert state(office) == ("sent", "")


@pytest.mark.parametrize("share", [Share.NOTICE, Share.QUESTION])
def test_what_leaves_the_machine_is_what_the_settings_say(
    office: Office, smtp: Controller, inbox: Inbox, share: Share
) -> None:
    ask(office, "mail")
    Postman(Deliveries(office.database), [mail_to(smtp, share)]).deliver()
    said = inbox.mails[0].as_string() + inbox.mails[0].get_content()
    assert "30 *days" not in said
    assert "pay.txt" not in said
    assert ("How many days?" in said, "For my plan" in said) == (share is Share.QUESTION,) * 2


def test_a_server_that_refuses_is_tried_again_and_the_same_letter_arrives(
    office: Office, smtp: Controller, inbox: Inbox
) -> None:
    ask(office, "mail")
    deliveries = Deliveries(office.database)
    postman = Postman(deliveries, [mail_to(smtp)])
    inbox.refusing = "451 come back later"
    assert postman.deliver()
    assert state(office) == ("waiting", "The mail server 127.0.0.1 did not take it: 451 come back later.")
    assert not postman.deliver()  # not before its time
    inbox.refusing = ""
    deliveries.retry()
    assert postman.deliver()
    assert state(office) == ("sent", "")
    assert inbox.mails[0]["Message-ID"].endswith("@footnote.invalid>")


def test_no_mail_goes_out_in_the_clear_where_tls_is_wanted(office: Office, smtp: Controller, inbox: Inbox) -> None:
    ask(office, "mail")
    Postman(Deliveries(office.database), [mail_to(smtp, security=STARTTLS)]).deliver()
    assert inbox.mails == []
    assert state(office)[0] == "waiting"
    assert "STARTTLS" in state(office)[1]


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
def test_the_password_comes_from_its_file_and_stands_in_no_reason(office: Office, inbox: Inbox, tmp_path: Path) -> None:
    def authenticate(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        return AuthResult(success=(data.login, data.password) == (b"bot", b"hush hush"))

    options = {"auth_require_tls": False, "auth_required": True, "authenticator": authenticate}
    controller = Controller(inbox, hostname="127.0.0.1", port=free_port(), **options)
    controller.start()
    try:
        password = tmp_path / "password"
        password.write_text("wrong one\n")
        ask(office, "mail")
        deliveries = Deliveries(office.database)
        postman = Postman(deliveries, [mail_to(controller, user="bot", password_file=password)])
        postman.deliver()
        assert state(office)[0] == "waiting"
        assert "wrong one" not in state(office)[1]
        password.write_text("hush hush\n")
        deliveries.retry()
        postman.deliver()
        assert len(inbox.mails) == 1
    finally:
        controller.stop()


# webhook


def test_a_webhook_gets_a_signed_object_under_the_same_id_each_time(office: Office, hook: Hook, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_bytes(b"a key\n")
    escalation = ask(office, "webhook")
    deliveries = Deliveries(office.database)
    postman = Postman(deliveries, [Webhook(hook.url, key, Share.CONVERSATION, "https://footnote.example")])
    hook.status = 503
    postman.deliver()
    assert state(office) == ("waiting", "The webhook answered with 503, an error.")
    hook.status = 204
    deliveries.retry()
    postman.deliver()
    assert state(office) == ("sent", "")
    (first, second) = hook.seen
    assert first[0][DELIVERY] == second[0][DELIVERY]
    headers, body, _ = second
    moment, given = (part.split("=")[1] for part in headers[SIGNATURE].split(","))
    assert hmac.new(b"a key", f"{moment}.".encode() + body, hashlib.sha256).hexdigest() == given
    said = json.loads(body)
    assert (said["id"], said["question"], said["note"]) == (escalation, QUESTION, NOTE)
    assert said["conversation"][1] == {"role": "assistant", "text": "30 *days [1]", "titles": ["pay.txt"]}
    assert "mia" not in body.decode()


def test_no_redirect_is_followed(office: Office, hook: Hook, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_bytes(b"a key")
    ask(office, "webhook")
    for status in (302, 307, 308):
        hook.status = status
        Deliveries(office.database).retry()
        Postman(Deliveries(office.database), [Webhook(hook.url, key, Share.QUESTION)]).deliver()
        assert "not followed" in state(office)[1]
    assert [path for _, _, path in hook.seen] == ["/"] * 3


def test_without_its_key_nothing_is_posted(office: Office, hook: Hook, tmp_path: Path) -> None:
    ask(office, "webhook")
    Postman(Deliveries(office.database), [Webhook(hook.url, tmp_path / "none", Share.QUESTION)]).deliver()
    assert (hook.seen, state(office)[0]) == ([], "waiting")


@pytest.mark.parametrize(
    "url", ["http://example.com/x", "ftp://example.com", "https://", "https://a:b@example.com", "http://10.0.0.1/"]
)
def test_a_webhook_is_https_or_this_machine(url: str) -> None:
    with pytest.raises(InvalidInput, match="PERSON_WEBHOOK_URL"):
        check_url(url)


def test_https_and_this_machine_are_taken() -> None:
    for url in ("https://example.com/hook?x=1", "http://127.0.0.1:8000", "http://[::1]/", "http://localhost/x"):
        check_url(url)


# the loop


def test_the_loop_delivers_what_comes_and_survives_what_fails(
    office: Office, smtp: Controller, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.postman.LOOK_EVERY", 0.02)
    stop = threading.Event()
    thread = threading.Thread(target=Postman(Deliveries(office.database), [mail_to(smtp)]).run, args=(stop,))
    thread.start()
    ask(office, "pigeon")  # a way that the settings name no more
    until(lambda: "no more" in state(office)[1])
    ask(office, "mail")
    until(lambda: inbox.mails)
    stop.set()
    thread.join(10)
    assert not thread.is_alive()


def test_settings_that_lack_something_are_named(tmp_path: Path) -> None:
    def channels(**given: Any) -> list[str]:
        return [one.name for one in channels_of(Settings(data_dir=tmp_path, _env_file=None, **given))]

    assert channels() == []
    assert channels(person_mail_to="a@example.com", smtp_host="mail") == ["mail"]
    assert channels(person_mail_to="a@example.com", smtp_host="mail", ask_a_person=False) == []
    with pytest.raises(InvalidInput, match="SMTP_HOST"):
        channels(person_mail_to="a@example.com")
    with pytest.raises(InvalidInput, match="PERSON_WEBHOOK_KEY_FILE"):
        channels(person_webhook_url="https://example.com")
    with pytest.raises(InvalidInput, match="https"):
        channels(person_webhook_url="http://example.com", person_webhook_key_file=tmp_path)
