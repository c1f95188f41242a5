"""How likely it is that the passages found answer the question at all.

A logistic model of a few figures that mean the same in every corpus. Its weights were fitted by
`benchmarks/retrieval.py --calibrate` on one half of the development questions; docs/retrieval.md shows the
risk-coverage curve of the other half.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.words import content_words, covered
from storage.types import Hit, Passage

_LOOKED_AT = 5  # of the best passages


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for the best passages. All are 0 where nothing was found.

    `near` is the highest cosine of question and passage, `nearest_part` that of its bare form and a sentence or row,
    `held` the share of the question's words that one passage with its label and headings holds, `held_together` that
    which the best five hold, `lead` how far the best score is above the tenth.
    """

    near: float = 0.0
    nearest_part: float = 0.0
    held: float = 0.0
    held_together: float = 0.0
    lead: float = 0.0
    by_meaning: bool = False


_WEIGHTS = {"near": 4.0, "nearest_part": 4.0, "held": 2.0, "held_together": 2.0, "lead": 0.0}
_BIAS = -5.5
_WORDS_ALONE = {"held": 3.0, "held_together": 3.0}  # where there is no search by meaning
_WORDS_BIAS = -3.5


def evidence(question: str, passages: Sequence[Passage], hits: Sequence[Hit], near: Mapping[str, float]) -> Evidence:
    """`passages` best first; `near` as for `rank.ranked`."""
    asked = content_words(question)
    best = passages[:_LOOKED_AT]
    if not best or not asked:
        return Evidence()
    held = [set(covered(asked, set(content_words(f"{p.label} {p.heading} {p.text}")))) for p in best]
    dense = {hit.chunk_id: hit.dense for hit in hits if hit.dense is not None}
    tenth = passages[min(9, len(passages) - 1)]
    return Evidence(
        near=max((dense[p.chunk_id] for p in best if p.chunk_id in dense), default=0.0),
        nearest_part=max((near[p.chunk_id] for p in best if p.chunk_id in near), default=0.0),
        held=max(map(len, held)) / len(asked),
        held_together=len(set().union(*held)) / len(asked),
        lead=best[0].score - tenth.score,
        by_meaning=bool(dense),
    )


def confidence(known: Evidence) -> float:
    """0 to 1: the share of questions with such evidence that the passages found answer."""
    weights, bias = (_WEIGHTS, _BIAS) if known.by_meaning else (_WORDS_ALONE, _WORDS_BIAS)
    if known == Evidence():
        return 0.0
    return 1 / (1 + math.exp(-bias - sum(weight * getattr(known, name) for name, weight in weights.items())))
