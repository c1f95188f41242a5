"""What a cell of a sheet shows: its value by its number format, near enough.

Dates are written year first, as far as the format tells them; negative numbers with a minus sign, also where the sheet
has brackets or red. Fractions are written as decimals. Of conditions and sections those for the value are taken.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

_TOKEN = re.compile(
    r'"(?P<quoted>[^"]*)"|\\(?P<escaped>.)|[_*].|\[\$(?P<currency>[^\]-]*)[^\]]*\]|\[[^\]]*\]'
    r"|(?P<digits>[0#?](?:[0#?,]*[0#?])?(?:\.[0#?]*)?|\.[0#?]+)(?P<scale>,*)(?P<power>E[+-]0+)?|(?P<general>General)"
    r"|(?P<other>.)",
    re.I | re.S,
)
_SECTIONS = re.compile(r'(?:"[^"]*"|\\.|[^;"\\])+')
_CONDITION = re.compile(r"\[(=|<>|<=|>=|<|>)(-?\d+(?:\.\d+)?)\]")
_UNQUOTED = set("$€£¥%°+:/ -")
_LITERAL = re.compile(r'"[^"]*"|\\.|_.|\*.|\[[^\]]*\]')
_EXACT = 15  # digits that a sheet keeps


def shown(value: Any, form: str) -> str:
    """`form` is the number format's code, "" where none is known."""
    match value:
        case bool():
            return str(value).upper()
        case int() | float():
            return _number(value, form or "General")
        case datetime():
            return _moment(value, form)
        case date():
            return value.isoformat()
        case time():
            return value.replace(microsecond=0).isoformat().removesuffix(":00")
        case timedelta():
            return _duration(value)
    return str(value)


def _moment(value: datetime, form: str) -> str:
    if value.time() != time():
        return value.replace(microsecond=0, tzinfo=None).isoformat(" ").removesuffix(":00")
    told = set(_LITERAL.sub("", form).lower())
    if "y" in told and not told & {"d", "h"}:  # a month or a year, kept as its first day
        return f"{value:%Y-%m}" if "m" in told else f"{value:%Y}"
    return value.date().isoformat()


def _duration(value: timedelta) -> str:
    seconds = round(abs(value).total_seconds())
    text = f"{seconds // 3600}:{seconds // 60 % 60:02}" + (f":{seconds % 60:02}" if seconds % 60 else "")
    return f"-{text}" if value < timedelta() else text


@dataclass(slots=True)
class _Form:
    """One section of a format: the signs around the digits, and how these are written."""

    before: str = ""
    after: str = ""
    digits: list[str] = field(default_factory=list)  # more than one where signs stand between them
    between: list[str] = field(default_factory=list)
    scale: int = 0
    power: bool = False
    percent: bool = False
    general: bool = False


def _number(value: float, form: str) -> str:
    parsed = _parsed(_section(value, form))
    if not parsed.digits and not parsed.general:
        return " ".join(parsed.before.split()) if any(map(str.isalpha, parsed.before)) else _plain(value)
    if parsed.general:
        text = _plain(value)
    elif parsed.power:
        text = f"{value:.{_decimals(parsed.digits[0])[1]}E}"
    elif parsed.between:
        text = _masked(value, parsed)
    else:
        text = _rounded(value, parsed)
    before, sign = parsed.before.lstrip(), "-" if text.startswith("-") else ""
    if sign and not any(map(str.isalpha, before)):
        before, text = sign + before, text[1:]
    return " ".join(f"{before}{text}{parsed.after}".split())


def _section(value: float, form: str) -> str:
    """The first whose condition holds; without conditions the one for positive numbers, whose digits hold for all."""
    for section in _sections(form):
        told = _CONDITION.search(section)
        if told is None:
            return section
        limit = float(told[2])
        holds = {"=": value == limit, "<": value < limit, ">": value > limit, "<>": value != limit}
        if holds.get(told[1], value == limit or (value < limit) == (told[1] == "<=")):
            return section
    return "General"


@lru_cache(maxsize=500)  # the cells of a column share one
def _sections(form: str) -> tuple[str, ...]:
    return tuple(_SECTIONS.findall(form)) or ("General",)


@lru_cache(maxsize=500)
def _parsed(section: str) -> _Form:
    form = _Form()
    for found in _TOKEN.finditer(section):
        sign = found["quoted"] or found["escaped"] or found["currency"] or ""
        if found["digits"]:
            if form.digits:
                form.between.append(form.after)
                form.after = ""
            form.digits.append(found["digits"])
            form.scale += len(found["scale"])
            form.power |= bool(found["power"])
        elif found["general"]:
            form.general = True
        elif (other := found["other"]) and (other in _UNQUOTED or not other.isascii()):
            sign = other
            form.percent |= other == "%"
        if sign and (form.digits or form.general):
            form.after += sign
        else:
            form.before += sign
    return form


def _plain(value: float) -> str:
    return f"{value:.{_EXACT}g}" if abs(value) < 10**_EXACT else f"{value:.6e}"


def _rounded(value: float, form: _Form) -> str:
    least, most = _decimals(form.digits[0])
    whole = form.digits[0].partition(".")[0]
    exact = Decimal(f"{value:.{_EXACT}g}").scaleb(2 * form.percent - 3 * form.scale)
    try:
        number = exact.quantize(Decimal(1).scaleb(-most), ROUND_HALF_UP)
    except InvalidOperation:  # more digits than can be written out
        return _plain(value)
    digits, _, decimals = f"{abs(number):f}".partition(".")
    digits = digits.zfill(whole.count("0"))
    if "," in whole:
        digits = f"{int(digits):,}"
    decimals = decimals[:least] + decimals[least:].rstrip("0")
    sign = "-" if number < 0 else ""
    return f"{sign}{digits}.{decimals}" if decimals else f"{sign}{digits}"


def _decimals(digits: str) -> tuple[int, int]:
    """How many are written at least and at most."""
    decimals = digits.partition(".")[2]
    return min(len(decimals.rstrip("#?")), _EXACT), min(len(decimals), _EXACT)


def _masked(value: float, form: _Form) -> str:
    """Digits with signs between them, as numbers of accounts and telephones have; fractions as decimals."""
    if "/" in "".join(form.between) or "." in "".join(form.digits):
        return _plain(value)
    places = "".join(form.digits)
    left = f"{abs(round(value))}".zfill(places.count("0"))
    groups: list[str] = []
    for digits in reversed(form.digits[1:]):
        at = max(0, len(left) - len(digits))
        groups.insert(0, left[at:])
        left = left[:at]
    text = left + "".join(sign + group for sign, group in zip(form.between, groups, strict=True) if group)
    return f"-{text}" if value < 0 else text
