"""How likely it is that one of the statements found answers the question, and whether anything is said at all.

Passages that speak of everything that is asked about may still not say what is asked, and a question in other words
than its answer has few in common with it. So beside what speaks for the passages (`confidence`) it looks at the
statements: how near one comes and how far the best is above others; where a number is asked for, whether one with a
figure says what is asked; and where a yes or no is, whether one speaks of the thing, and the best of the place.
`benchmarks/confidence.py` fits the weights; docs/retrieval.md shows how it does on sets of documents that were not
fitted. Not covered: which statement answers best (`candidate_weights`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, fields, replace

from app.answer_signs import new_figure
from app.candidates import Candidate, Wanted
from app.comparison import comparisons
from app.confidence import Evidence, Sureness, evidence, names
from app.question_kinds import QUANTITIES, Asks, counted, of_a_rule, sought
from app.sections import standing
from app.words import content_words, covered
from storage.types import Passage

_HAS_FORM = 0.5  # of `answer_signs.answers`
_BEST, _STANDS = 5, 0.5  # passages, and how well a heading fits the section
_NEAR = 0.4  # whatever answers in words of its own comes nearer
_SIXTH = 5  # place from 0
_USUALLY_AHEAD = 1.5  # where there are fewer statements,
_USUAL_LEAD = 0.25  # and fewer passages, than it takes to tell
_ANYBODY = frozenset(content_words("people persons Leute Menschen Personen"))  # documents say who: staff, members


@dataclass(frozen=True, slots=True)
class Support:
    """What speaks for the statements, from 0 to about 1 but for `ahead`. Those of what a question asks for count: with
    a figure where it asks for one, a time for a time.

    `near` is the cosine of the question and the nearest, `ahead` how far the best one's score is above the sixth.
    Where a number is asked for, `unsaid` is the share of what is asked about that no single statement says or stands
    under, and `uncounted` that of the words for what is counted or priced where they are several ("loyalty members"):
    for one alone ("staff") the documents may have another. Where a yes or no is asked for, `unmentioned` is the share
    of the words for the thing ("credit cards") that no single statement says or stands under, and `elsewhere` that of
    the question's names which the best statement and its document's label leave out, but for what one may or must do,
    which a rule for all places tells. All 0: no statement.
    """

    near: float = 0.0
    ahead: float = 0.0
    unsaid: float = 0.0
    uncounted: float = 0.0
    unmentioned: float = 0.0
    elsewhere: float = 0.0


FIGURES = ("lead", "held", "unnamed", "other_time", *(each.name for each in fields(Support)))
BY_WORDS = tuple(name for name in FIGURES if name not in ("lead", "near"))  # what there is without vectors
_WEIGHTS = {
    "lead": 0.77,
    "held": 0.62,
    "unnamed": -2.31,
    "other_time": -2.74,
    "near": 5.16,
    "ahead": 0.51,
    "unsaid": -2.5,
    "uncounted": -1.74,
    "unmentioned": -2.5,
    "elsewhere": -3.29,
}
_BIAS = -4.46
_WEIGHTS_OF_WORDS = {
    "held": 1.22,
    "unnamed": -2.38,
    "other_time": -2.44,
    "ahead": 0.61,
    "unsaid": -2.46,
    "uncounted": -2.01,
    "unmentioned": -2.86,
    "elsewhere": -3.48,
}
_BIAS_OF_WORDS = -1.91
# below which nothing is answered, and below which the answer comes with a warning
LEAST, SURE = 0.09, 0.37
_MISSING = 0.5  # of the words for what is counted, priced or asked for: enough for a warning


def judged(asked: Wanted, about: str, ranked: Sequence[Candidate], passages: Sequence[Passage]) -> Sureness:
    """`about` is the question without the names that led to the documents, `ranked` the candidates, best first."""
    if not ranked:
        return Sureness.NONE
    known, own = found(asked.text, passages), support(asked, about, ranked)
    likely = answerability(known, own, asked.meaning is not None)
    if likely < LEAST and (known.unnamed or known.other_time or not _in_place(asked.text, passages)):
        return Sureness.NONE
    doubtful = known.unnamed or max(own.uncounted, own.unmentioned) >= _MISSING
    return Sureness.SOME if likely < SURE or doubtful else Sureness.FULL


def _in_place(question: str, passages: Sequence[Passage]) -> bool:
    """Whether one of the best passages stands in the section asked for: a balance sheet names no ratio."""
    return any(fit >= _STANDS for fit in standing(question, passages[:_BEST]).values())


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
    if not known.held and not (by_meaning and own.near >= _NEAR):
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
    number, yes_no = (asked.inquiry.kind is kind for kind in (Asks.NUMBER, Asks.YES_NO))
    fitting = [one for one in ranked if _has_form(asked, one)]
    if not (fitting or number):
        fitting = list(ranked)  # "when" may ask for a condition
    others = ranked[_SIXTH].score if len(ranked) > _SIXTH else ranked[0].score - _USUALLY_AHEAD
    topics = [set(content_words(about)) - _ANYBODY]
    if parts := comparisons(asked.text):  # one statement on both sides is seldom there
        topics = [topics[0].intersection(content_words(part)) for part in parts]
    things = topics[0].intersection(content_words(counted(asked.text)))
    return Support(
        near=max((one.near for one in fitting), default=0.0),
        ahead=ranked[0].score - others,
        unsaid=sum(_unsaid(topic, fitting) for topic in topics) / len(topics) if number else 0.0,
        uncounted=_unsaid(things, fitting) if len(things) > 1 else 0.0,
        unmentioned=_unsaid(set(content_words(sought(asked.text))), ranked) if yes_no else 0.0,
        elsewhere=_elsewhere(asked, ranked[0]) if yes_no and not of_a_rule(asked.text) else 0.0,
    )


def _has_form(asked: Wanted, one: Candidate) -> bool:
    kind = asked.inquiry.kind
    if kind is Asks.NUMBER:
        return new_figure(one.text, asked.words)
    return kind not in QUANTITIES or one.signs[f"form_{kind.name.lower()}"] >= _HAS_FORM


def _elsewhere(asked: Wanted, best: Candidate) -> float:
    named = content_words(" ".join(names(asked.text)))
    given = best.says.union(content_words(best.passage.label))
    return 1 - len(covered(named, given)) / len(named) if named else 0.0


def _unsaid(topic: Set[str], found: Iterable[Candidate]) -> float:
    """The share of the words that the one which says most of them, or stands under them, leaves out."""
    said = max((len(topic & one.says) for one in found), default=0)
    return 1 - said / len(topic) if topic else 0.0
