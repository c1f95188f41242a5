"""Each case is a conversation in short: the questions before, the follow-up, and what it has to be searched as."""

from __future__ import annotations

import time

import pytest

from app.followup import is_follow_up, standalone
from app.prompt import Turn

REVENUE = "What was Acme's revenue in 2022?"
LEAVE = "How many days of annual leave do staff have?"
UMSATZ = "Wie hoch war der Umsatz von Umbrella im Jahr 2022?"
URLAUB = "Wie viele Urlaubstage haben Mitarbeiter in Vollzeit?"
SEAL = "What does the KX-200-65 cost in euros?"


def talk(*questions: str, answer: str = "As stated [1].") -> list[Turn]:
    return [turn for question in questions for turn in (Turn("user", question), Turn("assistant", answer))]


@pytest.mark.parametrize(
    ("question", "meant"),
    [
        ("and the year before?", "What was Acme's revenue in 2021?"),
        ("what was it in 2019?", "What was Acme's revenue in 2019?"),
        ("WHAT ABOUT 2021?", "What was Acme's revenue in 2021?"),
        ("And 2020 and 2021?", "What was Acme's revenue in 2020 and 2021?"),
        ("how about Q3?", "What was Acme's revenue in Q3 2022?"),
        ("adn the yaer before?", "What was Acme's revenue in 2021?"),
        ("and for Globex?", "What was Globex's revenue in 2022?"),
        ("and that of Globex?", "What was Globex's revenue in 2022?"),
        ("What was it for Globex?", "What was Globex's revenue in 2022?"),
        ("and Globex in 2021?", "What was Globex's revenue in 2021?"),
        ("And Globex's net income?", "Globex's net income in 2022?"),
        ("What was Globex's revenue?", "What was Globex's revenue in 2022?"),
        ("How many employees did Globex have that year?", "How many employees did Globex have in 2022?"),
        ("And operating income?", "What was Acme's operating income in 2022?"),
        ("and its net income?", "What was Acme's net income in 2022?"),
        ("What are its main risks?", "What are Acme's main risks in 2022?"),
        ("How many employees does it have?", "How many employees does Acme have in 2022?"),
        ("Who is the auditor?", "Who is the auditor of Acme in 2022?"),
        ("Thanks. And in 2020?", "What was Acme's revenue in 2020?"),
        ("how much of that was research?", f"{REVENUE} how much of that was research?"),
        ("why?", f"{REVENUE} why?"),
        ("Why did it rise?", f"{REVENUE} Why did it rise?"),
        ("since when?", f"{REVENUE} since when?"),
        ("What drove the increase?", f"{REVENUE} What drove the increase?"),
    ],
)
def test_name_and_time_are_carried_over_unless_the_follow_up_has_its_own(question: str, meant: str) -> None:
    assert standalone(question, talk(REVENUE)) == meant


@pytest.mark.parametrize(
    ("question", "meant"),
    [
        ("And for part-time staff?", "How many days of annual leave do part-time staff have?"),
        ("and sick leave?", "How many days of sick leave do staff have?"),
        ("and in Germany?", "How many days of annual leave do staff have in Germany?"),
        ("until when?", f"{LEAVE} until when?"),
        ("Does it lapse at some time?", f"{LEAVE} Does it lapse at some time?"),
        ("who approves it?", f"{LEAVE} who approves it?"),
        ("How do I apply?", f"{LEAVE} How do I apply?"),
        ("Are there exceptions?", f"{LEAVE} Are there exceptions?"),
        ("what if they fall ill?", f"{LEAVE} what if they fall ill?"),
    ],
)
def test_without_a_name_the_topic_is_carried_over(question: str, meant: str) -> None:
    assert standalone(question, talk(LEAVE)) == meant


@pytest.mark.parametrize(
    ("first", "question", "meant"),
    [
        (UMSATZ, "Und im Jahr davor?", "Wie hoch war der Umsatz von Umbrella im Jahr 2021?"),
        (UMSATZ, "Und bei Initech?", "Wie hoch war der Umsatz von Initech im Jahr 2022?"),
        (UMSATZ, "Und der Gewinn?", "Wie hoch war der Gewinn von Umbrella im Jahr 2022?"),
        (UMSATZ, "Wie war das 2021?", "Wie hoch war der Umsatz von Umbrella im Jahr 2021?"),
        (UMSATZ, "Wie viel davon entfiel auf Forschung?", f"{UMSATZ} Wie viel davon entfiel auf Forschung?"),
        (UMSATZ, "Wer ist der Abschlussprüfer?", "Wer ist der Abschlussprüfer von Umbrella im Jahr 2022?"),
        (UMSATZ, "Wie viele Mitarbeiter hat das Unternehmen?", "Wie viele Mitarbeiter hat Umbrella im Jahr 2022?"),
        (UMSATZ, "Warum?", f"{UMSATZ} Warum?"),
        (URLAUB, "Und in Teilzeit?", "Wie viele Urlaubstage haben Mitarbeiter in Teilzeit?"),
        (URLAUB, "Bis wann?", f"{URLAUB} Bis wann?"),
        (URLAUB, "Wer genehmigt das?", f"{URLAUB} Wer genehmigt das?"),
        (URLAUB, "Gilt das auch für Praktikanten?", f"{URLAUB} Gilt das auch für Praktikanten?"),
        ("Wann beginnt die Frühschicht im Werk?", "Und die Spätschicht?", "Wann beginnt die Spätschicht im Werk?"),
        ("Verfällt Resturlaub?", "Auch in Tschechien?", "Verfällt Resturlaub in Tschechien?"),
    ],
)
def test_the_same_in_german(first: str, question: str, meant: str) -> None:
    assert standalone(question, talk(first)) == meant


@pytest.mark.parametrize(
    ("question", "meant"),
    [
        ("and the KX-200-80?", "What does the KX-200-80 cost in euros?"),
        ("adn for the 80", "What does the KX-200-80 cost in euros?"),
        ("and in dollars?", "What does the KX-200-65 cost in dollars?"),
        ("What is its rated head?", "What is KX-200-65's rated head?"),
        ("How loud is it at one metre?", "How loud is KX-200-65 at one metre?"),
    ],
)
def test_codes_are_names_as_well(question: str, meant: str) -> None:
    assert standalone(question, talk(SEAL)) == meant


@pytest.mark.parametrize(
    ("first", "question"),
    [
        (REVENUE, "How do I report a phishing mail?"),
        (REVENUE, "What is the notice period in Germany?"),
        (REVENUE, "Is it allowed to bring a dog to work?"),
        (REVENUE, "Which has more employees, Globex or Initech?"),
        (REVENUE, "How many square feet of office space does Globex lease?"),
        (LEAVE, "What is the notice period?"),
        (LEAVE, "Which hotel costs are paid on a business trip to London?"),
        (LEAVE, "What does the KX-200-65 cost?"),
        (SEAL, "May I carry my leave over to next year?"),
        (URLAUB, "Was kostet ein neuer Werksausweis?"),
        (URLAUB, "Welche Zulage gibt es für die Spätschicht?"),
        (URLAUB, "Wie hoch sind die Hotelkosten, die auf einer Dienstreise nach London bezahlt werden?"),
        (UMSATZ, "Wie melde ich eine Phishing-Mail?"),
    ],
)
def test_a_question_of_its_own_stays_as_it_is(first: str, question: str) -> None:
    assert standalone(question, talk(first)) == question
    assert not is_follow_up(question, talk(first))


@pytest.mark.parametrize("thanks", ["thanks!", "Great, thank you so much.", "ok", "Danke, super!"])
def test_thanks_are_no_question_and_no_topic(thanks: str) -> None:
    assert standalone(thanks, talk(REVENUE)) == thanks
    assert standalone("and the year before?", talk(REVENUE, thanks)) == "What was Acme's revenue in 2021?"


def test_a_chain_is_understood_link_by_link() -> None:
    chain = ["And in 2021?", "And Globex?", "and its net income?", "the year before that?", "and acme again?"]
    meant = [
        "What was Acme's revenue in 2021?",
        "What was Globex's revenue in 2021?",
        "What was Globex's net income in 2021?",
        "What was Globex's net income in 2020?",
        "What was acme's net income in 2020?",
    ]
    for at, question in enumerate(chain):
        assert standalone(question, talk(REVENUE, *chain[:at])) == meant[at]


def test_a_topic_that_was_switched_to_is_the_one_carried_over() -> None:
    history = talk(REVENUE, "How long is the notice period in Austria?")
    assert standalone("And in Portugal?", history) == "How long is the notice period in Portugal?"


def test_going_back_to_a_name_brings_it_back_in_full() -> None:
    history = talk("How much cash did Nordlicht Pumpen hold in 2022?", "And Hansa Antriebe?")
    assert standalone("Back to Nordlicht: how many people did they employ?", history) == (
        "how many people did Nordlicht Pumpen employ in 2022?"
    )


def test_a_person_is_who_the_answer_named() -> None:
    history = talk("Who is the chief executive officer of Acme?", answer="Jane Q. Doe is the chief executive [1].")
    assert standalone("Where did she work before?", history).endswith("Where did Jane Q. Doe work before?")


def test_which_company_is_who_the_answer_named() -> None:
    history = talk("Which company bought Converse?", answer="Globex bought Converse in 2003 [1].")
    assert standalone("Where is it based?", history).endswith("Where is Globex based?")


def test_a_time_that_only_the_answer_gave_counts_for_the_year_before() -> None:
    history = talk("What was Acme's latest revenue?", answer="In fiscal 2022 it was $5 million [1].")
    assert standalone("and the year before?", history) == "What was Acme's latest revenue in 2021?"
    assert standalone("and the margin?", history) == "What was Acme's margin?"


def test_a_first_question_and_an_empty_one_stay() -> None:
    assert standalone("until when?", []) == "until when?"
    assert standalone("", talk(REVENUE)) == ""
    assert standalone("   ", talk(REVENUE)) == "   "


def test_long_questions_are_neither_carried_over_whole_nor_slow() -> None:
    pasted = "it is that of the first quarter of and the year before " * 2000
    began = time.monotonic()
    assert len(standalone("why?", talk(pasted))) < 500
    assert standalone(pasted, talk(REVENUE)) == pasted
    assert time.monotonic() - began < 30  # a pattern that tries everything takes hours
