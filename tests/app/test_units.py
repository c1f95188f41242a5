from __future__ import annotations

import pytest

from app.units import names_unit, unit_told


@pytest.mark.parametrize(
    ("caption", "told"),
    [
        ("Table 1 Key figures of the group, in million euros", "in million euros"),
        ("(in millions, except per share amounts)", "in millions, except per share amounts"),
        ("(Dollars in millions)", "Dollars in millions"),
        ("The provision for income taxes was as follows (in millions):", "in millions"),
        ("(net income in millions and shares in thousands):", "net income in millions and shares in thousands"),
        ("Net sales (Millions)", "Millions"),
        ("Umsatz nach Produkt, Mio. EUR", "Mio. EUR"),
        ("Angaben in TEUR", "in TEUR"),
        ("Energieverbrauch in MWh", "in MWh"),
        ("Share of orders in %", "in %"),
        ("Useful lives in years:", "in years"),
    ],
)
def test_a_caption_tells_the_unit_of_all_numbers_below(caption: str, told: str) -> None:
    assert unit_told(caption) == told


@pytest.mark.parametrize(
    "caption",
    [
        "",
        "Key figures of the group",
        "Changes in second quarter results",
        "Employees in year 2022",
        "Sites in PA and MA",
        "Consumer Business (16.6% of consolidated sales):",
        "millions and shares in thousands):",  # begins on the line above: half of it would be wrong
        "(in",
        "()" * 500,
    ],
)
def test_another_caption_tells_none(caption: str) -> None:
    assert unit_told(caption) == ""


@pytest.mark.parametrize("column", ["Price in EUR", "Days", "Weight (kg)", "Umsatz, Mio. EUR", "%"])
def test_a_column_may_have_a_unit_of_its_own(column: str) -> None:
    assert names_unit(column)


@pytest.mark.parametrize("column", ["2025", "Budget 2026", "Change on 2024", "Product", ""])
def test_or_not(column: str) -> None:
    assert not names_unit(column)
