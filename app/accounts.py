"""Which of a company's primary statements holds what is asked: the balance sheet, income or cash flows.

A question for a quick ratio or for capital expenditure rarely says where its figures stand, and reports call each
statement by several names. The names and items are those of IAS 1 (54, 82), IAS 7 (10, 18) and of textbooks on ratios,
in English and German. Not covered: equity's changes, other comprehensive income, figures of segments.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_GROWTH = r"(?:growth|growth rate|CAGR|change|increase|decrease)"


@dataclass(frozen=True, slots=True)
class _Statement:
    """`names` as headings give them, `called` as people do, `holds` its items and the ratios made of them."""

    names: tuple[str, ...]
    called: re.Pattern[str]
    holds: re.Pattern[str]


def _any_of(*words: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(words)})\b", re.I)


_STATEMENTS = (
    _Statement(
        ("balance sheet", "statement of financial position", "Bilanz", "Konzernbilanz"),
        _any_of(r"balance sheets?", r"statements? of financial position", "(?:konzern)?bilanz"),
        _any_of(
            r"(?:quick|current|liquidity|debt.to.equity) ratio",
            r"working capital",
            r"(?:total|current|fixed|net|intangible) assets",
            r"(?:total|current) liabilities",
            r"accounts? (?:payable|receivable)s?",
            r"inventor(?:y|ies)",
            r"(?:asset|inventory) turnover",
            r"days (?:payables?|sales|inventory) outstanding",
            r"cash conversion cycle",
            r"return on (?:assets|equity)",
            r"PP&?N?E",
            r"property,? plant,? (?:and|&) equipment",
            r"(?:share|stock)holders['’]? equity",
            r"total debt",
            r"cash (?:and|&) cash equivalents",
            r"goodwill",
            r"capital.intensive",
            r"bilanzsumme|eigenkapital(?:quote)?|verbindlichkeiten|forderungen|vorräte|(?:anlage|umlauf)vermögen",
        ),
    ),
    _Statement(
        (
            "income statement",
            "statement of income",
            "statement of operations",
            "statement of earnings",
            "statement of profit or loss",
            "profit and loss account",
            "Gewinn- und Verlustrechnung",
        ),
        _any_of(
            r"income statements?",
            r"statements? of (?:income|operations|earnings|profit (?:or|and) loss)",
            r"profit (?:and|&|or) loss (?:statements?|accounts?)",
            r"P&L",
            r"gewinn- und verlustrechnung|GuV",
        ),
        _any_of(
            r"(?:gross|operating|net|profit|pre-?tax) (?:profits?|margins?|income|earnings|loss)",
            r"EBITDA?",
            r"EPS|earnings per share",
            r"effective tax rate",
            r"cost of (?:goods sold|sales|revenues?)|COGS",
            r"SG&A|R&D expenses?|interest expense",
            r"return on (?:assets|equity)",
            r"(?:total|net) (?:revenues?|sales)",
            rf"(?:revenue|sales) {_GROWTH}|{_GROWTH} (?:in|of) (?:revenues?|sales)",
            r"top ?line",
            r"capital.intensive",
            r"umsatzerlöse|rohertrag|betriebsergebnis|jahresüberschuss|umsatzwachstum|steuerquote",
        ),
    ),
    _Statement(
        ("cash flow statement", "statement of cash flows", "Kapitalflussrechnung"),
        _any_of(r"cash ?flows? statements?", r"statements? of cash ?flows?", "kapitalflussrechnung"),
        _any_of(
            r"capital expenditures?|cap ?ex",
            r"(?:free |operating )?cash ?flows?",
            r"cash from operations",
            r"depreciation|amortization|amortisation|EBITDA",
            r"dividends? paid|cash dividends?",
            r"(?:share|stock) (?:repurchases?|buybacks?)",
            r"capital.intensive",
            r"investitionen|abschreibungen",
        ),
    ),
)


def statements(question: str) -> tuple[str, ...]:
    """All names of the statements that the question names or, where it names none, that hold what it asks for."""
    found = [one for one in _STATEMENTS if one.called.search(question)]
    found = found or [one for one in _STATEMENTS if one.holds.search(question)]
    return tuple(name for one in found for name in one.names)


def terms(question: str) -> list[tuple[int, int]]:
    """Where in the question, by (start, end), items, ratios and statements stand. A report may call them otherwise."""
    found = (each.finditer(question) for one in _STATEMENTS for each in (one.called, one.holds))
    return [match.span() for matches in found for match in matches]
