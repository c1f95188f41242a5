"""The modes on the real path: rows, index, permissions; models that say what they are told."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from app.answers import Answers
from app.assignment import Assignment
from app.assistant import respond
from app.budget import Budget
from app.cells import grids
from app.chat import NOT_FOUND
from app.compare import _Field, _own_column, _own_row, _Side
from app.events import Ended, Retrieved, Step, Wrote
from app.extract import Extractive
from app.footnotes import Footnotes
from app.llm import LLM, Reading
from app.prompt import Prompt
from storage.conversations import Conversations
from storage.errors import NotFound, Unavailable
from storage.types import MessageState, Mode, Passage, PassageRow, PassageTable, Principal, Readers, Role, Scope
from tests.conftest import ADA
from tests.shelf import Shelf
from tests.talking import until, until_done

TRAVEL = [
    "The travel policy sets out how staff of the company book their trips and hotels. Trains come before planes.\n---\n"
    "Staff book trips in the portal of the company at least ten days before the trip begins.",
    "Hotels cost at most 120 euros a night in all cities of the country. The policy on hotels holds for all staff.",
]
OSTROW = (
    'This contract is made between Kaltenbrook Ltd (the "Buyer") and Ostrow Metal Ltd (the "Supplier").\n---\n'
    "Invoices are payable within 30 days of receipt. Each party may end it with 6 months' notice."
)
KERBER = (
    'This contract is made between Kaltenbrook Ltd (the "Buyer") and Kerber Guss AG (the "Supplier").\n---\n'
    "Invoices are payable within 60 days of receipt. Delivery takes place in Porto."
)
TOM = Principal("tom", "tom", Role.MEMBER)


class Repeating:
    """Says the next of its texts for each prompt, and the last one again and again."""

    name = "repeating"

    def __init__(self, *texts: str, cancel_after: int = 0) -> None:
        self.texts, self.cancel_after = texts, cancel_after
        self.prompts: list[Prompt] = []

    def stream(self, prompt: Prompt, cancel: threading.Event) -> Iterator[str | Reading]:
        self.prompts.append(prompt)
        yield Reading(0, 1, 2)
        yield from re.split(r"(?<= )", self.texts[min(len(self.prompts), len(self.texts)) - 1])
        if len(self.prompts) == self.cancel_after:
            cancel.set()


class Away:
    name = "away"

    def stream(self, prompt: Prompt, cancel: threading.Event) -> Iterator[str | Reading]:
        raise Unavailable("models", "The model is away.")
        yield


def ask(
    shelf: Shelf,
    question: str,
    llm: LLM | None = None,
    *,
    mode: Mode | None = None,
    scope: Scope | None = None,
    principal: Principal = TOM,
    source_tokens: int = 2200,
) -> tuple[list[object], Ended]:
    asked = Assignment(
        question=question,
        principal=principal,
        retriever=shelf.retriever,
        llm=llm or Extractive(shelf.embedder),
        cancel=threading.Event(),
        scope=scope or Scope(),
        budget=Budget(source_tokens=source_tokens),
    )
    events = list(respond(asked, mode))
    assert isinstance(events[-1], Ended)
    return list(events), events[-1]


def check(ended: Ended) -> None:
    """Every footnote has its citation and every citation its footnote, each with the exact words."""
    marks = {int(n) for n in re.findall(r"(?<!\\)\[(\d+)\]", ended.text)}
    assert marks == {citation.n for citation in ended.citations}


def table(ended: Ended) -> list[list[str]]:
    check(ended)
    (grid,) = grids(ended.text)
    return [list(grid.header), *[[cell.text for cell in row] for row in grid.rows]]


class TestSummary:
    def test_it_is_made_of_the_document_s_own_sentences_each_cited(self, shelf: Shelf) -> None:
        shelf.add("Travel policy", TRAVEL, heading="Trips")
        shelf.add("Other", "Nothing of this has anything to do with it in any way.")
        events, ended = ask(shelf, "Summarise the travel policy")
        check(ended)
        lines = [line for line in ended.text.splitlines() if line.startswith("- ")]
        assert len(lines) >= 3
        whole = "\n".join(TRAVEL)
        assert all(citation.text in whole for citation in ended.citations)
        assert {f"- {c.text} [{c.n}]" for c in ended.citations} == set(lines)
        assert (ended.state, ended.model) == (MessageState.DONE, "extractive")
        assert isinstance(events[0], Retrieved)
        assert all(event.verbatim for event in events if isinstance(event, Wrote))
        assert ask(shelf, "Summarise the travel policy")[1].text == ended.text

    def test_sections_stand_under_the_document_s_headings(self, shelf: Shelf) -> None:
        shelf.add(
            "Rules", ["Staff wear their badge on all floors of the building every day."], heading="Rules > 1 Badge"
        )
        one = shelf.documents.read(shelf.documents.catalogue(ADA)[0].id, ADA)
        assert one[0].heading == "Rules > 1 Badge"
        assert "[1]" in ask(shelf, "Summarise the rules")[1].text

    def test_several_that_could_be_meant_are_offered_and_none_that_may_not_be_read(self, shelf: Shelf) -> None:
        shelf.add("Travel policy 2025", TRAVEL)
        shelf.add("Travel policy 2026", TRAVEL)
        shelf.add("Travel policy of the board", TRAVEL, Readers())
        _, ended = ask(shelf, "Summarise the travel policy")
        assert "Which document" in ended.text
        assert ("2025" in ended.text, "2026" in ended.text, "board" in ended.text) == (True, True, False)
        check(ended)
        assert "Which document" not in ask(shelf, "Summarise the travel policy 2026")[1].text

    def test_the_filters_say_which_document(self, shelf: Shelf) -> None:
        kept = shelf.add("Travel policy 2025", TRAVEL)
        shelf.add("Travel policy 2026", TRAVEL)
        _, ended = ask(shelf, "Summarise this", scope=Scope(documents=frozenset({kept.id})))
        assert {citation.document_id for citation in ended.citations} == {kept.id}

    def test_a_topic_that_is_no_document_is_answered_unless_the_mode_was_picked(self, shelf: Shelf) -> None:
        shelf.add("Travel policy", TRAVEL)
        shelf.add("Other", "Nothing of this has anything to do with it in any way.")
        question = "Summarise what staff of the company pay for hotels"
        assert "Which document" not in ask(shelf, question)[1].text
        assert "Which document" in ask(shelf, question, mode=Mode.SUMMARY)[1].text

    def test_who_may_read_nothing_is_told_no_name(self, shelf: Shelf) -> None:
        shelf.add("Travel policy", TRAVEL, Readers())
        _, ended = ask(shelf, "Summarise the travel policy", mode=Mode.SUMMARY)
        assert "Travel policy" not in ended.text
        assert ended.citations == ()

    def test_a_model_reads_all_parts_and_its_summary_cites_what_the_notes_rest_on(self, shelf: Shelf) -> None:
        rule = (
            "Rule {0}: the staff of site {0} leave at {0} o'clock in the afternoon of all days but holidays each year."
        )
        shelf.add("Hours", [f"{rule.format(n)} It is written down at the gate of the site." for n in range(1, 6)])
        notes = [f"Site {n} leaves at {n} o'clock [1]." for n in range(1, 6)]
        model = Repeating(*notes, "All sites leave in the afternoon, site 2 at 2 o'clock [2].")
        events, ended = ask(shelf, "Summarise the hours", model, source_tokens=60)
        check(ended)
        steps = [event for event in events if isinstance(event, Step)]
        assert [(step.done, step.total) for step in steps] == [(n, 5) for n in range(6)]
        assert [len(prompt.passages) for prompt in model.prompts[:5]] == [1] * 5
        led, below = ended.text.split("\n\n", 1)
        assert led.startswith("All sites leave")
        cited = {citation.n: citation for citation in ended.citations}
        assert cited[int(re.findall(r"\[(\d+)\]", led)[0])].page == 2
        assert [cited[int(n)].page for n in re.findall(r"\[(\d+)\]", below)] == [1, 2, 3, 4, 5]
        assert not any(event.verbatim for event in events if isinstance(event, Wrote))

    def test_stop_between_two_steps_keeps_what_was_written(self, shelf: Shelf) -> None:
        shelf.add("Hours", [f"Rule {n}: the staff of site {n} leave at {n} o'clock each day." for n in range(1, 6)])
        model = Repeating("Site 1 leaves [1].", "Site 2 leaves [1].", cancel_after=2)
        _, ended = ask(shelf, "Summarise the hours", model, source_tokens=30)
        assert (ended.state, len(model.prompts)) == (MessageState.STOPPED, 2)
        assert "Site 2 leaves" in ended.text
        check(ended)

    def test_a_document_that_goes_meanwhile_stops_it(
        self, shelf: Shelf, conversations: Conversations, tom: Principal
    ) -> None:
        kept = shelf.add("Hours", [f"Rule {n}: the staff of site {n} leave at {n} o'clock." for n in range(1, 30)])

        class Slow(Repeating):
            def stream(self, prompt: Prompt, cancel: threading.Event) -> Iterator[str | Reading]:
                yield from super().stream(prompt, cancel)
                cancel.wait(0.3)

        answers = Answers(conversations, shelf.retriever, Slow("A secret hour [1]."), budget=Budget(source_tokens=30))
        generation = answers.ask(conversations.create("Hours", tom).id, "Summarise the hours", tom)
        until(generation, "secret")
        shelf.documents.begin_delete(kept.id, ADA)
        assert until_done(generation).text == ""
        message = conversations.message(generation.message_id, tom)
        assert (message.text, message.state, message.citations) == ("", MessageState.WITHDRAWN, ())
        answers.close()


class TestComparison:
    def test_what_no_document_names_has_no_cell_of_another(self, shelf: Shelf) -> None:
        shelf.add("KX-200 pump manual", "The pressure of the KX-200 is at most 16 bar. The flow of the KX-200 is 34 l.")
        shelf.add("KX-400 pump manual", "The pressure of the KX-400 is at most 25 bar. The flow of the KX-400 is 90 l.")
        _, ended = ask(shelf, "Compare the KX-200 and the P-300 by pressure", mode=Mode.COMPARISON)
        _, known, unknown = table(ended)
        assert "16 bar" in known[1]
        assert unknown[0] == "P-300"
        assert not re.search(r"\d", unknown[1])

    def test_each_cell_holds_the_words_of_its_own_document(self, shelf: Shelf) -> None:
        shelf.add("Contract Ostrow", OSTROW)
        shelf.add("Contract Kerber", KERBER)
        events, ended = ask(shelf, "Compare the contract Ostrow and the contract Kerber on invoices and notice")
        head, first, second = table(ended)
        assert head == ["", "Invoices", "Notice"]
        assert (first[0], second[0]) == ("Contract Ostrow", "Contract Kerber")
        assert ("within 30 days" in first[1], "within 60 days" in second[1]) == (True, True)
        assert ("6 months" in first[2], "months" in second[2]) == (True, False)
        assert [e.done for e in events if isinstance(e, Step)] == [0, 1, 2, 3]

    def test_a_model_writes_the_cells_and_one_without_a_footnote_is_the_documents_words(self, shelf: Shelf) -> None:
        shelf.add("Contract Ostrow", OSTROW)
        shelf.add("Contract Kerber", KERBER)
        model = Repeating("It is payable within 30 days [1][2].", "I think it is never payable.")
        _, ended = ask(shelf, "Compare the contract Ostrow and the contract Kerber on invoices", model)
        _, first, second = table(ended)
        assert first[1].startswith("It is payable within 30 days")
        assert "60 days" in second[1]
        assert {p.title for p in model.prompts[1].passages} == {"Contract Kerber"}

    def test_the_row_that_is_labelled_with_the_thing_goes_first(self) -> None:
        text = "Set for P-65 168 P-65 3,940"
        rows = (PassageRow(0, 16, ("Set for P-65", "168")), PassageRow(17, 27, ("P-65", "3,940")))
        table = PassageTable(0, len(text), ("Pump", "Price EUR"), rows)
        passage = Passage("c", "d", "v", "List", "l.pdf", 1, 0, len(text), "", text, tables=(table,))
        told = replace(passage, tables=(replace(table, header=("Pump", "Price"), caption="Prices in EUR"),))
        field, footnotes = _Field("price", (told,)), Footnotes()
        assert _own_row(_Side("p-65"), "price", field, footnotes) == "Price (in EUR): 3,940 [1]"
        field, footnotes = _Field("price", (passage,)), Footnotes()
        assert _own_row(_Side("p-65"), "price", field, footnotes) == "Price EUR: 3,940 [1]"
        assert footnotes.citations[0].text == "P-65 3,940"
        assert _own_row(_Side("P-65"), "weight", field, footnotes) == ""
        assert _own_row(_Side("P-80"), "price", field, footnotes) == ""

    def test_a_column_that_is_called_like_the_thing_gives_its_cells(self) -> None:
        text = "Up to 2 years | 6 weeks | 30 days\nMore | 4 months | 75 days"
        rows = (
            PassageRow(0, 33, ("Up to 2 years", "6 weeks", "30 days")),
            PassageRow(34, len(text), ("More", "4 months", "75 days")),
        )
        table = PassageTable(0, len(text), ("Length of service", "Germany", "Portugal"), rows, "Notice periods")
        passage = Passage("c", "d", "v", "Handbook", "h", 1, 0, len(text), "", text, 1.0, tables=(table,))
        field, footnotes = _Field("notice period Portugal", (passage,)), Footnotes()
        cell = _own_column(_Side("portugal"), "notice period", field, footnotes)
        assert cell == "Up to 2 years: 30 days [1] · More: 75 days [2]"
        assert [text[one.start : one.end] for one in footnotes.citations] == text.split("\n")
        assert _own_column(_Side("portugal"), "price", field, footnotes) == ""
        assert _own_column(_Side("Spain"), "notice period", field, footnotes) == ""

    def test_a_title_with_an_and_is_one_side(self, shelf: Shelf) -> None:
        shelf.add("Leave and travel policy", TRAVEL)
        shelf.add("Security policy", "Passwords of the staff are kept in the safe of the company at all times.")
        _, ended = ask(shelf, "Compare the leave and travel policy and the security policy")
        assert [row[0] for row in table(ended)[1:]] == ["Leave and travel policy", "Security policy"]

    def test_nothing_to_be_found_is_said_as_for_any_question(self, shelf: Shelf) -> None:
        shelf.add("Board", OSTROW, Readers())
        assert ask(shelf, "Compare Ostrow and Kerber on invoices")[1].text == NOT_FOUND


class TestFields:
    QUESTION = "Extract supplier, notice period and payment term from all contracts"

    def test_values_stand_in_a_row_for_each_document_and_what_it_does_not_say_is_empty(self, shelf: Shelf) -> None:
        shelf.add("Contract Ostrow", OSTROW)
        shelf.add("Contract Kerber", KERBER)
        shelf.add("Travel policy", TRAVEL)
        events, ended = ask(shelf, self.QUESTION)
        assert table(ended) == [
            ["Document", "Supplier", "Notice period", "Payment term"],
            ["Contract Kerber", "Kerber Guss AG", "", "60 days"],
            ["Contract Ostrow", "Ostrow Metal Ltd", "6 months", "30 days"],
        ]
        assert [(e.done, e.total) for e in events if isinstance(e, Step)] == [(0, 2), (1, 2)]

    def test_only_documents_that_may_be_read_and_are_in_scope_have_rows(self, shelf: Shelf) -> None:
        one = shelf.add("Contract Ostrow", OSTROW)
        shelf.add("Contract Kerber", KERBER, Readers())
        shelf.add("Contract Lima", KERBER)
        assert [row[0] for row in table(ask(shelf, self.QUESTION)[1])[1:]] == ["Contract Lima", "Contract Ostrow"]
        _, ended = ask(shelf, self.QUESTION, scope=Scope(documents=frozenset({one.id})))
        assert [row[0] for row in table(ended)[1:]] == ["Contract Ostrow"]

    def test_a_document_that_says_nothing_has_a_footnote_all_the_same(self, shelf: Shelf) -> None:
        """Else its name would stay in an answer whose reader may no longer read it."""
        shelf.add("Contract Ostrow", OSTROW)
        empty = shelf.add("Contract in words", "It is agreed that all will be well.")
        _, ended = ask(shelf, self.QUESTION)
        assert empty.id in {citation.document_id for citation in ended.citations}
        check(ended)

    def test_a_model_s_value_is_taken_only_where_its_passage_holds_it(self, shelf: Shelf) -> None:
        shelf.add("Contract Ostrow", OSTROW)
        model = Repeating(
            "Supplier: Globex Inc. [1]\nNotice period: 9 months [1]\nPayment term: within 30 days of receipt [1]"
        )
        _, ended = ask(shelf, self.QUESTION, model)
        (row,) = table(ended)[1:]
        assert (row[1], row[2]) == ("Ostrow Metal Ltd", "6 months")
        assert row[3] in ("within 30 days of receipt", "30 days")
        assert "Globex" not in ended.text

    def test_picked_fields_need_no_verb(self, shelf: Shelf) -> None:
        shelf.add("Contract Ostrow", OSTROW)
        _, ended = ask(shelf, "supplier, notice period", mode=Mode.FIELDS)
        assert table(ended)[0] == ["Document", "Supplier", "Notice period"]

    def test_stop_keeps_the_rows_so_far(self, shelf: Shelf) -> None:
        for n in range(4):
            shelf.add(f"Contract {n}", OSTROW)
        _, ended = ask(shelf, self.QUESTION, Repeating("Supplier: - ", cancel_after=2))
        assert ended.state is MessageState.STOPPED
        assert len(table(ended)) < 5

    def test_hostile_names_stay_letters(self, shelf: Shelf) -> None:
        shelf.add("Contract <b>|x|</b> [3] `y`", OSTROW)
        assert table(ask(shelf, self.QUESTION)[1])[1][0] == "Contract <b>|x|</b> [3] `y`"


class TestDraft:
    QUESTION = "Draft an e-mail to new staff about hotels and trips of the company"

    def test_without_a_model_it_is_a_frame_around_the_rules(self, shelf: Shelf) -> None:
        shelf.add("Travel policy", TRAVEL)
        _, ended = ask(shelf, self.QUESTION)
        check(ended)
        assert "**Subject:** Hotels and trips of the company" in ended.text
        assert ended.text.rstrip().endswith("Kind regards\n\n…")
        assert ended.citations

    def test_with_a_model_it_is_its_text_with_footnotes(self, shelf: Shelf) -> None:
        shelf.add("Travel policy", TRAVEL)
        model = Repeating("Dear all,\n\nHotels cost at most 120 euros a night [1].\n\nKind regards")
        _, ended = ask(shelf, self.QUESTION, model)
        assert ended.text.startswith("Dear all,")
        check(ended)
        assert "draft" in model.prompts[0].system

    def test_what_the_documents_do_not_say_is_not_drafted(self, shelf: Shelf) -> None:
        shelf.add("Travel policy", TRAVEL)
        _, ended = ask(shelf, "Write an e-mail about football championships")
        assert ended.text.startswith(NOT_FOUND)


@pytest.mark.parametrize(
    "question",
    [
        "Summarise the contract Ostrow",
        "Compare the contract Ostrow and the contract Kerber on invoices",
        "Extract supplier from all contracts",
        "Draft an e-mail about invoices payable within days of receipt",
    ],
)
def test_a_model_that_is_away_is_stood_in_for(shelf: Shelf, question: str) -> None:
    shelf.add("Contract Ostrow", OSTROW)
    shelf.add("Contract Kerber", KERBER)
    events, ended = ask(shelf, question, Away())
    assert (ended.model, bool(ended.citations)) == ("extractive", True)
    notices: Sequence[str] = [event.notice for event in events if isinstance(event, Retrieved)]
    assert any("The model is away." in notice for notice in notices)


def test_a_document_is_read_whole_by_who_may_read_it_and_by_nobody_else(shelf: Shelf) -> None:
    kept = shelf.add("Board", TRAVEL, Readers())
    passages = shelf.documents.read(kept.id, ADA)
    assert [passage.page for passage in passages] == [1, 1, 2]
    assert all(passage.parts is not None for passage in passages)
    for unread in (kept.id, "0" * 32):
        with pytest.raises(NotFound):
            shelf.documents.read(unread, TOM)


def test_the_mode_that_was_picked_goes_before_the_words(
    shelf: Shelf, conversations: Conversations, tom: Principal
) -> None:
    shelf.add("Contract Ostrow", OSTROW)
    answers = Answers(conversations, shelf.retriever, Extractive(shelf.embedder))
    chat = conversations.create("Contracts", tom)
    until_done(answers.ask(chat.id, "Extract supplier from all contracts", tom))
    until_done(answers.ask(chat.id, "Extract supplier from all contracts", tom, mode=Mode.ANSWER))
    kept = [message.text for message in conversations.messages(chat.id, tom) if message.role == "assistant"]
    assert [bool(grids(text)) for text in kept] == [True, False]
    answers.close()
