from __future__ import annotations

from dataclasses import replace

import numpy as np

from app.gist import MOST_SECTIONS, carriers, parts_of
from storage.types import Parts, Passage

RULE = "The staff of site {0} take their leave in month {0} of the year."


def passage(n: int, heading: str = "", text: str = "") -> Passage:
    text = text or RULE.format(n)
    return Passage(str(n), "d", "v", "Handbook", "h.pdf", n, 0, len(text), heading, text)


def test_parts_follow_the_headings_and_long_ones_those_below_them() -> None:
    paths = ["Handbook > 1 Start"] * 3 + ["Handbook > 2 Work > 2.1 Hours"] * 14 + ["Handbook > 2 Work > 2.2 Pay"] * 14
    parts = parts_of([passage(n, path) for n, path in enumerate(paths)])
    assert [(part.heading, len(part.passages)) for part in parts] == [
        ("1 Start", 3),
        ("2.1 Hours", 14),
        ("2.2 Pay", 14),
    ]


def test_a_document_of_very_many_headings_has_few_parts_and_loses_nothing() -> None:
    passages = [passage(n, f"H{n % 90} > {n}") for n in range(200)]
    parts = parts_of(passages)
    assert 2 <= len(parts) <= MOST_SECTIONS
    assert [each for part in parts for each in part.passages] == passages


def test_without_headings_it_goes_by_pages() -> None:
    parts = parts_of([passage(n) for n in range(40)])
    assert [len(part.passages) for part in parts] == [8] * 5
    assert parts_of([]) == []


def test_what_says_nothing_by_itself_carries_nothing() -> None:
    texts = [
        "Who takes their leave in the summer months of the year?",
        "the rest of a sentence that a page broke in two parts of it.",
        "The following rules hold for all staff of all sites:",
        "- a list of things that goes on with another one of them, and",
        "Too short this.",
    ]
    assert carriers(parts_of([passage(n, text=text) for n, text in enumerate(texts)])) == [[]]


def test_what_is_near_the_whole_goes_first_and_repetition_is_left_out() -> None:
    near, far = np.eye(3, dtype=np.float32)[0], np.eye(3, dtype=np.float32)[1]
    said = [
        ("Rules on cats stand in another document of this company.", far),
        ("All staff of the company take their leave by the end of March.", near),
        ("All staff of this company take their leave until the end of March.", near),
        ("Staff of every site take the leave that is left by the end of March.", (near * 0.8 + far * 0.6)),
    ]
    passages = [
        replace(passage(n, text=text), parts=Parts(((0, len(text)),), vector[None, :]))
        for n, (text, vector) in enumerate(said)
    ]
    ((first, second),) = carriers(parts_of(passages), [2])
    assert [first.text, second.text] == [said[1][0], said[3][0]]
