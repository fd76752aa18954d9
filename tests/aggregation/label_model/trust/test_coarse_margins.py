"""Cumulants of ratings and verdicts under one normal factor."""

from __future__ import annotations

import numpy as np
import pytest

from assay.aggregation.label_model.trust.coarse_margins import cumulants_of_coarse

LOADS = np.array([0.8, 0.6, 0.7, 0.5])


def test_fine_scores_have_none() -> None:
    """A sum of normal scores is normal."""
    z = np.random.default_rng(0).standard_normal((100, 4))
    third, fourth = cumulants_of_coarse(z, np.ones(4), LOADS, np.arange(4), np.zeros(4, bool))
    assert third == pytest.approx(0, abs=1e-6)
    assert fourth == pytest.approx(0, abs=1e-3)


def test_those_of_verdicts_are_what_a_simulation_finds() -> None:
    """Four verdicts with different thresholds, each in units of its deviation."""
    random = np.random.default_rng(1)
    latent = LOADS * random.standard_normal((400_000, 1))
    latent = latent + np.sqrt(1 - LOADS**2) * random.standard_normal(latent.shape)
    z = (latent > [0.2, -0.4, 0.0, 0.8]).astype(float)
    z = (z - z.mean(axis=0)) / z.std(axis=0)
    correlations = np.array([np.corrcoef(z[:, v], latent[:, v])[0, 1] for v in range(4)])

    third, fourth = cumulants_of_coarse(
        z, np.ones(4), correlations * LOADS, np.arange(4), np.ones(4, bool)
    )

    parts = np.column_stack([z.sum(axis=1), z])
    moments = [(parts**power).mean(axis=0) for power in (2, 3, 4)]
    signs = np.array([1.0, -1, -1, -1, -1])
    assert third == pytest.approx(float(moments[1] @ signs), rel=0.05)
    assert fourth == pytest.approx(float((moments[2] - 3 * moments[0] ** 2) @ signs), rel=0.05)
