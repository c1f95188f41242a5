import pytest

from ingest.formats import pdf
from tests.ingest import papers

LIMITS = {"max_pages": 100, "max_characters": 1_000_000}
B = 11  # papers.pdf sets what is larger than 10 in bold; 11 is no larger size than the text's yet


@pytest.fixture
def sections(tmp_path):
    def read(pages, **more):
        path = tmp_path / "file.pdf"
        path.write_bytes(papers.pdf(pages, **more))
        return pdf.read(str(path), **LIMITS).sections

    return read


def paths(section):
    return [heading.path for heading in section.headings]


def test_what_is_counted_stands_in_its_order(sections):
    first = [
        (B, "PART II"),
        (B, "Item 8. Financial Statements"),
        (B, "Note 1 – Policies"),
        (B, "Leases"),
        *papers.LOREM,
    ]
    second = [*papers.LOREM, (B, "Note 2 – Debt"), *papers.LOREM]
    third = [*papers.LOREM * 3, (B, "Item 9. Controls"), *papers.LOREM]
    found = sections([first, second, papers.LOREM, third])
    assert paths(found[0])[-1] == "PART II > Item 8. Financial Statements > Note 1 – Policies > Leases"
    assert paths(found[1])[-1] == "PART II > Item 8. Financial Statements > Note 2 – Debt"
    assert paths(found[2]) == ["PART II > Item 8. Financial Statements > Note 2 – Debt"]
    assert paths(found[3])[-1] == "PART II > Item 9. Controls"


def test_numbered_headings_stand_above_plain_ones_of_the_same_type(sections):
    [page] = sections(
        [[(B, "1. Debt"), *papers.LOREM, (B, "Credit line"), *papers.LOREM, (B, "2. Leases"), *papers.LOREM]]
    )
    assert paths(page) == ["1. Debt", "1. Debt > Credit line", "2. Leases"]


def test_a_counted_heading_in_plain_type_is_one_and_a_reference_is_not(sections):
    text = [*papers.LOREM, "NOTE 7 — DEBT", *papers.LOREM]
    text += ["All of that is told at length in the notes to the financial statements, see", "Note 12 Loans and Terms"]
    [page] = sections([text])
    assert paths(page) == ["NOTE 7 — DEBT"]
    [page] = sections([["§ 5 Kündigung", *papers.LOREM, "§ 6 Schlussbestimmungen", *papers.LOREM]])
    assert paths(page) == ["§ 5 Kündigung", "§ 6 Schlussbestimmungen"]


def test_a_page_repeats_its_heading_without_leaving_it(sections):
    first = [(B, "NOTES TO THE STATEMENTS"), (B, "Note 1 – Debt"), *papers.LOREM * 5]
    again = [(B, "NOTES TO THE STATEMENTS (Continued)"), *papers.LOREM * 5]
    found = sections([first, again, again, *[papers.LOREM] * 9])
    assert [paths(section) for section in found[1:3]] == [["Note 1 – Debt"]] * 2


def test_a_bold_paragraph_is_no_heading_and_a_long_heading_is_one(sections):
    long = "The company depends on parts and on services that are provided by partners"
    rest = "outside of the country"
    [page] = sections([[(B, long), (B, rest), *papers.LOREM * 9]])
    assert paths(page) == [f"{long} {rest}"]
    [page] = sections([[*papers.LOREM * 9, *[(B, f"{long} and")] * 5, *papers.LOREM * 9]])
    assert paths(page) == []


def test_cells_of_a_table_are_no_headings(sections):
    table = [(B, "Years Ended"), (B, "2022 2021"), (B, "(in millions)"), "Sales 1,200 1,100", "Costs 900 800"]
    [page] = sections([[*papers.LOREM, *table, *papers.LOREM * 3]])
    assert paths(page) == []


def test_entries_of_a_table_of_contents_are_no_headings(sections):
    entries = [(B, f"Item {n}. Topic of the chapter {n * 3}") for n in range(1, 12)]
    found = sections([[(20, "Report")], [(B, "Contents"), *entries], papers.LOREM])
    assert not any("Topic" in path for section in found for path in paths(section))


def test_an_annex_begins_anew(sections):
    first = [(B, "Part IV"), (B, "Item 15. Annexes"), *papers.LOREM * 4]
    found = sections([first, ["Exhibit 10.2", *papers.LOREM * 4], papers.LOREM])
    assert paths(found[2]) == ["Exhibit 10.2"]


def test_type_goes_on_below_the_outline(sections):
    page = [(B, "Leave"), *papers.LOREM, (B, "Carrying over"), *papers.LOREM]
    outline = [(0, 0, "Leave"), (1, 0, "Travel"), (2, 0, "Terms")]
    found = sections([page, [(B, "Travel"), *papers.LOREM], [(B, "Terms"), *papers.LOREM]], outline=outline)
    assert paths(found[0]) == ["Leave", "Leave > Carrying over"]
    assert paths(found[1])[-1] == "Travel"


ROWS = [
    f"{name}\t{n},{n}15\t{n},{n}02" for n, name in enumerate("Cash Stocks Tools Land Loans Shares Wages".split(), 1)
]
STATEMENT = [(B, "\tMay 31, 2022\tMay 26, 2021"), (B, "Assets held"), *ROWS, (B, "Debts owed"), *ROWS]


def company(title):
    return ["\t\tPump Works, Inc.", f"\t\t{title}", "\t\t(in millions)", *STATEMENT]


def test_what_stands_above_a_table_that_fills_the_page_is_its_title_however_it_is_set(sections):
    before = [(B, "Item 8. Statements"), (B, "Report of the Auditor"), *papers.LOREM * 5]
    names = ["Statements of Earnings", "Statements of Equity", "Balance Sheets", "Statements of Cash Flows"]
    found = sections([before, *[company(name) for name in names], papers.LOREM * 9, *[papers.LOREM] * 12])
    assert [paths(section)[0] for section in found[1:5]] == [f"Item 8. Statements > {name}" for name in names]
    assert paths(found[5]) == ["Item 8. Statements > Report of the Auditor"]


def test_what_stands_above_a_table_in_a_text_is_no_title(sections):
    found = sections([["\t\tBalance Sheets", *STATEMENT, *papers.LOREM * 9], papers.LOREM])
    assert "Balance Sheets" not in str(paths(found[0]))
