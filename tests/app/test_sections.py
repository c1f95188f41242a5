"""Sections that a question names, and the passages that stand in them."""

from __future__ import annotations

import pytest

from app.sections import standing
from storage.types import Passage


def passage(chunk_id: str, heading: str) -> Passage:
    return Passage(chunk_id, "d", "d-1", "Title", "file", 1, 0, 4, heading, "text")


@pytest.mark.parametrize(
    ("question", "heading", "other"),
    [
        (
            "What is the capital expenditure? Rely on the details shown in the cash flow statement.",
            "Item 8 > Consolidated Statements of Cash Flows",
            "Item 8 > Note 9. Supplemental Cash Flow Information",
        ),
        ("How many pumps stand in the balance sheet?", "CONSOLIDATED BALANCE SHEETS", "Off-balance commitments"),
        ("What does section 5.2 say of oil?", "5 Care > 5.2 Oil", "5 Care > 5.1 Oil"),
        ("What does Appendix B list?", "Appendix B: Spare parts", "Appendix A: Drawings"),
        ("What is told in Item 7?", "Part II > ITEM 7. Discussion", "Part II > ITEM 7A. Risks"),
        ("What does the chapter on leave say of hours?", "Handbook > Leave", "Handbook > Hours"),
        ("Was steht im Abschnitt Datenschutz und Geräte?", "Datenschutz und Geräte", "Versand und Geräte"),
        ("Was regelt § 12?", "§ 12 Urlaub", "§ 1 Geltung"),
        ("Was steht in Kapitel 3?", "3. Wartung", "4. Wartung"),
    ],
)
def test_what_stands_in_the_section_that_is_named_fits_best(question: str, heading: str, other: str) -> None:
    inside, outside = passage("a", heading=heading), passage("b", heading=other)
    found = standing(question, [inside, outside])
    assert found[inside.chunk_id] > 0.4
    assert found[outside.chunk_id] <= found[inside.chunk_id] / 2


@pytest.mark.parametrize(
    ("question", "heading", "other"),
    [
        ("By the income statement, how much was sold?", "Statements of Earnings", "Statements of Cash Flows"),
        ("Use the P&L of 2021.", "CONSOLIDATED STATEMENTS OF OPERATIONS", "BALANCE SHEETS"),
        ("What is the quick ratio?", "Statement of Financial Position", "Statements of Operations"),
        ("What was the capex in 2021?", "Consolidated Statements of Cash Flows", "Consolidated Balance Sheets"),
        ("Has the gross margin grown?", "Consolidated Statements of Income", "Consolidated Balance Sheets"),
        ("By the balance sheet, how much was the capex?", "Balance Sheets", "Cash Flow Statements"),
        ("Wie hoch war das Eigenkapital?", "Konzernbilanz", "Kapitalflussrechnung"),
        ("Wie hoch waren die Umsatzerlöse?", "Gewinn- und Verlustrechnung", "Bilanz"),
    ],
)
def test_the_statement_that_holds_what_is_asked_fits_best(question: str, heading: str, other: str) -> None:
    found = standing(question, [passage("a", heading=heading), passage("b", heading=other)])
    assert found["a"] > 0.4
    assert found["b"] <= found["a"] / 2


@pytest.mark.parametrize(
    "question",
    [
        "How many hours of leave are there?",
        "What did the statement say?",
        "Which line items are there?",
        "Is the noted price 5?",
        "What does Table cost?",
        "Which section says who pays?",
        "Which part I need?",
    ],
)
def test_most_questions_name_no_section(question: str) -> None:
    assert standing(question, [passage("a", heading="Leave"), passage("b", heading="")]) == {}
