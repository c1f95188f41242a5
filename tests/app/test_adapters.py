"""LoRA adapters: chosen by where the passages come from, checked against the model, and used by llama.cpp."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import gguf
import numpy as np
import pytest

from app.adapters import AdapterChoice, adapters_of, check_adapter
from app.llama import Sampling
from app.llm import OpenAIChat
from app.llm_engine import Engine
from app.prompt import Prompt
from storage.belonging import Belonging
from storage.errors import InvalidInput
from storage.types import Hit, Passage, Readers
from tests import parrot
from tests.app.test_llm_engine import LONG, PATIENT, Listener
from tests.office import Office

QUESTION = "How long do refunds take?"  # without a passage the parrot refuses
SHORT = Sampling(max_tokens=3, temperature=0)


def adapter(path: Path, says: str, *, architecture: str = "llama", rank: int = 2, wide: int = parrot.WIDTH) -> Path:
    """Where the parrot would refuse, it says the word `says` instead."""
    vocabulary = parrot._vocabulary(parrot.WORDS)
    codes = parrot._codes(vocabulary)
    reads, writes = np.zeros((rank, wide), np.float32), np.zeros((len(codes), rank), np.float32)
    reads[0, parrot.OUTPUT] = codes[vocabulary.id("<|begin_of_text|>")]
    writes[vocabulary.id(parrot._spell(says)), 0] = 40
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", float(rank))
    writer.add_tensor("output.weight.lora_a", reads)
    writer.add_tensor("output.weight.lora_b", writes)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("adapters")
    parrot.build(folder / "parrot.gguf")
    adapter(folder / "legal.gguf", " contract")
    adapter(folder / "hr.gguf", " staff")
    adapter(folder / "foreign.gguf", " staff", architecture="qwen2")
    adapter(folder / "narrow.gguf", " staff", wide=parrot.OUTPUT.stop + 20)
    return folder


@pytest.fixture(scope="module")
def engine(folder: Path) -> Iterator[Engine]:
    names = ("legal", "hr", "foreign", "narrow", "gone")
    made = Engine(folder / "parrot.gguf", threads=1, batch=64, adapters={one: folder / f"{one}.gguf" for one in names})
    yield made
    made.close()


class Adapted(Listener):
    def __init__(self, engine: Engine, text: str, name: str, sampling: Sampling = SHORT) -> None:
        self._name = name
        super().__init__(_With(engine, name), text, sampling=sampling)  # type: ignore[arg-type]


class _With:
    """An engine that is asked with one adapter."""

    def __init__(self, engine: Engine, name: str) -> None:
        self._engine, self._name = engine, name

    def submit(self, messages, sampling, sink):
        return self._engine.submit(messages, sampling, sink, adapter=self._name)


def test_an_adapter_changes_what_the_model_says(engine: Engine) -> None:
    expected = {"": parrot.REFUSAL, "legal": " contract" * 3, "hr": " staff" * 3}
    for _ in range(2):  # what one has read is of no use to the others
        for name, text in expected.items():
            listener = Adapted(engine, QUESTION, name)
            listener.end()
            assert listener.text == text


def test_answers_with_different_adapters_take_turns(engine: Engine) -> None:
    names = ["", "legal", "hr"] * 4
    long = Adapted(engine, LONG, "", PATIENT)
    listeners = [Adapted(engine, f"{QUESTION} {number}", name) for number, name in enumerate(names)]
    for listener, name in zip(listeners, names, strict=True):
        listener.end()
        assert listener.text == {"": parrot.REFUSAL, "legal": " contract" * 3, "hr": " staff" * 3}[name]
    assert long.end().reason == "stop"
    assert long.text == LONG.split("«")[1].split("»")[0]


def test_adapters_of_other_models_are_left_out_and_named(engine: Engine) -> None:
    assert engine.adapters["legal"] == ""
    assert "is for 'qwen2'" in engine.adapters["foreign"]
    assert "sizes of output.weight differ" in engine.adapters["narrow"]
    assert "no file" in engine.adapters["gone"]
    listener = Adapted(engine, QUESTION, "foreign")
    listener.end()
    assert listener.text == parrot.REFUSAL


def test_a_model_is_no_adapter(folder: Path) -> None:
    with pytest.raises(InvalidInput, match="no LoRA adapter"):
        check_adapter(folder / "parrot.gguf", folder / "parrot.gguf")


@pytest.mark.parametrize("setting", ["legal.gguf", "group:=x.gguf", "team:Legal=x.gguf", "group:Legal="])
def test_settings_that_make_no_sense_are_named(setting: str) -> None:
    with pytest.raises(InvalidInput, match="LLM_ADAPTERS"):
        adapters_of(setting)


def test_two_files_of_one_name_are_refused() -> None:
    with pytest.raises(InvalidInput, match="same name"):
        adapters_of("group:A=/one/x.gguf, group:B=/two/x.gguf")


def passages(office: Office, *documents: str) -> list[Passage]:
    found = []
    for number, document in enumerate(documents):
        version = office.documents.get(document, office.principal("anna")).version_id
        hits = [Hit(version[:8])]
        (passage,) = office.documents.passages(hits, office.principal("anna"))
        found.append(replace(passage, chunk_id=str(number)))
    return found


def test_the_adapter_goes_by_where_most_passages_belong(tmp_path: Path) -> None:
    office = Office(tmp_path)
    try:
        closed = office.add("pay.txt", Readers(groups=frozenset({office.people})), b"what is paid")[0]
        public = office.add("open.txt", Readers(everyone=True), b"what is open")[0]
        group = next(one.name for one in office.users.groups() if one.id == office.people)
        choice = AdapterChoice(
            adapters_of(f"group:{group}=/m/hr.gguf, source:None=/m/x.gguf"), Belonging(office.database)
        )
        assert choice(passages(office, closed)) == "hr"
        assert choice(passages(office, closed, closed, public)) == "hr"
        assert choice(passages(office, closed, public)) == ""
        assert choice(passages(office, public)) == choice([]) == ""
    finally:
        office.close()


def test_the_client_asks_with_the_adapter(folder: Path) -> None:
    from app import llm_server

    app = llm_server.build(
        lambda: Engine(folder / "parrot.gguf", threads=1, adapters={"hr": folder / "hr.gguf"}), None, parrot.KEY
    )
    with parrot.listen(app) as url:
        chat = OpenAIChat(
            f"{url}/v1", parrot.KEY, "parrot", own=True, max_tokens=2, temperature=0, adapter_of=lambda _: "hr"
        )
        while chat.ready():
            threading.Event().wait(0.05)
        said = "".join(
            piece for piece in chat.stream(Prompt(question=QUESTION), threading.Event()) if isinstance(piece, str)
        )
    assert said == " staff staff"
