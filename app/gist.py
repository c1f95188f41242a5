"""The sentences that carry a document, section by section, without a language model.

A statement counts by how near it is in meaning to its section and to the whole document, and a little by its place.
Meaning is the vectors that ingestion kept; where a document has none, its words stand in. Deterministic. Not covered:
which document it is, and writing it down (`summary`).
"""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from app.statements import Kind, Statement, statements_of
from app.words import content_words
from storage.types import Passage, Vector

MOST_SECTIONS = 16
_MOST = 30  # statements of a summary
_LEAST = 3
_SMALL = 30  # a part has at least this fraction of the passages of a long document
_LONG_PART = 12  # passages from which a part is divided by its headings
_WORDS = 5  # content words below which a statement says too little by itself
_SHORT, _LONG = 40, 320  # characters
_WHOLE, _FIRST, _LENGTH, _LEANS = 0.4, 0.15, 0.1, 0.15  # weights beside the nearness to the section
_LEANING = re.compile(  # on a sentence before it
    r"\W*(?:it|its|this|these|those|that|they|he|she|such|however|also|then|otherwise|therefore|thus|moreover|but|and|if|unless"
    r"|es|er|sie|dies\w*|jene\w*|solche\w*|dabei|damit|dafür|daher|deshalb|außerdem|auch|sonst|dann|jedoch|aber|wenn|falls)\b",
    re.I,
)
_WORD_DIRECTIONS = 1024
_SAME = 0.86  # cosine from which a statement repeats another


@dataclass(frozen=True, slots=True)
class Part:
    """A section of a document: its passages in reading order under a heading, which may be empty."""

    heading: str
    passages: tuple[Passage, ...]


@dataclass(frozen=True, slots=True)
class _Divided:
    """A part at a depth of headings; `whole`: it is not divided further."""

    part: Part
    depth: int
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Picked:
    """passage.text[start:end], a statement that carries its section."""

    passage: Passage
    start: int
    end: int

    @property
    def text(self) -> str:
        return self.passage.text[self.start : self.end]


@dataclass(slots=True)
class _Candidate:
    part: int
    at: int  # in reading order
    picked: Picked
    vector: Vector
    score: float = 0.0


def parts_of(passages: Sequence[Passage]) -> list[Part]:
    """By headings, the longest parts by those below them, at most MOST_SECTIONS; by pages where there are none."""
    least = len(passages) // _SMALL
    parts = [_Divided(part, 1) for part in _merged(_grouped(passages, 1), least)]
    while len(parts) < MOST_SECTIONS and not all(one.whole for one in parts):
        at = max(range(len(parts)), key=lambda at: 0 if parts[at].whole else len(parts[at].part.passages))
        parts[at : at + 1] = _divided(parts[at], least, MOST_SECTIONS - len(parts) + 1, alone=len(parts) == 1)
    found = [one.part for one in parts]
    return _by_pages(passages) if len(found) == 1 and not found[0].heading else found


def _divided(one: _Divided, least: int, most: int, *, alone: bool) -> list[_Divided]:
    """By the next headings below; itself, as a whole, where it is short or has none."""
    deepest = max(len(_path(passage)) for passage in one.part.passages)
    if one.depth >= deepest or (len(one.part.passages) < _LONG_PART and not alone):
        return [_Divided(one.part, one.depth, whole=True)]
    below = _merged(_grouped(one.part.passages, one.depth + 1), least, most)
    return [_Divided(part if len(below) > 1 else one.part, one.depth + 1) for part in below]


def _by_pages(passages: Sequence[Passage]) -> list[Part]:
    size = math.ceil(len(passages) / min(MOST_SECTIONS, max(1, len(passages) // 8)))
    return [Part("", tuple(passages[first : first + size])) for first in range(0, len(passages), size)]


def carriers(parts: Sequence[Part], quotas: Sequence[int] = ()) -> list[list[Picked]]:
    """For each part its statements that carry it, in reading order; more of longer ones. A part may have none.

    `quotas` are the most of each part, where they are given.
    """
    candidates = _candidates(parts)
    _score(candidates, len(parts))
    chosen: list[_Candidate] = []
    for index, quota in enumerate(quotas or _quotas(parts)):
        ranked = sorted((c for c in candidates if c.part == index), key=lambda c: (-c.score, c.at))
        taken = 0
        for candidate in ranked:
            if taken == quota:
                break
            if all(float(candidate.vector @ other.vector) < _SAME for other in chosen):
                chosen.append(candidate)
                taken += 1
    chosen.sort(key=lambda c: c.at)
    return [[c.picked for c in chosen if c.part == index] for index in range(len(parts))]


def _path(passage: Passage) -> list[str]:
    """Its headings; one that is only the document's title is left out."""
    path = [part for part in passage.heading.split(" > ") if part]
    return path[1:] if path and path[0].casefold() == passage.title.casefold() else path


def _grouped(passages: Sequence[Passage], depth: int) -> list[Part]:
    """Neighbours that share their headings down to `depth`, under the last of these."""
    runs = groupby(passages, lambda passage: _path(passage)[:depth])
    return [Part(path[-1] if path else "", tuple(run)) for path, run in runs]


def _merged(parts: list[Part], least: int, most: int = MOST_SECTIONS) -> list[Part]:
    """The smallest put to their smaller neighbour until there are few enough, none below `least` passages.

    The heading is that of the larger of two.
    """
    while len(parts) > 1 and (len(parts) > most or min(len(part.passages) for part in parts) < least):
        sizes = [len(part.passages) for part in parts]
        at = sizes.index(min(sizes))
        beside = min((near for near in (at - 1, at + 1) if 0 <= near < len(parts)), key=lambda near: sizes[near])
        one, other = parts[min(at, beside)], parts[max(at, beside)]
        larger = one if len(one.passages) >= len(other.passages) else other
        both = Part(larger.heading or one.heading or other.heading, (*one.passages, *other.passages))
        parts = [*parts[: min(at, beside)], both, *parts[max(at, beside) + 1 :]]
    return parts


def _quotas(parts: Sequence[Part]) -> list[int]:
    """How many statements each part gets: at least one, the rest by the root of its size."""
    sizes = [math.sqrt(sum(len(passage.text) for passage in part.passages)) for part in parts]
    passages = sum(len(part.passages) for part in parts)
    wanted = min(_MOST, max(_LEAST, round(2.8 * math.sqrt(passages))))
    return [max(1, round(wanted * size / sum(sizes))) if size else 0 for size in sizes]


def _candidates(parts: Sequence[Part]) -> list[_Candidate]:
    found = []
    for index, part in enumerate(parts):
        for passage in part.passages:
            for statement in statements_of(passage):
                if _says_enough(passage, statement):
                    found.append((index, Picked(passage, statement.start, statement.end)))
    vectors = _vectors([picked for _, picked in found])
    return [_Candidate(index, at, picked, vectors[at]) for at, (index, picked) in enumerate(found)]


def _says_enough(passage: Passage, statement: Statement) -> bool:
    text = passage.text[statement.start : statement.end]
    if statement.kind not in (Kind.SENTENCE, Kind.ITEM) or text.rstrip()[-1:] in ("?", ":"):
        return False
    begins = next((char for char in text if char.isalpha()), "")
    if begins.islower():  # the rest of a sentence that a page or a list broke
        return False
    if re.search(r"(?:[,;]|\b(?:and|or|und|oder))$", text.rstrip()):
        return False
    ends = statement.kind is Kind.ITEM or text.rstrip(" \"'”’»)*_")[-1:] in (".", "!", "。")
    return ends and len(content_words(text)) >= _WORDS


def _score(candidates: Sequence[_Candidate], parts: int) -> None:
    if not candidates:
        return
    whole = _direction([c.vector for c in candidates])
    for index in range(parts):
        own = [c for c in candidates if c.part == index]
        centre = _direction([c.vector for c in own]) if own else whole
        for place, candidate in enumerate(own):
            length = candidate.picked.end - candidate.picked.start
            candidate.score = float(candidate.vector @ centre) + _WHOLE * float(candidate.vector @ whole)
            candidate.score += _FIRST * (place == 0) - _LENGTH * (not _SHORT <= length <= _LONG)
            candidate.score -= _LEANS * (_LEANING.match(candidate.picked.text) is not None)


def _direction(vectors: Sequence[Vector]) -> Vector:
    total = np.sum(vectors, axis=0)
    return np.asarray(total / max(float(np.linalg.norm(total)), 1e-9), np.float32)


def _vectors(picked: Sequence[Picked]) -> list[Vector]:
    """Of unit length, all of one kind: of meaning where every statement has one, else of words."""
    known = [_kept(one) for one in picked]
    if known and all(vector is not None for vector in known):
        return [vector for vector in known if vector is not None]
    return [_of_words(one.text) for one in picked]


def _of_words(text: str) -> Vector:
    """A direction for each word, by its checksum: texts are as near as the words that they share."""
    row = np.zeros(_WORD_DIRECTIONS, np.float32)
    for word in content_words(text):
        row[zlib.crc32(word.encode()) % _WORD_DIRECTIONS] += 1
    return _direction([row])


def _kept(picked: Picked) -> Vector | None:
    """The direction of the kept vectors of the sentences that lie in it."""
    parts = picked.passage.parts
    if parts is None:
        return None
    inside = [
        row for (a, b), row in zip(parts.spans, parts.vectors, strict=True) if picked.start <= a and b <= picked.end
    ]
    return _direction(inside) if inside else None
