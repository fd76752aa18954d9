"""How scores vary together within queries."""

from __future__ import annotations

import numpy as np

from assay.aggregation.statistics.queries import Queries
from assay.aggregation.statistics.score_covariance import ScoreCovariance


def test_the_joint_statistics_are_those_of_numpy() -> None:
    """Within queries, of scores that are all there."""
    rng = np.random.default_rng(1)
    u, z = rng.normal(size=(2, 400, 3))
    queries = Queries.of(np.repeat(np.arange(100), 4))
    joint = ScoreCovariance.of(u, z, queries)
    both = np.hstack([u, z])
    within = both - queries.means(both)
    a, b = rng.normal(size=(2, 3))

    np.testing.assert_allclose(joint.covariance, within.T @ within / 300)
    sums = within[:, :3] * a + within[:, 3:] * b
    np.testing.assert_allclose(joint.of_sums(a, b), sums.T @ sums / 300, atol=1e-12)
