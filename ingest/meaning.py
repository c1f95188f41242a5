"""A question's vector, from which words can be taken away without asking the model again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from storage.types import Vector


@dataclass(frozen=True, slots=True)
class Meaning:
    """`vector`: float32, of unit length.

    Where the model's vector is the mean of its tokens' and it tells of them, `states` has a row for each, special ones
    and the model's own prefix too, and `spans` has where each stands in the question: (start, end) of its characters,
    nothing above 0 for what is no part of it.
    """

    vector: Vector
    states: Vector | None = None
    spans: NDArray[np.int64] | None = None

    def without(self, words: Sequence[tuple[int, int]]) -> Vector | None:
        """What is left without these (start, end) of the question, each token as the whole question made it.

        None where the model does not tell, or nothing is left.
        """
        if self.states is None or self.spans is None:
            return None
        starts, ends = self.spans[:, 0], self.spans[:, 1]
        kept = np.ones(len(self.states), bool)
        for start, end in words:
            kept &= ~((starts >= start) & (ends <= end) & (ends > starts))
        if not kept.any():
            return None
        left = self.states[kept].mean(axis=0)
        return np.asarray(left / max(float(np.linalg.norm(left)), 1e-12), np.float32)
