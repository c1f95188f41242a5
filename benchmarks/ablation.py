"""What each part of the retrieval brings: every part switched off alone, on the same questions.

Each corpus is opened once for all designs of the ranking; what changes the embedded text needs a corpus of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import corpora
import tables
from replay import Replay

from app.evaluation import measures
from app.evaluation.outcomes import Run
from app.rank import Design
from ingest.split import contextualize
from storage.types import Section

COLUMNS = {
    "filings": {
        "page_recall@1": "page @1",
        "page_recall@5": "@5",
        "evidence_recall@5": "evidence @5",
        "right_document_first": "document first",
    },
    "handbook": {"document_recall@1": "file @1", "document_recall@5": "@5", "evidence_recall@5": "evidence @5"},
    "xquad-en": {"document_recall@1": "paragraph @1", "document_recall@5": "@5"},
    corpora.FINANCEBENCH: {
        "page_recall@1": "page @1",
        "page_recall@5": "@5",
        "right_document_first": "document first",
    },
}
EVERY = {"xquad-en": 3}  # of its 1,190 questions one in three, which is still more than the other sets have
AS_IT_IS = "as it is"
_AS_BUILT = corpora.Variant()


@dataclass(frozen=True)
class Row:
    """One variant: `design` changes the ranking, `asked` how it is asked, `built` what lies in the index."""

    name: str
    design: Mapping[str, Any] = field(default_factory=dict)
    asked: Mapping[str, bool] = field(default_factory=dict)
    built: corpora.Variant = _AS_BUILT


def _bare(title: str, piece: Any, section: Section) -> str:
    return section.text[piece.start : piece.end]


def _headed(title: str, piece: Any, section: Section) -> str:
    return contextualize("", piece, section)


ROWS = (
    Row(AS_IT_IS),
    Row("no search by words", {"words": 0.0, "standing": 0.0}),
    Row("no search by meaning", {"meaning": 0.0, "parts": 0.0, "votes": 0.0}),
    Row("both searches weighted alike", {"meaning": 0.5, "words": 0.5, "standing": 0.0}),
    Row("words weighted alike in every question", {"words": 0.3, "standing": 0.0}),
    Row("scores of 80 passages from each search", {"depth": 80}),
    Row("no nearest sentence", {"parts": 0.0}),
    Row("sentences compared with the whole question", {"bare": False}),
    Row("no words of the passage's own", {"speaking": 0.0}),
    Row("no names and times", {"names": 0.0}),
    Row("no sections that the question names", {"sections": 0.0}),
    Row("as much meaning where a primary statement answers", {"figures": 1.0}),
    Row("no votes of a document's passages", {"votes": 0.0}),
    Row("no expansion", {"expand": False}),
    Row("twins left in", {"distinct": False}),
    Row("strange words trusted like known ones", {"strange": 1.0}),
    Row("comparisons not taken apart", asked={"apart": False}),
    Row("each passage joined with its neighbours", asked={"joined": True}),
)
EMBEDDED = (  # what is embedded, so that each row needs corpora of its own
    Row(AS_IT_IS),
    Row(
        "passages embedded without their document's label", built=corpora.Variant("headed", {"contextualize": _headed})
    ),
    Row("passages embedded without label and headings", built=corpora.Variant("bare", {"contextualize": _bare})),
)

Runs = dict[str, dict[str, Run]]  # by row, by set


def runs(
    rows: Sequence[Row], sets: Sequence[str], base: Mapping[str, Any], done: Callable[[Row, str, Run], None]
) -> Runs:
    """Every row on every set; `done` is told of each."""
    found: Runs = {row.name: {} for row in rows}
    for name in sets:
        questions = corpora.questions(name)
        questions = replace(questions, questions=questions.questions[:: EVERY.get(name, 1)])
        for built in dict.fromkeys(row.built.name for row in rows):
            here = [row for row in rows if row.built.name == built]
            with corpora.opened(name, variant=here[0].built) as opened:
                replay = Replay(opened)
                for row in here:
                    design = replace(Design(), **{**base, **row.design})
                    found[row.name][name] = replay.run(questions, design, **row.asked)
                    done(row, name, found[row.name][name])
    return found


def table(found: Runs) -> str:
    """Figures of the first row, and by how many points the others differ from them."""
    first = next(iter(found.values()))
    head = ["", *(f"{name}: {label}" if n == 0 else label for name in first for n, label in _numbered(name))]
    rows = []
    for row, by_set in found.items():
        cells = []
        for name, run in by_set.items():
            cells += figures(name, run) if by_set is first else _changes(name, first[name], run)
        rows.append([row, *cells])
    return tables.markdown(head, rows)


def _numbered(name: str) -> Iterator[tuple[int, str]]:
    return iter(enumerate(COLUMNS[name].values()))


def figures(name: str, run: Run) -> list[str]:
    overall = measures.summarise(run).overall
    return [f"{overall[key].value:.3f}" for key in COLUMNS[name]]


def _changes(name: str, first: Run, run: Run) -> list[str]:
    compared = measures.compare(first, run).measures
    return [tables.points(compared[key].difference, compared[key].p) for key in COLUMNS[name]]
