"""How well passages are found in another language than English, and languages told apart.

    python benchmarks/languages.py
    python benchmarks/languages.py --model /tmp/multilingual-e5-small   (see benchmarks/multilingual_e5.py)

XQuAD's 240 paragraphs, one passage each, and its 1,190 questions, in English and German: questions of each language on
paragraphs of each. Recall by meaning, by words, and by a weighted sum of both with a fixed share for the meaning, and
with one that follows `ingest.embed.familiarity`. Vectors and terms are the product's own; the scores are computed here,
as the index does, so that no process is needed. Does not cover: documents of many passages (`footnote eval`).
"""

from __future__ import annotations

import argparse
import json
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ingest.embed import DEFAULT_MODEL, SentenceTransformerEmbedder, familiarity
from ingest.language import language
from ingest.sparse import passage_weights, question_weights
from storage.types import SparseVector

FOLDER = Path(__file__).resolve().parents[2] / "shared" / "data" / "xquad"
LANGUAGES = ("en", "de")
SHARES = (0.3, 0.6)  # of the meaning: for a model that knows nothing of the language, for one that knows it
CANDIDATES = 80  # of each search, as in `app.retrieve`
Matrix = NDArray[np.float32]


@dataclass(frozen=True)
class Set:
    passages: list[str]
    questions: list[str]
    answers: NDArray[np.int64]  # the passage of each question

    @classmethod
    def read(cls, path: Path) -> Set:
        paragraphs = [p for article in json.loads(path.read_text("utf-8"))["data"] for p in article["paragraphs"]]
        asked = [(n, qa["question"]) for n, paragraph in enumerate(paragraphs) for qa in paragraph["qas"]]
        return cls([p["context"] for p in paragraphs], [q for _, q in asked], np.array([n for n, _ in asked]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    options = parser.parse_args()
    sets = {code: Set.read(options.folder / f"xquad.{code}.json") for code in LANGUAGES}
    _tell_apart(sets)
    _find(sets, SentenceTransformerEmbedder(options.model))


def _tell_apart(sets: dict[str, Set]) -> None:
    language("The model is loaded at the first call.")
    print("\n| text | right | unsure | wrong | ms |\n|---|---|---|---|---|")
    for kind in ("paragraphs", "sentences", "questions"):
        texts = [(code, text) for code, found in sets.items() for text in _texts(found, kind)]
        started = time.perf_counter()
        told = [language(text) for _, text in texts]
        took = (time.perf_counter() - started) / len(texts) * 1000
        right = sum(code == guess for (code, _), guess in zip(texts, told, strict=True))
        unsure = told.count("")
        shares = " | ".join(f"{count / len(texts):.3f}" for count in (right, unsure, len(texts) - right - unsure))
        print(f"| {len(texts)} {kind} | {shares} | {took:.2f} |", flush=True)


def _texts(found: Set, kind: str) -> list[str]:
    if kind == "sentences":
        return [text for passage in found.passages for text in re.split(r"(?<=[.!?])\s+", passage)]
    return found.passages if kind == "paragraphs" else found.questions


def _find(sets: dict[str, Set], embedder: SentenceTransformerEmbedder) -> None:
    low, high = SHARES
    print(f"\n{embedder.name}: recall @1 / @5")
    print(f"\n| questions | passages | meaning | words | both, {high} | both, {low} | both, by familiarity |")
    print("|---|---|---|---|---|---|---|")
    passages = {code: embedder.embed_passages(found.passages) for code, found in sets.items()}
    for asked, questions in sets.items():
        vectors = embedder.embed_queries(questions.questions)
        weights = [question_weights(question) for question in questions.questions]
        known = np.array([familiarity(question, embedder.token_spans) for question in questions.questions])
        for given, found in sets.items():
            dense = vectors @ passages[given].T
            sparse = bm25([passage_weights(passage, given) for passage in found.passages], weights)
            shares = [np.full(len(known), high), np.full(len(known), low), low + (high - low) * known]
            ranked = [dense, sparse, *(fused(dense, sparse, share) for share in shares)]
            print(f"| {asked} | {given} | {' | '.join(recall(scores, questions.answers) for scores in ranked)} |")


def bm25(passages: Sequence[SparseVector], questions: Sequence[SparseVector]) -> Matrix:
    """Scores, questions by passages, with the weight of rare terms that the index gives them."""
    columns = {term: n for n, term in enumerate(sorted({term for vector in passages for term in vector.indices}))}
    given = np.zeros((len(passages), len(columns)), np.float32)
    asked = np.zeros((len(questions), len(columns)), np.float32)
    for matrix, vectors in ((given, passages), (asked, questions)):
        for row, vector in enumerate(vectors):
            for term, weight in zip(vector.indices, vector.values, strict=True):
                if term in columns:
                    matrix[row, columns[term]] = weight
    holders = (given > 0).sum(axis=0)
    rarity = np.log(1 + (len(passages) - holders + 0.5) / (holders + 0.5))
    return np.asarray(asked * rarity @ given.T, np.float32)


def fused(dense: Matrix, sparse: Matrix, shares: NDArray[np.float64]) -> Matrix:
    """Both brought to 0..1 over the best candidates, then weighted; what neither search found comes last."""
    result = np.full(dense.shape, -1.0, np.float32)
    for row, share in enumerate(shares):
        near = np.argsort(-dense[row])[:CANDIDATES]
        worded = [column for column in np.argsort(-sparse[row])[:CANDIDATES] if sparse[row, column] > 0]
        span = np.ptp(dense[row, near]) or 1.0
        result[row, [*near, *worded]] = 0.0
        result[row, near] += share * (dense[row, near] - dense[row, near].min()) / span
        if worded:
            result[row, worded] += (1 - share) * sparse[row, worded] / sparse[row, worded].max()
    return result


def recall(scores: Matrix, answers: NDArray[np.int64]) -> str:
    """A tie counts against the answer."""
    own = scores[np.arange(len(answers)), answers][:, None]
    places = (scores >= own).sum(axis=1)
    return " / ".join(f"{float(np.mean(places <= k)):.3f}" for k in (1, 5))


if __name__ == "__main__":
    main()
