from __future__ import annotations

import pytest

from app.expand import corrected, expanded, in_full, written_out
from storage.types import Passage


def whole(word: str) -> list[tuple[int, int]]:
    return [(0, len(word))]


def in_pieces(word: str) -> list[tuple[int, int]]:
    return [(0, 2), (2, len(word))]


@pytest.mark.parametrize(
    ("question", "text", "phrase"),
    [
        ("How much PTO do I get?", "Staff earn paid time off (PTO) from their first day.", "paid time off"),
        (
            "What is the R&D budget?",
            "We spend on research and development (“R&D”) each year.",
            "research and development",
        ),
        ("Who signs the NDA?", "A non disclosure agreement (NDA) is signed first.", "non disclosure agreement"),
        (
            "Wer prüft die AGB?",
            "Die Allgemeine Geschäfts Bedingungen (AGB) gelten.",
            "Allgemeine Geschäfts Bedingungen",
        ),
    ],
)
def test_an_abbreviation_is_written_out_as_the_documents_define_it(question: str, text: str, phrase: str) -> None:
    assert list(written_out(question, [text])) == [phrase]


@pytest.mark.parametrize(
    ("short", "name", "full"),
    [
        ("AMEX", "American Express Company annual report", "American Express"),
        ("JnJ", "Johnson & Johnson current report", "Johnson Johnson"),
        ("JPM", "JPMorgan Chase & Co.", "JPMorgan"),
        ("AMD", "Advanced Micro Devices, Inc.", "Advanced Micro Devices"),
        ("HR", "Handbook of Human Resources", "Human Resources"),
        ("FY", "Acme annual report, fiscal year ended", ""),
        ("MGM", "MGM Resorts International", ""),
        ("IT", "Items for travel", ""),
        ("AMEX", "American Water Works", ""),
    ],
)
def test_an_abbreviation_of_a_name_is_made_of_the_beginnings_of_its_words(short: str, name: str, full: str) -> None:
    assert in_full(short, name) == full


def test_a_title_that_the_question_has_in_short_is_written_out() -> None:
    passage = Passage("1", "d", "v", "American Express Company", "r.pdf", 1, 0, 10, "Tax", "The rate rose.")
    assert expanded("Did the tax of AMEX rise?", [passage], whole) == ("Did the tax of AMEX rise?", "American Express")


def test_what_does_not_spell_the_abbreviation_is_not_its_meaning() -> None:
    assert list(written_out("How much PTO do I get?", ["See the rules of the house (PTO)."])) == []
    assert list(written_out("How much leave do I get?", ["Staff earn paid time off (PTO)."])) == []


def test_a_misspelt_word_is_put_right_by_the_documents_own_words() -> None:
    texts = ["Reimbursement of travel costs.", "The reimbursement takes a week.", "Annual leave"]
    assert corrected("reimbursemnt of costs", texts, in_pieces) == {"reimbursemnt": "reimbursement"}


@pytest.mark.parametrize("question", ["travel costs", "reimbursed costs", "zebra", "cost of tavel 12345"])
def test_words_that_are_right_or_unknown_stay(question: str) -> None:
    texts = ["Reimbursement of travel costs.", "The reimbursement takes a week."]
    assert corrected(question, texts, in_pieces) == {}


def test_a_question_of_known_words_needs_nothing_more() -> None:
    passage = Passage("1", "d", "v", "Handbook", "h.txt", 1, 0, 10, "Leave", "Annual leave lapses in March.")
    question = "When does annual leave lapse?"
    assert expanded(question, [passage], in_pieces) == (question, "")
    assert expanded("anything", [], in_pieces) == ("anything", "")


def test_a_slip_is_put_right_in_the_question_and_a_name_is_searched_for_besides() -> None:
    text = "Verrin pays pensions. Pensions of Verrin begin at 67."
    passage = Passage("1", "d", "v", "Handbook", "h.txt", 1, 0, len(text), "", text)
    assert expanded("When do pensoins begin?", [passage], in_pieces) == ("When do pensions begin?", "pensions")
    assert expanded("What does Verrrin pay?", [passage], in_pieces) == ("What does Verrrin pay?", "verrin")


def test_a_word_that_the_model_knows_is_spelled_right() -> None:
    text = "Carriers bring parcels. Carriers are paid."
    passage = Passage("1", "d", "v", "Handbook", "h.txt", 1, 0, len(text), "", text)
    question = "Which cariers bring parcels?"
    assert expanded(question, [passage], in_pieces) == ("Which carriers bring parcels?", "carriers")
    assert expanded(question, [passage], whole) == (question, "")


def test_hostile_text_costs_no_time() -> None:
    assert list(written_out("PTO?", ["(" * 50_000 + "PTO)" * 10_000])) == []
