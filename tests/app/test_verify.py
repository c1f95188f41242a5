"""Verdicts on sentences: what is told apart exactly, what is left to words, and what is no claim."""

from __future__ import annotations

import numpy as np
import pytest

from app.verify import Finding, Verifier
from storage.errors import Unavailable
from storage.types import Passage, Support, Vector

LEAVE = (
    "Employees who work full time are entitled to 28 days of annual leave per calendar year. Up to five unused days "
    "may be carried over until 31 March 2024. Leave is not granted during stocktaking. Ms Okafor decides on exceptions."
)
REPORT = (
    "Revenue rose to $412.6 million in 2023, from $380.6 million in 2022. Borgvik holds 14% of the market, and Aldane "
    'leads it with 17%. The board called the year "a solid step towards our goals" in its letter.'
)


def passage(text: str, title: str = "Handbook") -> Passage:
    return Passage("c", "d", "v", title, "handbook.txt", 1, 0, len(text), "", text)


def checked(sentence: str, text: str, title: str = "Handbook", verifier: Verifier | None = None) -> Finding:
    found = (verifier or Verifier()).check(sentence, [passage(text, title)])
    assert found is not None
    return found


class Embedder:
    """Two directions: texts that speak of holidays, and others."""

    def embed_queries(self, texts: list[str]) -> Vector:
        about = [any(word in text.casefold() for word in ("leave", "holiday", "vacation")) for text in texts]
        return np.array([[1.0, 0.0] if one else [0.0, 1.0] for one in about], np.float32)


class Away:
    def embed_queries(self, texts: list[str]) -> Vector:
        raise Unavailable("models", "It does not answer.")


@pytest.mark.parametrize(
    ("sentence", "text", "reason"),
    [
        ("Full-time staff get 26 days of annual leave.", LEAVE, "The source says 28 days, not 26 days."),
        ("Revenue rose to $412.6 billion in 2023.", REPORT, "The source says $412.6 million, not $412.6 billion."),
        ("Revenue rose to $426.1 million in 2023.", REPORT, "The source says $412.6 million, not $426.1 million."),
        ("Days are carried over until 31 March 2025.", LEAVE, "The source says 31 March 2024, not 31 March 2025."),
        ("Revenue was $412.6 million in 2022.", REPORT, "In the source $412.6 million belongs to 2023."),
        ("Revenue fell to $412.6 million in 2023.", REPORT, "The source says “rose”, not “fell”."),
        ("With 17% Borgvik leads it.", REPORT, "The source says Aldane, not Borgvik."),
        ("Mr Hansen decides on exceptions.", LEAVE, "The source says Ms Okafor, not Mr Hansen."),
        ("At least five days may be carried over.", LEAVE, "In the source five days is the most, not the least."),
    ],
)  # fmt: skip
def test_a_detail_that_differs_is_named_with_what_the_source_says(sentence: str, text: str, reason: str) -> None:
    assert checked(sentence, text) == Finding(Support.NONE, reason)


def test_several_sentences_quoted_on_end_are_supported() -> None:
    text = f"{LEAVE} Leave that is not taken by 31 March lapses."
    assert checked(text, text).support is Support.FULL
    assert checked(text.replace("28", "29"), text).support is Support.NONE


def test_a_missing_not_is_seen() -> None:
    found = checked("Leave is granted during stocktaking.", LEAVE)
    assert found.support is Support.NONE
    assert "Leave is not granted during stocktaking." in found.reason


@pytest.mark.parametrize(
    ("sentence", "text"),
    [
        ("Every full-time employee has 28 days of annual leave a year.", LEAVE),
        ("Five days at most can be carried over, until the end of March 2024.", LEAVE),
        ("No leave is granted during stocktaking.", LEAVE),
        ("It was Ms Okafor who decides on exceptions.", LEAVE),
        ("In 2023, revenue of $412,600,000 was earned.", REPORT),
        ("Borgvik has a share of 14%.", REPORT),
        ('The letter calls it "a solid step towards our goals".', REPORT),
    ],
)
def test_other_words_for_the_same_are_supported(sentence: str, text: str) -> None:
    assert checked(sentence, text) == Finding(Support.FULL)


def test_a_quotation_must_be_exact() -> None:
    found = checked('The board called it "a giant step towards our goals".', REPORT)
    assert found == Finding(Support.PART, "The source does not say these words: “a giant step towards our goals”")


def test_the_title_of_a_document_says_whom_it_is_about_and_when() -> None:
    text = "The company employed 612 people at the end of the year."
    assert checked("Lumen Optics employed 612 people in 2020.", text, "Annual report 2020, Lumen Optics").support is (
        Support.FULL
    )
    assert checked("Lumen Optics employed 612 people in 2021.", text, "Annual report 2020, Lumen Optics").support is (
        Support.NONE
    )


def test_what_has_nothing_to_do_with_the_source_is_not_supported() -> None:
    found = checked("Bananas ripen faster in a paper bag.", LEAVE)
    assert found == Finding(Support.NONE, "The source does not speak of this.")


def test_nearness_in_meaning_speaks_where_words_do_not() -> None:
    sentence = "Vacations stay generous."
    assert checked(sentence, "Annual leave is long.").support is Support.NONE
    assert checked(sentence, "Annual leave is long.", verifier=Verifier(Embedder)).support is Support.FULL
    assert checked("Soup stays hot.", "Annual leave is long.", verifier=Verifier(Embedder)).support is Support.NONE


def test_no_nearness_outweighs_a_wrong_number() -> None:
    found = checked("The leave is 26 days of leave.", LEAVE, verifier=Verifier(Embedder))
    assert found.support is Support.NONE


def test_an_embedder_that_does_not_answer_is_done_without() -> None:
    verifier = Verifier(Away)
    assert (
        checked("Full-time employees have 28 days of annual leave.", LEAVE, verifier=verifier).support is Support.FULL
    )
    assert checked("Bananas ripen faster in a paper bag.", LEAVE, verifier=verifier).support is Support.NONE


@pytest.mark.parametrize(
    "sentence",
    [
        "The documents do not say.",
        "The sources do not answer this question.",
        "Die Dokumente sagen dazu nichts.",
        "Here is what the documents say:",
        "Is there anything else?",
        "Yes.",
        "## Annual leave",
        "I cannot find this.",
    ],
)
def test_what_claims_nothing_gets_no_verdict(sentence: str) -> None:
    assert Verifier().check(sentence, [passage(LEAVE)]) is None


def test_figures_of_a_table_in_millions_are_read_so() -> None:
    text = "Consolidated figures (in millions of dollars)\nRevenue | 12,400 | 11,900"
    text = text.replace("in millions of dollars", "in millions")
    assert checked("Revenue was $12.4 billion.", text).support is Support.FULL
    assert checked("Revenue was $14.2 billion.", text).support is Support.NONE
