"""What somebody says into the chat's microphone as text, asked of the voice model over HTTP in OpenAI's shape.

The model is our models process's (`app.transcriptions`) or somebody else's server. Covers: what can't be heard, how
long one waits, what a model says where nobody spoke. Not covered: how a recording gets here (`app.recordings`).
"""

from __future__ import annotations

import re
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import httpx
import numpy as np

from app import certificates
from app.voice import MOST_SECONDS, sound_of
from storage.errors import Busy, FootnoteError, InvalidInput, Unavailable

AT_A_TIME = 4  # recordings that are asked for; the models process takes no more either
WAITING = 12  # besides these
MOST_CHARACTERS = 4000
_SILENCE = 0.004  # of 1: the loudest moment of a microphone that is muted or not connected
_NO_WORDS = re.compile(r"\[[^\]]*\]|\([^)]*\)|\*[^*]*\*|[♪♫]")  # what Whisper writes for noises: [BLANK_AUDIO]
_AGAIN = "Try again in a moment, or type your question."
NO_SPEECH = "No speech was found in the recording. Check the microphone and speak closer to it, or type your question."


class Dictation:
    """`url` goes up to and with /v1."""

    def __init__(self, url: str, key: str = "", model: str = "", *, timeout: float = 300.0) -> None:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        limits = httpx.Timeout(timeout, connect=min(timeout, 5.0))
        self._model = model
        self._client = httpx.Client(
            base_url=f"{url.rstrip('/')}/",
            headers=headers,
            timeout=limits,
            trust_env=False,
            verify=certificates.known(),
        )
        self._hearing = ThreadPoolExecutor(AT_A_TIME, "dictation")
        self._lock, self._count = threading.Lock(), 0

    def begin(self, recording: bytes, *, language: str = "") -> Future[str]:
        """What is said in the WAV file `recording`, once it is understood. `language` as "en"; "": as heard.

        The future raises InvalidInput for what can't be heard or holds no speech, Unavailable when the model does not
        answer. Raises Busy when too many are speaking.
        """
        with self._lock:
            if self._count >= AT_A_TIME + WAITING:
                raise Busy("models", f"Too many are speaking at once. {_AGAIN}")
            self._count += 1
        future = self._hearing.submit(self._transcribe, recording, language)
        future.add_done_callback(self._leave)
        return future

    def close(self) -> None:
        self._hearing.shutdown(wait=False, cancel_futures=True)
        self._client.close()

    def _leave(self, _: Future[str]) -> None:
        with self._lock:
            self._count -= 1

    def _transcribe(self, recording: bytes, language: str) -> str:
        if float(np.abs(sound_of(recording)).max()) < _SILENCE:  # models make up words for silence
            raise InvalidInput(NO_SPEECH)
        fields = {"model": self._model, "language": language, "response_format": "json"}
        try:
            answer = self._client.post(
                "audio/transcriptions",
                files={"file": ("recording.wav", recording, "audio/wav")},
                data={name: value for name, value in fields.items() if value},
            )
        except httpx.HTTPError as error:
            raise Unavailable("models", f"The voice model does not answer. {_AGAIN}") from error
        if answer.status_code != 200:
            raise _refused(answer)
        return _words(answer)


def _words(answer: httpx.Response) -> str:
    try:
        text = str(answer.json()["text"])
    except (ValueError, KeyError, TypeError) as error:
        raise Unavailable("models", "The server at VOICE_URL gave no text. Check VOICE_URL.") from error
    text = " ".join("".join(each if each.isprintable() else " " for each in text).split())
    if not any(each.isalnum() for each in _NO_WORDS.sub("", text)):
        raise InvalidInput(NO_SPEECH)
    return text[:MOST_CHARACTERS]


def _refused(answer: httpx.Response) -> FootnoteError:
    status = answer.status_code
    if status == 429:
        return Busy("models", f"Too many are speaking at once. {_AGAIN}")
    if status == 503:
        return Unavailable("models", f"{_reason(answer) or 'The voice model is not ready.'} {_AGAIN}")
    if status in (400, 413, 415, 422):
        reason = _reason(answer) or f"Say it again in less than {MOST_SECONDS} seconds, or type your question."
        return InvalidInput(f"The recording could not be read. {reason}")
    return Unavailable(
        "models", f"The voice model answered {status}. An admin should check VOICE_URL, VOICE_API_KEY and VOICE_MODEL."
    )


def _reason(answer: httpx.Response) -> str:
    try:
        body: dict[str, Any] = answer.json()
        return str(body["error"]["message"])[:300]
    except (ValueError, KeyError, TypeError):
        return ""
