from __future__ import annotations

import threading

import pytest

from app.assignment import Assignment
from app.chat import NOT_FOUND, NOT_FOUND_GERMAN, answer, search
from app.confidence import LEAST, SURE, warning
from app.events import Ended, Retrieved, Wrote
from app.extract import Extractive
from app.llm import LLM, Reading
from app.prompt import Turn
from app.retrieve import Retriever
from app.rewrite import Asked
from storage.errors import Unavailable
from storage.types import MessageState, Principal, Readers
from tests.conftest import ADA
from tests.shelf import Shelf
from tests.talking import LEAVE, QUESTION, QUOTED, ScriptedModel, Sure, run


def assignment(
    retriever: Retriever, llm: LLM, principal: Principal = ADA, *, cancel: threading.Event | None = None
) -> Assignment:
    return Assignment(
        question=QUESTION,
        principal=principal,
        retriever=retriever,
        llm=llm,
        cancel=cancel or threading.Event(),
    )


class TestAnswer:
    def test_the_evidence_comes_before_the_model_is_asked(self, shelf: Shelf) -> None:
        shelf.add("Handbook", LEAVE)
        model = ScriptedModel(Reading(0, 1, 2), QUOTED)
        events = answer(assignment(shelf.retriever, model))
        first = next(events)
        assert isinstance(first, Retrieved)
        assert first.passages[0].text == LEAVE
        assert model.prompts == []
        assert next(events) == Reading(0, 1, 2)

    def test_the_model_s_numbers_become_footnotes(self, shelf: Shelf) -> None:
        shelf.add("Handbook", LEAVE)
        *_, wrote, ended = run(shelf, ScriptedModel("Full-time staff have 30 days", " of annual leave. [", "1] [9]"))
        assert isinstance(ended, Ended)
        assert (ended.text, ended.state, ended.model) == (QUOTED, MessageState.DONE, "scripted")
        assert [citation.text for citation in ended.citations] == ["Full-time staff have 30 days of annual leave."]
        assert wrote == Wrote(ended.text, ended.citations, verbatim=False)
        assert 0 < (ended.first_evidence or 0) <= ended.seconds

    def test_a_follow_up_is_searched_and_answered_as_it_is_meant(self, shelf: Shelf) -> None:
        shelf.add("Handbook", [LEAVE, "Interns on the staff have 12 days of annual leave."])
        model = ScriptedModel("12 [1]")
        earlier = [Turn("user", "How many days of annual leave do staff have?"), Turn("assistant", "30")]
        events = run(shelf, model, question="And interns?", history=earlier)
        first = events[0]
        assert isinstance(first, Retrieved)
        assert first.asked is not None
        meant = "How many days of annual leave do staff have interns?"
        assert (first.asked.text, model.prompts[0].asked) == (meant, meant)
        assert (model.prompts[0].question, first.asked.seconds) == ("And interns?", 0)
        assert first.passages[0].text.startswith("Interns")

    def test_a_comparison_is_as_sure_as_its_worst_side_or_the_whole(self, shelf: Shelf) -> None:
        shelf.add("Acme", "Acme had 42 shops in 2022.")
        shelf.add("Globex", "Globex had 61 shops in 2022.")
        parts = ("shops of Acme in 2022", "shops of Globex in 2022")
        alone = [shelf.retriever.retrieve(part, ADA).confidence for part in parts]
        strange = "Juxtapose Zarquon thermodynamics"
        assert shelf.retriever.retrieve(strange, ADA).confidence < min(alone)
        assert search(Asked(strange, (strange, *parts)), ADA, shelf.retriever).confidence == min(alone)
        whole = search(Asked(parts[0], (parts[0], strange)), ADA, shelf.retriever)
        assert whole.confidence == alone[0]

    def test_a_comparison_brings_the_passages_of_both_sides_first(self, shelf: Shelf) -> None:
        for name in ("Acme", "Globex", "Initech"):
            shelf.add(
                f"{name} report", [f"{name} pays a dividend of {len(name)} euros.", f"{name} has staff in Europe."]
            )
        shelf.add("Notes", "Dividend policies differ and policies of dividends differ, dividend by dividend.")
        first = run(shelf, ScriptedModel("x"), question="How do the dividend of Acme and Globex differ?")[0]
        assert isinstance(first, Retrieved)
        assert first.asked is not None
        assert len(first.asked.queries) == 3
        assert {"Acme report", "Globex report"} <= {passage.title for passage in first.passages[:3]}
        assert len({passage.chunk_id for passage in first.passages}) == len(first.passages)

    def test_without_a_model_the_documents_answer_in_their_own_words(self, shelf: Shelf) -> None:
        shelf.add("Handbook", LEAVE)
        ended = run(shelf, Extractive(shelf.embedder))[-1]
        assert isinstance(ended, Ended)
        assert (ended.text.startswith(QUOTED), ended.model) == (True, "extractive")

    @pytest.mark.parametrize(
        ("question", "refusal"),
        [("Who won the football championship?", NOT_FOUND), ("Wer hat die Meisterschaft gewonnen?", NOT_FOUND_GERMAN)],
    )
    def test_nothing_found_is_said_with_what_was_looked_at(self, shelf: Shelf, question: str, refusal: str) -> None:
        kept = shelf.add("*Handbook*", LEAVE, heading="Leave")
        *_, wrote, ended = run(shelf, Extractive(shelf.embedder), question=question)
        assert isinstance(wrote, Wrote)
        assert isinstance(ended, Ended)
        assert ended.text.startswith(refusal)
        assert ended.text.endswith(r"- \*Handbook\*, Leave [1]")
        assert (ended.state, wrote.verbatim) == (MessageState.DONE, True)
        assert [citation.document_id for citation in wrote.citations] == [kept.id]

    def test_a_refusal_names_few_pages_and_each_once(self, shelf: Shelf) -> None:
        for n in range(5):
            shelf.add(f"Handbook {n}", [f"Rule {n}x{m} stands here.\n---\nAnother {m}y{n}." for m in range(3)])
        ended = run(shelf, Extractive(shelf.embedder), question="Who won the football championship?")[-1]
        assert isinstance(ended, Ended)
        assert ended.text.count("\n- ") == 3
        assert len({(c.document_id, c.page) for c in ended.citations}) == len(ended.citations) == 3

    def test_no_model_is_asked_where_nothing_fits_and_its_answer_comes_with_a_warning_where_little_does(
        self, shelf: Shelf, tom: Principal
    ) -> None:
        shelf.add("Handbook", LEAVE)
        for likely, asked, begins in ((0.0, 0, NOT_FOUND), (LEAST, 1, warning(QUESTION)), (SURE, 1, "It is so")):
            model = ScriptedModel("It is so [1].")
            events = list(answer(assignment(Sure(shelf, likely), model, tom)))
            ended = events[-1]
            assert isinstance(ended, Ended)
            assert (len(model.prompts), ended.text.startswith(begins)) == (asked, True)

    def test_without_a_model_the_statements_decide_however_sure_the_search_is(
        self, shelf: Shelf, tom: Principal
    ) -> None:
        shelf.add("Handbook", LEAVE)
        for likely in (0.0, SURE):
            ended = list(answer(assignment(Sure(shelf, likely), Extractive(shelf.embedder), tom)))[-1]
            assert isinstance(ended, Ended)
            assert ended.text.startswith(QUOTED)

    def test_without_any_passage_no_model_is_asked(self, shelf: Shelf) -> None:
        shelf.add("Board", LEAVE, Readers())
        model = ScriptedModel("invented")
        ended = run(shelf, model)[-1]
        assert isinstance(ended, Ended)
        assert (ended.text, ended.first_evidence, model.prompts) == (NOT_FOUND, None, [])

    def test_a_model_that_is_away_is_stood_in_for(self, shelf: Shelf) -> None:
        shelf.add("Handbook", LEAVE)
        events = run(shelf, ScriptedModel(Unavailable("models", "The models process does not answer.")))
        ended = events[-1]
        assert isinstance(ended, Ended)
        assert (ended.text.startswith(QUOTED), ended.model) == (True, "extractive")
        notices = [event.notice for event in events if isinstance(event, Retrieved)]
        assert notices[0] == ""
        assert notices[1].startswith("The models process does not answer. Until then")

    def test_a_model_that_breaks_off_is_not_continued_by_another(self, shelf: Shelf) -> None:
        shelf.add("Handbook", LEAVE)
        with pytest.raises(Unavailable):
            run(shelf, ScriptedModel("Full-time staff", Unavailable("models", "It broke off.")))

    def test_a_cancelled_answer_keeps_what_was_written(self, shelf: Shelf) -> None:
        shelf.add("Handbook", LEAVE)
        cancel = threading.Event()
        model = ScriptedModel("Full-time staff have ", "30 days")
        events = []
        for event in answer(assignment(shelf.retriever, model, cancel=cancel)):
            events.append(event)
            if isinstance(event, Wrote):
                cancel.set()
        ended = events[-1]
        assert isinstance(ended, Ended)
        assert (ended.text, ended.state) == ("Full-time staff have", MessageState.STOPPED)

    def test_the_model_is_given_no_more_than_its_budget_and_numbers_beyond_it_are_dropped(self, shelf: Shelf) -> None:
        for n in range(9):
            shelf.add(f"Handbook {n}", f"{LEAVE} " + " ".join(f"Rule{n}x{m} stands here." for m in range(40)))
        model = ScriptedModel("All of it is so [8].")
        first, *_, ended = run(shelf, model)
        assert isinstance(first, Retrieved)
        assert isinstance(ended, Ended)
        assert 3 <= len(model.prompts[0].passages) < 8
        assert first.passages == model.prompts[0].passages
        assert ended.citations == ()

    def test_the_history_reaches_search_and_model(self, shelf: Shelf) -> None:
        shelf.add("Handbook", LEAVE)
        history = [Turn("user", QUESTION), Turn("assistant", "30 days [1]. " * 500)]
        model = ScriptedModel(QUOTED)
        run(shelf, model, question="until when?", history=history)
        assert shelf.embedder.asked[-1].startswith(QUESTION)
        assert [turn.role for turn in model.prompts[0].history] == ["user", "assistant"]
        assert len(model.prompts[0].history[1].text) <= 1500
