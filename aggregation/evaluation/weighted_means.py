"""Means over all candidates from labels of some, with a forecast as control variate.

The weighted mean of labelled candidates alone is right in the mean over draws of labels (Hajek). A
forecast of every candidate's value narrows it: the mean forecast of all candidates, a share of it,
takes the place of the same share of the mean forecast of the labelled ones (augmented inverse
probability weighting). The forecast may be wrong: the share follows from the data, so a poor one
counts little, and a mean of any share is right.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from assay.aggregation.evaluation.measures import EQUAL
from assay.aggregation.matrix import Floats
from assay.aggregation.statistics.queries import Queries

#: Queries that a share of the forecast is estimated from; with fewer the forecast is left out.
FEWEST_FOR_SHARE = 10


@dataclass(frozen=True, slots=True)
class WeightedMean:
    """A mean, how far each query moved it, shape (queries,), and how many queries it rests on."""

    value: float
    by_query: Floats
    effective: float


def weighted_mean(
    values: Floats,
    counts: Floats,
    weights: Floats,
    queries: Queries,
    forecast: Floats | None = None,
) -> WeightedMean:
    """Return the mean of values over all candidates, each as often as it `counts`.

    `values`: read only where labelled, weights above 0; `forecast`: of the value of each candidate
    that counts. NaN where no labelled candidate counts.
    """
    labelled = weights * counts
    of_query = queries.sums(labelled)
    total = float(of_query.sum())
    if total <= EQUAL:
        return WeightedMean(float("nan"), np.full(len(queries), np.nan), 0.0)
    effective = float(total**2 / (of_query**2).sum())
    value, part = _ratio(np.where(labelled > 0, values, 0.0), labelled, queries)
    if forecast is None or effective < FEWEST_FOR_SHARE:
        return WeightedMean(value, part, effective)
    everywhere, all_parts = _ratio(np.where(counts > 0, forecast, 0.0), counts, queries)
    there, their_parts = _ratio(np.where(labelled > 0, forecast, 0.0), labelled, queries)
    moved = all_parts - their_parts
    spread = float(moved @ moved)
    if spread <= EQUAL**2:
        return WeightedMean(value, part, effective)
    share = min(1.0, max(0.0, -float(part @ moved) / spread))
    # The share is estimated as well, which costs a degree of freedom.
    return WeightedMean(
        value + share * (everywhere - there), part + share * moved, effective - (share > 0)
    )


def _ratio(values: Floats, weights: Floats, queries: Queries) -> tuple[float, Floats]:
    """Return the weighted mean, and how far each query moved it."""
    total = float(weights.sum())
    mean = float((weights * values).sum()) / total
    return mean, queries.sums(weights * (values - mean)) / total
