"""How much each sign of a candidate weighs: a linear model whose weights were fitted, not guessed.

`scored` gives the sum; the difference of two scores is the logarithm of how much likelier one statement is to hold the
answer than the other. `benchmarks/extraction_weights.py` makes the figures and says from what.
"""

from __future__ import annotations

from collections.abc import Sequence

from app.candidates import Candidate

WEIGHTS = {
    "near": 5.94,
    "said": 4.96,
    "defines": 3.21,
    "around": 2.43,
    "passage": 2.36,
    "item_several": 2.3,
    "singled_out": 2.28,
    "singled_out_number": 2.24,
    "row": -2.22,
    "cell": 2.12,
    "figure": 1.56,
    "form_number": 1.55,
    "form_time": 1.48,
    "form_yes_no": 1.42,
    "named": 1.38,
    "form_person": 1.29,
    "form_reason": 1.11,
    "rank": 1.08,
    "item": 0.95,
    "form_place": 0.91,
    "titled": 0.91,
    "unfinished": -0.72,
    "row_number": 0.65,
    "pairs": 0.61,
    "cut": -0.52,
    "long": 0.5,
    "other_years": -0.5,
    "figures": -0.36,
    "entry": 0.35,
    "form_duration": 0.32,
    "form_frequency": -0.29,
    "beside": 0.27,
    "opens": 0.17,
    "lead_in": 0.14,
    "points_elsewhere": -0.14,
    "pronoun": 0.08,
    "goes_on": -0.07,
}


def scored(found: Sequence[Candidate]) -> list[Candidate]:
    """The candidates with their scores set, best first."""
    for one in found:
        one.score = sum(weight * one.signs.get(sign, 0.0) for sign, weight in WEIGHTS.items())
    return sorted(found, key=lambda one: -one.score)
