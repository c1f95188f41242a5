"""How likely it is that one of the statements found answers the question, and whether anything is said at all.

Passages that speak of everything that is asked about may still not say what is asked, and a question in other words
than its answer has few in common with it. So beside what speaks for the passages (`confidence`) it looks at the
statements: how near one comes, how far the best is above others, and, where a number is asked for, whether one with a
figure says what is asked. `benchmarks/confidence.py` fits the weights; docs/retrieval.md shows how it does on sets of
documents that were not fitted. Not covered: which statement answers best (`candidate_weights`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, fields, replace

from app.answer_signs import new_figure
from app.candidates import Candidate, Wanted
from app.comparison import comparisons
from app.confidence import Evidence, Sureness, evidence, names
from app.question_kinds import QUANTITIES, Asks, counted
from app.words import content_words
from storage.types import Passage

_HAS_FORM = 0.5  # of `answer_signs.answers`
_SIXTH = 5  # place from 0
_USUALLY_AHEAD = 1.5  # where there are fewer statements,
_USUAL_LEAD = 0.25  # and fewer passages, than it takes to tell


@dataclass(frozen=True, slots=True)
class Support:
    """What speaks for the statements, from 0 to about 1 but for `ahead`. Those of what a question asks for count: with
    a figure where it asks for one, a time for a time.

    `near` is the cosine of the question and the nearest, `ahead` how far the best one's score is above the sixth.
    Where a number is asked for, `unsaid` is the share of what is asked about that no single statement says or stands
    under, and `uncounted` that of the words for what is counted where they are several ("loyalty members"): for one
    alone ("staff") the documents may have another. All 0: no statement.
    """

    near: float = 0.0
    ahead: float = 0.0
    unsaid: float = 0.0
    uncounted: float = 0.0


FIGURES = ("lead", "held", "unnamed", "other_time", *(each.name for each in fields(Support)))
BY_WORDS = tuple(name for name in FIGURES if name not in ("lead", "near"))  # what there is without vectors
_WEIGHTS = {
    "lead": 0.98,
    "held": 1.23,
    "unnamed": -1.86,
    "other_time": -3.05,
    "near": 5.4,
    "ahead": 0.42,
    "unsaid": -1.35,
    "uncounted": -1.66,
}
_BIAS = -4.96
_WEIGHTS_OF_WORDS = {
    "held": 1.86,
    "unnamed": -1.7,
    "other_time": -2.69,
    "ahead": 0.55,
    "unsaid": -1.39,
    "uncounted": -1.91,
}
_BIAS_OF_WORDS = -2.26
# below which nothing is answered, and below which the answer comes with a warning. Between 0.1 and 0.13 the first
# refuses the same answerable questions, one in twenty of those on reports and a handbook
LEAST, SURE = 0.12, 0.32


def judged(asked: Wanted, about: str, ranked: Sequence[Candidate], passages: Sequence[Passage]) -> Sureness:
    """`about` is the question without the names that led to the documents, `ranked` the candidates, best first."""
    if not ranked:
        return Sureness.NONE
    known = found(asked.text, passages)
    likely = answerability(known, support(asked, about, ranked), asked.meaning is not None)
    return Sureness.NONE if likely < LEAST else Sureness.SOME if likely < SURE or known.unnamed else Sureness.FULL


def found(question: str, passages: Sequence[Passage]) -> Evidence:
    """What speaks for the passages, best first. `unnamed` tells of a name that none speaks of, `held` does not too."""
    known = evidence(question, passages, ())
    if known.unnamed:
        rest = question
        for name in names(question):
            rest = rest.replace(name, " ")
        known = replace(known, held=max(known.held, evidence(rest, passages, ()).held))
    return known if known.lead else replace(known, lead=_USUAL_LEAD)


def answerability(known: Evidence, own: Support, by_meaning: bool) -> float:
    """0 to 1: the share of questions with such evidence and support that the statements found answer."""
    if not (by_meaning or known.held):
        return 0.0  # neither near nor a word in common
    weights, bias = (_WEIGHTS, _BIAS) if by_meaning else (_WEIGHTS_OF_WORDS, _BIAS_OF_WORDS)
    figures = values(known, own)
    return 1 / (1 + math.exp(-bias - sum(weight * figures[name] for name, weight in weights.items())))


def values(known: Evidence, own: Support) -> dict[str, float]:
    """By the names of FIGURES."""
    return {name: getattr(own if hasattr(own, name) else known, name) for name in FIGURES}


def support(asked: Wanted, about: str, ranked: Sequence[Candidate]) -> Support:
    if not ranked:
        return Support()
    number = asked.inquiry.kind is Asks.NUMBER
    fitting = [one for one in ranked if _has_form(asked, one)]
    if not (fitting or number):
        fitting = list(ranked)  # "when" may ask for a condition
    others = ranked[_SIXTH].score if len(ranked) > _SIXTH else ranked[0].score - _USUALLY_AHEAD
    topics = [set(content_words(about))]
    if parts := comparisons(asked.text):  # one statement on both sides is seldom there
        topics = [topics[0].intersection(content_words(part)) for part in parts]
    things = topics[0].intersection(content_words(counted(asked.text)))
    return Support(
        near=max((one.near for one in fitting), default=0.0),
        ahead=ranked[0].score - others,
        unsaid=sum(_unsaid(topic, fitting) for topic in topics) / len(topics) if number else 0.0,
        uncounted=_unsaid(things, fitting) if len(things) > 1 else 0.0,
    )


def _has_form(asked: Wanted, one: Candidate) -> bool:
    kind = asked.inquiry.kind
    if kind is Asks.NUMBER:
        return new_figure(one.text, asked.words)
    return kind not in QUANTITIES or one.signs[f"form_{kind.name.lower()}"] >= _HAS_FORM


def _unsaid(topic: Set[str], found: Iterable[Candidate]) -> float:
    """The share of the words that the one which says most of them, or stands under them, leaves out."""
    said = max((len(topic & one.says) for one in found), default=0)
    return 1 - said / len(topic) if topic else 0.0
