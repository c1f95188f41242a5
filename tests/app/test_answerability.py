from __future__ import annotations

from dataclasses import replace

import pytest

from app.answerability import LEAST, SURE, Support, answerability, judged, support
from app.candidate_weights import scored
from app.candidates import Candidate, Wanted, candidates, wanted
from app.confidence import Evidence, Sureness
from app.statements import statements_of
from ingest.embed import Embedder
from storage.types import Passage, PassageRow, PassageTable
from tests.shelf import HashEmbedder

MEMBERS = "The programme lets loyalty members collect points. It has 42 shops."


def passage(text: str, n: int = 1, *, title: str = "Report", tables: tuple[PassageTable, ...] = ()) -> Passage:
    return Passage(
        f"c{n}", f"d{n}", f"v{n}", title, "r.pdf", 1, 0, len(text), "", text, score=1 - n / 10, tables=tables
    )


def ranked(question: str, *passages: Passage, embedder: Embedder | None = None) -> tuple[Wanted, list[Candidate]]:
    meaning = embedder.embed_queries([question])[0] if embedder else None
    asked = wanted(question, meaning)
    return asked, scored(candidates(asked, passages, [statements_of(one) for one in passages], embedder))


def found(question: str, *texts: str) -> Support:
    passages = [passage(text, n) for n, text in enumerate(texts, 1)]
    asked, statements = ranked(question, *passages, embedder=HashEmbedder())
    return support(asked, question, statements)


def test_no_statement_supports_nothing() -> None:
    asked = wanted("How many members are there?")
    assert support(asked, asked.text, []) == Support()
    assert judged(asked, asked.text, [], []) is Sureness.NONE


def test_what_is_counted_must_be_named_beside_a_figure() -> None:
    asked = "How many loyalty members does the programme have?"
    assert found(asked, MEMBERS).uncounted == 1.0
    assert found(asked, "The programme has 42 loyalty members.").uncounted == 0.0
    assert found(asked, "The programme has 42 members of staff.").uncounted == 0.5
    assert found("Who are the loyalty members?", MEMBERS).uncounted == 0.0
    assert found("How many personnel does the programme have?", MEMBERS).uncounted == 0.0


def test_what_has_a_price_must_be_named_beside_a_figure() -> None:
    asked = "What does a spare filter for the pump cost?"
    assert found(asked, "A spare filter costs EUR 12.").uncounted == 0.0
    assert found(asked, "A filter keeps sand out. The repair of a pump costs EUR 180.").uncounted == 1.0


def test_people_may_be_called_by_another_word() -> None:
    assert found("How many people work in Porto?", "In Porto work 48 members of staff.").unsaid == 0.0


def test_an_answer_that_leaves_out_what_has_the_price_comes_with_a_warning() -> None:
    asked, text = "What does the spare filter for the pump cost?", "The repair of the pump costs EUR 180."
    one = passage(text)
    about, statements = ranked(asked, one, embedder=HashEmbedder())
    assert judged(about, asked, statements, [one]) is not Sureness.FULL
    named = passage("The spare filter for the pump costs EUR 12.")
    about, statements = ranked(asked, named, embedder=HashEmbedder())
    assert judged(about, asked, statements, [named]) is Sureness.FULL


def test_what_a_yes_or_no_is_asked_about_must_be_mentioned() -> None:
    asked = "Does the canteen take credit cards?"
    assert found(asked, "The canteen is open from 8 to 14.").unmentioned == 1.0
    assert found(asked, "Guests of the canteen may pay by credit card.").unmentioned == 0.0
    assert found("Who takes credit cards in the canteen?", "The canteen is open from 8 to 14.").unmentioned == 0.0


def test_a_yes_or_no_about_another_place_stands_elsewhere() -> None:
    asked, here = ranked("Is there a gym in the Porto office?", passage("There is a gym in the office in Lisbon."))
    assert support(asked, "Is there a gym in the office?", here).elsewhere == 1.0
    titled = passage("There is a gym in the office.", title="Porto")
    asked, here = ranked("Is there a gym in the Porto office?", titled)
    assert support(asked, "Is there a gym in the office?", here).elsewhere == 0.0
    assert found("Where is the gym of the Porto office?", "There is a gym in the office in Lisbon.").elsewhere == 0.0


def test_a_rule_for_all_places_tells_what_one_may_do_in_one() -> None:
    assert found("Can I work from Spain?", "Work from abroad takes the consent of the manager.").elsewhere == 0.0


def test_names_that_led_to_the_documents_are_not_what_is_counted() -> None:
    asked, statements = ranked(
        "How many Acme loyalty members are there?", passage("There are 42 loyalty members.", title="Globex")
    )
    assert support(asked, asked.text, statements).uncounted > 0.0
    assert support(asked, "How many loyalty members are there?", statements).uncounted == 0.0


def test_a_number_counts_where_its_row_says_what_is_asked_with_the_tables_columns() -> None:
    text = "Hotel limits\nCity | Limit a night\nPorto | 120\nLondon | 210"
    rows = tuple(
        PassageRow(text.index(city), text.index(city) + len(f"{city} | {limit}"), (city, limit))
        for city, limit in (("Porto", "120"), ("London", "210"))
    )
    table = PassageTable(text.index("City"), len(text), ("City", "Limit a night"), rows, "Hotel limits")
    asked, statements = ranked("What is the hotel limit a night in London?", passage(text, tables=(table,)))
    assert support(asked, asked.text, statements).unsaid == 0.0


def test_words_that_only_stand_apart_from_every_figure_are_unsaid() -> None:
    own = found("What was the monthly churn rate?", "Churn is watched closely. The monthly rate of the loan was 4 %.")
    assert own.unsaid == pytest.approx(1 / 3)
    assert found("Why does the churn rate matter?", "Churn is watched closely.").unsaid == 0.0


def test_only_a_statement_that_has_what_is_asked_for_counts_as_near() -> None:
    assert found("How many people eat in the canteen?", "Many people eat in the canteen.").near == 0.0
    assert found("How many people eat in the canteen?", "In the canteen eat 90 people.").near > 0.3
    times = ("Guests are told when the canteen opens.", "It starts at 11:30.")
    assert found("When does the canteen open?", *times).near < found("When does the canteen open?", times[0]).near


def test_each_side_of_a_comparison_may_be_said_by_another_statement() -> None:
    asked = "Compare the number of shops of Acme in 2022 with that of Globex in 2022."
    both = found(asked, "Acme had 42 shops in 2022.", "Globex had 61 shops in 2022.")
    one = found("What is the number of shops of Acme and Globex in 2022?", "Acme had 42 shops in 2022.")
    assert both.unsaid < one.unsaid


@pytest.mark.parametrize("by_meaning", [True, False])
def test_support_makes_an_answer_likelier_and_what_is_missing_less_likely(by_meaning: bool) -> None:
    usual, known = Support(near=0.6, ahead=2.0), Evidence(lead=0.5, held=0.5)
    likely = answerability(known, usual, by_meaning)
    assert answerability(known, Support(near=0.6, ahead=5.0), by_meaning) > likely
    for worse in (
        Support(near=0.6, ahead=2.0, unsaid=0.5),
        Support(near=0.6, ahead=2.0, uncounted=0.5),
        Support(near=0.6, ahead=2.0, unmentioned=0.5),
        Support(near=0.6, ahead=2.0, elsewhere=0.5),
    ):
        assert answerability(known, worse, by_meaning) < likely
    for named in (Evidence(lead=0.5, held=0.5, unnamed=1.0), Evidence(lead=0.5, held=0.5, other_time=1.0)):
        assert answerability(named, usual, by_meaning) < likely


def test_what_is_neither_near_nor_has_a_word_in_common_is_no_answer() -> None:
    assert answerability(Evidence(lead=0.5), Support(near=0.39, ahead=9.0), True) == 0.0
    assert answerability(Evidence(lead=0.5), Support(near=0.6, ahead=9.0), True) > LEAST
    assert answerability(Evidence(lead=0.5, held=0.2), Support(near=0.39, ahead=9.0), True) > LEAST
    assert answerability(Evidence(lead=0.5), Support(near=0.6, ahead=9.0), False) == 0.0


def test_what_a_statement_found_may_hold_is_shown_with_a_warning() -> None:
    question, rows = "What was the quick ratio of Acme?", "Cash 120 90\nPayables 95 88"
    sheet = replace(passage(rows, title="Acme"), heading="Consolidated Balance Sheets")
    for found_, sureness in ((sheet, Sureness.SOME), (passage(rows, title="Acme"), Sureness.NONE)):
        asked, statements = ranked(question, found_, embedder=HashEmbedder())
        assert judged(asked, question, statements, [found_]) is sureness
    asked, statements = ranked("What was the quick ratio of Globex?", sheet, embedder=HashEmbedder())
    assert judged(asked, asked.text, statements, [sheet]) is Sureness.NONE


def test_few_statements_of_few_passages_are_not_held_against_an_answer() -> None:
    question, text = "How many days of annual leave do staff have?", "Staff have 30 days of annual leave a year."
    alone = passage(text)
    asked, statements = ranked(question, alone, embedder=HashEmbedder())
    assert judged(asked, question, statements, [alone]) is Sureness.FULL
    assert LEAST < SURE
