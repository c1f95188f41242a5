"""What ingestion writes: states that can't lie, sections and chunks, retries, terms and deletion."""

from __future__ import annotations

from uuid import uuid4

import pytest
import sqlalchemy as sa

from storage import audit
from storage.database import Database
from storage.documents import Documents
from storage.erasure import Receipt
from storage.errors import Conflict, NotFound
from storage.files import Files
from storage.models import Base, EventRow
from storage.types import Chunk, Heading, Readers, Row, Section, State, Table
from storage.versions import Versions
from tests.conftest import ADA, TOM, Kept, Library

DETAILS = {"title": "Leave", "format": "text", "language": "en", "pages": 2, "warnings": ["Page 2 is empty."]}

TABLE = Table(0, 20, (Row(0, 11, ((0, 4), (7, 11))), Row(12, 20, ((12, 15), (18, 20)))), 1)


def chunk(kept: Kept, ordinal: int, page: int, start: int, end: int) -> Chunk:
    return Chunk(str(uuid4()), kept.id, kept.version_id, ordinal, page, start, end, "4 Leave", "")


def test_sections_come_back_as_they_were_stored(versions: Versions, library: Library) -> None:
    kept = library.add("x")
    sections = [
        Section(1, "Name | Days\nMia | 30", (Heading(0, "4 Leave"), Heading(5, "4 Leave > 4.2")), (TABLE,)),
        Section(2, "zero \x00 half \ud83d 東京 \U0001f600"),
    ]
    versions.store_sections(kept.version_id, sections, **DETAILS)
    versions.store_sections(kept.version_id, sections, **DETAILS)
    clean = Section(2, "zero \ufffd half \ufffd 東京 \U0001f600")
    assert versions.sections(kept.version_id) == [sections[0], clean]
    assert versions.sections_at(kept.version_id, [2]) == [clean]
    assert versions.label(kept.version_id) == "Leave"


def test_chunks_carry_the_text_of_their_section(versions: Versions, library: Library) -> None:
    kept = library.add("x")
    versions.store_sections(kept.version_id, [Section(1, "first page"), Section(2, "second page")], **DETAILS)
    chunks = [chunk(kept, 0, 1, 0, 5), chunk(kept, 1, 2, 0, 6), chunk(kept, 2, 2, 7, 11)]
    assert versions.store_chunks(kept.version_id, chunks) == 3
    assert versions.store_chunks(kept.version_id, chunks) == 3
    assert [c.text for c in versions.chunks(kept.version_id, start=0, count=64)] == ["first", "second", "page"]
    assert [c.ordinal for c in versions.chunks(kept.version_id, start=1, count=1)] == [1]


def test_no_state_can_claim_what_is_not_so(versions: Versions, documents: Documents, library: Library) -> None:
    kept = library.add("x")
    with pytest.raises(sa.exc.IntegrityError):
        versions.publish(kept.version_id, passages=0)
    assert documents.get(kept.id, TOM).state is State.WAITING
    versions.fail(kept.version_id, "", "")
    failed = documents.get(kept.id, TOM)
    assert (failed.state, failed.reason) == (State.FAILED, "It failed.")


def test_what_is_ready_stays_ready_and_the_first_reason_stays(
    versions: Versions, documents: Documents, library: Library
) -> None:
    ready, broken = library.ready("x"), library.add("y")
    versions.fail(ready.version_id, "Too late.", "")
    versions.progress(ready.version_id, State.EMBEDDING, done=1, total=5)
    info = documents.get(ready.id, TOM)
    assert (info.state, info.done, info.total) == (State.READY, 1, 1)
    versions.fail(broken.version_id, "The real reason.", "Do this.")
    versions.fail(broken.version_id, "Another one.", "")
    info = documents.get(broken.id, TOM)
    assert (info.reason, info.remedy) == ("The real reason.", "Do this.")


def test_only_what_failed_is_tried_again(versions: Versions, documents: Documents, library: Library) -> None:
    kept, behind = library.add("x"), library.add("y")
    for state in (State.WAITING, State.PARSING, State.EMBEDDING):
        versions.progress(kept.version_id, state)
        with pytest.raises(Conflict):
            versions.retry(kept.id, ADA)
    versions.fail(kept.version_id, "Broken.", "")
    job = versions.retry(kept.id, ADA)
    assert (job.version_id, job.attempt, job.state) == (kept.version_id, 2, State.WAITING)
    info = documents.get(kept.id, TOM)
    assert (info.state, info.reason, info.place) == (State.WAITING, "", 2)
    assert documents.get(behind.id, TOM).place == 1
    with pytest.raises(Conflict):
        versions.retry(library.ready("z").id, ADA)
    with pytest.raises(NotFound):
        versions.retry("nowhere", ADA)


def test_an_end_of_an_earlier_attempt_does_not_end_the_new_one(
    versions: Versions, documents: Documents, library: Library
) -> None:
    kept = library.add("x")
    versions.fail(kept.version_id, "Broken.", "")
    versions.retry(kept.id, ADA)
    versions.fail(kept.version_id, "The first attempt broke off.", "", attempt=1)
    assert documents.get(kept.id, TOM).state is State.WAITING
    versions.fail(kept.version_id, "So did the second.", "", attempt=2)
    assert documents.get(kept.id, TOM).state is State.FAILED


def test_all_work_on_a_document_being_deleted_ends_with_not_found(
    versions: Versions, documents: Documents, library: Library
) -> None:
    kept = library.add("x")
    documents.begin_delete(kept.id, ADA)
    for action in (
        lambda: versions.job(kept.version_id),
        lambda: versions.progress(kept.version_id, State.PARSING),
        lambda: versions.store_sections(kept.version_id, [Section(1, "x")], **DETAILS),
        lambda: versions.store_chunks(kept.version_id, [chunk(kept, 0, 1, 0, 1)]),
        lambda: versions.publish(kept.version_id, passages=1),
        lambda: versions.retry(kept.id, ADA),
    ):
        with pytest.raises(NotFound):
            action()


def test_points_carry_terms_only_while_their_version_is_live(
    versions: Versions, documents: Documents, library: Library
) -> None:
    waiting, ready = library.add("x"), library.ready("y", Readers(groups=frozenset({"hr"})))
    assert versions.terms.present(waiting.version_id) == []
    assert versions.terms.present(ready.version_id) == ["group:hr", "role:admin"]
    documents.begin_delete(ready.id, ADA)
    assert versions.terms.present(ready.version_id) == []


def test_a_mark_goes_only_when_the_index_has_todays_terms(
    versions: Versions, documents: Documents, library: Library
) -> None:
    kept = library.ready("x")
    before = versions.terms.present(kept.version_id)
    documents.set_readers(kept.id, Readers(groups=frozenset({"hr"})), ADA)
    assert not versions.terms.followed(kept.version_id, before)
    assert versions.terms.stale() == [kept.version_id]
    assert versions.terms.followed(kept.version_id, versions.terms.present(kept.version_id))
    assert versions.terms.stale() == []


def test_following_the_terms_of_a_document_being_deleted_comes_to_an_end(
    versions: Versions, documents: Documents, library: Library
) -> None:
    kept = library.ready("x")
    documents.begin_delete(kept.id, ADA)
    assert versions.terms.followed(kept.version_id, versions.terms.present(kept.version_id))


def test_erasing_leaves_no_row_and_a_receipt_in_the_audit_log(
    versions: Versions, documents: Documents, library: Library, database: Database, files: Files
) -> None:
    kept = library.ready("x", title="Leave")
    library.ready("stays")
    documents.begin_delete(kept.id, ADA)
    receipt = versions.erase(kept.id, files=1, points=7)
    assert receipt == Receipt(document_id=kept.id, title="Leave", versions=1, files=1, points=7, chunks=1, messages=0)
    assert versions.erase(kept.id, files=0, points=0) is None
    with database.read() as session:
        for table in Base.metadata.sorted_tables:
            if table.name != EventRow.__tablename__:
                assert all(kept.id not in row and kept.version_id not in row for row in session.execute(table.select()))
    proofs = [event for event in audit.newest(database) if event.action == "deletion proved"]
    assert [(proof.subject, proof.detail["points"]) for proof in proofs] == [(kept.id, 7)]
    assert versions.of_document(kept.id) == []
    assert documents.counts(ADA).documents == 1
