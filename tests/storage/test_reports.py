"""What a document's report says, and its passages, for who may read it."""

from __future__ import annotations

from typing import Any

import pytest

from storage.database import Database
from storage.errors import NotFound
from storage.models import new_id
from storage.reports import Reports
from storage.types import Chunk, Gap, Readers, Row, Section, Status, Table
from tests.conftest import ADA, TOM, Library

DETAILS: dict[str, Any] = {"title": "Leave", "format": "pdf", "language": "en", "pages": 3, "warnings": ["Damaged."]}
GAPS = (Gap(2, 2, "blank"), Gap(3, 3, "a picture"))


@pytest.fixture
def reports(database: Database) -> Reports:
    return Reports(database)


def test_a_report_says_what_was_found_and_what_was_not(reports: Reports, library: Library) -> None:
    kept = library.add("bytes")
    table = Table(0, 3, (Row(0, 3, ((0, 1), (2, 3))),))
    sections = [Section(1, "a b thirty", tables=(table,)), Section(2, ""), Section(3, "")]
    library.versions.store_sections(kept.version_id, sections, **DETAILS, gaps=GAPS)
    job = library.versions.job(kept.version_id)
    for step, seconds in (("read", 1.25), ("embed", 2.0), ("embed", 0.5)):
        library.versions.steps.leave(kept.version_id, job.id, step, seconds)
    library.versions.steps.leave(kept.version_id, "another job", "embed", 9.0)
    report = reports.report(kept.id, TOM)
    assert (report.pages, report.characters, report.tables, report.language) == (3, 10, 1, "en")
    assert report.gaps == GAPS
    assert report.warnings == ("Damaged.",)
    assert report.seconds == {"read": 1.25, "embed": 2.5}
    assert (report.started_by, report.status) == ("ada", Status.WAITING)


def test_passages_come_in_order_by_page_or_all_with_their_sections(reports: Reports, library: Library) -> None:
    kept = library.add("bytes")
    library.versions.store_sections(kept.version_id, [Section(1, "one two"), Section(2, "three")], **DETAILS)
    places = [(1, 0, 3), (1, 4, 7), (2, 0, 5)]
    chunks = [
        Chunk(new_id(), kept.id, kept.version_id, n, page, start, end, "Leave", "")
        for n, (page, start, end) in enumerate(places)
    ]
    library.versions.store_chunks(kept.version_id, chunks)
    every = reports.passages(kept.version_id, TOM, count=10)
    assert [chunk.text for chunk in every.chunks] == ["one", "two", "three"]
    assert (every.total, every.label, sorted(every.sections)) == (3, "Leave", [1, 2])
    assert [chunk.text for chunk in reports.passages(kept.version_id, TOM, start=1, count=1).chunks] == ["two"]
    assert [chunk.text for chunk in reports.passages(kept.version_id, TOM, count=9, page=2).chunks] == ["three"]
    assert reports.passages(kept.version_id, TOM, count=9, page=7).chunks == ()


def test_who_may_not_read_a_document_gets_neither_report_nor_passages(reports: Reports, library: Library) -> None:
    secret, gone = library.ready("pay", Readers()), library.ready("gone")
    library.documents.begin_delete(gone.id, ADA)
    assert reports.report(secret.id, ADA).passages == 1
    for kept, who in ((secret, TOM), (gone, ADA)):
        with pytest.raises(NotFound):
            reports.report(kept.id, who)
        with pytest.raises(NotFound):
            reports.passages(kept.version_id, who, count=5)
