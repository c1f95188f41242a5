"""A sentence of an answer taken apart: its clauses with their words, figures, dates and names, and its quotations.

Not covered: the passages that it is held against (`evidence`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from app import dates, quantities
from app.dates import Date, Rate
from app.names import Name, names
from app.opposites import Sense, sense
from app.quotation import one_line, plain
from app.statements import without_bullet
from app.words import content_words, is_german

_BREAK = re.compile(
    r"(?<=[^\d\s])[;:]\s|(?<=[^\d\s]),\s|,\s(?=[^\W\d_])|\s[–—]\s"
    r"|\s(?=(?:and|but|while|whereas|unless|because|und|aber|während|sondern|sofern|weil|sonst|jedoch)\s)"
)
_SHORTEST, _AND = 2, 3  # content words of a clause, and of one joined by "and"; shorter ones stay with the one before
_VERB = re.compile(
    r"\b(?:is|are|was|were|has|have|will|may|must|can|does|do|did|not|ist|sind|war|waren|wird|werden|darf|muss|kann|hat|nicht)\b",
    re.I,
)
JOINS = re.compile(r"\W*(?:and|but|or|und|aber|oder)\b", re.I)
_EMPTY = frozenset(  # who does it, whoever that is
    content_words("everybody everyone anybody somebody people person persons employees staff mitarbeiter beschäftigte")
)
_LIMIT = re.compile(
    r"\b(?:up to|bis zu|as (?:many|much) as|(?:more|less|fewer|mehr|weniger|longer|shorter|länger|kürzer|higher|lower"
    r"|höher) (?:than|als)(?: for)?|at (?:least|most)|(?:mind|höch)estens|over|under|above|below|über|unter|minimum"
    r"|maximum)\s+$",
    re.I,
)
_QUOTED = re.compile(r"[\"“„»«]([^\"“”„»«]{8,400})[\"”“»«]")
_FOOTNOTE = re.compile(r"\s?\[\d{1,3}\]")
_NOTHING = re.compile(
    r"\b(?:documents?|sources?|passages?|texts?|information|dokumente?n?|quellen?|unterlagen|angaben)\b.{0,40}"
    r"\b(?:not|no|n['’]t|nothing|nicht|keine?n?|nichts)\b"
    r"|\b(?:there is no|no|cannot find|could not find|couldn['’]t find|not find|kein\w*)\b.{0,30}"
    r"\b(?:information|mention|details?|documents?|sources?|angaben?|informationen|hinweise?)\b"
    r"|\b(?:I|ich)\s(?:do not|don['’]t|cannot|can['’]t|weiß nicht|kann nicht)\b",
    re.I,
)
_TALK = re.compile(
    r"^(?:(?:yes|no|ja|nein|sure|certainly|of course|gern|natürlich)[.,!]?|here (?:is|are)\b.*|hier (?:ist|sind)\b.*"
    r"|i hope\b.*|let me know\b.*|please (?:note|contact|ask|check)\b.*|(?:in summary|zusammenfassend)[:,.]?"
    r"|vielleicht beantworten die dokumente das nicht\.?|the documents may not answer this\.?)$",
    re.I | re.S,
)


@dataclass(frozen=True, slots=True)
class Part:
    """A clause, or a whole statement: what it says, ready to be compared."""

    text: str
    words: tuple[str, ...]  # without those that are part of figures and dates
    quantities: tuple[quantities.Quantity, ...]
    dates: tuple[Date, ...]
    rates: tuple[Rate, ...]
    sense: Sense
    names: tuple[str, ...] = ()
    about: tuple[str, ...] = ()  # what it is about without saying so

    @classmethod
    def of(cls, text: str, *, german: bool | None = None, named: Sequence[Name] = (), of: tuple[str, ...] = ()) -> Part:
        """`of`: words that it is about, where it only points to them ("it")."""
        said, often = tuple(dates.dates(text)), tuple(dates.rates(text))
        rest = dates.blanked(dates.blanked(text, said), often)
        counted = tuple(quantities.quantities(rest, german=german))
        bare = rest
        for one in counted:
            limit = _LIMIT.search(bare[: one.start])
            start = limit.start() if limit else one.start
            bare = bare[:start] + " " * (one.end - start) + bare[one.end :]
        for one in counted:
            if one.cue:  # the "not" of "not more than" is the number's
                bare = bare[: one.cue[0]] + " " * (one.cue[1] - one.cue[0]) + bare[one.cue[1] :]
        own = (word for word in content_words(bare) if not word[0].isdigit() and word not in _EMPTY)
        codes = (code.casefold() for code in quantities.CODE.findall(bare))
        words = tuple(dict.fromkeys((*own, *codes)))
        about = tuple(word for word in of if word not in words)
        return cls(text, words, counted, said, often, sense(bare), tuple(name.text for name in named), about)


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence of an answer, without its marks."""

    text: str
    german: bool
    whole: Part
    parts: tuple[Part, ...]
    quotations: tuple[str, ...]
    names: tuple[str, ...]

    @classmethod
    def of(cls, sentence: str) -> Claim:
        text = bare(sentence)
        german = is_german(text)
        quoted = tuple(found[1].strip(" .,") for found in _QUOTED.finditer(text))
        whole = Part.of(text)
        named = names(without_figures(text, whole), german=german)
        return cls(
            text=text,
            german=german,
            whole=whole,
            parts=tuple(Part.of(piece) for piece in segments(text)),
            quotations=tuple(words for words in quoted if len(words.split()) >= 3),
            names=tuple(name.text for name in named),
        )

    @property
    def quantities(self) -> tuple[quantities.Quantity, ...]:
        return self.whole.quantities

    @property
    def dates(self) -> tuple[Date, ...]:
        return self.whole.dates

    @property
    def rates(self) -> tuple[Rate, ...]:
        return self.whole.rates

    @property
    def first_word(self) -> str:
        found = re.search(r"[^\W_]+", self.text)
        return found[0] if found else ""


def bare(sentence: str) -> str:
    """Without footnotes, bullets and Markdown's marks."""
    text = _FOOTNOTE.sub("", sentence)
    text = without_bullet(re.sub(r"^\s*(?:#+|>)\s*", "", text))
    text = re.sub(r"\*\*|__|(?<!\w)[*_](?=\w)|(?<=\w)[*_](?!\w)|`", "", text)
    return one_line(plain(text)).strip()


def without_figures(text: str, part: Part) -> str:
    """German writes units and months with capitals, as it does names."""
    spans = [(one.start, one.end) for one in part.quantities] + [(one.start, one.end) for one in part.dates]
    for start, end in spans:
        text = text[:start] + "·" * (end - start) + text[end:]
    return text


def is_claim(sentence: str) -> bool:
    """Whether anything is said that a source could bear out."""
    text = bare(sentence)
    if len(content_words(text)) < 2 or text.endswith(("?", ":")) or re.match(r"\s*#", sentence):
        return False
    return not _TALK.match(text) and not _NOTHING.search(text)


def segments(text: str) -> list[str]:
    """The clauses of a sentence; pieces with too few words stay with the one before."""
    cuts = [0, *(found.start() + (1 if found[0][:1] in ";:," else 0) for found in _BREAK.finditer(text)), len(text)]
    found: list[str] = []
    for first, last in pairwise(cuts):
        piece = text[first:last]
        if len(found) > 1 and _VERB.match(piece.lstrip()):  # "seals, being wear parts, are not covered"
            found[-2:] = [found[-2] + found[-1] + piece]
        elif found and (_short(piece) or _short(found[-1])):
            found[-1] += piece
        else:
            found.append(piece)
    return found


def _short(piece: str) -> bool:
    least = _AND if JOINS.match(piece) else 1 if _VERB.search(piece) else _SHORTEST
    return len(content_words(piece)) < least
