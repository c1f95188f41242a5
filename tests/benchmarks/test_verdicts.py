"""The labelled pairs: enough of them, halved by a rule, and the bars on the half that is held out."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

import verdicts

from app.verify import Verifier


def test_there_are_enough_pairs_and_half_of_them_are_wrong() -> None:
    both = [pair for pair in verdicts.pairs() if pair.language != "paraphrases"]
    assert len(both) >= 300
    assert sum(bool(pair.change) for pair in both) * 2 == len(both)
    assert {pair.change for pair in both} == {"", *verdicts.KINDS}
    assert {pair.language for pair in both if pair.held_out} == {"english", "german"}


def test_no_passage_lies_in_both_halves() -> None:
    halves: dict[str, set[bool]] = {}
    for pair in verdicts.pairs():
        halves.setdefault(pair.passage.text, set()).add(pair.held_out)
    assert all(len(half) == 1 for half in halves.values())
    sizes = Counter(pair.held_out for pair in verdicts.pairs() if pair.language != "paraphrases")
    assert sizes[True] == sizes[False]


def test_changes_are_caught_by_words_alone() -> None:
    found = list(verdicts.flagged(Verifier(), [pair for pair in verdicts.pairs() if pair.held_out]))
    wrong = [doubt for pair, _, doubt in found if pair.change]
    numeric = [doubt for pair, _, doubt in found if pair.change in verdicts.NUMERIC]
    right = [doubt for pair, _, doubt in found if not pair.change]
    assert sum(numeric) >= 0.95 * len(numeric)
    assert sum(wrong) >= 0.8 * len(wrong)
    assert sum(right) <= 0.08 * len(right)  # the bar of 5% is the embedding model's: benchmarks/verdicts.py
