"""Days and periods as English and German texts write them: "May 31, 2020", "1. März 2026", "Q3 2023".

Patterns are bounded in length, so that reading a hostile text stays linear. A day that can be read in two ways
(04/05/2024) is no day. Covered years: 1950 to 2099.
"""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import date

_MONTHS = (
    "jan(?:uary|uar)?|jänner",
    "feb(?:ruary|ruar)?",
    "mar(?:ch)?|märz|mrz",
    "apr(?:il)?",
    "may|mai",
    "june?|juni",
    "july?|juli",
    "aug(?:ust)?",
    "sept?(?:ember)?",
    "o[ck]t(?:ober)?",
    "nov(?:ember)?",
    "de[cz](?:ember)?",
)
YEAR = r"(?:19[5-9]\d|20\d\d)"
_MONTH = r"(?:jan|jän|feb|mar|mär|mrz|apr|may|mai|jun|jul|aug|sep|o[ck]t|nov|de[cz])[a-z]{0,6}\.?"  # quick to compile
_DAY_FIRST = rf"\d{{1,2}}(?:st|nd|rd|th)?\.?\s{{0,2}}(?:of\s|day\sof\s)?{_MONTH}\s{{0,2}},?\s{{0,2}}{YEAR}"
_MONTH_FIRST = rf"{_MONTH}\s{{0,2}}\d{{1,2}}(?:st|nd|rd|th)?\s?,?\s{{0,2}}{YEAR}"
_FIGURES = rf"{YEAR}-\d\d-\d\d|\d{{1,2}}\.\s?\d{{1,2}}\.\s?{YEAR}|\d{{1,2}}/\d{{1,2}}/{YEAR}"
DAY = rf"(?<!\d)(?:{_DAY_FIRST}|{_MONTH_FIRST}|{_FIGURES})(?!\d)"
MONTH = rf"{_MONTH}\s{{0,2}}{YEAR}(?!\d)"
WHEN = rf"(?:{DAY}|{MONTH})"

_ORDINALS = {
    1: "first|1st|erste[ns]?|1\\.",
    2: "second|2nd|zweite[ns]?|2\\.",
    3: "third|3rd|dritte[ns]?|3\\.",
    4: "fourth|4th|vierte[ns]?|4\\.",
}
_OF = r"(?:[\s,-]{1,2}(?:of|the|and|full|fiscal|year|und|des|im|geschäftsjahr(?:es)?)){0,5}[\s,-]{1,2}"


def _compiled() -> list[tuple[re.Pattern[str], str]]:
    """Patterns of quarters and half years with a year each, and what they are called."""
    found: list[tuple[str, str]] = []
    for number, said in _ORDINALS.items():
        year_first = rf"(?P<y2>{YEAR})[\s/-]?q{number}|{number}q[\s/-]?(?P<y3>{YEAR})"
        short = rf"(?:{number}q\s?'?|q{number}\s?'|q{number}\s?fy\s?'?)(?P<y4>\d\d)"
        found += [
            (rf"\b(?:q{number}[\s/-]?(?:fy\s?|fiscal\s)?(?P<y>{YEAR})|{year_first}|{short})\b", f"Q{number}"),
            (
                rf"(?<![\w.])(?:{said})[\s-](?:fiscal[\s-])?(?:quarter|quartal)(?:s|es)?{_OF}(?P<y>{YEAR})\b",
                f"Q{number}",
            ),
        ]
    for number in (1, 2):
        halves = rf"(?:{_ORDINALS[number]})[\s-](?:half(?:[\s-]year)?|halbjahr(?:es)?){_OF}(?P<y>{YEAR})"
        found.append((rf"(?<![\w.])(?:{halves}|h{number}[\s/-]?(?P<y2>{YEAR}))\b", f"H{number}"))
    return [(re.compile(pattern, re.I), name) for pattern, name in found]


_COMPILED_SPANS = _compiled()
_READERS = [
    (re.compile(rf"({YEAR})-(\d\d)-(\d\d)"), "ymd"),
    (re.compile(rf"(\d{{1,2}})\.\s?(\d{{1,2}})\.\s?({YEAR})"), "dmy"),
    (re.compile(rf"(\d{{1,2}})/(\d{{1,2}})/({YEAR})"), "either"),
]
_NAMED_MONTH = [re.compile(rf"\b(?:{names})\b", re.I) for names in _MONTHS]


def day(text: str, *, last: bool = False) -> date | None:
    """The day that `text` (a match of WHEN) names; of a mere month its first day, or its `last`. None if impossible."""
    for pattern, order in _READERS:
        if found := pattern.search(text):
            a, b, c = map(int, found.groups())
            if order == "either":
                return _unambiguous(a, b, c)
            return _date(a, b, c) if order == "ymd" else _date(c, b, a)
    years = re.findall(YEAR, text)
    month = next((number for number, names in enumerate(_NAMED_MONTH, 1) if names.search(text)), None)
    if not years or month is None:
        return None
    year = int(years[-1])
    number = re.search(r"(?<!\d)\d{1,2}(?!\d)", text)
    if number is None:
        return date(year, month, monthrange(year, month)[1] if last else 1)
    return _date(year, month, int(number[0]))


def span(text: str) -> tuple[str, str, int, int] | None:
    """The first quarter or half year named in `text`: ("Q3", "2023", start, end)."""
    best: tuple[str, str, int, int] | None = None
    for pattern, name in _COMPILED_SPANS:
        found = pattern.search(text)
        if found and (best is None or found.start() < best[2]):
            best = (name, _year(found), found.start(), found.end())
    return best


def _year(found: re.Match[str]) -> str:
    said = next(value for value in found.groupdict().values() if value)
    return said if len(said) > 2 else f"20{said}"


def spans(text: str) -> list[tuple[str, str]]:
    """All of them, by kind and not in text order."""
    return [(name, _year(found)) for pattern, name in _COMPILED_SPANS for found in pattern.finditer(text)]


def _unambiguous(a: int, b: int, year: int) -> date | None:
    if a > 12 or a == b:
        return _date(year, b, a)
    return _date(year, a, b) if b > 12 else None


def _date(year: int, month: int, number: int) -> date | None:
    try:
        return date(year, month, number)
    except ValueError:
        return None
