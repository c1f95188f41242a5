"""Which statements make the answer: the best one, what has to be shown with it, and what adds to it.

A step is shown with all steps, a row with the rows that the question means as well, a sentence alone. Not covered: how
well a statement answers (`candidates`), how the answer is written (`answer_lines`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from app.candidates import Candidate, Wanted
from app.lists import below_heading, with_rest
from app.question_kinds import QUANTITIES
from app.rows import names_of
from app.statements import Kind, Statement, column_names, group_label, run_around
from app.topics import contrary
from app.words import content_words, covered
from storage.types import Passage

NEAR = 2.3  # how far below the best another statement may score
_ITEMS = 8  # of a list, rows of a table
_ROWS = 3  # after a sentence that leads in to a table
_FOLLOWING = 3  # statements after one that leads in to no list
_LEAD = 240  # characters of a sentence that leads in to a list
_ABOUT = 1 / 3  # of the question's words that stand above a list which is given whole
_TITLE = 0.7  # that stand in a heading whose list is taken though nothing in it answers well by itself
_LIST = 3  # items that are a whole answer
_POINTER = 12  # content words of a sentence that does no more than point elsewhere
_WORDS = 6  # of what has no full stop and still says something
_ENDS = ".!?…)\"'”’»]。！？"
_SAME = 0.7  # share of their words that two statements have in common when they say the same

_SEVERAL = re.compile(
    r"\b(which|what (are|do|does|kinds?|types?|is (not )?\w+ed)|list"
    r"|name (all|the)|how (do|can|should|to|does|is|are)|steps?|who are"
    r"|welche|was (sind|brauche|muss)|wie (kann|muss|soll|geht|wird|werden)|schritte|nenne|wer sind)\b",
    re.I,
)
_ASKS_FOR_LIST = re.compile(r"\s*(how (do|can|should|to)|what|which|list|name|wie|was|welche\w*|nenne)\b", re.I)
_NUMBERED = re.compile(r"\(?\d{1,3}[.)]\s")
_LEADS_IN = re.compile(r":\s*$|\b(following|as follows|folgende\w*|wie folgt)\b", re.I)


def chosen(
    asked: Wanted,
    ranked: Sequence[Candidate],
    passages: Sequence[Passage],
    pages: Sequence[list[Statement]],
    *,
    most: int,
) -> list[tuple[int, int]]:
    """(passage number, place) of what the answer is made of, in the order in which it is said.

    `most` statements are picked; with what belongs to them it may be more."""
    several = _SEVERAL.search(asked.text) is not None
    asks_for_list = _ASKS_FOR_LIST.match(asked.text) is not None and asked.inquiry.kind not in QUANTITIES
    listed = below_heading(asked.text, passages, pages, several=several) if asks_for_list else []
    if listed and _belongs(asked, listed, ranked[0], passages, pages):
        return listed
    picked = _picked(asked, _with_whole_table_first(asked, ranked), most)
    places: dict[int, set[int]] = {}
    for candidate in picked:
        page = pages[candidate.n - 1]
        here = _together(asked, candidate, page, ranked) if candidate in picked[:2] else set[int]()
        places.setdefault(candidate.n, set()).update({candidate.place} | here)
        if candidate is picked[0] and sum(page[place].kind is Kind.ITEM for place in here) >= _LIST:
            break  # a list is an answer by itself
    places = {n: _closed(here, pages[n - 1]) for n, here in places.items()}
    found = [(n, place) for n, here in places.items() for place in _ordered(n, here, picked[0])]
    return with_rest(found, passages, pages) if several else found


def _belongs(
    asked: Wanted,
    listed: Sequence[tuple[int, int]],
    best: Candidate,
    passages: Sequence[Passage],
    pages: Sequence[list[Statement]],
) -> bool:
    """Whether a list below a heading that is asked for answers: the best stands in it, or the heading says much."""
    n, place = listed[0]
    above = [statement for statement in pages[n - 1][:place] if statement.kind is Kind.HEADING]
    title = passages[n - 1].text[above[-1].start : above[-1].end] if above else passages[n - 1].heading
    return (best.n, best.place) in listed or _is_about(asked, title, least=_TITLE)


def _closed(places: set[int], page: Sequence[Statement]) -> set[int]:
    """With what lies between two items of one list."""
    items = sorted(place for place in places if page[place].kind is Kind.ITEM)
    between = (range(a, b) for a, b in pairwise(items) if b - a <= _ITEMS)
    runs = (run for run in between if all(page[place].kind is Kind.ITEM for place in run))
    return places.union(*runs)


def _adds(candidate: Candidate) -> bool:
    """Whether it says something by itself: not what only leads in to something else or tells where that stands."""
    if candidate.text.endswith(":") or (candidate.signs["points_elsewhere"] and len(candidate.words) <= _POINTER):
        return False
    return (
        candidate.statement.kind is not Kind.SENTENCE or candidate.text[-1] in _ENDS or len(candidate.words) >= _WORDS
    )


def _picked(asked: Wanted, ranked: Sequence[Candidate], most: int) -> list[Candidate]:
    """The best and what comes near it, without what says the same again."""
    best, picked = ranked[0], list[Candidate]()
    for candidate in ranked:
        if len(picked) == most or candidate.score < best.score - NEAR:
            break
        apart = contrary(asked.text, candidate.heading) or _is_step_of_another(candidate, best)
        adds = candidate is best or (_adds(candidate) and not apart and not _is_of_another(candidate, best))
        if adds and not _is_other_row(candidate, best) and not any(_repeats(candidate, other) for other in picked):
            picked.append(candidate)
    return picked


def _is_step_of_another(candidate: Candidate, best: Candidate) -> bool:
    """A step of another document's instructions: beside a sentence of this one it says nothing."""
    apart = candidate.passage.document_id != best.passage.document_id
    return apart and candidate.statement.kind is Kind.ITEM and _NUMBERED.match(candidate.text) is not None


def _is_of_another(candidate: Candidate, best: Candidate) -> bool:
    """Under another heading of the best one's passage, where the question names the best one's: of another setting."""
    apart = candidate.n == best.n and candidate.heading != best.heading
    return apart and bool(best.signs["named"]) and not candidate.signs["named"]


def _ordered(n: int, places: set[int], best: Candidate) -> list[int]:
    """In reading order, but a sentence that answers best comes first."""
    order = sorted(places)
    if n == best.n and best.statement.kind is Kind.SENTENCE:
        order.sort(key=lambda place: place != best.place)
    return order


def _with_whole_table_first(asked: Wanted, ranked: Sequence[Candidate]) -> Sequence[Candidate]:
    """Where the best row is on something that was not asked for, and a table says by its names all that was asked.

    "How many days of leave do I have?" asks for the table by countries, not for what changed for one of them.
    """
    near = [one for one in ranked if one.score >= ranked[0].score - NEAR]
    best = next((one for one in near if one.statement.row is not None), None)
    if best is None or best.statement.row is None or _is_named(asked, best.statement.row.cells[0]):
        return ranked
    whole = (one for one in ranked if one.score >= best.score - 2 * NEAR and _is_of_whole_table(asked, one, ranked))
    first = next(whole, ranked[0])
    return [first, *(one for one in ranked if one is not first)]


def _is_named(asked: Wanted, label: str) -> bool:
    words = content_words(label)
    return len(covered(words, asked.words)) == len(words)


def _is_of_whole_table(asked: Wanted, candidate: Candidate, ranked: Sequence[Candidate]) -> bool:
    """Whether caption and columns of its table say all that is asked, and nothing singles out a row."""
    table = candidate.statement.table
    if table is None or len(table.rows) > _ITEMS:
        return False
    rows = (one for one in ranked if one.n == candidate.n and one.statement.table == table)
    return len(covered(asked.words, names_of(table))) == len(asked.words) and not any(one.singled_out for one in rows)


def _is_other_row(candidate: Candidate, best: Candidate) -> bool:
    """A row of the best one's table, which `_together` decides on, or of another table that the question means less."""
    if candidate is best:
        return False
    if candidate.statement.table is None:
        return candidate.statement.kind is Kind.ROW is best.statement.kind and candidate.n == best.n
    if (candidate.n, candidate.statement.table) == (best.n, best.statement.table):
        return True
    return (
        candidate.singled_out == 0
        or candidate.singled_out < best.singled_out
        or (best.statement.table is not None and (best.singled_out == 0 or candidate.coverage < best.coverage))
        or candidate.score < best.score - NEAR / 2
    )


def _repeats(one: Candidate, other: Candidate) -> bool:
    either = one.words | other.words
    return not either or len(one.words & other.words) / len(either) >= _SAME


def _together(asked: Wanted, candidate: Candidate, page: Sequence[Statement], ranked: Sequence[Candidate]) -> set[int]:
    """What has to be shown with it: the items that a sentence leads in to, the whole list, rows that fit as well."""
    text, place, kind = candidate.passage.text, candidate.place, candidate.statement.kind
    words, question = candidate.text, asked.text
    if kind is Kind.SENTENCE and _SEVERAL.search(question) and not _LEADS_IN.search(words):
        near = next((at for at in range(place + 1, min(place + 3, len(page))) if page[at].kind is Kind.ITEM), place)
        return set(run_around(page, near, Kind.ITEM)[:_ITEMS])
    if kind is Kind.SENTENCE and _LEADS_IN.search(words):
        rows = [c.place for c in ranked if c.n == candidate.n and place < c.place <= place + 2 * _ITEMS and _is_row(c)]
        columns = column_names(text, page, rows[0]) if rows else set()
        led_to = {*run_around(page, place + 1, Kind.ITEM)[:_ITEMS], *rows[:_ROWS], *columns}
        return led_to or _next_paragraph(text, page, place)
    if kind is Kind.ITEM:
        run = run_around(page, place, Kind.ITEM)
        before = run[0] - 1
        lead = before >= 0 and text[: page[before].end].endswith(":") and page[before].end - page[before].start <= _LEAD
        above = f"{candidate.heading} {text[page[before].start : page[before].end] if lead else ''}"
        whole = _SEVERAL.search(question) and (_NUMBERED.match(words) or _is_about(asked, above, least=_ABOUT))
        wanted = run if whole else [place]
        first = max(0, min(wanted.index(place) - _ITEMS // 2, len(wanted) - _ITEMS))
        return {*wanted[first : first + _ITEMS], *([before] if lead else [])}
    if candidate.statement.table is not None:
        return _rows_of_table(asked, candidate, ranked)
    if kind is Kind.ROW:
        run = run_around(page, place, Kind.ROW)
        others = [c for c in ranked if c.n == candidate.n and c.place in run and c.coverage >= candidate.coverage]
        alike = [c for c in others if c.score >= candidate.score - NEAR / 4]
        return {c.place for c in alike[:_ITEMS]} | {place}
    if kind is Kind.FIGURES:
        return column_names(text, page, place) | set(group_label(page, place))
    return set()


def _next_paragraph(text: str, page: Sequence[Statement], place: int) -> set[int]:
    """What a sentence leads in to that is no list: a command, an example, a sentence."""
    found: set[int] = set()
    for at in range(place + 1, min(place + 1 + _FOLLOWING, len(page))):
        ended = found and re.search(r"\n\s*\n", text[page[at - 1].end : page[at].start])
        if ended or page[at].kind is Kind.ROW:
            break
        found.add(at)
    return found


def _is_about(asked: Wanted, heading: str, *, least: float) -> bool:
    return len(covered(asked.words, content_words(heading))) >= least * len(asked.words)


def _rows_of_table(asked: Wanted, candidate: Candidate, ranked: Sequence[Candidate]) -> set[int]:
    """The rows that the question singles out; else those that score alike, or all where it asks for several."""
    rows = [c for c in ranked if c.n == candidate.n and c.statement.table == candidate.statement.table]
    most = max(row.singled_out for row in rows)
    if most or not (_SEVERAL.search(asked.text) or _is_of_whole_table(asked, candidate, ranked)):
        near = NEAR if most else NEAR / 4
        rows = [row for row in rows if row.singled_out == most and row.score >= rows[0].score - near]
    return {row.place for row in rows[:_ITEMS]}


def _is_row(candidate: Candidate) -> bool:
    return candidate.statement.kind in (Kind.ROW, Kind.FIGURES)
