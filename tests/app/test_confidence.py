from __future__ import annotations

from dataclasses import replace

import pytest

from app.confidence import LEAST, SURE, Evidence, Sureness, confidence, evidence, names, sureness
from storage.types import About, Hit, Passage

LEAVE = "Full-time staff have 30 days of annual leave a year."
QUESTION = "How many days of annual leave do full-time staff have?"


def passage(name: str, text: str, **changes: object) -> Passage:
    made = Passage(name, name, f"{name}-1", "Rules", "rules.txt", 1, 0, len(text), "", text)
    return replace(made, **changes)  # type: ignore[arg-type]


def hit(name: str, dense: float | None, sparse: float | None) -> Hit:
    return Hit(name, dense, sparse)


def known(question: str, *passages: Passage, dense: float | None = 0.7) -> Evidence:
    hits = [hit(p.chunk_id, dense, 5.0 - n) for n, p in enumerate(passages)]
    return evidence(question, passages, hits)


def test_nothing_found_is_no_evidence() -> None:
    assert known(QUESTION) == Evidence()
    assert confidence(Evidence()) == 0


def test_a_passage_that_holds_the_questions_words_is_evidence() -> None:
    own = known(QUESTION, passage("leave", LEAVE))
    other = known(QUESTION, passage("parking", "Visitors park behind the hall."), dense=0.1)
    assert (own.held, own.agree, own.unnamed) == (1.0, 1.0, 0.0)
    assert other.held == 0
    assert confidence(own) > confidence(other)


def test_a_word_that_few_passages_hold_counts_more_than_one_of_many() -> None:
    around = [passage(str(n), "We repair pumps.") for n in range(4)]
    assert known("Who repairs pumps?", *around).held == 1.0
    assert known("Who repairs pumps in Oldenburg?", *around).held < 0.3


def test_a_name_that_no_passage_speaks_of_is_told() -> None:
    speaks = passage("leave", f"{LEAVE} Zarquon knows.")
    assert known("What does the policy say of Zarquon?", passage("leave", LEAVE)).unnamed == 1.0
    assert known("What does the policy say of Zarquon?", speaks).unnamed == 0.0
    assert known("Was sagt die Regelung über die Verpflegung?", passage("leave", LEAVE)).unnamed == 0.0


def test_one_of_several_names_may_stand_otherwise_in_the_documents() -> None:
    report = passage("report", "The Cessna flipped over at Wausau, WI. Zarquon flew it.")
    assert known("Why did the Cessna of Zarquon flip over at Wausau, Wisconsin?", report).unnamed == 0.0
    assert known("Why did the Cessna flip over at Oshkosh?", report).unnamed == 1.0
    assert names("Was the RV-8 seen over New York, Ohio in May?") == ["RV-8", "New York", "Ohio"]
    assert names("What Is The Vacation Policy For Contractors On RV-8?") == ["RV-8"]
    assert names("WHAT IS THE VACATION POLICY?") == []


def test_a_name_may_be_written_together_or_in_parts() -> None:
    text = passage("guest", "Guests use the Wi-Fi. The KX-200 came in with COVID19.")
    assert known("How do I join the WiFi?", text).unnamed == 0.0
    assert known("What did the KX200 cost?", text).unnamed == 0.0
    assert known("What did the KX300 cost?", text).unnamed == 1.0
    assert names("Who was ill with COVID-19?") == ["COVID-19"]


def test_times_units_and_items_of_accounts_are_no_names() -> None:
    question = "At 3am in Q2 of FY2022 or H1 FY23, was the 85-year-old paid 5 USD for a 24-hour day with 3M by EBITDA?"
    assert names(question) == ["3M"]
    assert known("What did the policy say in FY2022?", passage("leave", LEAVE, title="Policy 2022")).unnamed == 0.0


def test_a_name_that_another_passage_of_the_document_speaks_of_is_none_that_is_missing() -> None:
    best = [passage(str(n), LEAVE, document_id="handbook") for n in range(5)]
    question = "What does the policy say of Zarquon in May?"
    own = passage("own", "Zarquon stands here.", document_id="handbook")
    assert known(question, *best, own).unnamed == 0.0
    assert known(question, *best, replace(own, document_id="other")).unnamed == 1.0
    assert known("How much leave was there in December?", *best).unnamed == 0.0  # a month is no name


@pytest.mark.parametrize(
    ("period", "told"), [("2021", 1.0), ("2022", 0.0), ("2021/22", 0.0), ("FY22", 0.0), ("year to 31.12.2022", 0.0)]
)
def test_a_year_that_is_in_no_passage_is_told(period: str, told: float) -> None:
    found = known("How much leave was there in 2022?", passage("leave", LEAVE, about=About("Acme", period)))
    assert found.other_time == told


def test_without_search_by_meaning_words_decide() -> None:
    own = known(QUESTION, passage("leave", LEAVE), dense=None)
    other = known(QUESTION, passage("parking", "Visitors park behind the hall."), dense=None)
    assert not own.by_meaning
    assert confidence(own) > confidence(other)


def test_the_limits_tell_refusals_warnings_and_answers_apart() -> None:
    assert [sureness(x) for x in (0.0, LEAST, SURE, 1.0)] == [
        Sureness.NONE,
        Sureness.SOME,
        Sureness.FULL,
        Sureness.FULL,
    ]
