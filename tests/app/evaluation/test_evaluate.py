"""A question set asked of real documents in a real index: what is found, cited and refused is what the run says."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest

from app.budget import LEAST, Budget
from app.evaluation.corpus import Corpus
from app.evaluation.evaluate import evaluate
from app.evaluation.measures import summarise
from app.evaluation.outcomes import Run
from app.evaluation.questions import Place, Question, QuestionSet
from app.extract import Extractive
from app.prompt import Prompt
from app.verify import Check, Unsupported, Verifier
from storage.documents import Documents
from storage.errors import Cancelled, InvalidInput, Unavailable
from storage.types import HouseInstructions, Principal, Readers
from storage.versions import Versions
from tests.conftest import ADA, TOM, Library
from tests.contracts.index_contract import IndexProcess
from tests.shelf import Shelf, open_shelf

LEAVE = "Full-time staff have 30 days of annual leave. Leave that is not taken by 31 March lapses."
HOTELS = "Hotel costs on a journey are paid up to 120 euros a night."
SECRET = "The board bonus is paid in November and amounts to three salaries."

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IndexProcess]:
    with IndexProcess(tmp_path_factory.mktemp("index")) as process:
        yield process


@pytest.fixture
def shelf(process: IndexProcess, library: Library, documents: Documents, versions: Versions) -> Iterator[Shelf]:
    with open_shelf(process, library, documents, versions) as shelf:
        shelf.add("Handbook", ["Welcome to the company.", LEAVE])
        shelf.add("Travel", HOTELS)
        shelf.add("Board", SECRET, Readers(groups=frozenset({"board"})))
        yield shelf


def question(id: str, text: str, document: str = "", page: int = 1, **more: object) -> Question:
    pages = (Place(document, page),) if document else ()
    names = (document,) if document else ()
    return replace(Question(id=id, text=text, documents=names, pages=pages, answerable=bool(names)), **more)


ASKED = (
    question(
        "leave",
        "How many days of annual leave do full-time staff have?",
        "Handbook",
        2,
        answers=("30 days",),
        evidence=("30 days of annual leave", "lapses"),
    ),
    question("hotel", "Up to what amount are hotel costs paid a night?", "Travel", answers=("120 euros",)),
    question("bonus", "When is the board bonus paid?", "Board", answers=("In November",)),
    question("zebra", "Which zebra quota does Utrecht apply to gherkins?"),
)


def asked(shelf: Shelf, *questions: Question, principal: Principal = TOM, answers: bool = True) -> Run:
    known = QuestionSet(name="set", questions=questions)
    corpus = Corpus(shelf.documents.catalogue(principal), known)
    llm = Extractive(shelf.embedder) if answers else None
    return evaluate(known, corpus, shelf.retriever, principal, llm=llm, patience=0.0)


def test_every_question_has_an_outcome_with_what_was_found_and_answered(shelf: Shelf) -> None:
    done = asked(shelf, *ASKED)
    assert [outcome.question for outcome in done.outcomes] == list(ASKED)
    leave = done.outcomes[0]
    assert (leave.ranked[0].document, leave.ranked[0].page) == ("Handbook", 2)
    assert leave.ranked[0].score >= leave.ranked[-1].score
    assert leave.evidence == (1, 1)
    assert 0 < leave.seconds < 10
    assert leave.answer is not None
    assert "30 days" in leave.answer.text
    assert [(one.document, one.page) for one in leave.answer.citations] == [("Handbook", 2)]
    assert (leave.answer.figures, leave.answer.refused) == (1.0, False)
    assert leave.answer.support.supported == leave.answer.support.statements > 0
    assert (done.model, done.embedding, done.principal, done.documents) == ("extractive", "hash", "tom", 2)


def test_the_summary_of_the_run_says_how_good_it_was(shelf: Shelf) -> None:
    overall = summarise(asked(shelf, *ASKED)).overall
    assert overall["refused_unanswerable"].value == 1
    assert overall["page_recall@5"].value == pytest.approx(2 / 3)  # what may not be read is not found
    assert overall["right"].value == pytest.approx(3 / 4)
    assert overall["citation_precision"].value == 1


def test_rights_are_those_of_who_asks(shelf: Shelf) -> None:
    as_member, as_admin = asked(shelf, ASKED[0], ASKED[2]), asked(shelf, ASKED[0], ASKED[2], principal=ADA)
    assert as_member.missing == ("Board",)
    assert not any("Board" in one.document for one in as_member.outcomes[1].ranked)
    assert "November" not in as_member.to_json().replace("In November", "")
    assert as_admin.missing == ()
    assert as_admin.outcomes[1].ranked[0].document == "Board"


def test_a_search_alone_answers_nothing(shelf: Shelf) -> None:
    done = asked(shelf, *ASKED, answers=False)
    assert (done.model, done.with_answers) == ("", False)
    assert "right" not in summarise(done).overall


def test_the_ranking_begins_as_the_application_lists_it_and_goes_on(shelf: Shelf) -> None:
    shelf.add("Rules", [f"Rule {n} about the leave of staff" for n in range(30)])
    about = question("rules", "Which rule is about the leave of staff?", "Rules")
    (outcome,) = asked(shelf, about, answers=False).outcomes
    listed = [passage.chunk_id for passage in shelf.retriever.retrieve(about.text, TOM).passages]
    assert [one.chunk for one in outcome.ranked][: len(listed)] == listed
    assert len(outcome.ranked) > len(listed)
    assert len({one.chunk for one in outcome.ranked}) == len(outcome.ranked)


def test_a_later_turn_comes_with_the_questions_before_it(shelf: Shelf) -> None:
    first = "Up to what amount are hotel costs paid a night?"
    follow_up = question("2", "And what about annual leave of full-time staff?", "Handbook", 2, history=(first,))
    whole = question("1", first, "Travel")
    done = asked(shelf, whole, follow_up)
    assert done.outcomes[1].ranked[0].document == "Handbook"
    alone = question("3", "Why?", "Travel")
    assert asked(shelf, replace(alone, history=(first,)), answers=False).outcomes[0].ranked[0].document == "Travel"


def test_progress_is_told_and_a_cancelled_run_ends(shelf: Shelf) -> None:
    told: list[tuple[int, int]] = []
    cancel = threading.Event()

    def after_two(done: int, of: int) -> None:
        told.append((done, of))
        if done == 2:
            cancel.set()

    known = QuestionSet(name="set", questions=ASKED)
    corpus = Corpus(shelf.documents.catalogue(TOM), known)
    with pytest.raises(Cancelled):
        evaluate(known, corpus, shelf.retriever, TOM, on_progress=after_two, cancel=cancel)
    assert told == [(1, 4), (2, 4)]


def test_without_the_embedding_model_nothing_is_measured(shelf: Shelf) -> None:
    shelf.embedder.away = True
    with pytest.raises(Unavailable, match="models process is starting"):
        asked(shelf, *ASKED)


class Failing(Extractive):
    """Fails for what has these words in it."""

    def __init__(self, words: str) -> None:
        super().__init__()
        self.words = words

    def stream(self, prompt, cancel):  # type: ignore[no-untyped-def]
        if self.words in prompt.question:
            raise InvalidInput("The prompt is too long.")
        yield from super().stream(prompt, cancel)


def test_a_question_that_fails_is_kept_with_its_reason_and_the_others_go_on(shelf: Shelf) -> None:
    known = QuestionSet(name="set", questions=ASKED)
    corpus = Corpus(shelf.documents.catalogue(TOM), known)
    done = evaluate(known, corpus, shelf.retriever, TOM, llm=Failing("hotel"))
    assert [outcome.error for outcome in done.outcomes] == ["", "The prompt is too long.", "", ""]
    found = replace(known, questions=tuple(one for one in ASKED if one.answerable))  # others reach no model
    with pytest.raises(InvalidInput, match="too long"):
        evaluate(found, corpus, shelf.retriever, TOM, llm=Failing(""))


class _Asked:
    """Quotes what it is given, and keeps how it was asked."""

    name = "asked"

    def __init__(self) -> None:
        self.prompts: list[Prompt] = []

    def stream(self, prompt: Prompt, cancel: threading.Event) -> Iterator[str]:
        self.prompts.append(prompt)
        yield f"{prompt.passages[0].text} [1] Leave lasts 40 days [1]."


def test_a_model_is_asked_and_checked_as_the_chat_does(shelf: Shelf) -> None:
    for n in range(3):
        shelf.add(f"Holidays {n}", f"{LEAVE} This holds for annual leave of full-time staff at site {n}.")
    known, model = QuestionSet(name="set", questions=ASKED[:1]), _Asked()
    corpus = Corpus(shelf.documents.catalogue(TOM), known)
    house = HouseInstructions(3, "Address people formally.")
    budget, check = Budget(source_tokens=1), Check(Verifier(), Unsupported.DROP)
    evaluate(known, corpus, shelf.retriever, TOM, llm=model, patience=0.0)
    done = evaluate(
        known, corpus, shelf.retriever, TOM, llm=model, house=house, budget=budget, check=check, patience=0.0
    )
    alone, asked = model.prompts
    assert (alone.house.text, asked.house) == ("", house)
    assert len(alone.passages) > len(asked.passages) == LEAST
    answer = done.outcomes[0].answer
    assert answer is not None
    assert "30 days" in answer.text
    assert "40 days" not in answer.text
