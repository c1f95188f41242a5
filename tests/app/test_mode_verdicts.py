"""Verdicts on summaries, comparisons, fields and drafts: on the real path, kept with the answer and seen by admins."""

from __future__ import annotations

import threading

import pytest

from app.answers import Answers
from app.assignment import Assignment
from app.assistant import respond
from app.budget import Budget
from app.cells import grids
from app.events import Ended
from app.extract import Extractive
from app.llm import LLM
from app.verify import Check, Unsupported, Verifier
from storage.conversations import Conversations
from storage.database import Database
from storage.records import Records
from storage.types import MessageState, Principal, Readers, Role, Support, Verdict
from tests.app.test_assistant import KERBER, OSTROW, TRAVEL, Repeating, check
from tests.conftest import ADA
from tests.shelf import Shelf
from tests.talking import until_done

TOM = Principal("tom", "tom", Role.MEMBER)
COMPARE = "Compare the contract Ostrow and the contract Kerber on invoices"
EXTRACT = "Extract supplier, notice period and payment term from all contracts"
DRAFT = "Draft an e-mail to new staff about hotels and trips of the company"


def ask(
    shelf: Shelf, question: str, llm: LLM, unsupported: Unsupported = Unsupported.MARK, source_tokens: int = 2200
) -> Ended:
    asked = Assignment(
        question=question,
        principal=TOM,
        retriever=shelf.retriever,
        llm=llm,
        cancel=threading.Event(),
        budget=Budget(source_tokens=source_tokens),
        check=Check(Verifier(lambda: shelf.embedder), unsupported),
    )
    (*_, ended) = respond(asked)
    assert isinstance(ended, Ended)
    check(ended)
    numbers = {citation.n for citation in ended.citations}
    assert all(set(verdict.footnotes) <= numbers for verdict in ended.verdicts)
    return ended


def found(ended: Ended) -> list[tuple[str, Support]]:
    return [(ended.text[one.start : one.end], one.support) for one in ended.verdicts if not one.left_out]


def left_out(ended: Ended) -> list[Verdict]:
    return [verdict for verdict in ended.verdicts if verdict.left_out]


class TestSummary:
    def test_each_sentence_has_its_verdict_with_the_reason(self, shelf: Shelf) -> None:
        shelf.add("Travel policy", TRAVEL)
        model = Repeating("Trains come before planes [1]. Hotels cost at most 210 euros a night [3].")
        ended = ask(shelf, "Summarise the travel policy", model)
        assert found(ended) == [
            ("Trains come before planes [1].", Support.FULL),
            ("Hotels cost at most 210 euros a night [2].", Support.NONE),
        ]
        assert ended.verdicts[1].reason == "The source says 120 euros, not 210 euros."
        assert ended.verdicts[1].footnotes == (2,)

    def test_a_sentence_that_joins_passages_is_held_against_all_that_it_cites(self, shelf: Shelf) -> None:
        shelf.add("Travel policy", TRAVEL)
        joined = (
            "Staff book trips at least ten days before they begin, and hotels cost at most 120 euros a night [2][3]."
        )
        alone = joined.replace("[2]", "")
        assert found(ask(shelf, "Summarise the travel policy", Repeating(joined)))[0][1] is Support.FULL
        assert found(ask(shelf, "Summarise the travel policy", Repeating(alone)))[0][1] is not Support.FULL

    def test_what_leads_is_held_against_all_passages_of_its_notes(self, shelf: Shelf) -> None:
        rule = "Rule {0}: the staff of site {0} leave at {0} o'clock in the afternoon of all days but holidays."
        shelf.add(
            "Hours", [f"{rule.format(n)}\n---\nThe gate of site {n} shuts at {n + 10} o'clock." for n in range(1, 6)]
        )
        notes = [
            f"Staff of site {n} leave at {n} o'clock, the gate of site {n} shuts at {n + 10} o'clock [1][2]."
            for n in range(1, 5)
        ]
        wrong = "The gate of site 5 shuts at 23 o'clock [2]."
        led = "The staff of site 1 leave at 1 o'clock and the gate of site 1 shuts at 11 o'clock [1]."
        model = Repeating(*notes, wrong, led)
        ended = ask(shelf, "Summarise the hours", model, source_tokens=60)
        assert len(model.prompts) == 6
        given = [passage.text for passage in model.prompts[5].passages]
        assert given
        assert not any("23 o'clock" in text for text in given)  # what its source denies leads nowhere
        words, support = found(ended)[0]
        assert (words.split(" [")[0], support) == (led.split(" [")[0], Support.FULL)
        assert len(ended.verdicts[0].footnotes) == 2
        assert [support for _, support in found(ended)[1:]] == [Support.FULL] * 4 + [Support.NONE]

    @pytest.mark.parametrize("unsupported", [Unsupported.DROP, Unsupported.REPLACE])
    def test_what_is_not_supported_is_dropped_or_gives_way(self, shelf: Shelf, unsupported: Unsupported) -> None:
        shelf.add("Travel policy", TRAVEL)
        model = Repeating("Trains come before planes [1]. Hotels cost at most 210 euros a night [3].")
        ended = ask(shelf, "Summarise the travel policy", model, unsupported)
        assert "210" not in ended.text
        assert ("120 euros" in ended.text) is (unsupported is Unsupported.REPLACE)
        (gone,) = left_out(ended)
        assert (gone.left_out, bool(gone.footnotes)) == (
            "Hotels cost at most 210 euros a night",
            unsupported is Unsupported.REPLACE,
        )

    def test_where_all_was_dropped_the_document_s_own_sentences_stand(self, shelf: Shelf) -> None:
        shelf.add("Travel policy", TRAVEL)
        ended = ask(shelf, "Summarise the travel policy", Repeating("Hotels cost 210 euros [3]."), Unsupported.DROP)
        assert [one.left_out for one in left_out(ended)] == ["Hotels cost 210 euros"]
        assert "120 euros" in ended.text
        assert found(ended) == []


class TestComparison:
    def test_each_cell_that_a_model_wrote_has_its_verdict(self, shelf: Shelf) -> None:
        shelf.add("Contract Ostrow", OSTROW)
        shelf.add("Contract Kerber", KERBER)
        model = Repeating(
            "Invoices are payable within 30 days [1][2].", "- Invoices are payable within 90 days [1][2]."
        )
        ended = ask(shelf, COMPARE, model)
        first, second = ended.verdicts
        assert (first.support, second.support) == (Support.FULL, Support.NONE)
        assert "60 days" in second.reason
        said = [ended.text[one.start : one.end] for one in ended.verdicts]
        assert [words.split(" [")[0] for words in said] == [
            "Invoices are payable within 30 days",
            "Invoices are payable within 90 days",
        ]
        assert all("|" not in words for words in said)

    def test_a_cell_of_a_number_is_checked_as_what_it_stands_for(self, shelf: Shelf) -> None:
        shelf.add("Contract Ostrow", OSTROW)
        shelf.add("Contract Kerber", KERBER)
        ended = ask(shelf, COMPARE, Repeating("30 days [1][2]", "45 days [1][2]"))
        assert [support for _, support in found(ended)] == [Support.FULL, Support.NONE]

    @pytest.mark.parametrize("unsupported", [Unsupported.DROP, Unsupported.REPLACE])
    def test_a_wrong_cell_gives_way_to_the_documents_words(self, shelf: Shelf, unsupported: Unsupported) -> None:
        shelf.add("Contract Ostrow", OSTROW)
        shelf.add("Contract Kerber", KERBER)
        model = Repeating("Invoices are payable within 30 days [1][2].", "Invoices are payable within 90 days [1][2].")
        ended = ask(shelf, COMPARE, model, unsupported)
        (grid,) = grids(ended.text)
        assert "60 days" in grid.rows[1][1].text
        (gone,) = left_out(ended)
        assert gone.left_out == "Invoices are payable within 90 days"
        assert gone.footnotes == grid.rows[1][1].footnotes

    def test_what_cites_nothing_is_kept_as_left_out(self, shelf: Shelf) -> None:
        shelf.add("Contract Ostrow", OSTROW)
        shelf.add("Contract Kerber", KERBER)
        model = Repeating("Invoices are payable within 30 days [1][2].", "I think bananas ripen in a paper bag.")
        ended = ask(shelf, COMPARE, model)
        assert "bananas" not in ended.text
        assert [one.left_out for one in left_out(ended)] == ["I think bananas ripen in a paper bag."]


class TestFields:
    def test_each_value_that_a_model_took_out_has_its_verdict(self, shelf: Shelf) -> None:
        shelf.add("Contract Ostrow", OSTROW)
        model = Repeating("Supplier: Globex Inc. [1]\nNotice period: 6 months [2]\nPayment term: 30 days [2]")
        ended = ask(shelf, EXTRACT, model)
        supplier, notice, payment = ended.verdicts
        assert (supplier.left_out, supplier.support) == ("Globex Inc", Support.NONE)
        assert supplier.reason == "These words do not stand in the source."
        assert [support for _, support in found(ended)] == [Support.FULL] * 2
        assert ended.text[notice.start : notice.end].startswith("6 months")
        assert ended.text[payment.start : payment.end].startswith("30 days [")

    def test_the_words_for_something_else_are_in_doubt(self, shelf: Shelf) -> None:
        shelf.add("Contract Ostrow", OSTROW)
        model = Repeating("Supplier: Kaltenbrook Ltd [1]\nNotice period: -\nPayment term: -")
        (verdict,) = ask(shelf, EXTRACT, model).verdicts
        assert (verdict.support, verdict.reason) == (Support.PART, "The source may rather mean Ostrow Metal Ltd.")

    def test_the_rules_values_have_none(self, shelf: Shelf) -> None:
        shelf.add("Contract Ostrow", OSTROW)
        assert ask(shelf, EXTRACT, Extractive(shelf.embedder)).verdicts == ()


class TestDraft:
    MAIL = (
        "Subject: Hotels\n\nDear all,\n\nI hope you are well. Hotels cost at most {} euros a night [1][2][3]. "
        "Trains come before planes [1][2][3].\n\nPlease contact us if you have any questions.\n\nKind regards\n\n…"
    )

    def test_what_is_said_out_of_courtesy_has_no_verdict(self, shelf: Shelf) -> None:
        shelf.add("Travel policy", TRAVEL)
        ended = ask(shelf, DRAFT, Repeating(self.MAIL.format(120)))
        assert [support for _, support in found(ended)] == [Support.FULL] * 2
        assert "I hope you are well." in ended.text

    def test_a_wrong_figure_goes_and_the_mail_stays(self, shelf: Shelf) -> None:
        shelf.add("Travel policy", TRAVEL)
        marked = ask(shelf, DRAFT, Repeating(self.MAIL.format(210)))
        assert [support for _, support in found(marked)] == [Support.NONE, Support.FULL]
        dropped = ask(shelf, DRAFT, Repeating(self.MAIL.format(210)), Unsupported.DROP)
        assert "210" not in dropped.text
        assert dropped.text.startswith("Subject: Hotels\n\nDear all,\n\nI hope you are well.")
        assert [one.left_out for one in left_out(dropped)] == ["Hotels cost at most 210 euros a night"]


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("Summarise the contract Ostrow", "Bananas ripen faster [1]. A ferry crosses the lake in summer [1]."),
        (COMPARE, "Bananas ripen faster in a paper bag [1]."),
        (EXTRACT, "Supplier: Kaltenbrook Ltd [1]\nNotice period: 30 days [1]"),
        ("Draft an e-mail about invoices payable within days of receipt", "Bananas ripen faster in a paper bag [1]."),
    ],
)
def test_no_text_is_embedded_twice_for_its_verdict(shelf: Shelf, question: str, said: str) -> None:
    shelf.add("Contract Ostrow", OSTROW)
    shelf.add("Contract Kerber", KERBER)
    shelf.embedder.asked.clear()
    ask(shelf, question, Repeating(said))
    embedded = [text for text in shelf.embedder.asked if text != "invoices"]  # which is searched for in both
    assert any("ananas" in text for text in embedded) or question == EXTRACT  # there words decide
    assert len(embedded) == len(set(embedded))


def test_they_are_kept_with_the_answer_and_go_with_its_sources(
    shelf: Shelf, conversations: Conversations, database: Database, tom: Principal
) -> None:
    kept = [shelf.add("Contract Ostrow", OSTROW), shelf.add("Contract Kerber", KERBER)]
    model = Repeating("Invoices are payable within 30 days [1][2].", "Invoices are payable within 90 days [1][2].")
    verifier = Check(Verifier(lambda: shelf.embedder))
    answers = Answers(conversations, shelf.retriever, model, check=verifier)
    generation = answers.ask(conversations.create("Contracts", tom).id, COMPARE, tom)
    until_done(generation)
    answers.close()
    message = conversations.message(generation.message_id, tom)
    assert [one.support for one in message.verdicts] == [Support.FULL, Support.NONE]
    assert "90 days" in message.text[message.verdicts[1].start : message.verdicts[1].end]
    records = Records(database)
    (weak,) = records.answers(ADA)
    assert weak.counts == {Support.FULL: 1, Support.NONE: 1}
    assert records.get(message.id, ADA).verdicts == message.verdicts
    shelf.documents.set_readers(kept[1].id, Readers(), ADA)
    withdrawn = conversations.message(generation.message_id, tom)
    assert (withdrawn.state, withdrawn.verdicts) == (MessageState.WITHDRAWN, ())
