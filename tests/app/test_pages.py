"""Cited pages, on a real PDF."""

import io
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from reportlab.pdfgen.canvas import Canvas

from app import pages as module
from app.pages import Pages
from ingest.formats import pdf
from ingest.render import Rendered, render
from ingest.sandbox import Limits
from storage import boxes
from storage.errors import DocumentError, NotFound
from storage.types import Readers, Section
from tests.ingest import scans
from tests.office import Office

TEXT = "Employees have thirty days of annual leave."


def two_pages() -> bytes:
    data = io.BytesIO()
    canvas = Canvas(data, pagesize=(300, 200), invariant=True)
    for line in (TEXT, "The second page."):
        canvas.drawString(20, 150, line)
        canvas.showPage()
    canvas.save()
    return data.getvalue()


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    office = Office(tmp_path)
    yield office
    office.close()


@pytest.fixture
def pages(office: Office) -> Pages:
    return Pages(office.documents, office.files, Limits())


@pytest.fixture
def handbook(office: Office) -> tuple[str, str]:
    document_id, version_id = office.add("Handbook.pdf", Readers(groups=frozenset({office.people})), two_pages())
    reading = pdf.read(str(office.files.original(version_id)), max_pages=10, max_characters=10_000)
    office.versions.store_sections(
        version_id, reading.sections, title="Handbook", format="pdf", language="en", pages=2, warnings=[]
    )
    return document_id, version_id


def count_drawings(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    drawn: list[int] = []

    def counted(path: Path, page: int, **options: Any) -> Rendered:
        drawn.append(page)
        return render(path, page, **options)

    monkeypatch.setattr(module, "render", counted)
    return drawn


def test_a_page_is_drawn_once_and_then_read_from_the_cache(
    office: Office, pages: Pages, handbook: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = count_drawings(monkeypatch)
    mia = office.principal("mia")
    first = pages.image(handbook[1], 1, mia)
    assert Image.open(io.BytesIO(first)).format == "JPEG"
    assert pages.image(handbook[1], 1, mia) == first
    assert Pages(office.documents, office.files, Limits()).image(handbook[1], 1, mia) == first
    assert drawn == [1]
    assert office.files.count(handbook[1]) == 3


def test_many_requests_for_one_page_draw_it_once(
    office: Office, pages: Pages, handbook: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn, mia = count_drawings(monkeypatch), office.principal("mia")
    threads = [threading.Thread(target=pages.image, args=(handbook[1], 2, mia)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert drawn == [2]


def test_marks_lie_where_the_cited_words_stand(office: Office, pages: Pages, handbook: tuple[str, str]) -> None:
    text = office.documents.source(handbook[1], 1, office.principal("mia")).section.text
    start = text.index("thirty days")
    marks = pages.marks(handbook[1], 1, [(start, start + 11), (0, 9)], office.principal("mia"))
    assert len(marks) == 2
    (left, top, right, bottom), (first_left, *_) = marks
    assert 0 < first_left < left < right < 1
    assert all(isinstance(mark, tuple) for mark in marks)
    assert 0.15 < top < bottom < 0.35  # the line stands 150 of 200 points above the lower edge


def test_who_may_not_read_the_document_gets_no_page_from_the_cache(
    office: Office, pages: Pages, handbook: tuple[str, str]
) -> None:
    pages.image(handbook[1], 1, office.principal("mia"))
    for version_id in (handbook[1], "0" * 32, "../../etc"):
        with pytest.raises(NotFound, match="There is no such document, or you may not read it"):
            pages.image(version_id, 1, office.principal("max"))
    office.users.set_groups("mia", [])
    with pytest.raises(NotFound):
        pages.marks(handbook[1], 1, [(0, 5)], office.principal("mia"))


def test_other_formats_and_pages_that_are_not_there_are_not_drawn(office: Office, pages: Pages) -> None:
    _, note = office.add("note.txt", Readers(everyone=True), b"a note")
    with pytest.raises(NotFound, match="no pages to draw"):
        pages.image(note, 1, office.principal("max"))
    with pytest.raises(NotFound):
        pages.image(note, 2, office.principal("max"))


def test_a_broken_pdf_says_so_and_leaves_nothing_behind(office: Office, pages: Pages) -> None:
    _, broken = office.add("broken.pdf", Readers(everyone=True), b"%PDF-1.7 and no more", format="pdf")
    with pytest.raises(DocumentError, match="can't be drawn"):
        pages.image(broken, 1, office.principal("max"))
    assert office.files.count(broken) == 1


@pytest.mark.parametrize("moment", ["while it is drawn", "after it was written"])
def test_a_document_deleted_meanwhile_leaves_no_rendering(
    office: Office,
    pages: Pages,
    handbook: tuple[str, str],
    monkeypatch: pytest.MonkeyPatch,
    moment: str,
) -> None:
    document_id, version_id = handbook

    def delete() -> None:
        office.documents.begin_delete(document_id, office.principal("anna"))
        office.files.delete(version_id)

    def drawn_too_late(path: Path, page: int, **options: Any) -> Rendered:
        rendered = render(path, page, **options)
        if moment == "while it is drawn":
            delete()
        return rendered

    def written_too_late(path: Path, content: bytes) -> None:
        if path.suffix == ".jpg":
            delete()  # past its files: what is written from here on is ours to remove
        write(path, content)

    write = module._write
    monkeypatch.setattr(module, "render", drawn_too_late)
    if moment == "after it was written":
        monkeypatch.setattr(module, "_write", written_too_late)
    with pytest.raises(NotFound):
        pages.image(version_id, 1, office.principal("mia"))
    assert not (office.folder / "renderings" / version_id).exists()


@pytest.mark.parametrize("name", ["letter.pdf", "letter.png"])
def test_words_of_a_scan_are_marked_where_they_were_recognised(office: Office, pages: Pages, name: str) -> None:
    page = scans.letter()
    data = scans.pdf([page]) if name.endswith("pdf") else scans.saved(page)
    _, version_id = office.add(name, Readers(groups=frozenset({office.people})), data)
    words = boxes.pack([(150, 330, 200, 370), (210, 330, 400, 370)], page.width, page.height)
    section = Section(1, "The warranty", boxes=words)
    office.versions.store_sections(
        version_id, [section], title="Letter", format=name[-3:], language="en", pages=1, warnings=[]
    )
    assert office.documents.source(version_id, 1, office.principal("mia")).section == section
    [mark] = pages.marks(version_id, 1, [(4, 12)], office.principal("mia"))
    assert mark == pytest.approx((210 / 1240, 330 / 1754, 400 / 1240, 370 / 1754), abs=0.0002)
    picture = Image.open(io.BytesIO(pages.image(version_id, 1, office.principal("mia"))))
    assert picture.width / picture.height == pytest.approx(1240 / 1754, abs=0.01)
    [half] = pages.marks(version_id, 1, [(4, 8)], office.principal("mia"))
    assert half[2] == pytest.approx((mark[0] + mark[2]) / 2, abs=0.0005)
