"""Fits `app.confidence` and `app.answerability`, and shows how they do on questions that they were not fitted on.

    python benchmarks/confidence.py            prints weights, limits and the tables
    python benchmarks/confidence.py --write    keeps the tables in docs/retrieval.md

There are few questions that the documents do not answer. So each that they do is asked a second time with the documents
that answer it left out, and a third time without the passages that do, which makes near misses; some questions of
every set are asked of the others' documents; and there are near misses of our own writing (near_misses/README.md). Both
halves hold the same kinds; which half a question is in follows from its words. In the tables each half is judged by
weights and limits of the other, and in the last one each set by those of the other sets, as other people's documents
are no half of these. The weights that are printed are fitted on all but our own questions of the split "test", which
they judge. Every set weighs alike; near misses less than what people asked.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import corpora
import numpy as np
import tables
from extraction import holds
from extraction import share as held
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from app import answerability, confidence
from app.candidate_weights import scored
from app.candidates import candidates, wanted
from app.confidence import Evidence, Sureness
from app.evaluation.forms import load
from app.evaluation.questions import Question
from app.instructions import asked_in
from app.rank import bare
from app.retrieve import Retrieved
from app.statements import statements_of
from storage.types import Passage, Scope

SETS = ("filings", "handbook", "samples", "manuals", "xquad-en", *corpora.ELSEWHERE)
JUDGED = (corpora.FINANCEBENCH,)  # by what is built in, and never fitted
WHOLE = ("filings", "handbook")  # asked in every way that people ask: limits are set by them
OWN = ("answerable, our own", "unanswerable, our own")
UNSEEN = ("answerable, our own, not fitted", "unanswerable, our own, not fitted")
KINDS = ("answerable", "unanswerable", "left out", "passages left out", "of another set", *OWN)
OF_OTHERS = 25  # questions of each other set
EVERY = {"xquad-en": 3}  # of its 1,190 questions one in three, which is still more than the other sets have
NEAR_MISSES = Path(__file__).parent / "near_misses"
PRIOR = 0.5
LIKELY = {
    "answerable": 1.0,
    "unanswerable": 0.7,
    "left out": 0.3,
    "passages left out": 0.3,
    "of another set": 0.3,
    OWN[0]: 0.7,
    OWN[1]: 0.5,
}  # weight in the fit
STEPS = (1.0, 0.95, 0.9, 0.8, 0.7, 0.5, 0.3)  # shares of the questions that are answered
WRONG = (0.05, 0.1)  # shares of the answerable questions that are refused
_AT = tuple(f"refused at {100 * share:.0f} %" for share in WRONG)
_LISTED = 30  # passages, that enough stay when those that answer are left out
_HELD = 0.6  # of an evidence string's words, in a passage that answers

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Model:
    """What is fitted: the weights of `names`. `strength`: how freely. `refused`: the share of the answerable questions
    of WHOLE that the lower limit may refuse. `warned`: that of the unanswerable ones that are refused or warned."""

    names: Sequence[str]
    sets: Sequence[str]
    kinds: Sequence[str]
    strength: float
    refused: float
    warned: float


@dataclass(frozen=True, slots=True)
class Fitted:
    """`least` and `sure` as in `app.answerability`."""

    weights: Mapping[str, float]
    bias: float
    least: float = 0.0
    sure: float = 0.0


_SEARCH = ("filings", "handbook", "xquad-en"), KINDS[:3], 1.0, 0.02, 0.8  # what it refuses no model ever sees
_STATEMENTS = SETS, KINDS, 0.1, 0.06, 0.75  # with near misses of our own, which are harder
SEARCH, STATEMENTS = Model(confidence.FIGURES, *_SEARCH), Model(answerability.FIGURES, *_STATEMENTS)
MODELS = {
    "a search": SEARCH,
    "a search by words alone": Model(confidence.BY_WORDS, *_SEARCH),
    "statements": STATEMENTS,
    "statements by words alone": Model(answerability.BY_WORDS, *_STATEMENTS),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """`found`: whether a page or document that answers is among the first five places.

    `statements` are the figures of `app.answerability`, `sureness` what it decides with the weights that it has.
    """

    name: str
    kind: str
    held_out: bool
    evidence: Evidence
    found: bool
    statements: Mapping[str, float] = field(default_factory=dict)
    sureness: Sureness = Sureness.NONE

    @property
    def answerable(self) -> bool:
        return self.kind in ("answerable", OWN[0], UNSEEN[0])

    def figure(self, name: str) -> float:
        return self.statements[name] if name in self.statements else float(getattr(self.evidence, name))


def ask(name: str) -> Iterator[Asked]:
    with corpora.opened(name) as opened:
        for question in corpora.questions(name).questions[:: EVERY.get(name, 1)]:
            whole = opened.services.retriever.retrieve(question.text, opened.principal, limit=_LISTED)
            found = _finds(whole, question, opened)
            yield _asked(opened, question, "answerable" if question.answerable else "unanswerable", whole, found)
            if not question.answerable:
                continue
            own = {opened.documents[key] for key in question.names if key in opened.documents}
            if own and len(own) < len(opened.keys):
                scope = Scope(documents=frozenset(opened.keys) - own)
                without = opened.services.retriever.retrieve(question.text, opened.principal, scope=scope)
                yield _asked(opened, question, "left out", without)
            others = tuple(one for one in whole.passages if not _answers(one, question, opened))
            if len(others) < len(whole.passages):
                yield _asked(opened, question, "passages left out", Retrieved(others))


def ask_own(name: str) -> Iterator[Asked]:
    """Near misses of our own writing, and answerable questions beside them; none on some sets."""
    path = NEAR_MISSES / f"{name}.jsonl"
    if not path.exists():
        return
    splits = {row["id"]: row["split"] for row in map(json.loads, path.read_text("utf-8").splitlines())}
    with corpora.opened(name) as opened:
        for question in load(path).questions:
            found = opened.services.retriever.retrieve(question.text, opened.principal)
            kinds = OWN if splits[question.id] == "dev" else UNSEEN
            right = question.answerable and _finds(found, question, opened)
            yield _asked(opened, question, kinds[question.unanswerable], found, right)


def ask_others(name: str) -> Iterator[Asked]:
    """Questions of the other sets, which nothing in this one's documents answers."""
    with corpora.opened(name) as opened:
        for other in SETS:
            every = [each for each in corpora.questions(other).questions if each.answerable and other != name]
            for question in every[:: max(1, len(every) // OF_OTHERS)][:OF_OTHERS]:
                found = opened.services.retriever.retrieve(question.text, opened.principal)
                yield _asked(opened, question, "of another set", found)


def _asked(opened: corpora.Corpus, question: Question, kind: str, found: Retrieved, right: bool = False) -> Asked:
    passages, text = found.passages[:12], asked_in(question.text)
    about = bare(text, passages)
    meaning = opened.services.embedder.embed_queries([about])[0]
    asked = wanted(text, meaning)
    ranked = scored(candidates(asked, passages, [statements_of(passage) for passage in passages]))
    known = answerability.found(text, passages)
    figures = answerability.values(known, answerability.support(asked, about, ranked))
    held_out = hashlib.sha256(question.text.encode()).digest()[0] % 2 == 1
    decided = answerability.judged(asked, about, ranked, passages)
    return Asked(opened.name, kind, held_out, found.evidence, right, figures, decided)


def _answers(passage: Passage, question: Question, opened: corpora.Corpus) -> bool:
    pages = {(opened.documents.get(place.document), place.page) for place in (*question.pages, *question.also)}
    if (passage.document_id, passage.page) in pages:
        return True
    if not question.evidence:
        return not question.pages and holds(passage.text, question.answers)
    return any(held(passage.text, [string]) >= _HELD for string in question.evidence)


def _finds(found: Retrieved, question: Question, opened: corpora.Corpus) -> bool:
    wanted = {(opened.documents.get(place.document), place.page) for place in (*question.pages, *question.also)}
    wanted = wanted or {(opened.documents.get(name), 0) for name in question.names}
    pages = list(dict.fromkeys((p.document_id, p.page) for p in found.passages))[:5]
    return any(page in wanted or (page[0], 0) in wanted for page in pages)


def rows(asked: Sequence[Asked], names: Sequence[str]) -> Floats:
    return np.array([[each.figure(name) for name in names] for each in asked], float)


def fit(every: Sequence[Asked], model: Model) -> Fitted:
    """Such that even odds are 0.5 where both answers are as likely."""
    asked = [each for each in every if each.name in model.sets and each.kind in model.kinds]
    answers = np.array([each.answerable for each in asked])
    groups = Counter((each.name, each.kind) for each in asked)
    shares = np.array([LIKELY[each.kind] / groups[each.name, each.kind] for each in asked])
    figures = rows(asked, model.names)
    spread = figures.std(axis=0) + 1e-9
    shares[answers] *= PRIOR / shares[answers].sum()
    shares[~answers] *= (1 - PRIOR) / shares[~answers].sum()
    logistic = LogisticRegression(C=model.strength, max_iter=5000)
    logistic.fit(figures / spread, answers, shares * len(asked))
    weights = (round(float(weight), 2) for weight in logistic.coef_[0] / spread)
    found = Fitted(dict(zip(model.names, weights, strict=True)), round(float(logistic.intercept_[0]), 2))
    sure = score(asked, found)
    answerable = sure[[each.kind == "answerable" and each.name in WHOLE for each in asked]]
    unanswerable = sure[[each.kind in ("unanswerable", OWN[1]) for each in asked]]
    least = float(np.quantile(answerable, model.refused)) if len(answerable) else 0.0
    return replace(found, least=round(least, 2), sure=round(float(np.quantile(unanswerable, model.warned)), 2))


def score(asked: Sequence[Asked], fitted: Fitted) -> Floats:
    figures = rows(asked, list(fitted.weights)) @ np.array(list(fitted.weights.values()))
    return np.asarray(1 / (1 + np.exp(-fitted.bias - figures)))


@dataclass(frozen=True, slots=True)
class Judged:
    """A question judged by a model that was not fitted on it."""

    asked: Asked
    sure: float
    refused: bool
    warned: bool


def crossed(asked: Sequence[Asked], model: Model) -> list[Judged]:
    """Each half judged by what was fitted on the other, and those that are never fitted by what was on both.

    Questions of kinds that the model is not for are left out.
    """
    found = []
    for half in (False, True):
        fitted = fit([each for each in asked if each.held_out is not half], model)
        found += _judged([each for each in asked if each.held_out is half and each.kind in model.kinds], fitted)
    unseen = [each for each in asked if each.kind in UNSEEN and set(OWN) <= set(model.kinds)]
    return found + _judged(unseen, fit(asked, model))


def _judged(asked: Sequence[Asked], fitted: Fitted) -> list[Judged]:
    sure = score(asked, fitted).tolist() if asked else []
    return [
        Judged(each, likely, likely < fitted.least, fitted.least <= likely < fitted.sure)
        for each, likely in zip(asked, sure, strict=True)
    ]


def decisions(by_model: Mapping[str, Sequence[Judged]]) -> str:
    lines = []
    for name in SETS:
        for kind in (*KINDS, *UNSEEN):
            line = [f"{name}, {kind}", ""]
            for judged in by_model.values():
                own = [each for each in judged if (each.asked.name, each.asked.kind) == (name, kind)]
                line[1] = str(len(own)) if own else line[1]
                line += [_percent([each.refused for each in own]), _percent([each.warned for each in own])]
            if line[1]:
                lines.append(line)
    head = [f"{what} by {name}" for name in by_model for what in ("refused", "warning")]
    return tables.markdown(["", "questions", *head], lines)


def _percent(those: Sequence[bool]) -> str:
    return f"{100 * sum(those) / len(those):.0f} %" if those else ""


def risk(by_model: Mapping[str, Sequence[Judged]]) -> str:
    """Of the questions as people asked them, the surest so many answered: how many of these answers rest on nothing."""
    lines = [[f"{100 * share:.0f} %"] for share in STEPS]
    for judged in by_model.values():
        real = [each for each in judged if each.asked.name in WHOLE and each.asked.kind in KINDS[:2]]
        ordered = [each.asked for each in sorted(real, key=lambda each: -each.sure)]
        for line, share in zip(lines, STEPS, strict=True):
            answered = ordered[: round(share * len(ordered))]
            wrong = sum(not each.found for each in answered) / len(answered)
            none = sum(each.kind == "unanswerable" for each in answered) / len(answered)
            line += [f"{100 * wrong:.1f} %", f"{100 * none:.1f} %"]
    head = [label for name in by_model for label in (f"by {name}: no right page in five", "unanswerable")]
    return tables.markdown(["answered", *head], lines)


def others(asked: Sequence[Asked]) -> str:
    """Of the unanswerable questions of a set, how many are refused by what was fitted on the other sets.

    Our own questions are compared with the answerable ones that people asked: theirs are harder.
    """
    lines = []
    for name in dict.fromkeys(each.name for each in asked if each.kind == "unanswerable"):
        fitted = [fit([each for each in asked if each.name != name], model) for model in (SEARCH, STATEMENTS)]
        answerable = [each for each in asked if (each.name, each.kind) == (name, "answerable")]
        for kinds, label in ((KINDS[1:2], name), ((OWN[1], UNSEEN[1]), f"{name}, our own")):
            none = [each for each in asked if each.name == name and each.kind in kinds]
            if not none:
                continue
            line = [label, str(len(none))]
            for each in fitted:
                good, bad = score(answerable, each), score(none, each)
                told = roc_auc_score([True] * len(good) + [False] * len(bad), np.concatenate([good, bad]))
                limits = (np.sort(good)[int(share * len(good))] for share in WRONG)
                line += [f"{told:.2f}", *(str((bad < limit).sum()) for limit in limits)]
            lines.append(line)
    head = [f"{label} by {model}" for model in ("search", "statements") for label in ("told apart", *_AT)]
    return tables.markdown(["set that was not fitted", "unanswerable", *head], lines)


def built_in(asked: Sequence[Asked]) -> str:
    """What the product decides on the questions as people asked them."""
    real = [each for each in asked if each.kind in KINDS[:2]]
    lines = []
    for name, kind in dict.fromkeys((each.name, each.kind) for each in real):
        those = Counter(each.sureness for each in real if (each.name, each.kind) == (name, kind))
        lines.append([f"{name}, {kind}", str(those.total()), str(those[Sureness.NONE]), str(those[Sureness.SOME])])
    return tables.markdown(["", "questions", "refused", "warning"], lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--write", action="store_true", help="Keep the tables in docs/retrieval.md.")
    options = parser.parse_args()
    asked = [each for name in SETS for each in (*ask(name), *ask_own(name), *ask_others(name))]
    for name, model in MODELS.items():
        print(f"{name}: {fit(asked, model)}", flush=True)
    by_model = {"the search": crossed(asked, SEARCH), "statements": crossed(asked, STATEMENTS)}
    body = f"{decisions(by_model)}\n\n{risk(by_model)}\n\n{others(asked)}"
    refusals = built_in([*asked, *(each for name in JUDGED for each in ask(name))])
    print(f"\n{body}\n\n{refusals}")
    if options.write:
        tables.write("abstention", body)
        tables.write("refusals", refusals)


if __name__ == "__main__":
    main()
