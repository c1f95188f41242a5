from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from storage.vectors import packed, unpacked, unpacked_all


@given(st.integers(0, 2**32 - 1), st.integers(1, 9))
def test_directions_survive(seed: int, rows: int) -> None:
    vectors = np.random.default_rng(seed).normal(size=(rows, 384)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    spans = tuple((n, n + 1) for n in range(rows))
    kept = unpacked([list(span) for span in spans], packed(vectors))
    assert kept is not None
    assert kept.spans == spans
    assert np.allclose(np.linalg.norm(kept.vectors, axis=1), 1, atol=1e-5)
    assert ((kept.vectors * vectors).sum(axis=1) > 0.9998).all()


def test_nothing_kept_is_nothing() -> None:
    assert packed(np.zeros((0, 4), np.float32)) == b""
    assert unpacked([], b"") is None
    assert unpacked([[0, 1], [1, 2]], b"abc") is None


def test_many_are_read_as_each_alone() -> None:
    random = np.random.default_rng(1)
    kept = []
    for rows, dimensions in ((2, 8), (1, 4), (3, 8)):
        spans = [[place, place + 1] for place in range(rows)]
        kept += [(spans, packed(random.standard_normal((rows, dimensions)).astype(np.float32))), ([], b"")]
    together = unpacked_all(kept)
    assert [each is None for each in together] == [False, True] * 3
    for each, (spans, packed_rows) in zip(together, kept, strict=True):
        alone = unpacked(spans, packed_rows)
        if each and alone:
            assert each.spans == alone.spans
            assert (each.vectors == alone.vectors).all()
