"""Rankings against needs: hand-computed values, and the same by the library and without it."""

from __future__ import annotations

import builtins
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.evaluation import ranking
from app.evaluation.outcomes import Outcome, Ranked
from app.evaluation.questions import Place, Question
from app.evaluation.ranking import Judged, document_needs, judge, measure, needs


def outcome(question: Question, *places: tuple[str, int]) -> Outcome:
    ranked = [
        Ranked(
            document=name, document_id=name, version_id=name, page=page, start=0, end=1, chunk=str(i), score=1 - i / 9
        )
        for i, (name, page) in enumerate(places)
    ]
    return Outcome(question=question, ranked=tuple(ranked))


def asked(*pages: tuple[str, int], also: tuple[tuple[str, int], ...] = (), documents: tuple[str, ...] = ()) -> Question:
    names = documents or tuple(dict.fromkeys(name for name, _ in pages))
    places = tuple(Place(*page) for page in pages)
    return Question(id="1", text="?", documents=names, pages=places, also=tuple(Place(*one) for one in also))


def test_a_stand_in_is_one_for_the_page_of_its_own_document() -> None:
    comparison = asked(("a", 1), ("b", 2), also=(("a", 7), ("b", 8)))
    assert needs(comparison) == (frozenset({Place("a", 1), Place("a", 7)}), frozenset({Place("b", 2), Place("b", 8)}))


def test_with_two_pages_of_one_document_it_is_one_for_the_last() -> None:
    assert needs(asked(("a", 1), ("a", 2), also=(("a", 9),))) == (
        frozenset({Place("a", 1)}),
        frozenset({Place("a", 2), Place("a", 9)}),
    )


def test_a_whole_document_may_stand_in() -> None:
    question = Question(id="1", text="?", documents=("a.md",), also=(Place("b.md"),))
    assert needs(question) == ()
    assert document_needs(question) == (frozenset({Place("a.md"), Place("b.md")}),)
    assert document_needs(asked(("a", 1), also=(("a", 2),))) == (frozenset({Place("a")}),)


def test_passages_of_one_page_count_once_in_order_of_the_first() -> None:
    found = outcome(asked(("a", 1)), ("b", 1), ("a", 2), ("b", 1), ("a", 1), ("a", 2))
    assert ranking.pages(found) == [Place("b", 1), Place("a", 2), Place("a", 1)]
    assert ranking.documents(found) == [Place("b"), Place("a")]


def test_only_the_first_page_that_meets_a_need_is_its_hit() -> None:
    wanted = needs(asked(("a", 1), ("b", 2), also=(("a", 7),)))
    ranked = [Place("x", 1), Place("a", 7), Place("a", 1), Place("b", 2)]
    assert judge(ranked, wanted) == Judged((None, 0, None, 1), 2)


def test_recall_reciprocal_rank_and_ndcg_of_a_ranking_computed_by_hand() -> None:
    values = measure({"q": Judged((None, 0, None, None, None, 1), 2)})["q"]
    assert values["recall@1"] == 0
    assert values["recall@5"] == 0.5
    assert values["recall@10"] == values["recall@20"] == 1
    assert values["mrr"] == 0.5
    gained, ideal = 1 / math.log2(3) + 1 / math.log2(7), 1 + 1 / math.log2(3)
    assert values["ndcg@10"] == pytest.approx(gained / ideal, abs=1e-6)


def test_a_ranking_without_hits_or_places_is_worth_nothing() -> None:
    values = measure({"none": Judged((None, None), 1), "empty": Judged((), 1), "first": Judged((0,), 1)})
    assert set(values["none"].values()) == set(values["empty"].values()) == {0.0}
    assert set(values["first"].values()) == {1.0}


def test_questions_without_known_places_are_not_judged() -> None:
    assert ranking.of_pages(outcome(Question(id="1", text="?", documents=("a",)), ("a", 1))) is None
    assert ranking.of_documents(outcome(Question(id="1", text="?"), ("a", 1))) is None


@st.composite
def rankings(draw: st.DrawFn) -> Judged:
    number = draw(st.integers(1, 4))
    met = draw(st.lists(st.sampled_from(range(number)), unique=True))
    missed = draw(st.integers(0, 25))
    return Judged(tuple(draw(st.permutations([*met, *[None] * missed]))), number)


@settings(deadline=None, max_examples=40)
@given(st.lists(rankings(), min_size=1, max_size=5))
def test_without_the_library_the_values_are_the_same(judged: list[Judged]) -> None:
    keyed = {str(place): one for place, one in enumerate(judged)}
    by_library = measure(keyed, ranking.CURVE)
    for key, one in keyed.items():
        assert ranking._by_hand(one, ranking.CURVE) == pytest.approx(by_library[key], abs=1e-6)


def test_where_the_library_can_not_be_installed_values_are_computed_here(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any, **named: Any) -> Any:
        if name == "ir_measures":
            raise ImportError(name)
        return real(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    monkeypatch.setattr(ranking, "_by_library", None)
    assert measure({"q": Judged((None, 0), 1)})["q"]["mrr"] == 0.5
