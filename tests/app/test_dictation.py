"""What is said into the microphone, over the models process's real route, and what people are told where it fails."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from app import llm_server
from app.dictation import AT_A_TIME, MOST_CHARACTERS, NO_SPEECH, WAITING, Dictation
from app.voice import MOST_SECONDS, Voice
from storage.errors import Busy, InvalidInput, Unavailable
from tests import parrot, whisper
from tests.patience import until
from tests.speech import ScriptedVoice, listening, recording


@pytest.fixture
def voice() -> ScriptedVoice:
    return ScriptedVoice()


@pytest.fixture
def dictation(voice: ScriptedVoice) -> Iterator[Dictation]:
    with listening(voice) as dictation:
        while not ready(dictation):
            pass
        yield dictation


def ready(dictation: Dictation) -> bool:
    try:
        said(dictation, recording(0.3))
    except InvalidInput:  # nothing was said
        return True
    except Unavailable:
        return False
    return True


def said(dictation: Dictation, sound: bytes, language: str = "") -> str:
    return dictation.begin(sound, language=language).result(30)


def test_what_is_said_comes_back_in_the_language_that_was_asked_for(voice: ScriptedVoice, dictation: Dictation) -> None:
    voice.says = "Wie viele Tage Urlaub habe ich?"
    assert said(dictation, recording(2.0), "de") == voice.says
    seconds, language = voice.heard[-1]
    assert (round(seconds), language) == (2, "de")


def test_what_a_model_writes_is_one_line_of_plain_characters(voice: ScriptedVoice, dictation: Dictation) -> None:
    voice.says = " What\x00 is\u202e the\nrule?  "
    assert said(dictation, recording()) == "What is the rule?"
    voice.says = "word " * 5000
    assert len(said(dictation, recording())) == MOST_CHARACTERS


@pytest.mark.parametrize("noise", ["", "[BLANK_AUDIO]", "(wind blowing)", " ♪ ... ♪ ", "*sighs*", " . "])
def test_noises_are_no_question(voice: ScriptedVoice, dictation: Dictation, noise: str) -> None:
    voice.says = noise
    with pytest.raises(InvalidInput, match="No speech was found"):
        said(dictation, recording())


def test_a_model_is_not_asked_about_silence(voice: ScriptedVoice, dictation: Dictation) -> None:
    voice.says, before = "Thank you.", len(voice.heard)
    with pytest.raises(InvalidInput, match="No speech was found"):
        said(dictation, recording(loud=0.001))
    assert len(voice.heard) == before


@pytest.mark.parametrize(
    ("sound", "why"),
    [
        (b"MZ no sound", "no WAV"),
        (recording(0.05), "Nothing was recorded"),
        (recording(MOST_SECONDS + 1, rate=8_000), "too long"),
    ],
)
def test_what_can_not_be_heard_is_said(dictation: Dictation, sound: bytes, why: str) -> None:
    with pytest.raises(InvalidInput, match=why):
        said(dictation, sound)


def test_while_the_model_is_loaded_one_is_told_so(voice: ScriptedVoice) -> None:
    loaded = threading.Event()
    with (
        listening(voice, loaded) as dictation,
        pytest.raises(Unavailable, match=r"being loaded\. Try again in a moment"),
    ):
        said(dictation, recording())


def test_a_server_that_is_away_or_does_not_know_us_is_named() -> None:
    with closing(Dictation("http://127.0.0.1:9/v1")) as away, pytest.raises(Unavailable, match="does not answer"):
        said(away, recording())
    with (
        listening(ScriptedVoice()) as known,
        closing(Dictation(str(known._client.base_url), "wrong")) as stranger,
        pytest.raises(Unavailable, match=r"answered 401.*VOICE_API_KEY"),
    ):
        said(stranger, recording())


def test_who_would_wait_too_long_is_told_at_once(voice: ScriptedVoice, dictation: Dictation) -> None:
    voice.says = "Something."
    voice.go.clear()
    waiting = [dictation.begin(recording(0.3)) for _ in range(AT_A_TIME + WAITING)]
    with pytest.raises(Busy, match="Too many are speaking"):
        dictation.begin(recording(0.3))
    voice.go.set()
    assert {future.result(30) for future in waiting} == {"Something."}
    assert said(dictation, recording(0.3)) == "Something."


def test_whisper_itself_is_understood_or_said_to_have_heard_nothing(tmp_path: Path) -> None:
    """With weights by chance it writes any words, or none."""
    pytest.importorskip("pywhispercpp", reason="the extra `voice` is not installed")
    model = whisper.build(tmp_path / "ggml-tiny.en.bin")
    app = llm_server.build(None, None, parrot.KEY, voice=lambda: Voice(model, threads=1))
    with parrot.listen(app) as url, closing(Dictation(f"{url}/v1", parrot.KEY)) as dictation:
        until(lambda: httpx.get(f"{url}/healthz", trust_env=False).json()["voice"]["ready"])
        heard = dictation.begin(recording(1.0), language="en")
        error = heard.exception(30)
        assert heard.result().isprintable() if error is None else str(error) == NO_SPEECH
