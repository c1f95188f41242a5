"""What stands beside a number: units of measure, scales, currencies, in English and German.

A unit is a dimension and a factor; quantities of one dimension can be compared. Months and weeks are two dimensions:
no month is a number of weeks. Not covered: numbers themselves (`quantities`).
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import NamedTuple


class Unit(NamedTuple):
    dimension: str
    factor: Decimal


def _table(lines: str) -> dict[str, Unit]:
    found: dict[str, Unit] = {}
    for line in lines.strip().splitlines():
        dimension, factor, *spellings = line.split()
        for spelling in spellings:
            found[spelling.replace("_", " ")] = Unit(dimension, Decimal(factor))
    return found


# a line: dimension, factor, spellings; "_" is a space. Those with a capital are read as they are written.
_UNITS = _table(
    """
    % 1 % percent per_cent pct prozent v.h.
    points 1 percentage_points percentage_point prozentpunkte prozentpunkten prozentpunkt pp
    points 0.01 basis_points basis_point basispunkte basispunkten
    second 1 second seconds sec sekunde sekunden
    second 60 minute minutes min minuten
    second 3600 hour hours stunde stunden hrs
    second 86400 day days tag tage tagen werktage werktagen arbeitstage arbeitstagen kalendertage urlaubstage
    second 604800 week weeks woche wochen
    month 1 month months monat monate monaten
    month 3 quarters quartale quartalen
    month 12 year years jahr jahre jahren yrs
    metre 1 m metre metres meter meters metern
    metre 1000 km kilometre kilometres kilometer kilometers kilometern
    metre 0.01 cm centimetre centimetres centimeter centimeters zentimeter
    metre 0.001 mm millimetre millimetres millimeter millimeters
    metre 1609.344 mile miles meile meilen
    metre 0.3048 foot feet ft fuß
    metre 0.0254 inch inches zoll
    metre 0.9144 yard yards
    gram 1 g gram grams gramm
    gram 1000 kg kilogram kilograms kilo kilos kilogramm
    gram 0.001 mg milligram milligrams milligramm
    gram 1000000 tonne tonnes tonnen metric_tons ton tons
    gram 453.59237 lb lbs
    gram 28.349523 ounce ounces oz
    litre 1 l litre litres liter liters litern
    litre 0.001 ml millilitre millilitres milliliter
    litre 1000 m³ m3 cubic_metre cubic_metres cubic_meter cubic_meters kubikmeter kubikmetern
    litre 3.785411784 gallon gallons gallonen
    litre 158.987294928 barrel barrels
    area 1 m² m2 square_metre square_metres square_meter square_meters quadratmeter quadratmetern
    area 0.09290304 square_foot square_feet
    area 10000 hectare hectares hektar
    watthour 1 Wh
    watthour 1000 kWh kilowatt_hours kilowatt_hour kilowattstunden
    watthour 1000000 MWh megawatt_hours megawatt_hour megawattstunden
    watthour 1000000000 GWh gigawatt_hours gigawattstunden
    watthour 1000000000000 TWh
    watt 1 W watt watts
    watt 1000 kW kilowatt kilowatts
    watt 1000000 MW megawatt megawatts
    watt 1000000000 GW gigawatt gigawatts
    celsius 1 °c degrees_celsius grad_celsius grad
    fahrenheit 1 °f degrees_fahrenheit
    decibel 1 db decibel decibels dezibel
    pressure 1 bar
    pressure 0.001 mbar
    pressure 0.0689475729 psi
    pressure 0.00001 Pa
    pressure 0.01 kPa
    pressure 10 MPa
    stress 1 N/mm²
    volt 1 V volt volts
    volt 1000 kV
    ampere 1 A amp amps ampere
    hertz 1 Hz hertz
    hertz 1000000 MHz
    hertz 1000000000 GHz
    byte 1 byte bytes
    byte 1000 kB KB
    byte 1000000 MB megabyte megabytes
    byte 1000000000 GB gigabyte gigabytes
    byte 1000000000000 TB terabyte terabytes
    USD 1 usd us$ dollar dollars
    USD 0.01 cents_us
    EUR 1 eur euro euros
    EUR 0.01 cent cents
    GBP 1 gbp sterling
    CHF 1 chf franc francs franken
    JPY 1 jpy yen
    CNY 1 cny yuan
    INR 1 inr rupee rupees
    """
)
SYMBOLS = {"$": "USD", "US$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY", "₹": "INR", "CHF": "CHF", "USD": "USD"}
SYMBOLS |= {"EUR": "EUR", "GBP": "GBP", "JPY": "JPY"}
CURRENCIES = frozenset(SYMBOLS.values()) | {"CNY"}
POUNDS = (Unit("gram", Decimal("453.59237")), Unit("GBP", Decimal(1)))

SCALES = {
    **dict.fromkeys("hundred hundert".split(), Decimal(100)),
    **dict.fromkeys("dozen dutzend".split(), Decimal(12)),
    **dict.fromkeys("thousand thousands tausend tsd tsd. k".split(), Decimal(10**3)),
    **dict.fromkeys("million millions millionen mio mio. mn mln m".split(), Decimal(10**6)),
    **dict.fromkeys("billion billions bn milliarde milliarden mrd mrd.".split(), Decimal(10**9)),
    **dict.fromkeys("trillion trillions tn billionen bio.".split(), Decimal(10**12)),
}
SHORT_SCALES = frozenset("km")  # letters that are scales only close to a number with a currency: "$5m", "12k"

# one word may stand between a number and its unit: "ten working days", "five unused days"
_BETWEEN = r"(?:(?!(?:and|or|to|und|oder|bis|of|in|per|from|at|by|on|the|a|von|im|am)\b)[^\W\d_]{3,14}\s)?"
_SPELLINGS = "|".join(sorted(map(re.escape, _UNITS), key=len, reverse=True))
AFTER = re.compile(rf"[\s-]?\s?({_SPELLINGS}|pounds?|pfund)(?![^\W_])", re.I)
LATER = re.compile(
    rf"\s{_BETWEEN}(seconds?|minutes?|hours?|days?|weeks?|months?|years?|sekunden?|minuten?|stunden?|tagen?|tage?"
    r"|wochen?|monaten?|monate?|jahren?|jahre?)(?![^\W_])",
    re.I,
)

_TIMES = frozenset("second minute hour day week month year quarter sekunde minute stunde tag woche monat jahr".split())
_SHORT = "TEUR MEUR T€ k€ m€ Mio.€".split()
_NAMES = "|".join(sorted({re.escape(n) for n in [*_UNITS, *SCALES, *SYMBOLS, *_SHORT] if len(n) > 1}, key=len)[::-1])
_UNIT = rf"(?:(?:{_NAMES})(?![^\W_])|[%€$£])"
_WHOLE = rf"{_UNIT}(?:(?:\s(?:of\s|US\s)?|/){_UNIT})*"
_TOLD = re.compile(
    rf"\((?P<note>[^()]{{0,60}}\bin\s(?P<in_note>{_WHOLE})[^()]{{0,120}}|(?P<alone>{_WHOLE}))\)"
    rf"|(?<!\()\b(?P<phrase>in\s(?P<in_phrase>{_WHOLE}))(?!\s*[\w)])|[,;]\s(?P<end>{_WHOLE}):?$",
    re.I,
)

_NAMED = re.compile(rf"(?<!\w){_WHOLE}[).:]*$", re.I)


def unit_told(text: str) -> str:
    """The words with which a caption or the first name of the columns tells the unit of the numbers below; else "".

    "in million euros" of "Key figures of the group, in million euros"; all of "(in millions, except per share)".
    """
    found = _TOLD.search(text)
    if found is None:
        return ""
    unit = found["in_note"] or found["alone"] or found["in_phrase"] or found["end"]
    if unit.casefold() in _TIMES or _is_other_word(unit):  # "(in year 2022)"
        return ""
    return " ".join((found["note"] or found["phrase"] or found["end"]).split())


def names_unit(column: str) -> bool:
    """Whether the name of a column ends with a unit: "Price in EUR", "Days"."""
    return _NAMED.search(column) is not None


def _is_other_word(unit: str) -> bool:
    """Whether its capitals make it something else: PA, a state, where Pa is a unit."""
    return any(name.casefold() == unit.casefold() for name in _UNITS) and not units_named(unit)


def units_named(spelling: str) -> tuple[Unit, ...]:
    """What a spelling that AFTER has found means; empty where its capitals make it something else ("A", "a")."""
    if spelling.casefold() in {"pound", "pounds", "pfund"}:
        return POUNDS
    spelling = " ".join(spelling.split())
    if found := _UNITS.get(spelling):
        return (found,)
    found = _UNITS.get(spelling.casefold())
    exact = any(known.casefold() == spelling.casefold() and not known.islower() for known in _UNITS)
    alone = len(spelling) == 1 and spelling.isupper()
    return () if found is None or alone or (exact and found is None) else (found,)
