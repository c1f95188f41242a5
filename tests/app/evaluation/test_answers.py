"""Answers against references and citations: what counts as the same figure, a refusal, a supported statement."""

from __future__ import annotations

import threading

import pytest

from app import chat
from app.doubt import refuses
from app.evaluation.answers import exact_match, figures, hedges, statements, support, token_f1
from app.evaluation.outcomes import Support
from app.extract import Extractive
from app.prompt import Prompt
from app.quotation import plain
from storage.types import Passage


def test_exact_match_is_squads() -> None:
    assert exact_match("The Panthers! [1]", ["panthers"]) == 1
    assert exact_match("the Denver Broncos", ["Panthers", "Denver  broncos."]) == 1
    assert exact_match("Denver", ["Denver Broncos"]) == 0


def test_f1_counts_shared_words_of_the_best_reference() -> None:
    assert token_f1("a b c", ["x"]) == 0
    assert token_f1("Leave is 30 days [2]", ["30 days"]) == pytest.approx(2 * 2 / (4 + 2))
    assert token_f1("Leave is 30 days [2]", ["30 days", "leave is 30 days"]) == 1
    assert token_f1("days days", ["days"]) == pytest.approx(2 / 3)


def test_escapes_and_the_warning_are_no_words_of_an_answer() -> None:
    hedged = "The documents may not answer this. The passages that come nearest:\n\nNet \\* sales [1]"
    assert exact_match(hedged, ["Net * sales"]) == 1


@pytest.mark.parametrize(
    ("answer", "reference"),
    [
        ("Accrued rebates 639 594 [1]", "$639 million"),
        ("It was 1,234 [1].", "$1,234 million"),
        ("It was 1.234 billion.", "$1,234 million"),
        ("It was $1,234,000,000", "$1,234 million"),
        ("a loss of $(12.7) billion [1]", "Valuation loss of $12.7 billion"),
        ("18,4 Mio. Euro", "EUR 18.4 million."),
        ("62.500 € im Jahr", "EUR 62,500 per year."),
        ("1.234,50 €", "EUR 1,234.50"),
        ("for five days", "5 days"),
        ("up to 24-hour shifts", "24 hours"),
        ("75 percent", "75%"),
        ("between 10-20 people", "10 to 20"),
        ("2.0", "2"),
        ("on 2021-05-31", "31 May 2021"),
        ("siebzehn, sieben und 1'200'000 Fr.", "1,200,000 and 7"),
    ],
)
def test_the_same_figure_in_other_words(answer: str, reference: str) -> None:
    assert figures(answer, [reference]) == 1


@pytest.mark.parametrize(
    ("answer", "reference"),
    [
        ("It was 1,235.", "$1,234 million"),
        ("It was 12,340", "$1,234 million"),
        ("It was $1.2 billion", "$1,234 million"),
        ("3M filed a 10-K", "3 and 10"),
        ("version A-17", "17"),
        ("302 278 262", "302,278"),
        ("", "$5"),
        ("None of that.", "5 days"),
    ],
)
def test_another_figure(answer: str, reference: str) -> None:
    assert figures(answer, [reference]) in (0, 0.5 if "and" in reference else 0)


def test_every_figure_of_the_reference_is_looked_for_but_those_of_the_question() -> None:
    reference = ["$17,157 million in 2022, of which $1,852 million variable"]
    question = "How large was the total lease cost in 2022, and how much was variable?"
    assert figures("Total lease cost 17,157", reference, question) == 0.5
    assert figures("17,157 and 1,852", reference, question) == 1
    assert figures("2022", reference, question) == 0


def test_a_reference_whose_figures_all_stand_in_the_question_is_still_looked_for() -> None:
    assert figures("In 2020.", ["2020"], "Was it 2020 or 2021?") == 1


def test_a_reference_without_figures_tells_nothing_and_the_best_of_several_counts() -> None:
    assert figures("Five", ["the board"]) is None
    assert figures("Five", []) is None
    assert figures("12", ["11", "12"]) == 1


@pytest.mark.parametrize(
    "answer",
    [
        "",
        chat.NOT_FOUND,
        chat.NOT_FOUND_GERMAN,
        "The documents do not answer this question.",
        "I'm sorry, but the sources do not contain information on that.",
        "The answer is not stated in the given documents.",
        "Die Dokumente enthalten dazu keine Angaben.",
    ],
)
def test_refusals_are_told(answer: str) -> None:
    assert refuses(answer, cites=False)


def test_an_answer_with_a_footnote_is_none_and_neither_is_one_that_merely_says_not() -> None:
    assert not refuses("The documents do not mention cats, but dogs are allowed [1].", cites=True)
    assert not refuses("Leave can not be carried over.", cites=False)
    assert not refuses("30 days.", cites=False)


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("When does annual leave lapse in Portugal?", "Annual leave that is not taken lapses on 31 March."),
        ("Wann verfällt der Urlaub nach Regel X7?", "Nicht genommener Urlaub verfällt nach der Regel am 31. März."),
    ],
)
def test_the_warning_of_extractive_answers_is_a_hedge(question: str, text: str) -> None:
    passage = Passage("c", "d", "v", "Rules", "rules.txt", 1, 0, len(text), "", text, score=1.0)
    answer = "".join(Extractive().stream(Prompt(question=question, passages=(passage,)), threading.Event()))
    assert text in plain(answer)
    assert hedges(answer)
    assert not refuses(answer, cites=True)
    assert list(statements(answer)) == [(text, [1])]


def test_statements_are_sentences_items_and_rows_with_their_footnotes() -> None:
    answer = (
        "Leave is 30 days. It lapses in March. [1][2] Ask HR [3].\n\n"
        "- Item one. It has two sentences. [4]\n"
        "2. Second step\n\n"
        "| Country | Days |\n| --- | --- |\n| Czechia | 5 [1] |\n"
    )
    assert list(statements(answer)) == [
        ("Leave is 30 days.", []),
        ("It lapses in March.", [1, 2]),
        ("Ask HR", [3]),
        ("Item one. It has two sentences.", [4]),
        ("Second step", []),
        ("Czechia | 5", [1]),
    ]


def test_what_only_leads_in_to_what_follows_is_no_statement() -> None:
    table = "| Item | 2021 |\n| --- | --- |\n| Net sales: |  |\n| Other items |  |\n| Beds | 7 [2] |"
    answer = f"These are free:\n- Tea [1]\n\n{table}"
    assert list(statements(answer)) == [("Tea", [1]), ("Beds | 7", [2])]
    assert list(statements("Net sales: [1]")) == [("Net sales:", [1])]


def test_an_escaped_bracket_is_no_footnote() -> None:
    assert list(statements(r"Section \[1\] holds for leave [2]")) == [("Section [1] holds for leave", [2])]


def test_a_statement_is_supported_when_its_citations_together_say_it() -> None:
    cited = {1: "Leave is thirty days for all staff in Oldenburg.", 2: "Untaken leave lapses on 31 March.", 3: "Tea."}
    both = "Leave is thirty days for staff and lapses on 31 March [1][2]."
    assert support(both, cited) == Support(statements=1, supported=1, citations=2, precise=2)


def test_a_citation_that_is_not_needed_is_not_precise() -> None:
    cited = {1: "Untaken leave lapses on 31 March.", 2: "Tea and coffee are free."}
    assert support("Untaken leave lapses on 31 March [1][2].", cited) == Support(
        statements=1, supported=1, citations=2, precise=1
    )


def test_two_citations_that_each_say_it_are_both_precise() -> None:
    cited = {1: "Untaken leave lapses on 31 March.", 2: "On 31 March untaken leave lapses."}
    assert support("Untaken leave lapses on 31 March [1][2].", cited).precise == 2


def test_citations_of_an_unsupported_statement_are_not_precise() -> None:
    cited = {1: "Untaken leave lapses on 31 March."}
    assert support("Untaken leave lapses on 30 April [1].", cited) == Support(statements=1, citations=1)
    assert support("The moon is made of cheese.", cited) == Support(statements=1)
    assert support("", cited) == Support()
