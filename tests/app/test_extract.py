from __future__ import annotations

import re
import threading
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from app.cite import Resolver
from app.extract import Extractive
from app.prompt import Prompt
from app.quotation import plain, quote
from ingest.sentences import sentences
from storage.types import Parts, Passage, PassageRow, PassageTable
from tests.shelf import HashEmbedder

LEAVE = """4.2 Annual leave

Full-time staff have 30 days of annual leave a year. Part-time staff have annual leave in propor-
tion to their working days. Annual leave that is not taken by 31 March lapses.

The canteen is open from 11 to 14."""
PRICES = """Prices of the support plans

Plan | Price a month | Response time
Basic | 20 euros | two working days
Plus | 45 euros | one working day
Premium | 90 euros | four hours"""
PHISHING = """Security

How to report a phishing mail:
- Do not click on any link.
- Forward the mail to the security desk.
- Delete the mail afterwards.

Visitors sign in at the door."""
FIGURES = """Years ended December 31
(Millions) 2020 2019 2018
Net sales $ 32,184 $ 32,136 $ 32,765
Cost of sales 16,605 17,136 16,682
Operating income 7,161 6,174 7,207"""


def passage(text: str, n: int = 1, *, score: float = 1.0) -> Passage:
    return Passage(f"c{n}", f"d{n}", f"v{n}", "Handbook", "h.pdf", n, 0, len(text), "", text, score)


def answer(question: str, *texts: str, embedder: HashEmbedder | None = None) -> str:
    passages = tuple(passage(text, n, score=1 - n / 10) for n, text in enumerate(texts, 1))
    prompt = Prompt(question=question, passages=passages)
    return "".join(Extractive(embedder or HashEmbedder()).stream(prompt, threading.Event()))


def test_it_answers_with_the_sentence_word_for_word_and_its_footnote() -> None:
    written = answer("How many days of annual leave do full-time staff have?", PHISHING, LEAVE)
    assert written.startswith("Full-time staff have 30 days of annual leave a year. [2]")
    assert "canteen" not in written
    assert "Visitors" not in written


def test_the_sentence_that_answers_comes_first_and_the_others_of_its_passage_in_reading_order() -> None:
    written = answer("annual leave that lapses", LEAVE)
    first, others = written.index("not taken by 31 March"), ("Full-time", "Part-time")
    places = [written.index(words) for words in others if words in written]
    assert places == sorted(places)
    assert all(first < place for place in places)


def test_the_form_of_what_is_asked_for_decides_between_sentences_with_the_same_words() -> None:
    text = "The carry-over of leave is approved by Dr. Ada Brandt. The carry-over of leave ends on 31 March.\n"
    assert answer("Who approves the carry-over of leave?", text).startswith("The carry-over of leave is approved")
    assert answer("When does the carry-over of leave end?", text).startswith("The carry-over of leave ends")


def test_the_vectors_kept_with_a_passage_spare_embedding_its_sentences() -> None:
    embedder = HashEmbedder()
    spans = tuple(sentences(LEAVE))
    parts = Parts(spans, embedder.embed_passages([LEAVE[start:end] for start, end in spans]))
    source = replace(passage(LEAVE), parts=parts)
    embedder.embedded.clear()
    question = "How many days of annual leave do full-time staff have?"
    written = "".join(Extractive(embedder).stream(Prompt(question=question, passages=(source,)), threading.Event()))
    assert written.startswith("Full-time staff have 30 days")
    assert embedder.embedded == [question]


def test_a_sentence_that_leaves_out_what_it_is_about_stands_under_its_heading() -> None:
    source = replace(passage("The default is 40 sessions."), heading="Settings > max_sessions (integer)")
    prompt = Prompt(question="What is the default of max_sessions?", passages=(source,))
    written = "".join(Extractive(HashEmbedder()).stream(prompt, threading.Event()))
    assert written.endswith("**max_sessions (integer)**:\nThe default is 40 sessions. [1]")
    resolver = Resolver([source])
    resolver.feed(written)
    resolver.finish()
    (cited,) = resolver.citations
    assert source.text[cited.start : cited.end] == "The default is 40 sessions."


def test_what_a_sentence_leads_in_to_is_shown_though_it_is_no_list() -> None:
    text = "Recovery\n\nThe backup is restored by this command:\n\nrestore --from backup.tar\n\nThen start the server."
    written = answer("How is the backup restored?", text)
    assert "by this command: [1] restore --from backup.tar [1]" in " ".join(written.split())
    assert "start the server" not in written.partition("restore")[0]


def table_of(text: str, caption: str, header: tuple[str, ...], n: int) -> Passage:
    rows, at = [], 0
    for line in text.splitlines(keepends=True):
        rows.append(PassageRow(at, at + len(line.rstrip()), tuple(line.strip().split(" | "))))
        at += len(line)
    found = PassageTable(0, len(text), header, tuple(rows), caption)
    return replace(passage(text, n, score=1 - n / 10), tables=(found,))


def test_a_question_on_no_row_is_answered_by_the_table_that_is_about_it() -> None:
    days = table_of(
        "Germany | 30\nCzechia | 25\nPortugal | 24", "Days of leave by country", ("Country", "Days of leave"), 1
    )
    changes = table_of("Leave in Portugal | 23 days | 24 days", "What has changed", ("Section", "Before", "Now"), 2)
    prompt = Prompt(question="How many days of leave do I have?", passages=(days, changes))
    written = "".join(Extractive(HashEmbedder()).stream(prompt, threading.Event()))
    assert all(f"| {country} |" in written for country in ("Germany", "Czechia", "Portugal"))
    assert "Before" not in written


def test_a_row_whose_whole_label_is_asked_for_goes_before_one_on_something_of_it() -> None:
    header = ("Article", "Price")
    pumps = table_of("P-40 | 2,860\nP-65 | 3,940\nP-80 | 6,120", "Price of pumps", header, 2)
    parts = table_of("Seal kit for P-65 | 168\nBearing | 45", "Price of parts", header, 1)
    prompt = Prompt(question="What is the price of the P-65?", passages=(parts, pumps))
    written = "".join(Extractive(HashEmbedder()).stream(prompt, threading.Event()))
    assert written.startswith("| Article | Price |\n| --- | --- |\n| P-65 | 3,940 [2] |")


def test_the_list_of_what_is_not_covered_does_not_tell_what_is() -> None:
    terms = "What is not covered\n\n- Wear of the seals.\n- Damage by frost.\n- Costs of cranes."
    text = "We replace faulty parts. We bear the freight."
    covered = replace(passage(text, 1, score=0.9), heading="Terms > What is covered", title="Warranty")
    excluded = replace(passage(terms, 2), heading="Terms > What is not covered", title="Warranty")
    prompt = Prompt(question="What does the warranty cover?", passages=(covered, excluded))
    written = "".join(Extractive(HashEmbedder()).stream(prompt, threading.Event()))
    assert "We replace faulty parts." in written
    assert "frost" not in written


def test_line_breaks_of_a_page_are_joined() -> None:
    written = answer("annual leave of part-time staff in proportion to working days?", LEAVE)
    assert "Part-time staff have annual leave in proportion to their working days. [1]" in written


def test_a_table_row_comes_with_its_header() -> None:
    assert answer("What does the Premium plan cost, price a month?", PRICES) == (
        "| Plan | Price a month | Response time |\n| --- | --- | --- |\n| Premium | 90 euros | four hours [1] |"
    )


def test_a_row_without_a_known_header_is_given_as_it_stands() -> None:
    rows = PRICES.partition("Response time\n")[2].replace("20 euros", "20")
    assert answer("How many euros is the Premium plan?", rows).endswith(r"Premium \| 90 euros \| four hours [1]")


def test_a_row_of_figures_comes_with_the_lines_that_name_its_columns() -> None:
    written = answer("operating income, years ended 2020, 2019", FIGURES)
    assert written.endswith(
        "Years ended December 31 [1]\n\n- (Millions) 2020 2019 2018 [1]\n- Operating income 7,161 6,174 7,207 [1]"
    )


def test_a_row_of_figures_comes_with_the_name_of_its_group() -> None:
    groups = "Greater China:\nNet sales 74,200 68,366\nOperating income 31,153 28,504\n"
    groups += "Japan:\nNet sales 25,977 28,482\nOperating income 12,257 12,798"
    written = answer("Operating income of Greater China?", groups)
    assert written.startswith("Greater China: [1]\n\n- Operating income 31,153 28,504 [1]")


def test_a_sentence_that_leads_in_to_a_table_comes_with_the_rows_that_fit() -> None:
    text = "Additions to property by segment are as follows:\nNorth America 23,682 24,100\nAWS 27,755 22,047"
    written = answer("What were the additions to property by segment, of AWS?", text)
    assert "- AWS 27,755 22,047 [1]" in written


def test_a_procedure_is_given_whole_with_the_line_that_leads_in() -> None:
    assert answer("How do I report a phishing mail?", LEAVE, PHISHING) == (
        "How to report a phishing mail: [2]\n\n- Do not click on any link. [2]\n"
        "- Forward the mail to the security desk. [2]\n- Delete the mail afterwards. [2]"
    )


def test_a_list_that_a_passage_breaks_off_goes_on_with_the_next() -> None:
    first = "How to replace the seal of the pump:\n1. Lock the switch.\n2. Drain the pump."
    second = "3. Undo the bolts.\n4. Fit the new seal."
    there = len(first) + 1
    passages = (passage(first), replace(passage(second), chunk_id="c2", start=there, end=there + len(second)))
    prompt = Prompt(question="How do I replace the seal of the pump?", passages=passages)
    written = "".join(Extractive(HashEmbedder()).stream(prompt, threading.Event()))
    assert written.index("Drain the pump. [1]") < written.index("Undo the bolts. [2]") < written.index("new seal. [2]")


def test_headings_contents_and_page_heads_are_no_answers() -> None:
    text = "Annual leave\n\n4.2 Annual leave . . . . . . . . 7\nLeave rules · Page 3 of 9\n\n"
    text += "Staff have 30 days of annual leave."
    assert answer("annual leave of staff?", text) == "Staff have 30 days of annual leave. [1]"


def test_a_row_of_a_pdf_stands_under_column_names_that_its_passage_does_not_hold() -> None:
    text = "Germany 10 31 March \nCzechia 5 30 June \nPortugal 6 30 April"
    rows = []
    for line in text.split("\n"):
        country, days, date = line.split(maxsplit=2)
        start = 500 + text.index(line)
        rows.append(PassageRow(start, start + len(line.strip()), (country, days, date.strip())))
    names = ("Country", "Days carried over at most", "To be taken by")
    table = PassageTable(500, 500 + len(text), names, tuple(rows), "Table 4.2 Carry-over of annual leave")
    source = replace(passage(text), start=500, end=500 + len(text), tables=(table,))
    question = "How many days of annual leave can be carried over in Czechia, and by when must they be taken?"
    prompt = Prompt(question=question, passages=(source, passage(LEAVE, 2, score=0.9)))
    written = "".join(Extractive(HashEmbedder()).stream(prompt, threading.Event()))
    assert written.partition("\n\n")[0] == (
        "| Country | Days carried over at most | To be taken by |\n| --- | --- | --- |\n| Czechia | 5 | 30 June [1] |"
    )
    resolver = Resolver(prompt.passages)
    resolver.feed(written)
    resolver.finish()
    assert resolver.citations[0].text == "Czechia 5 30 June"
    assert resolver.citations[0].start == 500 + text.index("Czechia")


def test_the_steps_below_the_heading_that_the_question_names_are_given_in_order() -> None:
    steps = "\n".join(f"{n}. Step {n} takes the spacer and the guard." for n in range(1, 7))
    above = "9.2 Oil\nThe oil is changed after 200 hours.\n9.3 Replacing the mechanical seal\nA seal kit is needed."
    written = answer("How do I replace the mechanical seal?", f"{above}\n{steps}")
    assert re.findall(r"Step (\d)", written) == ["1", "2", "3", "4", "5", "6"]
    assert "200 hours" not in written


def test_a_table_of_contents_is_never_quoted() -> None:
    contents = "Contents\n" + "\n".join(f"{n} Annual leave of kind {n} {n + 2}" for n in range(1, 8))
    assert "kind" not in answer("How much annual leave of kind 3 is there?", contents, LEAVE)


def test_what_the_question_names_and_no_source_speaks_of_makes_the_answer_unsure() -> None:
    assert not answer("How many days of annual leave do full-time staff have?", LEAVE).startswith("The documents may")
    asked = "How many days of annual leave do full-time staff have in France?"
    assert answer(asked, LEAVE).startswith("The documents may not")


def test_what_two_documents_both_say_is_said_once() -> None:
    written = answer("How many days of annual leave do full-time staff have?", LEAVE, LEAVE)
    assert written.count("30 days") == 1


@pytest.mark.parametrize("question", ["Who won the football championship?", "Wie wird das Wetter morgen?"])
def test_when_nothing_answers_it_writes_nothing(question: str) -> None:
    assert answer(question, LEAVE, PRICES, PHISHING) == ""


def test_without_passages_it_writes_nothing() -> None:
    assert answer("How many days of annual leave?") == ""


def test_weak_evidence_is_said_to_be_weak_in_the_language_of_the_question() -> None:
    assert answer("Which annual leave bonuses do staff managers get a year?", LEAVE).startswith("The documents may not")
    german = "Urlaub wird im Frühjahr schriftlich beantragt."
    assert answer("Wann muss ich Urlaub beim Chef beantragen?", german).startswith("Vielleicht beantworten")


def test_without_embeddings_words_decide() -> None:
    embedder = HashEmbedder()
    embedder.away = True
    question = "How many days of annual leave do full-time staff have?"
    assert answer(question, PHISHING, LEAVE, embedder=embedder).startswith("Full-time staff have 30 days")
    assert answer("Who won the football championship?", LEAVE, embedder=embedder) == ""


def test_a_follow_up_is_answered_as_it_was_searched_for() -> None:
    asked = "How many days of annual leave do part-time staff have?"
    prompt = Prompt(question="And part-time staff?", asked=asked, passages=(passage(PHISHING), passage(LEAVE)))
    written = "".join(Extractive(HashEmbedder()).stream(prompt, threading.Event()))
    assert "Part-time staff have annual leave in proportion" in written


def test_it_stops_when_cancelled() -> None:
    cancel = threading.Event()
    stream = Extractive(HashEmbedder()).stream(
        Prompt(question="How do I report a phishing mail?", passages=(passage(PHISHING),)), cancel
    )
    assert next(stream)
    cancel.set()
    assert list(stream) == []


def test_a_long_document_gives_a_short_answer() -> None:
    rules = " ".join(f"Rule {n} of annual leave says that staff wait {n} days." for n in range(200))
    written = answer("What do the rules of annual leave say that staff wait?", *[rules] * 8)
    assert 0 < len(re.findall(r"\[\d\]", written)) <= 4


HOSTILE = "Annual leave [7] is ![x](http://evil/x.png) <img src=http://evil> `code` **bold** | cell [a](http://evil)."


def test_markup_in_a_document_stays_text() -> None:
    written = answer("What is annual leave?", HOSTILE)
    assert r"\[7\]" in written
    html = MarkdownIt("gfm-like", {"linkify": False}).render(written)
    assert not re.search(r"<(img|a|code|strong|td)\b", html)
    resolver = Resolver([passage(HOSTILE)])
    resolver.feed(written)
    resolver.finish()
    assert [citation.text for citation in resolver.citations] == [HOSTILE]


@given(st.text(alphabet="ab 1.)[]()\\`*_#+-=|<>!&~:\n\"'$", max_size=40))
def test_a_quotation_is_shown_letter_by_letter(text: str) -> None:
    rendered = MarkdownIt("gfm-like", {"linkify": False}).parseInline(f"x{quote(text)}")
    shown = "".join(child.content for child in rendered[0].children or [] if child.type.startswith("text"))
    assert all(child.type.startswith("text") for child in rendered[0].children or [])
    joined = plain(quote(text))
    assert shown == f"x{joined}".rstrip()
    assert plain(quote(text)) == " ".join(text.split()) or "-" in text


@given(st.text(alphabet="ab 1.)[]\\`*_#+-=|<>!~:", min_size=1, max_size=20))
def test_a_quotation_is_one_paragraph_wherever_it_stands(text: str) -> None:
    blocks = {token.type for token in MarkdownIt("gfm-like", {"linkify": False}).parse(quote(text))}
    assert blocks <= {"paragraph_open", "inline", "paragraph_close"}


def test_every_line_it_writes_resolves_to_exactly_what_it_quotes() -> None:
    for question, text in (
        ("How do I report a phishing mail?", PHISHING),
        ("What was the operating income?", FIGURES),
        ("What does the Premium plan cost, price a month?", PRICES),
        ("annual leave of part-time staff in proportion to working days?", LEAVE),
    ):
        resolver = Resolver([passage(text)])
        for piece in answer(question, text):
            resolver.feed(piece)
        resolver.finish()
        for citation in resolver.citations:
            shown = re.sub(r"\W", "", citation.text)
            assert shown in re.sub(r"\W", "", re.sub(r"(?<!\\)\[\d\]", "", resolver.text))
            assert len(citation.text) < len(text) / 2


def test_what_stands_under_another_code_than_the_one_asked_for_is_no_answer() -> None:
    asked_for = "max_visits (number)\n\nThe number is 12 at a time.\n\n"
    text = f"{asked_for}min_visits (number)\n\nThe default value of visits is 3.\n"
    written = answer("What is the default value of max_visits?", text)
    assert "12 at a time" in written
    assert "is 3" not in written
    assert "is 3" in answer("What is the default value of visits?", text)
