from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import product

import numpy as np
import pytest

from ingest.sparse import RULES, passage_weights, question_weights, vector
from ingest.terms import LANGUAGES
from storage.documents import Documents
from storage.types import SparseVector
from storage.versions import Versions
from tests.conftest import TOM, Library
from tests.contracts.index_contract import IndexProcess
from tests.ingest.unspaced import CHINESE, JAPANESE, KOREAN
from tests.shelf import Shelf, open_shelf

Handbook = tuple[tuple[str, ...], tuple[tuple[str, int], ...]]

GERMAN: Handbook = (
    (
        "Teilzeitkräfte haben einen anteiligen Urlaubsanspruch. Resturlaub verfällt am 31. März des Folgejahres.",
        "Für Dienstreisen werden Hotelkosten bis 120 Euro je Nacht erstattet.",
        "Herr Müller leitet die Niederlassung in der Bahnhofstraße.",
        "Überstunden werden mit 1.250 Euro im Quartal abgegolten.",
    ),
    (
        ("Urlaubsansprüche Teilzeitkraft", 0),
        ("Wie hoch sind die erstatteten Kosten eines Hotels pro Nacht?", 1),
        ("Was macht Mueller?", 2),
        ("1250 Euro", 3),
    ),
)


def score(question: str, passage: str, language: str) -> float:
    asked, given = question_weights(question), passage_weights(passage, language)
    weights = dict(zip(given.indices, given.values, strict=True))
    return sum(value * weights.get(term, 0) for term, value in zip(asked.indices, asked.values, strict=True))


@pytest.mark.parametrize("language", ["de", "en", "fr", "ru", "tr", "fi", "vi", "uk", ""])
def test_a_question_meets_passages_of_every_language(language: str) -> None:
    assert score("Quarterly Urlaubsanspruch работников hinnat", "Urlaubsanspruch работников hinnat", language) > 0


def test_a_question_too_short_to_tell_its_language_finds_other_forms() -> None:
    assert score("Urlaubsanspruch Teilzeit", "Die Urlaubsansprüche", "de") > 0


def test_stop_words_of_the_questions_language_count_in_no_other() -> None:
    assert score("Wann war die Gründung der Firma?", "The war ended in 1945.", "en") == 0
    assert score("How long did the war last?", "The war ended in 1945.", "en") > 0


def test_other_weights_are_other_rules() -> None:
    """Where this fails and the change is meant, raise `RULES` and write both new figures here."""
    texts = [*GERMAN[0], "Mr Müller's part no. AB-1200 weighs 1,250.5 kg.", *CHINESE[0], *JAPANESE[0], *KOREAN[0], ""]
    digest = hashlib.sha256()
    for text, language in product(texts, LANGUAGES):
        weights = passage_weights(text, language)
        digest.update(np.array(weights.indices, "<u4").tobytes() + np.array(weights.values, "<f4").tobytes() + b"|")
    assert (RULES, digest.hexdigest()[:16]) == (1, "3db8591915b9ea55")


def test_one_stop_word_is_no_proof_of_a_language() -> None:
    assert score("die casting", "The die is made of steel.", "en") > 0


def test_umlauts_may_be_spelled_out_in_documents_of_another_language() -> None:
    assert score("Was macht Müller?", "Mr Mueller runs the office.", "en") > 0


def test_stop_words_alone_give_an_empty_vector() -> None:
    assert question_weights("what is the") == passage_weights("it is what it is", "en") == SparseVector()


def test_a_term_says_more_where_it_is_repeated_and_in_a_shorter_passage() -> None:
    once, twice = "leave of staff", "leave, more leave of staff"
    assert score("leave", twice, "en") > score("leave", once, "en")
    assert score("leave", once, "en") > score("leave", once + " and many other words of policies" * 9, "en")


def test_ids_are_stable() -> None:
    """They are kept in the index: other ones would have to be a new generation of it."""
    assert vector({"leave": 1.0, "年假": 0.5}) == SparseVector((2556232202, 2152730802), (1.0, 0.5))


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IndexProcess]:
    with IndexProcess(tmp_path_factory.mktemp("index")) as process:
        yield process


@pytest.fixture
def shelf(process: IndexProcess, library: Library, documents: Documents, versions: Versions) -> Iterator[Shelf]:
    with open_shelf(process, library, documents, versions) as shelf:
        yield shelf


@pytest.mark.parametrize(
    ("language", "handbook"),
    [("ja", JAPANESE), ("zh", CHINESE), ("ko", KOREAN), ("de", GERMAN)],
)
def test_words_alone_find_the_passage_in_its_language(shelf: Shelf, language: str, handbook: Handbook) -> None:
    passages, questions = handbook
    shelf.add("Handbook", "Unused annual leave lapses on 31 March. Hotel costs are paid up to 120 euros.")
    kept = shelf.add("規程", "\n---\n".join(passages), language=language)
    wrong = []
    for question, number in questions:
        hits = shelf.index.search(None, question_weights(question), TOM, limit=3)
        if not hits or hits[0].chunk_id != kept.chunks[number]:
            wrong.append(question)
    assert wrong == []
