from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from app.rank import Design, bare, fused, names_in, naming, nearest_parts, ranked, shortlist, speaking
from storage.types import About, Hit, Parts, Passage

ALONE = Design(parts=0, speaking=0, names=0, votes=0)


def passage(name: str, text: str = "", *, document: str = "d", page: int = 1, **changes: object) -> Passage:
    made = Passage(name, document, f"{document}-1", "Title", "file", page, 0, len(text), "", text)
    return replace(made, **changes)  # type: ignore[arg-type]


def hit(name: str, dense: float | None, sparse: float | None) -> Hit:
    return Hit(name, dense, sparse)


def order(passages: list[Passage], hits: list[Hit], design: Design = ALONE, question: str = "anything") -> list[str]:
    return [p.chunk_id for p in ranked(question, passages, hits, {}, design)]


def test_fusion_weighs_how_much_better_a_hit_is() -> None:
    hits = [hit("both", 0.8, 9.0), hit("near", 0.8, None), hit("words", None, 9.0), hit("far", 0.2, None)]
    scores = fused([passage(h.chunk_id) for h in hits], hits, Design(meaning=0.7, words=0.3))
    assert scores == pytest.approx({"both": 1.0, "near": 0.7, "words": 0.3, "far": 0.0})


def test_fusion_of_words_alone_uses_the_whole_scale() -> None:
    hits = [hit("a", None, 8.0), hit("b", None, 2.0)]
    assert fused([passage("a"), passage("b")], hits, Design()) == pytest.approx({"a": 1.0, "b": 0.25})


def test_nothing_found_is_nothing_ranked() -> None:
    assert ranked("anything", [], [], {}, Design()) == []


def test_the_nearest_part_of_each_passage_counts() -> None:
    east, north = [1.0, 0.0], [0.0, 1.0]
    rows = np.array([north, east], np.float32)
    found = nearest_parts(
        np.array(east, np.float32),
        [
            passage("two", parts=Parts(((0, 1), (1, 2)), rows)),
            passage("one", parts=Parts(((0, 1),), rows[:1])),
            passage("none"),
            passage("other model", parts=Parts(((0, 1),), np.ones((1, 3), np.float32))),
        ],
    )
    assert found == pytest.approx({"two": 1.0, "one": 0.0})


def test_a_near_sentence_lifts_its_passage() -> None:
    hits = [hit("first", 0.6, 5.0), hit("second", 0.55, 5.0), hit("far", 0.1, None)]
    passages = [passage(h.chunk_id, page=n) for n, h in enumerate(hits)]
    near = {"first": 0.2, "second": 0.7, "far": 0.1}
    assert ranked("anything", passages, hits, near, ALONE)[0].chunk_id == "first"
    assert ranked("anything", passages, hits, near, replace(ALONE, parts=0.5))[0].chunk_id == "second"


def test_names_and_years_that_led_to_a_document_are_taken_out_of_the_question() -> None:
    acme = passage("a", title="ACME_2022", about=About(subject="Acme Corporation", period="fiscal year 2022"))
    assert bare("What did Acme spend on research in 2022?", [acme]) == "What did spend on research in ?"
    assert bare("What is Acme's policy on gifts?", [acme]) == "What is policy on gifts?"
    assert bare("What did Globex spend on research?", [acme]) == "What did Globex spend on research?"
    assert bare("Acme 2022?", [acme]) == "Acme 2022?"  # nothing would be left
    assert names_in("What did Acme spend on research in 2022?", [acme]) == [(9, 13), (35, 39)]
    assert names_in("Acme 2022?", [acme]) == []


def test_a_document_is_named_by_title_or_subject_and_by_year() -> None:
    passages = [
        passage("a", document="a", title="Annual report", about=About("Acme Corporation", "fiscal year 2022")),
        passage("b", document="b", title="Annual report", about=About("Acme Corporation", "fiscal year 2021")),
        passage("c", document="c", title="Annual report", about=About("Globex Inc", "fiscal year 2022")),
    ]
    named = naming("What was the revenue of Acme Corporation in 2022?", passages)
    assert named["a"] == pytest.approx(1.0)
    assert named["a"] > named["b"] > named["c"]
    assert set(naming("Who may approve travel?", passages).values()) == {0.0}


def test_a_section_that_the_question_names_comes_first() -> None:
    hits = [hit("prose", 0.6, 5.0), hit("sheet", 0.5, 4.5), hit("far", 0.1, None)]
    passages = [passage("prose"), passage("sheet", heading="Item 8 > Consolidated Balance Sheets"), passage("far")]
    asked = "What were the liabilities, by the balance sheet?"
    assert order(passages, hits, ALONE, asked)[0] == "sheet"
    assert order(passages, hits, replace(ALONE, sections=0), asked)[0] == "prose"
    assert order(passages, hits, ALONE, "What were the liabilities?")[0] == "prose"


def test_documents_with_several_near_passages_come_before_one_lucky_hit() -> None:
    hits = [hit("lucky", 0.61, None), *(hit(f"right{n}", 0.6, None) for n in range(3)), hit("far", 0.0, None)]
    passages = [passage(h.chunk_id, document=h.chunk_id[:5], page=n) for n, h in enumerate(hits)]
    assert order(passages, hits)[0] == "lucky"
    assert order(passages, hits, replace(ALONE, votes=0.2))[0] == "right0"


TEXT = "Staff may work from home on up to three days a week once their line manager has agreed in writing."


def _versions(**changes: object) -> tuple[list[Passage], list[Hit]]:
    old = passage("old", TEXT, document="old", about=About(dated=date(2021, 1, 1)), **changes)
    new = passage("new", TEXT.replace("three", "two"), document="new", about=About(dated=date(2024, 1, 1)))
    other = passage("other", "The cafeteria opens at noon.", document="other")
    return [old, new, other], [hit("old", 0.8, 3.0), hit("new", 0.79, 3.0), hit("other", 0.1, None)]


def test_of_passages_that_say_the_same_the_newest_is_left() -> None:
    assert order(*_versions()) == ["new", "other"]
    assert order(*_versions(), replace(ALONE, distinct=False)) == ["old", "new", "other"]


def test_a_newer_one_takes_its_place_from_beyond_the_passages_that_are_compared() -> None:
    passages, hits = _versions()
    hits = [hit("old", 0.8, 3.0), hit("other", 0.5, 2.0), hit("new", 0.1, None)]
    found = ranked("anything", [passages[0], passages[2], passages[1]], hits, {}, ALONE, most=1)
    assert [p.chunk_id for p in found] == ["new", "other"]


def test_beyond_the_first_passages_nothing_is_compared() -> None:
    passages = [
        passage("other", "The cafeteria opens at noon."),
        passage("one", TEXT),
        passage("two", TEXT, document="e"),
    ]
    hits = [hit("other", 0.9, None), hit("one", 0.8, None), hit("two", 0.7, None)]
    assert [p.chunk_id for p in ranked("anything", passages, hits, {}, ALONE, most=1)] == ["other", "one", "two"]
    assert [p.chunk_id for p in ranked("anything", passages, hits, {}, ALONE, most=3)] == ["other", "one"]


def test_a_question_with_a_year_may_mean_the_older_one() -> None:
    assert order(*_versions(), question="How many days from home in 2021?") == ["old", "other"]


def test_repetitions_within_a_document_are_left() -> None:
    passages = [passage("one", TEXT, page=1), passage("two", TEXT, page=2)]
    assert order(passages, [hit("one", 0.8, None), hit("two", 0.7, None)]) == ["one", "two"]


def test_each_search_keeps_its_best_with_what_the_other_tells_of_them() -> None:
    hits = [hit("near", 0.9, 1.0), hit("nearer", 0.8, None), hit("far", 0.2, 9.0), hit("neither", 0.3, 0.5)]
    assert shortlist(hits, 1) == [hits[0], hits[2]]
    assert shortlist(hits, 2) == hits[:3]


def test_words_that_single_one_passage_out_tell_more_than_words_of_many() -> None:
    hits = [hit("said", 0.2, 10.0), hit("near", 0.9, 1.0), *(hit(f"other {n}", 0.3, 1.0) for n in range(12))]
    passages = [passage(h.chunk_id) for h in hits]
    alone = fused(passages, hits, Design(meaning=0.5))
    hits[2:] = [replace(h, sparse=9.5) for h in hits[2:]]
    crowded = fused(passages, hits, Design(meaning=0.5))
    assert alone["said"] > alone["near"]
    assert crowded["said"] < crowded["near"]


def test_the_same_quarter_is_named_more_fully_than_another_of_the_year() -> None:
    reports = [
        passage("q2", document="q2", title="Acme results", about=About("Acme", "second quarter of 2023")),
        passage("q3", document="q3", title="Acme results", about=About("Acme", "third quarter of 2023")),
        passage("year", document="year", title="Acme results", about=About("Acme", "2022")),
    ]
    named = naming("What did Acme earn in the third quarter of 2023?", reports)
    assert named["q3"] > named["q2"] > named["year"] > 0


@pytest.mark.parametrize(
    "time", ["the quarter ended July 1, 2023", "the three months to July 2023", "the quarter to 1. Juli 2023"]
)
def test_of_a_series_the_report_whose_period_ends_in_the_month_that_is_named(time: str) -> None:
    periods = {"spring": "quarter ended April 1, 2023", "summer": "quarter ended July 1, 2023", "year": "fiscal 2023"}
    reports = [
        passage(name, document=name, title="Acme report", about=About("Acme", text)) for name, text in periods.items()
    ]
    named = naming(f"What did Acme earn in {time}?", reports)
    assert named["summer"] > named["year"] > named["spring"] + 0.2


def test_a_passage_that_speaks_of_what_is_asked_is_lifted_above_those_that_repeat_the_documents_title() -> None:
    title = {"title": "Pilonidal sinus study"}
    passages = [
        passage("about", "This pilonidal sinus study compares two operations on the pilonidal sinus.", **title),
        passage("visits", "Patients return to the outpatient clinic every week.", **title),
        passage("often", "The patients gave consent, which the clinic keeps.", **title),
    ]
    question = "How often do pilonidal sinus patients return to the outpatient clinic?"
    found = speaking(question, passages)
    assert found["visits"] > found["often"] > found["about"] == 0
    assert found["visits"] == 1
    hits = [hit(p.chunk_id, 0.6, 9.0 - n) for n, p in enumerate(passages)]
    assert order(passages, hits, ALONE, question)[0] == "about"
    assert order(passages, hits, replace(ALONE, speaking=0.5), question)[0] == "visits"


def test_meaning_counts_less_where_the_model_does_not_know_the_words() -> None:
    design = Design(meaning=0.7, parts=0.5, votes=0.2, words=0.1, strange=0.5)
    assert design.trusting(1.0) == design
    strange = design.trusting(0.0)
    assert (strange.meaning, strange.parts, strange.votes) == (0.35, 0.25, 0.1)
    assert (strange.words, strange.names) == (design.words, design.names)
