from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.sentences import is_row, sentences


def cut(text):
    return [" ".join(text[start:end].split()) for start, end in sentences(text)]


@pytest.mark.parametrize(
    "text",
    [
        "Dr. Smith met J. K. Rowling at 5 p.m. in St. Louis.",
        "Sales rose 3.5% to $ 1.2 billion, e.g. in the U.S. market.",
        "See Sec. 4.2 and Fig. 3 of the report.",
        "Am 3. Oktober gilt z. B. § 4 Abs. 2 Nr. 1 BGB.",
        "Acme Inc. reported growth.",
        'He asked "why?" and left.',
        "This line is broken by the width of the page, as lines\nof running text are.",
        "The word is hyphen-\nated at the end of a line of text.",
    ],
)
def test_one_sentence_stays_whole(text):
    assert cut(text) == [" ".join(text.split())]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It ended. Then it began! Did it? 5 did.", ["It ended.", "Then it began!", "Did it?", "5 did."]),
        ("He said \"stop.\" They did.", ["He said \"stop.\"", "They did."]),
        ("Sales were made in the U.S. The rest followed.", ["Sales were made in the U.S.", "The rest followed."]),
        ("Das war 2020. Über die Folgen wird gestritten.", ["Das war 2020.", "Über die Folgen wird gestritten."]),
        ("你好。再见！", ["你好。", "再见！"]),
        ("Bring:\n- a pen\n- paper that\n  is white\n1. Go.", ["Bring:", "- a pen", "- paper that is white", "1. Go."]),
        ("Grade | Days\nA | 30\nB | 28", ["Grade | Days", "A | 30", "B | 28"]),
        ("Cash and equivalents $ 8,348 $ 4,466\nInventories 7,367 5,622",
         ["Cash and equivalents $ 8,348 $ 4,466", "Inventories 7,367 5,622"]),
        ("COMPETITION \nThe industry is highly competitive on a worldwide basis and it has been so for long.",
         ["COMPETITION", "The industry is highly competitive on a worldwide basis and it has been so for long."]),
        ("One paragraph without an end\n\nAnother one", ["One paragraph without an end", "Another one"]),
    ],
)  # fmt: skip
def test_borders_are_found(text, expected):
    assert cut(text) == expected


def test_a_row_ends_with_two_figures_or_has_bars():
    assert is_row("Health Care 5,062 1,478 (4)")
    assert is_row("a | b")
    assert not is_row("It grew by 5 in 2020")


@given(st.text(st.sampled_from("ab A.!? \n-1|,“”。"), max_size=200))
def test_every_character_but_white_space_is_in_exactly_one_sentence(text):
    spans = sentences(text)
    assert all(start < end and text[start:end] == text[start:end].strip() for start, end in spans)
    assert all(before[1] <= after[0] for before, after in pairwise(spans))
    assert "".join("".join(text[start:end].split()) for start, end in spans) == "".join(text.split())
