"""Text of an answer together with the verdicts on its sentences, put together from pieces and put into cells.

Not covered: how a verdict is found (`verify`, `cite`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from ingest.sentences import ITEM
from storage.types import Support, Verdict

_SIGN = 0xF0000  # of Unicode's private use: the first of the signs that stand in a text for the ends of its verdicts
_SIGNS = re.compile(r"[\U000F0000-\U000FFFFD]")
_MOST = 30_000  # verdicts that have signs of their own
_MARKS = re.compile(r" ?(?<!\\)\[\d{1,4}\]")
_LEAD = re.compile(r"[\s|#>]*")


@dataclass(frozen=True, slots=True)
class CheckedText:
    """The places of `verdicts` count from the beginning of `text`."""

    text: str = ""
    verdicts: tuple[Verdict, ...] = ()

    def __add__(self, other: CheckedText | str) -> CheckedText:
        if isinstance(other, str):
            return replace(self, text=self.text + other)
        by = len(self.text)
        moved = tuple(replace(verdict, start=verdict.start + by, end=verdict.end + by) for verdict in other.verdicts)
        return CheckedText(self.text + other.text, self.verdicts + moved)

    def put_through(self, change: Callable[[str], str]) -> CheckedText:
        """The text as `change` leaves it, its verdicts on the same words. A verdict whose words go, goes with them.

        `change` gets the text with a sign of Unicode's private use at the ends of each verdict, and must keep them.
        """
        text = _SIGNS.sub("\N{REPLACEMENT CHARACTER}", self.text)
        ends: list[tuple[int, int, str]] = []
        for at, verdict in enumerate(self.verdicts[:_MOST]):
            first, last = chr(_SIGN + 2 * at), chr(_SIGN + 2 * at + 1)
            start = _after_lead(text, verdict)
            ends += [(start, 1, first), (max(start, verdict.end), 0 if verdict.end > start else 2, last)]
        signed, done = "", 0
        for place, _, sign in sorted(ends):
            signed += text[done:place] + sign
            done = place
        return _read_back(change(signed + text[done:]), self.verdicts[:_MOST])

    def left_out(self, footnotes: tuple[int, ...] = ()) -> tuple[Verdict, ...]:
        """The verdicts for an answer that goes on without this text, with `footnotes` in its place."""
        return tuple(
            Verdict(0, 0, verdict.support, verdict.reason, footnotes, verdict.left_out or self._said(verdict))
            for verdict in self.verdicts
            if verdict.left_out or verdict.support is not Support.FULL
        )

    def _said(self, verdict: Verdict) -> str:
        return _MARKS.sub("", self.text[verdict.start : verdict.end]).strip() or "…"


def joined(separator: str, pieces: Iterable[CheckedText]) -> CheckedText:
    whole: CheckedText | None = None
    for piece in pieces:
        whole = piece if whole is None else whole + separator + piece
    return whole or CheckedText()


def _after_lead(text: str, verdict: Verdict) -> int:
    """Behind bullets and the like, by which a line is known for what it is."""
    start = _LEAD.match(text, verdict.start, verdict.end).end()  # type: ignore[union-attr]  # it matches nothing, too
    bullet = ITEM.match(text, start, verdict.end)
    return bullet.end() if bullet else start


def _read_back(signed: str, verdicts: tuple[Verdict, ...]) -> CheckedText:
    places: dict[int, int] = {}
    text, done = "", 0
    for found in _SIGNS.finditer(signed):
        text += signed[done : found.start()]
        done = found.end()
        places[ord(found[0]) - _SIGN] = len(text)
    kept = [
        replace(verdict, start=places[2 * at], end=max(places[2 * at], places[2 * at + 1]))
        for at, verdict in enumerate(verdicts)
        if 2 * at in places and 2 * at + 1 in places and (verdict.left_out or places[2 * at] < places[2 * at + 1])
    ]
    return CheckedText(text + signed[done:], tuple(kept))
