"""Fits the weights of `app.candidate_weights` on one half of the development questions, and shows the other half.

    python benchmarks/extraction_weights.py            prints the weights and both halves' figures
    python benchmarks/extraction_weights.py --write    puts them into app/candidate_weights.py and docs/extraction.md

A statement counts as right when the reference answer stands in it (XQuAD, manuals), or when it holds most of a string
of the evidence and not much else. The model is a conditional logit: the statements of a question compete, and the
weights make the right ones likely. Every set weighs alike but XQuAD, which counts twice, and L2 keeps them small.
Which half a question is in follows from its words, so that paraphrases and kinds fall by chance.
"""

from __future__ import annotations

import argparse
import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import corpora
import numpy as np
import tables
from extraction import MARKS, PAGE, holds
from numpy.typing import NDArray
from scipy.optimize import minimize

from app import candidate_weights
from app.candidates import Candidate, candidates, wanted
from app.evaluation.questions import Question
from app.rank import bare
from app.statements import statements_of
from app.words import content_words

SETS = {"filings": 1.0, "handbook": 1.0, "samples": 1.0, "manuals": 1.0, "xquad-en": 2.0}  # and how much each weighs
SHARE, OWN = 0.6, 0.3  # of an evidence string's words that a right statement has, and of its words that are evidence
L2 = 1.0
LEAST = 0.05  # a smaller weight is left out
WEIGHTS = Path(str(candidate_weights.__file__))

Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question's candidates: a row of signs for each, and which are right."""

    name: str
    kind: str
    held_out: bool
    signs: Sequence[dict[str, float]]
    right: NDArray[np.bool_]

    def rows(self, names: Sequence[str]) -> Matrix:
        return np.array([[signs.get(name, 0.0) for name in names] for signs in self.signs], float)


def ask(name: str) -> Iterator[Asked]:
    with corpora.opened(name) as opened:
        retriever = opened.services.retriever
        for question in corpora.questions(name).questions:
            if not question.answerable:
                continue
            passages = retriever.retrieve(question.text, opened.principal).passages
            meaning = retriever.embedder.embed_queries([bare(question.text, passages)])[0]
            found = candidates(wanted(question.text, meaning), passages, [statements_of(p) for p in passages])
            right = np.array([_right(one, question, opened.keys[one.passage.document_id], name) for one in found], bool)
            held_out = hashlib.sha256(question.text.encode()).digest()[0] % 2 == 1
            if right.any():
                yield Asked(name, question.kind, held_out, [one.signs for one in found], right)


def _right(one: Candidate, question: Question, document: str, name: str) -> bool:
    if question.names and document not in question.names:
        return False
    if name in ("xquad-en", "manuals"):
        return holds(one.text, question.answers)
    own = set(content_words(MARKS.sub(" ", one.text)))
    for string in question.evidence:
        words = set(content_words(MARKS.sub(" ", string)))
        if words and len(words & own) >= SHARE * len(words) and len(words & own) >= OWN * len(own):
            return True
    return False


def fit(asked: Sequence[Asked]) -> dict[str, float]:
    names = sorted({name for each in asked for signs in each.signs for name in signs})
    sizes = {name: sum(each.name == name for each in asked) for name in SETS}
    data = [(each.rows(names), each.right, 100 * SETS[each.name] / sizes[each.name]) for each in asked]
    made = minimize(_loss(data), np.zeros(len(names)), jac=True, method="L-BFGS-B", options={"maxiter": 500})
    found = zip(names, made.x.tolist(), strict=True)
    return dict(sorted(((n, round(w, 2)) for n, w in found if abs(w) >= LEAST), key=lambda pair: -abs(pair[1])))


def _loss(data: Sequence[tuple[Matrix, NDArray[np.bool_], float]]) -> Callable[[Matrix], tuple[float, Matrix]]:
    """Minus the logarithm of how likely the right ones are, and its gradient."""

    def loss(weights: Matrix) -> tuple[float, Matrix]:
        total, gradient = L2 * float(weights @ weights) / 2, L2 * weights
        for rows, right, weight in data:
            odds = np.exp((scores := rows @ weights) - scores.max())
            likely = odds / odds.sum()
            share = likely[right].sum()
            total -= weight * float(np.log(share))
            gradient = gradient + weight * (rows.T @ (likely - np.where(right, likely / share, 0.0)))
        return total, gradient

    return loss


def figures(asked: Sequence[Asked], weights: dict[str, float]) -> str:
    lines = []
    for name in SETS:
        for held_out in (False, True):
            own = [each for each in asked if each.name == name and each.held_out is held_out]
            places = [_place(each, weights) for each in own]
            shares = [f"{sum(place <= k for place in places) / len(places):.3f}" for k in (1, 3)]
            lines.append([f"{name}, {'held out' if held_out else 'fitted'}", str(len(own)), *shares])
    head = ["half", "questions", "a right statement first", "among the first three"]
    return tables.markdown(head, lines)


def _place(each: Asked, weights: dict[str, float]) -> int:
    """Of the first right statement, from 1."""
    order = np.argsort(-(each.rows(list(weights)) @ np.array(list(weights.values()))), kind="stable")
    return int(each.right[order].argmax()) + 1


def write(weights: dict[str, float]) -> None:
    lines = "".join(f'    "{name}": {weight},\n' for name, weight in weights.items())
    code = WEIGHTS.read_text("utf-8")
    WEIGHTS.write_text(re.sub(r"(?<=WEIGHTS = \{\n).*?(?=\})", lines, code, count=1, flags=re.S), "utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--write", action="store_true", help="Put them into the code and into docs/extraction.md.")
    options = parser.parse_args()
    asked = [each for name in SETS for each in ask(name)]
    weights = fit([each for each in asked if not each.held_out])
    body = figures(asked, weights)
    print(*(f"{name}: {weight}" for name, weight in weights.items()), sep="\n")
    print(f"\n{body}")
    if options.write:
        write(weights)
        tables.write("ranker", body, PAGE)


if __name__ == "__main__":
    main()
