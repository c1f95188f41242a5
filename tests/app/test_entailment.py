"""A real model for entailment, built small, from its files through the models process to a verdict."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
import pytest

from app import doctor, llm_server
from app.entailment import LABELS, HttpEntailment
from app.entailment_model import CrossEncoderEntailment
from app.health import models_away
from app.settings import Settings
from app.verify import Verifier
from storage.errors import InvalidInput, Unavailable
from storage.types import Passage, Support
from tests import cross_encoder, parrot
from tests.patience import PATIENCE, until

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")  # torch's own

NAMES = ("ENTAILMENT", "neutral", "contradiction")  # as some models have them: another order, capitals
PAIRS = [("Leave lapses on 31 March.", "Leave is lost in spring."), ("The canteen opens at noon.", "Lunch is free.")]
RULE = "Whoever wants to swap a shift asks the foreman, who writes it into the plan."


def passage(text: str) -> Passage:
    return Passage("c", "d", "v", "Handbook", "handbook.txt", 1, 0, len(text), "", text)


@contextmanager
def serving(make: Callable[[], CrossEncoderEntailment] | None) -> Iterator[HttpEntailment]:
    app = llm_server.build(None, None, parrot.KEY, entailment=make)
    with parrot.listen(app) as url:
        judge = HttpEntailment(f"{url}/v1", parrot.KEY)
        try:
            yield judge
        finally:
            judge.close()


def loaded(judge: HttpEntailment) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            judge.judge(PAIRS[:1])
            return
        except Unavailable:
            assert time.monotonic() < deadline
            time.sleep(0.1)


def test_scores_are_those_of_sentence_transformers_under_their_labels(tmp_path: Path) -> None:
    import torch
    from sentence_transformers import CrossEncoder

    folder = cross_encoder.build(tmp_path, labels=3, names=NAMES)
    expected = CrossEncoder(str(folder), device="cpu").predict(
        PAIRS, activation_fn=torch.nn.Softmax(dim=-1), show_progress_bar=False
    )
    with serving(lambda: CrossEncoderEntailment(str(folder), device="cpu")) as judge:
        loaded(judge)
        rows = judge.judge(PAIRS)
        assert judge.judge([]).shape == (0, 3)
    assert LABELS == ("contradiction", "neutral", "entailment")
    assert np.allclose(rows, np.asarray(expected)[:, [2, 1, 0]], atol=1e-5)
    assert np.ptp(rows) > 0.01, "a model that tells nothing apart proves nothing"


@pytest.mark.parametrize(
    ("says", "sentence", "support"),
    [
        ("ENTAILMENT", "Anybody may trade duties once a superior has been told.", Support.FULL),
        ("contradiction", "Whoever wants to swap a shift asks the foreman beforehand.", Support.NONE),
        ("contradiction", RULE, Support.FULL),  # word for word: nobody needs to be asked
        (
            "ENTAILMENT",
            "Whoever wants to swap a shift asks the foreman 14 days before.",
            Support.NONE,
        ),  # an exact doubt
    ],
)
def test_it_decides_where_words_did_and_nowhere_else(
    tmp_path: Path, says: str, sentence: str, support: Support
) -> None:
    folder = cross_encoder.build(tmp_path, labels=3, names=NAMES, says=says)
    with serving(lambda: CrossEncoderEntailment(str(folder), device="cpu")) as judge:
        loaded(judge)
        found = Verifier(judge=judge).check(sentence, [passage(RULE)])
    assert found is not None
    assert found.support is support
    alone = Verifier().check(sentence, [passage(RULE)])
    assert alone is not None
    if says == "ENTAILMENT" and support is Support.FULL:
        assert alone.support is not Support.FULL
    if found.support is Support.NONE and alone.support is not Support.NONE:
        assert "says otherwise" in found.reason


def test_while_it_does_not_answer_words_decide() -> None:
    with serving(None) as judge:
        with pytest.raises(Unavailable, match="answered 503"):
            judge.judge(PAIRS)
        sentence = "Whoever wants to swap a shift asks the foreman."
        assert Verifier(judge=judge).check(sentence, [passage(RULE)]) == Verifier().check(sentence, [passage(RULE)])
    with pytest.raises(Unavailable, match="does not answer"):
        HttpEntailment("http://127.0.0.1:9").judge(PAIRS)


def test_doctor_and_health_tell_of_it_while_it_loads_and_once_it_answers(tmp_path: Path) -> None:
    folder, go_on = cross_encoder.build(tmp_path / "model", labels=3, names=NAMES), threading.Event()

    def slow() -> CrossEncoderEntailment:
        assert go_on.wait(60)
        return CrossEncoderEntailment(str(folder), device="cpu")

    app = llm_server.build(None, None, parrot.KEY, entailment=slow)
    with parrot.listen(app) as url:
        settings = Settings(
            data_dir=tmp_path, part_key=parrot.KEY, nli_url=f"{url}/v1", nli_api_key=parrot.KEY, _env_file=None
        )
        health = httpx.get(f"{url}/healthz", trust_env=False)
        assert (health.status_code, health.json()["entailment"]["configured"]) == (503, True)
        assert "being loaded. Sentences" in (models_away(settings) or "")
        (found,) = doctor.examine(settings, only=["entailment"])
        assert not found.ok
        assert "checked without it" in found.remedy
        go_on.set()
        until(lambda: models_away(settings) is None)
        (found,) = doctor.examine(settings, only=["entailment"])
        assert (found.ok, found.found) == (True, f"A model at {url}/v1")
    (found,) = doctor.examine(settings, only=["entailment"])
    assert "does not answer" in found.found
    assert models_away(settings) == "The models process is starting."


def test_doctor_tells_what_will_be_loaded_or_that_there_is_none(tmp_path: Path) -> None:
    (none,) = doctor.examine(Settings(data_dir=tmp_path, _env_file=None), only=["entailment"])
    assert (none.ok, "That is fine" in none.found) == (True, True)
    named = Settings(data_dir=tmp_path, nli_model=str(tmp_path), _env_file=None)
    assert "next start" in doctor.examine(named, only=["entailment"])[0].found
    wrong = Settings(data_dir=tmp_path, nli_model=str(tmp_path / "gone"), _env_file=None)
    (found,) = doctor.examine(wrong, only=["entailment"])
    assert (found.ok, "NLI_MODEL: there is no folder" in found.found) == (False, True)


def test_a_model_with_other_labels_is_refused(tmp_path: Path) -> None:
    folder = cross_encoder.build(tmp_path, labels=2, names=("yes", "no"))
    with pytest.raises(InvalidInput, match="tells yes, no apart"):
        CrossEncoderEntailment(str(folder), device="cpu")
    with pytest.raises(InvalidInput, match="NLI_MODEL: there is no folder"):
        CrossEncoderEntailment("no-such-model")
