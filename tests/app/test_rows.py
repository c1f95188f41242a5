from __future__ import annotations

import pytest

from app.quotation import quote
from app.rows import header_of, in_words, markdown, matches, unit_of
from app.words import content_words
from storage.types import PassageRow, PassageTable


def table(header: tuple[str, ...], *rows: tuple[str, ...], group: str = "", caption: str = "") -> PassageTable:
    made = tuple(PassageRow(10 * n, 10 * n + 9, cells, group) for n, cells in enumerate(rows))
    return PassageTable(0, 100, header, made, caption)


GRADES = table(
    ("Grade", "Role", "Minimum", "Midpoint"),
    ("C", "Technician, clerk", "45,500", "51,500"),
    ("D", "Engineer, specialist", "54,000", "62,500"),
    ("E", "Senior engineer", "66,000", "77,000"),
)
SHIFTS = table(
    ("Schicht", "Zulage"), ("Frühschicht", "—"), ("Spätschicht", "1,85 €"), ("Samstag, jede Schicht", "3,10 €")
)
SERVICE = table(
    ("Length of service", "Germany", "United Kingdom"),
    ("Up to 2 years", "6 weeks", "4 weeks"),
    ("More than 2 and up to 5 years", "2 months", "6 weeks"),
    ("More than 5 and up to 10 years", "3 months", "8 weeks"),
    ("More than 10 years", "4 months", "12 weeks"),
)
ORDERS = table(("Order value", "Discount"), ("EUR 1 to 75,000", "3 %"), ("EUR 75,001 to 200,000", "6 %"))


@pytest.mark.parametrize(
    ("question", "rows", "wanted"),
    [
        ("What is the midpoint of the salary band for grade D?", GRADES, 1),
        ("What does a senior engineer earn?", GRADES, 2),
        ("Welche Zulage gibt es für die Spätschicht?", SHIFTS, 1),
        ("What is the notice period in the United Kingdom after seven years of service?", SERVICE, 2),
        ("What is the notice period after 12 years?", SERVICE, 3),
        ("Which discount applies to an order of EUR 100,000?", ORDERS, 1),
    ],
)
def test_the_row_that_the_question_means_is_singled_out(question: str, rows: PassageTable, wanted: int) -> None:
    found = matches(question, content_words(question), rows)
    assert found.index(max(found)) == wanted
    assert found.count(max(found)) == 1


def test_what_all_rows_say_singles_out_none() -> None:
    question = "How many years of service are there?"
    assert matches(question, content_words(question), SERVICE) == [0, 0, 0, 0]


def test_a_row_is_said_with_the_names_of_its_columns() -> None:
    assert in_words(GRADES, GRADES.rows[1]) == "D; Role: Engineer, specialist; Minimum: 54,000; Midpoint: 62,500"
    grouped = table(("", "2020"), ("Net sales", "5"), group="Japan:")
    assert in_words(grouped, grouped.rows[0]) == "Japan:; Net sales; 2020: 5"


def test_rows_stand_under_their_column_names_with_the_footnote_in_the_last_cell() -> None:
    assert markdown(GRADES, GRADES.rows[1:2], 3, quote) == (
        "| Grade | Role | Minimum | Midpoint |\n| --- | --- | --- | --- |\n"
        "| D | Engineer, specialist | 54,000 | 62,500 [3] |"
    )


def test_the_group_of_rows_is_named_once_above_them() -> None:
    grouped = table(("", "2020"), ("Net sales", "5"), ("Profit", "1"), group="Japan:")
    assert markdown(grouped, grouped.rows, 1, quote).splitlines()[2:] == [
        "| Japan: |  |",
        "| Net sales | 5 [1] |",
        "| Profit | 1 [1] |",
    ]


def test_without_names_of_columns_rows_are_a_list() -> None:
    plain = table((), ("Fiscal 2025", "10,000"))
    assert markdown(plain, plain.rows, 2, quote) == "- Fiscal 2025: 10,000 [2]"


def test_cells_can_hold_no_markup() -> None:
    hostile = table(("A|B", "C"), ("[x](y)", "<b>"))
    written = markdown(hostile, hostile.rows, 1, quote)
    assert r"A\|B" in written
    assert r"\[x\](y)" in written
    assert r"\<b\>" in written


def yearly(*names: str) -> PassageTable:
    rows = (PassageRow(0, 10, ("Sales", *(str(place) for place in range(1, len(names) + 1)))),)
    return PassageTable(0, 10, ("(Millions)", *names), rows)


def test_what_all_names_of_columns_begin_with_is_told_once() -> None:
    table = yearly("Year ended December 31, 2022", "Year ended December 31, 2021")
    assert header_of(table) == ["(Millions) Year ended December 31,", "2022", "2021"]
    weeks = yearly("52 weeks ended September 24, 2022", "52 weeks ended September 25, 2021")
    assert header_of(weeks) == ["(Millions) 52 weeks ended", "September 24, 2022", "September 25, 2021"]
    assert header_of(yearly("Price", "Order number")) == ["(Millions)", "Price", "Order number"]
    assert header_of(yearly("Year ended May 31,", "Year ended May 31,"))[1:] == ["Year ended May 31,"] * 2


def test_only_the_columns_that_a_question_names_by_a_number_are_shown() -> None:
    table = yearly("Year ended December 31, 2022", "Year ended December 31, 2021", "Life in years")
    shown = markdown(table, table.rows, 1, str, question="What were the sales in 2021?")
    assert shown.splitlines()[0] == "| (Millions) | Year ended December 31, 2021 | Life in years |"
    assert shown.endswith("| Sales | 2 | 3 [1] |")
    for question in ("What were the sales?", "What were the sales in 2022 and a year earlier?"):
        assert markdown(table, table.rows, 1, str, question=question).endswith("| Sales | 1 | 2 | 3 [1] |")


def test_columns_that_the_question_calls_by_their_whole_names_are_shown_alone() -> None:
    asked = "What is the notice period in Germany after 3 years?"
    assert markdown(SERVICE, SERVICE.rows[1:2], 1, quote, question=asked) == (
        "| Length of service | Germany |\n| --- | --- |\n| More than 2 and up to 5 years | 2 months [1] |"
    )
    both = markdown(SERVICE, SERVICE.rows[1:2], 1, quote, question="Germany or the United Kingdom?")
    assert "| Length of service | Germany | United Kingdom |" in both


def test_the_unit_that_the_caption_tells_stands_with_the_first_name() -> None:
    figures = (("Revenue", "139.8"), ("Operating margin", "8.4 %"), ("Employees", "618"))
    key = table(("Figure", "2024"), *figures, caption="Key figures, in million euros")
    assert markdown(key, key.rows, 1, quote).splitlines()[0] == "| Figure (in million euros) | 2024 |"
    for other in key.rows[1:]:
        assert markdown(key, [other], 1, quote).splitlines()[0] == "| Figure | 2024 |"
    costs = table(("Figure", "2024"), ("Staff costs", "41.2"), ("Gross margin", "52.0"), caption=key.caption)
    assert unit_of(costs, costs.rows[:1]) == unit_of(costs, costs.rows[1:]) == "in million euros"
    nameless = table(("", "2024"), ("Net sales", "$ (9)"), caption="were as follows (in millions):")
    assert markdown(nameless, nameless.rows, 1, quote).splitlines()[0] == "| (in millions) | 2024 |"
    listed = table((), ("Fiscal 2025:", "10,000"), caption="(In thousands)")
    assert markdown(listed, listed.rows, 2, quote) == "- Fiscal 2025 (In thousands): 10,000 [2]"


def test_columns_with_units_of_their_own_get_no_other() -> None:
    prices = table(("Diameter", "Price in EUR"), ("20", "5"), caption="Price by diameter in mm")
    assert unit_of(prices, prices.rows) == ""
    told = table(("(Dollars in millions)", "2022"), ("Sales", "5"), caption="(in millions)")
    assert unit_of(told, told.rows) == "Dollars in millions"
    assert markdown(told, told.rows, 1, quote).splitlines()[0] == "| (Dollars in millions) | 2022 |"


def test_hostile_captions_stay_text() -> None:
    hostile = table(("A", "B"), ("x", "1"), caption="(*b* | <i> in EUR [7])")
    assert markdown(hostile, hostile.rows, 1, quote).splitlines()[0] == r"| A (\*b\* \| \<i\> in EUR \[7\]) | B |"
