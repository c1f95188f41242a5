"""Reports as pages: everything is in them, nothing is fetched, and foreign text stays text."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from urllib.parse import parse_qs, urlsplit

from app.evaluation import misses
from app.evaluation.measures import compare, summarise
from app.evaluation.outcomes import Run
from app.evaluation.questions import Place
from app.evaluation.report import render
from app.search import place
from tests.app.evaluation.runs import HOSTILE, REFUSAL, VERSION, answer, found, run, unanswerable

FULL = run(
    [
        *[replace(found(f"right-{n}", ("a", 1), confidence=0.9 - n / 50), answer=answer()) for n in range(12)],
        *[found(f"missed-{n}", ("b", 3), kind="table", confidence=0.4 - n / 50) for n in range(4)],
        replace(found("refused", ("a", 1)), answer=REFUSAL),
        replace(unanswerable("made-up"), answer=answer("It is 7 [1]", ("b", 2))),
        replace(unanswerable("rightly"), answer=REFUSAL),
        replace(found("failed"), error="The index does not answer."),
    ]
)


class Page(HTMLParser):
    """Every tag with its attributes, and the words."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))
        if tag not in ("meta", "circle", "path", "rect"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("circle", "path", "rect"):
            assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data: str) -> None:
        self.words += data


def page(done: Run, *, before: Run | None = None, base: str | None = None) -> Page:
    comparison = compare(before, done) if before else None
    html = render(done, summarise(done), before=before, comparison=comparison, base=base)
    read = Page(html)
    assert read.open == []
    return read


def test_the_figures_the_plots_and_the_questions_that_went_wrong_are_there() -> None:
    shown = page(FULL)
    for words in ("set.jsonl", "20 questions", "answers word for word", "Page recall @5", "All figures", "Risk and"):
        assert words in shown.words
    for heading in (misses.FAILED, misses.NOT_FOUND, misses.WRONG_REFUSAL, misses.MADE_UP):
        assert heading in shown.words
    assert "Failed, and counted as missed: 1 question. The first: The index does not answer." in shown.words
    names = [attributes["aria-label"] for tag, attributes in shown.tags if tag == "svg" and "aria-label" in attributes]
    assert len(names) >= 4


def test_nothing_is_fetched_and_nothing_runs() -> None:
    before = run(FULL.outcomes[:5])
    html = render(FULL, summarise(FULL), before=before, comparison=compare(before, FULL), base="")
    tags = {tag for tag, _ in Page(html).tags}
    assert not tags & {"script", "img", "link", "iframe", "object", "embed", "image", "use", "form", "base"}
    assert not re.search(r"url\(|@import|javascript:|\son\w+=", html)
    assert not re.search(r"https?://", html)


def test_foreign_text_stays_text_wherever_it_stands() -> None:
    one = FULL.outcomes[12]
    question = replace(
        one.question, id=HOSTILE, text=HOSTILE, kind=HOSTILE, documents=(HOSTILE,), pages=(Place(HOSTILE, 1),)
    )
    question = replace(question, answers=(HOSTILE,), history=(HOSTILE,))
    ranked = tuple(replace(first, document=HOSTILE) for first in one.ranked)
    hostile = replace(one, question=question, ranked=ranked, answer=answer(HOSTILE), error="")
    failed = replace(FULL.outcomes[-1], error=HOSTILE)
    told = {"name": HOSTILE, "principal": HOSTILE, "model": HOSTILE, "embedding": HOSTILE, "note": HOSTILE}
    attacked = replace(FULL, **told, missing=(HOSTILE,), outcomes=(hostile, failed, *FULL.outcomes[:4]))
    before = replace(attacked, outcomes=(replace(hostile, ranked=()), *attacked.outcomes[1:]))
    shown = page(attacked, before=before, base="")
    assert not {tag for tag, _ in shown.tags} & {"script", "img"}
    assert shown.words.count('<script>alert("x")</script>') >= 12
    assert "\u202e" not in shown.words


def test_passages_are_linked_to_where_they_can_be_opened() -> None:
    assert "a" not in {tag for tag, _ in page(FULL).tags}
    links = [attributes["href"] or "" for tag, attributes in page(FULL, base="https://f.example").tags if tag == "a"]
    assert links
    parts = urlsplit(links[0])
    assert (parts.scheme, parts.netloc, parts.path) == ("https", "f.example", "/search")
    asked = parse_qs(parts.query)
    assert asked["q"][0].startswith("Question ")
    assert place(asked["passage"][0]) == place(f"{VERSION}-3-0-9")


def test_a_comparison_says_what_changed() -> None:
    before = run([replace(found(f"right-{n}", ("b", 1)), answer=answer("x", ("b", 9))) for n in range(12)])
    shown = page(FULL, before=before)
    assert "Against the earlier run" in shown.words
    assert "Page recall @5 changed for 12 questions" in shown.words
    assert "8 stand in one of them alone" in shown.words
    assert any(attributes.get("class") == "better" for tag, attributes in shown.tags if tag == "td")


def test_runs_of_every_shape_have_a_page() -> None:
    """One question, none answerable, no kinds, no answers, one confidence, no time."""
    assert "At a glance" in page(run([unanswerable("1")])).words
    assert "At a glance" in page(run([replace(found("1", ("a", 1)), seconds=0.0)])).words
    assert "At a glance" in page(run([replace(found("1"), error="x")])).words
    assert "no answers" in page(run([found("1", ("a", 1)), found("2", ("b", 2))])).words
    twice = run([found("1", ("a", 1))])
    assert "Against the earlier run" in page(twice, before=twice).words


def test_a_run_without_words_has_the_same_page_but_for_the_answers() -> None:
    full, bare = page(FULL).words, page(FULL.without_words()).words
    assert "It is 7" in full
    assert "It is 7" not in bare
    assert bare.count("Page recall @5") == full.count("Page recall @5")


def test_questions_are_sorted_out_by_how_they_went_wrong() -> None:
    found_ = {heading: [miss.outcome.question.id for miss in ones] for heading, ones in misses.sorted_out(FULL).items()}
    assert found_ == {
        misses.FAILED: ["failed"],
        misses.NOT_FOUND: ["missed-0", "missed-1", "missed-2", "missed-3"],
        misses.WRONG_REFUSAL: ["refused"],
        misses.MADE_UP: ["made-up"],
    }


def test_a_miss_says_where_what_was_needed_stands() -> None:
    places = [("b", n) for n in range(1, 7)]
    (missed,) = misses.sorted_out(run([found("1", *places, ("a", 1))]))[misses.NOT_FOUND]
    assert missed.why == "needed a, page 1: place 7"
    assert [(one.document, one.page) for one in missed.first] == [("b", 1), ("b", 2), ("b", 3)]
