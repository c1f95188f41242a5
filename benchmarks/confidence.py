"""Fits `app.confidence` on one half of the development questions and shows how it does on the other.

    python benchmarks/confidence.py            prints weights, limits and both tables
    python benchmarks/confidence.py --write    keeps the tables in docs/retrieval.md

There are few questions that the documents do not answer. So each that they do is asked a second time with the documents
that answer it left out, which makes a near miss. Both halves hold the same kinds; which half a question is in follows
from its words. Every set weighs alike in the fit; near misses weigh less than what people asked.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import corpora
import numpy as np
import tables
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from app.confidence import BY_WORDS, FIGURES, LEAST, SURE, Evidence, confidence
from app.evaluation.questions import Question
from app.retrieve import Retrieved
from storage.types import Scope

SETS = ("filings", "handbook", "xquad-en")
KINDS = ("answerable", "unanswerable", "left out")
EVERY = {"xquad-en": 3}  # of its 1,190 questions one in three, which is still more than the other sets have
REFUSED = 0.01  # of the answerable questions in the half that is fitted: in others it is more, and 0.05 is to be kept
WARNED = 0.8  # of the unanswerable ones at least, refused or warned
PRIOR = 0.5
LIKELY = {"answerable": 1.0, "unanswerable": 0.7, "left out": 0.3}  # weight in the fit
STEPS = (1.0, 0.95, 0.9, 0.8, 0.7, 0.5, 0.3)  # shares of the questions that are answered


@dataclass(frozen=True, slots=True)
class Asked:
    """`found`: whether a page or document that answers is among the first five places."""

    name: str
    kind: str
    held_out: bool
    evidence: Evidence
    found: bool


def ask(name: str) -> Iterator[Asked]:
    with corpora.opened(name) as opened:
        services = opened.services
        for question in corpora.questions(name).questions[:: EVERY.get(name, 1)]:
            held_out = hashlib.sha256(question.text.encode()).digest()[0] % 2 == 1
            whole = services.retriever.retrieve(question.text, opened.principal)
            kind = "answerable" if question.answerable else "unanswerable"
            yield Asked(name, kind, held_out, whole.evidence, _finds(whole, question, opened))
            if question.answerable:
                own = {opened.documents[key] for key in question.names if key in opened.documents}
                scope = Scope(documents=frozenset(opened.keys) - own)
                without = services.retriever.retrieve(question.text, opened.principal, scope=scope)
                yield Asked(name, "left out", held_out, without.evidence, False)


def _finds(found: Retrieved, question: Question, opened: corpora.Corpus) -> bool:
    wanted = {(opened.documents.get(place.document), place.page) for place in (*question.pages, *question.also)}
    wanted = wanted or {(opened.documents.get(name), 0) for name in question.names}
    pages = list(dict.fromkeys((p.document_id, p.page) for p in found.passages))[:5]
    return any(page in wanted or (page[0], 0) in wanted for page in pages)


def rows(asked: Sequence[Asked], names: Sequence[str]) -> NDArray[np.float64]:
    return np.array([[getattr(each.evidence, name) for name in names] for each in asked], float)


def fit(asked: Sequence[Asked], names: Sequence[str]) -> tuple[dict[str, float], float]:
    """Weights by figure and the bias, such that even odds are 0.5 where both answers are as likely."""
    answers = np.array([each.kind == "answerable" for each in asked])
    groups = [(each.name, each.kind) for each in asked]
    shares = np.array([LIKELY[kind] / groups.count((name, kind)) for name, kind in groups])
    figures = rows(asked, names)
    spread = figures.std(axis=0) + 1e-9
    shares[answers] *= PRIOR / shares[answers].sum()
    shares[~answers] *= (1 - PRIOR) / shares[~answers].sum()
    model = LogisticRegression(C=1.0, max_iter=5000).fit(figures / spread, answers, shares * len(asked))
    weights = model.coef_[0] / spread
    return {name: round(float(w), 2) for name, w in zip(names, weights, strict=True)}, round(model.intercept_[0], 2)


def score(asked: Sequence[Asked], weights: dict[str, float], bias: float) -> NDArray[np.float64]:
    figures = rows(asked, list(weights)) @ np.array(list(weights.values()))
    return np.asarray(1 / (1 + np.exp(-bias - figures)))


def limits(asked: Sequence[Asked], sure: NDArray[np.float64]) -> tuple[float, float]:
    """Below the first, REFUSED of the answerable are; below the second, WARNED of the really unanswerable."""
    answerable = sure[[each.kind == "answerable" and each.name != "xquad-en" for each in asked]]
    unanswerable = sure[[each.kind == "unanswerable" for each in asked]]
    return round(float(np.quantile(answerable, REFUSED)), 2), round(float(np.quantile(unanswerable, WARNED)), 2)


def decisions(asked: Sequence[Asked], sure: NDArray[np.float64]) -> str:
    lines = []
    for name in SETS:
        for kind in KINDS:
            own = sure[[(each.name, each.kind) == (name, kind) for each in asked]]
            if len(own):
                refused, warned = (own < LEAST).mean(), ((own >= LEAST) & (own < SURE)).mean()
                lines.append([f"{name}, {kind}", str(len(own)), *(f"{100 * x:.0f} %" for x in (refused, warned))])
    return tables.markdown(["held-out half", "questions", "refused", "answered with a warning"], lines)


def risk(asked: Sequence[Asked], sure: NDArray[np.float64]) -> str:
    """Of the questions as people asked them, the surest so many answered: how many of these answers rest on nothing."""
    real = [place for place, each in enumerate(asked) if each.kind != "left out" and each.name != "xquad-en"]
    ordered = sorted(real, key=lambda place: -sure[place])
    lines = []
    for share in STEPS:
        answered = ordered[: round(share * len(ordered))]
        wrong = sum(not asked[place].found for place in answered) / len(answered)
        none = sum(asked[place].kind == "unanswerable" for place in answered) / len(answered)
        lines.append(
            [f"{100 * share:.0f} %", f"{sure[answered[-1]]:.2f}", f"{100 * wrong:.1f} %", f"{100 * none:.1f} %"]
        )
    return tables.markdown(["answered", "confidence from", "no right page in five", "of these unanswerable"], lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--write", action="store_true", help="Keep the tables in docs/retrieval.md.")
    options = parser.parse_args()
    asked = [each for name in SETS for each in ask(name)]
    fitting, held_out = ([each for each in asked if each.held_out is half] for half in (False, True))
    for names in (FIGURES, BY_WORDS):
        weights, bias = fit(fitting, names)
        print(f"weights {weights}\nbias {bias}, limits {limits(fitting, score(fitting, weights, bias))}", flush=True)
    sure = np.array([confidence(each.evidence) for each in held_out])
    body = f"{decisions(held_out, sure)}\n\n{risk(held_out, sure)}"
    print(f"\nwith the weights in app/confidence.py:\n\n{body}")
    if options.write:
        tables.write("abstention", body)


if __name__ == "__main__":
    main()
