"""Tables as JSON, checked, and as a passage sees them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from storage.documents import Documents
from storage.tables import check, column_names, from_json, to_json, within
from storage.types import Hit, PassageRow, Row, Section, Table
from storage.versions import Versions
from tests.conftest import TOM, Library

LINES = [
    "Balance sheet in millions",
    "    | 2020 | 2019",
    "Current assets: |  | ",
    "Cash | 4,634 | 2,353",
    "Inventories | 4,239 | ",
    "What follows.",
]
TEXT = "\n".join(LINES)


def row_of(line: str) -> Row:
    start, spans = TEXT.index(line), []
    at = start
    for cell in line.split(" | "):
        spans.append((at + len(cell) - len(cell.lstrip()), at + len(cell)))
        at += len(cell) + 3
    return Row(start, start + len(line), tuple(spans))


ROWS = tuple(row_of(line) for line in LINES[1:5])
TABLE = Table(ROWS[0].start, ROWS[-1].end, ROWS, 1)


def test_a_table_comes_back_from_json() -> None:
    assert from_json(to_json(TABLE)) == TABLE
    check([TABLE], len(TEXT))


@pytest.mark.parametrize("value", [None, [1, 2], [0, 5, 0, [[0, 5, [0, 1, 2]]]], ["a", 5, 0, []], [0, 5, 0, 7]])
def test_other_json_is_refused(value: object) -> None:
    with pytest.raises((ValueError, TypeError)):
        from_json(value)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "tables",
    [
        [TABLE, TABLE],
        [replace(TABLE, end=len(TEXT) + 1)],
        [replace(TABLE, start=-1)],
        [replace(TABLE, header=5)],
        [replace(TABLE, rows=ROWS[::-1])],
        [replace(TABLE, rows=(*ROWS[:3], replace(ROWS[3], cells=ROWS[3].cells[:2])))],
        [replace(TABLE, rows=(replace(ROWS[0], cells=ROWS[1].cells),))],
        [replace(TABLE, end=ROWS[2].end)],
    ],
)
def test_what_does_not_fit_the_text_is_refused(tables: list[Table]) -> None:
    with pytest.raises(ValueError, match=r"table|row|cell"):
        check(tables, len(TEXT))


def test_a_passage_below_the_header_has_the_names_of_the_columns_and_the_group_of_its_rows() -> None:
    at = TEXT.index("Inventories")
    [table] = within([TABLE], TEXT, at, len(TEXT))
    assert (table.header, table.caption) == (("", "2020", "2019"), "Balance sheet in millions")
    assert table.rows == (PassageRow(at, ROWS[3].end, ("Inventories", "4,239", ""), "Current assets:"),)
    assert (table.start, table.end) == (at, TABLE.end)


def test_a_passage_beside_the_table_has_none_of_it() -> None:
    assert within([TABLE], TEXT, 0, TABLE.start) == ()
    assert within([TABLE], TEXT, TABLE.end, len(TEXT)) == ()
    assert within([TABLE], TEXT, TABLE.start, ROWS[0].end) == ()  # the header alone says nothing


def test_a_name_over_several_columns_stands_in_each_and_is_said_once() -> None:
    text = "Year 2020 2019"
    first = Row(0, 4, ((0, 0), (0, 4), (0, 4)))
    second = Row(5, 14, ((5, 5), (5, 9), (10, 14)))
    body = Row(14, 14, ((14, 14), (14, 14), (14, 14)))
    assert column_names(Table(0, 14, (first, second, body), 2), text) == ("", "Year 2020", "Year 2019")


def test_passages_bring_their_part_of_the_tables(documents: Documents, versions: Versions, library: Library) -> None:
    kept = library.ready(TEXT)
    versions.store_sections(
        kept.version_id,
        [Section(1, TEXT, (), (TABLE,))],
        title="Report",
        format="text",
        language="en",
        pages=1,
        warnings=[],
    )
    hit = Hit(kept.chunks[0])
    [passage] = documents.with_tables(documents.passages([hit], TOM), TOM)
    assert [row.cells[0] for row in passage.tables[0].rows] == ["Current assets:", "Cash", "Inventories"]
    assert passage.text[passage.tables[0].rows[1].start : passage.tables[0].rows[1].end] == "Cash | 4,634 | 2,353"
