"""How much each sign of a candidate weighs: a linear model whose weights were fitted, not guessed.

`scored` gives the sum; the difference of two scores is the logarithm of how much likelier one statement is to hold the
answer than the other. `benchmarks/extraction_weights.py` makes the figures and says from what.
"""

from __future__ import annotations

from collections.abc import Sequence

from app.candidates import Candidate

WEIGHTS = {
    "near": 5.8,
    "said": 5.34,
    "singled_out": 2.48,
    "passage": 2.45,
    "around": 2.36,
    "cell": 2.21,
    "singled_out_number": 2.1,
    "row": -2.01,
    "item": 1.57,
    "form_time": 1.54,
    "figure": 1.52,
    "defines": 1.48,
    "form_person": 1.43,
    "form_yes_no": 1.4,
    "rank": 1.4,
    "form_number": 1.39,
    "named": 0.77,
    "unfinished": -0.7,
    "form_reason": 0.64,
    "form_place": 0.63,
    "row_number": 0.59,
    "pairs": 0.55,
    "long": 0.51,
    "lead_in": -0.46,
    "other_years": -0.41,
    "short": 0.4,
    "cut": -0.38,
    "form_duration": 0.37,
    "figures": -0.28,
    "beside": 0.27,
    "opens": 0.26,
    "unasked_figure": 0.14,
}


def scored(found: Sequence[Candidate]) -> list[Candidate]:
    """The candidates with their scores set, best first."""
    for one in found:
        one.score = sum(weight * one.signs.get(sign, 0.0) for sign, weight in WEIGHTS.items())
    return sorted(found, key=lambda one: -one.score)
