"""What holds for every format: exact offsets, names of sections, and an end with sections or a reason."""

import io
import json
import random
from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.formats import reader
from ingest.formats.detection import FORMATS, detect
from ingest.formats.members import Budget
from ingest.parse import parse
from ingest.split import split
from storage.errors import DocumentError
from storage.tables import check, column_names
from tests.ingest import files
from tests.ingest.test_split import word_spans

EVERY = files.every()
CELLS = st.lists(
    st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12), min_size=1, max_size=5),
    min_size=1,
    max_size=12,
)


def read(data, name="file"):
    return reader.read(io.BytesIO(data), name, Budget(pages=1000, characters=10**7, unpacked=10**8))


def assert_exact(sections):
    """Pages count from 1, headings, tables, rows and cells lie where they say, and pieces cover the text."""
    assert [section.page for section in sections] == list(range(1, len(sections) + 1))
    for section in sections:
        check(section.tables, len(section.text))
        for table in section.tables:
            for row in table.rows:
                line = section.text[row.start : row.end]
                assert "\n" not in line
                cells = [section.text[start:end] for start, end in row.cells]
                assert " | ".join(cells).rstrip(" |") == line.rstrip(" |")
        for heading in section.headings:
            assert 0 <= heading.start <= len(section.text)
        pieces = split([section], word_spans, max_tokens=254)
        covered = sorted((piece.start, piece.end) for piece in pieces)
        assert all(one[1] <= other[0] for one, other in pairwise(covered))
        inside = "".join("".join(section.text[start:end].split()) for start, end in covered)
        assert inside == "".join(section.text.split())


def test_there_is_a_file_of_every_format():
    assert {detect(io.BytesIO(data), name) for name, data in EVERY.items()} == set(FORMATS)


@pytest.mark.parametrize("name", [name for name in EVERY if not name.endswith((".pdf", ".eml", ".zip"))])
def test_offsets_are_exact(name):
    _, reading = read(EVERY[name], name)
    assert reading.sections
    assert_exact(reading.sections)


@pytest.mark.parametrize("name", EVERY)
def test_the_format_is_told_by_content_whatever_the_name(name):
    kind = detect(io.BytesIO(EVERY[name]), name)
    if kind != "markdown":
        assert detect(io.BytesIO(EVERY[name]), "file.bin") == kind
        assert detect(io.BytesIO(EVERY[name]), "file.pdf") == kind


@pytest.mark.parametrize("name", [name for name in EVERY if not name.endswith((".png", ".jpg", ".tif"))])
def test_the_sandbox_reads_it_and_keeps_what_sections_are_called(name, tmp_path):
    path = tmp_path / "original"  # as it is kept, without a name
    path.write_bytes(EVERY[name])
    parsed = parse(path, name)
    assert [s.place for s in parsed.sections] == [s.place for s in read(EVERY[name], name)[1].sections]
    if name in {"review.pptx", "budget.xlsx", "old.xls", "safety.odp", "delivery.eml", "all.zip", "costs.csv"}:
        assert all(section.place for section in parsed.sections)


@settings(max_examples=25, deadline=None)
@given(CELLS)
def test_offsets_of_any_rows_are_exact(rows):
    for data, name in (
        (json.dumps([{str(n): cell for n, cell in enumerate(row)} for row in rows]).encode(), "rows.json"),
        ("\n".join("\t".join(" ".join(cell.split()) for cell in row) for row in rows).encode(), "rows.tsv"),
    ):
        try:
            sections = read(data, name)[1].sections
        except DocumentError:
            continue  # empty
        assert_exact(sections)


@settings(max_examples=25, deadline=None)
@given(st.text(st.characters(codec="cp1252", exclude_categories=["Cc", "Zl", "Zp"]), max_size=300))
def test_offsets_of_any_words_are_exact(words):
    escaped = words.replace("\\", "\\\\").replace("{", "\\{").replace("}", "\\}")
    html = words.replace("&", "&amp;").replace("<", "&lt;")
    for data, name in (
        (rb"{\rtf1\ansi " + escaped.encode("cp1252") + rb"\par end\par}", "words.rtf"),
        (files.eml(body=f"{words}\n\nend"), "words.eml"),
        (files.epub({"a.xhtml": f"<h1>A</h1><p>{html} end</p>"}), "words.epub"),
        (files.opendocument("text", f"<office:text><text:p>{html} end</text:p></office:text>"), "words.odt"),
    ):
        sections = read(data, name)[1].sections
        assert_exact(sections)
        assert "end" in sections[-1].text


def test_a_row_in_the_middle_of_a_sheet_knows_its_columns_and_its_rows():
    for name in ("budget.xlsx", "budget.ods", "costs.csv"):
        sections = read(EVERY[name], name)[1].sections
        section = next(section for section in sections if "CC-200 " in section.text)
        [table] = section.tables
        assert column_names(table, section.text) == ("Cost centre", "Owner", "Amount")
        assert section.place.lower().removeprefix("sheet budget, ").startswith("rows ")
        first, last = map(int, section.place.rpartition(" ")[2].split("-"))
        assert first <= 201 <= last


ODD = [name for name in EVERY if name not in {"plain.txt", "notes.md", "page.html"}]


@pytest.mark.parametrize("name", ODD)
def test_broken_files_end_with_sections_or_a_reason(name):
    """Cut off, overwritten, and with bytes of another file in the middle."""
    data, chance = EVERY[name], random.Random(7)
    broken = [data[: len(data) * part // 8] for part in range(1, 8)]
    for _ in range(12):
        changed = bytearray(data)
        for _ in range(chance.choice([1, 20, 300])):
            changed[chance.randrange(len(changed))] = chance.randrange(256)
        broken.append(bytes(changed))
    middle = len(data) // 2
    broken += [data[:middle] + bytes(200) + data[middle:], data[:middle] + EVERY["policy.pdf"] + data[middle:]]
    for content in broken:
        sections = []
        with suppress(DocumentError):
            sections = read(content, name)[1].sections
        assert [section.page for section in sections] == list(range(1, len(sections) + 1))
