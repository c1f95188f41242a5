"""A real cross-encoder of sentence-transformers, built small, through our class."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from app.cross_encoder import CrossEncoderReranker, folder_of
from storage.errors import InvalidInput
from tests import cross_encoder

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")  # torch's own

QUESTION = "How many days of annual leave do staff have?"
TEXTS = [
    "Hotel costs are paid up to 120 euros a night.",
    "Full-time staff have 30 days of annual leave.",
    "Leave that is not taken by 31 March lapses. " * 3,
    "The cafeteria opens at noon.",
    "",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return cross_encoder.build(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def reranker(folder: Path) -> CrossEncoderReranker:
    return CrossEncoderReranker(str(folder), device="cpu")


def test_scores_are_those_of_sentence_transformers_in_the_order_of_the_texts(
    folder: Path, reranker: CrossEncoderReranker
) -> None:
    import torch
    from sentence_transformers import CrossEncoder

    model = CrossEncoder(str(folder), device="cpu")
    expected = [
        float(model.predict([(QUESTION, text)], activation_fn=torch.nn.Sigmoid(), show_progress_bar=False)[0])
        for text in TEXTS
    ]
    scores = reranker.rerank(QUESTION, TEXTS)
    assert scores.dtype == np.float32
    assert np.allclose(scores, expected, atol=1e-5)
    assert len({round(score, 4) for score in expected}) == len(TEXTS), "a model that tells nothing apart proves nothing"
    assert ((scores > 0) & (scores < 1)).all()


def test_no_texts_give_no_scores(reranker: CrossEncoderReranker) -> None:
    assert reranker.rerank(QUESTION, []).shape == (0,)


def test_many_texts_of_many_lengths_keep_their_places(reranker: CrossEncoderReranker) -> None:
    texts = [f"Rule {n}: " + "word " * (n % 50) for n in range(120)]
    scores = reranker.rerank(QUESTION, texts)
    for n in (0, 7, 49, 119):
        assert scores[n] == pytest.approx(float(reranker.rerank(QUESTION, [texts[n]])[0]), abs=1e-5)


def test_a_passage_is_cut_where_the_model_ends_and_a_question_at_half_of_it(reranker: CrossEncoderReranker) -> None:
    room = 96 - 3 - 10  # three special tokens, and the question's ten
    inside = "leave " * room
    full, longer, other = reranker.rerank(QUESTION, [inside, inside + "zebra " * 500, "leave " * (room - 1) + "zebra"])
    assert full == pytest.approx(float(longer), abs=1e-6)
    assert abs(float(full - other)) > 1e-6
    words = "leave " * 46
    assert reranker.rerank(words, ["zebra"])[0] == pytest.approx(
        float(reranker.rerank(words + "cafeteria " * 300, ["zebra"])[0]), abs=1e-6
    )
    few, many = reranker.rerank(words + "cafeteria " * 300, ["zebra", "zebra noon"])
    assert abs(float(few - many)) > 1e-6, "a long question has left no room for the passage"


def test_a_classifier_is_no_reranker(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="3 scores for a pair"):
        CrossEncoderReranker(str(cross_encoder.build(tmp_path / "three", labels=3)))


def test_files_that_are_no_model_are_refused_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(InvalidInput, match=r"RERANK_MODEL: the cross-encoder in .* can't be loaded"):
        CrossEncoderReranker(str(tmp_path))


@pytest.mark.parametrize("model", ["cross-encoder/ms-marco-MiniLM-L6-v2", "/no/such/folder", "no_such_package/model"])
def test_what_is_not_here_is_not_downloaded(model: str) -> None:
    with pytest.raises(InvalidInput, match="nothing is downloaded"):
        CrossEncoderReranker(model)


def test_a_model_may_lie_in_an_installed_package(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "carrier_of_a_model"
    package.mkdir()
    (package / "__init__.py").write_text("raise AssertionError('it is not imported')")
    (package / "model").symlink_to(folder)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert folder_of("carrier_of_a_model/model").samefile(folder)
    assert "carrier_of_a_model" not in sys.modules
    with pytest.raises(InvalidInput, match="there is no folder"):
        folder_of("carrier_of_a_model/other")
