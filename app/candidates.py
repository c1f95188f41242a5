"""The statements of the passages found that may answer a question, each with what speaks for it.

What speaks for it are signs, figures of about 0 to 1 by name: nearness in meaning, words in common, the form of the
answer that the question asks for, the standing of its passage. Not covered: how much each weighs
(`candidate_weights`), which statements make the answer (`selection`).
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from app import quantities
from app.answer_signs import answers, defines, goes_on, new_figure, points_elsewhere
from app.periods import years
from app.question_kinds import QUANTITIES, Asks, Inquiry, inquiry
from app.quotation import one_line
from app.rows import in_words, matches, names_of
from app.statements import Kind, Statement, group_label, table_header
from app.topics import contrary
from app.words import content_words, covered
from ingest.embed import Embedder
from storage.errors import Unavailable
from storage.types import Passage, Vector

_EMBEDDED = 24  # statements: a quarter of a second on two cores
_PRONOUN = re.compile(
    r"(?:it|they|he|she|this|these|those|that|such|es|er|sie|dies\w*|diese\w*|dort|there|here|also|however)\b", re.I
)
_CODE = re.compile(rf"{quantities.CODE.pattern}|(?<!\w)-{{0,2}}[^\W_]+(?:_[^\W_]+)+|(?<!\w)--?[^\W\d_][\w-]*")


@dataclass(slots=True)
class Candidate:
    """A statement of passage `n` (from 1), its place among the passage's statements, and what speaks for it."""

    n: int
    passage: Passage
    place: int
    statement: Statement
    heading: str  # that it stands under, which may come after the passage's own
    header: str  # of the table that it is a row of, or the label above a row of figures, where known
    words: frozenset[str]
    coverage: float  # share of the question's words that it says, half for those around it
    says: frozenset[str] = frozenset()  # the question's words that it says or stands under
    leads: bool = False  # what comes first under its heading
    singled_out: int = 0
    signs: dict[str, float] = field(default_factory=dict)
    near: float = 0.0  # the cosine of the question, 0 where unknown
    score: float = 0.0

    @property
    def text(self) -> str:
        return self.passage.text[self.statement.start : self.statement.end]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A question taken apart. `words` are its content words, `meaning` its vector where known."""

    text: str
    words: tuple[str, ...]
    inquiry: Inquiry
    meaning: Vector | None = None


def wanted(question: str, meaning: Vector | None = None) -> Wanted:
    return Wanted(question, tuple(content_words(question)), inquiry(question), meaning)


def candidates(
    asked: Wanted,
    passages: Sequence[Passage],
    pages: Sequence[Sequence[Statement]],
    embedder: Embedder | None = None,
) -> list[Candidate]:
    """Of all passages, in their order; without headings, headers of tables, single words, and what is about another.

    `embedder` is asked about passages that were kept without vectors of their parts.
    """
    found: list[Candidate] = []
    for n, (passage, page) in enumerate(zip(passages, pages, strict=True), 1):
        title = set(content_words(passage.title))
        heading = passage.heading
        for place, statement in enumerate(page):
            if statement.kind is Kind.HEADING:
                line = one_line(passage.text[statement.start : statement.end])
                heading = passage.heading if line in passage.heading else line
                continue
            one = _candidate(n, passage, page, place, heading)
            if one is not None and not one.words <= title:
                one.leads = place == 0 or page[place - 1].kind is Kind.HEADING
                found.append(one)
    found = _of_the_one_named(asked.text, found)
    _weigh(asked, found, embedder)
    return found


def _candidate(n: int, passage: Passage, page: Sequence[Statement], place: int, heading: str) -> Candidate | None:
    statement = page[place]
    row, table = statement.row, statement.table
    if row is not None and table is not None:
        if sum(map(bool, row.cells)) < 2:
            return None
        said = content_words(" ".join([row.group, *row.cells]))
        return Candidate(n, passage, place, statement, heading, table.caption, frozenset(said), 0.0)
    text = passage.text[statement.start : statement.end]
    said = content_words(text)
    if len(said) < 2 or text.endswith("?"):
        return None
    header = ""
    if statement.kind is Kind.ROW:
        first, header = table_header(passage.text, page, place)
        if header and first == place:
            return None
    if statement.kind is Kind.FIGURES:
        header = " ".join(passage.text[page[above].start : page[above].end] for above in group_label(page, place))
    return Candidate(n, passage, place, statement, heading, header, frozenset(said), 0.0)


def _weigh(asked: Wanted, found: Sequence[Candidate], embedder: Embedder | None) -> None:
    """Set all signs."""
    if not found:
        return
    said = [covered(asked.words, _told(one)) for one in found]
    spread = Counter(word for words in said for word in words)
    rarity = {word: math.log((1 + len(found)) / (0.5 + spread[word])) for word in asked.words}
    total = sum(rarity.values()) or 1.0
    best = max(one.passage.score for one in found)
    around = _around(asked, found)
    by_place = {(one.n, one.place): set(words) for one, words in zip(found, said, strict=True)}
    means = _row_matches(asked, found)
    asked_years = years(asked.text)
    for at, one in enumerate(found):
        own = set(said[at])
        one.says = frozenset(own | around[at])
        one.coverage = (len(own) + 0.5 * len(around[at] - own)) / max(1, len(asked.words))
    _compare(asked, found, embedder)
    for at, one in enumerate(found):
        own = set(said[at])
        one.singled_out = means.get((one.n, one.place), 0)
        beside = set().union(*(by_place.get((one.n, one.place + step), set()) for step in (-2, -1, 1)))
        one.signs = {
            "near": one.near,
            "passage": one.passage.score - best,
            "rank": 1 / one.n,
            "said": sum(rarity[word] for word in own) / total,
            "around": sum(rarity[word] for word in around[at] - own) / total,
            "beside": sum(rarity[word] for word in beside - own - around[at]) / total,
            "pairs": _pairs(asked.words, one),
            "cell": _cell(asked.words, one, rarity) / total,
            "label": _label(asked.words, one),
            **_under(asked, one),
            **_forms(asked, one),
            **_shape(one),
            "other_years": _other_years(asked_years, one),
        }


def _told(one: Candidate) -> frozenset[str]:
    """The words that it says; a row says what its table's caption and the names of the columns say, too."""
    table = one.statement.table
    if table is None:
        return one.words
    return one.words.union(names_of(table))


def _compare(asked: Wanted, found: Sequence[Candidate], embedder: Embedder | None) -> None:
    """Set how near each is to the question: by its part of the passage, the mean of several.

    Of those in passages without parts, `embedder` compares the likeliest.
    """
    if asked.meaning is None:
        return
    unknown = []
    cosines: dict[str, Vector | None] = {}
    for one in found:
        id_, parts = one.passage.chunk_id, one.passage.parts
        if id_ not in cosines:
            known = parts is not None and len(parts.vectors) and parts.vectors.shape[1] == len(asked.meaning)
            cosines[id_] = parts.vectors @ asked.meaning if parts is not None and known else None
        near = cosines[id_]
        if parts is None or near is None:
            unknown.append(one)
            continue
        start, end = one.statement.start, one.statement.end
        shared = np.array([max(0, min(end, last) - max(start, first)) for first, last in parts.spans], np.float32)
        one.near = float(shared @ near / shared.sum()) if shared.any() else 0.0
    if unknown and embedder is not None:
        unknown.sort(key=lambda one: -(one.coverage + one.passage.score))
        texts = [_in_context(one) for one in unknown[:_EMBEDDED]]
        try:
            vectors = embedder.embed_passages(texts)
        except Unavailable:
            return
        for one, cosine in zip(unknown, (vectors @ asked.meaning).tolist(), strict=False):
            one.near = cosine


def _in_context(one: Candidate) -> str:
    row, table = one.statement.row, one.statement.table
    heading = one.heading or one.passage.title
    if row is not None and table is not None:
        return f"{table.caption or heading}: {in_words(table, row)}"
    return f"{heading}: {one.header} {one_line(one.text)}"


def _around(asked: Wanted, found: Sequence[Candidate]) -> list[set[str]]:
    """The question's words in the title, the headings and the table's caption, header and group of each."""
    known: dict[str, set[str]] = {}
    result = []
    for one in found:
        table = one.statement.table
        columns = " ".join(table.header) if table else ""
        headings = "" if contrary(asked.text, one.heading) else f"{one.passage.heading} {one.heading}"
        text = f"{one.passage.label} {headings} {one.header} {columns}"
        if text not in known:
            known[text] = set(covered(asked.words, content_words(text)))
        result.append(known[text])
    return result


def _row_matches(asked: Wanted, found: Sequence[Candidate]) -> dict[tuple[int, int], int]:
    known: dict[tuple[int, int], dict[int, int]] = {}
    result = {}
    for one in found:
        row, table = one.statement.row, one.statement.table
        if row is not None and table is not None:
            key = (one.n, table.start)
            if key not in known:
                starts = (each.start for each in table.rows)
                known[key] = dict(zip(starts, matches(asked.text, asked.words, table), strict=True))
            result[one.n, one.place] = known[key][row.start]
    return result


def _pairs(asked: Sequence[str], one: Candidate) -> float:
    """The share of the question's neighbouring words that are neighbours here too."""
    if len(asked) < 2:
        return 0.0
    order = {word: place for place, word in enumerate(content_words(one.text))}
    met = sum(a in order and b in order and abs(order[a] - order[b]) <= 2 for a, b in pairwise(asked))
    return met / (len(asked) - 1)


def _under(asked: Wanted, one: Candidate) -> dict[str, float]:
    """Whether the question says all of the nearest heading, and how alike the two are above what stands first there."""
    words = [] if contrary(asked.text, one.heading) else content_words(_term(one))
    said = len(covered(words, asked.words))
    named = bool(words) and said == len(words)
    alike = 0.0
    if words and one.leads:
        alike = min(said / len(words), len(covered(asked.words, words)) / max(1, len(asked.words)))
    entry = named and one.leads and asked.inquiry.kind is Asks.MEANING
    return {"named": float(named), "titled": alike, "entry": float(entry)}


def _of_the_one_named(question: str, found: Sequence[Candidate]) -> list[Candidate]:
    """Where the question names what a heading is a code of, "XR-200", nothing that stands under another code."""
    asked = {code.casefold() for code in _CODE.findall(question)}
    codes = [code[0].casefold() if (code := _CODE.fullmatch(_term(one))) else "" for one in found]
    if asked.isdisjoint(codes):
        return list(found)
    return [one for one, code in zip(found, codes, strict=True) if not code or code in asked]


def _term(one: Candidate) -> str:
    """The nearest heading up to a bracket: "max_connections (integer)"."""
    return re.split(r"[(\[<=:]", one.heading.rpartition(" > ")[2].strip(), maxsplit=1)[0].strip()


def _cell(asked: Sequence[str], one: Candidate, rarity: Mapping[str, float]) -> float:
    """What of the question a row says together with its group, its table's caption and the best of its columns."""
    row, table = one.statement.row, one.statement.table
    if row is None or table is None:
        return 0.0
    said = set(covered(asked, content_words(f"{table.caption} {row.group} {row.cells[0]}")))
    columns = [set(covered(asked, content_words(name))) - said for name in set(table.header[1:])]
    best = max((sum(rarity[word] for word in column) for column in columns), default=0.0)
    return best + sum(rarity[word] for word in said)


def _label(asked: Sequence[str], one: Candidate) -> float:
    """How much of a row's label the question says: of "Seal kit for P-65" a third, where it asks about P-65."""
    row = one.statement.row
    words = content_words(row.cells[0]) if row is not None else []
    return len(covered(words, asked)) / len(words) if words else 0.0


def _forms(asked: Wanted, one: Candidate) -> dict[str, float]:
    kind = asked.inquiry.kind
    text = one.text
    figure = float(new_figure(text, asked.words))
    numeric = kind in QUANTITIES
    signs = {
        "figure": figure if kind is Asks.NUMBER else 0.0,
        "unasked_figure": 0.0 if numeric else figure,
        "defines": defines(asked.inquiry.term, text) if kind is Asks.MEANING else 0.0,
        "singled_out": min(one.singled_out, 5) / 5,
        "singled_out_number": min(one.singled_out, 5) / 5 if numeric else 0.0,
        "item_several": float(one.statement.kind is Kind.ITEM and kind in (Asks.STEPS, Asks.LIST)),
        "row_number": float(one.statement.kind in (Kind.ROW, Kind.FIGURES) and numeric),
    }
    form = answers(asked.inquiry, asked.text, one.text, asked.words)
    for each in Asks:
        signs[f"form_{each.name.lower()}"] = form if each is kind else 0.0
    return signs


def _shape(one: Candidate) -> dict[str, float]:
    kind, text = one.statement.kind, one.text
    return {
        "item": float(kind is Kind.ITEM),
        "points_elsewhere": float(points_elsewhere(text)),
        "goes_on": float(goes_on(text)),
        "row": float(kind is Kind.ROW),
        "figures": float(kind is Kind.FIGURES),
        "short": max(0.0, 1 - len(one.words) / 8),
        "long": min(1.0, max(0, len(one.words) - 25) / 50),
        "opens": float(one.place == 0),
        "unfinished": float(kind is Kind.SENTENCE and text[-1] not in ".!?:;)”\"'’…"),
        "cut": float(kind is Kind.SENTENCE and text[:1].islower()),
        "pronoun": float(_PRONOUN.match(text) is not None),
        "lead_in": float(text.rstrip().endswith(":")),
    }


def _other_years(asked: set[int], one: Candidate) -> float:
    """Whether it has years, and none of those that the question names."""
    if not asked:
        return 0.0
    table, row = one.statement.table, one.statement.row
    said = years(f"{table.caption} {in_words(table, row)}" if table and row else one.text)
    return float(bool(said) and asked.isdisjoint(said))
