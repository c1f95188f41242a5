from pathlib import Path

from app import doctor, llm_server
from app.health import models_away
from app.settings import Settings
from app.tuning import Tunings
from app.voice import Voice
from ingest.recognition import engines
from storage.errors import InvalidInput
from tests import parrot
from tests.patience import until


def recognition(folder: Path, **settings: object) -> doctor.Finding:
    return doctor.examine(Settings(data_dir=folder, **settings), only=["text recognition"])[0]  # type: ignore[arg-type]


def test_doctor_says_which_recognition_runs_and_in_which_languages(tmp_path: Path) -> None:
    found, engine = recognition(tmp_path), engines.find()
    assert found.ok == (engine is not None)
    assert found.found == str(engine) if engine else "stay unread" in found.found
    if engine and engine.languages:
        assert f"languages: {engine.languages[0]}" in found.found


def test_doctor_takes_recognition_switched_off_for_a_choice(tmp_path: Path) -> None:
    found = recognition(tmp_path, ocr="off")
    assert found.ok
    assert "switched off" in found.found


def test_doctor_names_what_the_settings_ask_for_in_vain(tmp_path: Path) -> None:
    found = recognition(tmp_path, ocr="tesseract", tessdata_prefix=tmp_path)
    assert not found.ok
    assert "tesseract is not installed here" in found.found


def test_doctor_tells_of_the_guard_model(tmp_path: Path) -> None:
    def guard(**settings: object) -> doctor.Finding:
        return doctor.examine(Settings(data_dir=tmp_path, **settings), only=["guard model"])[0]  # type: ignore[arg-type]

    assert "That is fine" in guard().found
    assert not guard(guard_model=str(tmp_path / "gone.gguf")).ok
    file = tmp_path / "Llama-Guard-3-8B.gguf"
    file.write_bytes(b"GGUF")
    assert "next start" in guard(guard_model=str(file)).found
    own = {"part_key": "k", "guard_url": "http://127.0.0.1:9/v1", "guard_api_key": "k", "guard_model": str(file)}
    assert "are held back" in guard(**own).remedy
    assert "pass without it" in guard(**own, guard_fails="open").remedy


def test_doctor_tells_of_the_voice_model(tmp_path: Path) -> None:
    def voice(**settings: object) -> doctor.Finding:
        return doctor.examine(Settings(data_dir=tmp_path, **settings), only=["voice model"])[0]  # type: ignore[arg-type]

    assert "no microphone" in voice().found
    assert "There is no file" in voice(voice_model=str(tmp_path / "gone.bin")).found
    assert voice(voice_url="http://127.0.0.1:9/v1").ok
    own = voice(part_key="k", voice_url="http://127.0.0.1:9/v1", voice_api_key="k", voice_model="a.bin")
    assert (own.ok, own.found) == (False, "The models process does not answer.")


def test_health_tells_of_a_voice_model_that_can_not_be_loaded(tmp_path: Path) -> None:
    def broken() -> Voice:
        raise InvalidInput("The voice model is damaged.")

    app = llm_server.build(None, None, parrot.KEY, voice=broken)
    with parrot.listen(app) as url:
        own = {"part_key": parrot.KEY, "voice_url": f"{url}/v1", "voice_api_key": parrot.KEY}
        settings = Settings(data_dir=tmp_path, **own)  # type: ignore[arg-type]
        until(lambda: "damaged" in (models_away(settings) or ""))
        assert models_away(settings) == "The voice model is damaged. Until then questions have to be typed."


def test_doctor_tells_how_the_model_runs_best_here_once_that_was_measured(tmp_path: Path) -> None:
    model = parrot.build(tmp_path / "parrot.gguf")
    settings = Settings(data_dir=tmp_path, llm_model=str(model), llm_threads=1)
    before = doctor.examine(settings, only=["language model"])[0]
    assert "measured at the first load" in before.found
    Tunings(tmp_path, threads=1, gpu_layers=settings.llm_gpu_layers).measured(model)
    after = doctor.examine(settings, only=["language model"])[0]
    assert "tokens a second, a typical question takes" in after.found
