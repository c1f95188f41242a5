from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.prompt import Turn
from app.retrieve import fuse, standalone
from storage.documents import Documents
from storage.errors import Unavailable
from storage.index import Index
from storage.types import Hit, Principal, Readers, Role
from storage.versions import Versions
from tests.conftest import ADA, TOM, Library
from tests.contracts.index_contract import IndexProcess
from tests.shelf import HashEmbedder, Shelf, open_shelf

MIA = Principal("mia", "mia", Role.MEMBER, frozenset({"finance"}))
SECRET = "The board bonus is paid in November and amounts to three salaries."
LEAVE = "Full-time staff have 30 days of annual leave. Leave that is not taken by 31 March lapses."


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IndexProcess]:
    with IndexProcess(tmp_path_factory.mktemp("index")) as process:
        yield process


@pytest.fixture
def shelf(process: IndexProcess, library: Library, documents: Documents, versions: Versions) -> Iterator[Shelf]:
    with open_shelf(process, library, documents, versions) as shelf:
        yield shelf


def test_the_passage_that_answers_comes_first_with_its_place(shelf: Shelf) -> None:
    shelf.add("Travel", "Hotel costs are paid up to 120 euros a night.")
    kept = shelf.add("Handbook", ["Welcome to the company.", f"Intro.\n---\n{LEAVE}"], heading="4 Leave")
    found = shelf.retriever.retrieve("How many days of annual leave do full-time staff have?", TOM)
    best = found.passages[0]
    assert (best.document_id, best.version_id, best.title, best.page) == (kept.id, kept.version_id, "Handbook", 2)
    assert (best.text, best.start, best.heading) == (LEAVE, len("Intro.\n---\n"), "4 Leave")
    assert found.notice == ""
    assert found.confidence > 0.7


def test_scores_fall_from_the_first_to_the_last(shelf: Shelf) -> None:
    shelf.add("Handbook", [f"Rule {n} about leave of staff" for n in range(8)])
    scores = [passage.score for passage in shelf.retriever.retrieve("leave of staff, rule 3", TOM).passages]
    assert scores == sorted(scores, reverse=True)


def test_who_may_not_read_a_document_finds_nothing_of_it(shelf: Shelf) -> None:
    shelf.add("Board", SECRET, Readers(groups=frozenset({"finance"})))
    question = "When is the board bonus paid?"
    assert shelf.retriever.retrieve(question, TOM).passages == ()
    assert shelf.retriever.retrieve(question, TOM).confidence == 0
    assert shelf.retriever.retrieve(question, MIA).passages[0].text == SECRET
    assert shelf.retriever.retrieve(question, ADA).passages[0].text == SECRET


def test_the_database_withholds_what_the_index_still_lets_through(shelf: Shelf) -> None:
    kept = shelf.add("Board", SECRET)
    shelf.documents.set_readers(kept.id, Readers(groups=frozenset({"finance"})), ADA)
    assert shelf.retriever.retrieve("When is the board bonus paid?", TOM).passages == ()


def test_without_embeddings_it_searches_by_words_and_says_so(shelf: Shelf) -> None:
    shelf.add("Handbook", LEAVE)
    shelf.embedder.away = True
    found = shelf.retriever.retrieve("annual leave", TOM)
    assert found.passages[0].text == LEAVE
    assert found.notice.startswith("Searched by words only")
    assert "The models process is starting." in found.notice


def test_without_the_index_it_says_so(library: Library, documents: Documents, versions: Versions) -> None:
    index = Index("http://127.0.0.1:9", "key", timeout=1)
    shelf = Shelf(library, documents, versions, index, HashEmbedder())
    with pytest.raises(Unavailable, match="index"):
        shelf.retriever.retrieve("annual leave", TOM)
    index.close()


def test_one_page_does_not_crowd_out_the_others(shelf: Shelf) -> None:
    crowd = "\n---\n".join(f"Annual leave of staff, note {n}" for n in range(9))
    shelf.add("Handbook", [crowd, "Annual leave and other things that staff ask about now and then"])
    pages = [passage.page for passage in shelf.retriever.retrieve("annual leave of staff", TOM).passages]
    assert pages.count(1) == 3
    assert pages.count(2) == 1


def test_a_document_that_the_question_names_is_raised(shelf: Shelf) -> None:
    for year in (2019, 2020, 2021):
        shelf.add(f"Acme report {year}", f"Revenue of the year rose to {year - 2000} million.")
    found = shelf.retriever.retrieve("What was the revenue of Acme in 2020?", TOM)
    assert found.passages[0].title == "Acme report 2020"


def test_the_limit_is_kept(shelf: Shelf) -> None:
    shelf.add("Handbook", [f"Leave rule {n}" for n in range(9)])
    assert len(shelf.retriever.retrieve("leave rule", TOM, limit=4).passages) == 4


HISTORY = [Turn("user", "How many days of annual leave do staff have?"), Turn("assistant", "30 days [1].")]


@pytest.mark.parametrize(
    "question",
    [
        "And for part-time staff?",
        "until when?",
        "Does it lapse at some time?",
        "Und in Teilzeit?",
        "Bis wann?",
    ],
)
def test_a_follow_up_is_searched_with_the_question_before(shelf: Shelf, question: str) -> None:
    shelf.retriever.retrieve(question, TOM, history=HISTORY)
    assert shelf.embedder.asked[-1] == f"{HISTORY[0].text}\n{question}"


@pytest.mark.parametrize(
    "question",
    [
        "Which hotel costs are paid on a business trip to London?",
        "Wie hoch sind die Hotelkosten, die auf einer Dienstreise nach London bezahlt werden?",
    ],
)
def test_a_question_of_its_own_is_searched_alone(question: str) -> None:
    assert standalone(question, HISTORY) == question


def test_a_chain_of_follow_ups_reaches_back_to_the_question_they_are_about() -> None:
    history = [*HISTORY, Turn("user", "And for part-time staff?"), Turn("assistant", "In proportion [1].")]
    assert standalone("until when?", history).startswith(HISTORY[0].text)


def test_a_first_question_may_be_short() -> None:
    assert standalone("until when?", []) == "until when?"


def _hit(name: str, dense: float | None, sparse: float | None) -> Hit:
    return Hit(name, "d", "v", 1, 0, 1, dense, sparse)


def test_fusion_weighs_how_much_better_a_hit_is() -> None:
    scores = fuse([_hit("both", 0.8, 9.0), _hit("near", 0.8, None), _hit("words", None, 9.0), _hit("far", 0.2, None)])
    assert scores == pytest.approx({"both": 1.0, "near": 0.7, "words": 0.3, "far": 0.0})


def test_fusion_of_words_alone_uses_the_whole_scale() -> None:
    assert fuse([_hit("a", None, 8.0), _hit("b", None, 2.0)]) == pytest.approx({"a": 1.0, "b": 0.25})


def test_fusion_of_nothing_is_nothing() -> None:
    assert fuse([]) == {}
