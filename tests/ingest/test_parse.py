import io
import zipfile

import openpyxl
import pytest
from openpyxl.comments import Comment

from ingest import parse as parsing
from ingest.formats.sections import NO_TEXT
from ingest.parse import detect, parse
from ingest.sandbox import Limits
from storage.errors import DocumentError
from storage.types import BLANK, Gap
from tests.ingest import papers
from tests.ingest.files import saved

PDF = papers.pdf([[(18, "Leave policy"), *papers.LOREM]])
WORD = papers.word(lambda document: document.add_paragraph("Some words."))
ANSWER = {"format": "text", "title": "", "headline": "", "properties": {}, "warnings": [], "unread": []}


@pytest.fixture
def file(tmp_path):
    def write(data, name="file"):
        path = tmp_path / name
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return path

    return write


@pytest.mark.parametrize(
    ("data", "name", "kind"),
    [
        (PDF, "notes.txt", "pdf"),
        (WORD, "notes.pdf", "docx"),
        (b"\xef\xbb\xbf\n" + PDF, "notes.txt", "pdf"),
        (b"junk\x00\x01" + PDF, "notes.txt", "pdf"),
        (b"A file of this format begins with %PDF-1.7 and a line end.", "notes.txt", "text"),
        (b"<!DOCTYPE html><p>Hello", "page.txt", "html"),
        (b"\xef\xbb\xbf<?xml version='1.0'?><!-- x -->\n<html><p>Hello", "page", "html"),
        ("<html><p>Grüße</p></html>".encode("utf-16"), "page", "html"),
        (b"<!-- part --><table><tr><td>Hello</table>", "part.HTM", "html"),
        (b"<table><tr><td>Hello</table>", "part.txt", "text"),
        (b"Not <b>a</b> page", "part.html", "text"),
        (b"# Title\n", "notes.md", "markdown"),
        (b"# Title\n", "notes.txt", "text"),
        ("Grüße aus Köln".encode("latin-1"), "notes.txt", "text"),
        ("Wide text, every second byte zero".encode("utf-16-le"), "notes.txt", "text"),
    ],
)
def test_the_format_is_found_by_content(file, data, name, kind):
    assert detect(str(file(data)), name) == kind


def zipped(**files):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return data.getvalue()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b" \n\n\t ", "empty"),
        (b"MZ\x90\x00\x03\x00\x00\x00\x04\x00\x00\x00\xff\xff" * 9, "not supported"),
        (b"\x7fELF\x02\x01\x01" + bytes(200), "not supported"),
        (zipped(a="\0\1\2" * 99), "No file in this archive"),
        (WORD[:400], "damaged"),
        (b"PK\x03\x04 no zip at all", "damaged"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500), "not supported"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500) + "EncryptedPackage\0".encode("utf-16-le"), "encrypted"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500) + "Workbook\0".encode("utf-16-le"), "workbook is damaged"),
        (PDF[: len(PDF) // 3], "damaged|could not be read"),
        (b"%PDF-1.7\nnothing that follows is a PDF", "damaged"),
        (papers.pdf([[]]), "No text was found"),
        (papers.pdf([papers.LOREM], encrypt="secret"), "encrypted"),
        (b"<html><script>alert(1)</script></html>", "No text was found"),
    ],
)
def test_a_file_that_can_not_be_read_says_why(file, data, reason):
    with pytest.raises(DocumentError, match=reason) as caught:
        parse(file(data), "report.pdf")
    assert caught.value.remedy


def test_a_file_all_of_which_is_hidden_is_refused_with_what_hides_it(file):
    book = openpyxl.Workbook()
    book.active.append(["Nobody", "sees", "this"])
    book.create_sheet("Cover")
    book.active.sheet_state = "hidden"
    with pytest.raises(DocumentError, match="No text was found") as caught:
        parse(file(saved(book)), "book.xlsx")
    assert caught.value.remedy == (
        "Upload one with text in it. "
        "Hidden sheets were left out: Sheet. To have it found, show it and upload the file again."
    )


def test_a_file_with_nothing_but_comments_is_refused_with_what_to_do(file):
    book = openpyxl.Workbook()
    book.active["A1"].comment = Comment("Look here.", "Ann")
    with pytest.raises(DocumentError) as caught:
        parse(file(saved(book)), "book.xlsx")
    assert caught.value.remedy == "Upload one with text in it. Comments were left out."


def test_the_refusal_lists_what_is_supported(file):
    with pytest.raises(DocumentError, match=r"Upload PDF, Word \(\.docx\), PowerPoint .* TIFF or plain text"):
        parse(file(b"\x00\x01\x02" * 99), "program.pdf")


def test_a_pdf_for_which_only_the_owner_has_a_password_is_read(file):
    from reportlab.lib.pdfencrypt import StandardEncryption

    data = papers.pdf([papers.LOREM], encrypt=StandardEncryption("", ownerPassword="owner"))
    assert "vacation days" in parse(file(data), "x.pdf").sections[0].text


@pytest.mark.parametrize(
    ("title", "name", "expected"),
    [
        ("Travel Policy 2024", "x.pdf", "Travel Policy 2024"),
        ("untitled", "scan_001.pdf", "Leave policy"),
        ("Word Document", "scan_001.pdf", "Leave policy"),
        ("Microsoft Word - policy v3.doc", "scan_001.pdf", "Leave policy"),
        ("0001018724-23-000004", "ACME_2022_annual_report.pdf", "ACME 2022 annual report"),
        ("evil\u202etitle\u0007   with\nlines" + "x" * 400, "x.pdf", None),
    ],
)
def test_the_title_of_a_pdf_is_the_best_claim(file, title, name, expected):
    found = parse(file(papers.pdf([[(18, "Leave policy"), *papers.LOREM]], title=title)), name).title
    if expected is None:
        assert found.startswith("evil title with lines")
        assert len(found) <= 200
    else:
        assert found == expected


def test_a_file_name_serves_as_title_where_nothing_else_does(file):
    assert parse(file("just some words"), "C:\\docs\\my_notes  (final).txt").title == "my notes (final)"


def test_the_language_is_guessed(file):
    text = b"Die Mitarbeiter nehmen die Tage, die nicht genommen sind, mit Genehmigung in das nachste Jahr mit."
    assert parse(file(text), "a.txt").language == "de"
    assert parse(file(b"10-K 2020 274,515"), "a.txt").language == ""


def test_progress_counts_pages(file):
    seen = []
    parse(file(papers.pdf([papers.LOREM] * 30)), "x.pdf", on_progress=lambda done, total: seen.append((done, total)))
    assert all(0 <= done <= total <= 30 for done, total in seen)


def test_entities_are_not_expanded(file):
    bomb = (
        b'<?xml version="1.0"?><!DOCTYPE w [<!ENTITY a "' + b"x" * 1000 + b'">'
        b'<!ENTITY b "' + b"&a;" * 1000 + b'"><!ENTITY c "' + b"&b;" * 1000 + b'">]>'
        b'<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">'
        b"<w:body><w:p><w:r><w:t>before &c; after</w:t></w:r></w:p></w:body></w:document>"
    )
    path = file(papers.changed_zip(WORD, {"word/document.xml": bomb}))
    try:
        assert sum(len(section.text) for section in parse(path, "x.docx").sections) < 1000
    except DocumentError:
        return  # refusing it is as good


def test_endless_nesting_costs_no_content(file):
    parsed = parse(file("<html><body>" + "<div>" * 50_000 + "deep words" + "</div>" * 50_000), "deep.html")
    assert "deep words" in parsed.sections[-1].text


@pytest.mark.parametrize("name", ["line.txt", "line.md", "line.html"])
def test_a_line_of_five_megabytes_is_read(file, name):
    head = "<html><p>" if name.endswith("html") else ""
    parsed = parse(file(head + "word " * 1_000_000), name, Limits(cpu_seconds=60))
    assert sum(section.text.count("word") for section in parsed.sections) == 1_000_000


@pytest.mark.parametrize("name", ["long.txt", "long.md", "long.html", "long.json", "long.csv", "long.rtf", "long.eml"])
def test_more_text_than_memory_is_refused_with_a_reason(tmp_path, name):
    heads = {
        "html": "<html><p>",
        "rtf": r"{\rtf1 ",
        "eml": "From: a@b.c\nTo: d@e.f\nSubject: x\nDate: x\n\n",
        "json": '["',
    }
    path = tmp_path / name
    with open(path, "w") as written:
        written.write(heads.get(path.suffix[1:], ""))
        for _ in range(200):
            written.write("some words of a long text, ended; " * 30_000)
    with pytest.raises(DocumentError, match=r"Split"):
        parse(path, name, Limits(memory=400 * 10**6, cpu_seconds=20, wall_seconds=60))


def checked(head, sections):
    taken = parsing.Taken()
    if head is not None:
        taken.take(head)
    for section in sections:
        taken.take(section)
    return taken.checked("x.txt")


def test_nonsense_from_the_child_is_refused():
    good = [1, "words", [[0, "A"]], [], "", ""]
    assert checked(ANSWER, [good]).sections[0].heading_at(3) == "A"
    for sections in (
        [[2, "words", [], [], "", ""]],
        [[1, "words", [[9, "A"]], [], "", ""]],
        [[1, "words", [], [[3, 2]], "", ""]],
        [[1, 5, [], [], "", ""]],
        [[1, "words", [], [], ""]],
        [[1, "two words", [], [], "", "AAAAAAAAAAA="]],
        [[1, "words", [], [], "", "AAAA"]],
        [[1, "words", [], [], "", 7]],
        [7],
        [good, good],
    ):
        with pytest.raises(DocumentError):
            checked(ANSWER, sections)
    with pytest.raises(DocumentError):
        checked(None, [good])


def test_a_reading_that_is_begun_again_forgets_what_came_before():
    taken = parsing.Taken()
    for value in (ANSWER, [1, "words", [], [], "", ""], ANSWER, [1, "others", [], [], "", ""]):
        taken.take(value)
    assert [section.text for section in taken.checked("x.txt").sections] == ["others"]


def test_half_a_surrogate_can_not_slip_through():
    parsed = checked(ANSWER | {"title": "\ud800t"}, [[1, "a\ud800b\x00", [], [], "\ud800Slide 1", ""]])
    parsed.sections[0].text.encode()
    parsed.title.encode()
    parsed.sections[0].place.encode()
    assert len(parsed.sections[0].text) == 4


def test_pages_without_text_come_as_runs_with_their_reason(file):
    blank, words = [], papers.LOREM
    parsed = parse(file(papers.pdf([words, blank, blank, words, blank])), "a.pdf")
    assert parsed.gaps == (Gap(2, 3, BLANK), Gap(5, 5, BLANK))
    assert not any(gap.loses for gap in parsed.gaps)


def test_reasons_from_the_sandbox_are_cut_and_only_empty_pages_have_one():
    sections = [[1, "words", [], [], "", ""], [2, " ", [], [], "", ""], [3, "", [], [], "", ""]]
    answer = {**ANSWER, "format": "pdf", "unread": [[1, "a lie"], [2, "x\n" * 300]]}
    first, second = checked(answer, sections).gaps
    assert (first.first, first.last, first.reason) == (2, 2, ("x " * 300)[:99].strip())
    assert second == Gap(3, 3, NO_TEXT)
