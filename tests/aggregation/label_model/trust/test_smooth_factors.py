"""The cumulants of smooth factors, and that a skewed style does not open the gate."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from assay.aggregation import LabelModel
from assay.aggregation.label_model.trust.smooth_factors import cumulants_of_smooth, least_fourth
from assay.aggregation.matrix import Floats

LOADS = np.array([0.6, 0.5, 0.4, 0.5, 0.3])
STYLES: dict[str, Callable[[np.random.Generator, int], Floats]] = {
    "exponential": lambda random, rows: random.exponential(size=rows),
    "negative exponential": lambda random, rows: -random.exponential(size=rows),
    "log-normal": lambda random, rows: random.lognormal(0, 0.7, rows),
    "chi-squared": lambda random, rows: random.chisquare(1, rows),
    "counts": lambda random, rows: random.poisson(2, rows).astype(float),
    "gamma": lambda random, rows: random.gamma(3, size=rows),
}


@pytest.mark.parametrize("style", STYLES)
def test_a_skewed_style_followed_unequally_is_not_trusted(style: str) -> None:
    """At most one of six draws opens the gate."""
    opened = 0
    for seed in range(1000, 1006):
        random = np.random.default_rng(seed)
        factor = STYLES[style](random, 1200)
        scores = ((factor - factor.mean()) / factor.std())[:, None] * random.random(6)
        scores = scores + random.normal(size=(1200, 6))
        opened += LabelModel().fit(scores, np.arange(1200) // 8).trust_.value > 0.25

    assert opened <= 1


def test_a_bell_leaves_no_cumulants_and_skewed_factors_more() -> None:
    """Of fine scores; the most skewed ones lie at both ends."""
    z = np.random.default_rng(0).standard_normal((500, 5))
    correlations = np.outer(LOADS, LOADS)
    np.fill_diagonal(correlations, 1.0)
    points = cumulants_of_smooth(z, LOADS, LOADS, correlations, np.arange(5), np.zeros(5, bool))

    bell = len(points) // 2
    assert points[bell] == pytest.approx([0.0, 0.0], abs=0.01)
    assert points[:, 0] == pytest.approx(-points[::-1, 0], rel=0.01, abs=0.01)
    assert points[-1, 1] > points[bell + 2, 1] > points[bell, 1]


def test_between_the_factors_lines_lead_on_and_beyond_them_a_square() -> None:
    """The least fourth cumulant, and its slope."""
    points = np.array([[-1.0, 2.0], [0.0, 0.0], [1.0, 1.0], [2.0, 4.0]])

    assert least_fourth(points, 0.5) == (0.5, 1.0)
    assert least_fourth(points, -2.0) == (8.0, -8.0)
    assert least_fourth(points, 3.0) == (9.0, 6.0)
