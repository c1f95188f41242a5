"""How much each sign of a candidate weighs: a linear model whose weights were fitted, not guessed.

`scored` gives the sum; the difference of two scores is the logarithm of how much likelier one statement is to hold the
answer than the other. `benchmarks/extraction_weights.py` makes the figures and says from what.
"""

from __future__ import annotations

from collections.abc import Sequence

from app.candidates import Candidate

WEIGHTS = {
    "near": 5.75,
    "said": 4.83,
    "defines": 3.21,
    "label": 2.76,
    "passage": 2.44,
    "around": 2.41,
    "row": -2.28,
    "item_several": 2.21,
    "singled_out_number": 1.78,
    "form_number": 1.71,
    "form_time": 1.49,
    "figure": 1.42,
    "form_yes_no": 1.42,
    "named": 1.38,
    "form_reason": 1.27,
    "form_person": 1.26,
    "cell": 1.16,
    "rank": 1.04,
    "item": 0.95,
    "titled": 0.93,
    "form_place": 0.91,
    "singled_out": 0.85,
    "row_number": 0.71,
    "unfinished": -0.7,
    "pairs": 0.63,
    "long": 0.53,
    "cut": -0.48,
    "figures": -0.37,
    "entry": 0.35,
    "other_years": -0.35,
    "form_frequency": -0.3,
    "form_duration": 0.26,
    "lead_in": 0.2,
    "beside": 0.19,
    "short": -0.19,
    "points_elsewhere": -0.17,
    "opens": 0.13,
    "goes_on": -0.08,
    "pronoun": 0.07,
}


def scored(found: Sequence[Candidate]) -> list[Candidate]:
    """The candidates with their scores set, best first."""
    for one in found:
        one.score = sum(weight * one.signs.get(sign, 0.0) for sign, weight in WEIGHTS.items())
    return sorted(found, key=lambda one: -one.score)
