from __future__ import annotations

import pytest

from app.answer_signs import answers, defines, goes_on, new_figure, points_elsewhere
from app.question_kinds import inquiry
from app.words import content_words


def sign(question: str, text: str) -> float:
    return answers(inquiry(question), question, text, content_words(question))


@pytest.mark.parametrize(
    ("question", "has", "has_not"),
    [
        ("How many days of leave are there?", "There are 30 days of leave.", "Leave is asked for in writing."),
        ("How many days of leave are there?", "There are 30 days of leave.", "Room 30 is for those on leave."),
        ("What is the price of the kit?", "The kit is sold at EUR 415.", "The kit has the number 415."),
        ("What percentage of staff has left?", "It was 4 %.", "It was 4."),
        ("When did the office open in 2020?", "It opened on 3 May.", "It opened in December 2020."),
        ("Wann öffnet das Büro?", "Es öffnet um 7:30 Uhr.", "Es öffnet immer pünktlich."),
        ("How long are records kept?", "They are kept for fifteen years.", "They are kept in the archive."),
        ("How often is the oil changed?", "Change the oil once a month.", "Change the oil with care."),
        ("Who is the ombudsperson?", "The ombudsperson is Dr. Henrike Vollmers.", "The ombudsperson is a lawyer."),
        ("Where is the plant?", "The plant stands in Pilsen.", "The plant is large."),
        ("Why did it fail?", "It failed because the switch stuck.", "It failed in the night."),
        ("May I bring a dog?", "Dogs are not allowed.", "Some colleagues own a dog."),
    ],
)
def test_a_statement_has_the_form_of_what_is_asked_for(question: str, has: str, has_not: str) -> None:
    assert sign(question, has) > sign(question, has_not)


def test_a_number_that_the_question_names_is_no_answer() -> None:
    asked = content_words("What does the law of 1999 say?")
    assert not new_figure("The law of 1999 says nothing.", asked)
    assert new_figure("The law of 1999 has twelve parts.", asked)


def test_a_definition_opens_with_its_term() -> None:
    term = "security incident"
    said = "A security incident is any event that harms data."
    named = "Staff who have noticed what may be a security incident call the desk."
    assert defines(term, said) == 1.0 > defines(term, named) > defines(term, "Data are harmed.") == 0.0


def test_what_is_told_of_a_term_is_less_than_what_it_is() -> None:
    said = [
        "A shared key is a secret that two sides hold.",
        "A shared key has an owner.",
        "A second shared key is a secret of the other side.",
    ]
    is_one, has, other = (defines("shared key", text) for text in said)
    assert is_one > other > has


@pytest.mark.parametrize(
    "text",
    [
        "Please see Section 6.1 for the list.",
        "The settings are described in Table 3.",
        "More information is on the web site.",
        "Näheres regelt die Satzung.",
        "Die Stufen sind in Anlage 2 beschrieben.",
    ],
)
def test_a_sentence_may_only_point_elsewhere(text: str) -> None:
    assert points_elsewhere(text)
    assert not points_elsewhere("The pump is described as quiet, at 58 dB.")


def test_an_example_leans_on_what_was_said_before() -> None:
    assert goes_on("For example, a week in May.")
    assert not goes_on("Formal notice is given on paper.")


def test_a_definition_may_name_the_short_form_between() -> None:
    assert defines("paid leave", "Paid leave (PL), which is rare, means leave with pay.") == 1.0
