"""Narrowing a search: by document, kind, reader group and time, and never wider than what may be read."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from storage.documents import Documents
from storage.types import About, Principal, Readers, Scope
from tests.conftest import ADA, TOM, Kept, Library
from tests.storage.test_documents import EVE, MIA, PEOPLE, READERS


def dated(library: Library, words: str, readers: Readers, format: str, day: date | None) -> Kept:
    kept = library.ready(words, readers, name=f"{words}.{format}")
    sections = library.versions.sections(kept.version_id)
    details = {"title": words, "format": format, "language": "en", "pages": 1, "warnings": []}
    library.versions.store_sections(kept.version_id, sections, **details, about=About(dated=day))
    return kept


@pytest.fixture
def narrowed(library: Library) -> dict[str, Kept]:
    return {
        "old": dated(library, "old", READERS["everyone"], "pdf", date(2019, 12, 31)),
        "new": dated(library, "new", READERS["everyone and hr"], "docx", date(2024, 6, 30)),
        "hr": dated(library, "hr", READERS["hr"], "pdf", date(2024, 1, 1)),
        "undated": dated(library, "undated", READERS["everyone"], "text", None),
        "waiting": library.add("waiting", READERS["everyone"], name="waiting.pdf"),
    }


@pytest.mark.parametrize("person", PEOPLE)
def test_without_a_filter_everything_readable_and_live_is_in_scope(
    documents: Documents, narrowed: dict[str, Kept], person: str
) -> None:
    expected = {"old", "new", "undated"} | ({"hr"} if PEOPLE[person] in (ADA, MIA) else set())
    assert names(documents, Scope(), PEOPLE[person], narrowed) == expected


def names(documents: Documents, scope: Scope, principal: Principal, shelf: dict[str, Kept]) -> set[str]:
    by_id = {kept.id: name for name, kept in shelf.items()}
    return {by_id[id_] for id_ in documents.within(scope, principal)}


def test_kinds_documents_and_days_narrow_together(documents: Documents, narrowed: dict[str, Kept]) -> None:
    def found(**fields: object) -> set[str]:
        return names(documents, Scope(**fields), MIA, narrowed)  # type: ignore[arg-type]

    assert found(kinds=frozenset({"pdf"})) == {"old", "hr"}
    assert found(kinds=frozenset({"pdf", "text"})) == {"old", "hr", "undated"}
    assert found(until=date(2019, 12, 31)) == {"old"}
    assert found(until=date(2019, 12, 30)) == set()
    assert found(since=date(2024, 1, 1), until=date(2024, 6, 30)) == {"hr", "new"}
    assert found(since=date(2024, 1, 2), until=date(2024, 6, 29)) == set()
    assert found(kinds=frozenset({"pdf"}), since=date(2020, 1, 1)) == {"hr"}
    chosen = frozenset({narrowed["old"].id, narrowed["new"].id, "unknown"})
    assert found(documents=chosen) == {"old", "new"}
    assert found(documents=chosen, kinds=frozenset({"docx"})) == {"new"}


def test_a_document_without_a_date_counts_by_the_day_of_its_upload(
    documents: Documents, narrowed: dict[str, Kept]
) -> None:
    today = documents.get(narrowed["undated"].id, TOM).created.date()
    assert names(documents, Scope(since=today, until=today), TOM, narrowed) == {"undated"}
    assert names(documents, Scope(until=today - timedelta(days=1)), TOM, narrowed) == {"old", "new"}


def test_a_scope_never_widens_what_may_be_read(documents: Documents, narrowed: dict[str, Kept]) -> None:
    secret = narrowed["hr"].id
    for scope in (Scope(documents=frozenset({secret})), Scope(groups=frozenset({"hr"}), kinds=frozenset({"pdf"}))):
        assert names(documents, scope, TOM, narrowed) == set()
        assert names(documents, scope, EVE, narrowed) == set()
        assert names(documents, scope, MIA, narrowed) == {"hr"}
        assert names(documents, scope, ADA, narrowed) == {"hr"}


def test_members_narrow_by_their_own_groups_alone(documents: Documents, narrowed: dict[str, Kept]) -> None:
    """Else the filter would tell who else reads a document that is open to everyone."""
    scope = Scope(groups=frozenset({"hr"}))
    assert names(documents, scope, MIA, narrowed) == {"new", "hr"}
    assert names(documents, scope, ADA, narrowed) == {"new", "hr"}
    assert names(documents, scope, TOM, narrowed) == set()
    assert names(documents, scope, EVE, narrowed) == set()


def test_what_is_being_deleted_is_in_no_scope(documents: Documents, narrowed: dict[str, Kept]) -> None:
    documents.begin_delete(narrowed["old"].id, ADA)
    assert names(documents, Scope(documents=frozenset({narrowed["old"].id})), ADA, narrowed) == set()
