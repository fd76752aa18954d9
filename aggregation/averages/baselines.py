"""Ways to combine scores without a label model, as a measure for it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.stats import rankdata

from assay.aggregation.label_model.score_maps import ScoreMaps
from assay.aggregation.matrix import Floats
from assay.aggregation.statistics.logistic import fit_map
from assay.aggregation.statistics.queries import Queries

#: Takes the training rows, the rows to score, and their queries (adjacent); returns a score a row.
Baseline = Callable[[Floats, Floats, Queries], Floats]


def mean_of_z_scores(train: Floats, test: Floats, queries: Queries) -> Floats:
    """Return the mean of the present standardised scores."""
    with np.errstate(invalid="ignore", divide="ignore"):
        z = (test - _over(np.nanmean, train)) / _over(np.nanstd, train)
    return _mean_of_known(z)


def mean_of_min_max(train: Floats, test: Floats, queries: Queries) -> Floats:
    """Return the mean of the scores taken to 0–1 by minimum and maximum."""
    low, high = _over(np.nanmin, train), _over(np.nanmax, train)
    with np.errstate(invalid="ignore", divide="ignore"):
        return _mean_of_known(np.clip((test - low) / (high - low), 0, 1))


def borda(train: Floats, test: Floats, queries: Queries) -> Floats:
    """Return the mean over verifiers of a candidate's rank share within its query."""
    shares = np.full(test.shape, np.nan)
    for low, high in zip(queries.starts[:-1], queries.starts[1:], strict=True):
        ranks = rankdata(test[low:high], axis=0, nan_policy="omit")
        counts = np.maximum((~np.isnan(test[low:high])).sum(axis=0), 1)
        shares[low:high] = (ranks - 0.5) / counts
    return _mean_of_known(shares)


def majority(train: Floats, test: Floats, queries: Queries) -> Floats:
    """Return the share of verifiers that vote yes: binary scores as they are, shares at 1/2,
    others above their median.
    """
    return _mean_of_known(np.where(np.isnan(test), np.nan, test > vote_thresholds(train)))


def vote_thresholds(scores: Floats) -> Floats:
    """Return each verifier's threshold for yes, shape (m,); NaN without a threshold."""
    thresholds = np.full(scores.shape[1], np.nan)
    for place in range(scores.shape[1]):
        values, counts = np.unique(scores[~np.isnan(scores[:, place]), place], return_counts=True)
        if len(values) == 2:
            thresholds[place] = values.mean()
        elif len(values):
            thresholds[place] = (
                0.5 if values[0] >= 0 and values[-1] <= 1 else np.median(np.repeat(values, counts))
            )
    return thresholds


BASELINES: dict[str, tuple[Baseline, bool]] = {
    "mean of z-scores": (mean_of_z_scores, False),
    "mean of min–max": (mean_of_min_max, True),
    "Borda": (borda, False),
    "majority": (majority, True),
}
"""By name: the baseline, and whether what it returns lies between 0 and 1 and is often read as a probability."""  # noqa: E501


def supervised(
    train: Floats,
    labels: Floats,
    train_queries: Queries,
    test: Floats,
    queries: Queries,
    grouped: bool,
) -> Floats:
    """Return log-odds of L2 logistic regression, strength 1, on normal scores and their
    within-query deviations.

    A reference that has seen every label of the training queries, not a bound. Rows without a
    label (NaN) set the scale of the features only.
    """
    maps = ScoreMaps.fit(train)

    def columns(scores: Floats, of: Queries) -> Floats:
        z = maps.normals(scores)[:, maps.usable]
        filled = np.nan_to_num(z)
        return np.hstack([filled, np.nan_to_num(z - of.means(z))]) if grouped else filled

    features, other = columns(train, train_queries), columns(test, queries)
    centre, scale = features.mean(axis=0), features.std(axis=0)
    scale[scale == 0] = 1.0
    features, other = ((part - centre) / scale for part in (features, other))
    precision = np.concatenate([[1e-9], np.ones(features.shape[1])])
    with_constant = np.column_stack([np.ones(len(features)), features])
    labelled = ~np.isnan(labels)
    weights = fit_map(
        with_constant[labelled], labels[labelled], np.zeros(len(precision)), precision
    ).mode
    return np.asarray(
        np.where(np.isnan(test).all(axis=1), np.nan, weights[0] + other @ weights[1:])
    )


def _over(statistic: Callable[..., Floats], train: Floats) -> Floats:
    """Return a statistic of each column, NaN where it has no scores."""
    scored = ~np.isnan(train).all(axis=0)
    values = np.full(train.shape[1], np.nan)
    values[scored] = statistic(train[:, scored], axis=0)
    return values


def _mean_of_known(values: Floats) -> Floats:
    present = np.isfinite(values)
    with np.errstate(invalid="ignore"):
        return np.asarray(
            np.where(present, values, 0.0).sum(axis=1)
            / np.where(present.any(axis=1), present.sum(axis=1), np.nan)
        )
