"""Footnotes: from a model's text with [n], n a passage it was given, to text with [k] and the exact spans they mark.

A number that names no passage is dropped. The span of a footnote is found in the passage: the claim's own words where
it quotes, else the statements that share most words with it, else the whole passage. A sentence left without a number
gets one only where a passage says the same in nearly the same words. Not covered: whether a passage really supports
what is claimed beyond its words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cached_property

from app.footnotes import Footnotes
from app.statements import Kind, Statement, statements_of, without_bullet
from app.words import content_words, covered
from ingest.sentences import sentences
from storage.types import Citation, Passage

_NUMBERS = r"\s*\^?\d{1,3}(?:\s*[,;–-]\s*\^?\d{1,3})*\s*"
_ONE = rf"(?:\[{_NUMBERS}\]|【{_NUMBERS}】)"
_MARKS = re.compile(rf"[ \t]*{_ONE}(?:[ \t]*{_ONE})*")
# an escaped bracket and a span of code are no footnotes, whatever stands in them
_TOKEN = re.compile(rf"(?P<escaped>\\.)|(?P<code>`+[^`\n]*`+)|(?P<marks>{_MARKS.pattern})|(?P<line>\n)")
_PARTIAL = re.compile(r"[ \t]*(?:(?<!\\)[\[【][\s\d,;^–-]{0,40})?$")
_UNITS = re.compile(r"\d+(?:[.,]\d+)*|[^\W_]")
_LAST_SIGNS = re.compile(r".*[^\W_]|[\\|*_`~]", re.S)  # what is not a sign after the last word
_FENCE = re.compile(r"\s*(```|~~~)")

_RELATED = 0.34  # share of a claim's words that a statement must hold to be marked instead of the whole passage
_ADDS = 0.2  # what a neighbouring statement must add to that share
_SAME = 0.8  # share that makes a footnote for a sentence that has none, with all of its numbers,
_LONG_ENOUGH = 4  # and at least so many words


def supports(texts: Sequence[str], claim: str) -> bool:
    """Whether the texts together say the claim: nearly all of its words, and every number. For measuring answers."""
    asked, said = content_words(claim), frozenset(content_words("\n".join(texts)))
    numbers = [word for word in asked if word[0].isdigit()]
    return bool(asked) and said.issuperset(numbers) and _share(asked, said) >= _SAME


def find(passage: Passage, words: str) -> tuple[int, int] | None:
    """Where the passage's text holds these words, letter by letter, whatever stands between them."""
    return _Source(passage).find(words)


class Resolver:
    """Fed with the model's text in pieces of any size; `text` and `citations` always agree, one footnote for each k.

    `text` holds what is settled and then the words that are not, without their marks. Numbers count in order of
    appearance; equal spans share one.
    """

    def __init__(self, passages: Sequence[Passage], footnotes: Footnotes | None = None) -> None:
        """`footnotes` goes on counting where another resolver ended."""
        self._sources = [_Source(passage) for passage in passages]
        self._settled = ""
        self._pending = ""
        self._claim = ""  # the last one, for a number that stands on a line of its own
        self._opens_sentence = True
        self._fenced = False
        self._footnotes = footnotes or Footnotes()

    @property
    def text(self) -> str:
        if self._fenced:
            return self._settled + self._pending
        pending = _PARTIAL.sub("", self._pending)
        return self._settled + _TOKEN.sub(lambda found: "" if found["marks"] else found[0], pending)

    @property
    def citations(self) -> tuple[Citation, ...]:
        return self._footnotes.citations

    def feed(self, piece: str) -> None:
        self._pending += piece
        self._settle(final=False)

    def finish(self) -> None:
        """Nothing more comes: settle the rest. A half-written number at the end is dropped."""
        self._settle(final=True)
        rest = self._pending if self._fenced else _PARTIAL.sub("", self._pending)
        self._pending = ""
        self._append(rest, [])

    def _settle(self, *, final: bool) -> None:
        """Move whatever ends with a number or a line break from pending to settled."""
        while (cut := self._next_cut(final=final)) is not None:
            start, end, marks = cut
            words, ending = self._pending[:start], self._pending[start:end]
            self._pending = self._pending[end:]
            if marks:
                self._append(words, list(_expand(ending)))
                continue
            borders_code = self._settled[-1:] in ("", "\n") and _FENCE.match(words) is not None
            self._append(words, [])
            self._settled += ending
            self._opens_sentence = True
            self._fenced ^= borders_code

    def _next_cut(self, *, final: bool) -> tuple[int, int, bool] | None:
        """The first group of numbers or line break that later pieces can't change: (start, end, is numbers)."""
        if self._fenced:
            line = self._pending.find("\n")
            return None if line < 0 else (line, line + 1, False)
        code = 0
        for found in _TOKEN.finditer(self._pending):
            if "`" in self._pending[code : found.start()] and not final and "\n" not in self._pending:
                return None  # a span of code may be open
            code = found.end()
            if found["line"]:
                return found.start(), found.end(), False
            if found["marks"]:
                undecided = _PARTIAL.fullmatch(self._pending, found.end()) is not None
                return None if undecided and not final else (found.start(), found.end(), True)
        return None

    def _append(self, words: str, named: Sequence[int]) -> None:
        """Settle `words` with the footnotes of the passages `named`, in order."""
        if self._fenced or _FENCE.match(words):
            self._settled += words
            return
        sources = [self._sources[n - 1] for n in dict.fromkeys(named) if 1 <= n <= len(self._sources)]
        start, spans = self._claimed(words, sources) if sources else (len(words), [])
        self._settled += _parted(self._settled, self._with_found(words, start))
        ks = [self._number(source, span) for source, span in zip(sources, spans, strict=True)]
        marks = "".join(f"[{k}]" for k in dict.fromkeys(ks))
        if marks and not self._settled.rstrip().endswith(marks):
            self._settled += marks if self._settled[-1:].isspace() or not self._settled else f" {marks}"
        if words.strip():
            self._opens_sentence = re.search(r"[.!?:|][\"'”’»)*_]*\s*$", words) is not None

    def _claimed(self, words: str, sources: Sequence[_Source]) -> tuple[int, list[tuple[int, int]]]:
        """Where in `words` the claim starts, and the span that supports it in each source."""
        if not _UNITS.search(words):
            return len(words), [source.support(self._claim) for source in sources]
        quoted = [source.find(without_bullet(words)) for source in sources]
        spans = sentences(words)
        start = next((first for first, last in reversed(spans) if _UNITS.search(words, first, last)), 0)
        if all(quoted):
            start = 0
        self._claim = without_bullet(words[start:])
        return start, [span or source.support(self._claim) for span, source in zip(quoted, sources, strict=True)]

    def _with_found(self, words: str, end: int) -> str:
        """`words` with a footnote after each whole sentence before `end` that a source says too."""
        if re.match(r"\s*([|#>]|[-=]{3})", words):
            return words
        result, done = "", 0
        runs_on = not self._opens_sentence and words[:1] not in (".", "!", "?")
        for first, last in sentences(words[:end]):
            opens = not (runs_on and not words[:first].strip())
            sentence = words[first:last]
            if not opens or not re.search(r"[.!?][\"'”’»)*_]*$", sentence):
                continue
            if found := self._find_support(sentence):
                source, span = found
                result += f"{words[done:last]} [{self._number(source, span)}]"
                done = last
        return result + words[done:]

    def _find_support(self, sentence: str) -> tuple[_Source, tuple[int, int]] | None:
        claim = content_words(sentence)
        if len(claim) < _LONG_ENOUGH:
            return None
        numbers = [word for word in claim if word[0].isdigit()]
        best: tuple[float, _Source, tuple[int, int]] | None = None
        for source in self._sources:
            share, span, said = source.best(claim)
            if share >= _SAME and said.issuperset(numbers) and (best is None or share > best[0]):
                best = (share, source, span)
        return best[1:] if best else None

    def _number(self, source: _Source, span: tuple[int, int]) -> int:
        return self._footnotes.number(source.passage, *span)


class _Source:
    """A passage, prepared for looking up claims."""

    def __init__(self, passage: Passage) -> None:
        self.passage = passage

    def find(self, claim: str) -> tuple[int, int] | None:
        """The span with the same letters and numbers in the same order, whatever stands between them."""
        letters, places = self._letters
        wanted = "".join(_UNITS.findall(claim.casefold()))
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
        return span if share >= _RELATED else self._whole

    def best(self, claim: Sequence[str]) -> tuple[float, tuple[int, int], frozenset[str]]:
        """The statement that holds the largest share of the claim, with neighbours that add to it."""
        shares = [_share(claim, said) for _, said in self._statements]
        if not shares or not max(shares):
            return 0.0, self._whole, frozenset()
        first = last = shares.index(max(shares))
        share, said = shares[first], self._statements[first][1]
        for step in (-1, 1):
            beside = (first if step < 0 else last) + step
            if 0 <= beside < len(shares):
                both = said | self._statements[beside][1]
                if (more := _share(claim, both)) >= share + _ADDS:
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
        for found in _UNITS.finditer(self.passage.text):
            for offset, character in enumerate(found[0]):
                for lower in character.casefold():
                    letters.append(lower)
                    places.append(found.start() + offset)
        return "".join(letters), places


def _expand(marks: str) -> Iterator[int]:
    """The numbers of "[1, 3] [5-7]"."""
    for first, last in re.findall(r"(\d{1,3})(?:\s*[–-]\s*\^?(\d{1,3}))?", marks):
        yield from range(int(first), min(int(last), int(first) + 20) + 1) if last else [int(first)]


def _parted(before: str, words: str) -> str:
    """Keep "[1]" and a "(" or ":" after it from becoming a link."""
    return f" {words}" if before.endswith("]") and words[:1] in ("(", "[", ":") else words


def _share(claim: Sequence[str], said: frozenset[str]) -> float:
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
