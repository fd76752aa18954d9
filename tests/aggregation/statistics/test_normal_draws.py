"""Draws from a normal distribution."""

from __future__ import annotations

import numpy as np
import pytest

from assay.aggregation.statistics.normal_draws import DRAWS, normal_draws, standard_normals


@pytest.mark.parametrize("dimensions", [1, 20, 150])
def test_draws_have_the_mean_and_the_covariance_that_they_are_of(dimensions: int) -> None:
    """Nearly; and are the same at every call."""
    factor = np.random.default_rng(0).normal(size=(dimensions, dimensions)) / dimensions**0.5
    mean, covariance = np.arange(dimensions, dtype=float), factor @ factor.T

    draws = normal_draws(mean, covariance)

    assert draws.shape == (dimensions, DRAWS)
    assert draws.mean(axis=1) == pytest.approx(mean, abs=0.05)
    assert np.atleast_2d(np.cov(draws)) == pytest.approx(covariance, abs=0.2)
    assert (normal_draws(mean, covariance) == draws).all()


def test_a_covariance_may_be_singular() -> None:
    """What does not vary stays at its mean."""
    draws = normal_draws(np.array([1.0, 2.0]), np.diag([4.0, 0.0]))

    assert draws[0].std() == pytest.approx(2, abs=0.05)
    assert draws[1] == pytest.approx(2, abs=1e-3)
    assert normal_draws(np.zeros(2), np.zeros((2, 2))) == pytest.approx(0, abs=1e-9)


def test_shared_draws_cannot_be_changed() -> None:
    """Other callers would read the change."""
    with pytest.raises(ValueError, match="read-only"):
        standard_normals(2)[0, 0] = 0.0
