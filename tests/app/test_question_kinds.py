from __future__ import annotations

import pytest

from app.question_kinds import Asks, counted, inquiry, of_a_rule, sought


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("Who approves the carry-over of leave?", Asks.PERSON),
        ("Which firm audited the statements?", Asks.PERSON),
        ("Wer genehmigt den Urlaub?", Asks.PERSON),
        ("By when must I claim my expenses?", Asks.TIME),
        ("In welchem Jahr wurde die Firma gegründet?", Asks.TIME),
        ("Where is the assembly point?", Asks.PLACE),
        ("In which country are the shoes made?", Asks.PLACE),
        ("Wo ist der Sammelplatz?", Asks.PLACE),
        ("How many hours may the account hold?", Asks.NUMBER),
        ("What is the price of the seal kit?", Asks.NUMBER),
        ("Was kostet ein neuer Ausweis?", Asks.NUMBER),
        ("What does a new filter for the large pump cost?", Asks.NUMBER),
        ("Was wiegt die Pumpe?", Asks.NUMBER),
        ("For how long are the records kept?", Asks.DURATION),
        ("Wie lange gilt das Passwort?", Asks.DURATION),
        ("How often is the oil changed?", Asks.FREQUENCY),
        ("Why did the margin fall?", Asks.REASON),
        ("Warum fiel die Pumpe aus?", Asks.REASON),
        ("What does free cash flow mean?", Asks.MEANING),
        ("How does the company define churn?", Asks.MEANING),
        ("Was bedeutet Karenz?", Asks.MEANING),
        ("Which areas does the report count in its Europe segment?", Asks.MEANING),
        ("What does the --dry-run option do?", Asks.MEANING),
        ("What is the seal kit used for?", Asks.MEANING),
        ("Wozu dient das Rückschlagventil?", Asks.MEANING),
        ("What is the default of the timeout?", Asks.OTHER),
        ("What range can a short number hold?", Asks.NUMBER),
        ("How do I book a trip?", Asks.STEPS),
        ("Wie kann ich eine Reise buchen?", Asks.STEPS),
        ("May I take my dog to work?", Asks.YES_NO),
        ("I left my badge at home. Can I still get in?", Asks.YES_NO),
        ("Darf ich im Ausland arbeiten?", Asks.YES_NO),
        ("Which documents are needed?", Asks.LIST),
        ("Was macht der Betriebsrat?", Asks.OTHER),
        ("pump seal", Asks.OTHER),
        ("What is the highest price of the kit?", Asks.NUMBER),
        ("Which manager at the discount chain left?", Asks.PERSON),
    ],
)
def test_a_question_tells_by_its_words_what_it_asks_for(question: str, kind: Asks) -> None:
    assert inquiry(question).kind is kind


def test_what_is_counted_is_known() -> None:
    assert inquiry("How many working days of leave are there?").unit == "working"
    assert inquiry("Wie viele Tage Urlaub habe ich?").unit == "Tage"
    assert inquiry("Who has leave?").unit == ""


@pytest.mark.parametrize(
    ("question", "term"),
    [
        ("What does the company mean by free cash flow in its 2022 report?", "free cash flow"),
        ("How does the bank define an active client?", "an active client"),
        ("What is a security incident?", "security incident"),
        ("Was bedeutet Karenz?", "Karenz"),
        ("Which areas does Acme count in its Europe segment?", "Europe"),
    ],
)
def test_the_term_that_is_to_be_explained_is_known(question: str, term: str) -> None:
    assert inquiry(question).term == term


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("How many loyalty members did the chain have at the end of 2023?", "loyalty members"),
        ("According to the report, how many of Acme's full-time employees were there?", "Acme's full-time employees"),
        ("How many warehouses and how many shops are there?", "warehouses"),
        ("After how many days without activity is it closed?", "days"),
        ("Wie viele Tage Urlaub stehen mir zu?", "Tage Urlaub"),
        ("How many members?", "members"),
        ("What does a spare filter for the large pump cost?", "spare filter"),
        ("How much does a KX-250 weigh?", "KX-250"),
        ("What is the price of the seal kit for the KX-200?", "seal kit"),
        ("Was kostet ein neuer Werksausweis?", "neuer Werksausweis"),
        ("What do I have to do?", ""),
        ("How much revenue did the chain make?", ""),
        ("Who counts the members?", ""),
    ],
)
def test_what_is_counted_is_told_without_what_is_said_of_it(question: str, words: str) -> None:
    assert counted(question) == words


@pytest.mark.parametrize(
    ("question", "thing"),
    [
        ("Is there a gym in the Porto office?", "gym"),
        ("Gibt es in Porto eine Kantine?", "Kantine"),
        ("May I bring my dog to work?", "dog"),
        ("Darf ich meinen Hund mitbringen?", "Hund"),
        ("Does the canteen in Porto take credit cards?", "credit cards"),
        ("Can I work from Spain?", ""),
        ("Is my laptop encrypted?", ""),
        ("Who takes credit cards?", ""),
    ],
)
def test_what_a_yes_or_no_is_asked_about_is_told_without_where_and_whose_it_is(question: str, thing: str) -> None:
    assert sought(question) == thing


@pytest.mark.parametrize(
    ("question", "rule"),
    [
        ("Can I work from Spain?", True),
        ("Do we have to book flights to Spain ourselves?", True),
        ("Am I allowed to drive in Spain?", True),
        ("Darf ich aus Spanien arbeiten?", True),
        ("Do we have an office in Spain?", False),
        ("Are we in Spain?", False),
        ("Is there a gym in Spain?", False),
        ("Can the pump be bought in Spain?", False),
    ],
)
def test_what_one_may_or_must_do_is_a_question_for_a_rule(question: str, rule: bool) -> None:
    assert of_a_rule(question) is rule
