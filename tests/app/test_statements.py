from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.statements import Kind, column_names, group_label, statements, table_header, without_bullet

TEXT = """Annual leave

Staff have 30 days of leave. The rest of it is in
the contract.

You need:
- a form. It is blue.
  - signed twice
- a pen

Plan | Price
Basic | 20 euros
Plus | 45 euros

Net sales 2020 2019
Total assets $ 47,344 $ 44,659"""


def test_each_piece_is_known_for_what_it_is() -> None:
    assert [(found.kind, TEXT[found.start : found.end]) for found in statements(TEXT)] == [
        (Kind.HEADING, "Annual leave"),
        (Kind.SENTENCE, "Staff have 30 days of leave."),
        (Kind.SENTENCE, "The rest of it is in\nthe contract."),
        (Kind.SENTENCE, "You need:"),
        (Kind.ITEM, "- a form. It is blue."),
        (Kind.ITEM, "- signed twice"),
        (Kind.ITEM, "- a pen"),
        (Kind.ROW, "Plan | Price"),
        (Kind.ROW, "Basic | 20 euros"),
        (Kind.ROW, "Plus | 45 euros"),
        (Kind.FIGURES, "Net sales 2020 2019"),
        (Kind.FIGURES, "Total assets $ 47,344 $ 44,659"),
    ]


def test_a_table_is_headed_by_its_first_row_where_the_passage_shows_its_beginning() -> None:
    page = statements(TEXT)
    assert table_header(TEXT, page, 9) == (7, "Plan | Price")
    middle = TEXT[TEXT.index("Basic") :]
    assert table_header(middle, statements(middle), 1) == (0, "")


def test_figures_know_their_years_and_their_group() -> None:
    page = statements(TEXT)
    assert column_names(TEXT, page, 11) == {10}
    text = "Japan:\nNet sales 12 13\nCosts 14 15"
    assert group_label(statements(text), 2) == [0]


def test_only_a_bullet_at_the_beginning_goes() -> None:
    assert without_bullet("- a pen - and paper") == "a pen - and paper"
    assert without_bullet("(Millions) 2020") == "(Millions) 2020"


@given(st.text(alphabet="aB .:\n-|1$", max_size=80))
def test_statements_follow_each_other_and_leave_no_word_out(text: str) -> None:
    end = 0
    for statement in statements(text):
        assert not text[end : statement.start].strip()
        assert end <= statement.start < statement.end
        end = statement.end
    assert not text[end:].strip()
