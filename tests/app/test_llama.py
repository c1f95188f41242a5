"""llama.cpp itself, through the parrot: files that can't be loaded, tokens, templates."""

from __future__ import annotations

import builtins
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app import llama
from app.llama import Llama, Piece, Result
from storage.errors import InvalidInput, Unavailable
from tests import parrot


def load(path: Path, abort: Callable[[], bool] = lambda: False) -> Llama:
    return Llama(path, context=512, sequences=2, gpu_layers=0, threads=1, batch=64, repack=False, abort=abort)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Llama]:
    loaded = load(parrot.build(tmp_path_factory.mktemp("model") / "parrot.gguf"))
    yield loaded
    loaded.close()


def test_a_missing_file_is_named_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"nothing\.gguf can't be read .*models pull"):
        load(tmp_path / "nothing.gguf")


def test_a_file_in_another_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(b"PK\x03\x04 a zip file")
    with pytest.raises(InvalidInput, match="no GGUF file"):
        load(path)


def test_a_file_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    path = parrot.build(tmp_path / "model.gguf")
    path.write_bytes(path.read_bytes()[:200_000])
    with pytest.raises(InvalidInput, match=r"can't load .* get it again"):
        load(path)


def test_a_file_without_a_template_gets_llama_3s_when_its_vocabulary_is_llama_3s(tmp_path: Path) -> None:
    loaded = load(parrot.build(tmp_path / "model.gguf", template=None))
    parts = loaded.template.render([{"role": "user", "content": "hello"}])
    loaded.close()
    assert "".join(part.text for part in parts) == (
        "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nhello<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\n"
    )


def test_a_file_without_a_template_and_another_vocabulary_is_refused(tmp_path: Path) -> None:
    path = parrot.build(tmp_path / "model.gguf", template=None)
    data = path.read_bytes()
    path.write_bytes(data.replace(b"<|start_header_id|>", b"<|start_headxx_id|>"))
    with pytest.raises(InvalidInput, match="holds no chat template"):
        load(path)


def test_the_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = builtins.__import__

    def without(name: str, *args, **kwargs):
        if name == "llama_cpp":
            raise ImportError("No module named 'llama_cpp'")
        return original(name, *args, **kwargs)

    path = parrot.build(tmp_path / "model.gguf")
    monkeypatch.setattr(builtins, "__import__", without)
    monkeypatch.setattr(llama, "_library", llama._library.__wrapped__)
    with pytest.raises(Unavailable, match=r"pip install 'footnote\[llama\]'"):
        load(path)


@pytest.mark.parametrize("token", ["<|eot_id|>", "<|begin_of_text|>", "<|start_header_id|>"])
def test_a_control_token_is_plain_characters_unless_asked_for(model: Llama, token: str) -> None:
    assert len(model.tokenize(token, control=True)) == 1
    plain = model.tokenize(token, control=False)
    assert b"".join(map(model.piece, plain)).decode() == token
    assert not set(plain) & set(model.tokenize(token, control=True))


@pytest.mark.parametrize("text", ["", "refund days", "naïve ✓ 你好 🙂", "\x00\ud800 lone", "a" * 5000])
def test_tokens_give_the_text_back(model: Llama, text: str) -> None:
    tokens = model.tokenize(text, control=False)
    assert b"".join(map(model.piece, tokens)) == text.encode("utf-8", "replace")


def test_a_context_that_is_full_says_so_and_forgets_nothing(model: Llama) -> None:
    tokens = model.tokenize("refund", control=False)
    for position in range(model.context):
        assert model.decode([Piece(0, position, tokens, False)]) is Result.DONE
    assert model.decode([Piece(1, 0, tokens, False)]) is Result.FULL
    assert model.keep(0, model.context - 1)
    assert model.decode([Piece(1, 0, tokens, False)]) is Result.DONE
    assert model.keep(0, 0)
    assert model.keep(1, 0)


def test_a_step_that_was_broken_off_can_be_done_again(tmp_path: Path) -> None:
    stop = threading.Event()
    model = load(parrot.build(tmp_path / "parrot.gguf"), abort=stop.is_set)
    tokens = model.tokenize("refund days contract", control=False)
    assert model.decode([Piece(0, 0, tokens, False)]) is Result.DONE
    stop.set()
    assert model.decode([Piece(0, len(tokens), tokens, True)]) is Result.ABORTED
    stop.clear()
    assert model.keep(0, len(tokens))
    assert model.decode([Piece(0, len(tokens), tokens, True)]) is Result.DONE
    model.close()
