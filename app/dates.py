# ruff: noqa: E501 - patterns and lists of words read better unbroken
"""Days, months, quarters, years and weekdays that a text names, and how often something happens ("twice a month").

English and German. `dates` gives what is named, `agrees` compares; `rates` gives periods. Not covered: "last week" and
whatever depends on today.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

_MONTHS = (
    "january januar jan", "february februar feb", "march märz maerz mar", "april apr", "may mai", "june juni jun",
    "july juli jul", "august aug", "september sept sep", "october oktober oct okt", "november nov",
    "december dezember dec dez",
)  # fmt: skip
_NUMBER_OF = {name: n for n, names in enumerate(_MONTHS, 1) for name in names.split()}
_DAYS = ("monday montag", "tuesday dienstag", "wednesday mittwoch", "thursday donnerstag", "friday freitag",
         "saturday samstag sonnabend", "sunday sonntag")  # fmt: skip
_WEEKDAY = {name: n for n, names in enumerate(_DAYS, 1) for name in names.split()}
_MONTH = "|".join(sorted(_NUMBER_OF, key=len, reverse=True))
_SHORT = "jan feb mar apr may jun jul aug sep sept oct nov dec mai okt dez".split()
_YEAR = r"(?:19|20)\d\d"
_QUARTER = {"first": 1, "1st": 1, "erste": 1, "second": 2, "2nd": 2, "zweite": 2, "third": 3, "3rd": 3, "dritte": 3,
            "fourth": 4, "4th": 4, "vierte": 4}  # fmt: skip
_DATE = re.compile(
    rf"(?P<iso>{_YEAR}-\d\d-\d\d)"
    rf"|(?<!\d)(?P<d1>\d{{1,2}})(?:st|nd|rd|th|\.)?\s(?:of\s)?(?P<m1>{_MONTH})\.?(?:,?\s(?P<y1>{_YEAR}))?(?![^\W_])"
    rf"|(?<![^\W_])(?P<m2>{_MONTH})\.?\s(?P<d2>\d{{1,2}})(?:st|nd|rd|th)?(?!\d|[.,]\d|\s?%)(?:,?\s(?P<y2>{_YEAR}))?(?![^\W_])"
    rf"|(?<![\d.,])(?P<d0>\d{{1,2}})(?:st|nd|rd|th|\.)?(?=\s?(?:to|and|until|bis|und|[–-])\s?\d{{1,2}}(?:st|nd|rd|th|\.)?\s(?P<m0>{_MONTH})(?![^\W_]))"
    rf"|(?<![\d.])(?P<d3>\d{{1,2}})\.(?P<m3>\d{{1,2}})\.(?P<y3>{_YEAR}|\d\d)(?!\d)"
    rf"|(?<!\d)(?P<a>\d{{1,2}})/(?P<b>\d{{1,2}})/(?P<y4>{_YEAR})"
    rf"|(?<![^\W_])(?P<m5>{_MONTH})\.?\s(?:of\s)?(?P<y5>{_YEAR})(?![^\W_])"
    rf"|(?<![^\W_])(?:q(?P<q1>[1-4])|(?P<q2>{'|'.join(_QUARTER)})[nrs]?\s(?:fiscal\s)?quart(?:er|als?)"
    rf"|(?P<q3>[1-4])\.\s?quartals?)(?:,?\s(?:of\s|des\s(?:jahres\s)?)?(?P<y6>{_YEAR}))?(?![^\W_])"
    rf"|(?<![^\W_])(?P<m7>{_MONTH})(?![^\W_])"
    rf"|(?:(?<![\w.,$€£-])|(?<=mid-)|(?<=early-)|(?<=late-))(?P<y8>{_YEAR})(?P<tail>[/–-]\d\d)?(?!\d|[.,]\d|\s?(?:%|euros?\b|units|tonnes|employees|kwh|hours"
    rf"|stunden|mitarbeiter|betriebsstunden|kg|days|tage|miles|km\b))(?![^\W_])"
    rf"|(?<![^\W_])(?P<w>{'|'.join(_WEEKDAY)})s?(?![^\W_])",
    re.I,
)
_LED = re.compile(
    r"\b(?:in|by|of|until|till|since|from|to|for|during|mid|late|early|before|after|between|through|and|end|each|every"
    r"|im|bis|seit|ab|ende|anfang|mitte|vom|zum|am|und)[\s-]$",
    re.I,
)
_YEAR_BEFORE = re.compile(
    r"\b(?:(?:the )?year (?:before|earlier)|(?:previous|prior|preceding|last) year|a year ago|vorjahr\w*|jahr davor|jahr zuvor)\b",
    re.I,
)
WORKING_DAYS = re.compile(r"\b(?:weekdays?|working days?|werktags?|werktagen?|arbeitstage?n?)\b", re.I)
_PERIOD = {"second": (1, "s"), "minute": (60, "s"), "hour": (3600, "s"), "stunde": (3600, "s"), "day": (86400, "s"),
           "tag": (86400, "s"), "night": (86400, "s"), "nacht": (86400, "s"), "week": (604800, "s"),
           "woche": (604800, "s"), "month": (1, "m"), "monat": (1, "m"), "quarter": (3, "m"), "quartal": (3, "m"),
           "year": (12, "m"), "jahr": (12, "m")}  # fmt: skip
_ADVERB = {"hourly": "hour", "stündlich": "hour", "daily": "day", "täglich": "day", "nightly": "day", "nächtlich": "day",
           "weekly": "week", "wöchentlich": "week", "monthly": "month", "monatlich": "month", "quarterly": "quarter",
           "vierteljährlich": "quarter", "yearly": "year", "annual": "year", "annually": "year", "jährlich": "year",
           "annum": "year"}  # fmt: skip
_UNITS = "seconds?|minutes?|hours?|days?|nights?|weeks?|months?|quarters?|years?|stunden?|tage?n?|nacht|nächte|wochen?"
_UNITS += "|monate?n?s?|quartale?|jahre?n?s?"
_COUNT = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "ten": 10, "second": 2, "other": 2, "zwei": 2, "drei": 3,
          "vier": 4, "fünf": 5, "sechs": 6, "zehn": 10}  # fmt: skip
_RATE = re.compile(
    rf"(?<![^\W_])(?:(?:every|alle|each)\s(?P<n>\d+|{'|'.join(_COUNT)})\s(?P<u1>{_UNITS})(?![^\W_])"
    rf"|(?:per|each|every|pro|je|jede[nrsm]?)\s(?:calendar\s|full\s|working\s|business\s|angefangene\w?\s|complete\s)?(?P<u2>{_UNITS})(?![^\W_])"
    rf"|(?:/\s?)(?P<u3>{_UNITS})(?![^\W_])"
    rf"|(?:an?|im|in der|am)\s(?P<u4>hour|day|week|month|year|monat|jahr|tag|woche|stunde)(?![^\W_]|\s\d{{4}})"
    rf"|(?:every|each|jede[nrs]?)\s(?P<named>{_MONTH}|{'|'.join(_WEEKDAY)})(?![^\W_])"
    rf"|(?P<adverb>{'|'.join(_ADVERB)})(?:e[nrsm]?)?(?![^\W_]))",
    re.I,
)
_TIMES = re.compile(
    rf"\b(once|twice|(?:\d+|{'|'.join(_COUNT)})(?=\stimes)|einmal|(?:{'|'.join(_COUNT)})mal)(?:\stimes)?\s$", re.I
)
_NO_RATE = re.compile(
    r"\b(?:half|for|after|within|of|once in|than|over|halb|about|nearly|almost|there is|in|over)\s$", re.I
)
_OFTEN = re.compile(r"\b(?:seconds?|minutes?|hours?|days?|times?|once|twice|tage?|stunden?|mal|einmal)\s$", re.I)
_EARLIER = re.compile(r"\s(?:before|earlier|ago|later|after|old|long|ahead)\b", re.I)


@dataclass(frozen=True, slots=True)
class Date:
    """text[start:end] names as much of a day as is not 0. `months`: an American's 3/4 is March, others' April."""

    start: int
    end: int
    text: str
    year: int = 0
    months: tuple[int, ...] = ()
    day: int = 0
    quarter: int = 0
    weekday: int = 0


@dataclass(frozen=True, slots=True)
class Rate:
    """Once in so many seconds or months."""

    start: int
    end: int
    text: str
    count: int
    unit: str
    times: int = 1
    stated: bool = False  # how often


def same_rate(one: Rate, other: Rate) -> bool:
    """ "Every six months" is "twice a year"; a rate that does not say how often goes with any that has its period."""
    if one.unit != other.unit:
        return False
    exact = one.count * other.times == other.count * one.times
    return exact or (one.count == other.count and 1 in (one.times, other.times) and not (one.stated and other.stated))


def dates(text: str) -> list[Date]:
    return [date for found in _DATE.finditer(text) if (date := _date(text, found)) is not None]


def rates(text: str) -> list[Rate]:
    return [rate for found in _RATE.finditer(text) if (rate := _rate(text, found)) is not None]


def blanked(text: str, spans: Sequence[Date | Rate]) -> str:
    """`text` with what is found hidden, at the same length."""
    for span in spans:
        text = text[: span.start] + " " * (span.end - span.start) + text[span.end :]
    return text


def years_before(text: str, said: Collection[Date]) -> set[int]:
    """The years that "the year before" means here."""
    return {date.year - 1 for date in said if date.year} if _YEAR_BEFORE.search(text) else set()


def agrees(claimed: Date, said: Date) -> bool:
    """Whether everything that `claimed` names stands in `said`, too."""
    return (
        (not claimed.year or claimed.year == said.year)
        and (not claimed.months or bool(set(claimed.months) & set(said.months)))
        and (not claimed.day or claimed.day == said.day)
        and (not claimed.quarter or claimed.quarter == said.quarter or _in_quarter(claimed, said))
        and (not claimed.weekday or claimed.weekday == said.weekday)
    )


def pieced_together(claimed: Date, said: Collection[Date]) -> bool:
    """Whether the year stands by itself, beside the day or month: "in May, for the first time in 2025"."""
    rest = replace(claimed, year=0)
    apart = [date for date in said if not date.year]
    return bool(claimed.year and claimed.months) and (
        any(date.year == claimed.year and not date.months for date in said) and any(agrees(rest, one) for one in apart)
    )


def alike(claimed: Date, said: Date) -> bool:
    """Whether they name the same parts of a date."""
    return bool(
        (claimed.year and said.year)
        or (claimed.months and said.months)
        or (claimed.quarter and said.quarter)
        or (claimed.weekday and said.weekday)
    )


def _in_quarter(claimed: Date, said: Date) -> bool:
    return any((month - 1) // 3 + 1 == claimed.quarter for month in said.months)


def _date(text: str, found: re.Match[str]) -> Date | None:
    groups = found.groupdict()
    span = (found.start(), found.end(), found[0])
    if iso := groups["iso"]:
        year, month, day = map(int, iso.split("-"))
        return Date(*span, year, (month,), day)
    if groups["a"]:
        a, b = int(groups["a"]), int(groups["b"])
        months = tuple(month for month in {a, b} if month <= 12)
        return Date(*span, int(groups["y4"]), months, 0 if len(months) > 1 else max(a, b))
    if groups["d3"]:
        year = int(groups["y3"])
        return Date(*span, year if year > 99 else 2000 + year, (int(groups["m3"]),), int(groups["d3"]))
    if groups["w"]:
        return Date(*span, weekday=_WEEKDAY[groups["w"].casefold()]) if found[0][0].isupper() else None
    if quarter := groups["q1"] or groups["q2"] or groups["q3"]:
        number = int(quarter) if quarter.isdigit() else _QUARTER[quarter.casefold()]
        return Date(*span, int(groups["y6"] or 0), quarter=number)
    year = int(groups["y1"] or groups["y2"] or groups["y5"] or groups["y8"] or 0)
    name = groups["m0"] or groups["m1"] or groups["m2"] or groups["m5"] or groups["m7"] or ""
    if name and (not name[0].isupper() or (groups["m7"] and not _is_month(text, found))):
        return None
    months = (_NUMBER_OF[name.casefold()],) if name else ()
    return Date(*span, year, months, int(groups["d0"] or groups["d1"] or groups["d2"] or 0))


def _is_month(text: str, found: re.Match[str]) -> bool:
    """Whether a month's name that stands alone is none of the words "may", "march" or "mar"."""
    word = found[0].casefold()
    if word in _SHORT or word == "march":
        return _LED.search(text[: found.start()]) is not None
    return True


def _rate(text: str, found: re.Match[str]) -> Rate | None:
    word = found["u1"] or found["u2"] or found["u3"] or found["u4"] or ""
    if named := found["named"]:
        word = "week" if named.casefold() in _WEEKDAY else "year"
    if found["adverb"]:
        word = _ADVERB[found["adverb"].casefold()]
    before = text[: found.start()]
    if found["u4"] and not _OFTEN.search(before) and (_NO_RATE.search(before) or _EARLIER.match(text, found.end())):
        return None
    lower = word.casefold().replace("ä", "a")
    base = next((_PERIOD[name] for name in _PERIOD if lower.startswith(name.replace("ä", "a"))), None)
    if base is None:
        return None
    counted = (found["n"] or "1").casefold()
    times = int(counted) if counted.isdigit() else _COUNT[counted]
    often = _TIMES.search(before)
    word = often[1].casefold().removesuffix("mal") if often else ""
    many = {"once": 1, "ein": 1, "twice": 2}.get(word) or _COUNT.get(word) or (int(word) if word.isdigit() else 1)
    start = often.start() if often else found.start()
    return Rate(start, found.end(), text[start : found.end()], base[0] * times, base[1], many, often is not None)
