from __future__ import annotations

import time

import pytest

from app.enumeration import parted
from app.modes import drafted, field_names, mode_of, recognise, summarised, wanted
from app.sides import Sides, sides
from storage.errors import InvalidInput
from storage.types import Mode

COMPARISONS = {
    "Compare the number of staff of Acme at the end of 2021 with that of Globex at the end of 2022.": Sides(
        ("Acme at the end of 2021", "Globex at the end of 2022"), ("number of staff",)
    ),
    "How does the price of the KX-200 compare with that of the KX-250?": Sides(("KX-200", "KX-250"), ("price",)),
    "Compare leave in Germany to leave in Portugal": Sides(("Germany", "Portugal"), ("leave",)),
    "Vergleiche die Kündigungsfrist in Deutschland mit der in Tschechien": Sides(
        ("Deutschland", "Tschechien"), ("Kündigungsfrist",)
    ),
    "Compare the travel policy and the remote work policy on notice periods and approval": Sides(
        ("travel policy", "remote work policy"), ("notice periods", "approval")
    ),
    "Compare the notice periods of Acme and Globex": Sides(("Acme", "Globex"), ("notice periods",)),
    "What is the difference between annual leave and sick leave?": Sides(("annual leave", "sick leave")),
    "How does the north site differ from the south site in opening hours?": Sides(
        ("north site", "south site"), ("opening hours",)
    ),
    "Was ist der Unterschied zwischen Urlaub und Sonderurlaub?": Sides(("Urlaub", "Sonderurlaub")),
    "Vergleiche den Vertrag mit Ostrow und den Vertrag mit Kerber hinsichtlich Laufzeit": Sides(
        ("Vertrag mit Ostrow", "Vertrag mit Kerber"), ("Laufzeit",)
    ),
    "Vergleiche das alte mit dem neuen Handbuch": Sides(("alte", "neuen Handbuch")),
    "KX-200-40 vs KX-200-65: price": Sides(("KX-200-40", "KX-200-65"), ("price",)),
}
SUMMARIES = {
    "Summarise the employee handbook": "the employee handbook",
    "Can you summarize the travel policy for me?": "the travel policy",
    "Please give me a short summary of the security policy.": "the security policy",
    "Fasse die Arbeitsordnung zusammen": "die Arbeitsordnung",
    "Kannst du mir das Handbuch kurz zusammenfassen?": "das Handbuch",
    "Bitte eine Zusammenfassung der Arbeitsordnung": "Arbeitsordnung",
    "Summarise": "",
}
FIELDS = {
    "Extract supplier, contract date and notice period from all contracts": (
        ("supplier", "contract date", "notice period"),
        "all contracts",
    ),
    "List the supplier and the notice period for all contracts": (("supplier", "notice period"), "all contracts"),
    "Please make a table with supplier and price from all contracts": (("supplier", "price"), "all contracts"),
    "Extrahiere Lieferant und Kündigungsfrist aus allen Verträgen": (
        ("Lieferant", "Kündigungsfrist"),
        "allen Verträgen",
    ),
    "Erstelle eine Tabelle mit Lieferant und Laufzeit aus allen Verträgen": (
        ("Lieferant", "Laufzeit"),
        "allen Verträgen",
    ),
}
DRAFTS = {
    "Draft an e-mail to new employees about remote work": "e-mail",
    "Write a short polite letter to Tom that explains carrying over leave": "letter",
    "Schreibe eine E-Mail an alle Mitarbeiter über die neue Reiserichtlinie": "e-mail",
    "Kannst du mir einen Brief an den Lieferanten entwerfen?": "brief",
    "Entwirf eine kurze Antwort auf eine Reklamation": "antwort",
}
ANSWERS = [
    "How many days of annual leave do full-time staff have?",
    "How do I write an e-mail to IT?",
    "Who pays more, Acme or Globex?",
    "List all holidays",
    "What does the summary of the report say?",
    "How long is the notice period for all employees?",
    "What is the difference?",
    "Wie lang ist die Kündigungsfrist?",
    "Wer schreibt die Zusammenfassung des Berichts?",
    "",
]


@pytest.mark.parametrize(
    ("mode", "questions"),
    [
        (Mode.COMPARISON, COMPARISONS),
        (Mode.SUMMARY, SUMMARIES),
        (Mode.FIELDS, FIELDS),
        (Mode.DRAFT, DRAFTS),
        (Mode.ANSWER, ANSWERS),
    ],
)
def test_a_question_s_words_say_what_it_asks_for(mode: Mode, questions: list[str]) -> None:
    assert {question: recognise(question) for question in questions} == dict.fromkeys(questions, mode)


def test_the_things_compared_and_the_respects_are_told_apart() -> None:
    assert {question: sides(question) for question in COMPARISONS} == COMPARISONS


def test_what_is_to_be_summarised_is_told() -> None:
    assert {question: summarised(question) for question in SUMMARIES} == SUMMARIES


def test_the_fields_and_their_documents_are_told() -> None:
    found = {question: wanted(question) for question in FIELDS}
    assert {question: one and (one.fields, one.of) for question, one in found.items()} == FIELDS


def test_the_kind_of_text_is_told() -> None:
    assert {question: drafted(question) for question in DRAFTS} == DRAFTS


def test_names_of_fields_are_parted_without_their_articles() -> None:
    assert field_names("the supplier; its price, and the end.") == ("supplier", "price", "end")
    assert field_names(" , ; ") == ()


@pytest.mark.parametrize(
    ("said", "parts"),
    [
        ("a und b", ["a", "b"]),
        ("price and weight and flow", ["price", "weight", "flow"]),
        ("sales, research and development and staff", ["sales", "research and development", "staff"]),
        ("leave and travel policy and the security policy", ["leave and travel policy", "the security policy"]),
        ("a, b, and c and d", ["a", "b", "c and d"]),
        ("", []),
    ],
)
def test_a_list_is_parted_where_its_last_and_stands(said: str, parts: list[str]) -> None:
    assert parted(said) == parts


def test_a_mode_is_named_by_its_word() -> None:
    assert (mode_of("Summary "), mode_of(""), mode_of(None)) == (Mode.SUMMARY, None, None)
    with pytest.raises(InvalidInput, match="answer, comparison"):
        mode_of("poem")


@pytest.mark.parametrize("piece", ["compare a and ", "extract a from ", "how do a differ from ", "vs ", "a, ", "for "])
def test_a_long_question_is_told_in_no_time(piece: str) -> None:
    began = time.process_time()
    recognise(piece * 2000)
    assert time.process_time() - began < 5
