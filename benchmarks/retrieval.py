"""What each part of the retrieval brings: the ablation table of docs/retrieval.md.

    python benchmarks/retrieval.py                     all variants on the development sets
    python benchmarks/retrieval.py --write             the same, kept in docs/retrieval.md
    python benchmarks/retrieval.py --only "as it is" --design parts=0.7

Each corpus is opened once for all variants of the ranking; variants of what is embedded need a corpus of their own.
"""

from __future__ import annotations

import argparse
import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import corpora

from app.evaluation import measures
from app.evaluation.corpus import Corpus
from app.evaluation.evaluate import evaluate
from app.evaluation.outcomes import Run
from app.evaluation.questions import QuestionSet
from app.rank import Design
from app.retrieve import Retriever
from storage.types import Section

COLUMNS = {
    "filings": {"page_recall@1": "page @1", "page_recall@5": "@5", "right_document_first": "document first"},
    "handbook": {"document_recall@1": "file @1", "document_recall@5": "@5", "evidence_recall@5": "evidence @5"},
    "xquad-en": {"document_recall@1": "paragraph @1", "document_recall@5": "@5"},
}


@dataclass(frozen=True)
class Row:
    """One variant: `design` changes the ranking, `built` what lies in the index."""

    name: str
    design: Mapping[str, Any] = field(default_factory=dict)
    built: corpora.Variant | None = None


def bare_text(title: str, piece: Any, section: Section) -> str:
    return section.text[piece.start : piece.end]


ROWS = [
    Row("as it is"),
    Row("without the search by words", {"words": 0.0}),
    Row("without the search by meaning", {"meaning": 0.0, "parts": 0.0, "votes": 0.0}),
    Row("both searches weighted alike", {"meaning": 0.5, "words": 0.5}),
    Row("without the nearest sentence", {"parts": 0.0}),
    Row("sentences compared with the whole question", {"bare": False}),
    Row("without names and years", {"names": 0.0}),
    Row("without the votes of a document's passages", {"votes": 0.0}),
    Row("tables of contents like other pages", {"contents": 0.0}),
    Row("without expansion", {"expand": False}),
    Row("twins left in", {"distinct": False}),
    Row("any number of passages of a page", {"a_page": 0}),
    Row("one passage of a page", {"a_page": 1}),
    Row("passages without their context", built=corpora.Variant("bare", {"contextualize": bare_text})),
]


def as_corpus(opened: corpora.Corpus, questions: QuestionSet) -> Corpus:
    """With the names of the questions, told by the documents' bytes."""
    hashes = {file.key: hashlib.sha256(file.content).hexdigest() for file in corpora.files(opened.name)}
    return Corpus(opened.services.documents.catalogue(opened.principal), questions, hashes)


def run(opened: corpora.Corpus, questions: QuestionSet, design: Design) -> Run:
    services = opened.services
    retriever = Retriever(services.index, services.embedder, services.documents, design=design)
    return evaluate(questions, as_corpus(opened, questions), retriever, opened.principal)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sets", nargs="*", default=list(COLUMNS))
    parser.add_argument("--only", nargs="*", help="Rows, by the beginning of their names.")
    parser.add_argument("--design", nargs="*", default=[], help="Changes to every row: parts=0.7")
    parser.add_argument("--built", type=Path, help="Folder with built corpora by their names.")
    options = parser.parse_args()
    known = {each.name: each.type for each in fields(Design)}
    base = {name: eval(value) for name, value in (each.split("=") for each in options.design)}
    assert set(base) <= set(known)
    rows = [row for row in ROWS if not options.only or any(row.name.startswith(start) for start in options.only)]
    for name in options.sets:
        questions = corpora.questions(name)
        for built in dict.fromkeys(row.built.name if row.built else "" for row in rows):
            variant = next((row.built for row in rows if row.built and row.built.name == built), None)
            folder = options.built / name if options.built and not built else None
            with corpora.opened(name, variant=variant, built=folder) as opened:
                for row in rows:
                    if (row.built.name if row.built else "") != built:
                        continue
                    began = time.monotonic()
                    result = run(opened, questions, replace(Design(), **(base | dict(row.design))))
                    overall = measures.summarise(result).overall
                    print(
                        f"{name:9} {row.name:45}",
                        *(
                            f"{label} {overall[key].value:.3f}"
                            for key, label in COLUMNS[name].items()
                            if key in overall
                        ),
                        f"p50 {1000 * overall['seconds_p50'].value:.0f} ms",
                        f"p95 {1000 * overall['seconds_p95'].value:.0f} ms",
                        f"in {time.monotonic() - began:.0f} s",
                        flush=True,
                    )


if __name__ == "__main__":
    main()
