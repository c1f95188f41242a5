from __future__ import annotations

import csv
import io

import pytest
from openpyxl import load_workbook

from app.cells import Cell, Grid
from app.downloads import as_csv, as_xlsx, guarded
from storage.types import Citation

CITED = (Citation(1, "d", "v", 3, 0, 9, "Contract", "c.pdf", "A > 4 Payment", "within 30\ndays \x01"),)
FORMULA = '=HYPERLINK("http://evil.example","x")'
GRID = Grid(("Document", "Term"), ((Cell("Contract"), Cell("30 days", (1,))), (Cell(FORMULA), Cell("+49 \x07 1"))))


def test_a_csv_names_the_place_of_each_value_and_holds_no_formula() -> None:
    data = as_csv(GRID, CITED)
    assert data.startswith(b"\xef\xbb\xbf")
    assert list(csv.reader(io.StringIO(data.decode("utf-8-sig")))) == [
        ["Document", "Term", "Term: source"],
        ["Contract", "30 days", "Contract, p. 3, 4 Payment"],
        ["'" + FORMULA, "'+49 \x07 1", ""],
    ]


def test_a_workbook_has_its_sources_as_comments_and_as_a_sheet() -> None:
    book = load_workbook(io.BytesIO(as_xlsx([GRID], CITED)))
    assert book.sheetnames == ["Table", "Sources"]
    rows = [[cell.value for cell in row] for row in book["Table"].iter_rows()]
    assert rows == [["Document", "Term"], ["Contract", "30 days"], ["'" + FORMULA, "'+49  1"]]
    assert all(cell.data_type != "f" for row in book["Table"].iter_rows() for cell in row)
    comment = book["Table"]["B2"].comment
    assert comment is not None
    assert comment.text == "Contract, p. 3, 4 Payment: “within 30 days ”"
    assert [cell.value for cell in book["Sources"][2]] == [
        "1",
        "Contract",
        "c.pdf",
        "p. 3, 4 Payment",
        "within 30 days ",
    ]


def test_several_tables_are_several_sheets() -> None:
    assert load_workbook(io.BytesIO(as_xlsx([GRID, GRID], ()))).sheetnames == ["Table 1", "Table 2", "Sources"]


@pytest.mark.parametrize("words", ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1"])
def test_what_a_spreadsheet_would_compute_is_guarded(words: str) -> None:
    assert guarded(words) == f"'{words}"
    assert guarded(f"a{words}") == f"a{words}"
