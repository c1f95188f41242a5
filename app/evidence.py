"""The passages that a claim is held against: the statements that speak of it, and what they have and lack of it.

Not covered: what is concluded from comparing them (`verify`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate

from app import dates, quantities
from app.claims import JOINS, Claim, Part, segments
from app.names import names
from app.quotation import one_line
from app.statements import Kind, statements_of
from app.units import CURRENCIES, SCALES
from app.words import content_words, covered, is_german
from ingest.terms import fold
from storage.types import Passage

_PRONOUN = re.compile(r"\W*(?:it|they|this|these|those|he|she|er|es|diese[rs]?)\b", re.I)
_SCALE_NOTE = re.compile(
    r"\b(?:in|amounts in|figures in|angaben in|werte in)\s(?:(?:US\$|[$€£]|EUR|USD|Euro)\s?)?"
    r"(thousands?|millions?|billions?|tsd\.?|tausend|mio\.?|millionen|mrd\.?|milliarden)\b",
    re.I,
)
_CAPITAL = re.compile(r"[A-ZÄÖÜ]")
_SAME = 0.75  # share of the words of a clause by which it says the same of something else
_PIECE = 5  # letters that related German words share
_MEANT = 0.75  # of a word that a clause only points to
_FIGURE = 1.5  # words that a figure in common counts for
_FAR_MOST = 12  # statements that are compared in meaning where none shares a word
_MOST = 4  # statements that speak of the claim


@dataclass(frozen=True, slots=True)
class Evidence:
    """The passages. `parts` are their clauses, `near` those of the statements that speak of the claim."""

    text: str
    german: bool
    label: Part
    statements: tuple[Part, ...]
    near: tuple[Part, ...]
    parts: tuple[Part, ...]
    words: frozenset[str]
    spoken: frozenset[str] = field(repr=False)

    def holds_word_for_word(self, claim: Claim) -> bool:
        """As whole statements on end: a part of one may be denied by the rest."""
        letters, said = _letters(claim.text), [_letters(statement.text) for statement in self.statements]
        begins = [at for at, words in enumerate(said) if words and letters.startswith(words)]
        return any(letters == run for at in begins for run in accumulate(said[at:]))

    def share(self, claim: Claim) -> float:
        """Of the claim's words and figures, how many the source holds where it speaks of it."""
        words = claim.whole.words
        held = [one for one in claim.quantities if any(_hold(part, one) for part in self.near)]
        whole = len(words) + _FIGURE * (len(claim.quantities) + len(claim.dates))
        said = [date for part in (*self.parts, self.label) for date in part.dates]
        times = [one for one in claim.dates if any(dates.agrees(one, other) for other in said)]
        found = [word for word in words if covered([word], self.words) or (claim.german and _related(word, self.words))]
        return (len(found) + _FIGURE * (len(held) + len(times))) / whole if whole else 1.0

    def touches(self, part: Part) -> bool:
        """Whether the source has anything of a clause."""
        return bool(covered(part.words, self.spoken)) or any(_related(word, self.words) for word in part.words)

    def figures_near(self, claim: Claim) -> list[quantities.Quantity]:
        """Of all statements that share a word with the claim."""
        words = claim.whole.words
        return [one for part in self.statements if covered(words, part.words) for one in part.quantities]

    @property
    def figures(self) -> list[quantities.Quantity]:
        """All, and "a year" as one year."""
        return [one for part in self.statements for one in (*part.quantities, *quantities.single(part.text))]

    def best_texts(self) -> list[str]:
        return [part.text for part in self.near or self.statements[:_FAR_MOST]]

    def quotes(self, words: str) -> bool:
        return _letters(words) in _letters(self.text)

    def speaks_of(self, stem: str) -> bool:
        return bool(covered([stem], self.spoken))

    def abbreviates(self, name: str) -> bool:
        """Whether the source has the initials of the name, or spells out what the name abbreviates."""
        initials = "".join(word[0] for word in re.findall(r"[^\W\d_]+", name) if word[0].isupper())
        if len(initials) >= 2 and re.search(rf"(?<![^\W_]){re.escape(initials)}s?(?![^\W_])", self.text):
            return True
        if not (name.isupper() and 2 <= len(name) <= 6 and name.isalpha()):
            return False
        spelled = r"[\s-](?:of\s|and\s|the\s|für\s|und\s)?".join(rf"{letter}[^\W_]*" for letter in name)
        return re.search(spelled, self.text, re.I) is not None

    def stands_alone(self, name: str, missing: Sequence[str]) -> bool:
        """Whether a German name may be a plain noun: one word, or one that follows a name of the source."""
        tokens = name.split()
        if len(tokens) == 1:
            return True
        before = tokens[tokens.index(tokens[-1]) - 1]
        goes_on = re.search(rf"(?<![^\W_]){re.escape(before)}\s+([^\W_])", self.text)
        return len(missing) == 1 and goes_on is not None and not goes_on[1].isupper()

    def name_in_place_of(self, claim: Claim, name: str) -> str:
        """A name of the nearest statement that the claim does not have."""
        claimed = {word for each in claim.names for word in content_words(each)}
        for statement in self.near:
            for other in statement.names:
                if not claimed.intersection(content_words(other)):
                    return other
        return ""

    def other_subject(self, claim: Claim) -> str:
        """The name with which the nearest clause begins, where the claim begins with a word that is not there."""
        first = claim.first_word
        stems = content_words(first)
        if not stems or not first[:1].isupper() or claim.german or self.speaks_of(stems[0]):
            return ""
        part, share = self.nearest(claim.parts[0])
        found = re.match(r"[\W_]*([^\W_]+)", part.text) if part else None
        if part is None or share < 0.5 or found is None or not _CAPITAL.match(found[1]):
            return ""
        following = [
            (content_words(" ".join(re.findall(r"[^\W_]+", text)[1:3])) or [""])[0] for text in (claim.text, part.text)
        ]
        if following[0] != following[1]:  # "Corvane guarantees", "Torvane guarantees"
            return ""
        begins = found[1]
        known = any(
            begins in name.split() for name in (*self.label.names, *(n for s in self.statements for n in s.names))
        )
        return begins if known and not covered(content_words(begins), claim.whole.words) else ""

    def other_name(self, claim: Claim) -> tuple[str, str] | None:
        """The name of which the source says what the claim says of another, and that other."""
        known = {word for one in (*self.statements, *self.parts) for name in one.names for word in name.split()}
        named = (*claim.names, *([claim.first_word] if claim.first_word in known else []))
        claimed = {word for name in named for word in content_words(name)}
        for part in claim.parts if claimed else ():
            mine = [word for word in part.words if word in claimed]
            rest = replace(part, words=tuple(word for word in part.words if word not in claimed))
            other, share = self.nearest(rest)
            if not mine or other is None or share < _SAME or self.alike(rest, other) < 2 or not other.names:
                continue
            theirs = {word for name in other.names for word in content_words(name)}
            if not covered(mine, other.words) and not covered(theirs, claim.whole.words):
                return other.names[0], next(name for name in named if mine[0] in content_words(name))
        return None

    def nearest(self, part: Part) -> tuple[Part | None, float]:
        """The clause of the source that speaks of the same, and the share of the words that they have in common.

        The first word weighs double: it is most often what is spoken of.
        """
        if not part.words:
            return None, 0.0
        weights = {word: 2.0 if place == 0 else 1.0 for place, word in enumerate(part.words)}
        figures = [one for one in part.quantities if one.digits > 1 or any(r.dimension for r in one.readings)]
        whole = sum(weights.values()) + len(figures)
        best: Part | None = None
        most = 0.0
        for other in self.parts:
            meant = dict.fromkeys(covered(part.words, other.words), 1.0)
            meant |= {word: _MEANT for word in covered(part.words, other.about) if word not in meant}
            found = sum(weights[word] * much for word, much in meant.items()) + sum(_hold(other, f) for f in figures)
            if found / whole > most:
                best, most = other, found / whole
        return best, most

    def in_common(self, part: Part, other: Part) -> int:
        """How many of its words; those that a hyphen joins are one."""
        found = covered(part.words, (*other.words, *other.about))
        joined = {word for one in re.findall(r"[^\W_]+(?:-[^\W_]+)+", part.text) for word in content_words(one)[1:]}
        return len([word for word in found if word not in joined])

    def alike(self, part: Part, other: Part) -> int:
        """As `in_common`, with the figures."""
        return self.in_common(part, other) + sum(_hold(other, one) for one in part.quantities)

    def other_owner(self, claim: Claim) -> tuple[str, str] | None:
        """The year or name to which the source gives a number of the claim, and the number."""
        for part in claim.parts:
            claimed = {date.year for date in part.dates if date.year}
            for one in part.quantities if claimed else ():
                holding = [other for other in self.parts if _hold(other, one)]
                if len(holding) != 1:
                    continue
                years = {date.year for date in holding[0].dates if date.year}
                others = [other for other in self.parts if other is not holding[0] and other.quantities]
                if len(years) == 1 and not claimed & years and claimed <= {d.year for p in others for d in p.dates}:
                    return str(years.pop()), one.text
        return None

    def statement_of(self, part: Part) -> Part:
        """The whole statement that a clause is a part of."""
        return next((statement for statement in self.statements if part.text in statement.text), part)


def evidence_of(claim: Claim, passages: Sequence[Passage]) -> Evidence:
    texts = [statement for passage in passages for statement in _statements(passage)]
    whole = "\n".join(passage.text for passage in passages)
    german = is_german(whole)  # else each statement's own words tell how its numbers are grouped
    label = " . ".join(f"{passage.label}. {passage.heading}. {passage.name}" for passage in passages)
    scale = next((found[1] for found in map(_SCALE_NOTE.search, (*(p.text for p in passages), label)) if found), "")
    statements: list[Part] = []
    for text in texts:
        of = statements[0].words[:1] if statements and _PRONOUN.match(text) else ()
        named = names(text, german=german)
        statements.append(_scaled(Part.of(text, german=german or None, named=named, of=of), scale))
    near = _near(claim, statements)
    words = {word for part in near for word in content_words(part.text)} | set(content_words(label))
    return Evidence(
        text=f"{label}\n{whole}",
        german=german,
        label=Part.of(label, named=names(label, german=german, inside=True)),
        statements=tuple(statements),
        near=tuple(near),
        parts=tuple(part for statement in statements for part in _clauses(statement, german=german)),
        words=frozenset(words),
        spoken=frozenset(content_words(f"{label}\n{whole}")),
    )


def _statements(passage: Passage) -> list[str]:
    """Each cell of a row stands with the names of its row and column."""
    found = []
    for statement in statements_of(passage):
        text = one_line(passage.text[statement.start : statement.end])
        if statement.kind is Kind.HEADING and len(passage.text) > 2 * len(text):
            continue
        if statement.row is not None and statement.table is not None:
            head = " | ".join(filter(None, statement.table.header))
            text = f"{statement.row.group} {text} ({head})" if head else f"{statement.row.group} {text}"
        found.append(text.strip())
    return found


def _scaled(part: Part, scale: str) -> Part:
    """Figures of a table "in millions" have a second reading."""
    factor = SCALES.get(scale.casefold()) if scale else None
    if factor is None:
        return part
    found = []
    for one in part.quantities:
        more = tuple(
            quantities.Reading(r.number * factor, r.value * factor, r.dimension)
            for r in one.readings
            if r.dimension == "" or r.dimension in CURRENCIES
        )
        found.append(replace(one, readings=(*one.readings, *more)))
    return Part(part.text, part.words, tuple(found), part.dates, part.rates, part.sense, part.names)


def _clauses(statement: Part, *, german: bool) -> list[Part]:
    pieces = segments(statement.text)
    if len(pieces) == 1:
        return [statement]
    return [
        Part.of(
            piece,
            german=german or None,
            named=names(piece, german=german, inside=at > 0),
            of=statement.words[:1] if at == 0 or JOINS.match(piece) else (),
        )
        for at, piece in enumerate(pieces)
    ]


def _related(word: str, others: Iterable[str]) -> bool:
    """Whether a part of the word is a part of another: "weitergeben", "Weitergabe"."""
    word = fold(word)
    pieces = {word[at : at + _PIECE] for at in range(len(word) - _PIECE + 1)}
    return any(piece in fold(other) for other in others for piece in pieces)


def _hold(part: Part, one: quantities.Quantity) -> bool:
    return any(quantities.agrees(one, other) for other in part.quantities)


def _near(claim: Claim, statements: Sequence[Part]) -> list[Part]:
    """The statements with the most of the claim's words and figures."""
    scored = []
    for statement in statements:
        figures = sum(_hold(statement, one) for one in claim.quantities)
        scored.append((len(covered(claim.whole.words, statement.words)) + _FIGURE * figures, statement))
    best = max((score for score, _ in scored), default=0.0)
    near = [(score, part) for score, part in scored if score >= max(0.5 * best, 1.0)]
    near.sort(key=lambda pair: -pair[0])
    return [part for _, part in near[:_MOST]]


def _letters(text: str) -> str:
    return "".join(char for char in fold(text.casefold()) if char.isalnum())
