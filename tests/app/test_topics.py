from __future__ import annotations

from app.statements import statements_of
from app.topics import contrary, topic
from app.words import content_words
from storage.types import Passage

SETTING = "Connections > max_sessions (integer)"
TEXT = "The default is 40. More sessions need more memory. The server reads max_sessions at the start."


def about(question: str, place: int, *, heading: str = SETTING, text: str = TEXT, title: str = "Server guide") -> str:
    passage = Passage("c", "d", "v", title, "g.html", 1, 0, len(text), heading, text, 1.0)
    return topic(content_words(question), passage, statements_of(passage), place)


def test_a_statement_that_leaves_out_what_is_asked_about_is_under_a_topic() -> None:
    assert about("What is the default of max_sessions?", 0) == "max_sessions (integer)"


def test_a_statement_that_says_it_needs_none() -> None:
    assert about("What is the default of max_sessions?", 2) == ""


def test_a_heading_that_has_nothing_of_the_question_is_none() -> None:
    assert about("What is the default port?", 0) == ""


def test_a_heading_in_the_text_is_nearer_than_that_of_the_passage() -> None:
    text = "Idle time\n\nIt ends after 20 minutes."
    assert about("How long is the idle time?", 1, text=text) == "Idle time"


def test_a_question_or_the_title_of_the_document_is_no_topic() -> None:
    asked = "What is the default of max_sessions?"
    assert about(asked, 0, heading="What is max_sessions?") == ""
    assert about(asked, 0, heading="max_sessions", title="max_sessions") == ""


def test_what_begins_with_a_pronoun_is_under_the_heading_that_shares_a_word() -> None:
    text = "This is the safest way to keep a password."
    assert about("What is the safest password method?", 0, heading="Salted method", text=text) == "Salted method"


def test_a_heading_as_long_as_a_sentence_is_none() -> None:
    assert about("What is the default of max_sessions?", 0, heading="max_sessions and what else " * 4) == ""


def test_a_heading_that_denies_is_contrary_to_a_question_that_does_not() -> None:
    assert contrary("What does the warranty cover?", "Terms > 4 What is not covered")
    assert not contrary("What is not covered?", "Terms > 4 What is not covered")
    assert not contrary("What does the warranty cover?", "What it does not say > 3 What is covered")
    assert not contrary("What does the warranty cover?", "")
