import re

from app.ui.sources import marked_text
from storage.types import Heading, Row, Section, Table


def section(text: str, *, table: str = "") -> Section:
    tables = (table_at(text, table),) if table else ()
    return Section(1, text, (Heading(0, "4 Leave > 4.2 Carry-over"),), tables)


def table_at(text: str, table: str) -> Table:
    """Its rows are lines, its cells parted by " | ", its first row is the header."""
    rows, at = [], text.index(table)
    for line in table.split("\n"):
        cells = []
        for cell in line.split(" | "):
            cells.append((at, at + len(cell)))
            at += len(cell) + 3
        at -= 2
        rows.append(Row(cells[0][0], cells[-1][1], tuple(cells)))
    return Table(rows[0].start, rows[-1].end, tuple(rows), 1)


def span(text: str, words: str) -> tuple[int, int]:
    return text.index(words), text.index(words) + len(words)


def test_the_cited_words_are_marked_and_others_faintly() -> None:
    text = "Leave lapses in March.\n\nIt may be carried over."
    html = marked_text(section(text), span(text, "lapses in March"), [span(text, "carried over")])
    assert html == ('<p>Leave <mark class="on">lapses in March</mark>.</p><p>It may be <mark>carried over</mark>.</p>')


def test_a_mark_goes_on_across_paragraphs() -> None:
    text = "One two.\n\nThree four."
    html = marked_text(section(text), span(text, "two.\n\nThree"))
    assert html.count('<mark class="on">') == 2
    assert re.sub(r"<[^>]*>", "", html) == "One two.Three four."


def test_headings_stand_out() -> None:
    assert '<p class="under">4.2 Carry-over</p>' in marked_text(section("4.2 Carry-over\n\nFive days."), (0, 0))


def test_a_table_is_shown_as_a_table_with_its_cell_marked() -> None:
    table = "Country | Days\nGermany | 30\nPortugal | 24"
    text = f"Before.\n\n{table}\n\nAfter."
    html = marked_text(section(text, table=table), span(text, "30"))
    assert "<th>Country</th><th>Days</th>" in html
    assert '<td>Germany</td><td><mark class="on">30</mark></td>' in html
    assert html.startswith("<p>Before.</p>")
    assert html.endswith("<p>After.</p>")


def test_what_a_document_says_is_never_markup() -> None:
    text = "<img src=http://evil.example/x.png> <script>alert(1)</script> [a](b) \u202e"
    html = marked_text(section(text), (3, 12))
    assert set(re.findall(r"</?(\w+)", html)) == {"p", "mark"}
    assert "\u202e" not in html


def test_spans_that_lie_outside_the_text_mark_nothing() -> None:
    assert marked_text(section("Short."), (400, 500)) == "<p>Short.</p>"
