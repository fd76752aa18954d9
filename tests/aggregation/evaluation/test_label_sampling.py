"""Labels drawn as an operator would draw them."""

from __future__ import annotations

import numpy as np
import pytest

from assay.aggregation.evaluation.label_sampling import draw_labels
from assay.aggregation.statistics.queries import Queries


def test_labels_are_drawn_a_few_of_a_query() -> None:
    """Of both classes, no row twice; where a class is too rare, a message says how rare."""
    queries, labels = Queries.of(np.repeat(np.arange(50), 6)), np.tile([1.0, 0, 0, 0, 0, 0], 50)

    chosen = draw_labels(queries, labels, 30, np.random.default_rng(0))

    assert len(np.unique(chosen)) == 30
    assert np.bincount(queries.codes()[chosen]).max() == 4
    assert 0 < labels[chosen].sum() < 30
    with pytest.raises(ValueError, match="0 of 300 are correct"):
        draw_labels(queries, np.zeros(300), 30, np.random.default_rng(0))
