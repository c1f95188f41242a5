"""A voice model that says what a test gave it, behind the real route of the models process."""

from __future__ import annotations

import io
import threading
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from app import llm_server
from app.dictation import Dictation
from app.voice import RATE, Sound
from tests import parrot


class ScriptedVoice:
    """Stands for `app.voice.Voice`; says nothing before `go` is set."""

    name = "Scripted"

    def __init__(self) -> None:
        self.says, self.fails = "", False
        self.heard: list[tuple[float, str]] = []  # seconds, language
        self.go = threading.Event()
        self.go.set()

    def transcribe(self, sound: Sound, *, language: str = "") -> str:
        self.heard.append((len(sound) / RATE, language))
        self.go.wait(20)
        if self.fails:
            raise RuntimeError("out of memory")
        return self.says


@contextmanager
def listening(voice: ScriptedVoice, loaded: threading.Event | None = None) -> Iterator[Dictation]:
    """Asks `voice` over HTTP, which is there once `loaded` is set."""
    part: Any = voice

    def load() -> Any:
        if loaded:
            loaded.wait(20)
        return part

    app = llm_server.build(None, None, parrot.KEY, voice=load)
    with parrot.listen(app) as url:
        dictation = Dictation(f"{url}/v1", parrot.KEY)
        yield dictation
        voice.go.set()
        if loaded:
            loaded.set()
        dictation.close()


def recording(seconds: float = 1.0, *, rate: int = RATE, channels: int = 1, width: int = 2, loud: float = 0.6) -> bytes:
    """A tone of 440 Hz as a WAV file."""
    tone = np.sin(np.arange(int(seconds * rate)) * 440 * 2 * np.pi / rate) * 32_767 * loud
    samples = np.repeat(tone.astype("<i2"), channels).tobytes()
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(samples)
    return out.getvalue()
