"""Every backend against torch with single precision, and what becomes of models that OpenVINO can't take."""

import shutil
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from ingest import backend, conversion, machine, openvino_model
from ingest.embed import DEFAULT_MODEL, SentenceTransformerEmbedder
from ingest.openvino_model import OpenVinoEmbedder
from storage.errors import InvalidInput
from tests import models

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")  # torch's own

TEXTS = [
    "Unused vacation days can be carried over into the next year.",
    "",
    "  The cafeteria opens at noon.\n\nLunch is free. ",
    "Net revenue | 2021 | 4,310.2\nOperating expenses | 2021 | (1,204.9)\n" * 9,
    "Überstunden: 12.5% of the employees’ time; 残った有給休暇を繰り越す",
    "leave " * 400,
    "x",
]
PARTS = [
    [(0, 30), (30, 60)],
    [],
    [(2, 30), (32, 46)],
    [(0, 27), (27, 67)],
    [(0, 11)],
    [(0, 30), (2000, 2400)],
    [(0, 1)],
]


@pytest.fixture(scope="module")
def reference():
    return SentenceTransformerEmbedder(device="cpu", threads=2)


@pytest.fixture(scope="module", params=["f32", "bf16"])
def embedder(request, converted):
    return openvino_model.load(DEFAULT_MODEL, converted, precision=request.param, threads=2)


@pytest.fixture(scope="module")
def small_converted(tmp_path_factory):
    """A small model, and the folder in which its conversion is kept."""
    place = tmp_path_factory.mktemp("small")
    folder = str(models.build(place))
    openvino_model.converted(folder, place / "kept")
    return folder, place / "kept"


@pytest.fixture
def small(small_converted, tmp_path):
    folder, kept = small_converted
    return folder, shutil.copytree(kept, tmp_path / "kept")


def test_vectors_are_those_of_torch(embedder, reference):
    made, wanted = embedder.embed_passages(TEXTS), reference.embed_passages(TEXTS)
    assert made.dtype == np.float32
    assert np.allclose(np.linalg.norm(made, axis=1), 1, atol=1e-5)
    assert (made * wanted).sum(axis=1).min() >= 0.999
    assert (embedder.embed_queries(TEXTS) * reference.embed_queries(TEXTS)).sum(axis=1).min() >= 0.999


def test_parts_are_those_of_torch(embedder, reference):
    vectors, made = embedder.embed_parts(TEXTS, PARTS)
    _, wanted = reference.embed_parts(TEXTS, PARTS)
    assert (vectors * reference.embed_passages(TEXTS)).sum(axis=1).min() >= 0.999
    assert [rows.shape for rows in made] == [(len(of_text), 384) for of_text in PARTS]
    for ours, theirs in zip(made, wanted, strict=True):
        assert np.allclose((ours * theirs).sum(axis=1), 1, atol=2e-3)


def test_a_question_without_its_names_is_that_of_torch(embedder, reference):
    question, names = "What did Acme pay for travel in 2022?", [(9, 13), (32, 36)]
    made, wanted = embedder.embed_question(question), reference.embed_question(question)
    assert np.allclose(made.vector, embedder.embed_queries([question])[0], atol=1e-5)
    assert made.vector @ wanted.vector >= 0.999
    assert made.without(names) @ wanted.without(names) >= 0.998
    assert made.without(names) @ made.vector < 0.99


def test_padding_counts_for_nothing_in_a_long_question(embedder, reference):
    question = "What did each of the following teams pay for travel and for hotels in 2022, " + "and why, " * 20
    made, wanted = embedder.embed_question(question), reference.embed_question(question)
    assert made.vector @ wanted.vector >= 0.999
    assert made.without([(45, 51)]) @ wanted.without([(45, 51)]) >= 0.998


def test_what_the_model_sees_is_the_same(embedder, reference):
    assert embedder.max_tokens == reference.max_tokens == 254
    assert embedder.dimensions == reference.dimensions
    assert embedder.token_spans(TEXTS[4]) == reference.token_spans(TEXTS[4])
    assert embedder.embed_queries([]).shape == (0, 384)


def test_calls_from_several_threads_do_not_mix(embedder):
    wanted, wrong = embedder.embed_passages(TEXTS), []

    def ask():
        for row, text in enumerate(TEXTS):
            if float(embedder.embed_passages([text])[0] @ wanted[row]) < 0.999:
                wrong.append(text)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_the_converted_model_needs_no_torch_and_reports_to_nobody(embedder, converted):
    code = f"""
import sys
from pathlib import Path
from ingest import openvino_model
openvino_model.load({DEFAULT_MODEL!r}, Path({str(converted)!r}), precision="f32").embed_queries(["x"])
loaded = {{"torch", "transformers", "sentence_transformers"}} & sys.modules.keys()
assert not loaded, loaded
assert sys.modules["openvino_telemetry"] is None
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_the_mean_or_the_first_token_with_the_prefixes_of_the_model(tmp_path):
    for pooling in ("mean", "cls"):
        prompts = {"query": "question: ", "document": "passage: "}
        folder = models.build(tmp_path / pooling, pooling=pooling, prompts=prompts)
        made = openvino_model.load(str(folder), tmp_path / "kept", precision="f32")
        torch_made = SentenceTransformerEmbedder(str(folder), device="cpu")
        assert made.max_tokens == torch_made.max_tokens < 96
        assert (made.embed_queries(TEXTS) * torch_made.embed_queries(TEXTS)).sum(axis=1).min() > 0.9999
        vectors, parts = made.embed_parts(TEXTS, PARTS)
        theirs, their_parts = torch_made.embed_parts(TEXTS, PARTS)
        assert (vectors * theirs).sum(axis=1).min() > 0.9999
        assert (np.concatenate(parts) * np.concatenate(their_parts)).sum(axis=1).min() > 0.9999
        assert not np.allclose(made.embed_queries(["x"]), made.embed_passages(["x"]), atol=1e-3)
        asked, theirs_asked = made.embed_question(TEXTS[0]), torch_made.embed_question(TEXTS[0])
        assert asked.vector @ made.embed_queries(TEXTS[:1])[0] > 0.9999
        left, their_left = (one.without([(0, 5)]) for one in (asked, theirs_asked))
        assert (left is None and their_left is None) if pooling == "cls" else left @ their_left > 0.9999


def test_a_model_with_other_parts_runs_by_torch_and_is_refused_once(tmp_path, monkeypatch, caplog):
    folder = str(models.build(tmp_path, dense=True))
    made = backend.local_embedder(folder, tmp_path / "kept", device="cpu")
    assert isinstance(made, SentenceTransformerEmbedder)
    assert made.dimensions == 8
    assert "Dense" in caplog.text
    monkeypatch.setattr(openvino_model, "_make", lambda *_: pytest.fail("converted again"))
    with pytest.raises(InvalidInput, match="Dense"):
        backend.local_embedder(folder, tmp_path / "kept", device="cpu", backend="openvino")


def test_damaged_files_are_made_again(small):
    folder, kept = small
    # in one precision: the second conversion measures anew, and may prefer another
    wanted = openvino_model.load(folder, kept, precision="f32").embed_queries(["leave"])
    (place,) = (path for path in kept.iterdir() if path.is_dir())
    (place / "model.xml").write_text("<net")
    mended = openvino_model.load(folder, kept, precision="f32")
    assert np.allclose(mended.embed_queries(["leave"]), wanted, atol=1e-6)
    assert [path.name for path in kept.iterdir() if path.is_dir()] == [place.name]


def test_other_weights_are_another_model(tmp_path):
    folder = models.build(tmp_path)
    first = openvino_model.fingerprint(folder)
    assert openvino_model.fingerprint(folder) == first
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4] + b"\0\0\0\1")
    second = openvino_model.fingerprint(folder)
    assert second != first
    settings = folder / "config_sentence_transformers.json"
    settings.write_text(settings.read_text().replace("cosine", "dot"))
    assert openvino_model.fingerprint(folder) != second


def test_a_failed_conversion_leaves_nothing_and_says_why(tmp_path):
    (tmp_path / "broken").mkdir()
    with pytest.raises(openvino_model.Unconvertible, match="conversion failed"):
        openvino_model.converted(str(tmp_path / "broken"), tmp_path / "kept")
    assert [path for path in (tmp_path / "kept").iterdir() if path.is_dir()] == []
    with pytest.raises(InvalidInput, match="no-such-model"):
        backend.local_embedder("no-such-model", tmp_path / "kept", device="cpu")


def test_what_a_killed_conversion_left_goes_with_the_next(small):
    folder, kept = small
    made = openvino_model.converted(folder, kept)
    left = made.with_name(f"{made.name}.0123")
    made.rename(left)
    assert openvino_model.converted(folder, kept) == made
    assert [path for path in kept.iterdir() if path.is_dir()] == [made]


def test_a_conversion_ends_with_what_started_it(tmp_path):
    command = [sys.executable, "-m", "ingest.conversion", str(models.build(tmp_path)), str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as started:
        started.stdin.close()
        assert started.wait(60) == 1
    assert not (tmp_path / "measured.json").exists()


def test_the_backend_can_be_wished_for(tmp_path, converted):
    by_torch = backend.local_embedder(DEFAULT_MODEL, tmp_path, backend="torch", device="cpu")
    assert isinstance(by_torch, SentenceTransformerEmbedder)
    assert list(tmp_path.iterdir()) == []
    made = backend.local_embedder(DEFAULT_MODEL, converted, device="cpu", precision="f32")
    assert isinstance(made, OpenVinoEmbedder)
    assert made.backend == "OpenVINO f32"


def test_eight_bits_are_near(converted, reference):
    made = backend.local_embedder(DEFAULT_MODEL, converted, device="cpu", precision="int8")
    assert made.backend == "OpenVINO int8"
    assert (made.max_tokens, made.dimensions) == (reference.max_tokens, reference.dimensions)
    alike = (made.embed_passages(TEXTS) * reference.embed_passages(TEXTS)).sum(axis=1)
    ordinary = [0, 2, 3, 4]
    assert alike[ordinary].min() >= 0.999
    assert alike.min() > 0.99
    assert alike.max() < 0.99999  # it is another model than single precision


def test_eight_bits_of_a_text_do_not_depend_on_the_texts_beside_it(converted):
    made = openvino_model.load(DEFAULT_MODEL, converted, precision="int8", threads=2)
    alone = np.vstack([made.embed_passages([text]) for text in TEXTS])
    assert (alone * made.embed_passages(TEXTS)).sum(axis=1).min() > 0.9999


def test_time_in_which_others_have_the_processor_does_not_count(monkeypatch):
    def embed(texts: list[str]) -> None:
        time.sleep(0.05)
        sum(range(20_000))

    monkeypatch.setattr(conversion, "SECONDS", 0.2)
    assert conversion._speed(embed, ["one", "two"]) > 2 * (2 / 0.05)  # by the clock it can't be above 2 in 0.05 s


def test_the_choice_follows_what_was_measured_once(converted, monkeypatch):
    folder = openvino_model.converted(DEFAULT_MODEL, converted)
    speeds = openvino_model.speeds_of(folder)
    assert speeds.keys() - {"int8"} == {"torch", *openvino_model.precisions()}  # int8 where it is near enough
    assert min(speeds.values()) > 0
    for measured, wanted in [
        ({"torch": 20, "f32": 30, "bf16": 50}, "OpenVINO bf16"),
        ({"torch": 20, "f32": 30, "bf16": 31}, "OpenVINO f32"),
        ({"torch": 32, "f32": 30}, "OpenVINO f32"),
        ({"torch": 20, "f32": 30, "bf16": 50, "int8": 54}, "OpenVINO bf16"),
        ({"torch": 20, "f32": 30, "bf16": 50, "int8": 56}, "OpenVINO int8"),
        ({"torch": 20, "f32": 30, "int8": 40}, "OpenVINO int8"),
        ({"torch": 50, "f32": 30}, "torch on cpu"),
        ({}, f"OpenVINO {openvino_model.precisions()[0]}"),
    ]:
        monkeypatch.setattr(openvino_model, "speeds_of", lambda _, told=measured: dict(told))
        assert backend.local_embedder(DEFAULT_MODEL, converted, device="cpu").backend == wanted
    monkeypatch.setattr(openvino_model, "speeds_of", lambda _: {"torch": 50, "f32": 30})
    assert backend.local_embedder(DEFAULT_MODEL, converted, device="cpu", backend="openvino").backend == "OpenVINO f32"


@pytest.mark.parametrize(
    ("text", "cores"), [("150000 100000\n", 2), ("50000 100000\n", 1), ("max 100000\n", None), ("", None)]
)
def test_a_containers_share_of_the_processor_counts(tmp_path, text, cores):
    (tmp_path / "cpu.max").write_text(text)
    assert machine.share(tmp_path / "cpu.max") == cores
    assert machine.share(tmp_path / "missing") is None
    assert machine.usable_cores() >= 1
