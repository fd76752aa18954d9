"""Noise is not believed: the small part of `tests/benchmarks/label_models/noise` that is quick."""

from __future__ import annotations

import numpy as np
import pytest

from assay.aggregation import LabelModel
from tests.support.samples.noise import FAMILIES, noise


@pytest.mark.parametrize("family", FAMILIES)
def test_noise_is_not_trusted(family: str) -> None:
    """Of 24 fits, at most one in each family has a trust above 0.25, and the rate is assumed."""
    models = [
        LabelModel().fit(*noise(family, verifiers, queries, seed))
        for verifiers in (5, 8, 20)
        for queries in (50, 150, 300, 600)
        for seed in range(2)
    ]
    opened = [model for model in models if model.trust_.value > 0.25]

    assert len(opened) <= 1
    assert sum(model.base_rate_from_ == "third moments" for model in models) <= 1


def test_normal_scores_of_five_verifiers_are_not_trusted() -> None:
    """The trust is 0 for each seed, the base rate stays 1/2, and no verifier counts against."""
    for seed in range(10):
        scores = np.random.default_rng(seed).normal(size=(1200, 5))
        model = LabelModel().fit(scores, np.arange(1200) // 8)

        assert model.trust_.value == 0
        assert model.base_rate_ == 0.5
        assert (model.weights_ > 0).all()
