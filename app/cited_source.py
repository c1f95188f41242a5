"""A passage that is cited: which of its characters carry a claim."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property

from app.statements import Kind, Statement, statements_of
from app.words import content_words, covered
from storage.types import Passage

UNITS = re.compile(r"\d+(?:[.,]\d+)*|[^\W_]")
_LAST_SIGNS = re.compile(r".*[^\W_]|[\\|*_`~]", re.S)  # what is not a sign after the last word
RELATED = 0.34  # share of a claim's words that a statement must hold to be marked instead of the whole passage
_ADDS = 0.2  # what a neighbouring statement must add to that share


class Source:
    """A passage, prepared for looking up claims."""

    def __init__(self, passage: Passage) -> None:
        self.passage = passage

    def find(self, claim: str) -> tuple[int, int] | None:
        """The span with the same letters and numbers in the same order, whatever stands between them."""
        letters, places = self._letters
        wanted = "".join(UNITS.findall(claim.casefold()))
        if len(wanted) < 4:
            return None
        at = letters.find(wanted)
        while at >= 0 and not (_is_border(letters, places, at) and _is_border(letters, places, at + len(wanted))):
            at = letters.find(wanted, at + 1)
        if at < 0:
            return None
        start, end = places[at], places[at + len(wanted) - 1] + 1
        return self._row_of(letters, places, at, at + len(wanted)) or _widened(self.passage.text, start, end, claim)

    def support(self, claim: str) -> tuple[int, int]:
        """The span of the words themselves, of the statements that share most with the claim, or of all."""
        if span := self.find(claim):
            return span
        share, span, _ = self.best(content_words(claim))
        return span if share >= RELATED else self._whole

    def best(self, claim: Sequence[str]) -> tuple[float, tuple[int, int], frozenset[str]]:
        """The statement that holds the largest share of the claim, with neighbours that add to it."""
        shares = [share_of(claim, said) for _, said in self._statements]
        if not shares or not max(shares):
            return 0.0, self._whole, frozenset()
        first = last = shares.index(max(shares))
        share, said = shares[first], self._statements[first][1]
        for step in (-1, 1):
            beside = (first if step < 0 else last) + step
            if 0 <= beside < len(shares):
                both = said | self._statements[beside][1]
                if (more := share_of(claim, both)) >= share + _ADDS:
                    share, said, first, last = more, both, min(first, beside), max(last, beside)
        return share, (self._statements[first][0].start, self._statements[last][0].end), said

    def _row_of(self, letters: str, places: Sequence[int], first: int, last: int) -> tuple[int, int] | None:
        """The row of a table that has exactly these letters: its signs belong to it, wherever they stand."""
        for statement, _ in self._statements:
            if statement.row is not None and statement.start <= places[first] and places[last - 1] < statement.end:
                alone = first == 0 or places[first - 1] < statement.start
                if alone and (last == len(letters) or places[last] >= statement.end):
                    return statement.start, statement.end
        return None

    @property
    def _whole(self) -> tuple[int, int]:
        text = self.passage.text
        return len(text) - len(text.lstrip()), max(len(text.rstrip()), len(text) - len(text.lstrip()))

    @cached_property
    def _statements(self) -> list[tuple[Statement, frozenset[str]]]:
        text = self.passage.text
        found = [statement for statement in statements_of(self.passage) if statement.kind is not Kind.HEADING]
        return [(statement, frozenset(content_words(text[statement.start : statement.end]))) for statement in found]

    @cached_property
    def _letters(self) -> tuple[str, list[int]]:
        """The letters and numbers of the text, in lower case, and where each stands."""
        letters: list[str] = []
        places: list[int] = []
        for found in UNITS.finditer(self.passage.text):
            for offset, character in enumerate(found[0]):
                for lower in character.casefold():
                    letters.append(lower)
                    places.append(found.start() + offset)
        return "".join(letters), places


def share_of(claim: Sequence[str], said: frozenset[str]) -> float:
    """The share of the claim's words that are said; a number counts as two words."""
    weights = {word: 2 if word[0].isdigit() else 1 for word in claim}
    return sum(weights[word] for word in covered(claim, said)) / max(1, sum(weights.values()))


def _is_border(letters: str, places: Sequence[int], at: int) -> bool:
    """Whether a match may begin or end before letter `at`: not inside a word or a number."""
    return at in (0, len(letters)) or places[at] - places[at - 1] != 1


def _widened(text: str, start: int, end: int, claim: str = "") -> tuple[int, int]:
    """Take in the marks that belong to the words: quotes, brackets, a currency sign, the full stop.

    Signs that `claim` ends with are also found after a space: "1,85 €".
    """
    while start > 0 and not text[start - 1].isspace() and not text[start - 1].isalnum():
        start -= 1
    while end < len(text) and not text[end].isspace() and not text[end].isalnum():
        end += 1
    for sign in _LAST_SIGNS.sub("", claim):
        after = re.compile(rf"[^\S\n]{{0,3}}{re.escape(sign)}").match(text, end)
        if not sign.isspace() and text[end - 1] != sign and after:
            end = after.end()
    return start, end
