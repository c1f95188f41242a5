from __future__ import annotations

import pytest

from app.courtesy import without_courtesy


@pytest.mark.parametrize(
    "sentence",
    [
        "Dear all,",
        "Dear Ms Miller,",
        "I hope you are well.",
        "I hope this e-mail finds you well.",
        "Thank you very much for your patience.",
        "Please contact us if you have any questions.",
        "If you have any further questions, please do not hesitate to contact me.",
        "We look forward to seeing you.",
        "I am writing to inform you about the following:",
        "Welcome to the team!",
        "Kind regards",
        "Yes.",
        "Sehr geehrte Damen und Herren,",
        "Liebe Kolleginnen und Kollegen,",
        "Bei Fragen stehen wir Ihnen gerne zur Verfügung.",
        "Vielen Dank für Ihr Verständnis.",
        "Wir freuen uns auf Sie.",
        "Mit freundlichen Grüßen",
    ],
)
def test_courtesies_claim_nothing(sentence: str) -> None:
    assert without_courtesy(sentence) == ""


@pytest.mark.parametrize(
    "sentence",
    [
        "Staff may take unlimited leave.",
        "Feel free to take unlimited leave.",
        "Thank you for returning all laptops before leaving.",
        "Thank you for your patience, refunds take two weeks.",
        "Please contact us within 14 days.",
        "Ask your manager for a form and return it signed.",
        "Welcome drinks are free.",
        "We look forward to paying you a bonus.",
        "Vielen Dank, der Urlaub ist genehmigt.",
        "Bei Fragen zur Kündigung gilt das Gesetz.",
    ],
)
def test_what_says_more_is_a_claim(sentence: str) -> None:
    assert without_courtesy(sentence) == sentence


def test_a_salutation_before_a_claim_is_left_out() -> None:
    assert without_courtesy("Dear Ms Miller, hotels cost 120 euros.") == "hotels cost 120 euros."
    assert without_courtesy("Guten Tag, Hotels kosten höchstens 120 Euro.") == "Hotels kosten höchstens 120 Euro."
