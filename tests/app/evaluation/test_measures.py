"""Scores of single questions, their summary, and two runs compared."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.evaluation.measures import MEASURES, compare, curve, main_measure, risk, scores, summarise, to_dict
from app.evaluation.outcomes import Outcome
from app.evaluation.questions import Place, Question
from tests.app.evaluation.runs import REFUSAL, answer, found, ranked, run, unanswerable


def score(outcome: Outcome) -> dict[str, float]:
    return scores([outcome])[0]


def test_a_page_in_second_place_scores_as_such() -> None:
    one = score(found("1", ("b", 1), ("b", 1), ("a", 1)))
    assert (one["page_recall@1"], one["page_recall@5"]) == (0, 1)
    assert (one["document_recall@1"], one["right_document_first"]) == (0, 0)
    assert one["mrr"] == 0.5
    assert one["seconds"] == 0.01
    assert "right" not in one  # nothing was answered


def test_the_right_document_comes_first_with_another_page() -> None:
    one = score(found("1", ("a", 7), ("a", 1)))
    assert (one["right_document_first"], one["document_recall@1"], one["page_recall@1"]) == (1, 1, 0)


def test_of_two_documents_one_in_first_place_is_the_right_one() -> None:
    question = Question(id="1", text="?", documents=("a", "b"), pages=(Place("a", 1), Place("b", 1)))
    one = score(Outcome(question=question, ranked=ranked(("b", 1))))
    assert (one["right_document_first"], one["document_recall@1"], one["page_recall@5"]) == (1, 0.5, 0.5)


def test_without_pages_the_documents_are_what_mrr_and_ndcg_look_at() -> None:
    question = Question(id="1", text="?", documents=("a",))
    one = score(Outcome(question=question, ranked=ranked(("b", 1), ("b", 2), ("a", 1))))
    assert one["mrr"] == 0.5
    assert "page_recall@1" not in one


def test_evidence_counts_by_its_ranks() -> None:
    question = Question(id="1", text="?", evidence=("x", "y"), answerable=True)
    one = score(Outcome(question=question, evidence=(1, 7)))
    assert [one[f"evidence_recall@{k}"] for k in (1, 5, 10)] == [0.5, 0.5, 1.0]


def test_a_right_answer_cites_what_is_needed_and_holds_its_figures() -> None:
    outcome = found("1", ("a", 1))
    assert score(replace(outcome, answer=answer()))["right"] == 1
    assert score(replace(outcome, answer=answer("30", ("a", 2))))["right"] == 0
    assert score(replace(outcome, answer=answer(figures=0.5)))["right"] == 0
    assert score(replace(outcome, answer=REFUSAL))["right"] == 0


def test_without_known_places_the_figures_or_the_words_decide() -> None:
    question = Question(id="1", text="?", answers=("the board",), answerable=True)
    near, far = answer(figures=None), replace(answer(figures=None), f1=0.7)
    assert score(Outcome(question=question, answer=near))["right"] == 0
    assert score(Outcome(question=question, answer=far))["right"] == 1
    nothing_known = Outcome(question=replace(question, answers=()), answer=replace(near, f1=None, exact_match=None))
    assert "right" not in score(nothing_known)


def test_citations_are_counted_for_what_was_answered() -> None:
    one = score(replace(found("1"), answer=answer()))
    assert (one["citation_recall"], one["citation_precision"]) == (0.5, 0.75)
    assert "citation_recall" not in score(replace(found("1"), answer=REFUSAL))


def test_refusals_are_right_without_an_answer_and_wrong_with_one() -> None:
    right = score(replace(unanswerable("1"), answer=REFUSAL))
    assert (right["refused_unanswerable"], right["right"]) == (1, 1)
    made_up = score(replace(unanswerable("1"), answer=replace(answer(), hedged=True)))
    assert (made_up["refused_unanswerable"], made_up["right"], made_up["warned_unanswerable"]) == (0, 0, 1)
    wrong = score(replace(found("1"), answer=REFUSAL))
    assert (wrong["refused_answerable"], wrong["right"]) == (1, 0)
    assert "refused_unanswerable" not in wrong


def test_a_question_that_failed_has_found_and_answered_nothing() -> None:
    failed = replace(found("2"), error="The index does not answer.")
    one = scores([replace(found("1", ("a", 1)), answer=answer()), failed])[1]
    assert (one["page_recall@20"], one["right"], one["figures"], one["f1"]) == (0, 0, 0, 0)
    assert "seconds" not in one
    assert summarise(run([found("1"), failed])).failed == 1


def test_a_summary_has_means_with_intervals_overall_and_by_kind() -> None:
    outcomes = [found(str(n), ("a", 1) if n < 6 else ("b", 1), kind="table" if n % 2 else "fact") for n in range(8)]
    summary = summarise(run([*outcomes, unanswerable("9")]))
    recall = summary.overall["page_recall@1"]
    assert (recall.value, recall.n) == (0.75, 8)
    assert recall.low < 0.75 < recall.high
    assert summary.questions == {"fact": 4, "table": 4, "unanswerable": 1}
    assert summary.kinds["table"]["page_recall@1"].n == 4
    assert "page_recall@1" not in summary.kinds["unanswerable"]
    assert summary.overall["seconds_p50"].value == pytest.approx(0.01)
    assert set(summary.overall) <= set(MEASURES)


def test_one_kind_alone_is_not_told_twice() -> None:
    assert summarise(run([found("1")])).kinds == {}


def test_searches_by_words_alone_are_counted() -> None:
    assert summarise(run([replace(found("1"), notice="Searched by words only"), found("2")])).degraded == 1


def test_a_run_compared_with_itself_is_the_same() -> None:
    one = run([replace(found(str(n), ("a", 1)), answer=answer()) for n in range(5)])
    same = compare(one, one)
    assert {difference.p for difference in same.measures.values()} == {1.0}
    assert (same.questions, same.left_out, same.changed) == (5, 0, ())


def test_a_better_run_is_seen_by_the_questions_that_both_have() -> None:
    before = run([found(str(n), ("b", 1)) for n in range(20)])
    after = run([*[found(str(n), ("a", 1)) for n in range(19)], found("new", ("b", 1))])
    gain = compare(before, after)
    assert (gain.questions, gain.left_out, gain.measure) == (19, 2, "page_recall@5")
    assert gain.measures["page_recall@5"].difference == 1
    assert gain.measures["page_recall@5"].p < 0.001
    assert [(question.id, old, new) for question, old, new in gain.changed][:2] == [("0", 0, 1), ("1", 0, 1)]
    assert to_dict(gain)["measures"]["mrr"]["n"] == 19


def test_a_question_in_other_words_is_another_question() -> None:
    one = found("1", ("a", 1))
    other = replace(one, question=replace(one.question, text="Something else?"))
    assert compare(run([one]), run([other])).questions == 0


def test_slower_is_worse_and_more_wrong_refusals_are_too() -> None:
    before = run([replace(found(str(n), seconds=0.01), answer=answer()) for n in range(4)])
    after = run([replace(found(str(n), seconds=0.02), answer=REFUSAL) for n in range(4)])
    measures = compare(before, after).measures
    assert (measures["seconds"].worse, measures["refused_answerable"].worse) == (4, 4)


def test_the_curve_rises_with_the_places_looked_at() -> None:
    lines = curve(run([found("1", ("a", 1)), found("2", ("b", 1), ("b", 2), ("a", 1))]))
    assert set(lines) == {"pages", "documents"}
    pages = {k: figure.value for k, figure in lines["pages"]}
    assert (pages[1], pages[2], pages[3], pages[20]) == (0.5, 0.5, 1.0, 1.0)


def test_risk_without_answers_is_of_what_the_first_pages_hold() -> None:
    outcomes = [found("1", ("a", 1), confidence=0.9), found("2", ("b", 1), confidence=0.6), unanswerable("3")]
    assert [(point.coverage, point.risk) for point in risk(run(outcomes))] == [(1 / 3, 0), (2 / 3, 0.5), (1, 2 / 3)]


def test_risk_with_answers_is_of_the_answers_given() -> None:
    outcomes = [
        replace(found("1", confidence=0.9), answer=answer()),
        replace(found("2", confidence=0.8), answer=answer("x", ("b", 3))),
        replace(unanswerable("3"), answer=REFUSAL),
    ]
    assert [(point.coverage, point.risk) for point in risk(run(outcomes))] == [(1 / 3, 0), (2 / 3, 0.5)]


def test_figures_of_a_run_without_words_are_the_same() -> None:
    full = run([replace(found("1", ("a", 1)), answer=answer()), replace(unanswerable("2"), answer=REFUSAL)])
    assert summarise(full.without_words()) == summarise(full)


def test_the_measure_that_tells_most_depends_on_what_the_set_knows() -> None:
    assert main_measure({"page_recall@5": 1.0, "document_recall@5": 1.0}) == "page_recall@5"
    assert main_measure({"document_recall@5": 1.0, "right": 1.0}) == "document_recall@5"
    assert main_measure({}) == ""
