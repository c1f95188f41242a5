"""A real model for entailment, built small, from its files through the models process to a verdict."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from app import llm_server
from app.entailment import LABELS, HttpEntailment
from app.entailment_model import CrossEncoderEntailment
from app.verify import Verifier
from storage.errors import InvalidInput, Unavailable
from storage.types import Passage, Support
from tests import cross_encoder, parrot

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
    deadline = time.monotonic() + 90
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


def test_a_model_with_other_labels_is_refused(tmp_path: Path) -> None:
    folder = cross_encoder.build(tmp_path, labels=2, names=("yes", "no"))
    with pytest.raises(InvalidInput, match="tells yes, no apart"):
        CrossEncoderEntailment(str(folder), device="cpu")
    with pytest.raises(InvalidInput, match="NLI_MODEL: there is no folder"):
        CrossEncoderEntailment("no-such-model")
