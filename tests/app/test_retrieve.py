from __future__ import annotations

import numpy as np
import pytest

from app.confidence import Sureness, sureness
from app.prompt import Turn
from app.rank import Design
from app.retrieve import Retriever
from ingest.meaning import Meaning
from storage.documents import Documents
from storage.errors import Unavailable
from storage.index import Index
from storage.types import Principal, Readers, Role, Vector
from storage.versions import Versions
from tests.conftest import ADA, TOM, Library
from tests.shelf import HashEmbedder, Shelf

MIA = Principal("mia", "mia", Role.MEMBER, frozenset({"finance"}))
SECRET = "The board bonus is paid in November and amounts to three salaries."
LEAVE = "Full-time staff have 30 days of annual leave. Leave that is not taken by 31 March lapses."


def test_the_passage_that_answers_comes_first_with_its_place(shelf: Shelf) -> None:
    shelf.add("Travel", "Hotel costs are paid up to 120 euros a night.")
    kept = shelf.add("Handbook", ["Welcome to the company.", f"Intro.\n---\n{LEAVE}"], heading="4 Leave")
    found = shelf.retriever.retrieve("How many days of annual leave do full-time staff have?", TOM)
    best = found.passages[0]
    assert (best.document_id, best.version_id, best.title, best.page) == (kept.id, kept.version_id, "Handbook", 2)
    assert (best.text, best.start, best.heading) == (LEAVE, len("Intro.\n---\n"), "4 Leave")
    assert found.notice == ""
    assert sureness(found.confidence) is Sureness.FULL


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


def test_a_document_that_the_question_names_is_raised(shelf: Shelf) -> None:
    for year in (2019, 2020, 2021):
        shelf.add(f"Acme report {year}", f"Revenue of the year rose to {year - 2000} million.")
    found = shelf.retriever.retrieve("What was the revenue of Acme in 2020?", TOM)
    assert found.passages[0].title == "Acme report 2020"


class Telling(HashEmbedder):
    """Tells of a question's words, whose mean is its vector."""

    def embed_question(self, text: str) -> Meaning:
        spans = self.token_spans(text)
        states = np.array([self._embed(text[start:end]) for start, end in spans])
        return Meaning(super().embed_question(text).vector, states, np.array(spans))


def test_names_are_taken_out_of_a_question_that_was_embedded_once(shelf: Shelf) -> None:
    shelf.add("Acme report", ["Acme pays for travel.", "Gifts are paid by the office.", "Acme is Acme."])
    question = "Who pays for Acme gifts?"
    again = shelf.retriever.retrieve(question, TOM)
    assert shelf.embedder.asked == [question, "Who pays for gifts?"]
    telling = Telling()
    once = Retriever(shelf.index, telling, shelf.documents).retrieve(question, TOM)
    assert telling.asked == [question]
    assert [p.chunk_id for p in once.passages] == [p.chunk_id for p in again.passages]


def test_the_limit_is_kept(shelf: Shelf) -> None:
    shelf.add("Handbook", [f"Leave rule {n}" for n in range(9)])
    assert len(shelf.retriever.retrieve("leave rule", TOM, limit=4).passages) == 4


HISTORY = [Turn("user", "How many days of annual leave do staff have?"), Turn("assistant", "30 days [1].")]


def test_a_follow_up_is_searched_as_it_is_meant(shelf: Shelf) -> None:
    shelf.retriever.retrieve("And for part-time staff?", TOM, history=HISTORY)
    assert shelf.embedder.asked[-1] == "How many days of annual leave do part-time staff have?"


def test_a_year_in_the_question_decides_between_documents_of_one_name(shelf: Shelf) -> None:
    for year in (2019, 2020, 2021):
        shelf.add(f"Acme report {year}", "The year was good. Revenue rose to 20 million.")
    for year in (2019, 2021):
        best = shelf.retriever.retrieve(f"How much revenue did Acme have in {year}?", TOM).passages[0]
        assert best.title == f"Acme report {year}"


def test_a_misspelt_word_finds_what_was_meant(shelf: Shelf) -> None:
    shelf.add("Handbook", ["The cafeteria opens at noon.", f"{LEAVE} Annual means each year."])
    shelf.add("Travel", [f"Hotel costs of stay {n} are paid." for n in range(20)])
    shelf.embedder.away = True  # so that words decide
    assert shelf.retriever.retrieve("anual leave", TOM).passages[0].page == 2


def test_a_primary_statement_is_found_that_shares_no_word_with_the_question(shelf: Shelf) -> None:
    shelf.add("Report", [f"Loan {n} has a covenant on the ratio of debt to income." for n in range(200)])
    statement = shelf.add("Report", "Cash 120 90\nPayables 95 88", heading="Consolidated Balance Sheets")
    assert shelf.retriever.retrieve("What was the quick ratio?", TOM).passages[0].document_id == statement.id


def test_a_design_without_a_part_does_without_it(shelf: Shelf) -> None:
    for name in ("Handbook", "Copy of the handbook"):
        shelf.add(name, "Annual leave of staff is thirty days in each calendar year")
    free = Retriever(shelf.index, shelf.embedder, shelf.documents, design=Design(distinct=False))
    assert len(free.retrieve("annual leave of staff", TOM).passages) == 2
    assert len(shelf.retriever.retrieve("annual leave of staff", TOM).passages) == 1


class Deaf:
    name = "deaf"

    def rerank(self, question: str, texts: list[str]) -> Vector:
        raise Unavailable("models", "The reranker is away.")


class Backwards:
    name = "backwards"

    def rerank(self, question: str, texts: list[str]) -> Vector:
        return np.linspace(0, 1, len(texts), dtype=np.float32)


def test_the_reranker_has_the_last_word_on_the_order(shelf: Shelf) -> None:
    shelf.add("Handbook", [f"Leave rule {n}" for n in range(4)])
    plain = [p.chunk_id for p in shelf.retriever.retrieve("leave rule", TOM).passages]
    reranking = Retriever(shelf.index, shelf.embedder, shelf.documents, reranker=Backwards())
    assert reranking.retrieve("leave rule", TOM).passages[0].chunk_id == plain[-1]


def test_without_its_reranker_it_goes_on_and_says_so(shelf: Shelf) -> None:
    shelf.add("Handbook", LEAVE)
    found = Retriever(shelf.index, shelf.embedder, shelf.documents, reranker=Deaf()).retrieve("annual leave", TOM)
    assert found.passages[0].text == LEAVE
    assert "The reranker is away." in found.notice
