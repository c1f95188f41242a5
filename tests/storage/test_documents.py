"""Documents as people see them: the permission matrix, duplicates, the queue, search and deletion."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
import sqlalchemy as sa

from storage.arrivals import Added
from storage.database import Database
from storage.documents import Counts, Documents
from storage.errors import AlreadyExists, Conflict, Forbidden, NotFound
from storage.files import Files
from storage.models import Content, Document, Version
from storage.types import Hit, Principal, Readers, Role, State
from storage.versions import Versions
from tests.conftest import ADA, TOM, Kept, Library

MIA = Principal("mia", "mia", Role.MEMBER, frozenset({"hr"}))
EVE = Principal("eve", "eve", Role.MEMBER, frozenset({"sales", "it"}))
PEOPLE = {"admin": ADA, "in hr": MIA, "in sales and it": EVE, "in no group": TOM}
READERS = {
    "everyone": Readers(everyone=True),
    "hr": Readers(groups=frozenset({"hr"})),
    "hr and sales": Readers(groups=frozenset({"hr", "sales"})),
    "everyone and hr": Readers(everyone=True, groups=frozenset({"hr"})),
    "nobody": Readers(),
}
MAY_READ = {
    "admin": set(READERS),
    "in hr": {"everyone", "hr", "hr and sales", "everyone and hr"},
    "in sales and it": {"everyone", "hr and sales", "everyone and hr"},
    "in no group": {"everyone", "everyone and hr"},
}


@dataclass(frozen=True)
class Seen:
    """Which of some documents a principal sees, by every way there is."""

    found: set[str]
    got: set[str]
    passages: set[str]
    source: set[str]
    file_name: set[str]
    counted: int
    counted_passages: int


def hit(kept: Kept) -> Hit:
    return Hit(kept.chunks[0], dense=1.0)


def seen(documents: Documents, shelf: dict[str, Kept], principal: Principal) -> Seen:
    by_id = {kept.id: name for name, kept in shelf.items()}
    counts = documents.counts(principal)

    refusals: set[str] = set()

    def allowed(action: Callable[[Kept], object]) -> set[str]:
        names = set()
        for name, kept in shelf.items():
            try:
                action(kept)
            except NotFound as error:
                refusals.add(str(error))
            else:
                names.add(name)
        return names

    found = Seen(
        found={by_id[info.id] for info in documents.find(principal)},
        got=allowed(lambda kept: documents.get(kept.id, principal)),
        passages={by_id[p.document_id] for p in documents.passages([hit(kept) for kept in shelf.values()], principal)},
        source=allowed(lambda kept: documents.source(kept.version_id, 1, principal)),
        file_name=allowed(lambda kept: documents.file_name(kept.version_id, principal)),
        counted=counts.documents,
        counted_passages=counts.passages,
    )
    assert refusals <= {"There is no such document, or you may not read it."}  # whatever the reason
    return found


def everywhere(names: set[str]) -> Seen:
    return Seen(names, names, names, names, names, len(names), len(names))


@pytest.fixture
def shelf(library: Library) -> dict[str, Kept]:
    return {name: library.ready(f"text for {name}", readers, name=f"{name}.txt") for name, readers in READERS.items()}


# --- who reads what


@pytest.mark.parametrize("who", PEOPLE)
def test_a_principal_sees_by_every_way_exactly_what_it_may_read(
    documents: Documents, shelf: dict[str, Kept], who: str
) -> None:
    assert seen(documents, shelf, PEOPLE[who]) == everywhere(MAY_READ[who])


@pytest.mark.parametrize("who", PEOPLE)
def test_a_document_being_deleted_is_unknown_by_every_way_to_everybody(
    documents: Documents, shelf: dict[str, Kept], who: str
) -> None:
    for kept in shelf.values():
        documents.begin_delete(kept.id, ADA)
    assert seen(documents, shelf, PEOPLE[who]) == everywhere(set())
    with pytest.raises(NotFound):
        documents.set_readers(shelf["everyone"].id, Readers(), ADA)
    with pytest.raises(NotFound):
        documents.begin_delete(shelf["everyone"].id, ADA)


def test_changed_readers_count_at_once(documents: Documents, shelf: dict[str, Kept], versions: Versions) -> None:
    kept = shelf["everyone"]
    assert documents.set_readers(kept.id, READERS["hr"], ADA) == kept.version_id
    assert documents.get(kept.id, MIA).readers == READERS["hr"]
    with pytest.raises(NotFound):
        documents.get(kept.id, TOM)
    assert documents.passages([hit(kept)], TOM) == []
    assert versions.terms.stale() == [kept.version_id]


@pytest.mark.parametrize("principal", [MIA, TOM])
def test_only_admins_add_delete_and_decide_who_reads(
    documents: Documents, versions: Versions, files: Files, library: Library, principal: Principal
) -> None:
    kept = library.ready("text")
    with pytest.raises(Forbidden), files.receive(100) as receiver:
        documents.add("x", receiver.finish(), Readers(everyone=True), principal)
    for action in (
        lambda: documents.set_readers(kept.id, Readers(), principal),
        lambda: documents.begin_delete(kept.id, principal),
        lambda: versions.retry(kept.id, principal),
    ):
        with pytest.raises(Forbidden):
            action()
    assert documents.get(kept.id, TOM).readers == Readers(everyone=True)


def test_a_waiting_document_shows_no_passage_to_anybody(documents: Documents, library: Library) -> None:
    kept = library.add("text")
    assert documents.get(kept.id, TOM).state is State.WAITING
    with pytest.raises(NotFound):
        documents.source(kept.version_id, 1, ADA)


def test_passages_come_in_the_order_of_the_hits_with_the_text_that_sql_keeps(
    documents: Documents, library: Library
) -> None:
    kept = [library.ready(f"text {number}", title=f"Title {number}") for number in range(3)]
    hits = [hit(one) for one in reversed(kept)]
    unknown = Hit("00000000-0000-0000-0000-000000000000")
    passages = documents.passages([unknown, *hits], TOM)
    assert [(p.text, p.title) for p in passages] == [(f"text {n}", f"Title {n}") for n in (2, 1, 0)]
    assert documents.passages([], TOM) == []


def test_a_superseded_version_is_not_searched_any_more_but_its_pages_stay(
    documents: Documents, library: Library, versions: Versions, database: Database
) -> None:
    old = library.ready("the old text")
    with database.write() as session:
        row = Version(document_id=old.id, sha256="1" * 64, name="new.txt", size=1, state=State.WAITING)
        session.add(row)
        session.flush()
        new = Kept(old.id, row.id)
    new = Kept(new.id, new.version_id, (library.fill(new, "the new text", title="New"),))
    assert [p.text for p in documents.passages([hit(old), hit(new)], TOM)] == ["the new text"]
    source = documents.source(old.version_id, 1, TOM)
    assert (source.section.text, source.live) == ("the old text", False)
    assert documents.source(new.version_id, 1, TOM).live
    assert versions.terms.present(old.version_id) == []
    assert documents.counts(TOM).documents == 1


# --- the same bytes twice


def put(documents: Documents, files: Files, content: bytes) -> Added:
    with files.receive(1000) as receiver:
        receiver.write(content)
        return documents.add("a.txt", receiver.finish(), Readers(everyone=True), ADA)


def test_the_same_bytes_under_another_name_are_known(documents: Documents, library: Library, files: Files) -> None:
    kept = library.add("text", name="a.txt")
    again = put(documents, files, b"text")
    assert again == Added(kept.id, kept.version_id, known=True)
    assert len(documents.find(ADA)) == 1


def replaced(documents: Documents, files: Files, kept: Kept, content: str, *, by: Principal = ADA) -> Added:
    with files.receive(10**6) as receiver:
        receiver.write(content.encode())
        return documents.replace(kept.id, "leave-2.txt", receiver.finish(), by)


def test_bytes_belong_to_the_live_and_the_newest_version_and_to_no_older_one(
    documents: Documents, library: Library, files: Files
) -> None:
    first, other = library.ready("one"), library.ready("another document")
    second = replaced(documents, files, first, "two")
    assert (second.known, second.replaced) == (False, True)
    assert replaced(documents, files, first, "two") == Added(first.id, second.version_id, known=True, replaced=True)
    with pytest.raises(AlreadyExists, match="another document"):
        replaced(documents, files, first, "another document")
    assert library.add("one").id == first.id  # it answers still
    library.fill(Kept(first.id, second.version_id), "two", title="two")
    assert library.add("two").id == first.id
    assert library.add("one").id not in {first.id, other.id}
    third = replaced(documents, files, Kept(first.id, second.version_id), "three")
    fourth = replaced(documents, files, Kept(first.id, second.version_id), "four")
    assert library.add("three").id != first.id
    info = documents.get(first.id, TOM)
    assert (info.version_id, info.name, info.answers) == (fourth.version_id, "leave-2.txt", True)
    assert third.version_id not in {fourth.version_id, second.version_id}


def test_a_document_is_replaced_by_admins_alone_and_keeps_its_readers(
    documents: Documents, library: Library, files: Files
) -> None:
    kept = library.ready("for hr", READERS["hr"])
    with pytest.raises(Forbidden):
        replaced(documents, files, kept, "new", by=MIA)
    replaced(documents, files, kept, "new")
    assert documents.get(kept.id, MIA).readers == READERS["hr"]
    with pytest.raises(NotFound):
        documents.get(kept.id, TOM)
    with pytest.raises(NotFound):
        replaced(documents, files, Kept("0" * 32, ""), "newer")
    assert documents.named("leave-2.txt", MIA) == [kept.id]
    assert documents.named("leave-2.txt", TOM) == documents.named("leave.txt", MIA) == []


def test_a_ready_document_is_read_again_from_its_own_bytes_by_admins_alone(
    documents: Documents, library: Library, files: Files
) -> None:
    kept, waiting = library.ready("for hr", READERS["hr"]), library.add("not ready")
    with pytest.raises(Forbidden):
        documents.read_again(kept.id, MIA)
    with pytest.raises(NotFound):
        documents.read_again("0" * 32, ADA)
    with pytest.raises(Conflict, match="ready"):
        documents.read_again(waiting.id, ADA)
    again = documents.read_again(kept.id, ADA)
    assert files.original(again.version_id).read_bytes() == b"for hr"
    info = documents.get(kept.id, MIA)
    assert (info.version_id, info.state, info.answers) == (again.version_id, State.WAITING, True)
    assert info.readers == READERS["hr"]
    with pytest.raises(Conflict, match="ready"):
        documents.read_again(kept.id, ADA)
    files.delete(kept.version_id)
    assert files.original(again.version_id).read_bytes() == b"for hr"


def test_an_original_is_shared_where_the_file_system_has_no_links(
    library: Library, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    kept, other = library.add("text"), "f" * 32
    monkeypatch.setattr(os, "link", refused)
    files.share(kept.version_id, other)
    files.delete(kept.version_id)
    assert files.original(other).read_bytes() == b"text"


def test_eight_threads_that_bring_the_same_bytes_make_one_document(
    documents: Documents, files: Files, data_dir: object, database: Database
) -> None:
    for round_ in range(4):
        with ThreadPoolExecutor(8) as pool:
            added = list(pool.map(lambda _, r=round_: put(documents, files, b"round %d" % r), range(8)))
        assert [one.known for one in added].count(False) == 1
        assert len({one.document_id for one in added}) == 1
    with database.read() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Version)) == 4
    assert sum(path.is_file() for path in files.originals.rglob("*")) == 4
    assert list(files.incoming.iterdir()) == []


def test_eight_threads_with_different_bytes_make_eight_documents(documents: Documents, files: Files) -> None:
    with ThreadPoolExecutor(8) as pool:
        added = list(pool.map(lambda n: put(documents, files, b"number %d" % n), range(8)))
    assert len({one.document_id for one in added}) == 8
    assert sorted(info.place for info in documents.find(ADA)) == list(range(1, 9))


def test_bytes_of_a_deleted_document_may_come_again(documents: Documents, library: Library) -> None:
    first = library.ready("text")
    documents.begin_delete(first.id, ADA)
    assert library.add("text").id != first.id


def test_a_document_whose_file_could_not_be_kept_is_not_there(documents: Documents, files: Files) -> None:
    with pytest.raises(FileNotFoundError), files.receive(100) as receiver:
        incoming = receiver.finish()
        incoming.path.unlink()
        documents.add("x", incoming, Readers(everyone=True), ADA)
    assert documents.find(ADA) == []


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("C:\\Users\\mia\\plan.pdf", "plan.pdf"),
        ("../../etc/passwd", "passwd"),
        ("two\nlines\x00.pdf", "two\ufffdlines\ufffd.pdf"),
        ("fdp.\u202etxt", "fdp.\ufffdtxt"),
        ("half\ud83d.pdf", "half\ufffd.pdf"),
        ("", "document"),
        ("Überstunden 東京.pdf", "Überstunden 東京.pdf"),
    ],
)
def test_an_uploaded_name_is_data_on_one_line(documents: Documents, library: Library, name: str, shown: str) -> None:
    kept = library.add("text", name=name)
    assert documents.file_name(kept.version_id, ADA) == documents.get(kept.id, ADA).name == shown


def test_a_name_of_any_length_keeps_its_ending(documents: Documents, library: Library) -> None:
    kept = library.add("text", name="x" * 5000 + ".pdf")
    shown = documents.get(kept.id, ADA).name
    assert len(shown) == 255
    assert shown.endswith("x.pdf")


def test_unread_are_the_documents_that_wait_for_their_first_reading_and_may_be_read(
    documents: Documents, library: Library, versions: Versions, files: Files
) -> None:
    waiting, secret, broken = library.add("waits"), library.add("hidden", READERS["hr"]), library.add("broken")
    replaced(documents, files, library.ready("answers meanwhile"), "newer")
    versions.fail(broken.version_id, "It is broken.", "")
    assert [documents.unread(who) for who in (ADA, MIA, TOM)] == [2, 2, 1]
    library.fill(waiting, "waits", title="waits")
    assert [documents.unread(who) for who in (ADA, MIA, TOM)] == [1, 1, 0]
    documents.begin_delete(secret.id, ADA)
    assert documents.unread(MIA) == 0


# --- lists, counts and the queue


def test_places_in_line_count_who_waits_ahead(documents: Documents, library: Library, versions: Versions) -> None:
    first, second, third = (library.add(f"text {n}") for n in range(3))

    def places() -> list[int]:
        return [documents.get(kept.id, TOM).place for kept in (first, second, third)]

    assert places() == [1, 2, 3]
    versions.progress(first.version_id, State.PARSING)
    assert places() == [0, 1, 2]
    documents.begin_delete(second.id, ADA)
    assert documents.get(third.id, TOM).place == 1
    assert [job.version_id for job in versions.unfinished()] == [first.version_id, third.version_id]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("100%", {"growth 100% plan"}),
        ("100_", {"100_units"}),
        ("_", {"100_units"}),
        ("%", {"growth 100% plan"}),
        ("back\\slash", {"back\\slash"}),
        ("\\", {"back\\slash"}),
        ("ÄRZTE", {"Für Ärzte"}),
        ("für ärzte", {"Für Ärzte"}),
        ("PLAN.TXT", {"growth 100% plan"}),
        ("' OR 1=1 --", set()),
        ("\x00", set()),
    ],
)
def test_a_search_takes_every_character_as_itself(
    documents: Documents, library: Library, text: str, found: set[str]
) -> None:
    for number, title in enumerate(["growth 100% plan", "100_units", "1000 units", "back\\slash", "Für Ärzte"]):
        library.ready(f"content {number}", title=title, name="plan.txt" if number == 0 else f"{number}.txt")
    assert {info.title for info in documents.find(TOM, text=text)} == found


def test_lists_are_filtered_ordered_and_cut_into_pages(documents: Documents, library: Library) -> None:
    waiting = library.add("waits")
    restricted = library.ready("secret", READERS["hr"])
    ready = library.ready("open")
    assert [info.id for info in documents.find(MIA)] == [ready.id, restricted.id, waiting.id]
    assert [info.id for info in documents.find(MIA, states=[State.WAITING])] == [waiting.id]
    assert [info.id for info in documents.find(MIA, restricted=True)] == [restricted.id]
    assert documents.find(TOM, restricted=True) == []
    assert [info.id for info in documents.find(MIA, limit=1, offset=1)] == [restricted.id]


def test_counts_are_of_what_the_principal_may_read(documents: Documents, library: Library, versions: Versions) -> None:
    library.ready("open")
    library.ready("secret", READERS["hr"])
    library.add("waits")
    versions.fail(library.add("broken", READERS["hr"]).version_id, "It is broken.", "")
    assert documents.counts(MIA) == Counts(documents=4, passages=2, pages=2, reading=1, failed=1, restricted=2)
    assert documents.counts(TOM) == Counts(documents=2, passages=1, pages=1, reading=1, failed=0, restricted=0)
    assert documents.counts(Principal("x", "x", Role.MEMBER)).documents == 2


def test_whether_bytes_are_kept_is_told_for_any_of_several_hashes(
    documents: Documents, library: Library, database: Database
) -> None:
    kept = library.add("text")
    with database.read() as session:
        known = session.scalars(sa.select(Content.sha256)).one()
    assert documents.any_of(["0" * 64, known])
    assert not documents.any_of(["0" * 64])
    assert not documents.any_of([])
    documents.begin_delete(kept.id, ADA)
    assert not documents.any_of([known])


def test_deleting_a_document_that_waits_takes_it_out_of_the_line(
    documents: Documents, library: Library, versions: Versions, database: Database
) -> None:
    kept = library.add("text")
    documents.begin_delete(kept.id, ADA)
    assert versions.deleting() == [kept.id]
    assert versions.unfinished() == []
    with database.read() as session:
        assert session.scalars(sa.select(Document.deleting)).one()
