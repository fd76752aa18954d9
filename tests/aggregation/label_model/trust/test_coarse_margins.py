"""Cumulants of ratings and verdicts under one normal factor."""

from __future__ import annotations

import numpy as np
import pytest

from assay.aggregation.label_model.rank_one import fit_rank_one
from assay.aggregation.label_model.trust.coarse_margins import cumulants_of_coarse
from assay.aggregation.matrix import Floats

LOADS = np.array([0.8, 0.6, 0.7, 0.5])


def test_fine_scores_have_none() -> None:
    """A sum of normal scores is normal."""
    z = np.random.default_rng(0).standard_normal((100, 4))
    correlations = np.outer(LOADS, LOADS)
    third, fourth = cumulants_of_coarse(
        z, np.ones(4), LOADS, correlations, np.arange(4), np.zeros(4, bool)
    )
    assert third == pytest.approx(0, abs=1e-6)
    assert fourth == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize("loads", [LOADS, np.array([0.95, 0.9, 0.5, 0.7])])
def test_those_of_verdicts_are_what_a_simulation_finds(loads: Floats) -> None:
    """Four verdicts with different thresholds, each in units of its deviation, also strong ones."""
    random = np.random.default_rng(1)
    latent = loads * random.standard_normal((400_000, 1))
    latent = latent + np.sqrt(1 - loads**2) * random.standard_normal(latent.shape)
    z = (latent > [0.2, -0.4, 0.0, 0.8]).astype(float)
    z = (z - z.mean(axis=0)) / z.std(axis=0)
    correlations = np.corrcoef(z, rowvar=False)
    d = fit_rank_one(correlations, np.full((4, 4), float(len(z))), np.arange(4))[0]

    third, fourth = cumulants_of_coarse(
        z, np.ones(4), d, correlations, np.arange(4), np.ones(4, bool)
    )

    parts = np.column_stack([z.sum(axis=1), z])
    moments = [(parts**power).mean(axis=0) for power in (2, 3, 4)]
    signs = np.array([1.0, -1, -1, -1, -1])
    assert third == pytest.approx(float(moments[1] @ signs), rel=0.05)
    assert fourth == pytest.approx(float((moments[2] - 3 * moments[0] ** 2) @ signs), rel=0.05)
