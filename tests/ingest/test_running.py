from ingest.running import without_running_lines
from ingest.split import split
from storage.types import Heading, Row, Section, Table
from tests.ingest.test_split import word_spans

BODY = "Employees may carry over five days of leave number {0}. Their manager decides about request {0}."


def pages(count, form="Acme Group | Annual report 2025\n{body}\nConfidential\n{page}"):
    return [Section(n, form.format(body=BODY.format(chr(96 + n)), page=n)) for n in range(1, count + 1)]


def texts(sections):
    blanked = without_running_lines(sections)
    assert [len(section.text) for section in blanked] == [len(section.text) for section in sections]
    pieces = split(blanked, word_spans, max_tokens=254)
    return [sections[piece.page - 1].text[piece.start : piece.end] for piece in pieces]


def test_headers_footers_and_page_numbers_are_in_no_passage():
    assert texts(pages(8)) == [BODY.format(chr(96 + n)) for n in range(1, 9)]


def test_left_and_right_pages_may_differ():
    sections = [
        Section(n, f"{'Acme Group' if n % 2 else 'Annual report'}\n{BODY.format(chr(96 + n))}") for n in range(1, 13)
    ]
    assert not any("Acme" in text or "Annual" in text for text in texts(sections))


def test_what_stands_on_few_pages_stays():
    sections = pages(2)
    assert all("Acme Group" in text and "Confidential" in text for text in texts(sections))
    longer = [*pages(3), *(Section(n, BODY.format(chr(96 + n))) for n in range(4, 7))]
    assert all("Acme Group" in text for text in texts(longer)[:3])


def test_a_short_document_may_have_a_cover_without_them():
    cover = Section(4, "Minutes of the board\nOldenburg")
    assert texts([*pages(3), cover]) == [*(BODY.format(chr(96 + n)) for n in range(1, 4)), cover.text]


def test_lines_in_the_middle_headings_and_tables_stay():
    sections = pages(8, "{body}\n" * 5 + "Acme Group\n" + "{body}\n" * 5)
    assert all("Acme Group" in text for text in texts(sections))
    headed = [Section(n, f"{BODY.format(chr(96 + n))}\nLeave", (Heading(len(BODY) - 3, "Leave"),)) for n in range(1, 9)]
    assert all("Leave" in section.text for section in without_running_lines(headed))
    text = "Grade | Days\nA | 30"
    table = Table(0, len(text), (Row(0, 12, ((0, 5), (8, 12))), Row(13, 19, ((13, 14), (17, 19)))), 1)
    tables = [Section(n, text, (), (table,)) for n in range(1, 9)]
    assert without_running_lines(tables) == tables


def test_a_page_of_nothing_else_stays_whole():
    sections = [*pages(8), Section(9, "Acme Group | Annual report 2025\nConfidential\n9")]
    assert without_running_lines(sections)[-1] == sections[-1]
