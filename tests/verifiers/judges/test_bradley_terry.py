"""Strengths from comparisons."""

from __future__ import annotations

import numpy as np
import pytest

from assay.verifiers.judges.bradley_terry import Comparison, strengths, win_rates


def test_strengths_follow_the_comparisons_and_stay_finite() -> None:
    """A candidate that won everything is strong, not infinitely so."""
    strength = strengths([Comparison(0, 1, 1.0), Comparison(1, 2, 1.0), Comparison(0, 2, 1.0)], 3)

    assert np.isfinite(strength).all()
    assert strength[0] > strength[1] > strength[2]
    assert win_rates(strength) == sorted(win_rates(strength), reverse=True)
    assert sum(win_rates(strength)) == pytest.approx(1.5)
