"""The near misses: evidence that stands where they say, and nothing in the nearest document of what they ask for."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from app.evaluation import forms
from benchmarks.conversations import check

HERE = Path(check.HERE).parent / "near_misses"


def rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (HERE / f"{name}.jsonl").read_text("utf-8").splitlines()]


def here(name: str) -> Any:
    missing = not check.documents(name)
    return pytest.param(name, marks=pytest.mark.skipif(missing, reason=f"no documents in {check.folder(name)}"))


NAMES = [here("filings"), here("handbook"), "samples"]


@pytest.mark.parametrize("name", NAMES)
def test_the_evidence_stands_in_the_document_and_on_the_page(name: str) -> None:
    known = check.documents(name)
    for row in rows(name):
        if row["kind"] == "answerable":
            pages = check.read(known[row["doc"][0]])
            given = [pages[page - 1] for _, page in row["pages"]] or list(pages)
            assert row["evidence"], row["id"]
            assert all(check.plain(one) in " ".join(given) for one in row["evidence"]), row["id"]


@pytest.mark.parametrize("name", NAMES)
def test_what_would_answer_an_unanswerable_question_is_absent(name: str) -> None:
    known = check.documents(name)
    for row in rows(name):
        if row["kind"] == "unanswerable":
            text = " ".join(check.read(known[row["nearest"]])).casefold()
            assert row["absent"], row["id"]
            assert [word for word in row["absent"] if word.casefold() in text] == [], row["id"]


@pytest.mark.parametrize("name", ["filings", "handbook", "samples"])
def test_each_split_has_as_many_of_both_kinds_and_evaluation_reads_them(name: str) -> None:
    kinds = Counter((row["split"], row["kind"]) for row in rows(name))
    assert kinds["dev", "answerable"] == kinds["dev", "unanswerable"] > kinds["test", "answerable"] > 0
    assert kinds["test", "answerable"] == kinds["test", "unanswerable"]
    read = {question.id: question for question in forms.load(HERE / f"{name}.jsonl").questions}
    assert {row["id"]: row["kind"] == "answerable" for row in rows(name)} == {
        id_: question.answerable for id_, question in read.items()
    }
