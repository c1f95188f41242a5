from __future__ import annotations

import pytest

from app.answer_signs import answers, defines, new_figure
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


def test_a_definition_may_name_the_short_form_between() -> None:
    assert defines("paid leave", "Paid leave (PL), which is rare, means leave with pay.") == 1.0
