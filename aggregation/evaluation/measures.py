"""How good scores and probabilities are, given labels."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
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
    top = tops(scores, queries)
    return np.asarray(queries.sums(top * labels) / queries.sums(top.astype(float)))


def tops(scores: Floats, queries: Queries) -> npt.NDArray[np.bool_]:
    """Return the rows with the highest score of their query, all that tie."""
    ranked = np.where(np.isnan(scores), -np.inf, scores)
    best = np.repeat(np.maximum.reduceat(ranked, queries.starts[:-1]), queries.sizes)
    return np.asarray((ranked >= best - EQUAL * np.maximum(1.0, np.abs(best))) | (ranked == best))


def chances_to_be_chosen(scores: Floats, queries: Queries) -> Floats:
    """Return each row's chance to be its query's choice: 1 for a top alone, shared in a tie."""
    top = tops(scores, queries).astype(float)
    return np.asarray(top / np.repeat(queries.sums(top), queries.sizes))


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


def squared_errors(probability: Floats, labels: Floats) -> Floats:
    """Return (p - y)^2 of each row (its mean is the Brier score); NaN without a probability.

    A soft label is y as it stands.
    """
    return np.asarray((probability - labels) ** 2)


def calibration_bins(
    probability: Floats, labels: Floats, bins: int = 10, weights: Floats | None = None
) -> tuple[Floats, Floats, Floats]:
    """Return, for each equal-width bin: rows, mean probability, true share (NaN if empty).

    `weights`: how often each row counts; a label of weight 0 may be unknown.
    """
    weights = np.ones(len(probability)) if weights is None else weights
    present = ~np.isnan(probability) & (weights > 0)
    probability, labels, weights = probability[present], labels[present], weights[present]
    place = np.minimum((probability * bins).astype(int), bins - 1)
    rows = np.bincount(place, weights, minlength=bins).astype(float)
    with np.errstate(invalid="ignore", divide="ignore"):
        predicted = np.bincount(place, weights * probability, minlength=bins) / rows
        true = np.bincount(place, weights * labels, minlength=bins) / rows
    return rows, predicted, true


def expected_calibration_error(
    probability: Floats, labels: Floats, bins: int = 10, weights: Floats | None = None
) -> float:
    """Return the mean distance of predicted and true shares over equal bins, weighted by rows."""
    rows, predicted, true = calibration_bins(probability, labels, bins, weights)
    return (
        float(np.nansum(rows * np.abs(predicted - true)) / rows.sum())
        if rows.sum()
        else float("nan")
    )


def log_losses(log_odds: Floats, labels: Floats) -> Floats:
    """Return each row's log loss."""
    return np.asarray(np.logaddexp(0, log_odds) - labels * log_odds)
