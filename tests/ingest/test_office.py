from datetime import datetime

import pytest
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls

from ingest.formats import office
from storage.errors import DocumentError
from tests.ingest import papers


@pytest.fixture
def read(tmp_path):
    def read(data):
        path = tmp_path / "file.docx"
        path.write_bytes(data if isinstance(data, bytes) else papers.word(data))
        return office.read(str(path), max_characters=1_000_000, max_unpacked=50_000_000)

    return read


def test_headings_open_sections_and_keep_their_path(read):
    def build(document):
        document.core_properties.title = "Handbook"
        document.add_heading("Leave", 1)
        document.add_paragraph("You may take leave.")
        document.add_heading("Carrying over", 2)
        document.add_paragraph("Five days.")
        document.add_heading("Travel", 1)
        document.add_paragraph("Book early.")

    reading = read(build)
    assert [section.heading_at(0) for section in reading.sections] == ["Leave", "Leave > Carrying over", "Travel"]
    assert reading.sections[1].text == "Carrying over\n\nFive days."
    assert (reading.title, reading.headline) == ("Handbook", "Leave")


def test_lists_and_tables_stand_in_document_order(read):
    def build(document):
        document.add_paragraph("Bring:")
        document.add_paragraph("a pen", style="List Bullet")
        document.add_paragraph("paper", style="List Bullet")
        table = document.add_table(rows=2, cols=2)
        for cell, text in zip(table._cells, ["Grade", "Days", "A | B", "30"], strict=True):
            cell.text = text
        document.add_paragraph("The end.")

    section = read(build).sections[0]
    assert section.text == "Bring:\n\n- a pen\n- paper\n\nGrade | Days\nA / B | 30\n\nThe end."
    [table] = section.tables
    assert section.text[table.start : table.end] == "Grade | Days\nA / B | 30"


def test_text_in_content_controls_and_tracked_insertions_is_kept_and_deleted_text_is_not(read):
    def build(document):
        body = document.element.body
        body.insert(0, parse_xml(f"<w:sdt {nsdecls('w')}><w:sdtContent><w:p><w:r><w:t>In a control.</w:t></w:r></w:p>"
                                 "</w:sdtContent></w:sdt>"))  # fmt: skip
        body.insert(1, parse_xml(f"<w:p {nsdecls('w')}><w:r><w:t>Kept </w:t></w:r><w:ins><w:r><w:t>inserted</w:t></w:r>"
                                 "</w:ins><w:del><w:r><w:delText>deleted</w:delText></w:r></w:del></w:p>"))  # fmt: skip

    assert read(build).sections[0].text == "In a control.\n\nKept inserted"


def test_a_document_without_headings_is_parted_at_paragraphs(read):
    sections = read(lambda document: [document.add_paragraph("A sentence of words. " * 20) for _ in range(40)]).sections
    assert len(sections) > 4
    assert all(1_500 < len(section.text) <= 3_000 for section in sections[:-1])
    assert [section.page for section in sections] == list(range(1, len(sections) + 1))


def test_a_damaged_document_is_refused(read):
    good = papers.word(lambda document: document.add_paragraph("words"))
    with pytest.raises(DocumentError, match="damaged"):
        read(papers.changed_zip(good, {"word/document.xml": b"<w:document"}))


def test_a_zip_bomb_is_refused_before_it_is_opened(read):
    good = papers.word(lambda document: document.add_paragraph("words"))
    bomb = papers.changed_zip(good, {"word/media/image1.png": bytes(60_000_000)})
    assert len(bomb) < 200_000
    with pytest.raises(DocumentError, match="unpacks to more"):
        read(bomb)


def test_the_properties_of_the_file_are_handed_on(read):
    def build(document):
        document.core_properties.subject = "Depot Leeds"
        document.core_properties.modified = datetime(2024, 5, 3)
        document.add_paragraph("Words.")

    assert read(build).properties == {"subject": "Depot Leeds", "made": "2024-05-03"}
