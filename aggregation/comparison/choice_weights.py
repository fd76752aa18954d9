"""How much each candidate of a query counts: the pick, every candidate alike, or the first."""

from __future__ import annotations

import numpy as np

from assay.aggregation.evaluation.measures import EQUAL
from assay.aggregation.matrix import Floats
from assay.aggregation.statistics.queries import Queries


def pick_weights(scores: Floats, queries: Queries) -> Floats:
    """Return 1 for each query's top candidate; candidates that tie for it share the 1.

    A candidate without a score (NaN) is chosen only if none of its query has one.
    """
    ranked = np.where(np.isnan(scores), -np.inf, scores)
    best = np.repeat(np.maximum.reduceat(ranked, queries.starts[:-1]), queries.sizes)
    with np.errstate(invalid="ignore"):
        near = ranked >= best - EQUAL * np.maximum(1.0, np.abs(best))
    top = (near | (ranked == best)).astype(float)
    return np.asarray(top / np.repeat(queries.sums(top), queries.sizes))


def even_weights(queries: Queries) -> Floats:
    """Return the same weight for each candidate of a query: a random one is the choice."""
    return np.repeat(1.0 / queries.sizes, queries.sizes)


def first_weights(queries: Queries) -> Floats:
    """Return 1 for each query's first candidate."""
    weights = np.zeros(queries.rows)
    weights[queries.starts[:-1]] = 1.0
    return weights
