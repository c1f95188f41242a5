"""Whether a passage says what a sentence claims: supported, in part or not, each with the reason in words.

What can be compared exactly is: numbers with unit and scale, dates, names, quotations, limits, negation and opposite
words. The rest is judged by shared words and, where an embedder answers, by nearness in meaning; optionally a model for
entailment is asked, too. Not covered: what follows only from several documents together, arithmetic, and irony.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol

from app import dates, quantities
from app.claims import Claim, is_claim
from app.courtesy import without_courtesy
from app.evidence import Evidence, evidence_of
from app.nearness import Embeds, Nearness
from app.opposites import denial
from app.quotation import one_line
from app.words import content_words
from storage.errors import Unavailable
from storage.types import Passage, Support, Vector

_SAYS = 0.3  # share of a claim's words that its source must hold where its figures don't speak for it too,
_SAYS_WITH_FIGURES = 0.15
_PART = 0.25  # and below which it has nothing to do with it
_NEAR, _FAR = 0.55, 0.35  # cosines that say the same, with fewer words in common
_JUDGED = 0.8  # probability from which on a model for entailment decides
_FEW = 3  # words that say nothing of what they are about
_CLOSE = 0.5  # share of a clause's words by which it speaks of the same as another


class Entails(Protocol):
    """What judges pairs of a text and a claim."""

    def judge(self, pairs: list[tuple[str, str]]) -> Vector:
        """A row for each: how likely the text contradicts the claim, says nothing of it, or says it. Adds up to 1."""
        ...


@dataclass(frozen=True, slots=True)
class Finding:
    support: Support
    reason: str = ""


class Unsupported(StrEnum):
    """What becomes of a sentence that its source does not bear out."""

    MARK = "mark"
    REPLACE = "replace"
    DROP = "drop"


@dataclass(frozen=True, slots=True)
class Check:
    """How answers are checked here. `about` is what words are about that are too few to say so: a cell's."""

    verifier: Verifier
    unsupported: Unsupported = Unsupported.MARK
    about: str = ""

    def finding(self, sentence: str, passages: Sequence[Passage]) -> Finding | None:
        """As `Verifier.check`."""
        return self.verifier.check(sentence, passages, about=self.about)


class Verifier:
    """Checks sentences against passages. Without an embedder, or while it does not answer, by words alone."""

    def __init__(self, embedder: Callable[[], Embeds] | None = None, judge: Entails | None = None) -> None:
        """`judge`: what a model for entailment is asked besides, where words and nearness decide."""
        self._near, self._judge = Nearness(embedder) if embedder else None, judge

    def check(self, sentence: str, passages: Sequence[Passage], *, about: str = "") -> Finding | None:
        """None where nothing is claimed: "The documents do not say.", a question, a heading, a greeting."""
        said = without_courtesy(sentence)
        if about and 0 < len(content_words(said)) < _FEW:
            said = f"{about} {said}"
        if not is_claim(said):
            return None
        claim = Claim.of(said)
        evidence = evidence_of(claim, passages)
        if evidence.holds_word_for_word(claim):
            return Finding(Support.FULL)
        return _contradiction(claim, evidence) or self._judged(claim, evidence, self._support(claim, evidence))

    def _support(self, claim: Claim, evidence: Evidence) -> Finding:
        share = evidence.share(claim)
        figures = bool(claim.quantities or claim.dates)
        enough = _SAYS_WITH_FIGURES if figures or claim.german else _SAYS
        if share >= enough:
            if missing := _left_alone(claim, evidence):
                return self._doubted(missing, evidence)
            return Finding(Support.FULL)
        near = self._nearness(claim.text, evidence.best_texts())
        if near is None and claim.german != evidence.german:
            return Finding(Support.PART, "The source is in another language: only figures and names could be compared.")
        if near is not None and near >= _NEAR:
            return Finding(Support.FULL)
        if share >= _PART / 2 or (near or 0.0) >= _FAR:
            return Finding(Support.PART, "The source says only something like it.")
        return Finding(Support.NONE, "The source does not speak of this.")

    def _doubted(self, missing: str, evidence: Evidence) -> Finding:
        near = self._nearness(missing, evidence.best_texts())
        if near is not None and near >= _NEAR:
            return Finding(Support.FULL)
        return Finding(
            Support.PART,
            f"The source does not speak of this: {_quoted(missing)}",
        )

    def _nearness(self, text: str, others: Sequence[str]) -> float | None:
        return self._near.of(text, others) if self._near else None

    def _judged(self, claim: Claim, evidence: Evidence, found: Finding) -> Finding:
        """A model for entailment may overrule what rests on words and nearness, and no exact comparison."""
        texts = evidence.best_texts()
        if self._judge is None or not texts:
            return found
        try:
            rows = self._judge.judge([(text, claim.text) for text in texts])
        except Unavailable:
            return found
        against, _, for_it = rows.T
        if for_it.max() >= _JUDGED:
            return Finding(Support.FULL)
        if against.max() >= _JUDGED:
            return Finding(Support.NONE, f"The source says otherwise: {_quoted(_short(texts[int(against.argmax())]))}")
        return found


def _contradiction(claim: Claim, evidence: Evidence) -> Finding | None:
    for compare in (_figures, _dates, _rates, _quotations, _names, _opposites, _owners):
        if found := compare(claim, evidence):
            return found
    return None


def _figures(claim: Claim, evidence: Evidence) -> Finding | None:
    """Every number of the claim must stand in the source, in the same unit and scale, with no opposite limit."""
    near = [quantity for part in evidence.near for quantity in part.quantities]
    everywhere = evidence.figures_near(claim) + list(evidence.label.quantities)
    for one in claim.quantities:
        same = [other for other in near if quantities.agrees(one, other)]
        same = same or [other for other in everywhere if quantities.agrees(one, other)]
        if not same:
            if _is_exact(one) and any(quantities.agrees(one, other) for other in evidence.figures):
                continue
            other = _counterpart(one, near) or _counterpart(one, everywhere)
            if one.spelled and not _is_exact(one) and (other is None or (not other.spelled and other.digits != 1)):
                continue  # "in two states, Ohio and Indiana"
            if other is None:
                return Finding(Support.NONE, f"{one.text} does not stand in the source.")
            return Finding(Support.NONE, _instead(other.text, one.text))
        if one.bound is not quantities.Bound.NONE and all(one.bound.opposes(other.bound) for other in same):
            least = one.bound is quantities.Bound.LEAST
            return Finding(
                Support.NONE,
                f"In the source {one.text} is {'the most, not the least' if least else 'the least, not the most'}.",
            )
    return None


def _is_exact(one: quantities.Quantity) -> bool:
    """Whether it says what it counts, so that the same anywhere in the passage is no accident."""
    return all(reading.dimension for reading in one.readings)


def _counterpart(one: quantities.Quantity, others: Sequence[quantities.Quantity]) -> quantities.Quantity | None:
    """What the source has in the place of a number: the same digits, else the nearest of the same kind."""
    for other in others:
        if quantities.written_alike(one, other):
            return other
    alike = [other for other in others if quantities.alike(one, other)]
    return min(alike, key=lambda other: abs(other.readings[0].value - one.readings[0].value), default=None)


def _dates(claim: Claim, evidence: Evidence) -> Finding | None:
    said = [date for part in (*evidence.parts, evidence.label) for date in part.dates]
    before = dates.years_before(evidence.text, said)
    for one in claim.dates:
        if any(dates.agrees(one, other) for other in said) or (one.year in before and not one.months):
            continue
        if any(dates.pieced_together(one, (*part.dates, *evidence.label.dates)) for part in evidence.statements):
            continue
        if 1 <= one.weekday <= 5 and dates.WORKING_DAYS.search(evidence.text):
            continue
        alike = [date for part in evidence.near for date in part.dates if dates.alike(one, date)]
        alike = alike or [date for date in said if dates.alike(one, date)]
        if alike:
            return Finding(Support.NONE, _instead(alike[0].text, one.text))
        return Finding(Support.PART, f"{one.text} does not stand in the source.")
    return None


def _rates(claim: Claim, evidence: Evidence) -> Finding | None:
    near = [rate for part in evidence.near for rate in part.rates]
    said = near or [rate for part in evidence.parts for rate in part.rates]
    for one in claim.rates:
        if said and not any(dates.same_rate(one, other) for other in said):
            periods = [q for part in evidence.near for q in part.quantities if _is_period(one, q)]
            if not periods:
                return Finding(Support.NONE, _instead(said[0].text, one.text))
    return None


def _is_period(rate: dates.Rate, quantity: quantities.Quantity) -> bool:
    dimension = {"s": "second", "m": "month"}[rate.unit]
    return any(reading.dimension == dimension and reading.value == rate.count for reading in quantity.readings)


def _quotations(claim: Claim, evidence: Evidence) -> Finding | None:
    for words in claim.quotations:
        if not evidence.quotes(words):
            return Finding(
                Support.PART,
                f"The source does not say these words: {_quoted(words)}",
            )
    return None


def _names(claim: Claim, evidence: Evidence) -> Finding | None:
    for name in claim.names:
        missing = [word for word in content_words(name) if not evidence.speaks_of(word)]
        if not missing or evidence.abbreviates(name):
            continue
        other = evidence.name_in_place_of(claim, name)
        if claim.german and evidence.stands_alone(name, missing) and not _in_its_place(claim, evidence, name, other):
            continue
        return Finding(
            Support.NONE if other else Support.PART,
            _instead(other, name) if other else f"The source does not name {name}.",
        )
    if found := evidence.other_name(claim):
        return Finding(Support.NONE, _instead(*found))
    if other := evidence.other_subject(claim):
        return Finding(Support.NONE, _instead(other, claim.first_word))
    return None


def _in_its_place(claim: Claim, evidence: Evidence, name: str, other: str) -> bool:
    """Whether the same small word leads to both: "ist Bremen", "ist Kassel"."""
    before = re.search(rf"(\w+)\s+{re.escape(name)}", claim.text)
    return before is not None and bool(
        re.search(rf"\b{before[1]}\s+{re.escape(other)}", evidence.text) if other else ""
    )


def _opposites(claim: Claim, evidence: Evidence) -> Finding | None:
    for part in claim.parts:
        other, share = evidence.nearest(part)
        if other is None:
            continue
        said = other.sense
        if "direction" in part.sense.sides and "direction" not in said.sides:  # "and idle time by a third"
            around = evidence.statement_of(other).sense
            if len(around.sides.get("direction", ())) == 1:
                said = replace(said, sides={**said.sides, "direction": around.sides["direction"]}, words=around.words)
        found = denial(part.sense, said, close=share >= _CLOSE and evidence.in_common(part, other) >= 2)
        if found is None:
            continue
        if found.said and found.claimed and found.said != found.claimed:
            return Finding(Support.NONE, _instead(found.said, found.claimed, quoted=True))
        return Finding(
            Support.NONE,
            f"The source says the opposite: {_quoted(_short(other.text))}",
        )
    return None


def _owners(claim: Claim, evidence: Evidence) -> Finding | None:
    """A number that belongs to another year or name in the source than in the claim."""
    if found := evidence.other_owner(claim):
        owner, one = found
        return Finding(Support.NONE, f"In the source {one} belongs to {owner}.")
    return None


def _left_alone(claim: Claim, evidence: Evidence) -> str:
    """A clause of the claim of which the source holds nothing."""
    for part in claim.parts:
        if len(part.words) >= 4 and not part.quantities and not evidence.touches(part):
            return part.text.strip(" ,;")
    return ""


def _instead(said: str, claimed: str, *, quoted: bool = False) -> str:
    if quoted:
        said, claimed = _quoted(said), _quoted(claimed)
    return f"The source says {said}, not {claimed}."


def _quoted(words: str) -> str:
    return f"\N{LEFT DOUBLE QUOTATION MARK}{words}\N{RIGHT DOUBLE QUOTATION MARK}"


def _short(text: str) -> str:
    line = one_line(text)
    return line if len(line) <= 120 else line[:119].rstrip() + "…"
