"""Rows of tables as answers: which row a question means, what a row says in words, and the table that shows it.

Works on the cells that a passage brings along. Not covered: how near a row is to the question in meaning (`extract`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from app.units import names_unit, unit_told
from app.words import content_words, covered
from storage.types import PassageRow, PassageTable

_NUMBER = re.compile(r"(?<![\w.,])\d+(?:[.,]\d{3})*(?:[.,]\d{1,2})?(?![\w])")
_SPOKEN = {
    word: number
    for number, words in enumerate(
        "one|ein two|zwei three|drei four|vier five|fünf six|sechs seven|sieben eight|acht nine|neun ten|zehn"
        " eleven|elf twelve|zwölf".split(),
        1,
    )
    for word in words.split("|")
}
_UP_TO = re.compile(r"\b(up to|at most|less than|below|under|within|bis|höchstens|unter)\b", re.I)
_ABOVE = re.compile(r"\b(more than|above|over|from|at least|exceeding|über|mehr als|ab|mindestens)\b", re.I)
_LETTER = re.compile(r"(?<=\w )[A-HJ-Z]\b")  # the name of a grade or class
_YEAR = range(1900, 2100)
_BARE = re.compile(r"[\s$€£()+−–-]*\d[\d.,'’\s]*\)?")  # a number without a unit of its own
_OF_OTHER_UNIT = re.compile(
    r"%|\b(employees|headcount|per share|ratio|percent\w*|mitarbeiter(innen|zahl)?|mitarbeitende|beschäftigte|je aktie"
    r"|\w*quote|prozent)\b",
    re.I,
)
_DAY = re.compile(r"\d{1,2},")
_PREFIX = 12  # characters that the names of all columns begin with, from which on it is told once
_LOOKS_BACK = re.compile(
    r"\b(year earlier|year before|(previous|prior|preceding|last) (fiscal )?(year|quarter)|change[ds]?|compare[ds]?"
    r"|grow\w*|grew|increase[ds]?|decrease[ds]?|rise|rose|fall|fell|than|both|each|all|vorjahr\w*"
    r"|jahr (davor|zuvor|vorher)|verändert|gestiegen|gesunken|vergl\w+|als)\b",
    re.I,
)


def names_of(table: PassageTable) -> list[str]:
    """The content words of what stands over all of its rows: the caption and the names of the columns."""
    return content_words(" ".join([table.caption, *table.header]))


def in_words(table: PassageTable, row: PassageRow) -> str:
    """ "Czechia; Days carried over at most: 5; To be taken by: 30 June"."""
    parts = [row.group, row.cells[0]]
    for place, cell in enumerate(row.cells[1:], 1):
        name = table.header[place] if table.header else ""
        parts.append(f"{name}: {cell}" if name and cell else cell)
    return "; ".join(part for part in parts if part)


def matches(question: str, asked: Sequence[str], table: PassageTable) -> list[int]:
    """For each row of `table`, how much of the question singles it out: its label counts more than its other cells.

    What all rows say singles out none. A label that spans numbers ("5 to 10 years") meets a number between them.
    """
    labels = [content_words(f"{row.group} {row.cells[0]}") for row in table.rows]
    others = [content_words(" ".join(row.cells[1:])) for row in table.rows]
    in_labels = [set(covered(asked, words)) for words in labels]
    in_rows = [set(covered(asked, [*label, *other])) for label, other in zip(labels, others, strict=True)]
    common = set.intersection(*in_rows) if len(in_rows) > 1 else set()
    named = set(covered(asked, content_words(" ".join(table.header))))
    numbers, letters = _numbers(question), set(_LETTER.findall(question))
    exact = [{word for word in asked if word in words} for words in labels]  # and not only a part of a longer word
    return [
        2 * len(label - common)
        + len(exact[place] - common)
        + len(row - label - common - named)
        + 2 * _spans(table.rows[place].cells[0], numbers)
        + 3 * (not letters.isdisjoint(re.findall(r"\b[A-Z]\b", table.rows[place].cells[0])))
        for place, (label, row) in enumerate(zip(in_labels, in_rows, strict=True))
    ]


def columns_meant(question: str, table: PassageTable) -> list[int]:
    """The columns that the question means: by a year, a date or a number of their names, else by their whole names.

    [] where it names none. Columns that have no number stay beside one that is named by its number. A question that
    looks back as well ("a year earlier") means more than it names.
    """
    if not table.header or _LOOKS_BACK.search(question):
        return []
    names = [content_words(name) for name in header_of(table)]
    asked = content_words(question)
    common = set.intersection(*(set(name) for name in names[1:])) if len(names) > 2 else set[str]()
    said = [set(covered(asked, name)) - common for name in names]
    counts = [(sum(word[0].isdigit() for word in words), len(words)) for words in said[1:]]
    most = max(counts, default=(0, 0))
    if not most[0]:
        called = [n for n, name in enumerate(names[1:], 1) if name and all(word in asked for word in name)]
        return called if len(called) < len(names) - 1 else []
    other = [any(word[0].isdigit() for word in set(name) - common) for name in names[1:]]
    return [n for n, count in enumerate(counts, 1) if count == most or not other[n - 1]]


def header_of(table: PassageTable) -> list[str]:
    """The names of the columns; what all begin with, as "Year ended December 31," does, stands once, in the first."""
    first, *others = table.header
    words = [name.split() for name in others if name]
    shared = 0
    while words and all(len(name) > shared + 1 and name[shared] == words[0][shared] for name in words):
        shared += 1
    if shared and any(_DAY.fullmatch(name[shared]) for name in words):
        shared -= 1  # "September 24, 2022" and "September 25, 2021" are parted before the month
    prefix = " ".join(words[0][:shared]) if words else ""
    if len(set(map(tuple, words))) < 2 or len(prefix) < _PREFIX:
        return list(table.header)
    return [f"{first} {prefix}".strip(), *(name[len(" ".join(name.split()[:shared])) :].strip() for name in others)]


def unit_of(table: PassageTable, rows: Sequence[PassageRow]) -> str:
    """What stands above the whole table of the unit of its numbers: "in million euros".

    "" where the columns have units of their own, and where the numbers of `rows` do or need none.
    """
    first, *others = table.header or ("",)
    unit = (unit_told(first) if first.startswith("(") else "") or unit_told(table.caption)
    if not unit or any(map(names_unit, others)) or all(_OF_OTHER_UNIT.search(row.cells[0]) for row in rows):
        return ""
    return unit if any(_BARE.fullmatch(cell) for row in rows for cell in row.cells[1:]) else ""


def in_unit(name: str, unit: str) -> str:
    """ "Revenue (in million euros)"; the name alone where there is no unit."""
    return f"{name} ({unit})".strip() if unit else name


def markdown(
    table: PassageTable, rows: Sequence[PassageRow], n: int, quote: Callable[[str], str], *, question: str = ""
) -> str:
    """The rows under the names of their columns, the footnote [n] in the last cell of each; a list without names.

    Of several columns only those that `question` means, if they say something in every row. The unit that the caption
    tells stands with the first name.
    """
    if not any(table.header):
        return "\n".join(f"- {_listed(row, unit_of(table, [row]), quote)} [{n}]" for row in rows)
    header = header_of(table)
    if not unit_told(table.header[0]):
        header[0] = in_unit(header[0], unit_of(table, rows))
    used = [place for place, name in enumerate(header) if name or any(row.cells[place] for row in rows)]
    meant = columns_meant(question, table)
    if meant and all(row.cells[place] for row in rows for place in meant):
        used = [0, *meant]
    lines = [_line([quote(header[place]) for place in used]), f"|{' --- |' * len(used)}"]
    group = ""
    for row in rows:
        if row.group and row.group != group:
            lines.append(_line([quote(row.group), *[""] * (len(used) - 1)]))
        group = row.group
        cells = [quote(row.cells[place]) for place in used]
        lines.append(_line([*cells[:-1], f"{cells[-1]} [{n}]".strip()]))
    return "\n".join(lines)


def _listed(row: PassageRow, unit: str, quote: Callable[[str], str]) -> str:
    label, *others = [cell for cell in row.cells if cell]
    return f"{quote(in_unit(label.rstrip(':'), unit))}: {', '.join(map(quote, others))}" if others else quote(label)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _numbers(text: str) -> list[float]:
    spoken = [float(_SPOKEN[word]) for word in re.findall(r"[^\W\d_]+", text.casefold()) if word in _SPOKEN]
    return [number for number in [*spoken, *map(_value, _NUMBER.findall(text))] if number not in _YEAR]


def _value(number: str) -> float:
    return float(re.sub(r"[.,](?=\d{3}(?!\d))", "", number).replace(",", "."))


def _spans(label: str, numbers: Sequence[float]) -> bool:
    ends = [_value(number) for number in _NUMBER.findall(label)]
    if len(ends) == 2 and ends[0] < ends[1]:
        return any(ends[0] <= number <= ends[1] for number in numbers)
    if len(ends) == 1 and _UP_TO.search(label):
        return any(number <= ends[0] for number in numbers)
    return len(ends) == 1 and _ABOVE.search(label) is not None and any(number > ends[0] for number in numbers)
