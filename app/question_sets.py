"""Question sets between the database, which keeps a line of their file for each question, and `app.evaluation`."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from app.evaluation import forms
from app.evaluation.corpus import Corpus
from app.evaluation.questions import Question, QuestionSet
from storage.documents import Listed
from storage.errors import InvalidInput
from storage.evaluations import KeptQuestion

LONGEST = 4000  # characters of a question, as in the chat


@dataclass(frozen=True, slots=True)
class Here:
    """A document as a question names it: by file name, and by content as well where others share that name."""

    id: str
    name: str
    title: str
    sha256: str  # "" where the name is enough


def questions_of(kept: Sequence[KeptQuestion], name: str) -> QuestionSet:
    """Raises InvalidInput for an empty set."""
    return forms.parse("\n".join(json.dumps(question.content) for question in kept), name)


def parsed(kept: KeptQuestion) -> Question:
    return questions_of([kept], "the question").questions[0]


def rows(questions: QuestionSet) -> list[dict[str, Any]]:
    """As the database keeps them, in the order of the set. Raises InvalidInput for a question that is too long."""
    if long := next((one for one in questions.questions if len(one.text) > LONGEST), None):
        raise InvalidInput(f"The question {long.id!r} is longer than {LONGEST:,} characters.")
    return [json.loads(line) for line in forms.dump(questions).split("\n") if line]


def row(question: Question, hashes: Mapping[str, str]) -> dict[str, Any]:
    """`hashes`: the SHA-256 of its documents by their name, where that is needed to tell them apart.

    Without an id one is given when it is kept.
    """
    known = tuple((name, hashes[name]) for name in question.names if name in hashes)
    (content,) = rows(QuestionSet(name="the question", questions=(question,), hashes=known))
    return content


def documents_here(listed: Sequence[Listed]) -> list[Here]:
    """Each document with a name of its own, in the order of titles."""
    times = Counter(one.name.casefold() for one in listed)
    found = []
    for one in sorted(listed, key=lambda known: (known.title.casefold(), known.id)):
        if times[one.name.casefold()] == 1:
            found.append(Here(one.id, one.name, one.title, ""))
        else:
            path = PurePath(one.name)
            found.append(Here(one.id, f"{path.stem} ({one.id[:8]}){path.suffix}", one.title, one.sha256))
    return found


def missing(questions: QuestionSet, listed: Sequence[Listed]) -> tuple[frozenset[str], str]:
    """The names that no document here answers to, or, in words, why the set as a whole can't be asked here."""
    try:
        return frozenset(Corpus(listed, questions).missing), ""
    except InvalidInput as error:
        return frozenset(), str(error)
