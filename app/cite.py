"""Footnotes: from a model's text with [n], n a passage it was given, to text with [k] and the exact spans they mark.

A number that names no passage is dropped. The span of a footnote is found in the passage: the claim's own words where
it quotes, else the statements that share most words with it, else the whole passage. A sentence left without a number
gets one where a passage says the same in nearly the same words, or where its verdict is that it is supported. Not
covered: how the verdict is found (`verify`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from app.cited_source import RELATED, UNITS, Source, share_of
from app.footnotes import Footnotes
from app.quotation import quote
from app.statements import without_bullet
from app.verify import Check, Finding, Unsupported
from app.words import content_words
from ingest.sentences import ITEM, sentences
from storage.types import Citation, Passage, Support, Verdict

_NUMBERS = r"\s*\^?\d{1,3}(?:\s*[,;–-]\s*\^?\d{1,3})*\s*"
_ONE = rf"(?:\[{_NUMBERS}\]|【{_NUMBERS}】)"
_MARKS = re.compile(rf"[ \t]*{_ONE}(?:[ \t]*{_ONE})*")
# an escaped bracket and a span of code are no footnotes, whatever stands in them
_TOKEN = re.compile(rf"(?P<escaped>\\.)|(?P<code>`+[^`\n]*`+)|(?P<marks>{_MARKS.pattern})|(?P<line>\n)")
_PARTIAL = re.compile(r"[ \t]*(?:(?<!\\)[\[【][\s\d,;^–-]{0,40})?$")
_FINISHED = re.compile(r"[.!?][\"'”’»)*_]*$")
_ORDER = {Support.FULL: 0, Support.PART: 1, Support.NONE: 2}
_TRIED = 2  # sources that a sentence without a number is held against
_FENCE = re.compile(r"\s*(```|~~~)")

_SAME = 0.8  # share that makes a footnote for a sentence that has none, with all of its numbers,
_LONG_ENOUGH = 4  # and at least so many words


def supports(texts: Sequence[str], claim: str) -> bool:
    """Whether the texts together say the claim: nearly all of its words, and every number. For measuring answers."""
    asked, said = content_words(claim), frozenset(content_words("\n".join(texts)))
    numbers = [word for word in asked if word[0].isdigit()]
    return bool(asked) and said.issuperset(numbers) and share_of(asked, said) >= _SAME


def find(passage: Passage, words: str) -> tuple[int, int] | None:
    """Where the passage's text holds these words, letter by letter, whatever stands between them."""
    return Source(passage).find(words)


class Resolver:
    """Fed with the model's text in pieces of any size; `text` and `citations` always agree, one footnote for each k.

    `text` holds what is settled and then the words that are not, without their marks. Numbers count in order of
    appearance; equal spans share one.
    """

    def __init__(
        self, passages: Sequence[Passage], footnotes: Footnotes | None = None, *, check: Check | None = None
    ) -> None:
        """`footnotes` goes on counting where another resolver ended. With `check` each sentence gets its verdict."""
        self._sources = [Source(passage) for passage in passages]
        self._meant: Sequence[Sequence[int]] = [(at,) for at in range(len(passages))]  # by each number, from 1
        self._settled = ""
        self._pending = ""
        self._claim = ""  # the last one, for a number that stands on a line of its own
        self._opens_sentence = True
        self._fenced = False
        self._footnotes = footnotes or Footnotes()
        self._check = check
        self._verdicts: list[Verdict] = []
        self._sentence = (0, 0)  # where the current one begins in the text, and how many footnotes stood before it
        self._skipping = False  # the rest of a sentence that was left out

    @classmethod
    def of(
        cls, meant: Sequence[Sequence[Passage]], footnotes: Footnotes | None = None, *, check: Check | None = None
    ) -> Resolver:
        """Where a number may mean several passages, number n those of meant[n - 1]."""
        passages = {passage.chunk_id: passage for passages in meant for passage in passages}
        places = {chunk_id: at for at, chunk_id in enumerate(passages)}
        resolver = cls(list(passages.values()), footnotes, check=check)
        resolver._meant = [[places[passage.chunk_id] for passage in passages] for passages in meant]
        return resolver

    @property
    def text(self) -> str:
        if self._fenced:
            return self._settled + self._pending
        if self._skipping:
            return self._settled
        pending = _PARTIAL.sub("", self._pending)
        return self._settled + _TOKEN.sub(lambda found: "" if found["marks"] else found[0], pending)

    @property
    def citations(self) -> tuple[Citation, ...]:
        return self._footnotes.citations

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """On the finished sentences, in the order of the text; also on those that were left out of it."""
        return tuple(self._verdicts)

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
            self._opens_sentence, self._skipping = True, False
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
        words, named = self._past_what_was_left_out(words, named) if self._skipping else (words, named)
        words = self._past_the_full_stop(words)
        meant = [at for n in named if 1 <= n <= len(self._meant) for at in self._meant[n - 1]]
        sources = [self._sources[at] for at in dict.fromkeys(meant)]
        start, spans = self._claimed(words, sources) if sources else (len(words), [])
        if self._settled.endswith("]") and words[:1] in ("(", "[", ":"):
            self._settled += " "  # else "[1]" and what follows would become a link
        self._settle_uncited(words, start)
        ks = [self._number(source, span) for source, span in zip(sources, spans, strict=True)]
        marks = "".join(f"[{k}]" for k in dict.fromkeys(ks))
        if marks and not re.search(rf"(?<!\\){re.escape(marks)}\s*$", self._settled):
            self._settled += marks if self._settled[-1:].isspace() or not self._settled else f" {marks}"
        if words.strip():
            self._opens_sentence = re.search(r"[.!?:|][\"'”’»)*_]*\s*$", words) is not None
        if sources and self._check:
            self._judge_cited(words[start:], sources, ks)

    def _claimed(self, words: str, sources: Sequence[Source]) -> tuple[int, list[tuple[int, int]]]:
        """Where in `words` the claim starts, and the span that supports it in each source."""
        if not UNITS.search(words):
            return len(words), [source.support(self._claim) for source in sources]
        quoted = [source.find(without_bullet(words)) for source in sources]
        spans = sentences(words)
        start = next((first for first, last in reversed(spans) if UNITS.search(words, first, last)), 0)
        if all(quoted):
            start = 0
        self._claim = without_bullet(words[start:])
        return start, [span or source.support(self._claim) for span, source in zip(quoted, sources, strict=True)]

    def _settle_uncited(self, words: str, end: int) -> None:
        """Settle `words`; each whole sentence before `end` gets a footnote where a source says it too."""
        opens_line = self._settled[-1:] in ("", "\n")
        if re.match(r"\s*([|#>]|[-=]{3})", words):
            self._settle_claim(words)
            return
        done = 0
        runs_on = not self._opens_sentence and words[:1] not in (".", "!", "?")
        for first, last in sentences(words[:end]):
            opens = opens_line or not (runs_on and not words[:first].strip())
            sentence = words[first:last]
            if not opens or not _FINISHED.search(sentence):
                continue
            self._settled += words[done:first]
            self._begin_sentence()
            done = last
            self._settle_finished(sentence)
        gap = len(words[done:]) - len(words[done:].lstrip())
        self._settled += words[done : done + gap]
        self._settle_claim(words[done + gap :], continues=runs_on and not done)

    def _settle_claim(self, words: str, *, continues: bool = False) -> None:
        if words and not continues and (self._opens_sentence or UNITS.search(words)):
            self._begin_sentence()
        self._settled += words

    def _settle_finished(self, sentence: str) -> None:
        """A whole sentence without a number: with the footnote of the source that says it, and its verdict."""
        begin = len(self._settled)
        self._claim = without_bullet(sentence)
        if found := self._find_support(sentence):
            source, span = found
            self._settled += f"{sentence} [{self._number(source, span)}]"
            if self._check:
                finding = self._check.finding(sentence, [source.passage])
                self._judge(begin, sentence, finding, (self._number(source, span),))
            return
        self._settled += sentence
        if self._check is None or (best := self._best_checked(sentence)) is None:
            return
        found_in, finding = best
        if finding.support is Support.FULL and found_in is not None:
            number = self._number(found_in, found_in.support(sentence))
            self._settled += f" [{number}]"
            self._judge(begin, sentence, finding, (number,))
        else:
            self._judge(begin, sentence, finding, ())

    def _best_checked(self, sentence: str) -> tuple[Source | None, Finding] | None:
        """The source that says most of a sentence, and what it says to it; None for a sentence that claims nothing."""
        assert self._check is not None
        claim = content_words(sentence)
        ranked = sorted(self._sources, key=lambda source: -source.best(claim)[0])[:_TRIED]
        best: tuple[Source | None, Finding] | None = None
        for source in ranked:
            finding = self._check.finding(sentence, [source.passage])
            if finding is None:
                return None
            if best is None or _ORDER[finding.support] < _ORDER[best[1].support]:
                best = source, finding
        return best

    def _begin_sentence(self) -> None:
        self._sentence = len(self._settled), len(self.citations)

    def _judge_cited(self, words: str, sources: Sequence[Source], ks: Sequence[int]) -> None:
        assert self._check is not None
        passages, numbers = [source.passage for source in sources], tuple(dict.fromkeys(ks))
        if not UNITS.search(words):  # a number on a line of its own belongs to the sentence before
            last = self._verdicts[-1] if self._verdicts else None
            finding = self._check.finding(self._claim, passages) if last and not last.left_out else None
            if last and finding:
                self._verdicts[-1] = replace(last, support=finding.support, reason=finding.reason, footnotes=numbers)
            return
        line = self._settled[self._settled.rfind("\n") + 1 :]
        begin = len(self._settled.rstrip()) - len(words.rstrip()) - len("".join(f"[{k}]" for k in numbers)) - 1
        cells = [cell.strip() for cell in line.split("|")]
        claim = f"{cells[1]} {words}" if line.lstrip().startswith("|") and len(cells) > 3 else words
        begin = max(self._settled.rfind(words.strip(), 0), begin, 0)
        self._judge(begin, claim, self._check.finding(claim, passages), numbers)

    def _judge(self, begin: int, claim: str, finding: Finding | None, numbers: tuple[int, ...]) -> None:
        """Keep the verdict on the text from `begin` on, or leave its sentence out, as the admin chose."""
        if finding is None or self._check is None:
            return
        unsupported = self._check.unsupported
        line = self._settled[self._settled.rfind("\n") + 1 :].lstrip()
        leaves = finding.support is Support.NONE and unsupported is not Unsupported.MARK
        if not leaves or line[:1] in ("|", "#", ">"):
            found = Verdict(begin, len(self._settled), finding.support, finding.reason, numbers)
            self._verdicts.append(found)
            return
        start, footnotes = self._sentence
        left_out, self._settled = self._settled[start:], self._settled[:start]
        self._footnotes.shorten(footnotes)
        self._verdicts = [verdict for verdict in self._verdicts if verdict.start < start]
        self._skipping = _FINISHED.search(_MARKS.sub("", left_out).rstrip()) is None
        numbers = self._offer_evidence(left_out) if unsupported is Unsupported.REPLACE else ()
        self._verdicts.append(
            Verdict(start, len(self._settled), Support.NONE, finding.reason, numbers, _MARKS.sub("", left_out).strip())
        )

    def _offer_evidence(self, left_out: str) -> tuple[int, ...]:
        """In place of a sentence, what the documents say instead: the number of its footnote, if there is anything."""
        claim = content_words(_MARKS.sub("", left_out))
        best = max(((source.best(claim), source) for source in self._sources), key=lambda one: one[0][0], default=None)
        if best is None or best[0][0] < RELATED:
            return ()
        (_, span, _), source = best
        bullet = ITEM.match(left_out)
        number = self._number(source, span)
        self._settled += f"{bullet[0] if bullet else ''}{quote(source.passage.text[slice(*span)])} [{number}]"
        return (number,)

    def _past_the_full_stop(self, words: str) -> str:
        """The signs that end a sentence after its number belong to it."""
        ended = re.match(r"[.!?…]+[\"'”’»)*_]*(?=\s|$)", words)
        if ended is None or not self._settled.endswith("]"):
            return words
        if self._verdicts and self._verdicts[-1].end == len(self._settled):
            self._verdicts[-1] = replace(self._verdicts[-1], end=len(self._settled) + ended.end())
        self._settled += ended[0]
        self._opens_sentence = True
        return words[ended.end() :]

    def _past_what_was_left_out(self, words: str, named: Sequence[int]) -> tuple[str, Sequence[int]]:
        """What comes after the sentence that was left out, which may go on here."""
        if ended := re.match(r"\s*[.!?…]+[\"'”’»)*_]*(?=\s|$)", words):
            self._skipping, self._opens_sentence = False, True
            return words[ended.end() :], named if words[ended.end() :].strip() else ()
        first = next(iter(sentences(words)), None)
        if first is None or not _FINISHED.search(words[slice(*first)]):
            return "", ()
        self._skipping, self._opens_sentence = False, True
        rest = words[first[1] :]
        return rest, named if rest.strip() else ()

    def _find_support(self, sentence: str) -> tuple[Source, tuple[int, int]] | None:
        claim = content_words(sentence)
        if len(claim) < _LONG_ENOUGH:
            return None
        numbers = [word for word in claim if word[0].isdigit()]
        best: tuple[float, Source, tuple[int, int]] | None = None
        for source in self._sources:
            share, span, said = source.best(claim)
            if share >= _SAME and said.issuperset(numbers) and (best is None or share > best[0]):
                best = (share, source, span)
        return best[1:] if best else None

    def _number(self, source: Source, span: tuple[int, int]) -> int:
        return self._footnotes.number(source.passage, *span)


def _expand(marks: str) -> Iterator[int]:
    """The numbers of "[1, 3] [5-7]"."""
    for first, last in re.findall(r"(\d{1,3})(?:\s*[–-]\s*\^?(\d{1,3}))?", marks):
        yield from range(int(first), min(int(last), int(first) + 20) + 1) if last else [int(first)]
