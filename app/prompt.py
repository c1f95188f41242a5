"""What the language model is asked: the house's instructions, the conversation, numbered sources, the question.

The order keeps the beginning stable from one question to the next, so that a server can reuse what it has read.
Passages are data: they come last, marked as such, and brackets with numbers in them can't pass for footnotes.
Not covered: finding passages (`retrieve`), checking what the answer cites (`cite`), control tokens (`llm`,
`llm_engine`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from textwrap import shorten

from app import manner
from app.prompt_texts import TEXTS
from app.rows import header_of
from storage.preferences import LANGUAGES
from storage.types import NO_INSTRUCTIONS, NO_PREFERENCE, HouseInstructions, Passage, Preference

PROMPT_VERSION = TEXTS.version  # answers keep the version that they were given with
SYSTEM = TEXTS.system

_FOOTNOTE = re.compile(r"[\[【［]\s*([\^]?\d{1,3}(?:\s*[,;–-]\s*\^?\d{1,3})*)\s*[\]】］]")
_NAMES = 400  # characters of what stands above a table
_FRAME = re.compile(r"^(?=\s*(?:Sources, each with its number:|These were the sources;|Question:))", re.M | re.I)


Span = tuple[str, int, int, int]  # version, page, start and end: the same words are one source
Numbers = dict[Span, int]


@dataclass(frozen=True, slots=True)
class Turn:
    """An earlier message of the conversation. `role` is user or assistant.

    `sources` of a question stood before the model with it, best first, and still stand there.
    """

    role: str
    text: str
    sources: tuple[Passage, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """One question. `passages` were found for it; an answer cites source n of `sources` (from 1) as [n].

    `asked` is the question made whole, as it was searched for; empty: as it stands. `sure`: the passages are likely to
    answer it. `ranked`: the passages come best first, so the best may stand where models read best; else they stand as
    they come.
    """

    question: str
    asked: str = ""
    passages: tuple[Passage, ...] = ()
    history: tuple[Turn, ...] = ()
    system: str = SYSTEM
    sure: bool = True
    preference: Preference = NO_PREFERENCE
    house: HouseInstructions = NO_INSTRUCTIONS
    ranked: bool = False

    @property
    def version(self) -> str:
        """Of all that is said beside the conversation and the sources; the same version, the same words."""
        return f"{PROMPT_VERSION}, house {self.house.version}" if self.house.text else PROMPT_VERSION

    @property
    def sources(self) -> tuple[Passage, ...]:
        """All that may be cited, by number: those that stand with earlier questions, then what this one adds."""
        found: dict[Span, Passage] = {}
        for passage in (*(passage for turn in self.history for passage in turn.sources), *self.passages):
            found.setdefault(span(passage), passage)
        return tuple(found.values())

    @property
    def german(self) -> bool:
        """Whether fixed phrases of the answer stand in German, else in English."""
        return manner.german(self.question, self.preference)

    def messages(self) -> list[dict[str, str]]:
        """The prompt as chat messages: system, history, then the sources with the question.

        A source stands once, with the first question that it was found for. Footnotes of earlier answers are left out:
        they were numbered anew for their readers.
        """
        numbers: Numbers = {}
        earlier = [{"role": turn.role, "content": self._earlier(turn, numbers)} for turn in self.history]
        return [
            *self.beginning(),
            *earlier,
            {"role": "user", "content": self._asked(self.question, self.passages, numbers)},
        ]

    def beginning(self) -> list[dict[str, str]]:
        """What does not change from question to question: of one account, and up to its preferences of all."""
        house = f"{TEXTS.house}\n{self.house.text}" if self.house.text else ""
        system = "\n\n".join(filter(None, (self.system, house, manner.in_words(self.preference))))
        return [{"role": "system", "content": system}]

    def _earlier(self, turn: Turn, numbers: Numbers) -> str:
        if turn.sources:
            return self._asked(turn.text, turn.sources, numbers)
        return re.sub(r" ?\[\d{1,3}\]", "", turn.text) if turn.role == "assistant" else turn.text

    def _asked(self, question: str, passages: Sequence[Passage], numbers: Numbers) -> str:
        """The question below those of its sources that have no number yet; `numbers` gets theirs."""
        added = list({span(passage): passage for passage in passages if span(passage) not in numbers}.values())
        first = len(numbers)
        numbers.update((span(passage), number) for number, passage in enumerate(added, first + 1))
        order = in_reading_order(len(added)) if self.ranked else range(1, len(added) + 1)
        listed = "\n".join([TEXTS.sources, *(source(first + place, added[place - 1]) for place in order)])
        if first and not added:
            listed = TEXTS.sources_above
        language = LANGUAGES[self.preference.language] if self.preference.language else TEXTS.as_asked
        if not self.preference.language and manner.german(question, self.preference):
            language = TEXTS.as_asked_in_german
        return TEXTS.asked.format(sources=listed, language=language, question=question.strip())


def span(passage: Passage) -> Span:
    return passage.version_id, passage.page, passage.start, passage.end


def in_reading_order(count: int) -> list[int]:
    """The numbers from 1, best first, as they stand before a model: the best at the beginning, the next at the end.

    Models read what stands in the middle of a long prompt worst, so that is where the least likely sources go.
    """
    return [*range(1, count + 1, 2), *reversed(range(2, count + 1, 2))]


def fit(
    passages: Sequence[Passage], budget_tokens: int, count: Callable[[str], int], *, least: int = 0
) -> tuple[Passage, ...]:
    """The best passages, which come first, that `budget_tokens` hold as sources; `least` of them in any case.

    A passage too long for what is left ends the list: a worse one never takes the place of a better one.
    """
    kept: list[Passage] = []
    left = budget_tokens
    for number, passage in enumerate(passages, 1):
        left -= count(source(number, passage))
        if left < 0 and len(kept) >= least:
            break
        kept.append(passage)
    return tuple(kept)


def estimate_tokens(text: str) -> int:
    """Tokens that `text` may have in any model's vocabulary: a careful guess where the server can't count them."""
    return len(text.encode("utf-8", "replace")) // 3 + 1


def source(number: int, passage: Passage) -> str:
    """A passage as the prompt holds it."""
    page, names = passage.place or f"page {passage.page}", _names_above(passage)
    columns = TEXTS.columns.format(names=names) if names else ""
    place = ", ".join(part for part in (passage.title or passage.name, page, passage.heading, columns) if part)
    # the words follow the number at once and the place stands before: a model that quotes a source quotes its words
    return f"\n({_plain(place)})\n[{number}] {_plain(passage.text).strip()}"


def _names_above(passage: Passage) -> str:
    """Caption, columns and group of a table that has begun before the passage: its figures mean nothing without."""
    for table in passage.tables[:1]:
        row = table.rows[0]
        if any(table.header) and not passage.text[: max(0, row.start - passage.start)].strip():
            caption = f"{table.caption.rstrip(':')}: " if table.caption else ""
            group = f", under: {row.group}" if row.group else ""
            return shorten(f"{caption}{' | '.join(filter(None, header_of(table)))}{group}", _NAMES, placeholder=" …")
    return ""


def _plain(text: str) -> str:
    """Brackets around numbers become round, and lines that begin as the prompt's own are set off.

    Only the prompt numbers sources, ends them and asks.
    """
    return _FRAME.sub("> ", _FOOTNOTE.sub(r"(\1)", text))
