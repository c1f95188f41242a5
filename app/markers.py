"""Numbers in brackets held to the sources that there are, while an answer is written.

A token is drawn as ever and then looked at: one that would begin the number of a source which there is not is replaced
by the likeliest that goes on otherwise. What stands in code, and brackets that begin with no digit ("[Name]"), are
left alone. Not covered: which words a number marks (`cite`), and the models of other servers, whose wrong numbers are
dropped there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

_DIGITS = frozenset("0123456789")
_ENDS = frozenset("],")
_BETWEEN = frozenset(" ,;-^")


class Vocabulary(Protocol):
    """Of `Llama`, what is needed here."""

    def piece(self, token: int) -> bytes: ...

    def scores(self, row: int) -> NDArray[np.float32]:
        """Of each token to be the next after row `row` of the last step."""
        ...


@dataclass(slots=True)
class Markers:
    """Where one answer stands. `number` None: in no bracket that may be a marker; else the digits of it so far."""

    sources: int
    number: str | None = None
    fenced: bool = False  # in a block of code,
    spanned: bool = False  # or a span of it
    ticks: int = 0

    def next(self, token: int, vocabulary: Vocabulary, row: int) -> int:
        """The token that is written: the one that was drawn, unless it names no source."""
        piece = vocabulary.piece(token).decode("latin-1")  # only ASCII counts here
        refused = self._refused(piece)
        if refused is not None:
            token, piece = self._instead(piece[:refused], token, vocabulary, row)
        self._take(piece)
        return token

    def _instead(self, begins: str, drawn: int, vocabulary: Vocabulary, row: int) -> tuple[int, str]:
        """The likeliest token that begins as the one drawn and then names a source, or ends a number that does."""
        there = self._after(begins)
        follows = _DIGITS | _ENDS if there.number else _DIGITS
        as_far = drawn
        for token in map(int, np.argsort(-vocabulary.scores(row))):
            piece = vocabulary.piece(token).decode("latin-1")
            if not piece.startswith(begins) or self._refused(piece) is not None:
                continue
            if piece[len(begins) : len(begins) + 1] in follows:
                return token, piece
            if piece == begins and as_far == drawn:
                as_far = token
        return as_far, vocabulary.piece(as_far).decode("latin-1")

    def _after(self, piece: str) -> Markers:
        ahead = replace(self)
        for sign in piece:
            ahead._passes(sign)
        return ahead

    def _refused(self, piece: str) -> int | None:
        """Where in `piece` a number begins to name no source."""
        if self.number is None and "[" not in piece:
            return None
        ahead = replace(self)
        for at, sign in enumerate(piece):
            if not ahead._passes(sign):
                return at
        return None

    def _take(self, piece: str) -> None:
        if self.number is None and not self.ticks and not {"[", "`", "\n"} & set(piece):
            return
        for sign in piece:
            self._passes(sign)

    def _passes(self, sign: str) -> bool:
        """Go on by one character; False where it makes a number that no source has."""
        if sign == "`":
            self.ticks += 1
            self.number = None
            return True
        if self.ticks:
            self.fenced ^= self.ticks >= 3
            self.spanned ^= self.ticks < 3
            self.ticks = 0
        if sign == "\n":
            self.spanned = False
        if self.fenced or self.spanned:
            return True
        if sign == "[":
            self.number = ""
        elif self.number is not None and sign in _DIGITS:
            self.number += sign
            return self.number[0] != "0" and int(self.number) <= self.sources
        else:
            self.number = "" if self.number is not None and sign in _BETWEEN else None
        return True
