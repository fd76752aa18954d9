"""How many candidates each labelled one stands for: the inverse of its chance to be labelled.

Of a query with n candidates, k of them labelled at random, each labelled candidate counts for n/k
candidates. Sums over labelled candidates, so weighted, estimate sums over all candidates without
bias (Horvitz and Thompson), and their ratios estimate means (Hajek). A query without labels
measures nothing.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from assay.aggregation.matrix import Floats
from assay.aggregation.statistics.queries import Queries

#: The estimator in words, for outputs.
ESTIMATOR = "each labelled candidate counts for n/k candidates of its query (n in all, k labelled)"
ASSUMPTION = "assumes that labelled candidates were drawn at random"


def label_weights(
    labels: Floats, queries: Queries, random: npt.NDArray[np.bool_] | None = None
) -> Floats:
    """Return n/k for each candidate whose label measures, and 0 for all others, shape (rows,).

    Rows grouped by query; `labels`: NaN where unknown; `random`: which labels are of candidates
    that were drawn at random (None: all); the others measure nothing.
    """
    measuring = measuring_labels(labels, random)
    counts = queries.sums(measuring.astype(float))
    shares = queries.sizes / np.where(counts > 0, counts, 1.0)
    return np.where(measuring, np.repeat(shares, queries.sizes), 0.0)


def measuring_labels(
    labels: Floats, random: npt.NDArray[np.bool_] | None = None
) -> npt.NDArray[np.bool_]:
    """Return which rows have a label that measures: known, and drawn at random."""
    labelled = ~np.isnan(labels)
    return labelled if random is None else labelled & random


def pair_weights(weights: Floats, queries: Queries) -> Floats:
    """Return what a pair of labelled candidates of one query counts for, a value a query.

    Both of a pair are labelled with the chance k(k - 1) / (n(n - 1)), so it counts for the inverse
    of that; 0 where fewer than two candidates are labelled.
    """
    labelled = queries.sums((weights > 0).astype(float))
    pairs, all_pairs = labelled * (labelled - 1), queries.sizes * (queries.sizes - 1.0)
    return np.asarray(np.where(pairs > 0, all_pairs / np.where(pairs > 0, pairs, 1.0), 0.0))
