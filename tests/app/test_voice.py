"""Speech as text, with whisper.cpp and a model whose weights were drawn by chance: it hears, and says nonsense.

What a trained model makes of real speech can't be tested without its weights.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest

from app import llm_server
from app.llm_engine import Engine
from app.voice import MOST_SECONDS, RATE, Voice, sound_of
from storage.errors import InvalidInput
from tests import parrot, whisper
from tests.patience import PATIENCE
from tests.speech import recording

pytest.importorskip("pywhispercpp", reason="the extra `voice` is not installed")


@pytest.mark.parametrize(("rate", "channels"), [(8_000, 1), (16_000, 1), (44_100, 2), (48_000, 1)])
def test_recordings_become_what_whisper_reads(rate: int, channels: int) -> None:
    sound = sound_of(recording(1.0, rate=rate, channels=channels))
    assert sound.dtype == np.float32
    assert abs(len(sound) - RATE) < 8
    spectrum = np.abs(np.fft.rfft(sound))
    assert abs(int(spectrum.argmax()) - 440) <= 2
    assert 0.5 < np.abs(sound).max() <= 1


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "no WAV"),
        (b"RIFF" + b"\xff" * 200, "no WAV"),
        (recording()[:30], "no WAV"),
        (recording(0.05), "Nothing was recorded"),
        (recording(width=1), "16 bits"),
        (recording(MOST_SECONDS + 1, rate=8_000), "too long"),
    ],
)
def test_what_can_not_be_heard_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(InvalidInput, match=why):
        sound_of(data)


def test_a_header_that_promises_more_than_there_is_does_no_harm() -> None:
    data = bytearray(recording())
    at = data.index(b"data") + 4
    data[at : at + 4] = (2**31).to_bytes(4, "little")
    with pytest.raises(InvalidInput):
        sound_of(bytes(data))


def test_a_file_of_another_kind_is_no_voice_model(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"GGUF")
    with pytest.raises(InvalidInput, match=r"whisper\.cpp"):
        Voice(tmp_path / "a.bin")
    with pytest.raises(InvalidInput, match="can't be read"):
        Voice(tmp_path / "b.bin")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder = tmp_path_factory.mktemp("voice")
    path, chat = whisper.build(folder / "ggml-tiny.en.bin"), parrot.build(folder / "parrot.gguf")
    app = llm_server.build(lambda: Engine(chat, threads=1), None, parrot.KEY, voice=lambda: Voice(path, threads=1))
    with (
        parrot.listen(app) as url,
        httpx.Client(
            base_url=url, headers={"Authorization": f"Bearer {parrot.KEY}"}, trust_env=False, timeout=60
        ) as client,
    ):
        while hear(client, recording()).status_code == 503:
            pass
        yield client


def hear(client: httpx.Client, data: bytes, **fields: str) -> httpx.Response:
    return client.post("/v1/audio/transcriptions", files={"file": ("a.wav", data, "audio/wav")}, data=fields)


def test_a_recording_is_answered_with_text(client: httpx.Client) -> None:
    answer = hear(client, recording(2.0), language="en")
    assert answer.status_code == 200, answer.text
    assert isinstance(answer.json()["text"], str)


def test_a_language_model_answers_beside_it(client: httpx.Client) -> None:
    """Both libraries bring a copy of ggml into the process."""
    body = {"messages": [{"role": "user", "content": "say «refund» now"}], "temperature": 0}
    deadline = time.monotonic() + PATIENCE
    while (answer := client.post("/v1/chat/completions", json=body)).status_code == 503:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert answer.json()["choices"][0]["message"]["content"] == "refund"
    assert hear(client, recording()).status_code == 200


def test_requests_that_make_no_sense_are_told_so(client: httpx.Client) -> None:
    assert hear(client, b"no sound").status_code == 400
    assert hear(client, recording(), language="../x").status_code == 400
    assert client.post("/v1/audio/transcriptions", data={"file": "text"}).status_code == 400
    assert client.post("/v1/audio/transcriptions", content=b"x").status_code == 400


def test_without_a_key_nobody_is_heard(client: httpx.Client) -> None:
    url = client.base_url.join("/v1/audio/transcriptions")
    assert httpx.post(url, files={"file": b"x"}, trust_env=False).status_code == 401
