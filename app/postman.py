"""Delivers questions to people: a loop beside the worker's that sends what is due by mail and webhook."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence

from app.letters import Channel, Share
from app.mail import Mail
from app.settings import Settings
from app.webhook import Webhook, check_url
from storage.deliveries import Deliveries
from storage.errors import FootnoteError, InvalidInput, Unavailable

log = logging.getLogger(__name__)

LOOK_EVERY = 2.0


def channels_of(settings: Settings) -> list[Channel]:
    """Those that the settings name; none where questions are not sent to people. Raises InvalidInput that names what
    is missing.
    """
    share, address = Share(settings.person_share), settings.public_url.rstrip("/")
    channels: list[Channel] = []
    if settings.ask_a_person and settings.person_mail_to:
        if not settings.smtp_host:
            raise InvalidInput("PERSON_MAIL_TO needs SMTP_HOST, the mail server.")
        channels.append(
            Mail(
                to=settings.person_mail_to,
                sender=settings.person_mail_from or settings.person_mail_to,
                host=settings.smtp_host,
                port=settings.smtp_port,
                security=settings.smtp_security,
                share=share,
                address=address,
                user=settings.smtp_user,
                password_file=settings.smtp_password_file,
            )
        )
    if settings.ask_a_person and settings.person_webhook_url:
        check_url(settings.person_webhook_url)
        if settings.person_webhook_key_file is None:
            raise InvalidInput(
                "PERSON_WEBHOOK_URL needs PERSON_WEBHOOK_KEY_FILE, the key that letters are signed with."
            )
        channels.append(Webhook(settings.person_webhook_url, settings.person_webhook_key_file, share, address))
    return channels


class Postman:
    def __init__(self, deliveries: Deliveries, channels: Sequence[Channel]) -> None:
        self._deliveries = deliveries
        self._channels = {channel.name: channel for channel in channels}

    def run(self, stop: threading.Event) -> None:
        """Until `stop` is set. What is under way then comes up again elsewhere, or here after the next start."""
        while not stop.wait(LOOK_EVERY):
            try:
                while not stop.is_set() and self.deliver():
                    pass
            except FootnoteError as error:
                log.warning("%s", error)
            except Exception:  # the loop outlives everything
                log.exception("A question for a person could not be delivered; it will be tried again.")

    def deliver(self) -> bool:
        """Send what has been due for longest. Returns whether there was something."""
        letter = self._deliveries.take()
        if letter is None:
            return False
        channel = self._channels.get(letter.channel)
        try:
            if channel is None:
                raise Unavailable(letter.channel, "The settings name this way out no more.")
            channel.send(letter)
        except Unavailable as error:
            log.warning("A question for a person is not out yet: %s", error)
            self._deliveries.failed(letter.id, str(error))
            return True
        self._deliveries.sent(letter.id)
        return True
