"""The times that a question names: years, quarters, months, and "the year before" as seen from another question.

English and German. Not covered: days of a calendar, "last week" and whatever else depends on today.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_MONTH = (
    r"(?:jan(?:uary|uar)?|feb(?:ruary|ruar)?|march|märz|apr(?:il)?|may|mai|june?|juni|july?|juli|aug(?:ust)?"
    r"|sept?(?:ember)?|o[ck]t(?:ober)?|nov(?:ember)?|de[cz](?:ember)?)"
)
_GERMAN_MONTHS = {"mär": "mar", "mai": "may", "okt": "oct", "dez": "dec"}
_ORDINALS = (
    ("first", "1st", "erste", "1"),
    ("second", "2nd", "zweite", "2"),
    ("third", "3rd", "dritte", "3"),
    ("fourth", "4th", "vierte", "4"),
)
_ORDINAL = "|".join(word for words in _ORDINALS for word in words[:3]) + r"|[1-4](?=\.)"
_QUARTER = (
    rf"(?:q\s?(?P<q>[1-4])|(?P<led>[1-4])\s?q|(?P<nth>{_ORDINAL})(?:[rns]|\.)?\s(?:fiscal\s)?(?:quarter|quartals?))"
)
_YEAR = r"(?P<year>(?:19|20)\d\d)(?P<tail>\s?[/–-]\s?\d\d(?!\d))?"
_FISCAL = r"(?:fiscal(?:\syear)?|financial\syear|fy|geschäftsjahr(?:e?s)?|gj)"
_LINK = (
    r"(?:,?\s(?:of|in|des|der|im))?"
    rf"(?:\s?(?:the\s)?(?:{_FISCAL}|calendar\syear|jahr(?:e?s)?))?\s?"
)
_DAY = rf"(?:(?P<before>{_MONTH})\.?\s(?:\d{{1,2}}(?:st|nd|rd|th)?,?\s)?|\d{{1,2}}\.\s?(?P<after>{_MONTH})\s)"
_MENTIONS = (
    rf"{_QUARTER}{_LINK}(?:\b|(?<=\s)|(?<=fy)|(?<=gj)){_YEAR}\b",
    rf"q(?P<q>[1-4])\s?'?{_YEAR}\b",
    rf"{_QUARTER},?\s(?:(?:of|in|des)\s)?{_FISCAL}\s?'?(?P<short>\d\d)\b",
    r"(?:q(?P<q>[1-4])\s?'|(?P<led>[1-4])q\s?'?)(?P<short>\d\d)\b",
    rf"(?:{_FISCAL}\s?)?(?<!\d){_YEAR}\s?q(?P<q>[1-4])(?!\w)",
    rf"{_FISCAL}\s?'?(?P<short>\d\d)\sq(?P<q>[1-4])(?!\w)",
    rf"{_QUARTER}(?!\w)",
    rf"{_DAY}{_YEAR}\b",
    r"(?:(?:fy|gj)\s?'?|(?:fiscal|financial|geschäftsjahr)(?:\syear)?\s')(?P<short>\d\d)\b",
    rf"(?:(?:fiscal|financial|calendar)\s(?:year\s)?|fy\s?|geschäftsjahr(?:e?s)?\s)?{_YEAR}\b",
)  # the longer before what it begins with


def _numbered(pattern: str, n: int) -> str:
    """With the names of its groups made its own, as a pattern may hold each name but once."""
    return re.sub(r"\(\?P<(\w+)>", rf"(?P<\g<1>_{n}>", pattern)


_MENTION = re.compile(
    rf"(?<!\d[-./])\b(?:{'|'.join(_numbered(pattern, n) for n, pattern in enumerate(_MENTIONS))})", re.I
)
_JOINED = re.compile(r"\s?(?:[,–-]|and|or|und|oder|to|bis|through|vs\.?|versus|with|mit)\s(?:in\s|im\s|at\s)?", re.I)

_WHOLE = re.compile(
    r"\b(?:whole|full|entire|all|ganze[nrs]?|gesamte[nrs]?)\s(?:of\s)?(?:the\s)?(?:year\s|jahr\s)?$", re.I
)
_LED_IN = re.compile(
    r"\b(?:as\s(?:of|at)|(?:(?:at|by|from|am|zum|bis)\s)?(?:the\s|dem\s)?(?:end|beginning|start|close|ende"
    r"|anfang|beginn)"
    r"(?:\s(?:of|des|von))?|in|for|during|over|im|of|from|until|by|bis|seit|since|für)"
    r"(?:\s(?:the|das|des))?(?:\s(?:whole|full|entire|all|ganze[ns]?|gesamte[ns]?)(?:\s(?:of|of the|year|jahr"
    r"|von))?)?\s*$",
    re.I,
)
_COUNT = {"two": 2, "three": 3, "zwei": 2, "drei": 3, "2": 2, "3": 3}
_FOUR_DIGITS = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")
_SEASON = re.compile(r"\b((?:19|20)\d\d)\s?[/–-]\s?(\d\d)\b")
_LONGEST = 5  # years that "2019-24" may span; "2019-12" is a month
_BACK = r"(?:previous|prior|preceding|vorig\w*|vorherig\w*|vorangegangen\w*|vorhergehend\w*)"
_ON = r"(?:next|following|subsequent|nächst\w*|folgend\w*|darauf\s?folgend\w*)"
_AGO = r"(?:before(?:\s(?:that|then|this))?|earlier|prior|previously|davor|zuvor|früher|vorher)"
_LATER = r"(?:after(?:\s(?:that|then|this))?|later|afterwards|danach|später|darauf)"
_THE = r"(?:(?:in|at|im|for|during|of|from|für|vom|zum)\s)?(?:(?:the|a|an|one|das|dem|des|ein|einem|eines)\s)?"
_RELATIVE = re.compile(
    rf"\b(?:{_THE}(?:letzten?s?\s)?(?:fiscal\s|financial\s)?(?:{_BACK}|(?P<on>{_ON}))\s(?:fiscal\s|financial\s)?"
    rf"(?P<unit>year|quarter|jahr(?:e?s)?|quartals?|geschäftsjahr(?:e?s)?)"
    rf"|{_THE}(?:(?P<count>two|three|zwei|drei|[23])\s)?(?:letzte[sn]?\s)?(?:fiscal\s)?"
    rf"(?P<unit2>years?|quarters?|jahr(?:e[ns]?)?|quartal(?:e|s)?)\s(?:{_AGO}|(?P<on2>{_LATER}))"
    rf"|{_THE}(?:(?P<vor>vor)|(?P<on3>folge))(?P<unit3>jahr(?:e?s)?|quartals?)"
    rf"|{_THE}(?P<same>same|that|this|selben|gleichen|diesem|jenem)\s(?:fiscal\s)?"
    rf"(?:year|quarter|period|time|jahr|quartal|zeitraum))(?!\w)",
    re.I,
)
_ALONE = re.compile(rf"(?:{_AGO}|(?P<on>{_LATER}))", re.I)


@dataclass(frozen=True, slots=True)
class Period:
    """A time as it stands in a text from `start` to `end`. `years` is empty for a quarter without one."""

    start: int
    end: int
    text: str
    years: tuple[int, ...]
    quarter: int | None = None
    month: str = ""
    whole: bool = False  # "the full year 2022", not a part of it

    @property
    def first(self) -> int:
        return min(self.years)

    @property
    def last(self) -> int:
        return max(self.years)


def periods(text: str) -> list[Period]:
    """The times that `text` names, in order; "2021 and 2022" or "from 2020 to 2022" are one."""
    found: list[Period] = []
    for match in _MENTION.finditer(text):
        mention = _period(match, whole=_WHOLE.search(text[: match.start()]) is not None)
        between = text[found[-1].end : mention.start] if found else ""
        if found and found[-1].years and mention.years and _JOINED.fullmatch(between):
            before = found.pop()
            years = (*before.years, *mention.years)
            mention = Period(before.start, mention.end, text[before.start : mention.end], years)
        found.append(mention)
    return found


def years(text: str) -> set[int]:
    """All years that `text` may mean, both of "2022/23" too."""
    named = {year for period in periods(text) for year in period.years}
    for year, last in _SEASON.findall(text):
        later = (int(last) - int(year)) % 100
        if later <= _LONGEST:
            named.add(int(year) + later)
    return named | set(map(int, _FOUR_DIGITS.findall(text)))


def without_periods(text: str) -> str:
    """`text` with a space for each time that it names."""
    for period in reversed(periods(text)):
        text = f"{_LED_IN.sub('', text[: period.start])} {text[period.end :]}"
    return text


def moved(text: str, base: Period | None) -> str:
    """`text` with "the year before" and the like replaced by the time that it means, seen from `base`.

    Unchanged where it names a time of its own, which such words then refer to, or where there is no base to count from.
    """
    if base is None or periods(text):
        return text
    relative = _RELATIVE.search(text)
    if relative is None:
        words = text.strip(" ?!.,")
        alone = _ALONE.fullmatch(re.sub(r"^(?:and|und|what about|or|then)\s+", "", words, flags=re.I))
        return f"in {_shown(base, 1 if alone['on'] else -1, quarters=False)}?" if alone and base.years else text
    groups = relative.groupdict()
    unit = (groups["unit"] or groups["unit2"] or groups["unit3"] or "").casefold()
    steps = 0 if groups["same"] else _COUNT.get((groups["count"] or "").casefold(), 1)
    if not (groups["on"] or groups["on2"] or groups["on3"]):
        steps = -steps
    quarters = unit.startswith("quar")
    if not base.years or (quarters and steps and base.quarter is None):
        return text
    return f"{text[: relative.start()]}in {_shown(base, steps, quarters=quarters)}{text[relative.end() :]}"


def replaced(text: str, new: Period) -> str | None:
    """`text` about the time `new` instead of the last one that it names; None where it names none.

    A quarter alone keeps the year, and a year alone the quarter.
    """
    old = next((period for period in reversed(periods(text)) if period.years or not new.years), None)
    if old is None:
        return None
    said = new.text
    partless = new.quarter is None and not new.month and not new.whole
    if partless and len(new.years) == 1 and old.quarter:
        said = f"Q{old.quarter} {new.text}"
    elif not new.years and old.years:
        year = re.search(_YEAR, old.text)
        said = f"{new.text} {(year[0] if year else old.last) if old.quarter else old.text}"
    return f"{text[: old.start]}{said}{text[old.end :]}"


def month_of(name: str) -> str:
    """The first three letters of its English name; "" for ""."""
    short = name[:3].casefold()
    return _GERMAN_MONTHS.get(short, short)


def is_month(word: str) -> bool:
    return re.fullmatch(_MONTH, word, re.I) is not None


def last_period(texts: Sequence[str]) -> Period | None:
    """The latest time with a year among `texts`, the latest of which comes last."""
    for text in reversed(texts):
        for period in reversed(periods(text)):
            if period.years:
                return period
    return None


def _shown(base: Period, steps: int, *, quarters: bool) -> str:
    if steps == 0:
        return base.text
    if quarters and base.quarter is not None:
        index = base.last * 4 + base.quarter - 1 + steps
        return f"Q{index % 4 + 1} {index // 4}"
    year = (base.first if steps < 0 else base.last) + steps
    tail = re.search(r"\d\d\s?([/–-])\s?\d\d$", base.text)
    shown = f"{year}{tail[1]}{(year + 1) % 100:02}" if tail else str(year)
    part = f"Q{base.quarter} " if base.quarter else f"{base.month} " if base.month else ""
    return f"{part}{shown}"


def _period(found: re.Match[str], *, whole: bool = False) -> Period:
    said = {name.rsplit("_", 1)[0]: text for name, text in found.groupdict().items() if text}
    years = (int(said["year"]),) if "year" in said else (2000 + int(said["short"]),) if "short" in said else ()
    nth = said.get("nth", "").casefold()
    number = said.get("q") or said.get("led") or next((words[3] for words in _ORDINALS if nth in words), None)
    month = said.get("before") or said.get("after") or ""
    return Period(found.start(), found.end(), found[0], years, int(number) if number else None, month, whole)
