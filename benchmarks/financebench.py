"""The open questions of FinanceBench (Islam et al. 2023, https://arxiv.org/abs/2311.11944) as a set of our form.

    git clone https://github.com/patronus-ai/financebench
    python benchmarks/financebench.py financebench
    pip install cryptography  # without it pypdf, and with it the plain pipeline, can't open some of the reports

Analysts' questions on reports of many companies, several years of some, with the pages that answer. Both are other
people's and free for non-commercial use alone, so they stay in the cache folder. Reports of more than LONGEST pages are
left out with the questions on them, as five of them are a fifth of all pages; so are reports that a clone lacks.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pypdfium2

ELSEWHERE = Path.home() / ".cache" / "footnote-benchmarks" / "elsewhere"  # where `corpora` looks
LONGEST = 300  # pages


def questions(path: Path, reports: Mapping[str, Path]) -> Iterator[dict[str, Any]]:
    """Those that `reports` answer, by the fields of `Question`. The dataset counts pages from 0."""
    for row in map(json.loads, path.read_text("utf-8").splitlines()):
        pages = sorted({(each["doc_name"], each["evidence_page_num"] + 1) for each in row["evidence"]})
        documents = sorted({name for name, _ in pages})
        if set(documents) <= reports.keys():
            yield {
                "id": row["financebench_id"],
                "question": row["question"],
                "kind": row["question_type"],
                "doc": documents,
                "pages": pages,
                "answer": row["answer"],
            }


def short(paths: Iterator[Path]) -> dict[str, Path]:
    """Those of at most LONGEST pages, by their stems."""
    found = {}
    for path in paths:
        with pypdfium2.PdfDocument(path) as document:
            if len(document) <= LONGEST:
                found[path.stem] = path
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("clone", type=Path, help="Of the repository above.")
    clone = parser.parse_args().clone
    kept = list(questions(clone / "data" / "financebench_open_source.jsonl", short((clone / "pdfs").glob("*.pdf"))))
    folder = ELSEWHERE / "financebench"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    wanted = {name for question in kept for name in question["doc"]}
    for name in wanted:
        shutil.copy(clone / "pdfs" / f"{name}.pdf", folder)
    lines = (json.dumps(question, ensure_ascii=False) for question in kept)
    folder.with_suffix(".jsonl").write_text("\n".join(lines) + "\n", "utf-8")
    print(f"{len(kept)} questions on {len(wanted)} reports.")


if __name__ == "__main__":
    main()
