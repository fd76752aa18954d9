"""Sufficient statistics of mapped scores in one pass, additive over shards (step 3)."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt

from assay.aggregation.label_model.score_maps import ScoreMaps
from assay.aggregation.matrix import Floats
from assay.aggregation.statistics.queries import Queries

BLOCK_THREADS = min(4, os.cpu_count() or 1)
#: With no more rows than this a query, queries teach nothing within themselves.
FEW_PER_QUERY = 1.5


@dataclass(frozen=True, slots=True)
class Moments:
    """Sums over rows of the normal scores z, shape (m, m) or (m,); M is 1 where a score is present.

    within: sum of z^c z^cT, deviations from the query's mean; pairs_within: sum of M^c M^cT, where
    the query has at least two scores; products: sum of z zT; crossed: sum of z MT; pairs: sum of M
    MT; total, squares, counts: of z.
    """

    rows: int
    queries: int
    within: Floats
    pairs_within: Floats
    products: Floats
    crossed: Floats
    pairs: Floats
    total: Floats
    squares: Floats
    counts: Floats

    @classmethod
    def zero(cls, columns: int) -> Moments:
        """Return the statistics of no rows."""
        square, line = np.zeros((columns, columns)), np.zeros(columns)
        return cls(
            rows=0,
            queries=0,
            within=square,
            pairs_within=square,
            products=square,
            crossed=square,
            pairs=square,
            total=line,
            squares=line,
            counts=line,
        )

    @classmethod
    def of(cls, scores: npt.NDArray[Any], queries: Queries, maps: ScoreMaps) -> Moments:
        """Return the statistics of raw scores, shape (n, m), in one pass over blocks of queries."""
        moments = cls.zero(scores.shape[1])
        blocks, normals = queries.blocks(scores), maps.normals_of_many()
        with ThreadPoolExecutor(BLOCK_THREADS) as pool:
            while some := list(islice(blocks, BLOCK_THREADS)):  # as many in memory as are worked on
                for part in pool.map(
                    lambda block: cls.of_mapped(normals(block[0]), block[1]), some
                ):
                    moments = moments + part
        return moments

    @classmethod
    def of_mapped(cls, z: Floats, queries: Queries) -> Moments:
        """Return the statistics of mapped scores, NaN where missing, queries adjacent."""
        rows, columns = z.shape
        missing = np.isnan(z)
        holes = missing.any()
        if holes:
            z = np.where(missing, 0.0, z)
        present = (~missing).astype(float) if holes else np.ones((1, 1))
        counts = queries.sums(present) if holes else queries.sizes[:, None].astype(float)
        sums = queries.sums(z)
        means = np.repeat(sums / np.maximum(counts, 1), queries.sizes, axis=0)
        centred = (z - means) * present if holes else z - means
        paired = present * np.repeat(counts >= 2, queries.sizes, axis=0)
        total = sums.sum(axis=0)
        whole = np.ones((columns, columns))
        return cls(
            rows=rows,
            queries=len(queries),
            within=centred.T @ centred,
            pairs_within=paired.T @ paired if holes else whole * paired.sum(),
            products=z.T @ z,
            crossed=z.T @ present if holes else whole * total[:, None],
            pairs=present.T @ present if holes else whole * rows,
            total=total,
            squares=np.einsum("ij,ij->j", z, z),
            counts=present.sum(axis=0) if holes else np.full(columns, float(rows)),
        )

    def __add__(self, other: Moments) -> Moments:
        """Return the statistics of both shards' rows together."""
        return Moments(
            *(getattr(self, field.name) + getattr(other, field.name) for field in fields(self))
        )

    @property
    def grouped(self) -> bool:
        """Return whether queries have enough candidates for statistics within them."""
        return self.rows > FEW_PER_QUERY * self.queries

    @property
    def independent_share(self) -> float:
        """Return the share of the pairs that is left after a mean of each query is taken out."""
        return (self.rows - self.queries) / self.rows if self.grouped else 1.0

    def covariance(self) -> tuple[Floats, Floats]:
        """Return the covariance of z, and how many rows each entry rests on; 0 where none."""
        if self.grouped:
            pairs, scale = self.pairs_within, self.rows / (self.rows - self.queries)
            sums = self.within
        else:
            pairs, scale = self.pairs, 1.0
            means = self.total / np.maximum(self.counts, 1)
            sums = (
                self.products
                - self.crossed * means
                - (self.crossed * means).T
                + np.outer(means, means) * self.pairs
            )
        return np.where(pairs > 0, sums / np.maximum(pairs, 1), 0.0) * scale, pairs
