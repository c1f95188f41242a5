"""How much each sign of a candidate weighs: a linear model whose weights were fitted, not guessed.

`scored` gives the sum; the difference of two scores is the logarithm of how much likelier one statement is to hold the
answer than the other. `benchmarks/extraction_weights.py` makes the figures and says from what.
"""

from __future__ import annotations

from collections.abc import Sequence

from app.candidates import Candidate

WEIGHTS = {
    "near": 5.91,
    "said": 4.91,
    "defines": 3.21,
    "item_several": 2.45,
    "around": 2.4,
    "passage": 2.36,
    "singled_out_number": 2.26,
    "singled_out": 2.21,
    "cell": 2.2,
    "row": -2.16,
    "figure": 1.63,
    "form_number": 1.56,
    "form_time": 1.49,
    "form_yes_no": 1.43,
    "form_person": 1.28,
    "named": 1.16,
    "rank": 1.1,
    "form_reason": 1.08,
    "item": 0.99,
    "form_place": 0.92,
    "titled": 0.81,
    "pairs": 0.76,
    "unfinished": -0.7,
    "row_number": 0.63,
    "other_years": -0.53,
    "cut": -0.52,
    "long": 0.5,
    "entry": 0.48,
    "figures": -0.34,
    "beside": 0.33,
    "form_duration": 0.32,
    "opens": 0.16,
    "points_elsewhere": -0.16,
    "lead_in": 0.14,
    "form_frequency": -0.11,
    "goes_on": -0.09,
    "pronoun": 0.07,
}


def scored(found: Sequence[Candidate]) -> list[Candidate]:
    """The candidates with their scores set, best first."""
    for one in found:
        one.score = sum(weight * one.signs.get(sign, 0.0) for sign, weight in WEIGHTS.items())
    return sorted(found, key=lambda one: -one.score)
