"""What a statement is about where it does not say so itself: the heading that it stands under.

"The default is 100 connections." says nothing of which setting; the heading above it does. Not covered: which
statements answer (`selection`), how they are written (`answer_lines`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from app.quotation import one_line
from app.statements import Kind, Statement
from app.words import content_words, covered
from storage.types import Passage

_LONGEST = 80  # characters of a heading that can stand before a sentence
_PRONOUN = re.compile(r"\W*(?:it|they|this|these|those|such|es|er|sie|dies|diese[rsmn]?|dabei|dafür|davon)\b", re.I)

_NOT = re.compile(r"\b(?:not|never|nicht|kein\w*|nie)\b|n['’]t\b", re.I)


def contrary(question: str, heading: str) -> bool:
    """Whether it denies what the question does not: below "What is not covered" stands nothing on what is covered."""
    nearest = heading.rpartition(" > ")[2]
    return _NOT.search(nearest) is not None and _NOT.search(question) is None


def topic(asked: Sequence[str], passage: Passage, page: Sequence[Statement], place: int) -> str:
    """The nearest heading, where it says words of the question that the statement leaves out; else "".

    `asked` are the question's content words. Also where the statement begins with a pronoun.
    """
    heading = _heading(passage, page, place)
    words = content_words(heading)
    if not words or heading.endswith("?") or len(heading) > _LONGEST:
        return ""
    if heading == passage.title or any(heading == one_line(table.caption) for table in passage.tables):
        return ""  # what stands below a table need not be about it
    statement = passage.text[page[place].start : page[place].end]
    said = content_words(statement)
    meant = set(covered(asked, words)) - set(covered(asked, said))
    leans = _PRONOUN.match(statement) is not None and len(covered(words, said)) < len(words)
    return heading if meant or (leans and covered(asked, words)) else ""


def _heading(passage: Passage, page: Sequence[Statement], place: int) -> str:
    above = next((one for one in reversed(page[:place]) if one.kind is Kind.HEADING), None)
    if above is None:
        return passage.heading.rpartition(" > ")[2].strip()
    return one_line(passage.text[above.start : above.end])
