"""Footnote beside the plain llama-index pipeline: the same documents, model, questions and scores, in one run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import corpora
import plain
import tables
from replay import named

from app.evaluation import measures
from app.evaluation.evaluate import evaluate
from app.evaluation.outcomes import Run
from app.evaluation.statistics import Difference, Figure

_PAGES = {
    "page_recall@1": "page recall @1",
    "page_recall@5": "page recall @5",
    "right_document_first": "right document first",
}
MEASURED = {
    "filings": _PAGES,
    "handbook": {
        "document_recall@1": "right file @1",
        "document_recall@5": "right file @5",
        "evidence_recall@5": "evidence @5",
    },
    "xquad-en": {"document_recall@1": "paragraph @1", "document_recall@5": "paragraph @5"},
    "basecamp": {"document_recall@1": "right file @1", "document_recall@5": "right file @5"},
    **dict.fromkeys(("ntsb", "trials", "sec10q", "agency", corpora.FINANCEBENCH), _PAGES),
}
HEAD = ("", "Footnote", "llama-index", "with paths", "difference", "p")


@dataclass(frozen=True)
class Runs:
    """The same questions asked of Footnote, of the plain pipeline, and of it with files' paths in its texts."""

    ours: Run
    plain: Run
    paths: Run | None


def run(name: str) -> Runs:
    """Footnote is asked as it is, through its processes; only where files have telling paths is there a third run."""
    questions = corpora.questions(name)
    with corpora.opened(name) as opened:
        ours = evaluate(questions, named(opened, questions), opened.services.retriever, opened.principal)
    with_paths = any(file.path for file in corpora.files(name))
    return Runs(
        ours=_answerable(ours),
        plain=_answerable(plain.run(name)),
        paths=_answerable(plain.run(name, paths=True)) if with_paths else None,
    )


def table(runs: dict[str, Runs]) -> str:
    """With 95% intervals; the difference to the pipeline without paths, and the paired test of it."""
    rows: list[Sequence[str]] = []
    for name, run in runs.items():
        ours, theirs = (measures.summarise(one).overall for one in (run.ours, run.plain))
        paths = measures.summarise(run.paths).overall if run.paths else {}
        compared = measures.compare(run.plain, run.ours).measures
        for key, label in MEASURED[name].items():
            title = f"{name} ({ours[key].n}): {label}"
            others = [_figure(theirs[key]), _figure(paths[key]) if paths else ""]
            rows.append([title, _figure(ours[key]), *others, _difference(compared[key]), _chance(compared[key])])
    return tables.markdown(HEAD, rows)


def _answerable(run: Run) -> Run:
    return replace(run, outcomes=tuple(one for one in run.outcomes if one.question.answerable))


def _figure(figure: Figure) -> str:
    return f"{figure.value:.3f} ({figure.low:.2f} to {figure.high:.2f})"


def _difference(compared: Difference) -> str:
    return f"{tables.points(compared.difference)} ({tables.points(compared.low)} to {tables.points(compared.high)})"


def _chance(compared: Difference) -> str:
    return "< 0.001" if compared.p < 0.001 else f"{compared.p:.3f}"
