"""Squares as polynomials of λ."""

from __future__ import annotations

import numpy as np
import pytest

from assay.aggregation.comparison.power_square import PowerSquare


@pytest.mark.parametrize("power", [0.0, 0.3, 1.0])
def test_it_is_the_sum_of_squares(power: float) -> None:
    """Of a - λb, also of two sums together."""
    a, b = np.array([1.0, -2.0, 3.0]), np.array([0.5, 0.5, -1.0])
    square = PowerSquare.of(a, b)

    assert square.at(power) == pytest.approx(((a - power * b) ** 2).sum())
    assert square.plus(PowerSquare.of(b, a), 2).at(power) == pytest.approx(
        ((a - power * b) ** 2).sum() + 2 * ((b - power * a) ** 2).sum()
    )


@pytest.mark.parametrize(
    ("b", "best"), [([2.0, 4.0], 0.5), ([0.1, 0.2], 1.0), ([-1.0, -2.0], 0.0), ([0.0, 0.0], 0.0)]
)
def test_the_best_power_lies_between_0_and_1(b: list[float], best: float) -> None:
    """Predictions that are turned round, or all 0, have none."""
    assert PowerSquare.of(np.array([1.0, 2.0]), np.array(b)).best() == pytest.approx(best)
