"""Logistic regression with a prior."""

from __future__ import annotations

import numpy as np
import pytest

from assay.aggregation.statistics.logistic import fit_map


def test_soft_labels_are_shares() -> None:
    """Twice the rows with one label each way is one row with a half."""
    features, prior = np.array([[1.0, 0.5], [1.0, -1.0]]), (np.zeros(2), np.ones(2))
    soft = fit_map(np.vstack([features, features]), np.array([0.5, 1.0, 0.5, 1.0]), *prior)
    hard = fit_map(np.vstack([features, features]), np.array([1.0, 1.0, 0.0, 1.0]), *prior)

    assert soft.mode == pytest.approx(hard.mode)
