"""Answers through a models process of its own: eight people at once, hostile words, and its sudden end."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from app.answers import Answers, Generation
from app.llm import OpenAIChat
from app.supervisor import free_port
from app.ui import articles
from storage.types import Message, MessageState, Readers
from tests import parrot
from tests.office import Office
from tests.patience import PATIENCE, until
from tests.scripted import Shelf

KEY = "key of one test"
SCRIPT = parrot.long_script(500)


@contextmanager
def models_process(model: Path, folder: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    settings = {
        "DATA_DIR": str(folder),
        "LLM_MODEL": str(model),
        "LLM_THREADS": "1",
        "LLM_REPACK": "off",
        "MODELS_PORT": str(port),
        "PART_KEY": KEY,
        "EMBED_URL": "http://127.0.0.1:9/v1",
        "EMBED_API_KEY": "of somebody else",
    }
    command = [sys.executable, "-m", "app.cli", "models", "serve"]
    process = subprocess.Popen(command, env={**os.environ, **settings}, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + PATIENCE
        while not _ready(port):
            assert process.poll() is None, "the models process ended"
            assert time.monotonic() < deadline, "the models process did not start"
            time.sleep(0.05)
        yield process
    finally:
        process.kill()
        process.wait()


def _ready(port: int) -> bool:
    try:
        return bool(httpx.get(f"http://127.0.0.1:{port}/healthz", trust_env=False).json()["chat"]["ready"])
    except httpx.TransportError:
        return False


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return parrot.build(tmp_path_factory.mktemp("model") / "parrot.gguf")


@pytest.fixture(scope="module")
def served(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    port = free_port()
    with models_process(model, tmp_path_factory.mktemp("data"), port):
        yield port


@pytest.fixture
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    office = Office(tmp_path_factory.mktemp("office"))
    office.add("leave.txt", Readers(everyone=True), b"leave")
    yield office
    office.close()


def answering(office: Office, port: int) -> Answers:
    chat = OpenAIChat(f"http://127.0.0.1:{port}/v1", KEY, "parrot", own=True, temperature=0, max_tokens=1400)
    return Answers(office.conversations, cast(Any, Shelf(office)), chat)


def ask(answers: Answers, office: Office, question: str) -> Generation:
    mia = office.principal("mia")
    return answers.ask(office.conversations.create(question[:40], mia).id, question, mia)


def ended(generation: Generation, office: Office) -> Message:
    until(lambda: generation.snapshot().done, "the answer does not end")
    return office.conversations.message(generation.message_id, office.principal("mia"))


def test_a_process_that_is_killed_in_mid_answer_loses_nothing_and_the_retry_works(
    model: Path, office: Office, tmp_path: Path
) -> None:
    port, question = free_port(), f"say «{SCRIPT}» now"
    answers = answering(office, port)
    with models_process(model, tmp_path, port) as process:
        generation = ask(answers, office, question)
        until(lambda: len(generation.snapshot().text) > 60)
        process.kill()
        message = ended(generation, office)
    assert message.state is MessageState.FAILED
    words = SCRIPT.split()
    kept = message.text.split("\n\n")[0].split()
    assert 5 < len(kept) < len(words)
    assert kept[:5] == words[:5]
    assert "broke off" in message.text or "does not answer" in message.text
    with models_process(model, tmp_path, port):
        again = ended(ask(answers, office, question), office)
    assert again.state is MessageState.DONE
    assert again.text.split()[-5:] == words[-5:]
    answers.close()


def test_eight_people_at_once_get_their_own_answers(served: int, office: Office) -> None:
    scripts = [parrot.long_script(80 + number) for number in range(8)]
    answers = answering(office, served)
    asked = [ask(answers, office, f"say «{script}» now") for script in scripts]
    messages = [ended(generation, office) for generation in asked]
    assert [message.state for message in messages] == [MessageState.DONE] * 8
    assert [message.text for message in messages] == scripts
    answers.close()


@pytest.mark.parametrize(
    ("script", "shown"),
    [
        ("Staff travel [9] and remote leave [77].", "Staff travel"),  # the engine writes another number
        ("<script>alert(1)</script> <img src=x onerror=alert(1)> policy", "&lt;script&gt;"),
        ("naïve ✓ 你好 🙂 staff", "naïve ✓ 你好 🙂 staff"),
        ("[1] [1] [1]", ""),
    ],
)
def test_what_a_hostile_model_writes_is_text_without_sources_that_do_not_exist(
    served: int, office: Office, script: str, shown: str
) -> None:
    answers = answering(office, served)
    message = ended(ask(answers, office, f"say «{script}» now"), office)
    html = articles.body(message.text, message.id, message.citations, message.state)
    assert message.state is MessageState.DONE
    assert all(citation.n == 1 for citation in message.citations)
    assert shown in html
    assert "<script" not in html
    assert "<img" not in html
    answers.close()
