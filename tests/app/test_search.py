"""Search without an answer: grouping, marks, excerpts and links; a real index behind `search` and GET /api/search."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Any

import httpx
import pytest
from starlette.datastructures import QueryParams

from app import scopes
from app.auth import safe_path
from app.search import MAX_QUESTION, MOST, excerpt, grouped, link, marks, place, search, target, where
from app.words import content_words
from storage.errors import InvalidInput, NotFound
from storage.types import Passage, PassageRow, PassageTable, Readers, Scope
from tests.conftest import ADA, TOM, Library
from tests.contracts.index_contract import IndexProcess
from tests.shelf import Shelf, open_shelf
from tests.web import Web

VERSION = "0123456789abcdef0123456789abcdef"
LEAVE = "Full-time staff have 30 days of annual leave. Leave that is not taken by 31 March lapses."


def passage(text: str, *, document: str = "d", start: int = 0, heading: str = "", score: float = 0.0) -> Passage:
    name = f"{document}.pdf"
    return Passage("c", document, VERSION, document, name, 3, start, start + len(text), heading, text, score)


def marked(text: str, question: str) -> list[str]:
    return [text[start:end] for start, end in marks(text, content_words(question))]


# the words to mark


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("How many days of leave?", ["days", "leave", "Leave"]),
        ("annual leaves", ["annual leave", "Leave"]),
        ("31 march", ["31 March"]),
        ("who are you?", []),
        ("salary", []),
        ("", []),
    ],
)
def test_the_words_of_the_question_are_marked_in_all_their_forms(question: str, expected: list[str]) -> None:
    assert marked(LEAVE, question) == expected


def test_words_are_marked_as_parts_of_longer_ones_and_numbers_only_as_they_are() -> None:
    assert marked("Der Jahresurlaub beträgt 30 Tage.", "Urlaub Tag") == ["Jahresurlaub", "Tage"]
    assert marked("It was 2024, not 20.", "2024") == ["2024"]
    assert marked("It was 2024, not 20.", "20") == ["20"]


def test_offsets_stay_right_where_lower_case_is_longer() -> None:
    assert marked("ẞẞẞ İİİ: the Straße is closed", "STRASSE closed") == ["Straße", "closed"]


# excerpts


def test_a_short_passage_is_shown_whole_without_the_heading_it_begins_with() -> None:
    found = passage(f"4.2 Leave\n{LEAVE}", heading="4 Time > 4.2 Leave")
    shown = excerpt(found, content_words("leave"))
    assert found.text[shown.start : shown.end].strip() == LEAVE
    assert not shown.before
    assert not shown.after


@pytest.mark.parametrize(
    ("above", "left_out"),
    [
        ("Handbook \nPage 9 of 21 \n4 Time \n", True),  # what the page prints at its head
        ("He left in May.\n", False),  # the end of the section before
        ("Lines that go on and on \n" * 20, False),
    ],
)
def test_what_a_page_prints_above_the_heading_is_left_out_and_sentences_are_not(above: str, left_out: bool) -> None:
    found = passage(f"{above}4.2 Annual \nleave \n{LEAVE}", heading="4 Time > 4.2 Annual leave")
    shown = excerpt(found, [])
    assert (found.text[shown.start : shown.end].strip() == LEAVE) == left_out
    assert shown.before is False


def test_a_sentence_that_begins_like_the_heading_is_no_heading() -> None:
    found = passage("Leave is granted.", heading="Leave")
    shown = excerpt(found, [])
    assert found.text[shown.start : shown.end] == "Leave is granted."


def test_a_passage_says_where_it_stands() -> None:
    found = passage("leave", heading="d > 4 Time > 4.2 Leave")
    assert where(found) == "p. 3 · 4 Time › 4.2 Leave"
    assert where(replace(found, name="d.docx")) == "4 Time › 4.2 Leave"
    assert where(replace(found, name="d.docx", heading="d")) == "section 3"
    assert where(replace(found, heading="")) == "p. 3"


def test_of_a_long_passage_the_part_with_most_of_the_words_is_shown() -> None:
    filler = "Nothing of interest is told in this sentence. " * 20
    found = passage(f"{filler}The mechanical seal of the pump is replaced every year. {filler}")
    shown = excerpt(found, content_words("replace mechanical seal"))
    text = found.text[shown.start : shown.end]
    assert "The mechanical seal of the pump is replaced every year." in text
    assert text == text.strip()
    assert len(text) <= 480
    assert shown.before
    assert shown.after
    assert not found.text[shown.start - 1].isalnum()
    assert not found.text[shown.end : shown.end + 1].isalnum()


def test_a_passage_without_any_of_the_words_is_shown_from_its_start() -> None:
    shown = excerpt(passage(LEAVE * 20), ["unrelat"])
    assert (shown.start, shown.before, shown.after) == (0, False, True)


def rows(*cells: tuple[str, ...]) -> tuple[PassageRow, ...]:
    return tuple(PassageRow(0, 0, row) for row in cells)


def test_of_a_table_the_rows_with_the_words_are_shown_under_its_header() -> None:
    text = "Rates are below.\n\nTown | Rate\n" + "\n".join(f"Town {n} | {n}" for n in range(9))
    body = rows(*((f"Town {n}", f"{n}") for n in range(8)), ("Zürich", "250"))
    table = PassageTable(100 + 18, 100 + len(text), ("Town", "Rate"), body)
    found = replace(passage(text, start=100), tables=(table,))
    shown = excerpt(found, content_words("hotel rate in Zürich"))
    (table_shown,) = shown.tables
    assert table_shown.header == ("Town", "Rate")
    assert table_shown.rows[-1].cells == ("Zürich", "250")
    assert [row.cells[0] for row in table_shown.rows[:-1]] == ["Town 0", "Town 1", "Town 2"]
    assert found.text[shown.start : shown.end].strip() == "Rates are below."


# grouping


def test_passages_stand_under_their_documents_best_first() -> None:
    order = [("b", 0.9), ("a", 0.8), ("b", 0.7), ("c", 0.6), ("a", 0.5)]
    found = grouped([passage(f"{score}", document=name, score=score) for name, score in order])
    assert [document.title for document in found] == ["b", "a", "c"]
    assert [[hit.score for hit in document.passages] for document in found] == [[0.9, 0.7], [0.8, 0.5], [0.6]]
    assert grouped([]) == ()


# links


def test_a_link_names_the_place_and_is_read_back() -> None:
    found = passage("leave", start=12)
    assert target(found) == f"{VERSION}-3-12-17"
    at = place(target(found))
    assert (at.version_id, at.page, at.start, at.end) == (VERSION, 3, 12, 17)
    assert link(found) == f"/search?passage={target(found)}"
    assert link(found, "leave & <b>") == f"/search?q=leave+%26+%3Cb%3E&passage={target(found)}"


def test_the_sign_in_page_takes_every_link_as_the_page_to_go_on_to() -> None:
    for question in ("leave", "ö" * 40, "x" * 900, "//evil.example", "\\", "a\nb"):
        path = link(passage("leave"), question)
        assert safe_path(path) == path


@pytest.mark.parametrize(
    "name",
    [
        "",
        "x",
        f"{VERSION}-1-2",
        f"{VERSION}-1-2-3-4",
        f"{VERSION}-a-2-3",
        "../../etc-1-2-3",
        f"{VERSION}-1-2-3\n",
        "²" * 40,
    ],
)
def test_what_names_no_place_is_not_found(name: str) -> None:
    with pytest.raises(NotFound):
        place(name)


# filters as words


def test_a_scope_survives_the_address() -> None:
    scope = Scope(frozenset({"d1", "d2"}), frozenset({"pdf"}), frozenset({"g"}), date(2024, 1, 1), date(2024, 12, 31))
    pairs = [(name, value) for name, values in scopes.to_parameters(scope).items() for value in values]
    assert scopes.from_parameters(QueryParams(pairs).getlist) == scope
    assert scopes.to_parameters(Scope()) == {}
    assert scopes.from_parameters(QueryParams("since=&kind=").getlist) == Scope()


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("kind=exe", "kind"),
        ("since=yesterday", "since"),
        ("since=0001-01-01", "since"),
        ("until=9999-12-31", "until"),
        ("document=" + "x" * 65, "document"),
        ("&".join(f"group={n}" for n in range(101)), "group"),
    ],
)
def test_a_filter_that_can_not_be_taken_is_named(query: str, named: str) -> None:
    with pytest.raises(InvalidInput, match=f"^{named}:"):
        scopes.from_parameters(QueryParams(query).getlist)


# the search itself, over a real index


def look(shelf: Shelf, question: str, **options: Any) -> Any:
    principal = options.pop("principal", TOM)
    return search(question, principal, retriever=shelf.retriever, documents=shelf.documents, **options)


def test_a_search_finds_what_the_scope_admits_and_says_how_much_it_looked_through(shelf: Shelf) -> None:
    shelf.add("Handbook", LEAVE, format="pdf", dated=date(2024, 1, 1))
    shelf.add("Old handbook", LEAVE.replace("30", "28"), format="docx", dated=date(2019, 1, 1))
    every = look(shelf, "days of annual leave")
    assert {found.title for found in every.documents} == {"Handbook", "Old handbook"}
    assert (every.searched, every.more, every.notice) == (2, False, "")
    old = look(shelf, "days of annual leave", scope=Scope(until=date(2019, 12, 31)))
    assert [found.title for found in old.documents] == ["Old handbook"]
    assert old.searched == 1
    assert old.documents[0].about.dated == date(2019, 1, 1)
    nothing = look(shelf, "days of annual leave", scope=Scope(kinds=frozenset({"html"})))
    assert (nothing.documents, nothing.searched) == ((), 0)


def test_nobody_finds_more_by_a_filter(shelf: Shelf) -> None:
    secret = shelf.add("Board", "The board bonus is three salaries.", Readers(groups=frozenset({"board"})))
    scope = Scope(documents=frozenset({secret.id}))
    assert look(shelf, "board bonus", scope=scope).documents == ()
    assert look(shelf, "board bonus").documents == ()
    assert look(shelf, "board bonus", scope=scope, principal=ADA).searched == 1


def test_more_is_told_until_there_is_no_more(shelf: Shelf) -> None:
    shelf.add("Rules", [f"Rule {n} about leave of staff" for n in range(6)])
    first = look(shelf, "leave of staff", limit=4)
    assert (len(first.passages), first.more) == (4, True)
    assert (len(look(shelf, "leave of staff", limit=6).passages), look(shelf, "leave of staff", limit=6).more) == (
        6,
        False,
    )


def test_without_query_embeddings_the_words_are_found_and_that_is_told(shelf: Shelf) -> None:
    shelf.add("Handbook", LEAVE)
    shelf.embedder.away = True
    found = look(shelf, "annual leave")
    assert found.documents[0].title == "Handbook"
    assert "by words only" in found.notice


@pytest.mark.parametrize("question", ["", "  ", "x" * (MAX_QUESTION + 1)])
def test_a_question_that_is_none_or_too_long_is_refused(shelf: Shelf, question: str) -> None:
    with pytest.raises(InvalidInput):
        look(shelf, question)


def test_the_number_of_passages_has_a_bound(shelf: Shelf) -> None:
    for limit in (0, MOST + 1):
        with pytest.raises(InvalidInput):
            look(shelf, "leave", limit=limit)


# GET /api/search


class Site:
    """The web process over documents that a real index holds."""

    def __init__(self, web: Web, shelf: Shelf) -> None:
        self.web, self.shelf = web, shelf

    def get(self, name: str, query: str) -> httpx.Response:
        with self.web.client(name) as client:
            return client.get(f"/api/search?{query}")


@pytest.fixture(scope="module")
def site(process: IndexProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    web = Web(tmp_path_factory.mktemp("web"))
    office = web.office
    library = Library(office.documents, office.versions, office.files)
    with open_shelf(process, library, office.documents, office.versions) as shelf:
        shelf.add(
            "Handbook", ["Welcome.", f"Intro.\n---\n{LEAVE}"], heading="4 Leave", format="pdf", dated=date(2024, 1, 1)
        )
        secret = "The salary band of grade D begins at 70,000 a year, leave included."
        shelf.add("Salaries", secret, Readers(groups=frozenset({office.people})), format="docx", dated=date(2019, 1, 1))
        web.services = replace(web.services, retriever=shelf.retriever)
        with web:
            yield Site(web, shelf)


def test_programs_get_passages_by_document_with_pages_offsets_scores_and_links(site: Site) -> None:
    found = site.get("max", "q=days+of+annual+leave").json()
    assert (found["searched"], found["more"], found["notice"]) == (1, False, "")
    (handbook,) = found["documents"]
    assert (handbook["title"], handbook["name"]) == ("Handbook", "Handbook.txt")
    assert handbook["about"]["dated"] == "2024-01-01"
    best = handbook["passages"][0]
    assert (best["page"], best["start"], best["heading"], best["text"]) == (2, 11, "4 Leave", LEAVE)
    assert best["end"] == 11 + len(LEAVE)
    assert best["score"] > 0
    assert [LEAVE[start - 11 : end - 11] for start, end in best["marks"]] == ["days", "annual leave", "Leave"]
    assert best["link"].startswith("/search?q=days+of+annual+leave&passage=")
    scores = [each["score"] for each in handbook["passages"]]
    assert scores == sorted(scores, reverse=True)


def test_a_program_finds_only_what_its_account_may_read(site: Site) -> None:
    titles = {
        name: {document["title"] for document in site.get(name, "q=salary+band+grade+leave").json()["documents"]}
        for name in ("max", "mia", "anna")
    }
    assert titles == {"max": {"Handbook"}, "mia": {"Handbook", "Salaries"}, "anna": {"Handbook", "Salaries"}}
    for narrowed in ("kind=docx", f"group={site.web.office.people}", "until=2020-01-01"):
        assert site.get("max", f"q=salary&{narrowed}").json() == site.get("max", "q=salary&document=unknown").json()
        assert [each["title"] for each in site.get("mia", f"q=salary&{narrowed}").json()["documents"]] == ["Salaries"]


def test_filters_of_the_address_narrow_and_limits_hold(site: Site) -> None:
    assert [each["title"] for each in site.get("mia", "q=leave&kind=pdf").json()["documents"]] == ["Handbook"]
    assert len(site.get("mia", "q=leave&kind=pdf&kind=docx").json()["documents"]) == 2
    one = site.get("mia", "q=leave&limit=1").json()
    assert (sum(len(each["passages"]) for each in one["documents"]), one["more"]) == (1, True)


@pytest.mark.parametrize(
    "query",
    [
        "",
        "q=",
        f"q={'x' * 1001}",
        "q=a&limit=0",
        "q=a&limit=61",
        "q=a&limit=-1",
        "q=a&limit=x",
        "q=a&kind=exe",
        "q=a&since=x",
    ],
)
def test_what_can_not_be_taken_is_said_in_our_shape(site: Site, query: str) -> None:
    answer = site.get("max", query)
    assert answer.status_code == 400
    assert set(answer.json()) == {"error"}
    assert answer.json()["error"]["code"] == "invalid"


def test_hostile_questions_find_and_break_nothing(site: Site) -> None:
    for question in ("%00", "%ff%fe", "'; drop table documents; --", "<script>", "%F0%9F%92%A9", "((((", "* OR *"):
        assert site.get("max", f"q=a+{question}").status_code == 200
