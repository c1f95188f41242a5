"""Tables on PDF pages, from pages that are drawn word by word."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas

from ingest.formats import pdf
from storage.tables import check, column_names
from storage.types import Section
from tests.ingest import papers

Line = tuple[float, Sequence[tuple[float, str]]]  # height on the page, (left, words); a left below 0 is a right edge
Draw = Callable[..., Section]


@pytest.fixture
def draw(tmp_path: Path) -> Draw:
    def draw(lines: Sequence[Line], *, bold: int = 0, rotation: int = 0) -> Section:
        data = io.BytesIO()
        canvas = Canvas(data, pagesize=A4)
        canvas.setPageRotation(rotation)
        if rotation == 90:
            canvas.transform(0, 1, -1, 0, A4[0], 0)
        for number, (height, words) in enumerate(lines):
            canvas.setFont("Helvetica-Bold" if number < bold else "Helvetica", 9)
            for left, text in words:
                if left < 0:
                    canvas.drawRightString(-left, height, text)
                else:
                    canvas.drawString(left, height, text)
        canvas.save()
        path = tmp_path / "page.pdf"
        path.write_bytes(data.getvalue())
        [section] = pdf.read(str(path), max_pages=10, max_characters=100_000).sections
        check(section.tables, len(section.text))
        return section

    return draw


def cells(section: Section, table: int = 0) -> list[list[str]]:
    return [[" ".join(section.text[a:b].split()) for a, b in row.cells] for row in section.tables[table].rows]


def statement(top: float = 700) -> list[Line]:
    """Three years of figures, with the signs of the first row in a place of their own."""
    rows = [
        ("Net sales", "32,184", "32,136", "32,765"),
        ("Cost of sales", "(16,605)", "(17,136)", "(16,682)"),
        ("Other . . . . . . . . . .", "—", "(114)", "547"),
        ("Operating income", "7,161", "6,174", "7,207"),
    ]
    lines: list[Line] = [
        (top + 24, [(365, "Years ended December 31")]),
        (top + 12, [(60, "(Millions)"), (-350, "2020"), (-430, "2019"), (-510, "2018")]),
    ]
    for number, (label, *figures) in enumerate(rows):
        signs = [(310 + 80 * place, "$") for place in range(3)] if number in (0, 3) else []
        placed = [(-350 - 80 * place, figure) for place, figure in enumerate(figures)]
        words = sorted([*signs, *placed], key=lambda word: abs(word[0]))
        lines.append((top - 12 * number, [(60, label), *words]))
    return lines


def test_a_financial_statement_has_its_figures_under_the_years(draw: Draw) -> None:
    section = draw(statement(), bold=2)
    [table] = section.tables
    assert table.header == 2
    assert cells(section)[2:] == [
        ["Net sales", "$ 32,184", "$ 32,136", "$ 32,765"],
        ["Cost of sales", "(16,605)", "(17,136)", "(16,682)"],
        ["Other", "—", "(114)", "547"],
        ["Operating income", "$ 7,161", "$ 6,174", "$ 7,207"],
    ]
    years = column_names(table, section.text)[1:]
    assert [name.rpartition(" ")[2] for name in years] == ["2020", "2019", "2018"]
    assert any("Years ended December 31" in name for name in years)


def test_a_table_of_words_has_the_bold_line_as_its_header(draw: Draw) -> None:
    rows = [
        ("Country", "Carried over at most", "To be taken by"),
        ("Germany", "10 days", "31 March"),
        ("Czechia", "5 days", "30 June"),
        ("Portugal", "6 days", "30 April"),
    ]
    lines = [
        (700 - 18 * n, [(60 + 150 * place, words) for place, words in enumerate(row)]) for n, row in enumerate(rows)
    ]
    section = draw([*lines, (600, [(60, papers.LOREM[0])]), (588, [(60, papers.LOREM[1])])], bold=1)
    assert section.tables[0].header == 1
    assert cells(section) == [list(row) for row in rows]
    assert section.tables[0].end <= section.text.index("Employees may")


def test_raised_figures_in_the_last_column_are_read(draw: Draw) -> None:
    rows = [("Country", "Days", "Note"), ("Germany", "10", "¹"), ("Czechia", "5", "²"), ("Portugal", "6", "³")]
    lines = [
        (700 - 18 * n, [(60 + 150 * place, words) for place, words in enumerate(row)]) for n, row in enumerate(rows)
    ]
    assert cells(draw(lines, bold=1)) == [list(row) for row in rows]


def test_a_cell_that_wraps_is_one_cell_where_its_words_follow_each_other(draw: Draw) -> None:
    section = draw(
        [
            (700, [(60, "Code"), (110, "Cause"), (300, "Remedy")]),
            (680, [(60, "F01"), (110, "Pump not filled, air in the")]),
            (668, [(110, "suction pipe")]),
            (680, [(300, "Fill and vent the pump, look")]),
            (668, [(300, "for leaks")]),
            (640, [(60, "F02"), (110, "Wrong sense of rotation"), (300, "Exchange two phases")]),
            (620, [(60, "F03"), (110, "Strainer clogged"), (300, "Clean the strainer")]),
        ],
        bold=1,
    )
    assert cells(section) == [
        ["Code", "Cause", "Remedy"],
        ["F01", "Pump not filled, air in the suction pipe", "Fill and vent the pump, look for leaks"],
        ["F02", "Wrong sense of rotation", "Exchange two phases"],
        ["F03", "Strainer clogged", "Clean the strainer"],
    ]


def test_names_of_columns_that_wrap_are_put_together(draw: Draw) -> None:
    section = draw(
        [
            (712, [(300, "Safety and")]),
            (700, [(300, "Industrial")]),
            (712, [(400, "Health")]),
            (700, [(400, "Care")]),
            (700, [(480, "Total")]),
            *(
                (680 - 12 * n, [(60, f"Balance {n}"), (-350, "4,716"), (-440, "3,248"), (-520, "7,964")])
                for n in range(4)
            ),
        ],
        bold=5,
    )
    assert column_names(section.tables[0], section.text) == ("", "Safety and Industrial", "Health Care", "Total")


def test_two_statements_below_each_other_are_two_tables(draw: Draw) -> None:
    section = draw([*statement(700), *statement(620)])
    assert len(section.tables) == 2
    assert cells(section, 0)[-1] == cells(section, 1)[-1]


def test_a_turned_page_is_read_as_it_is_seen(draw: Draw) -> None:
    assert cells(draw(statement(500), rotation=90))[-1] == ["Operating income", "$ 7,161", "$ 6,174", "$ 7,207"]


def columns_of_prose() -> list[Line]:
    left = [*papers.LOREM * 3]
    return [(700 - 12 * n, [(60, line[:44]), (320, line[44:] + line[:20])]) for n, line in enumerate(left)]


NO_TABLES: dict[str, list[Line]] = {
    "prose in two columns": columns_of_prose(),
    "prose": [(700 - 12 * n, [(60, line)]) for n, line in enumerate(papers.LOREM * 3)],
    "a table of contents": [
        (700 - 12 * n, [(60, f"{n + 1} Chapter number {n}"), (-520, str(2 * n + 3))]) for n in range(8)
    ],
    "a table of contents with dots": [
        (700 - 12 * n, [(60, f"{n + 1} Chapter " + ". " * 60), (-520, str(2 * n + 3))]) for n in range(8)
    ],
    "a list with bullets": [(700 - 12 * n, [(60, "•"), (60 + 6 * mm, f"Item {n} is done")]) for n in range(6)],
    "a numbered list": [(700 - 12 * n, [(60, f"{n + 1}."), (60 + 6 * mm, f"Item {n} is done")]) for n in range(6)],
    "the head and foot of a page": [
        (800, [(60, "Handbook"), (-520, "Version 7")]),
        (400, [(60, papers.LOREM[0])]),
        (40, [(60, "HR-001"), (-520, "Page 3 of 9")]),
    ],
}


@pytest.mark.parametrize("name", NO_TABLES)
def test_what_is_no_table_is_not_taken_for_one(draw: Draw, name: str) -> None:
    assert draw(NO_TABLES[name]).tables == ()
