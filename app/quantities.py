# ruff: noqa: E501 - patterns and lists of words read better unbroken
"""Numbers as people write them, with what they count: "$12.4 million", "12,4 Mio. Euro", "three weeks", "a third".

`quantities` finds them, in English and German; `agrees` compares two. A number that can be read in two ways has both
readings. Not covered: dates and years (`dates`), numbers inside codes ("P-310"), how often something happens (`rates`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import Enum

from app.units import AFTER, LATER, SCALES, SHORT_SCALES, SYMBOLS, Unit, units_named
from app.words import is_german


class Bound(Enum):
    """How a quantity limits what it speaks of."""

    NONE = 0
    ABOUT = 1
    LEAST = 2
    MOST = 3

    def opposes(self, other: Bound) -> bool:
        return {self, other} == {Bound.LEAST, Bound.MOST}


@dataclass(frozen=True, slots=True)
class Reading:
    """`number` with its scale; `value` in the base of `dimension`, which is "" where nothing says what is counted."""

    number: Decimal
    value: Decimal
    dimension: str


@dataclass(frozen=True, slots=True)
class Quantity:
    """text[start:end]. `digits` are its significant ones; `spelled`: in words."""

    start: int
    end: int
    text: str
    readings: tuple[Reading, ...]
    bound: Bound = Bound.NONE
    digits: int = 0
    spelled: bool = False
    cue: tuple[int, int] | None = None  # the negation that its bound has used up: "not more than"


_WORDS = {
    word: Decimal(value)
    for value, line in {
        0: "zero null", 2: "two zwei", 3: "three drei", 4: "four vier", 5: "five fünf", 6: "six sechs",
        7: "seven sieben", 8: "eight acht", 9: "nine neun", 10: "ten zehn", 11: "eleven elf", 12: "twelve zwölf",
        13: "thirteen dreizehn", 14: "fourteen vierzehn", 15: "fifteen fünfzehn", 16: "sixteen sechzehn",
        17: "seventeen siebzehn", 18: "eighteen achtzehn", 19: "nineteen neunzehn", 20: "twenty zwanzig",
        30: "thirty dreißig", 40: "forty vierzig", 50: "fifty fünfzig", 60: "sixty sechzig", 70: "seventy siebzig",
        80: "eighty achtzig", 90: "ninety neunzig",
    }.items()
    for word in line.split()
}  # fmt: skip
_TENS = "twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
_UNDER_TEN = "one|two|three|four|five|six|seven|eight|nine"
_SPELLED = rf"(?:{_TENS})[- ](?:{_UNDER_TEN})|" + "|".join(sorted(_WORDS, key=len, reverse=True))
_FRACTIONS = (
    (r"(?:anderthalb(?:e[nr]?)?|eineinhalb|one and a half)", Decimal("1.5")),
    (r"(?:three|3)[- ]quarters|drei ?viertel[n]?", Decimal("0.75")),
    (r"two[- ]thirds|zwei drittel[n]?", Decimal(2) / 3),
    (r"(?:a|one) third|(?:ein|einem|das) drittel", Decimal(1) / 3),
    (r"(?<!end of )(?<!end of the )(?:a|one) quarter(?! of (?:the )?\d{4})|(?:ein|einem) viertel", Decimal("0.25")),
    (r"(?:a|one) fifth|(?:ein|einem) fünftel", Decimal("0.2")),
    (r"(?:a|one) tenth|(?:ein|einem) zehntel", Decimal("0.1")),
    (r"half|halving|halve[sd]?|(?:die )?hälfte|halb(?:e[nrs]?)?|halbier(?:t|en)", Decimal("0.5")),
)
_TIME_OF_FRACTION = re.compile(
    r"\s?(?:of\s)?(?:an?\s)?(hour|day|week|month|year|stunden?|tage?|wochen?|monate?|jahre?s?)(?![^\W_])", re.I
)
_SYMBOL = r"(?:US\$|[$€£¥₹]|(?:CHF|EUR|USD|GBP|JPY)(?=\s?\d))"
_DIGITS = r"\d{1,3}(?:[ \u00a0\u202f]\d{3})+(?:[.,]\d+)?(?!\d)|\d+(?:[.,’']\d+)*"
_SCALE = r"(?:thousands?|hundred|dozen|millions?|billions?|trillions?|mill\.|tausend|hundert|dutzend|millionen|million"
_SCALE += r"|milliarden?|billionen|tsd\b\.?|mio\b\.?|mrd\b\.?|bio\.|bn|mn|mln|tn|[km])(?![^\W_])"
_NUMBER = re.compile(
    rf"(?<![\w.,])(?P<sign>[-−–](?=\d))?(?P<symbol>{_SYMBOL})?\s?(?P<digits>{_DIGITS})"
    rf"(?:[\s-]?(?P<scale>{_SCALE}))?|(?<![\w-])(?P<spelled>{_SPELLED})(?![^\W_])(?:[\s-](?P<scale2>{_SCALE}))?"
    rf"|(?<![\w-])(?P<times>once|twice|(?:{_SPELLED})mal)(?![^\W_])",
    re.I,
)
_FRACTION = re.compile(
    "|".join(rf"(?<![^\W_])(?P<f{n}>{words})(?![^\W_])" for n, (words, _) in enumerate(_FRACTIONS)), re.I
)
_CLOCK = re.compile(
    r"(?<![\d.,])(?P<hour>[01]?\d|2[0-4])(?:[:.](?P<minute>[0-5]\d))?\s?(?P<part>a\.?m\b\.?|p\.?m\b\.?|uhr|o'clock"
    r"|in the (?:morning|afternoon|evening))"
    rf"|(?<![^\W_])(?P<said>{_SPELLED})\s(?P<part2>uhr|o'clock|in the (?:morning|afternoon|evening)|a\.?m\b\.?|p\.?m\b\.?)"
    r"|(?<![\d.,:])(?P<hour2>[01]?\d|2[0-4]):(?P<minute2>[0-5]\d)(?![\d:])|\b(?P<noon>noon|midnight|mittags?)\b",
    re.I,
)
CODE = re.compile(r"(?<![^\W_])(?=[\w/-]*[^\W\d_])(?=[\w/-]*\d)[^\W\d_][\w]*(?:[-/.][\w]+)*|\b\d+-[A-Z]\b")
_JOINED = re.compile(r"\s?(?:to|and|or|bis|und|oder|auf|by|from|von|[-–—])\s?(?:from\s|von\s)?", re.I)
_MORE = r"(?:more|higher|longer|older|greater|larger|heavier|later|bigger|farther|further|above|over|mehr|höher|länger"
_MORE += r"|warmer|hotter|faster|wider|taller|deeper|stronger|louder|wärmer|heißer|schneller|breiter|tiefer|lauter|älter|größer|schwerer|später|über|oberhalb)"
_LESS = (
    r"(?:less|fewer|lower|shorter|younger|smaller|lighter|earlier|below|under|weniger|niedriger|kürzer|jünger|kleiner"
)
_LESS += r"|colder|slower|narrower|weaker|quieter|kälter|langsamer|schmaler|leiser|früher|unter|unterhalb|geringer)"
_NOT = r"(?P<not>\b(?:not|no|never|nobody|none|cannot|n['o]t|nicht|kein\w*|nie|niemand|nobody)\b)"
_THAN = r"(?:\s(?:than|als)(?:\s(?:for|of|after|by|to))?)?"
_BETWEEN = r"(?:\s(?:[^\W\d_]+)){0,6}?\s?"
_BOUNDS = [
    (re.compile(rf"{_NOT}{_BETWEEN}(?P<word>{_LESS}){_THAN}\s(?:a\s|the\s|die\s)?$", re.I), Bound.LEAST),
    (re.compile(rf"{_NOT}{_BETWEEN}(?P<word>{_MORE}|exceed(?:ing)?){_THAN}\s(?:a\s|the\s|die\s)?$", re.I), Bound.MOST),
    (re.compile(r"(?P<word>\b(?:at least|a minimum of|minimum(?: of)?|mindestens|wenigstens|exceed(?:s|ed|ing)?)\s)$", re.I), Bound.LEAST),
    (re.compile(r"(?P<word>\b(?:at most|up to|a maximum of|maximum(?: of)?|max\.?|höchstens|maximal|bis zu|höchstens jedoch|as (?:many|much|long|far)"
                r" as|within|limited to|capped at|innerhalb von|binnen)\s)(?:a\s|the\s)?$", re.I), Bound.MOST),
    (re.compile(rf"\b{_LESS}(?:\s(?:than|als))?\s$", re.I), Bound.MOST),
    (re.compile(rf"\b{_MORE}(?:\s(?:than|als))?\s$", re.I), Bound.LEAST),
    (re.compile(r"\b(?:about|around|approximately|roughly|nearly|almost|some|circa|ca\.|etwa|rund|knapp|gut|fast|ungefähr)\s$", re.I), Bound.ABOUT),
]  # fmt: skip
_COMPARATIVES = {_BOUNDS[4][0], _BOUNDS[5][0]}
_LATER_NOT = re.compile(
    rf"[^.;,]{{0,40}}?\b(?:darf|dürfen|kann|können|soll(?:en|te|ten)?)\b[^.;,]{{0,60}}?{_NOT}", re.I
)
_AFTERWARDS = [
    (re.compile(r"[^.;,]{0,30}?\b(?:or (?:more|longer|above|older)|at least|(?:as a )?minimum|oder mehr|und mehr|oder länger)\b", re.I), Bound.LEAST),
    (re.compile(r"[^.;,]{0,30}?\b(?:or (?:less|fewer|below)|at (?:the )?most|(?:as a )?maximum|at the latest|oder weniger)\b", re.I), Bound.MOST),
]  # fmt: skip
_SINGLE = re.compile(
    r"\b(?:an?|one|the|per|each|every|eine?[mnrs]?|im|pro|je)\s(hour|day|week|month|year|minute|stunde|tag|woche|monat|jahre?s?)(?![^\W_])",
    re.I,
)
_NEAR = Decimal("0.06")  # by which "about 12 million" may miss


def quantities(text: str, *, german: bool | None = None) -> list[Quantity]:
    """In order. Dates and rates should be blanked out before."""
    german = _language(text) if german is None else german
    free = _blanked(text, CODE)
    found = list(_clock(free))
    free = _without(free, found)
    found += _fractions(free)
    free = _without(free, found)
    found += [_quantity(free, match, german=german) for match in _NUMBER.finditer(free) if _counts(free, match)]
    found.sort(key=lambda quantity: quantity.start)
    return [_bounded(text, one) for one in _shared(free, found)]


def single(text: str) -> list[Quantity]:
    """ "A year", "one week": one of something, which often counts nothing."""
    found = []
    for match in _SINGLE.finditer(text):
        readings = tuple(_of_units(Decimal(1), units_named(_singular(match[1]))))
        found.append(Quantity(*match.span(), match[0], readings, spelled=True, digits=1))
    return found


def agrees(claimed: Quantity, said: Quantity) -> bool:
    """Whether they can mean the same amount: equal, or `claimed` is `said` rounded as it is written."""
    return any(_same(one, other, claimed) for one in claimed.readings for other in said.readings)


def alike(claimed: Quantity, said: Quantity) -> bool:
    """Whether they count the same kind of thing."""
    return any(one.dimension == other.dimension for one in claimed.readings for other in said.readings)


def written_alike(claimed: Quantity, said: Quantity) -> bool:
    """Whether they have the same digits, with another scale or unit."""
    return bool(_bare(claimed) & _bare(said))


def _bare(quantity: Quantity) -> set[Decimal]:
    bare = {reading.number for reading in quantity.readings}
    return {number.scaleb(-number.adjusted()).normalize() for number in bare if number}


def _same(one: Reading, other: Reading, claimed: Quantity) -> bool:
    if one.dimension and other.dimension:
        if one.dimension != other.dimension:
            return False
        return _close(one.value, other.value, claimed)
    if "clock" in (one.dimension, other.dimension):
        return _hour(one.number, other.value) if other.dimension else _hour(other.number, one.value)
    return _close(one.number, other.number, claimed)


def _hour(bare: Decimal, minutes: Decimal) -> bool:
    return bare * 60 in {minutes, minutes - 720}


def _close(claimed: Decimal, said: Decimal, quantity: Quantity) -> bool:
    if claimed == said or abs(claimed - said) <= abs(said) * Decimal("0.0001"):
        return True
    if said == 0 or claimed * said < 0:
        return False
    if quantity.bound is Bound.ABOUT:
        return abs(claimed - said) <= abs(said) * _NEAR
    if quantity.digits >= 3 and abs(said) > 0:  # rounded to the digits that it shows
        rounded = said.scaleb(-said.adjusted()).quantize(Decimal(1).scaleb(1 - quantity.digits)).scaleb(said.adjusted())
        return rounded == claimed
    return False


def _language(text: str) -> bool | None:
    if is_german(text):
        return True
    return False if re.search(r"\b(?:the|of|and|is|are|in|was|to|for|a|by|per)\b", text) else None


def _blanked(text: str, pattern: re.Pattern[str]) -> str:
    return pattern.sub(lambda found: "\x00" * len(found[0]), text)


def _without(text: str, found: list[Quantity]) -> str:
    for one in found:
        text = text[: one.start] + "\x00" * (one.end - one.start) + text[one.end :]
    return text


def _counts(text: str, found: re.Match[str]) -> bool:
    """Not the number of a list item, and not glued to letters that make it something else."""
    after = text[found.end() : found.end() + 1]
    glued = after.isalpha() and not AFTER.match(text, found.end())
    return not glued and found["times"] != "once"


def _clock(text: str) -> Iterator[Quantity]:
    for found in _CLOCK.finditer(text):
        if found["noon"]:
            hour, minute = (0 if found["noon"].casefold() == "midnight" else 12), 0
        elif found["said"]:
            hour, minute = int(_spelled(found["said"])), 0
        else:
            hour, minute = int(found["hour"] or found["hour2"]), int(found["minute"] or found["minute2"] or 0)
        part = (found["part"] or found["part2"] or "").casefold().replace(".", "")
        hour = (
            hour % 12 + 12
            if part in {"pm", "in the afternoon", "in the evening"}
            else hour % 12
            if part == "am"
            else hour
        )
        reading = Reading(Decimal(hour * 60 + minute), Decimal(hour * 60 + minute), "clock")
        yield Quantity(found.start(), found.end(), found[0], (reading,))


def _fractions(text: str) -> Iterator[Quantity]:
    for found in _FRACTION.finditer(text):
        share = next(value for n, (_, value) in enumerate(_FRACTIONS) if found[f"f{n}"])
        time = _TIME_OF_FRACTION.match(text, found.end())
        end, said = (time.end() if time else found.end()), found[0]
        if time:
            readings = tuple(_of_units(share, units_named(_singular(time[1]))))
        else:
            readings = (Reading(share * 100, share * 100, "%"), Reading(share, share, ""))
        yield Quantity(found.start(), end, text[found.start() : end], readings, spelled=True, digits=len(said) and 1)


def _singular(word: str) -> str:
    return word[:-1] if word.casefold() in {"jahres"} else word


def _of_units(number: Decimal, units: tuple[Unit, ...]) -> Iterator[Reading]:
    for unit in units:
        yield Reading(number, number * unit.factor, unit.dimension)


def _quantity(text: str, found: re.Match[str], *, german: bool | None) -> Quantity:
    digits = found["digits"]
    numbers = _numbers(digits, german=german) if digits else [_spelled(found["spelled"] or found["times"])]
    scale_word = (found["scale"] or found["scale2"] or "").casefold()
    end = found.end()
    if scale_word in SHORT_SCALES and not (found["symbol"] or scale_word == "k"):
        end, scale_word = found.start("scale"), ""  # "5 m" are metres
        while text[end - 1].isspace() or text[end - 1] == "-":
            end -= 1
    scaled = [number * SCALES.get(scale_word, Decimal(1)) for number in numbers]
    if found["sign"] and not re.search(r"[\d%]\s?$", text[: found.start()]):
        scaled = [-number for number in scaled]
    units: tuple[Unit, ...] = ()
    symbol = (found["symbol"] or "").upper()
    if symbol:
        units = (Unit(SYMBOLS[symbol], Decimal(1)),)
    elif (after := AFTER.match(text, end) or LATER.match(text, end)) and (units := units_named(after[1])):
        end = after.end()
    readings = tuple(
        reading for number in scaled for reading in (tuple(_of_units(number, units)) or (Reading(number, number, ""),))
    )
    shown = re.sub(r"\D", "", digits or "").lstrip("0")
    significant = len(shown) if digits and re.search(r"[.,]\d{1,2}$", digits) else len(shown.rstrip("0"))
    said = text[found.start() : end].replace("\x00", "").strip()
    return Quantity(found.start(), end, said, readings, digits=significant, spelled=not digits)


def _numbers(digits: str, *, german: bool | None) -> list[Decimal]:
    """What the digits may mean: "1.234" is a thousand in German, and "1,234" in English."""
    plain = re.sub(r"[ \u00a0\u202f’']", "", digits)
    signs = [char for char in plain if char in ".,"]
    if not signs:
        return [Decimal(plain)]
    last = signs[-1]
    if len(set(signs)) == 2:
        other = "," if last == "." else "."
        return [_decimal(plain.replace(other, "").replace(last, "."))]
    grouped = re.fullmatch(r"\d{1,3}(?:[.,]\d{3})+", plain) is not None and not plain.startswith("0")
    if len(signs) > 1:
        return (
            [_decimal(re.sub(r"[.,]", "", plain))] if grouped else [_decimal(plain.replace(last, "", len(signs) - 1))]
        )
    decimal, thousands = _decimal(plain.replace(",", ".")), _decimal(re.sub(r"[.,]", "", plain))
    if not grouped:
        return [decimal]
    if german is None:
        return [thousands, decimal]
    return [thousands if (last == ".") == german else decimal]


def _decimal(digits: str) -> Decimal:
    return Decimal(digits.replace(",", "."))


def _spelled(words: str) -> Decimal:
    words = words.casefold()
    if words == "twice":
        return Decimal(2)
    if words.endswith("mal"):
        words = words[:-3]
    if words in _WORDS:
        return _WORDS[words]
    tens, ones = re.split(r"[- ]", words)
    return _WORDS[tens] + ({"one": Decimal(1)} | _WORDS)[ones]


def _shared(text: str, found: list[Quantity]) -> list[Quantity]:
    """Of "from 3.4 to 2.9 million euros" the first may have the scale and unit of the second."""
    shared = list(found)
    for at in range(len(found) - 2, -1, -1):
        one, other = shared[at], shared[at + 1]
        bare = all(reading.dimension == "" for reading in one.readings)
        if not bare or not _JOINED.fullmatch(text[one.end : other.start]):
            continue
        more = []
        for mine in one.readings:
            for theirs in other.readings:
                if theirs.dimension == "clock":
                    minutes = mine.number * 60 if mine.number < 25 and mine.number == int(mine.number) else None
                    if minutes is None:
                        minutes = int(mine.number) * 60 + (mine.number % 1) * 100
                    more.append(Reading(minutes, minutes, "clock"))
                    continue
                base = _bare_of(other, theirs)
                scale = theirs.number / base if base and theirs.number else Decimal(1)
                factor = theirs.value / theirs.number if theirs.number else Decimal(1)
                more.append(Reading(mine.number * scale, mine.number * scale * factor, theirs.dimension))
        shared[at] = replace(one, readings=(*one.readings, *more))
    return shared


def _bare_of(quantity: Quantity, reading: Reading) -> Decimal:
    """The number of a reading without its scale."""
    for scale in sorted(set(SCALES.values()), reverse=True):
        if any(
            re.search(rf"\b{re.escape(word)}(?![^\W_])", quantity.text, re.I)
            for word, value in SCALES.items()
            if value == scale and len(word) > 1
        ):
            return reading.number / scale
    return reading.number


def _bounded(text: str, quantity: Quantity) -> Quantity:
    begin = max(text.rfind(mark, 0, quantity.start) for mark in ".;:") + 1
    while begin and text[begin : begin + 1].isdigit():  # a decimal point
        begin = max(text.rfind(mark, 0, begin - 1) for mark in ".;:") + 1
    before = text[begin : quantity.start]
    for pattern, bound in _BOUNDS:
        if found := pattern.search(before):
            if "not" in pattern.groupindex:
                return replace(quantity, bound=bound, cue=(begin + found.start("not"), begin + found.end()))
            flips = pattern in _COMPARATIVES and re.search(r"\b(?:mehr|weniger)\sals\s$", before, re.I)
            if flips and (later := _LATER_NOT.match(text, quantity.end)):  # "more than 5% it may not be"
                flipped = Bound.MOST if bound is Bound.LEAST else Bound.LEAST
                return replace(quantity, bound=flipped, cue=later.span("not"))
            return replace(quantity, bound=bound)
    after = text[quantity.end : quantity.end + 60]
    return replace(quantity, bound=next((bound for pattern, bound in _AFTERWARDS if pattern.match(after)), Bound.NONE))
