"""What a search can be narrowed to: nothing that tells of documents which the principal may not read."""

from __future__ import annotations

from datetime import date

import pytest

from storage.database import Database
from storage.documents import Documents
from storage.facets import Facets, Title, facets, titles
from storage.types import About, Principal, Readers, Role
from storage.versions import Versions
from tests.conftest import ADA, TOM, Kept, Library

MIA = Principal("mia", "mia", Role.MEMBER, frozenset({"hr"}))
HR = Readers(groups=frozenset({"hr"}))
BOTH = Readers(everyone=True, groups=frozenset({"hr", "board"}))


def add(
    library: Library, title: str, readers: Readers | None = None, *, format: str = "text", dated: date | None = None
) -> Kept:
    kept = library.add(title, readers, name=f"{title}.{format}")
    library.fill(kept, title, title=title)
    section = library.versions.sections(kept.version_id)
    about = About(dated=dated)
    details = {"title": title, "format": format, "language": "en", "pages": 1, "warnings": []}
    library.versions.store_sections(kept.version_id, section, **details, about=about)
    return kept


@pytest.fixture
def shelf(library: Library) -> dict[str, Kept]:
    return {
        "Travel": add(library, "Travel", format="pdf", dated=date(2024, 3, 1)),
        "Leave": add(library, "Leave", BOTH, format="pdf", dated=date(2025, 6, 30)),
        "Salaries": add(library, "Salaries", HR, format="docx", dated=date(2019, 1, 1)),
        "Waiting": library.add("not read in yet", name="waiting.html"),
    }


def test_each_sees_values_of_what_each_may_read(shelf: dict[str, Kept], database: Database) -> None:
    assert facets(database, TOM) == Facets(2, {"pdf": 2}, {2025: 1, 2024: 1}, {})
    assert facets(database, MIA) == Facets(3, {"pdf": 2, "docx": 1}, {2025: 1, 2024: 1, 2019: 1}, {"hr": 2})
    everything = facets(database, ADA)
    assert (everything.documents, everything.groups) == (3, {"hr": 2, "board": 1})


def test_years_come_newest_first_and_kinds_by_number(shelf: dict[str, Kept], database: Database) -> None:
    found = facets(database, ADA)
    assert list(found.years) == [2025, 2024, 2019]
    assert list(found.kinds) == ["pdf", "docx"]


def test_a_document_without_a_date_counts_for_the_year_of_its_upload(library: Library, database: Database) -> None:
    kept = library.ready("No date.")
    (year,) = facets(database, TOM).years
    assert year == library.documents.get(kept.id, TOM).created.year


def test_where_there_is_nothing_there_is_nothing_to_choose(database: Database) -> None:
    assert facets(database, ADA) == Facets(0, {}, {}, {})
    assert titles(database, ADA) == {}


def test_titles_are_of_readable_documents_in_their_order(shelf: dict[str, Kept], database: Database) -> None:
    assert list(titles(database, TOM).values()) == [Title("Leave", "Leave.pdf"), Title("Travel", "Travel.pdf")]
    assert [title.title for title in titles(database, MIA).values()] == ["Leave", "Salaries", "Travel"]
    assert len(titles(database, MIA, limit=2)) == 2


def test_titles_are_found_by_words_and_by_id_without_telling_more(shelf: dict[str, Kept], database: Database) -> None:
    assert list(titles(database, MIA, text="SALAR")) == [shelf["Salaries"].id]
    assert list(titles(database, MIA, text=".docx")) == [shelf["Salaries"].id]
    assert titles(database, TOM, text="SALAR") == {}
    assert titles(database, TOM, ids=[shelf["Salaries"].id, shelf["Waiting"].id]) == {}
    assert list(titles(database, MIA, ids=[shelf["Salaries"].id])) == [shelf["Salaries"].id]
    assert titles(database, MIA, text="%") == {}


def test_deleted_documents_leave_no_value_behind(
    shelf: dict[str, Kept], database: Database, documents: Documents, versions: Versions
) -> None:
    documents.begin_delete(shelf["Salaries"].id, ADA)
    assert facets(database, ADA).kinds == {"pdf": 2}
    assert "Salaries" not in {title.title for title in titles(database, ADA).values()}
