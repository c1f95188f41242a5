"""Lists as answers: the steps below the heading that a question names, and a list that goes on in the next passage.

Works on statements; what is chosen is named by (number of the passage, place among its statements). Not covered: which
single item answers a question (`extract`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from app.statements import Kind, Statement, run_around
from app.topics import contrary
from app.words import content_words, covered
from storage.types import Passage

_GAP = 4  # characters of white space between a passage and the next one of its page
_STEPS = 12  # of one list


def below_heading(
    question: str, passages: Sequence[Passage], pages: Sequence[list[Statement]], *, several: bool
) -> list[tuple[int, int]]:
    """The list right below a heading all of whose words are asked for, from its first item on; [] where none is.

    A heading of one word counts only where the question asks for `several` things.
    """
    asked = content_words(question)
    for n, at, title in _titles(passages, pages):
        page = pages[n - 1]
        words = [word for word in content_words(title) if not word[0].isdigit()]
        first = next((i for i in range(at + 1, min(at + 4, len(page))) if page[i].kind is Kind.ITEM), None)
        if first is None or not words or len(covered(words, asked)) < len(words) or contrary(question, title):
            continue
        if len(words) > 1 or several:
            chosen = [(n, i) for i in range(at + 1, first) if page[i].kind is Kind.SENTENCE]
            chosen += [(n, i) for i in run_around(page, first, Kind.ITEM)[:_STEPS]]
            return with_rest(chosen, passages, pages)
    return []


def with_rest(
    chosen: Sequence[tuple[int, int]], passages: Sequence[Passage], pages: Sequence[list[Statement]]
) -> list[tuple[int, int]]:
    """`chosen`, each list that ends with its passage continued with the beginning of the next."""
    result = list(chosen)
    for n, place in chosen:
        if place != len(pages[n - 1]) - 1 or pages[n - 1][place].kind is not Kind.ITEM:
            continue
        here = passages[n - 1]
        for m, page in enumerate(pages, 1):
            there = passages[m - 1]
            same = (there.version_id, there.page) == (here.version_id, here.page)
            if same and 0 <= there.start - here.end <= _GAP and page and page[0].kind is Kind.ITEM:
                rest = [(m, item) for item in run_around(page, 0, Kind.ITEM)[:_STEPS]]
                at = result.index((n, place)) + 1
                result = [*result[:at], *rest, *(other for other in result[at:] if other not in rest)]
    return result


def _titles(passages: Sequence[Passage], pages: Sequence[list[Statement]]) -> Iterator[tuple[int, int, str]]:
    """(passage number, place, words) of the headings in the texts, then of those that stand before them (place -1)."""
    for n, page in enumerate(pages, 1):
        text = passages[n - 1].text
        yield from ((n, at, text[s.start : s.end]) for at, s in enumerate(page) if s.kind is Kind.HEADING)
    for n, page in enumerate(pages, 1):
        if page and page[0].kind is not Kind.HEADING:
            yield n, -1, passages[n - 1].heading.rpartition(" > ")[2]
