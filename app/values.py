"""The value of a field in a document, found by rules: in a line "Supplier: Acme", a table, or a sentence that says it.

A value is always words of the document. English and German. Not covered: which documents are looked through, and what
a language model reads out of them (`fields`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from app.rows import in_unit, unit_of
from app.statements import Kind, Statement, statements_of
from app.words import content_words, covered
from storage.types import Passage, Vector

_NUMBER_WORD = (
    r"(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fourteen|fifteen|eighteen|twenty|thirty|sixty|ninety"
    r"|ein(?:en|em|er|e|es)?|zwei|drei|vier|fünf|sechs|sieben|acht|neun|zehn|elf|zwölf|vierzehn|zwanzig|dreißig|sechzig|neunzig)"
)
_MONTH = (
    r"(?:Jan(?:uary|uar)?|Feb(?:ruary|ruar)?|M(?:arch|ärz|ar)|Apr(?:il)?|May|Mai|Jun[ei]?|Jul[yi]?|Aug(?:ust)?|Sept?(?:ember)?"
    r"|O[ck]t(?:ober)?|Nov(?:ember)?|De[cz](?:ember)?)\.?"
)
_UNIT = (
    r"(?:(?:calendar|working|business|full|volle[nr]?)\s)?(?:days?|weeks?|months?|years?|hours?|quarters?|Tage?n?|Wochen?|Monate?n?"
    r"|Jahre?n?|Stunden?|Quartale?n?|Werktage?n?|Arbeitstage?n?)"
)
_CURRENCY = r"(?:EUR|USD|GBP|CHF|CZK|SEK|JPY|€|\$|£|CHF|Euro|euros?|dollars?|pounds?)"
_AMOUNT = r"\d+(?:[.,'’\u202f\u00a0 ]\d{3})*(?:[.,]\d{1,2})?(?:\s?(?:million|billion|Mio\.?|Mrd\.?|k|m|bn))?"


class Sort(Enum):
    """What a value looks like."""

    DATE = re.compile(
        rf"\b(?:\d{{1,2}}\.?\s{_MONTH}\s\d{{4}}|{_MONTH}\s\d{{1,2}}(?:st|nd|rd|th)?,?\s\d{{4}}|\d{{4}}-\d{{2}}-\d{{2}}|\d{{1,2}}[./]\d{{1,2}}[./]\d{{2,4}}|{_MONTH}\s\d{{4}})",
        re.I,
    )
    SPAN = re.compile(rf"\b(?:\d+(?:[.,]\d+)?|{_NUMBER_WORD})(?:\s?\(\d+\))?\s{_UNIT}(?!\w)", re.I)
    MONEY = re.compile(rf"(?:{_CURRENCY}\s?{_AMOUNT}|{_AMOUNT}\s?{_CURRENCY})(?!\w)")
    SHARE = re.compile(r"\d+(?:[.,]\d+)?\s?(?:%|percent(?:age points?)?|per cent|Prozent(?:punkte)?)(?!\w)", re.I)
    MAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
    PHONE = re.compile(r"\+?\d[\d\s()/-]{6,}\d")
    TEXT = re.compile(r"(?!)")


_SORTS = (
    (re.compile(r"\be-?mail", re.I), (Sort.MAIL,)),
    (re.compile(r"\b(?:phone|telephone|fax|telefon|tel\b|handy|hotline)", re.I), (Sort.PHONE,)),
    (
        re.compile(
            r"\b(?:notice|terms? of payment|period|duration|lead time|deadline|dauer|term|time limit|retention)"
            r"\b|frist(?:en)?\b|dauer\b|laufzeit|lieferzeit|garantiezeit",
            re.I,
        ),
        (Sort.SPAN, Sort.DATE),
    ),
    (
        re.compile(
            r"\b(?:date|day|signed|since|until|start|begin\w*|end(?:s|ed|ing)?|expir\w*|valid\w*|beginn|ende|gültig\w*)\b|datum\b|tag\b",
            re.I,
        ),
        (Sort.DATE,),
    ),
    (
        re.compile(r"\b(?:discount|percentage|share|interest|rabatt|skonto|zins\w*|anteil|prozent\w*)\b", re.I),
        (Sort.SHARE, Sort.MONEY),
    ),
    (
        re.compile(
            r"\b(?:price|cost|fee|amount|budget|salary|penalt\w*|liabilit\w*|cap|value|rate|charge|total|preis|kosten|gebühr|betrag|gehalt"
            r"|vertragsstrafe|haftung\w*|summe)\b|preis\b|kosten\b|betrag\b|gebühr\b",
            re.I,
        ),
        (Sort.MONEY, Sort.SHARE),
    ),
)
_WHO = re.compile(
    r"\b(?:supplier|buyer|customer|client|vendor|contractor|landlord|tenant|lessor|lessee|employer|employee|licensor|licensee|lender"
    r"|borrower|insurer|insured|provider|seller|purchaser|party|parties|lieferant\w*|käufer\w*|kund\w*|auftraggeber\w*|auftragnehmer\w*"
    r"|vermieter\w*|mieter\w*|arbeitgeber\w*|arbeitnehmer\w*|verkäufer\w*|besteller\w*|versicherer)\b",
    re.I,
)
# say what a value looks like, or what every document of its kind is about
_GENERIC = frozenset(
    content_words(
        "term terms period date day time deadline duration amount value name number length total rate of contract "
        "agreement document policy Datum Tag Frist Dauer Betrag Wert Name Nummer Höhe Vertrag Vereinbarung Dokument"
    )
)
_DATED = tuple(content_words("date dated signed concluded Datum unterzeichnet geschlossen"))
_CONDITION = re.compile(r"^\W*(?:if|unless|when|in case|where|wenn|falls|sofern|soweit)\b", re.I)
_COMPOUND = 10  # letters of a word that may be put together from others
_STEM = 3  # letters from which a field's word may begin another: "pay" of payment in "payable"
_LABEL = re.compile(r"^\W*(?P<label>[^:\n|]{1,60}?)\s*(?::|\s–\s|\s-\s)\s*(?P<value>\S.*)$", re.S)
_SENTENCE, _SURELY_NEAR = 220, 0.45  # characters and nearness of a sentence that is a value as it stands
_LABELLED, _IN_TABLE, _DEFINED, _SAID = 4.0, 3.0, 3.5, 2.0
_CONDITIONAL = 0.5  # what a special case counts less
_LEAST_NEAR = 0.3  # cosine from which a passage may be about a field whose words it lacks
_NAME = 40  # characters of a column's name that is told with a value
_SUM = 140  # characters of a value that stands in a line or a cell


@dataclass(frozen=True, slots=True)
class Value:
    """`text` is the value as the document writes it; passage.text[start:end] the statement that says it."""

    text: str
    passage: Passage
    start: int
    end: int
    score: float = 0.0


@dataclass(frozen=True, slots=True)
class Field:
    """`vector`: of its name, where an embedder answers."""

    name: str
    words: tuple[str, ...]  # of the name
    telling: tuple[str, ...]  # of them, what a sentence has to say; any one of them where `one_is_enough`
    one_is_enough: bool
    sorts: tuple[Sort, ...]
    vector: Vector | None = None


def field_of(name: str, vector: Vector | None = None) -> Field:
    sorts = next((sorts for pattern, sorts in _SORTS if pattern.search(name)), ())
    sorts = () if _WHO.search(name) and Sort.DATE not in sorts else sorts
    words = tuple(content_words(name))
    telling = tuple(word for word in words if word not in _GENERIC)
    if not telling and Sort.DATE in sorts:
        return Field(name, words, _DATED, True, sorts, vector)
    return Field(name, words, telling or words, False, sorts, vector)


def find_value(field: Field, passages: Sequence[Passage]) -> Value | None:
    """The best in the document; None where nothing says it."""
    best: Value | None = None
    for passage in passages if field.words else ():
        if not _could_say(field, passage):
            continue
        for statement in statements_of(passage):
            for value in _values(field, passage, statement):
                if best is None or value.score > best.score:
                    best = value
    return best


def relevant(field: Field, passages: Sequence[Passage]) -> list[Passage]:
    """Those that may say it, likeliest first, for a language model to read."""
    scored = []
    for at, passage in enumerate(passages):
        share = len(covered(field.words, content_words(f"{passage.heading} {passage.text}"))) / max(1, len(field.words))
        scored.append((-share - max(_nearness(field, passage), default=0.0), at))
    return [passages[at] for score, at in sorted(scored) if score < -_LEAST_NEAR]


def _could_say(field: Field, passage: Passage) -> bool:
    if max(_nearness(field, passage), default=0.0) >= _LEAST_NEAR:
        return True
    return bool(_said(field, f"{passage.heading} {passage.text}"))


def _said(field: Field, text: str) -> list[str]:
    """The telling words that a text says, in any form."""
    words = content_words(text)
    exact = covered(field.telling, words)
    others = [word for word in field.telling if word not in exact and len(word) >= _STEM]
    return exact + [word for word in others if any(_begins(word, other) for other in words)]


def _begins(word: str, other: str) -> bool:
    """ "pay" of payment begins payable, and "zahl" of Zahlung the compound Zahlungsfrist."""
    return other.startswith(word) or (len(word) >= _COMPOUND and len(other) > _STEM and word.startswith(other))


def _nearness(field: Field, passage: Passage) -> list[float]:
    """How near each part of the passage is to the field's name; nothing where that is not known."""
    if field.vector is None or passage.parts is None or passage.parts.vectors.shape[1:] != field.vector.shape:
        return []
    return [float(near) for near in passage.parts.vectors @ field.vector]


def _values(field: Field, passage: Passage, statement: Statement) -> Iterator[Value]:
    text = passage.text[statement.start : statement.end]
    if statement.row is not None and statement.table is not None:
        yield from _in_row(field, passage, statement)
        return
    if (found := _LABEL.match(text)) and _is_named(field, found["label"]):
        value = _first_line(found["value"])
        if typed := _typed(field, value):
            yield Value(typed[0], passage, statement.start, statement.end, _LABELLED + (1.0 if typed[1] else 0.0))
    if statement.kind is Kind.HEADING:
        return
    if defined := _defined(field, text):
        yield Value(defined, passage, statement.start, statement.end, _DEFINED)
    if field.sorts:
        yield from _in_sentence(field, passage, statement, text)
    elif not _WHO.search(field.name):
        yield from _whole(field, passage, statement, text)


def _is_named(field: Field, label: str) -> bool:
    """Whether a label says the field and hardly anything else."""
    words = content_words(label)
    return bool(words) and len(covered(field.words, words)) == len(field.words) and len(words) <= len(field.words) + 2


def _typed(field: Field, value: str) -> tuple[str, bool] | None:
    """The part of a value that is of the field's sort, and whether it is; short values stand as they are."""
    for sort in field.sorts:
        if found := sort.value.search(value):
            return (value if len(value) <= _SUM else found[0]), True
    return (value, False) if len(value) <= _SUM else None


def _first_line(value: str) -> str:
    return " ".join(value.split()).rstrip(" .;")


def _in_row(field: Field, passage: Passage, statement: Statement) -> Iterator[Value]:
    """The cells beside a label that names the field; in a table of one row also the cell below its column's name."""
    row, table = statement.row, statement.table
    if row is None or table is None:
        return
    if field.sorts and len(row.cells) == 2:
        yield from _in_sentence(field, passage, statement, ": ".join(row.cells))
    filled = [cell for cell in row.cells[1:] if cell]
    if filled and _is_named(field, row.cells[0]):
        first = next(place for place, cell in enumerate(row.cells) if place and cell)
        name = table.header[first] if table.header and len(filled) > 1 else ""
        beside = [name] if 0 < len(name) <= _NAME else []
        value = in_unit(row.cells[first], ", ".join(filter(None, [*beside, unit_of(table, [row])])))
        if len(value) <= _SUM:
            yield Value(value, passage, statement.start, statement.end, _IN_TABLE + (len(filled) == 1))
    if len(table.rows) == 1 and table.header:
        for name, cell in zip(table.header, row.cells, strict=True):
            if cell and _is_named(field, name):
                yield Value(cell, passage, statement.start, statement.end, _IN_TABLE)


def _defined(field: Field, text: str) -> str | None:
    """ "Vranov Drives a.s." of: Vranov Drives a.s., Zlin, Czechia (the "Supplier")."""
    if len(field.words) != 1 or field.sorts:
        return None
    for found in re.finditer(r"\((?:[^()]{0,60}?\s)?[\"'“„»‚]([^\"'”“«‘()]{2,40})[\"'”“«‘][^()]{0,20}\)", text):
        if content_words(found[1]) == list(field.words):
            before = re.split(r"\b(?:between|und|and|by|zwischen|durch|von|with|mit)\s", text[: found.start()])[-1]
            name = before.split(", ")[0].strip(" ,;:")
            return name if 2 <= len(name) <= _SUM and name[:1].isupper() else None
    return None


def _in_sentence(field: Field, passage: Passage, statement: Statement, text: str) -> Iterator[Value]:
    own, around = _said(field, text), _said(field, f"{passage.heading} {text}")
    wanted = 1 if field.one_is_enough else len(field.telling)
    if len(around) < wanted:
        return
    share = min(1.0, (len(own) + 0.6 * (len(around) - len(own))) / wanted)
    score = _SAID * share + _near(field, passage, statement) - _CONDITIONAL * (_CONDITION.match(text) is not None)
    for rank, sort in enumerate(field.sorts):
        places = list(sort.value.finditer(text))
        if places:
            best = min(places, key=lambda found: _distance(field, text, found))
            yield Value(" ".join(best[0].split()), passage, statement.start, statement.end, score - 0.4 * rank)
            return


def _whole(field: Field, passage: Passage, statement: Statement, text: str) -> Iterator[Value]:
    """A short sentence that says all of the field's words and is near it in meaning, as it stands."""
    if statement.kind is not Kind.SENTENCE or len(text) > _SENTENCE or len(_said(field, text)) < len(field.telling):
        return
    near = _near(field, passage, statement)
    if near >= _SURELY_NEAR:
        yield Value(" ".join(text.split()), passage, statement.start, statement.end, near)


def _distance(field: Field, text: str, found: re.Match[str]) -> int:
    """Characters between the value and the nearest word of the field."""
    places = [word.start() for word in re.finditer(r"[^\W\d_]+", text) if covered(field.words, content_words(word[0]))]
    return min((abs(found.start() - place) for place in places), default=found.start())


def _near(field: Field, passage: Passage, statement: Statement) -> float:
    near, parts = _nearness(field, passage), passage.parts
    if not near or parts is None:
        return 0.0
    inside = [one for one, (a, b) in zip(near, parts.spans, strict=True) if a < statement.end and statement.start < b]
    return max(inside, default=0.0)
