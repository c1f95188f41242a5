"""The answer while no language model is loaded: what the documents say, word for word, each piece with its footnote.

It picks sentences, list items and table rows of the passages by how near they are to the question in meaning and in
words. When nothing comes near enough it writes nothing, which `app.chat` takes as "not found". Not covered: finding
the passages (`retrieve`), turning [n] into the exact span (`cite`).
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from app.confidence import Sureness, names, warning
from app.lists import below_heading, with_rest
from app.manner import SENTENCES
from app.prompt import Prompt
from app.quotation import one_line, quote
from app.rows import in_words, markdown, matches
from app.statements import (
    CELL,
    Kind,
    Statement,
    column_names,
    group_label,
    run_around,
    statements_of,
    table_header,
    without_bullet,
)
from app.words import content_words, covered
from ingest.embed import Embedder
from storage.errors import Unavailable
from storage.types import Passage

MOST_PASSAGES = 12  # that are looked through for a list under a heading
_COMPARED = 8  # of these, whose statements are compared with the question
_CANDIDATES = 32  # statements that are embedded: a third of a second on two cores
_WORDS, _PASSAGE = 0.15, 0.35  # weights beside the cosine
_FIGURE = 0.06  # for a statement with a figure, when the question asks for one
_NEAR = 0.13  # how far below the best another statement may score
_ITEMS = 8  # of a list, rows of a table
_ROWS = 3  # after a sentence that leads in to a table
_SINGLED_OUT = 0.03  # for each sign that the question means this row of its table; at most five times
_LEAD = 240  # characters of a sentence that leads in to a list
# evidence, as `_sureness` counts it, below which nothing is answered, and below which the answer says that it may be
# none. Of questions on what no document is about, 9 in 10 are below the first; of those that are answered, 1 in 20
_LEAST, _SURE = 0.56, 0.86
_SURE_SAID = 0.75  # share of the words that makes up for a model that knows the language badly
_LEAST_WORDS, _SURE_WORDS = 0.4, 0.6  # the same where words are all there is
_NEAREST = {False: "The passages that come nearest:", True: "Am nächsten kommen diese Stellen:"}

_SEVERAL = re.compile(
    r"\b(which|what (are|do|does|kinds?|types?)|list|name (all|the)|how (do|can|should|to|does|is|are)|steps?|who are"
    r"|welche|was (sind|brauche|muss)|wie (kann|muss|soll|geht|wird|werden)|schritte|nenne|wer sind)\b",
    re.I,
)
_QUANTITY = re.compile(
    r"\b(how (much|many|long|large|high|often|far|old|big|late|early)|what (\w+ ){0,3}(amount|percentage|share|number"
    r"|total|price|rate|value|fee|cost|limit)s?|(which|what) (number|time|date|day|year)|when|wann|wieviele?"
    r"|wie (viele?|hoch|lange|oft|groß|weit|alt|teuer))\b",
    re.I,
)
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")
_ASKS_FOR_LIST = re.compile(r"\s*(how (do|can|should|to)|what|which|list|name|wie|was|welche\w*|nenne)\b", re.I)
_LEADS_IN = re.compile(r":\s*$|\b(following|as follows|folgende\w*|wie folgt)\b", re.I)
_NUMBERED = re.compile(r"\(?(\d{1,3})[.)]\s")


@dataclass(slots=True)
class _Candidate:
    """A statement of passage `n` (from 1), and how well it answers."""

    n: int
    passage: Passage
    place: int  # among the passage's statements
    statement: Statement
    heading: str  # that it stands under, which may come after the passage's own
    header: str  # of the table that it is a row of, or the label above a row of figures, where known
    words: frozenset[str]
    coverage: float
    singled_out: int = 0  # how much of the question means this row of its table
    near: float = 0.0
    score: float = 0.0


class Extractive:
    """Satisfies `LLM`. Without an embedder, or while it does not answer, words alone decide."""

    name = "extractive"

    def __init__(self, embedder: Embedder | None = None, *, live: Callable[[], Embedder] | None = None) -> None:
        """`live` tells for each question which embedder to use, in place of `embedder`."""
        self._embedder, self._live = embedder, live

    def stream(self, prompt: Prompt, cancel: threading.Event) -> Iterator[str]:
        """Line by line, each statement followed by " [n]". Yields nothing when the passages do not answer."""
        question = prompt.asked or prompt.question
        pages = [statements_of(passage) for passage in prompt.passages[:MOST_PASSAGES]]
        ranked, sureness = self._rank(question, prompt.passages, pages)
        if not ranked or sureness is Sureness.NONE:
            return
        if sureness is Sureness.SOME or not prompt.sure:
            yield f"{warning(question, german=prompt.german)} {_NEAREST[prompt.german]}\n\n"
        listed = []
        if _ASKS_FOR_LIST.match(question) and not _QUANTITY.search(question):
            several = _SEVERAL.search(question) is not None
            listed = below_heading(content_words(question), prompt.passages, pages, several=several)
        chosen = listed or _choose(question, ranked, prompt.passages, pages, most=SENTENCES[prompt.preference.length])
        for line in _lines(prompt.passages, pages, chosen):
            if cancel.is_set():
                return
            yield line

    def _rank(
        self, question: str, passages: Sequence[Passage], pages: Sequence[list[Statement]]
    ) -> tuple[list[_Candidate], Sureness]:
        """The candidates, best first, and whether they are evidence enough to answer."""
        asked = content_words(question)
        candidates = [
            candidate
            for n, page in enumerate(pages[:_COMPARED], 1)
            for place in range(len(page))
            if (candidate := _candidate(n, passages[n - 1], page, place, asked)) is not None
        ]
        _single_out(question, asked, candidates)
        candidates.sort(key=lambda c: -(c.coverage + c.passage.score))
        candidates = candidates[:_CANDIDATES]
        meant = self._compare(question, candidates)
        figures_wanted = _QUANTITY.search(question) is not None
        for candidate in candidates:
            weight = _WORDS if meant else 1.0
            candidate.score = candidate.near + weight * candidate.coverage + _PASSAGE * candidate.passage.score
            candidate.score += _SINGLED_OUT * min(candidate.singled_out, 5)
            if figures_wanted and _has_new_figure(candidate, asked):
                candidate.score += _FIGURE
        candidates.sort(key=lambda c: -c.score)
        return candidates, _sureness(question, asked, candidates, by_meaning=meant)

    def _compare(self, question: str, candidates: Sequence[_Candidate]) -> bool:
        """Set how near each is to the question; False when that can't be known now."""
        embedder = self._live() if self._live else self._embedder
        if embedder is None or not candidates:
            return False
        texts = [_with_heading(candidate) for candidate in candidates]
        try:
            near = embedder.embed_passages(texts) @ embedder.embed_queries([question])[0]
        except Unavailable:
            return False
        for candidate, cosine in zip(candidates, np.asarray(near).tolist(), strict=True):
            candidate.near = cosine
        return True


def _candidate(
    n: int, passage: Passage, page: Sequence[Statement], place: int, asked: Sequence[str]
) -> _Candidate | None:
    """None for what answers nothing by itself: headings, the header of a table, a single word."""
    statement = page[place]
    words = content_words(passage.text[statement.start : statement.end])
    if statement.kind is Kind.HEADING or len(words) < 2:
        return None
    if passage.text[statement.end - 1] == "?" or set(words) <= set(content_words(passage.title)):
        return None
    header, heading = "", _heading_above(passage, page, place)
    if statement.row is not None and statement.table is not None:
        return _row_candidate(n, passage, place, statement, heading, asked)
    if statement.kind is Kind.ROW:
        first, header = table_header(passage.text, page, place)
        if header and first == place:
            return None
    if statement.kind is Kind.FIGURES:
        header = " ".join(passage.text[page[above].start : page[above].end] for above in group_label(page, place))
    around = content_words(f"{passage.title} {heading} {header}")
    said = set(covered(asked, words))
    share = (len(said) + 0.5 * len(set(covered(asked, around)) - said)) / max(1, len(asked))
    return _Candidate(n, passage, place, statement, heading, header, frozenset(words), share)


def _heading_above(passage: Passage, page: Sequence[Statement], place: int) -> str:
    """The path of the passage's heading, or of the heading below it that the statement stands under."""
    for statement in reversed(page[:place]):
        if statement.kind is Kind.HEADING:
            line = one_line(passage.text[statement.start : statement.end])
            return passage.heading if line in passage.heading else line
    return passage.heading


def _row_candidate(
    n: int, passage: Passage, place: int, statement: Statement, heading: str, asked: Sequence[str]
) -> _Candidate | None:
    """The names of its columns and its group count as words of the row."""
    row, table = statement.row, statement.table
    if row is None or table is None or sum(map(bool, row.cells)) < 2:
        return None
    words = content_words(in_words(table, row))
    said = set(covered(asked, words))
    around = set(covered(asked, content_words(f"{passage.title} {heading} {table.caption}")))
    share = (len(said) + 0.5 * len(around - said)) / max(1, len(asked))
    if _of_other_years(asked, f"{table.caption} {in_words(table, row)}"):
        share /= 2
    words = content_words(" ".join([row.group, *row.cells]))
    return _Candidate(n, passage, place, statement, heading, table.caption, frozenset(words), share)


def _single_out(question: str, asked: Sequence[str], candidates: Sequence[_Candidate]) -> None:
    known: dict[tuple[int, int], dict[int, int]] = {}
    for candidate in candidates:
        row, table = candidate.statement.row, candidate.statement.table
        if row is not None and table is not None:
            key = (candidate.n, table.start)
            if key not in known:
                starts = (row.start for row in table.rows)
                known[key] = dict(zip(starts, matches(question, asked, table), strict=True))
            years = f"{table.caption} {in_words(table, row)}"
            candidate.singled_out = 0 if _of_other_years(asked, years) else known[key][row.start]


def _of_other_years(asked: Sequence[str], said: str) -> bool:
    """Whether a row has years, and none of those that the question names."""
    wanted = {word for word in asked if _YEAR.fullmatch(word)}
    known = set(_YEAR.findall(said))
    return bool(wanted and known) and wanted.isdisjoint(known)


def _sureness(question: str, asked: Sequence[str], ranked: Sequence[_Candidate], *, by_meaning: bool) -> Sureness:
    """By how near the nearest statement is, and how many of the question's words the best and its passage hold."""
    if not ranked:
        return Sureness.NONE
    best = ranked[0]
    around = content_words(f"{best.passage.title} {best.passage.heading} {best.passage.text}")
    said = (len(covered(asked, around)) / max(1, len(asked)) + best.coverage) / 2
    evidence = max(candidate.near for candidate in ranked) + said / 2 if by_meaning else said
    least, sure = (_LEAST, _SURE) if by_meaning else (_LEAST_WORDS, _SURE_WORDS)
    if evidence < least:
        return Sureness.NONE
    if evidence < sure and said < _SURE_SAID:
        return Sureness.SOME
    sources = {id(c.passage): f"{c.passage.title} {c.passage.heading} {c.passage.text}" for c in ranked}
    around = content_words(" ".join(sources.values()))
    unnamed = any(len(covered(words, around)) < len(words) for words in map(content_words, names(question)))
    return Sureness.SOME if unnamed else Sureness.FULL


def _has_new_figure(candidate: _Candidate, asked: Sequence[str]) -> bool:
    return any(word[0].isdigit() and word not in asked for word in candidate.words)


def _with_heading(candidate: _Candidate) -> str:
    passage, statement = candidate.passage, candidate.statement
    heading = candidate.heading or passage.title
    if statement.row is not None and statement.table is not None:
        return f"{statement.table.caption or heading}: {in_words(statement.table, statement.row)}"
    row = f"{candidate.header} " if candidate.header else ""
    return f"{heading}: {row}{one_line(passage.text[statement.start : statement.end])}"


def _choose(
    question: str,
    ranked: Sequence[_Candidate],
    passages: Sequence[Passage],
    pages: Sequence[list[Statement]],
    *,
    most: int,
) -> list[tuple[int, int]]:
    """(passage number, place) of what the answer is made of: by passage, the best first, each in reading order."""
    best = ranked[0]
    picked: list[_Candidate] = []
    for candidate in ranked:
        if len(picked) == most or candidate.score < best.score - _NEAR:
            break
        if _is_other_row(candidate, best):
            continue
        if not any(_repeats(candidate, other) for other in picked):
            picked.append(candidate)
    places: dict[int, set[int]] = {}
    for candidate in picked:
        places.setdefault(candidate.n, set()).add(candidate.place)
    for candidate in picked[:2]:
        places[candidate.n] |= _together(question, candidate, pages[candidate.n - 1], ranked)
    chosen = [(n, place) for n, here in places.items() for place in sorted(here)]
    return with_rest(chosen, passages, pages) if _SEVERAL.search(question) else chosen


def _is_other_row(candidate: _Candidate, best: _Candidate) -> bool:
    """A row of the best one's table, which `_together` decides on, or of another table that the question means less."""
    if candidate is best or candidate.statement.table is None:
        return False
    if (candidate.n, candidate.statement.table) == (best.n, best.statement.table):
        return True
    return (
        candidate.singled_out == 0
        or candidate.singled_out < best.singled_out
        or candidate.score < best.score - _NEAR / 2
    )


def _repeats(one: _Candidate, other: _Candidate) -> bool:
    either = one.words | other.words
    return not either or len(one.words & other.words) / len(either) >= 0.7


def _together(
    question: str, candidate: _Candidate, page: Sequence[Statement], ranked: Sequence[_Candidate]
) -> set[int]:
    """What has to be shown with it: the items that a sentence leads in to, the whole list, rows that fit as well."""
    text, place, kind = candidate.passage.text, candidate.place, candidate.statement.kind
    words = text[candidate.statement.start : candidate.statement.end]
    if kind is Kind.SENTENCE and _SEVERAL.search(question) and not _LEADS_IN.search(words):
        near = next((at for at in range(place + 1, min(place + 3, len(page))) if page[at].kind is Kind.ITEM), place)
        return set(run_around(page, near, Kind.ITEM)[:_ITEMS])
    if kind is Kind.SENTENCE and _LEADS_IN.search(words):
        rows = [c.place for c in ranked if c.n == candidate.n and place < c.place <= place + 2 * _ITEMS and _is_row(c)]
        columns = column_names(text, page, rows[0]) if rows else set()
        return {*run_around(page, place + 1, Kind.ITEM)[:_ITEMS], *rows[:_ROWS], *columns}
    if kind is Kind.ITEM:
        run = run_around(page, place, Kind.ITEM)
        before = run[0] - 1
        lead = before >= 0 and text[: page[before].end].endswith(":") and page[before].end - page[before].start <= _LEAD
        wanted = run if _SEVERAL.search(question) else [place]
        first = max(0, min(wanted.index(place) - _ITEMS // 2, len(wanted) - _ITEMS))
        return {*wanted[first : first + _ITEMS], *([before] if lead else [])}
    if candidate.statement.table is not None:
        return _rows_of_table(question, candidate, ranked)
    if kind is Kind.ROW:
        run = run_around(page, place, Kind.ROW)
        alike = [c for c in ranked if c.n == candidate.n and c.place in run and c.score >= candidate.score - _NEAR]
        return {c.place for c in alike[:_ITEMS]} | {place}
    if kind is Kind.FIGURES:
        return column_names(text, page, place) | set(group_label(page, place))
    return set()


def _rows_of_table(question: str, candidate: _Candidate, ranked: Sequence[_Candidate]) -> set[int]:
    """The rows that the question singles out; else those that score alike, or all where it asks for several."""
    rows = [c for c in ranked if c.n == candidate.n and c.statement.table == candidate.statement.table]
    most = max(row.singled_out for row in rows)
    if most or not _SEVERAL.search(question):
        near = _NEAR if most else _NEAR / 4
        rows = [row for row in rows if row.singled_out == most and row.score >= rows[0].score - near]
    return {row.place for row in rows[:_ITEMS]}


def _is_row(candidate: _Candidate) -> bool:
    return candidate.statement.kind in (Kind.ROW, Kind.FIGURES)


def _lines(
    passages: Sequence[Passage], pages: Sequence[list[Statement]], chosen: Sequence[tuple[int, int]]
) -> Iterator[str]:
    """Markdown, in pieces: paragraphs, lists and tables."""
    before: tuple[int, int, Kind] | None = None
    done: set[tuple[int, int]] = set()
    for n, place in chosen:
        text, page = passages[n - 1].text, pages[n - 1]
        statement = page[place]
        if statement.table is not None:
            table = statement.table
            if (n, table.start) not in done:
                rows = [page[at].row for m, at in chosen if m == n and page[at].table == table]
                shown = markdown(table, [row for row in rows if row is not None], n, quote)
                yield f"\n\n{shown}" if before is not None else shown
            done.add((n, table.start))
            before = (n, place, Kind.HEADING)
            continue
        kind, words = statement.kind, text[statement.start : statement.end]
        runs_on = before is not None and before[0] == n and before[2] is kind
        header = table_header(text, page, place)[1] if kind is Kind.ROW else ""
        if before is not None:
            yield _gap(kind, runs_on, in_table=bool(header))
        before = (n, place, kind)
        if header:
            names = [quote(cell) for cell in header.split(CELL)]
            if not runs_on:
                yield f"| {' | '.join(names)} |\n|{' --- |' * len(names)}\n"
            yield _row(words, len(names), n)
        elif kind in (Kind.ITEM, Kind.FIGURES):
            number = _NUMBERED.match(words)
            mark = f"{number[1]}." if number else "-"
            yield f"{mark} {quote(without_bullet(words))} [{n}]"
        else:
            yield f"{quote(words)} [{n}]"


def _gap(kind: Kind, runs_on: bool, *, in_table: bool) -> str:
    if not runs_on or (kind is Kind.ROW and not in_table):
        return "\n\n"
    return " " if kind is Kind.SENTENCE else "\n"


def _row(words: str, width: int, n: int) -> str:
    cells = [quote(cell) for cell in words.split(CELL)]
    cells = [*cells[: width - 1], " ".join(cells[width - 1 :])] if len(cells) > width else cells
    cells += [""] * (width - len(cells))
    return f"| {' | '.join(cells)} [{n}] |"
