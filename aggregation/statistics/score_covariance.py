"""The covariance of mapped scores within queries, which a cascade reads for any later head."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from assay.aggregation.matrix import Floats
from assay.aggregation.statistics.moments import Moments
from assay.aggregation.statistics.queries import Ints, Queries


@dataclass(frozen=True, slots=True)
class ScoreCovariance:
    """Means, shape (2m,), and covariance within queries, (2m, 2m), of (u, z).

    `queries` that it rests on.
    """

    means: Floats
    covariance: Floats
    queries: int

    @classmethod
    def of(cls, u: Floats, z: Floats, queries: Queries) -> ScoreCovariance:
        """Return the statistics of mapped scores, shape (n, m) each, NaN where missing."""
        moments = Moments.of_mapped(np.hstack([u, z]), queries)
        covariance, _ = moments.covariance()
        return cls(moments.total / np.maximum(moments.counts, 1), covariance, len(queries))

    def of_sums(self, on_unit: Floats, on_normal: Floats) -> Floats:
        """Return the covariance of on_unit u + on_normal z, shape (m, m)."""
        count = len(on_unit)
        uu, uz = self.covariance[:count, :count], self.covariance[:count, count:]
        zz = self.covariance[count:, count:]
        crossed = on_unit[:, None] * uz * on_normal
        return np.asarray(
            on_unit[:, None] * uu * on_unit
            + crossed
            + crossed.T
            + on_normal[:, None] * zz * on_normal
        )

    def means_of(self, on_unit: Floats, on_normal: Floats) -> Floats:
        """Return the means of on_unit u + on_normal z, shape (m,)."""
        count = len(on_unit)
        return np.asarray(on_unit * self.means[:count] + on_normal * self.means[count:])

    def select(self, places: Ints) -> ScoreCovariance:
        """Return the statistics of some verifiers, in another order; a place of -1 is empty."""
        count = len(self.means) // 2
        both, read = np.concatenate([places, places + count]), np.tile(places >= 0, 2)
        means = np.where(read, self.means[both], 0.0)
        return ScoreCovariance(
            means,
            np.where(np.outer(read, read), self.covariance[np.ix_(both, both)], 0.0),
            self.queries,
        )
