"""Speech as text, by a Whisper model that whisper.cpp runs on this machine: the extra `voice`.

Sound comes as a WAV file from a browser, so it is foreign: its header, its length and its size are checked before
the model hears it. Nothing of it is kept. Not covered: recording, who may ask (`llm_server`).
"""

from __future__ import annotations

import io
import threading
import wave
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from storage.errors import InvalidInput, Unavailable

RATE = 16_000  # samples a second that Whisper reads
MOST_SECONDS = 120
MOST_BYTES = 24_000_000  # of such a file at 48 kHz in stereo
_LEAST_SECONDS = 0.2
_RATES = range(8_000, 48_001)

Sound = NDArray[np.float32]


class Voice:
    """One transcription at a time. Raises InvalidInput when the file is no model, Unavailable without pywhispercpp."""

    def __init__(self, path: Path, *, threads: int = 0) -> None:
        try:
            from pywhispercpp.model import Model
        except (ImportError, OSError) as error:
            raise Unavailable(
                "models",
                "pywhispercpp is not installed, so nobody can be heard. Install it with: pip install 'footnote[voice]'",
            ) from error
        _check_model(path)
        self.name = path.stem
        options: Any = {"n_threads": threads} if threads else {}
        self._model = Model(str(path), redirect_whispercpp_logs_to=None, print_progress=False, **options)
        self._one_at_a_time = threading.Lock()

    def transcribe(self, sound: Sound, *, language: str = "") -> str:
        """What was said, on one line. `language` as "en"; "": as heard."""
        with self._one_at_a_time:
            segments = self._model.transcribe(sound, language=language or "auto", no_context=True, suppress_blank=True)
        return " ".join(" ".join(segment.text for segment in segments).split())


def sound_of(data: bytes) -> Sound:
    """A WAV file's samples as Whisper reads them, between -1 and 1. Raises InvalidInput for what can't be heard."""
    if len(data) > MOST_BYTES:
        raise InvalidInput(f"The recording is too large: {MOST_SECONDS} seconds can be spoken at a time.")
    try:
        with wave.open(io.BytesIO(data)) as file:
            channels, width, rate, frames = (
                file.getnchannels(),
                file.getsampwidth(),
                file.getframerate(),
                file.getnframes(),
            )
            if channels not in (1, 2) or width != 2 or rate not in _RATES:
                raise InvalidInput(
                    "The recording must be a WAV file with 16 bits, one or two channels and 8 to 48 kHz."
                )
            if frames > MOST_SECONDS * rate:
                raise InvalidInput(f"The recording is too long: {MOST_SECONDS} seconds can be spoken at a time.")
            samples = np.frombuffer(file.readframes(frames), "<i2").astype(np.float32) / 32768
    except (wave.Error, EOFError, ValueError, RuntimeError) as error:
        raise InvalidInput("The recording is no WAV file. Record it again.") from error
    whole = samples[: len(samples) // channels * channels].reshape(-1, channels).mean(axis=1)
    if len(whole) < _LEAST_SECONDS * rate:
        raise InvalidInput("Nothing was recorded. Hold the button while you speak.")
    places = np.arange(0, len(whole) - 1, rate / RATE)
    sound: Sound = np.interp(places, np.arange(len(whole)), whole).astype(np.float32)
    return sound


def _check_model(path: Path) -> None:
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise InvalidInput(f"VOICE_MODEL: {path} can't be read ({error.strerror}).") from error
    if magic != b"lmgg":
        raise InvalidInput(f"VOICE_MODEL: {path} is no Whisper model in whisper.cpp's format (ggml-*.bin).")
