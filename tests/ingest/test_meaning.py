import numpy as np
import pytest

from ingest.meaning import Meaning

STATES = np.array([[9, 9], [1, 0], [0, 1], [0, 3]], np.float32)  # the model's own, "Acme", "gift", "s"
SPANS = np.array([[-1, -1], [0, 4], [5, 9], [9, 10]], np.int64)
TOLD = Meaning(np.array([1, 0], np.float32), STATES, SPANS)


@pytest.mark.parametrize(
    ("words", "left"),
    [
        ([], [10, 13]),
        ([(0, 4)], [9, 13]),
        ([(0, 4), (5, 10)], [9, 9]),
        ([(5, 9)], [10, 12]),
        ([(0, 3)], [10, 13]),  # within a token, which stays whole
    ],
)
def test_what_is_left_is_the_mean_of_the_other_tokens(words: list[tuple[int, int]], left: list[float]) -> None:
    assert np.allclose(TOLD.without(words), np.array(left) / np.linalg.norm(left), atol=1e-6)


def test_without_tokens_nothing_is_told() -> None:
    assert Meaning(STATES[0]).without([(0, 4)]) is None


def test_where_nothing_is_left_nothing_is_told() -> None:
    assert Meaning(STATES[0], STATES[1:], SPANS[1:]).without([(0, 10)]) is None
