"""The cumulants of smooth factors, and that no style of one hump opens the gate."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from assay.aggregation import LabelModel
from assay.aggregation.label_model.trust.smooth_factors import (
    FACTORS,
    cumulants_of_smooth,
    supporting_lines,
)
from assay.aggregation.matrix import Floats

LOADS = np.array([0.6, 0.5, 0.4, 0.5, 0.3])
STYLES: dict[str, Callable[[np.random.Generator, int], Floats]] = {
    "exponential": lambda random, rows: random.exponential(size=rows),
    "negative exponential": lambda random, rows: -random.exponential(size=rows),
    "log-normal": lambda random, rows: random.lognormal(0, 0.7, rows),
    "chi-squared": lambda random, rows: random.chisquare(1, rows),
    "counts": lambda random, rows: random.poisson(2, rows).astype(float),
    "gamma": lambda random, rows: random.gamma(3, size=rows),
    "uniform": lambda random, rows: random.random(rows),
    "triangular": lambda random, rows: random.triangular(0, 0.5, 1, rows),
    "beta": lambda random, rows: random.beta(2, 5, rows),
    "normal": lambda random, rows: random.normal(size=rows),
}


@pytest.mark.parametrize("style", STYLES)
def test_a_style_followed_unequally_is_not_trusted(style: str) -> None:
    """At most one of six draws opens the gate."""
    opened = 0
    for seed in range(1000, 1006):
        random = np.random.default_rng(seed)
        factor = STYLES[style](random, 1200)
        scores = ((factor - factor.mean()) / factor.std())[:, None] * random.random(6)
        scores = scores + random.normal(size=(1200, 6))
        opened += LabelModel().fit(scores, np.arange(1200) // 8).trust_.value > 0.25

    assert opened <= 1


def points_of(coarse: bool) -> Floats:
    """Return the cumulants that each factor leaves in five verifiers."""
    z = np.random.default_rng(0).standard_normal((500, 5))
    if coarse:
        z = (z > [0.5, 0.0, -0.5, 0.2, 0.1]).astype(float)
        z = (z - z.mean(axis=0)) / z.std(axis=0)
    correlations = np.outer(LOADS, LOADS)
    np.fill_diagonal(correlations, 1.0)
    return cumulants_of_smooth(
        z, LOADS, LOADS, correlations, np.arange(5), np.full(len(LOADS), coarse)
    )


@pytest.mark.parametrize("coarse", [False, True])
def test_the_uniform_factor_has_the_least_fourth_cumulant(coarse: bool) -> None:
    """And the more skewed a factor is, the more it has."""
    points = points_of(coarse)

    rising = points[:FACTORS]
    assert len(points) == 2 * FACTORS - 1
    assert (np.diff(rising[:, 0]) > 0).all()
    assert (np.diff(rising[:, 1]) > 0).all()
    assert rising[0, 1] < 0


def test_a_factor_and_its_mirror_image_differ_in_the_sign_of_the_third() -> None:
    """Of fine scores."""
    points = points_of(coarse=False)

    mirrored = points[1:FACTORS] * [-1.0, 1.0]
    assert points[FACTORS:] == pytest.approx(mirrored, rel=0.02, abs=0.01)


def test_lines_lead_from_factor_to_factor_and_beyond_them_along_a_square() -> None:
    """No point lies below one of them; a corner above the hull counts for nothing."""
    points = np.array([[0.0, 0.0], [2.0, 4.0], [1.0, 1.0], [0.5, 3.0], [-2.0, 4.0]])
    x, y, slopes = supporting_lines(points)

    def bound(third: float) -> float:
        return float((y + slopes * (third - x)).max())

    assert [bound(third) for third in (0.0, 0.5, 1.0, 2.0)] == pytest.approx([0.0, 0.5, 1.0, 4.0])
    assert bound(-1.0) == pytest.approx(2.0)
    assert bound(4.0) == pytest.approx(16.0)
    assert bound(-4.0) == pytest.approx(16.0)


def test_one_point_bounds_by_its_height() -> None:
    """Where all factors leave the same, as for verifiers that follow none."""
    x, y, slopes = supporting_lines(np.zeros((3, 2)))
    assert (x.tolist(), y.tolist(), slopes.tolist()) == ([0.0], [0.0], [0.0])
