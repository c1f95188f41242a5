"""The time that a document covers or is valid from, and its date, by what its cover and its title say.

A day counts only with a word that makes it the document's own ("for the fiscal year ended", "gültig ab", "Date:"), or
where it stands alone on a line; so the day of a law that the text cites is not taken for it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from ingest.dates import DAY, MONTH, WHEN, YEAR, day, span, spans

_CLEARLY = 2  # times as often: the year before is named for comparison too
_LONGEST_LINE = 170  # a longer one is prose
_SPAN_WORD = (
    r"(?:fiscal|financial|calendar|business|quarterly|annual|half|semi-?annual|interim|first|second|third|fourth|one|two"
    r"|three|four|six|nine|twelve|thirteen|fourteen|sixteen|twenty|thirty|thirty-nine|fifty|fifty-two|fifty-three|\d{1,2})"
)
_ENDED = re.compile(
    rf"\b((?:{_SPAN_WORD}[\s-]){{0,3}}(?:year|quarter|period|month|week|half)s?)(?:\s?\([^()]{{0,40}}\))?,?"
    rf"\s(?:ended|ending|end)(?:\son)?:?\s({DAY})",
    re.I,
)
_ENDED_ON = re.compile(rf"\bended\s({DAY})", re.I)
_CLOSED = re.compile(rf"\b(\w{{0,30}}(?:abschluss|bilanz|bericht)\s(?:zum|per))\s({DAY})", re.I)
_FROM_TO = re.compile(
    rf"\b(?:from|vom|period:?|\w{{0,20}}zeitraum:?|laufzeit:?|term:?)\s((?:{DAY}|[\w.]{{1,10}}\s[\w.]{{1,10}}?))"
    rf"\s?(?:to|through|until|bis(?:\szum)?|–|-)\s?({DAY})",
    re.I,
)
_VALID = re.compile(
    r"\b(valid(?:\sas\sof|\sfrom|\ssince)|effective(?:\sdate)?(?:\sas\sof|\sfrom|\son)?|in\s(?:force|effect)\s(?:from|since|as\sof)"
    r"|applies\sfrom|applicable\sfrom|with\seffect\sfrom|commencement\sdate|gültig\s(?:ab|seit|vom)|gilt\sab|geltend\sab"
    r"|in\skraft(?:\sgetreten)?\s(?:ab|seit|am|zum)|tritt\sam|wirksam\s(?:ab|seit|zum)|mit\swirkung\s(?:vom|zum|ab)|vertragsbeginn)"
    rf"(?:\s?[:|])?(?:\sthe|\sdem)?\s{{0,3}}({WHEN}(?:\s(?:to|until|bis|–|-)(?:\szum)?\s{DAY})?)",
    re.I,
)
_WEEKDAY = (
    r"(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day|montag|dienstag|mittwoch|donnerstag|freitag|samstag|sonnabend|sonntag"
    r"|mon|tue|wed|thu|fri|sat|sun|mo|di|mi|do|fr|sa|so)"
)
_GAP = rf"\s{{0,3}}[:|]?\s{{0,3}}(?:(?:the|den|dem|der|on|am)\s)?(?:{_WEEKDAY}[.,]{{0,2}}\s)?"
_ISSUED = re.compile(
    r"(?:^|\n|[.·|]\s)\s?(?:date(?:d|\sof\s[\w ]{3,40}(?:\([\w ]{1,40}\))?)?|datum"
    r"|(?:(?:general|board|annual|regular|minutes|sitzung|besprechung|protokoll)[\w ]{0,40}\s)?"
    r"(?:meeting|sitzung|besprechung|versammlung)(?:\sheld)?(?:\s(?:of|on|vom|am))|protokoll\svom"
    r"|issued?(?:\sdate|\son)?|published(?:\son)?|release\sdate|report\sdate|made\son|signed(?:\son)?|sent"
    r"|veröffentlicht(?:\sam)?|ausgestellt(?:\sam)?|rechnungsdatum|ausgabedatum|gesendet|unterzeichnet(?:\sam)?)"
    rf"{_GAP}({WHEN})",
    re.I,
)
_AS_OF = re.compile(
    r"(?:^|\n|[.·|(,]\s?)\s?(stand|as\sof|last\s(?:updated|modified|revised|reviewed|edited)|updated|revised"
    r"|zuletzt\s(?:geändert|aktualisiert)|letzte\s(?:änderung|aktualisierung)"
    r"|(?:version|edition|revision|rev\.|fassung|ausgabe|release|auflage)\s?[\w.]{0,12},?(?:\s?(?:of|vom|from|[(/–-]))?"
    r"|approved(?:\son)?|adopted(?:\son)?|freigegeben(?:\sam)?|beschlossen(?:\sam)?|erstellt(?:\sam)?)"
    rf"{_GAP}({WHEN})",
    re.I,
)
_ALONE = re.compile(  # "Oldenburg, den 3. Mai 2024", "PORTLAND, Maine, March 14, 2023 - Words that follow"
    rf"(?:[^\W\d][^\d\n]{{1,40}}[,–—-]{{1,2}}\s?(?:den\s)?)?(?:{_WEEKDAY},?\s)?({DAY})(?:\s?[–—-].{{0,200}})?\.?",
    re.I,
)
_MADE = re.compile(
    r"\b(?:made|dated|entered\sinto|concluded|executed|geschlossen|abgeschlossen)"
    rf"(?:\s(?:and|entered|into|as|of|on|effective|this|the|am|vom)){{0,6}}\s({DAY})",
    re.I,
)
_FISCAL = re.compile(rf"\b((?:fiscal|financial)\syear|FY|geschäftsjahr)\s?({YEAR}(?:\s?/\s?\d{{2,4}})?)(?!\d)", re.I)
_NAMED_FISCAL = re.compile(rf"\bfiscal(?:\syear)?\s({YEAR})\b", re.I)


@dataclass(frozen=True, slots=True)
class Period:
    words: str = ""
    dated: date | None = None

    def __bool__(self) -> bool:
        return bool(self.words or self.dated)


def period(lines: list[str], claims: list[str], sample: str) -> Period:
    """`claims` are short texts that name the whole document: title, subject, file name, the best first.

    `lines` are the cover's, `sample` is text from all over the document, which tells what a year or quarter is called.
    """
    head = "\n".join(line for line in lines if len(line) <= _LONGEST_LINE)
    covered = _covered(head) or _covered(" \n".join(claims))
    short = [line for line in lines[:12] if len(line) <= 80]
    quarter = _quarter(claims if covered else [*claims, *short], covered, sample)
    if quarter and covered:
        return Period(f"{quarter.words}, {covered.words}", covered.dated)
    if quarter:
        if ended := _ENDED_ON.search(" ".join(lines)):
            return Period(f"{quarter.words}, ended {ended[1]}", day(ended[1]))
        return Period(quarter.words, _issued(lines, head).dated)
    if covered:
        return _with_label(covered, sample)
    issued = _issued(lines, head)
    if issued.words:
        return issued
    if not issued.dated and (in_title := re.search(DAY, claims[0] if claims else "", re.I)):
        return Period("", day(in_title[0]))
    year = _fiscal([*claims, *lines[:12]]) or _year(claims)
    return Period(year.words, issued.dated or year.dated)


def _covered(text: str) -> Period | None:
    if found := _ENDED.search(text):
        return Period(f"{_plain(found[1])} ended {_plain_date(found[2])}", day(found[2]))
    if found := _CLOSED.search(text):
        return Period(f"{found[1]} {found[2]}", day(found[2]))
    if (found := _FROM_TO.search(text)) and re.search(r"\d", found[1]):
        return Period(" ".join(found[0].split()), day(found[2]))
    return None


def _quarter(claims: list[str], found: Period | None, sample: str) -> Period:
    for claim in claims:
        if at := span(claim):
            name, year, start, end = at
            words = " ".join(claim[start:end].split())
            label = f"{name} {year}"
            return Period(label if len(words) < 8 else f"{label} ({words.lower()})")
    if found and found.dated and re.match(r"quarter|three|thirteen|12 weeks|13 weeks|six|nine", found.words):
        counted: dict[tuple[str, str], int] = {}
        for name, year in spans(sample):
            if name[0] == "Q" and abs(int(year) - found.dated.year) <= 1:
                counted[name, year] = counted.get((name, year), 0) + 1
        best = max(counted, key=lambda one: counted[one], default=None)
        if best and counted[best] > 2:
            return Period(f"{best[0]} {best[1]}")
    return Period()


def _with_label(found: Period, sample: str) -> Period:
    """A fiscal year is often called by another year than the one it ends in: that name is added."""
    if found.dated is None or "year" not in found.words:
        return found
    named: dict[str, int] = {}
    for year in _NAMED_FISCAL.findall(sample):
        named[year] = named.get(year, 0) + 1
    label = max(named, key=lambda year: named[year], default="")
    clearly = named.get(label, 0) > max(5, _CLEARLY * named.get(str(found.dated.year), 0))
    if label == str(found.dated.year - 1) and clearly and found.dated.month < 7:
        return Period(f"fiscal {label}, {found.words}", found.dated)
    return found


def _issued(lines: list[str], head: str) -> Period:
    if found := _VALID.search(head):
        label = re.sub(r"^tritt\b.*|^in kraft.*", "in Kraft ab", _plain(found[1]))
        return Period(f"{label} {' '.join(found[2].split())}", day(found[2]))
    if found := _ISSUED.search(head):
        return Period("", day(found[1]))
    for line in lines[:25]:
        if len(line) <= 250 and (alone := _ALONE.fullmatch(line)):
            return Period("", day(alone[1]))
    if found := _MADE.search(" ".join(lines)[:2000]):
        return Period("", day(found[1]))
    if found := _AS_OF.search(head):
        return Period(f"{' '.join(found[1].split()).strip(' ,(/–-')} {' '.join(found[2].split())}", day(found[2]))
    return Period()


def _fiscal(texts: list[str]) -> Period:
    for text in texts:
        if len(text) <= _LONGEST_LINE and (found := _FISCAL.search(text)):
            return Period(f"{found[1]} {found[2]}")
    return Period()


def _year(claims: list[str]) -> Period:
    """A month or year that a name has ("Price list 2026"); not that of a day, which may be another document's."""
    for claim in claims:
        if re.search(DAY, claim, re.I):
            continue
        if found := re.search(MONTH, claim, re.I):
            return Period(found[0], day(found[0], last=True))
        years = set(re.findall(rf"(?<![\d.-]){YEAR}(?![\d-])", claim))
        if len(years) == 1:
            year = years.pop()
            return Period(year, date(int(year), 12, 31))
    return Period()


def _plain(label: str) -> str:
    return " ".join(label.lower().split())


def _plain_date(text: str) -> str:
    text = " ".join(text.split()).replace(" ,", ",")
    return text.title() if text.isupper() else text
