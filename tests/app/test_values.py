from __future__ import annotations

from dataclasses import replace

import pytest

from app.values import field_of, find_value, relevant
from storage.types import Passage, PassageRow, PassageTable

CONTRACT = """\
Version: Signed 14 June 2024

This agreement is made between Kaltenbrook GmbH, Oldenburg (the "Buyer"), and Ostrow Ltd, Hull (the "Supplier").

Invoices are payable within 30 days of receipt. If the Buyer pays within 10 days, a discount of 2 % is granted.

Each party may terminate it with six months' notice to the end of a quarter. Late delivery costs EUR 1,250.50 a day.

E-mail: orders@ostrow.example

Hotline: +44 20 7946 0000
"""
GERMAN = (
    "Vertragspartner: Ostrow Ltd\n\nDer Vertrag wurde am 3. März 2025 geschlossen. "
    "Die Kündigungsfrist beträgt drei Monate. Die Zahlung erfolgt innerhalb von 14 Tagen."
)


def passage(text: str, tables: tuple[PassageTable, ...] = ()) -> Passage:
    return Passage("c", "d", "v", "Contract", "c.pdf", 1, 0, len(text), "", text, tables=tables)


def value(name: str, text: str) -> str | None:
    source = passage(text)
    found = find_value(field_of(name), [source])
    if found is not None:
        assert " ".join(found.text.split()) in " ".join(source.text[found.start : found.end].split())
    return found.text if found else None


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("supplier", "Ostrow Ltd"),
        ("buyer", "Kaltenbrook GmbH"),
        ("contract date", "14 June 2024"),
        ("signing date", "14 June 2024"),
        ("payment term", "30 days"),
        ("notice period", "six months"),
        ("delivery penalty", None),
        ("delivery cost", "EUR 1,250.50"),
        ("discount", "2 %"),
        ("e-mail", "orders@ostrow.example"),
        ("hotline", "+44 20 7946 0000"),
        ("governing law", None),
        ("...", None),
    ],
)
def test_a_value_is_found_or_the_field_is_empty(name: str, said: str | None) -> None:
    assert value(name, CONTRACT) == said


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Vertragspartner", "Ostrow Ltd"),
        ("Kündigungsfrist", "drei Monate"),
        ("Vertragsdatum", "3. März 2025"),
        ("Zahlungsfrist", "14 Tagen"),
        ("Gerichtsstand", None),
    ],
)
def test_german_documents_too(name: str, said: str | None) -> None:
    assert value(name, GERMAN) == said


def test_a_row_of_a_table_gives_its_first_figure_with_the_column_s_name() -> None:
    text = "Price 3.15 2.95"
    row = PassageRow(0, len(text), ("Price", "3.15", "2.95"))
    table = PassageTable(0, len(text), ("", "2025", "2024"), (row,))
    found = find_value(field_of("price"), [passage(text, (table,))])
    assert found is not None
    assert (found.text, found.start, found.end) == ("3.15 (2025)", 0, len(text))
    told = replace(table, caption="Prices, in EUR")
    found = find_value(field_of("price"), [passage(text, (told,))])
    assert found is not None
    assert found.text == "3.15 (2025, in EUR)"


def test_a_model_reads_what_may_say_it() -> None:
    law, pay = passage("English law governs."), passage("Payment within 30 days.")
    assert relevant(field_of("payment term"), [law, pay]) == [pay]
