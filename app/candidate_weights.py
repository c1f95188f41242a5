"""How much each sign of a candidate weighs: a linear model whose weights were fitted, not guessed.

`scored` gives the sum; the difference of two scores is the logarithm of how much likelier one statement is to hold the
answer than the other. `benchmarks/extraction_weights.py` makes the figures and says from what.
"""

from __future__ import annotations

from collections.abc import Sequence

from app.candidates import Candidate

WEIGHTS = {
    "near": 5.69,
    "said": 5.31,
    "passage": 2.44,
    "singled_out": 2.44,
    "around": 2.43,
    "cell": 2.15,
    "singled_out_number": 2.04,
    "row": -1.91,
    "form_time": 1.52,
    "item": 1.51,
    "figure": 1.46,
    "rank": 1.44,
    "form_number": 1.43,
    "form_yes_no": 1.33,
    "form_person": 1.3,
    "defines": 1.16,
    "form_place": 0.7,
    "unfinished": -0.67,
    "pairs": 0.62,
    "row_number": 0.6,
    "form_reason": 0.56,
    "long": 0.53,
    "lead_in": -0.47,
    "form_duration": 0.36,
    "other_years": -0.35,
    "short": 0.33,
    "cut": -0.33,
    "beside": 0.29,
    "opens": 0.24,
    "figures": -0.18,
    "unasked_figure": 0.13,
    "pronoun": -0.07,
}


def scored(found: Sequence[Candidate]) -> list[Candidate]:
    """The candidates with their scores set, best first."""
    for one in found:
        one.score = sum(weight * one.signs.get(sign, 0.0) for sign, weight in WEIGHTS.items())
    return sorted(found, key=lambda one: -one.score)
