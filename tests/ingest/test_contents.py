import pytest

from ingest.contents import is_contents
from storage.types import Heading, Section

CHAPTERS = ["Purpose", "Scope of the rules", "Leave and absence", "Travel by train", "Expenses", "Terms"]
PROSE = "Employees may carry over up to five unused days into the first quarter of the following year.\n"


def page(text, *paths):
    return Section(1, text, tuple(Heading(0, path) for path in paths))


@pytest.mark.parametrize("heading", ["Table of Contents", "Inhalt", "INHALTSVERZEICHNIS", "Contents Page", ""])
@pytest.mark.parametrize("leader", [" ", " . . . . . . . . ", "........", "\n"])
def test_lines_that_end_in_rising_page_numbers_are_contents(heading, leader):
    lines = [f"{number} {name}{leader}{3 * number}" for number, name in enumerate(CHAPTERS * 2, 1)]
    assert is_contents(page("\n".join([heading, *lines])))


def test_entries_may_go_on_over_two_lines():
    lines = [
        f"Item {n}. Changes in and disagreements with accountants on accounting\nand disclosure {n * 9}"
        for n in range(1, 9)
    ]
    assert is_contents(page("PART I\n" + "\n".join(lines)))


def test_a_link_to_the_contents_in_a_running_line_says_nothing():
    assert not is_contents(page("Table of Contents\n" + PROSE * 20 + "12"))


def test_a_table_of_figures_is_no_contents():
    rows = ["Sales 1,200 1,300", "Costs 800 900", "Staff 12 14", "Interest 20 22", "Taxes 31 33", "Net income 40 45"]
    assert not is_contents(page("Contents of the year\n" + "\n".join(rows * 2)))
    assert not is_contents(
        page("\n".join(f"Sales of {name} {year}" for name, year in zip(CHAPTERS, range(2015, 2021), strict=True)))
    )


def test_prose_with_a_few_entries_is_no_contents():
    entries = "\n".join(f"{name} {number}" for number, name in enumerate(CHAPTERS, 1))
    assert not is_contents(page(entries + "\n" + PROSE * 20))


def test_an_index_at_the_end_is_one_too():
    words = [
        "absence",
        "accident",
        "badge",
        "bonus",
        "canteen",
        "car",
        "data",
        "door",
        "expenses",
        "fire",
        "gate",
        "hours",
    ]
    lines = [f"{word}, {number}, {number + 4}–{number + 6}" for number, word in enumerate(words * 1, 3)]
    assert is_contents(page("\n".join(lines + [f"keys, lost {n}" for n in (5, 9)])))


def test_a_list_of_links_under_such_a_heading_is_one():
    links = "\n".join(f"- {name}" for name in CHAPTERS)
    assert is_contents(page(f"Table of contents\n\n{links}", "Guide > Table of contents"))
    assert not is_contents(page(f"Things to bring\n\n{links}", "Guide > Things to bring"))
    assert not is_contents(page(f"Contents\n\n{PROSE * 4}", "Guide > Contents"))
