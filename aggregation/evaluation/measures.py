"""How good scores and probabilities are, given labels."""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata

from assay.aggregation.matrix import Floats
from assay.aggregation.statistics.queries import Queries

EQUAL = 1e-12


def soft_labels(labels: Floats) -> int:
    """Return how many labels lie between 0 and 1."""
    return int(((labels > 0) & (labels < 1)).sum())


def selection_by_query(scores: Floats, labels: Floats, queries: Queries) -> Floats:
    """Return each query's chance that its top candidate is correct; ties count in the mean.

    Queries adjacent; a candidate without a score (NaN) is chosen only if none has one. A soft label
    is the chance that its candidate is correct.
    """
    ranked = np.where(np.isnan(scores), -np.inf, scores)
    best = np.repeat(np.maximum.reduceat(ranked, queries.starts[:-1]), queries.sizes)
    top = (ranked >= best - EQUAL * np.maximum(1.0, np.abs(best))) | (ranked == best)
    return np.asarray(queries.sums(top * labels) / queries.sums(top.astype(float)))


def oracle_by_query(labels: Floats, queries: Queries) -> Floats:
    """Return the chance of each query's best candidate: 1 where it has a correct one."""
    return np.maximum.reduceat(labels, queries.starts[:-1])


def auc(scores: Floats, labels: Floats, weights: Floats | None = None) -> float:
    """Return the chance that a correct candidate outscores a wrong one, ties half.

    NaN where a class is missing.

    A soft label is correct in part, and wrong in part, but makes no pair with itself. `weights`:
    how often each row counts, for a bootstrap.
    """
    present = ~np.isnan(scores)
    scores, share = scores[present], np.asarray(labels[present], np.float64)
    right = share > 0.5
    if weights is None and (right != share).any():
        weights = np.ones(len(labels))
    if weights is None:
        positives, negatives = int(right.sum()), int((~right).sum())
        if not positives or not negatives:
            return float("nan")
        ranks = rankdata(scores)
        return float(
            (ranks[right].sum() - positives * (positives + 1) / 2) / (positives * negatives)
        )
    weights = weights[present]
    _, place = np.unique(scores, return_inverse=True)
    good = np.bincount(place, weights * share)
    bad = np.bincount(place, weights * (1 - share))
    itself = float((weights * share * (1 - share)).sum())
    total = float(good.sum() * bad.sum()) - itself
    below = np.cumsum(bad) - bad
    ordered = float((good * (below + bad / 2)).sum()) - itself / 2
    return ordered / total if total > EQUAL else float("nan")


def auc_within(scores: Floats, labels: Floats, queries: Queries) -> float:
    """Return the mean over queries of the AUC within them; NaN where no query has both classes."""
    values = [
        auc(scores[low:high], labels[low:high])
        for low, high in zip(queries.starts[:-1], queries.starts[1:], strict=True)
        if 0 < labels[low:high].sum() < high - low
    ]
    values = [value for value in values if not np.isnan(value)]
    return float(np.mean(values)) if values else float("nan")


def squared_errors(probability: Floats, labels: Floats) -> Floats:
    """Return (p - y)^2 of each row (its mean is the Brier score); NaN without a probability.

    A soft label is y as it stands.
    """
    return np.asarray((probability - labels) ** 2)


def calibration_bins(
    probability: Floats, labels: Floats, bins: int = 10
) -> tuple[Floats, Floats, Floats]:
    """Return, for each equal-width bin: rows, mean probability, true share (NaN if empty)."""
    present = ~np.isnan(probability)
    place = np.minimum((probability[present] * bins).astype(int), bins - 1)
    rows = np.bincount(place, minlength=bins).astype(float)
    with np.errstate(invalid="ignore", divide="ignore"):
        predicted = np.bincount(place, probability[present], minlength=bins) / rows
        true = np.bincount(place, labels[present], minlength=bins) / rows
    return rows, predicted, true


def expected_calibration_error(probability: Floats, labels: Floats, bins: int = 10) -> float:
    """Return the mean distance of predicted and true shares over equal bins, weighted by rows."""
    rows, predicted, true = calibration_bins(probability, labels, bins)
    return (
        float(np.nansum(rows * np.abs(predicted - true)) / rows.sum())
        if rows.sum()
        else float("nan")
    )


def log_losses(log_odds: Floats, labels: Floats) -> Floats:
    """Return each row's log loss."""
    return np.asarray(np.logaddexp(0, log_odds) - labels * log_odds)
