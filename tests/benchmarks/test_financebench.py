"""FinanceBench's questions as ours: pages from 1, and only what the reports at hand can answer."""

from __future__ import annotations

import json
from pathlib import Path

import pypdfium2

from app.evaluation.forms import load
from app.evaluation.questions import Place
from benchmarks.financebench import LONGEST, questions, short

ROWS = (
    {
        "financebench_id": "f1",
        "question": "What were sales?",
        "question_type": "metrics-generated",
        "answer": "5",
        "evidence": [
            {"doc_name": "TWH_2022", "evidence_page_num": 2},
            {"doc_name": "TWH_2022", "evidence_page_num": 0},
        ],
    },
    {
        "financebench_id": "f2",
        "question": "And costs?",
        "question_type": "domain-relevant",
        "answer": "4",
        "evidence": [{"doc_name": "TWH_2021", "evidence_page_num": 0}],
    },
)


def test_pages_count_from_one_and_questions_on_missing_reports_are_left_out(tmp_path: Path) -> None:
    dataset, ours = tmp_path / "dataset.jsonl", tmp_path / "ours.jsonl"
    dataset.write_text("\n".join(map(json.dumps, ROWS)), "utf-8")
    kept = questions(dataset, {"TWH_2022": tmp_path / "TWH_2022.pdf"})
    ours.write_text("\n".join(map(json.dumps, kept)), "utf-8")
    [only] = load(ours).questions
    assert (only.text, only.answers) == ("What were sales?", ("5",))
    assert only.pages == (Place("TWH_2022", 1), Place("TWH_2022", 3))


def test_long_reports_are_left_out(tmp_path: Path) -> None:
    for name, pages in (("brief", LONGEST), ("long", LONGEST + 1)):
        document = pypdfium2.PdfDocument.new()
        for _ in range(pages):
            document.new_page(100, 100)
        document.save(tmp_path / f"{name}.pdf")
    assert list(short(tmp_path.glob("*.pdf"))) == ["brief"]
