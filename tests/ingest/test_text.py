from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.formats import text
from ingest.formats.sections import SectionWriter, one_line
from storage.tables import check


@pytest.fixture
def markdown(tmp_path):
    def read(source):
        path = tmp_path / "file.md"
        path.write_bytes(source.encode())
        return text.read_markdown(str(path), max_characters=1_000_000)

    return read


@pytest.fixture
def plain(tmp_path):
    def read(source):
        path = tmp_path / "file.txt"
        path.write_bytes(source if isinstance(source, bytes) else source.encode())
        return text.read_plain(str(path), max_characters=1_000_000)

    return read


def test_markdown_becomes_plain_sections_by_heading(markdown):
    reading = markdown(
        "---\ntitle: 'Leave types'\nkeywords: x\n---\nIntro with a [link](http://x.y) and ![picture](p.png).\n\n"
        "# Annual *leave*\n\n1. first\n2. second\n   - inner\n\n## Table\n\n| Grade | Days |\n|---|---|\n| A | 30 |\n\n"
        "```python\nif x:\n    y()\n```\n"
    )
    assert reading.title == "Leave types"
    assert [section.text for section in reading.sections] == [
        "Intro with a link and picture.",
        "Annual leave\n\n1. first\n2. second\n  - inner",
        "Table\n\nGrade | Days\nA | 30\n\nif x:\n    y()",
    ]
    assert reading.sections[2].heading_at(0) == "Annual leave > Table"
    assert len(reading.sections[2].tables) == 1


def test_template_tags_are_reduced_to_what_they_name(markdown):
    [section] = markdown(
        'Ask in {% channel "help" %} or [here]({% page "/x/" %}).\n\n{% alert %}Note{% endalert %}'
    ).sections
    assert section.text == "Ask in help or here.\n\nNote"


def test_html_in_markdown_leaves_its_words(markdown):
    assert markdown("<div>\n<b>bold</b> &amp; more\n</div>\n\na<br>b").sections[0].text == "bold & more\n\na\nb"


def test_a_heading_without_text_stays_with_the_next(markdown):
    [section] = markdown("# Leave\n\n## Annual\n\nFive days.").sections
    assert section.text == "Leave\n\nAnnual\n\nFive days."
    assert [heading.path for heading in section.headings] == ["Leave", "Leave > Annual"]


def test_a_long_table_goes_on_with_its_header(markdown):
    rows = "".join(f"| row {n} | {'x' * 40} |\n" for n in range(200))
    sections = markdown(f"| Name | Value |\n|---|---|\n{rows}").sections
    assert len(sections) > 1
    assert all(section.text.startswith("Name | Value\n") for section in sections)
    assert sum(section.text.count("row ") for section in sections) == 200


def test_plain_text_headings_are_recognised(plain):
    reading = plain(
        "LEAVE POLICY\n\nYou may go.\n\n1.2 Carrying over\n\nFive days.\n\nTravel\n======\nBook early.\n\n- a\n- b\n"
    )
    assert [section.heading_at(0) for section in reading.sections] == [
        "LEAVE POLICY",
        "LEAVE POLICY > 1.2 Carrying over",
        "Travel",
    ]
    assert reading.sections[2].text == "Travel\n\nBook early.\n\n- a\n- b"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_encodings_are_understood(plain, encoding):
    words = "Die Größe der Übertragung prüft der Geschäftsführer für jede Stelle möglichst früh. " * 4
    assert plain(words.encode(encoding)).sections[0].text == words.strip()


def test_control_characters_and_spare_blank_lines_go(plain):
    assert plain("one\x00 two\u202e  \r\n\r\n\r\n\r\nthree\x0cfour").sections[0].text == "one two\n\nthree\nfour"


CELLS = st.text(alphabet="ab |5€.\t\n", max_size=6)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(CELLS, max_size=4), max_size=60), st.lists(CELLS, max_size=3))
def test_cells_of_tables_are_spans_that_say_what_was_written(rows, paragraphs):
    writer = SectionWriter(max_characters=100_000)
    for paragraph in paragraphs:
        writer.paragraph(paragraph)
    writer.table(rows)
    written = [[one_line(cell) for cell in row] for row in rows if any(map(one_line, row))]
    found = []
    for section in writer.finish():
        check(section.tables, len(section.text))
        for table in section.tables:
            assert section.text[table.start : table.end].count("\n") == len(table.rows) - 1
            body = table.rows if not found else table.rows[table.header :]
            found += [[section.text[a:b] for a, b in row.cells] for row in body]
    width = max(map(len, rows), default=0)
    assert found == [[*row, *[""] * (width - len(row))] for row in written]


def test_a_first_line_that_reads_like_a_title_is_the_title(tmp_path: Path) -> None:
    def title(words: str) -> str:
        path = tmp_path / "a.txt"
        path.write_text(words, encoding="utf-8")
        return text.read_plain(str(path), max_characters=10**6).title

    assert title("INCIDENT REPORT 17\n\n1. SUMMARY\n\nA seal burst.\n") == "INCIDENT REPORT 17"
    for words in ("It rained all day.\n\nThen\nmore.\n", "Date: 3 March\n\nA\nB\n", "only words\n", "1\n2\n3\n", ""):
        assert title(words) == ""
