"""The recipes."""

from __future__ import annotations

import numpy as np
import pytest

from assay.aggregation.label_model.head import HeadRows
from assay.aggregation.label_model.hyperparameters import ORIGINAL_HYPERPARAMETERS, Hyperparameters
from assay.aggregation.label_model.label_free import BaseScore
from assay.aggregation.label_model.labelled_head import fit_head
from assay.aggregation.statistics.queries import Queries


def test_the_first_recipe_takes_one_prior_and_ours_averages() -> None:
    """By their evidence."""
    random = np.random.default_rng(0)
    z = random.normal(size=(60, 3))
    queries = Queries.of(np.repeat(np.arange(15), 4))
    base = BaseScore(np.full(3, 1 / 3), np.zeros(3), np.zeros(3), 0.0)
    labels = (z[:, 0] + 0.5 * random.normal(size=60) > 0).astype(float)
    shares = [
        [
            weight.share
            for weight in fit_head(
                HeadRows.from_scores(base, z, z, queries),
                labels,
                np.array([0, 0, 1]),
                np.ones(3),
                True,
                hyperparameters,
            )[1]
        ]
        for hyperparameters in (ORIGINAL_HYPERPARAMETERS, Hyperparameters())
    ]

    assert sorted(shares[0]) == [0, 1]
    assert sum(shares[1]) == pytest.approx(1)
    assert 0 < min(shares[1]) <= max(shares[1]) < 1
