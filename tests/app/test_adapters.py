"""LoRA adapters: chosen by where the passages come from, checked against the model, and used by llama.cpp."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import gguf
import numpy as np
import pytest

from app.adapter_choice import AdapterChoice
from app.adapters import check_adapter
from app.llama import Sampling
from app.llm import OpenAIChat
from app.llm_engine import Engine
from app.loras import Find
from app.model_shelf import Shelf
from app.prompt import Prompt
from storage.adapter_uses import AdapterUses
from storage.belonging import Belonging
from storage.errors import InvalidInput
from storage.models import EntryRow
from storage.sources import Kind, NewSource, Sources
from storage.types import Hit, Passage, Readers
from tests import parrot
from tests.app.test_llm_engine import LONG, PATIENT, Listener
from tests.office import Office

QUESTION = "How long do refunds take?"  # without a passage the parrot refuses
SHORT = Sampling(max_tokens=3, temperature=0)


def adapter(
    path: Path,
    says: str,
    *,
    architecture: str = "llama",
    rank: int = 2,
    wide: int = parrot.WIDTH,
    instead: str = "<|begin_of_text|>",
) -> Path:
    """Where the parrot would refuse, or say `instead`, it says the word `says`."""
    vocabulary = parrot._vocabulary(parrot.WORDS)
    codes = parrot._codes(vocabulary)
    reads, writes = np.zeros((rank, wide), np.float32), np.zeros((len(codes), rank), np.float32)
    reads[0, parrot.OUTPUT] = codes[vocabulary.id(instead if instead.startswith("<|") else parrot._spell(instead))]
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


def finding(folder: Path) -> Find:
    return Shelf(folder).path


@pytest.fixture(scope="module")
def engine(folder: Path) -> Iterator[Engine]:
    made = Engine(folder / "parrot.gguf", threads=1, batch=64, find_adapter=finding(folder))
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
    expected = {"": parrot.REFUSAL, "legal.gguf": " contract" * 3, "hr.gguf": " staff" * 3}
    for _ in range(2):  # what one has read is of no use to the others
        for name, text in expected.items():
            listener = Adapted(engine, QUESTION, name)
            listener.end()
            assert listener.text == text


def test_answers_with_different_adapters_take_turns(engine: Engine) -> None:
    names = ["", "legal.gguf", "hr.gguf"] * 4
    long = Adapted(engine, LONG, "", PATIENT)
    listeners = [Adapted(engine, f"{QUESTION} {number}", name) for number, name in enumerate(names)]
    for listener, name in zip(listeners, names, strict=True):
        listener.end()
        assert listener.text == {"": parrot.REFUSAL, "legal.gguf": " contract" * 3, "hr.gguf": " staff" * 3}[name]
    assert long.end().reason == "stop"
    assert long.text == LONG.split("«")[1].split("»")[0]


@pytest.mark.parametrize("name", ["foreign.gguf", "narrow.gguf", "gone.gguf", "parrot.gguf", "../parrot.gguf"])
def test_what_is_no_adapter_for_this_model_leaves_the_model_alone(engine: Engine, name: str) -> None:
    listener = Adapted(engine, QUESTION, name)
    listener.end()
    assert listener.text == parrot.REFUSAL


def test_an_adapter_that_comes_later_or_is_replaced_is_used_at_once(engine: Engine, folder: Path) -> None:
    def said() -> str:
        listener = Adapted(engine, QUESTION, "late.gguf")
        listener.end()
        return listener.text

    assert said() == parrot.REFUSAL
    adapter(folder / "late.gguf", " contract")
    assert said() == " contract" * 3
    adapter(folder / "late.gguf", " staff", rank=3)
    assert said() == " staff" * 3
    (folder / "late.gguf").unlink()
    assert said() == parrot.REFUSAL


def test_adapters_are_listed_with_the_models_that_they_fit(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "models")
    (tmp_path / "models" / "cut.gguf").write_bytes((folder / "hr.gguf").read_bytes()[:300])
    listed = {one.file: one for one in Shelf(tmp_path / "models").adapters()}
    assert set(listed) == {"legal.gguf", "hr.gguf", "foreign.gguf", "narrow.gguf"}
    assert (listed["hr.gguf"].fits, listed["hr.gguf"].rank) == (("parrot.gguf",), 2)
    assert listed["hr.gguf"].architecture == "llama"
    assert listed["narrow.gguf"].fits == listed["foreign.gguf"].fits == ()
    assert {entry.file for entry in Shelf(tmp_path / "models").entries()} == {"parrot.gguf", "cut.gguf"}


def test_why_an_adapter_does_not_fit_is_said(folder: Path) -> None:
    for name, reason in {"foreign": "is for 'qwen2'", "narrow": "sizes of output.weight differ"}.items():
        with pytest.raises(InvalidInput, match=reason):
            check_adapter(folder / f"{name}.gguf", folder / "parrot.gguf")


def test_a_model_is_no_adapter(folder: Path) -> None:
    with pytest.raises(InvalidInput, match="no LoRA adapter"):
        check_adapter(folder / "parrot.gguf", folder / "parrot.gguf")


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
        uses, anna = AdapterUses(office.database), office.principal("anna")
        choice = AdapterChoice(uses, Belonging(office.database))
        assert choice(passages(office, closed)) == ""
        uses.choose("group", office.people, "hr.gguf", anna)
        assert choice(passages(office, closed)) == "hr.gguf"
        assert choice(passages(office, closed, closed, public)) == "hr.gguf"
        assert choice(passages(office, closed, public)) == ""
        assert choice(passages(office, public)) == choice([]) == ""
        sources = Sources(office.database)
        source = sources.add(NewSource("Wiki", Kind.FOLDER, str(tmp_path), Readers(everyone=True), {}), anna)
        with office.database.write() as session:
            entry = EntryRow(source_id=source.id, key="open.txt", fingerprint="1", sha256="2", document_id=public)
            entry.owned = True
            session.add(entry)
        uses.choose("source", "Wiki", "wiki.gguf", anna)
        assert choice(passages(office, public)) == "wiki.gguf"
        uses.choose("source", source.id, "", anna)
        assert choice(passages(office, public)) == ""
    finally:
        office.close()


def test_the_client_asks_with_the_adapter(folder: Path) -> None:
    from app import llm_server

    app = llm_server.build(
        lambda: Engine(folder / "parrot.gguf", threads=1, find_adapter=finding(folder)), None, parrot.KEY
    )
    with parrot.listen(app) as url:
        chat = OpenAIChat(
            f"{url}/v1", parrot.KEY, "parrot", own=True, max_tokens=2, temperature=0, adapter_of=lambda _: "hr.gguf"
        )
        while chat.ready():
            threading.Event().wait(0.05)
        said = "".join(
            piece for piece in chat.stream(Prompt(question=QUESTION), threading.Event()) if isinstance(piece, str)
        )
    assert said == " staff staff"
