"""Intervals by resampling queries."""

from __future__ import annotations

import numpy as np

from assay.aggregation.evaluation.bootstrap import Bootstrap
from assay.aggregation.statistics.queries import Queries


def test_intervals_hold_the_estimate() -> None:
    """And are narrower with more queries."""

    def width(queries: int) -> float:
        random = np.random.default_rng(0)
        labels = random.integers(0, 2, queries * 4).astype(float)
        found = Bootstrap(labels, Queries.of(np.repeat(np.arange(queries), 4))).selection(
            [labels + random.normal(size=queries * 4)]
        )
        assert found.low <= found.value <= found.high
        return found.high - found.low

    assert width(400) < width(40)
