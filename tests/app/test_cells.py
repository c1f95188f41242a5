from __future__ import annotations

from app.cells import EMPTY, Cell, Grid, flat, grids, heading, row
from app.footnotes import Footnotes
from app.quotation import quote
from app.words import content_words
from storage.types import Passage


def test_a_table_is_written_and_read_back() -> None:
    hostile = "a | b [7] <b>*x*</b>"
    text = heading(["Document", quote("Price | net")]) + row([quote(hostile), "30 days [1][2]"]) + row(["x", EMPTY])
    (grid,) = grids(f"Here:\n\n{text}\nThat is all.")
    assert grid == Grid(
        ("Document", "Price | net"),
        ((Cell(hostile), Cell("30 days", (1, 2))), (Cell("x"), Cell(""))),
    )


def test_rows_that_are_too_short_or_too_long_get_the_header_s_width() -> None:
    text = "| A | B |\n| --- | --- |\n| 1 |\n| 1 | 2 | 3 |"
    assert [[cell.text for cell in cells] for cells in grids(text)[0].rows] == [["1", ""], ["1", "2"]]


def test_text_without_a_table_has_none_and_two_tables_are_two() -> None:
    assert grids("| not a table |\n\nwords") == []
    assert len(grids(f"{heading(['A'])}{row(['1'])}\n{heading(['B'])}{row(['2'])}")) == 2


def test_an_answer_becomes_the_content_of_one_cell() -> None:
    assert flat("One. [1] Two. [2]\n\n- three [3]\n1. four [4]") == "One. [1] Two. [2] · three [3] · four [4]"
    table = "| Site | Days | Price EUR |\n| --- | --- | --- |\n| Porto | 25 | 3 [1] |"
    assert flat(table) == "Porto: Days: 25; Price EUR: 3 [1]"
    assert flat(table, content_words("price")) == "Porto: Price EUR: 3 [1]"
    told = "| Figure (in million euros) | 2025 |\n| --- | --- |\n| Revenue | 148.6 [1] |"
    assert flat(told) == "Revenue (in million euros): 2025: 148.6 [1]"
    assert "|" not in row([flat(table)]).strip("| \n")


def test_footnotes_count_on_and_equal_words_share_one() -> None:
    passage = Passage("c", "d", "v", "T", "t.txt", 1, 100, 140, "", "One sentence. Another one.")
    footnotes, own = Footnotes(), Footnotes()
    assert [footnotes.number(passage, 0, 13), footnotes.number(passage, 0, 13)] == [1, 1]
    assert [own.number(passage, 14, 26), own.number(passage, 0, 13)] == [1, 2]
    assert footnotes.take_over(r"b [1] a [2] \[1] [9]", own.citations) == r"b [2] a [1] \[1] [9]"
    assert [(c.n, c.start, c.text) for c in footnotes.citations] == [
        (1, 100, "One sentence."),
        (2, 114, "Another one."),
    ]
