"""The factor that verifiers share, as one result."""

from __future__ import annotations

import numpy as np
import pytest

from assay.aggregation.label_model.trust.shared_factor import (
    Agreement,
    SharedFactor,
    fit_shared_factor,
)
from assay.aggregation.statistics.queries import Queries

LOADS = np.array([0.6, 0.5, 0.4, 0.5, 0.4, -0.4])


def factor_of(values: np.ndarray, columns: int = 6) -> SharedFactor:
    """Return the shared factor of verifiers that follow values of variance 1, one against them."""
    random = np.random.default_rng(1)
    own = random.standard_normal((len(values), columns))
    z = LOADS[-columns:] * values[:, None] + np.sqrt(1 - LOADS[-columns:] ** 2) * own
    pairs = np.full((columns, columns), float(len(z)))
    return fit_shared_factor(
        Agreement(np.corrcoef(z, rowvar=False), pairs, 1.0),
        np.arange(columns),
        z,
        Queries.of(np.arange(len(z)) // 8),
        np.zeros(columns, bool),
    )


def test_truth_is_followed_trusted_and_run_against() -> None:
    """Two classes: loadings near the true ones, the inverted verifier, and full trust."""
    truth = np.random.default_rng(2).integers(0, 2, 8000)

    factor = factor_of((truth - truth.mean()) / truth.std())

    assert factor.d == pytest.approx(LOADS, abs=0.05)
    assert np.flatnonzero(factor.against).tolist() == [5]
    assert factor.against[5] == factor.d[5]
    assert factor.trust.value == 1.0


def test_a_style_is_followed_and_not_trusted() -> None:
    """The same loadings, without two classes."""
    factor = factor_of(np.random.default_rng(3).standard_normal(8000))

    assert factor.d == pytest.approx(LOADS, abs=0.05)
    assert factor.trust.identified
    assert factor.trust.two_classes == 0


def test_of_three_verifiers_two_outvote_the_third() -> None:
    """The trust stays 0: three verifiers cannot tell a style from truth."""
    factor = factor_of(np.random.default_rng(4).standard_normal(8000), columns=3)

    assert not factor.trust.identified
    assert factor.trust.value == 0
    assert np.flatnonzero(factor.against).tolist() == [2]


def test_nobody_runs_against_a_factor_that_explains_nothing() -> None:
    """Independent scores."""
    factor = factor_of(np.zeros(8000))

    assert factor.trust.explains == 0
    assert not factor.against.any()
